//! Ids that a step makes again after a crash.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

/// Makes ids from a number and the dialogue, keyed so that an id does not betray the number.
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

    /// The request key of the booking of `phone`'s dialogue number `dialogue`.
    #[must_use]
    pub fn booking(&self, phone: &str, dialogue: u32) -> Uuid {
        self.derive("booking", phone, &dialogue.to_be_bytes())
    }

    /// The id of what the text `message_id` asks for.
    #[must_use]
    pub fn of_message(&self, phone: &str, message_id: Uuid) -> Uuid {
        self.derive("message", phone, message_id.as_bytes())
    }

    /// The id of a cancel, move or keep of `booking_id`, one for each `attempt`.
    #[must_use]
    pub fn of_booking(&self, what: &str, booking_id: Uuid, attempt: u32) -> Uuid {
        let mut rest = booking_id.as_bytes().to_vec();
        rest.extend_from_slice(&attempt.to_be_bytes());
        self.derive(what, "", &rest)
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
    fn an_id_names_caller_node_and_dialogue_and_nothing_else() {
        let ids = Ids::new([1; 32], "mapo-text");
        let id = ids.booking("+821012345678", 1);
        assert_eq!(id, Ids::new([1; 32], "mapo-text").booking("+821012345678", 1));
        for other in [
            ids.booking("+821012345678", 2),
            ids.booking("+821012345679", 1),
            Ids::new([1; 32], "jongno-text").booking("+821012345678", 1),
            Ids::new([2; 32], "mapo-text").booking("+821012345678", 1),
            ids.of_number("+821012345678"),
        ] {
            assert_ne!(id, other);
        }
    }
}
