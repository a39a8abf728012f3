//! Capsules on their way, and the text message that names one.
//!
//! A capsule is opaque here: base64url, made and read by nodes alone.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ondol_core::ids::{AssignmentId, BookingId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;

/// A capsule that a device keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCapsule {
    /// The bond in the slot that it belongs to.
    pub assignment: AssignmentId,
    /// The capsule, at most [`CAPSULE_MAX_CHARS`](ondol_core::capsule::CAPSULE_MAX_CHARS) characters.
    pub capsule: String,
}

/// What became of a capsule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapsuleAnswer {
    /// The bond.
    pub assignment: AssignmentId,
    /// What became of it.
    pub outcome: CapsuleOutcome,
}

/// What became of a capsule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
pub enum CapsuleOutcome {
    /// The node knows the trip.
    Known,
    /// The trip is in the node's journal again.
    Restored,
    /// The node does not know the trip, and cannot open the capsule: nobody has loaded the key, or another key or signer
    /// is needed. It keeps the capsule.
    Waits,
    /// It was refused, and would be again.
    Refused {
        /// The stable code.
        code: String,
    },
}

/// Longest text of a trip, in characters; each is one septet of GSM-7, so that it fits one text message (160).
pub const TRIP_TEXT_MAX: usize = 116;
/// Bytes of the capsule's SHA-256 in the text.
const CHECK: usize = 16;

/// A trip in one text message: enough to find it, and to know its capsule when that turns up.
///
/// **Shape**: `OC1.<booking, 22 base64url>.<assignment>.<a|w|b>.<first 16 bytes of the capsule's SHA-256, 22>`, where
/// `a` is assigned, `w` waits at the pickup and `b` is boarded.
///
/// It proves nothing by itself: whoever reads it looks for the capsule, or calls the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TripText {
    /// The booking.
    pub booking: BookingId,
    /// The bond.
    pub assignment: AssignmentId,
    /// What the trip is doing.
    pub phase: Phase,
    check: [u8; CHECK],
}

/// What a trip is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// On the way to the pickup.
    Assigned,
    /// At the pickup.
    Waits,
    /// The rider is in the vehicle.
    Boarded,
}

/// Text that names no trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this is no text of a trip: it begins with OC1. and has five parts between points")]
pub struct InvalidTripText;

impl TripText {
    /// Returns the text of a trip and its capsule.
    #[must_use]
    pub fn new(booking: BookingId, assignment: AssignmentId, phase: Phase, capsule: &str) -> Self {
        Self { booking, assignment, phase, check: check_of(capsule) }
    }

    /// True if `capsule` is the one that the text was made from.
    #[must_use]
    pub fn is_of(&self, capsule: &str) -> bool {
        self.check == check_of(capsule)
    }
}

fn check_of(capsule: &str) -> [u8; CHECK] {
    let digest = Sha256::digest(capsule.as_bytes());
    *digest.first_chunk().expect("a SHA-256 digest has 32 bytes")
}

impl fmt::Display for TripText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Assigned => 'a',
            Phase::Waits => 'w',
            Phase::Boarded => 'b',
        };
        let (booking, check) = (letters(self.booking.0.as_bytes()), letters(&self.check));
        write!(f, "OC1.{booking}.{}.{phase}.{check}", self.assignment)
    }
}

impl FromStr for TripText {
    type Err = InvalidTripText;

    fn from_str(text: &str) -> Result<Self, InvalidTripText> {
        if text.len() > TRIP_TEXT_MAX {
            return Err(InvalidTripText);
        }
        let parts: Vec<&str> = text.split('.').collect();
        let ["OC1", booking, assignment, phase, check] = parts[..] else { return Err(InvalidTripText) };
        let phase = match phase {
            "a" => Phase::Assigned,
            "w" => Phase::Waits,
            "b" => Phase::Boarded,
            _ => return Err(InvalidTripText),
        };
        Ok(Self {
            booking: BookingId(Uuid::from_bytes(bytes(booking)?)),
            assignment: assignment.parse().map_err(|_| InvalidTripText)?,
            phase,
            check: bytes(check)?,
        })
    }
}

fn letters(bytes: &[u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(letters: &str) -> Result<[u8; 16], InvalidTripText> {
    let bytes = URL_SAFE_NO_PAD.decode(letters).map_err(|_| InvalidTripText)?;
    bytes.try_into().map_err(|_| InvalidTripText)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(origin: &str, incarnation: u32, counter: u64) -> TripText {
        let assignment = AssignmentId { origin: origin.parse().unwrap(), incarnation, counter };
        TripText::new(BookingId(Uuid::from_u128(u128::MAX)), assignment, Phase::Boarded, "a capsule")
    }

    #[test]
    fn the_longest_text_is_one_message_and_reads_back() {
        let longest = text(&"x".repeat(ondol_core::ids::NAME_MAX), u32::MAX, u64::MAX);
        let sent = longest.to_string();
        assert_eq!(sent.len(), TRIP_TEXT_MAX);
        let is_gsm = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_');
        assert!(sent.chars().all(is_gsm), "{sent}");
        assert_eq!(sent.parse(), Ok(longest.clone()));
        assert!(longest.is_of("a capsule") && !longest.is_of("another capsule"));
    }

    #[test]
    fn what_is_no_text_of_a_trip_is_refused() {
        let good = text("central", 3, 17).to_string();
        assert!(good.parse::<TripText>().is_ok());
        let cut = &good[..good.len() - 1];
        let more = format!("{good}.x");
        let (phase, version) = (good.replace(".b.", ".z."), good.replace("OC1", "OC2"));
        let no_bond = good.replace("central:3:17", "central:3");
        for bad in ["", "OC1", cut, &more, &phase, &version, &no_bond, &"OC1.".repeat(40)] {
            assert_eq!(bad.parse::<TripText>(), Err(InvalidTripText), "{bad}");
        }
    }
}
