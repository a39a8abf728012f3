//! How long a text is on a network, and where it is cut.
//!
//! **Source**: 3GPP TS 23.038 (default alphabet and its extension), 23.040 (140 bytes a message,
//! 134 with the header of a part).

use encoding_rs::EUC_KR;

/// The default alphabet of GSM, one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension: an escape and a septet, never cut apart.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// How a text is coded on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Septets: 160 in one message, 153 in each of several.
    Gsm7,
    /// UTF-16: 70 units in one message, 67 in each of several.
    Ucs2,
}

/// A text cut into messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segments {
    /// How it is coded.
    pub encoding: Encoding,
    /// The parts, in order; one empty part for an empty text.
    pub parts: Vec<String>,
}

/// Cuts `text` as a phone does: never inside a surrogate pair or an escape pair.
#[must_use]
pub fn segments(text: &str) -> Segments {
    let gsm7 = text.chars().all(|c| septets(c).is_some());
    let (encoding, single, several) =
        if gsm7 { (Encoding::Gsm7, 160, 153) } else { (Encoding::Ucs2, 70, 67) };
    let width = |c: char| if gsm7 { septets(c).unwrap_or(2) } else { c.len_utf16() };
    if text.chars().map(width).sum::<usize>() <= single {
        return Segments { encoding, parts: vec![text.to_owned()] };
    }
    let mut parts = vec![String::new()];
    let mut used = 0;
    for c in text.chars() {
        if used + width(c) > several {
            parts.push(String::new());
            used = 0;
        }
        used += width(c);
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    Segments { encoding, parts }
}

/// Length of `text` in UTF-16 units.
#[must_use]
pub fn ucs2_units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Length of `text` in EUC-KR bytes (with the extension of code page 949, as Korean phones have it).
/// A character outside it counts as two.
#[must_use]
pub fn euc_kr_bytes(text: &str) -> usize {
    text.chars().map(|c| euc_kr_width(c).unwrap_or(2)).sum()
}

/// Bytes of `c` in EUC-KR, `None` if it has none there.
pub(super) fn euc_kr_width(c: char) -> Option<usize> {
    if c.is_ascii() {
        return Some(1);
    }
    let mut buffer = [0; 4];
    let (bytes, _, unmappable) = EUC_KR.encode(c.encode_utf8(&mut buffer));
    (!unmappable).then_some(bytes.len())
}

fn septets(c: char) -> Option<usize> {
    if BASIC.contains(c) {
        Some(1)
    } else if EXTENSION.contains(c) {
        Some(2)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lengths(text: &str) -> Vec<usize> {
        segments(text).parts.iter().map(|part| part.chars().count()).collect()
    }

    #[test]
    fn cuts_where_the_networks_do() {
        assert_eq!(lengths(""), [0]);
        assert_eq!(lengths(&"a".repeat(160)), [160]);
        assert_eq!(lengths(&"a".repeat(161)), [153, 8]);
        assert_eq!(lengths(&"가".repeat(70)), [70]);
        assert_eq!(lengths(&"가".repeat(80)), [67, 13]);
        assert_eq!(segments("가").encoding, Encoding::Ucs2);
        assert_eq!(segments("a€").encoding, Encoding::Gsm7);
        assert_eq!(segments("`").encoding, Encoding::Ucs2);
    }

    #[test]
    fn never_cuts_a_pair() {
        // 66 units, then a pair: it does not fit the 67th, so the part stays one short.
        assert_eq!(lengths(&format!("{}🚕{}", "가".repeat(66), "가".repeat(20))), [66, 21]);
        assert_eq!(lengths(&format!("{}€{}", "a".repeat(152), "a".repeat(20))), [152, 21]);
    }

    #[test]
    fn euc_kr_counts_two_for_hangul() {
        assert_eq!(euc_kr_bytes("강남역 11번 출구"), 16);
        assert_eq!(euc_kr_bytes("…→"), 4);
        assert_eq!(euc_kr_width('🚕'), None);
        assert_eq!(euc_kr_width('뷁'), Some(2));
    }

    proptest! {
        #[test]
        fn parts_fit_and_join_to_the_text(text in "[a-z€{}가-힣🚕é\\n]{0,400}") {
            let Segments { encoding, parts } = segments(&text);
            prop_assert_eq!(parts.concat(), text);
            let several = parts.len() > 1;
            for part in &parts {
                let (length, most) = match encoding {
                    Encoding::Gsm7 => (part.chars().filter_map(septets).sum(), if several { 153 } else { 160 }),
                    Encoding::Ucs2 => (ucs2_units(part), if several { 67 } else { 70 }),
                };
                prop_assert!(length <= most);
            }
        }
    }
}
