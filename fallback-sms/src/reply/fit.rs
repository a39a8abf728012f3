//! Names made short enough, and safe to send.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;

use super::encoding::{euc_kr_bytes, euc_kr_width, ucs2_units};
use super::templates::{Template, Value};

/// What is left of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// UCS-2 units.
    pub units: usize,
    /// EUC-KR bytes.
    pub bytes: usize,
}

const ELLIPSIS: char = '…';

/// Returns `value` with nothing in it that a phone could not show or could follow: characters
/// outside EUC-KR lose their accents or become `?`, line breaks become spaces (a list keeps its
/// own), and a web address is no longer one.
pub(super) fn clean(value: &str, kind: Value) -> String {
    let keeps_lines = kind == Value::List;
    let mut clean = String::new();
    for c in value.chars().take(500) {
        if c == '\n' && keeps_lines {
            clean.push('\n');
        } else if c.is_whitespace() || c.is_control() {
            clean.push(' ');
        } else if euc_kr_width(c).is_some() {
            clean.push(c);
        } else {
            let base = c.nfd().next().filter(|base| euc_kr_width(*base).is_some());
            clean.push(base.unwrap_or('?'));
        }
    }
    match kind {
        Value::Name | Value::List => without_links(&clean),
        Value::Code
        | Value::FourDigits
        | Value::Plate
        | Value::Count
        | Value::Stand
        | Value::Fare
        | Value::Letter
        | Value::Time
        | Value::Phone
        | Value::Emergency => clean.trim().to_owned(),
    }
}

/// Keeps the end of a number plate that is longer than a text has room for: people look for the last digits.
pub(super) fn plate(kind: Value, clean: String) -> String {
    match kind.max_bytes() {
        Some(max_bytes) if kind == Value::Plate && euc_kr_bytes(&clean) > max_bytes => {
            let mut bytes = euc_kr_width(ELLIPSIS).unwrap_or(2);
            let kept = clean.chars().rev().take_while(|c| {
                bytes += euc_kr_width(*c).unwrap_or(2);
                bytes <= max_bytes
            });
            let end: Vec<char> = kept.collect();
            std::iter::once(ELLIPSIS).chain(end.into_iter().rev()).collect()
        }
        Some(_) | None => clean,
    }
}

/// Phones make a link of `a.b` and of `x://`: the dot between two letters and the slashes go.
fn without_links(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut safe = String::new();
    for (index, c) in chars.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|i| chars.get(i));
        let after = chars.get(index + 1);
        let touches = |side: Option<&char>| side.is_some_and(|c| c.is_alphanumeric());
        let links = (*c == '.' && touches(before) && after.is_some_and(|c| c.is_alphabetic()))
            || (*c == ':' && after == Some(&'/'))
            || *c == '@';
        safe.push(if links { ' ' } else { *c });
    }
    safe.trim().to_owned()
}

/// Shares the room among the values: the shortest take what they need, the rest share what is left.
pub(super) fn share<'a>(
    template: &Template,
    values: &BTreeMap<&'a str, String>,
    room: Room,
) -> BTreeMap<&'a str, String> {
    let mut fitted: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in values {
        if template.value(name) == Some(Value::List) {
            fitted.insert(name, list(value, room));
        }
    }
    let names: Vec<(&&str, &String)> =
        values.iter().filter(|(name, _)| !fitted.contains_key(**name)).collect();
    let texts: Vec<&str> = names.iter().map(|(_, value)| value.as_str()).collect();
    for ((name, _), short) in names.iter().zip(shorten_all(&texts, room)) {
        fitted.insert(name, short);
    }
    fitted
}

/// `\n1 …\n2 …`, at most four lines.
fn list(lines: &str, room: Room) -> String {
    let options: Vec<&str> = lines.lines().take(4).collect();
    let frame = 3 * options.len();
    let room = Room { units: room.units.saturating_sub(frame), bytes: room.bytes.saturating_sub(frame) };
    let mut made = String::new();
    for (index, option) in shorten_all(&options, room).iter().enumerate() {
        made.push_str(&format!("\n{} {option}", index + 1));
    }
    made
}

fn shorten_all(texts: &[&str], room: Room) -> Vec<String> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|index| euc_kr_bytes(texts[*index]));
    let mut short = vec![String::new(); texts.len()];
    let mut left = room;
    for (done, index) in order.iter().enumerate() {
        let sharers = texts.len() - done;
        let mine = Room { units: left.units / sharers, bytes: left.bytes / sharers };
        let text = shorten(texts[*index], mine);
        left.units -= ucs2_units(&text);
        left.bytes -= euc_kr_bytes(&text);
        short[*index] = text;
    }
    short
}

/// Cuts the middle out, because exits and house numbers stand at the end: `국립중앙박…2번 출구`.
fn shorten(text: &str, room: Room) -> String {
    if ucs2_units(text) <= room.units && euc_kr_bytes(text) <= room.bytes {
        return text.to_owned();
    }
    if room.units < 1 || room.bytes < 2 {
        return String::new();
    }
    let chars: Vec<char> = text.chars().collect();
    let (mut units, mut bytes) = (room.units - 1, room.bytes - 2);
    let (mut head, mut tail) = (0, 0);
    while head + tail < chars.len() {
        // Two characters from the front for each from the back.
        let from_front = head <= 2 * tail;
        let c = if from_front { chars[head] } else { chars[chars.len() - 1 - tail] };
        let (need_units, need_bytes) = (c.len_utf16(), euc_kr_width(c).unwrap_or(2));
        if need_units > units || need_bytes > bytes {
            break;
        }
        units -= need_units;
        bytes -= need_bytes;
        if from_front { head += 1 } else { tail += 1 }
    }
    let front: String = chars[..head].iter().collect();
    let back: String = chars[chars.len() - tail..].iter().collect();
    format!("{}{ELLIPSIS}{}", front.trim_end(), back.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end_of_a_long_name() {
        let room = Room { units: 70, bytes: 20 };
        assert_eq!(shorten("국립중앙박물관 서관 나들길 2번 출구", room), "국립중앙박물…출구");
        assert_eq!(shorten("강남역", room), "강남역");
        assert_eq!(shorten("강남역", Room { units: 0, bytes: 0 }), "");
        for bytes in 0..40 {
            let short = shorten("Seoul National University Hospital Gate 3", Room { units: 30, bytes });
            assert!(euc_kr_bytes(&short) <= bytes && ucs2_units(&short) <= 30, "{short:?}");
        }
    }

    #[test]
    fn a_name_cannot_carry_a_link_or_a_picture() {
        assert_eq!(clean("http://evil.com/x\ny", Value::Name), "http //evil com/x y");
        assert_eq!(clean("Café 🚕", Value::Name), "Cafe ?");
        assert_eq!(clean("St. Mary's 2.5", Value::Name), "St. Mary's 2.5");
        assert_eq!(clean("a\nb", Value::List), "a\nb");
    }

    #[test]
    fn a_long_plate_keeps_its_end() {
        let plate = |text: &str| plate(Value::Plate, text.to_owned());
        assert_eq!(plate("서울33바1234"), "서울33바1234");
        assert_eq!(plate("LONDON-TAXI-AB12CDEF"), "…I-AB12CDEF");
        assert_eq!(plate("서울특별시33바1234"), "…시33바1234");
    }

    #[test]
    fn the_short_leave_their_room_to_the_long() {
        let room = Room { units: 100, bytes: 30 };
        assert_eq!(shorten_all(&["Seoul Station Exit 11", "City"], room), ["Seoul Station Exit 11", "City"]);
    }
}
