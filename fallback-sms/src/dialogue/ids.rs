//! Ids that a step makes again after a crash.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

/// Makes ids from a number and the text that asks, keyed so that an id does not betray the number.
#[derive(Clone)]
pub struct Ids {
    key: [u8; 32],
    node: String,
}

impl std::fmt::Debug for Ids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ids").field("node", &self.node).finish_non_exhaustive()
    }
}

impl Ids {
    /// Returns the maker of ids of the text node `node`, with the key its store keeps.
    #[must_use]
    pub fn new(key: [u8; 32], node: &str) -> Self {
        Self { key, node: node.to_owned() }
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
        Uuid::new_v8(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_caller_node_and_text_and_nothing_else() {
        let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let ids = Ids::new([1; 32], "mapo-text");
        let id = ids.booking("+821012345678", first);
        assert_eq!(id, Ids::new([1; 32], "mapo-text").booking("+821012345678", first));
        for other in [
            ids.booking("+821012345678", second),
            ids.booking("+821012345679", first),
            Ids::new([1; 32], "jongno-text").booking("+821012345678", first),
            Ids::new([2; 32], "mapo-text").booking("+821012345678", first),
            ids.of_message("+821012345678", first),
            ids.of_number("+821012345678"),
        ] {
            assert_ne!(id, other);
        }
    }
}
