//! What a driver's device keeps of its trip, so that the trip is not lost with every node's disk.
//!
//! ```text
//! node ── question + capsule ─▶ device     signed by the node, sealed to a key that no node holds
//!                                 │         kept in the slot for as long as the trip
//! node ◀─ attach + capsule ───────┘         a node that lost everything, while an operator has that key loaded
//!   └─ opened, its signature checked (shell) ─▶ Command::Restore ─▶ is it true, and new enough? (core) ─▶ TripRestored
//! ```
//!
//! The content is here; sealing, signing and opening are the shell's. A capsule proves the *question*: which booking
//! was put to which shift. What became of it since, the device tells as it tells everything else, and tells again
//! after each attach; so a capsule never has to be made anew during a trip.

use serde::{Deserialize, Serialize};

use crate::fact::Request;
use crate::ids::{AssignmentId, BookingId, DeviceId, DistrictId, DriverId, NodeId, ShiftId, ZoneId};
use crate::loan::LoanId;
use crate::units::UtcMs;

/// How long a capsule counts, in milliseconds: 12 h, the longest life of a shift pass. A trip that was booked for
/// later counts from its pickup.
pub const CAPSULE_LIFE_MS: u64 = 12 * 3_600_000;

/// Longest capsule as text, in characters of base64url: 1 KiB.
pub const CAPSULE_MAX_CHARS: usize = 1_024;

/// A trip as the node saw it that asked the driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capsule {
    /// The booking.
    pub booking: BookingId,
    /// The bond; its origin is the node that signed.
    pub assignment: AssignmentId,
    /// The shift that was asked.
    pub shift: ShiftId,
    /// The only device that may bring it back.
    pub device: DeviceId,
    /// The driver.
    pub driver: DriverId,
    /// The district.
    pub district: DistrictId,
    /// The zone of the booking.
    pub zone: ZoneId,
    /// The device's count of bonds with nodes when it was asked. With the assignment's number it is the capsule's
    /// revision: of one device's capsules the later has the greater.
    pub attach_epoch: u64,
    /// What the rider asked, with the tariff that binds. Personal text is the shell's to add and to take out.
    pub request: Request,
    /// Travel time to the pickup when it was planned.
    pub eta_s: u32,
    /// When the driver was asked.
    pub offered_at: UtcMs,
    /// The loan under which the district had the booking, if it was not its own, and the edge that lent it.
    pub borrowed: Option<(LoanId, NodeId)>,
}

impl Capsule {
    /// From when on it counts no more.
    #[must_use]
    pub fn expires_at(&self) -> UtcMs {
        self.request.pickup_at.map_or(self.offered_at, |at| at.max(self.offered_at)).plus_ms(CAPSULE_LIFE_MS)
    }

    /// True if `other` was made by the same node after this capsule's bond.
    #[must_use]
    pub fn is_older_than(&self, other: &AssignmentId) -> bool {
        let made = |id: &AssignmentId| (id.incarnation, id.counter);
        self.assignment.origin == other.origin && made(&self.assignment) < made(other)
    }
}
