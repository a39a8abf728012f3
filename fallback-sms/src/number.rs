//! Telephone numbers as carriers write them, in one form.

use thiserror::Error;

/// A sender that is no number of a country we serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidNumber {
    /// Letters, a short code, or not 8 to 15 digits.
    #[error("the sender is no telephone number")]
    NoNumber,
    /// A country that is not on the list.
    #[error("the number's country is not on the list countries")]
    Country,
}

/// Returns `raw` in E.164 (`+821012345678`).
///
/// `countries` are calling codes with their plus sign; a national number (`010-1234-5678`) belongs
/// to the first.
///
/// # Errors
///
/// [`InvalidNumber`] if it is a name, a short code or a number of another country: such senders
/// are never answered.
pub fn e164(raw: &str, countries: &[String]) -> Result<String, InvalidNumber> {
    let bare: String = raw.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.')).collect();
    let digits_only = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let number = match bare.strip_prefix('+').or_else(|| bare.strip_prefix("00")) {
        Some(international) if digits_only(international) => format!("+{international}"),
        Some(_) => return Err(InvalidNumber::NoNumber),
        None => match (bare.strip_prefix('0'), countries.first()) {
            (Some(national), Some(country)) if digits_only(national) => format!("{country}{national}"),
            _ => return Err(InvalidNumber::NoNumber),
        },
    };
    if !(8..=15).contains(&(number.len() - 1)) || number.starts_with("+0") {
        return Err(InvalidNumber::NoNumber);
    }
    if countries.iter().any(|country| number.starts_with(country.as_str())) {
        Ok(number)
    } else {
        Err(InvalidNumber::Country)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_short_codes_and_other_countries_are_refused() {
        let korea = ["+82".to_owned()];
        for raw in ["KAKAO", "", "1588", "+", "+12", "+8210x2345678", "114", "0", "+0101234567", "12345678"] {
            assert_eq!(e164(raw, &korea), Err(InvalidNumber::NoNumber), "{raw:?}");
        }
        assert_eq!(e164("+14155550123", &korea), Err(InvalidNumber::Country));
        assert_eq!(e164("+8210123456789012", &korea), Err(InvalidNumber::NoNumber));
    }

    #[test]
    fn one_number_has_one_form() {
        let korea = ["+82".to_owned()];
        for raw in ["+821012345678", "00821012345678", "010-1234-5678", "01012345678", "+82 10 1234 5678"] {
            assert_eq!(e164(raw, &korea).as_deref(), Ok("+821012345678"), "{raw}");
        }
    }
}
