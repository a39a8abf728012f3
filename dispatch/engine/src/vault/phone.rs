//! Phone numbers in one form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Country code of numbers written without one: Korea.
const HOME: &str = "82";

/// A phone number as `+` and 7 to 15 digits (ITU-T E.164).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

/// Text that is not a phone number. It does not repeat the text: that may be somebody's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a phone number has 7 to 15 digits, such as 010-1234-5678 or +821012345678")]
pub struct InvalidPhone;

impl E164 {
    /// The number as text, such as `+821012345678`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number with its middle hidden, such as `+8210****5678`: enough to tell two callers apart.
    #[must_use]
    pub fn masked(&self) -> String {
        let tail = &self.0[self.0.len() - 4..];
        let head = &self.0[..(self.0.len() - 4).min(5)];
        format!("{head}****{tail}")
    }
}

impl FromStr for E164 {
    type Err = InvalidPhone;

    /// Reads a number as people write it: spaces, hyphens, dots and brackets are left out, `00` means `+`,
    /// and a leading `0` means the home country.
    fn from_str(text: &str) -> Result<Self, InvalidPhone> {
        if text.len() > 32 {
            return Err(InvalidPhone);
        }
        let bare: String =
            text.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let digits = if let Some(international) = bare.strip_prefix('+').or_else(|| bare.strip_prefix("00")) {
            international.to_owned()
        } else if let Some(national) = bare.strip_prefix('0') {
            format!("{HOME}{national}")
        } else {
            return Err(InvalidPhone);
        };
        let well_formed = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if well_formed { Ok(Self(format!("+{digits}"))) } else { Err(InvalidPhone) }
    }
}

impl TryFrom<String> for E164 {
    type Error = InvalidPhone;
    fn try_from(text: String) -> Result<Self, InvalidPhone> {
        text.parse()
    }
}

impl From<E164> for String {
    fn from(number: E164) -> String {
        number.0
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_number() {
        for bad in [
            "",
            "0",
            "12345678",
            "+",
            "+82",
            "010-1234-567x",
            "+0101234567",
            "０１０１２３４５６７８",
            "+82 10 1234 5678 9012",
            "010\n12345678",
            &"0".repeat(40),
        ] {
            assert_eq!(bad.parse::<E164>(), Err(InvalidPhone), "{bad:?}");
        }
    }

    #[test]
    fn one_number_has_one_form() {
        for text in
            ["010-1234-5678", "01012345678", "+82 10-1234-5678", "0082 10 1234 5678", " (010) 1234.5678 "]
        {
            assert_eq!(text.parse::<E164>().unwrap().as_str(), "+821012345678", "{text}");
        }
        assert_eq!("02-123-4567".parse::<E164>().unwrap().as_str(), "+8221234567");
    }

    #[test]
    fn debug_output_hides_the_number() {
        let number: E164 = "010-1234-5678".parse().unwrap();
        assert_eq!(format!("{number:?}"), "+8210****5678");
        assert_eq!("+1234567".parse::<E164>().unwrap().masked(), "+123****4567");
    }
}
