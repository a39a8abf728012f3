//! The words that begin a message, per language.

use ondol_messages::Lang;

use super::fields;

/// What a first word asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Book,
    Cancel,
    Status,
    Help,
    Sos,
    Stop,
    On,
    Off,
    At,
    Accept,
    Decline,
    Arrived,
    Boarded,
    Ended,
    Break,
    Problem,
}

/// Words that every language shares: a Korean driver writes ON, too, so they tell no language.
const SHARED: &[(&str, Verb)] = &[
    ("c", Verb::Cancel),
    ("?", Verb::Status),
    ("sos", Verb::Sos),
    ("stop", Verb::Stop),
    ("on", Verb::On),
    ("off", Verb::Off),
    ("at", Verb::At),
    ("h", Verb::Arrived),
    ("p", Verb::Boarded),
    ("e", Verb::Ended),
    ("b", Verb::Break),
    ("x", Verb::Problem),
];

const ENGLISH: &[(&str, Verb)] =
    &[("taxi", Verb::Book), ("cancel", Verb::Cancel), ("status", Verb::Status), ("help", Verb::Help)];

const KOREAN: &[(&str, Verb)] = &[
    ("택시", Verb::Book),
    ("콜", Verb::Book),
    ("취소", Verb::Cancel),
    ("취소요", Verb::Cancel),
    ("취소해", Verb::Cancel),
    ("취소해주세요", Verb::Cancel),
    ("취소할게요", Verb::Cancel),
    ("상태", Verb::Status),
    ("도움", Verb::Help),
    ("도움말", Verb::Help),
    ("살려줘", Verb::Sos),
    ("살려주세요", Verb::Sos),
    ("수신거부", Verb::Stop),
    ("출근", Verb::On),
    ("퇴근", Verb::Off),
    ("대기", Verb::At),
    ("수락", Verb::Accept),
    ("거절", Verb::Decline),
    ("도착", Verb::Arrived),
    ("탑승", Verb::Boarded),
    ("요금", Verb::Ended),
    ("휴식", Verb::Break),
    ("문제", Verb::Problem),
];

/// Words of booking that may be written together with what follows, and letters that take their
/// number without a space (`P4821`).
const GLUED_BOOK: &[(&str, Option<Lang>)] = &[("택시", Some(Lang::Ko)), ("taxi", Some(Lang::En))];
const GLUED_DIGITS: &[(&str, Verb)] =
    &[("on", Verb::On), ("at", Verb::At), ("p", Verb::Boarded), ("e", Verb::Ended), ("c", Verb::Cancel)];

/// A verb and what follows it.
pub(super) struct Found<'a> {
    pub verb: Verb,
    pub lang: Option<Lang>,
    /// The place follows without a space, so the word may be part of another (`택시비`).
    pub glued: bool,
    pub rest: &'a str,
}

/// Finds the verb at the start of a normalised line.
pub(super) fn find_verb(line: &str) -> Option<Found<'_>> {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    let word = fold(first);
    if let Some((verb, lang)) = lookup(&word) {
        return Some(Found { verb, lang, glued: false, rest });
    }
    if let Some(found) = offer_answer(line) {
        return Some(found);
    }
    if fold(&line.replace(' ', "")) == "수신거부" {
        return Some(Found { verb: Verb::Stop, lang: Some(Lang::Ko), glued: false, rest: "" });
    }
    glued(line, first)
}

/// Lower case without the punctuation that people put behind a word.
fn fold(word: &str) -> String {
    let lower = word.to_lowercase();
    let bare = lower.trim_end_matches(['.', '!', ',', '~', ':', ';']);
    let bare =
        if !bare.is_empty() && bare.bytes().all(|b| b == b'?') { "?" } else { bare.trim_end_matches('?') };
    bare.trim_matches(['"', '\'']).to_owned()
}

fn lookup(word: &str) -> Option<(Verb, Option<Lang>)> {
    let tables = [(SHARED, None), (ENGLISH, Some(Lang::En)), (KOREAN, Some(Lang::Ko))];
    tables.into_iter().find_map(|(table, lang)| {
        table.iter().find(|(known, _)| *known == word).map(|(_, verb)| (*verb, lang))
    })
}

/// `1K`, `1 K`, `2k.`, `1K *1234`: the answer to an offer.
fn offer_answer(line: &str) -> Option<Found<'_>> {
    let verb = match line.as_bytes().first() {
        Some(b'1') => Verb::Accept,
        Some(b'2') => Verb::Decline,
        _ => return None,
    };
    let rest = line[1..].trim_start();
    let (letter, _) = fields::split_driver_code(rest);
    fields::letter(letter).map(|_| Found { verb, lang: None, glued: false, rest })
}

fn glued<'a>(line: &'a str, first: &str) -> Option<Found<'a>> {
    for (word, lang) in GLUED_BOOK {
        if let Some(head) = line.get(..word.len())
            && head.to_lowercase() == *word
        {
            let rest = &line[word.len()..];
            let certain = rest.starts_with('#');
            // English words run on ("taxis", "taxiing"): only a stand's number may touch TAXI.
            if certain || *lang == Some(Lang::Ko) {
                return Some(Found { verb: Verb::Book, lang: *lang, glued: !certain, rest });
            }
        }
    }
    for (word, verb) in GLUED_DIGITS {
        if let Some(head) = first.get(..word.len())
            && head.to_lowercase() == *word
            && first[word.len()..].starts_with(|c: char| c.is_ascii_digit() || c == '#')
        {
            return Some(Found { verb: *verb, lang: None, glued: false, rest: &line[word.len()..] });
        }
    }
    None
}
