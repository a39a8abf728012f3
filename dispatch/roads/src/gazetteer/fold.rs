//! The form in which names are compared: what a hurried thumb types equals what the sign says.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest text that is folded, in characters; the rest of a longer one is ignored.
const TEXT_MAX_CHARS: usize = 240;

/// The words of a text in lower case, without accents and punctuation, Hangul as whole syllables.
///
/// `Ringstraße 12` → `ringstrasse`, `12`; `Café São-Bento` → `cafe`, `sao`, `bento`.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut folded = String::new();
    for c in text.chars().take(TEXT_MAX_CHARS).nfkd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'ß' | 'ẞ' => folded.push_str("ss"),
            'æ' | 'Æ' => folded.push_str("ae"),
            'œ' | 'Œ' => folded.push_str("oe"),
            'ø' | 'Ø' => folded.push('o'),
            'đ' | 'Đ' => folded.push('d'),
            'ł' | 'Ł' => folded.push('l'),
            'ı' => folded.push('i'),
            '\'' | '’' | '.' | '\u{200b}'..='\u{200d}' | '\u{feff}' => {}
            c if c.is_alphanumeric() => folded.extend(c.to_lowercase()),
            _ => folded.push(' '),
        }
    }
    // Compatibility forms came apart into single letters; Hangul letters become syllables again.
    let whole: String = folded.nfc().collect();
    whole.split_whitespace().map(str::to_owned).collect()
}

/// The words run together: spacing in Hangul is free (`강남역 11번 출구`, `강남역11번출구`).
pub(crate) fn key(words: &[String]) -> String {
    words.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_search_for() {
        for text in ["", "   ", "!?#-–…", "\u{200b}\u{feff}", "\u{0301}"] {
            assert!(words(text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn spellings_that_are_one() {
        for (a, b) in [
            ("Ringstraße", "RINGSTRASSE"),
            ("Café", "Cafe\u{301}"),
            ("강남역 11번 출구", "강남역11번출구"),
            ("강남역", "강남역"),
            ("St. John's", "st johns"),
            ("São-Bento", "sao bento"),
            ("１２３", "123"),
            ("İstanbul", "istanbul"),
        ] {
            assert_eq!(key(&words(a)), key(&words(b)), "{a} {b}");
        }
    }

    #[test]
    fn words_stay_apart() {
        assert_eq!(words("Ringstraße 12a/3"), ["ringstrasse", "12a", "3"]);
        assert_eq!(words("온돌대로12길 34"), ["온돌대로12길", "34"]);
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(key(&words(&"가".repeat(10_000))).chars().count(), TEXT_MAX_CHARS);
    }
}
