//! What may follow a verb: places, people, times, numbers.

use super::{BookFields, PLACE_MAX_CHARS, PlaceWord, ReadingProblem, TimeOfDay};

const ARROWS: &[&str] = &["-->", "->", "=>", "→", "⇒", "➔", "➜", "➡", "▶", ">"];
const HOME: &[&str] = &["집", "우리집", "home"];
const WORK: &[&str] = &["회사", "직장", "work", "office"];
const LAST: &[&str] = &["마지막", "지난번", "last"];
/// Words of politeness at the end of a booking; they name no place.
const POLITE: &[&str] = &[
    "부탁해요",
    "부탁합니다",
    "부탁드려요",
    "부탁드립니다",
    "보내주세요",
    "보내줘요",
    "보내줘",
    "불러주세요",
    "와주세요",
    "please",
    "pls",
    "plz",
];
const PASSENGER_UNITS: &[&str] = &["명", "인", "p", "pax"];

/// Reads the fields of a booking from what follows `택시` or `TAXI`.
pub(super) fn book(rest: &str, problems: &mut Vec<ReadingProblem>) -> BookFields {
    let mut spaced = rest.to_owned();
    for arrow in ARROWS {
        spaced = spaced.replace(arrow, " \u{1f} ");
    }
    let mut passengers = None;
    let mut at = None;
    let mut parts: Vec<Vec<&str>> = vec![Vec::new()];
    let mut tokens = spaced.split_whitespace().peekable();
    while let Some(token) = tokens.next() {
        if token == "\u{1f}" {
            parts.push(Vec::new());
        } else if let Some(time) = token.strip_prefix('@') {
            let time = if time.is_empty() { tokens.next().unwrap_or("") } else { time };
            at = time_of_day(time);
            note_unless(at.is_some(), ReadingProblem::BadTime, problems);
        } else if let Some(count) = people(token, tokens.peek().copied()) {
            if count.took_unit_token {
                tokens.next();
            }
            passengers = u8::try_from(count.people).ok().filter(|people| (1..=8).contains(people));
            note_unless(passengers.is_some(), ReadingProblem::BadPassengers, problems);
        } else if let Some(part) = parts.last_mut() {
            part.push(token);
        }
    }
    note_unless(parts.len() <= 2, ReadingProblem::TooManyArrows, problems);
    let pickup = place(&parts[0], problems);
    let destination = parts.get(1).map(|tokens| place(tokens, problems));
    let destination = match destination {
        Some(PlaceWord::Missing) => {
            problems.push(ReadingProblem::DestinationMissing);
            None
        }
        told_or_not => told_or_not,
    };
    BookFields { pickup, destination, passengers, at }
}

fn note_unless(fine: bool, problem: ReadingProblem, problems: &mut Vec<ReadingProblem>) {
    if !fine && !problems.contains(&problem) {
        problems.push(problem);
    }
}

fn place(tokens: &[&str], problems: &mut Vec<ReadingProblem>) -> PlaceWord {
    let polite =
        tokens.iter().rev().take_while(|token| POLITE.contains(&bare(token).to_lowercase().as_str()));
    let tokens = &tokens[..tokens.len() - polite.count()];
    let joined = tokens.join(" ");
    let name = bare(&joined);
    let folded = name.to_lowercase();
    if name.is_empty() {
        PlaceWord::Missing
    } else if HOME.contains(&folded.as_str()) {
        PlaceWord::Home
    } else if WORK.contains(&folded.as_str()) {
        PlaceWord::Work
    } else if LAST.contains(&folded.as_str()) {
        PlaceWord::Last
    } else if let Some(number) = name.strip_prefix('#') {
        match stand(number) {
            Some(code) => PlaceWord::Stand(code),
            None => {
                note_unless(false, ReadingProblem::BadStand, problems);
                named(name, problems)
            }
        }
    } else if let Some(code) = name.strip_prefix("승강장").and_then(stand) {
        PlaceWord::Stand(code)
    } else if let Some(code) = name.strip_suffix("승강장").and_then(stand) {
        PlaceWord::Stand(code)
    } else {
        named(name, problems)
    }
}

fn named(name: &str, problems: &mut Vec<ReadingProblem>) -> PlaceWord {
    note_unless(name.chars().nth(PLACE_MAX_CHARS).is_none(), ReadingProblem::PlaceTooLong, problems);
    PlaceWord::Named(name.chars().take(PLACE_MAX_CHARS).collect())
}

/// Without the quotes and full stops around a name.
fn bare(name: &str) -> &str {
    name.trim_matches(['"', '\'', ',', ' ', '<', '>']).trim_end_matches(['.', '!', ',', '~', '?', ' '])
}

