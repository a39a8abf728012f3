//! How texts and what they ask for are named, so that a text that comes twice acts once.
//!
//! A carrier delivers twice, late and in any order; the process that reads texts dies in between. Each name follows
//! from what names the text itself, keyed so that it does not betray the number.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use crate::planted;
use crate::units::UtcMs;

/// Makes the names of one text process.
#[derive(Clone)]
pub struct TextIds {
    key: [u8; 32],
    node: String,
}

impl std::fmt::Debug for TextIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextIds").field("node", &self.node).finish_non_exhaustive()
    }
}

impl TextIds {
    /// Returns the maker of names of the text process `node`, with the key its store keeps.
    #[must_use]
    pub fn new(key: [u8; 32], node: &str) -> Self {
        Self { key, node: node.to_owned() }
    }

    /// The name of a text that came from `from`, by the moment at which its centre took it and by what it says. The
    /// inbox takes each name once.
    #[must_use]
    pub fn of_text(&self, from: &str, sent_at: UtcMs, body: &str) -> Uuid {
        let named_by = planted!("duplicate-text-is-new", sent_at, UtcMs(planted::next_number()));
        let mut digest = Sha256::new();
        digest.update(named_by.0.to_be_bytes());
        digest.update(body.as_bytes());
        let mut half = [0; 16];
        half.copy_from_slice(&digest.finalize()[..16]);
        self.of_message(from, Uuid::from_bytes(half))
    }

    /// The request key of the booking that the text `message_id` asks for: the same text, read again after a crash
    /// or delivered twice, is the same booking, and no later text ever is.
    #[must_use]
    pub fn booking(&self, phone: &str, message_id: Uuid) -> Uuid {
        self.derive("booking", phone, message_id.as_bytes())
    }

    /// The id of what the text `message_id` asks for.
    #[must_use]
    pub fn of_message(&self, phone: &str, message_id: Uuid) -> Uuid {
        self.derive("message", phone, message_id.as_bytes())
    }

    /// The id of a cancel or keep of `booking_id`, one for each `attempt`.
    #[must_use]
    pub fn of_booking(&self, what: &str, booking_id: Uuid, attempt: u32) -> Uuid {
        let mut rest = booking_id.as_bytes().to_vec();
        rest.extend_from_slice(&attempt.to_be_bytes());
        self.derive(what, "", &rest)
    }

    /// The id of the move of `booking_id` that the text `message_id` asks for.
    #[must_use]
    pub fn of_move(&self, booking_id: Uuid, message_id: Uuid) -> Uuid {
        let mut rest = booking_id.as_bytes().to_vec();
        rest.extend_from_slice(message_id.as_bytes());
        self.derive("move", "", &rest)
    }

    /// A keyed digest of a number: the store finds a number by it without holding it.
    #[must_use]
    pub fn of_number(&self, phone: &str) -> Uuid {
        self.derive("number", phone, &[])
    }

    fn derive(&self, what: &str, phone: &str, rest: &[u8]) -> Uuid {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        for part in [what.as_bytes(), self.node.as_bytes(), phone.as_bytes(), rest] {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        let digest = mac.finalize().into_bytes();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: &str = "+821012345678";

    #[test]
    fn an_id_names_caller_node_and_text_and_nothing_else() {
        let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let ids = TextIds::new([1; 32], "mapo-text");
        let id = ids.booking(PHONE, first);
        assert_eq!(id, TextIds::new([1; 32], "mapo-text").booking(PHONE, first));
        assert_eq!(id.get_version_num(), 8);
        for other in [
            ids.booking(PHONE, second),
            ids.booking("+821012345679", first),
            TextIds::new([1; 32], "jongno-text").booking(PHONE, first),
            TextIds::new([2; 32], "mapo-text").booking(PHONE, first),
            ids.of_message(PHONE, first),
            ids.of_number(PHONE),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn a_copy_of_a_text_has_its_name_and_another_text_has_not() {
        let ids = TextIds::new([1; 32], "mapo-text");
        let id = ids.of_text(PHONE, UtcMs(7), "TAXI");
        assert_eq!(id, ids.of_text(PHONE, UtcMs(7), "TAXI"));
        for other in [
            ids.of_text(PHONE, UtcMs(8), "TAXI"),
            ids.of_text(PHONE, UtcMs(7), "C"),
            ids.of_text("+821012345679", UtcMs(7), "TAXI"),
        ] {
            assert_ne!(id, other);
        }
    }
}
