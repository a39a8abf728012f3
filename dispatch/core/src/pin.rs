//! The boarding PIN and the booking code: both follow from the booking's id, so that every node knows them
//! without asking another.
//!
//! The PIN stops mistakes, not fraud: it has 10,000 values. A device gets a verifier salted with the
//! assignment, checks it without a network, and allows five tries.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::ids::{AssignmentId, BookingId};

/// Tries at boarding before the rider is let in unverified and an operator sees it.
pub const PIN_TRIES: u8 = 5;

/// The secret that central and its edges share for PINs.
#[derive(Clone)]
pub struct PinKey(pub [u8; 32]);

impl std::fmt::Debug for PinKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PinKey(…)")
    }
}

impl PinKey {
    /// The four digits that the rider of `booking` says at boarding.
    ///
    /// # Panics
    ///
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn pin(&self, booking: BookingId) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(b"ondol-pin");
        mac.update(booking.0.as_bytes());
        let digest = mac.finalize().into_bytes();
        let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % 10_000;
        format!("{number:04}")
    }
}

/// What a device holds to recognise `pin` for `assignment`: 16 hexadecimal digits.
#[must_use]
pub fn pin_verifier(assignment: &AssignmentId, pin: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"ondol-pin-verifier");
    hasher.update(assignment.to_string().as_bytes());
    hasher.update([0]);
    hasher.update(pin.as_bytes());
    hasher.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Letters of a code: no I, L, O, U or Z, which are misheard or misread; 31 of them, because a prime number
/// makes the check letter notice every slip.
const LETTERS: &[u8; 31] = b"0123456789ABCDEFGHJKMNPQRSTVWXY";

/// The booking's code for people: three letters and a check letter.
///
/// It is not unique for ever: it names a booking among the open ones of a number or of a console.
#[must_use]
pub fn booking_code(booking: BookingId) -> String {
    let digest = Sha256::digest(booking.0.as_bytes());
    let values: Vec<usize> = digest[..3].iter().map(|byte| usize::from(byte % 31)).collect();
    let check = check_letter(&values);
    values.iter().chain(std::iter::once(&check)).map(|value| char::from(LETTERS[*value])).collect()
}

/// True if `code` is four letters whose last one checks the others. Any single wrong letter, and any two
/// neighbours swapped, are noticed.
#[must_use]
pub fn is_booking_code(code: &str) -> bool {
    let values: Option<Vec<usize>> =
        code.bytes().map(|b| LETTERS.iter().position(|letter| *letter == b)).collect();
    values.is_some_and(|values| values.len() == 4 && check_letter(&values[..3]) == values[3])
}

/// The weights and their differences are not multiples of 31, which the promise of [`is_booking_code`] needs.
fn check_letter(values: &[usize]) -> usize {
    values.iter().zip([1, 3, 5]).map(|(value, weight)| value * weight).sum::<usize>() % 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_four_digits_and_differs_between_keys() {
        let booking = BookingId::from_number(7);
        let pin = PinKey([1; 32]).pin(booking);
        assert!(pin.len() == 4 && pin.bytes().all(|b| b.is_ascii_digit()));
        assert_ne!(pin, PinKey([2; 32]).pin(booking));
        assert_eq!(pin, PinKey([1; 32]).pin(booking));
    }

    #[test]
    fn a_verifier_serves_one_assignment() {
        let first: AssignmentId = "a:1:1".parse().unwrap();
        let second: AssignmentId = "a:1:2".parse().unwrap();
        assert_ne!(pin_verifier(&first, "0000"), pin_verifier(&second, "0000"));
        assert_ne!(pin_verifier(&first, "0000"), pin_verifier(&first, "0001"));
    }

    #[test]
    fn codes_notice_slips() {
        let code = booking_code(BookingId::from_number(99));
        assert!(is_booking_code(&code), "{code}");
        assert!(!is_booking_code("ABC") && !is_booking_code("ÄBCD") && !is_booking_code(""));
        for position in 0..4 {
            for letter in LETTERS {
                let mut slip = code.clone().into_bytes();
                slip[position] = *letter;
                let slip = String::from_utf8(slip).unwrap();
                assert_eq!(is_booking_code(&slip), slip == code, "{code} {slip}");
            }
        }
        for position in 0..3 {
            let mut slip = code.clone().into_bytes();
            slip.swap(position, position + 1);
            let slip = String::from_utf8(slip).unwrap();
            assert_eq!(is_booking_code(&slip), slip == code, "{code} {slip}");
        }
    }
}
