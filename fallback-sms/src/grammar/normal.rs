//! One spelling for what phones write in many: full-width letters, loose Hangul, odd spaces.

use unicode_normalization::UnicodeNormalization;

use super::TEXT_MAX_CHARS;

/// Returns `raw` in one line with single spaces, composed and half-width, and whether it was cut.
///
/// Source: Unicode compatibility composition (NFKC) turns `＃１２` into `#12`, `①` into `1` and
/// conjoining jamo into syllables.
pub(super) fn one_line(raw: &str) -> (String, bool) {
    let mut too_long = raw.chars().nth(TEXT_MAX_CHARS).is_some();
    let mut line = String::new();
    let mut length = 0;
    let mut space_due = false;
    for c in raw.chars().take(TEXT_MAX_CHARS).nfkc() {
        if length >= TEXT_MAX_CHARS {
            too_long = true;
            break;
        }
        if is_invisible(c) {
            continue;
        }
        if c.is_whitespace() || c.is_control() {
            space_due = length > 0;
            continue;
        }
        if space_due {
            line.push(' ');
            length += 1;
            space_due = false;
        }
        line.push(match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            '\u{2018}' | '\u{2019}' => '\'',
            '\u{201c}' | '\u{201d}' | '\u{300c}' | '\u{300d}' => '"',
            other => other,
        });
        length += 1;
    }
    (line, too_long)
}

/// Tells whether `c` is a composed Hangul syllable or a compatibility jamo (`ㅋ`).
pub(super) fn is_hangul(c: char) -> bool {
    matches!(c, '\u{ac00}'..='\u{d7a3}' | '\u{3131}'..='\u{318e}' | '\u{1100}'..='\u{11ff}')
}

/// Marks of direction and joining, selectors and byte-order marks: they hide in copied text.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