struct People {
    people: u32,
    took_unit_token: bool,
}

/// `2명`, `2인`, `2p`, `2 명`.
fn people(token: &str, next: Option<&str>) -> Option<People> {
    let digits: String = token.chars().take_while(char::is_ascii_digit).collect();
    if digits.is_empty() || digits.len() > 3 {
        return None;
    }
    let people = digits.parse().ok()?;
    let unit = token[digits.len()..].to_lowercase();
    if PASSENGER_UNITS.contains(&unit.as_str()) {
        Some(People { people, took_unit_token: false })
    } else if unit.is_empty() && next == Some("명") {
        Some(People { people, took_unit_token: true })
    } else {
        None
    }
}

/// `18:30`, `1830`, `9:05`, `18시`, `18시30분`.
fn time_of_day(text: &str) -> Option<TimeOfDay> {
    let (hour, minute) = if let Some((hour, minute)) = text.split_once(':') {
        (hour, minute)
    } else if let Some((hour, minute)) = text.split_once('시') {
        (hour, if minute.is_empty() { "00" } else { minute.strip_suffix('분').unwrap_or(minute) })
    } else if text.len() == 4 && text.is_ascii() {
        text.split_at(2)
    } else {
        return None;
    };
    let well_formed = (1..=2).contains(&hour.len())
        && minute.len() == 2
        && hour.bytes().chain(minute.bytes()).all(|b| b.is_ascii_digit());
    if !well_formed {
        return None;
    }
    let time = TimeOfDay { hour: hour.parse().ok()?, minute: minute.parse().ok()? };
    (time.hour < 24 && time.minute < 60).then_some(time)
}

/// The whole line is digits (`1`, `4821`, `1번`), at most 8.
pub(super) fn only_digits(line: &str) -> Option<String> {
    let digits = line.strip_suffix('번').unwrap_or(line).trim_end_matches(['.', '!', ')']).replace(' ', "");
    let fine = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fine.then_some(digits)
}

/// The whole line is `#12`.
pub(super) fn lone_stand(line: &str) -> Option<u16> {
    stand(line.strip_prefix('#')?.trim_end_matches(['.', '!']))
}

/// A stand's painted number, 1 to 9999, with or without `#` and `번`.
pub(super) fn stand(text: &str) -> Option<u16> {
    let text = text.trim();
    let digits = text.strip_prefix('#').unwrap_or(text).trim();
    let digits = digits.strip_suffix('번').unwrap_or(digits).trim();
    let fine = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if fine { digits.parse().ok().filter(|code| *code > 0) } else { None }
}

/// One letter A–Z.
pub(super) fn letter(text: &str) -> Option<char> {
    let mut chars = text.trim().trim_end_matches(['.', '!']).chars();
    match (chars.next(), chars.next()) {
        (Some(letter), None) if letter.is_ascii_alphabetic() => Some(letter.to_ascii_uppercase()),
        _ => None,
    }
}

/// Four digits.
pub(super) fn pin(text: &str) -> Option<String> {
    let digits = text.trim().trim_end_matches(['.', '!']).replace(' ', "");
    (digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

/// `12400`, `12,400`, `12400원`, `24.50` (a currency with cents), below ten million.
pub(super) fn fare(text: &str) -> Option<u32> {
    let text = text.trim().trim_end_matches('!');
    let text = text.strip_suffix('원').unwrap_or(text).trim().trim_start_matches(['$', '₩']);
    let cents_fine = text.split_once('.').is_none_or(|(_, cents)| cents.len() == 2);
    let digits: String = text.chars().filter(|c| !matches!(c, ',' | '.')).collect();
    let fine = cents_fine
        && (1..=7).contains(&digits.len())
        && text.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit());
    if fine { digits.parse().ok() } else { None }
}

/// A booking's four characters, upper case.
pub(super) fn booking_code(text: &str) -> Option<String> {
    let code = text.trim().trim_end_matches(['.', '!']);
    let fine = code.len() == 4 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    // "C u later" and "Cancel that" are no codes: one of ours has a digit in it or is in capitals.
    let looks_made = code.bytes().any(|b| b.is_ascii_digit()) || code.bytes().all(|b| b.is_ascii_uppercase());
    (fine && looks_made).then(|| code.to_ascii_uppercase())
}

/// Splits a trailing `*1234` off a driver's command.
pub(super) fn split_driver_code(rest: &str) -> (&str, Option<String>) {
    let (before, last) = rest.rsplit_once(' ').unwrap_or(("", rest));
    match last.strip_prefix('*') {
        Some(code) if (4..=6).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit()) => {
            (before, Some(code.to_owned()))
        }
        _ => (rest, None),
    }
}
