//! A shift: a driver in a vehicle on duty. The thing that is assigned.
//!
//! ```text
//! (started) ─▶ Available ⇄ Paused
//!                  └────────┴──▶ Ended, for good
//! ```
//!
//! Whether it is *heard* is contact, kept apart from duty: a driver in a tunnel is still on duty.

use serde::{Deserialize, Serialize};

use crate::fact::ShiftStart;
use crate::ids::{DeviceId, NodeId, ShiftId, StandId};
use crate::units::UtcMs;

/// What the driver wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// Ready for bookings.
    Available,
    /// On a break: keeps the place in a stand's queue, gets no offers.
    Paused,
    /// The shift is over.
    Ended,
}

/// Who puts the assignments of a shift in line; exactly one at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Serialiser {
    /// The driver's own device, with its durable slot.
    Device {
        /// The device.
        device: DeviceId,
    },
    /// The edge to which a feature-phone driver is homed.
    Home {
        /// The edge.
        node: NodeId,
        /// Raised each time the home moves.
        term: u32,
    },
}

/// What all nodes together know of a shift. Fields join by "the highest number stands"; a shift that has ended stays
/// ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftRecord {
    /// The shift.
    pub id: ShiftId,
    /// Its start; absent while only later facts have arrived.
    pub start: Option<ShiftStart>,
    /// Number of the last change of duty, the duty, and when.
    pub duty: Option<(u64, Duty, UtcMs)>,
    /// The highest attach epoch and the node it names.
    pub attached: Option<(u64, NodeId)>,
    /// Last stand change: stamp, stand (or none), when it joined.
    pub stand: Option<(crate::hlc::Hlc, Option<StandId>, UtcMs)>,
}

impl ShiftRecord {
    /// Returns a record of which nothing is known yet.
    #[must_use]
    pub fn unknown(id: ShiftId) -> Self {
        Self { id, start: None, duty: None, attached: None, stand: None }
    }

    /// The duty: available from the start until something else is said.
    #[must_use]
    pub fn duty(&self) -> Option<Duty> {
        self.start.as_ref()?;
        Some(self.duty.map_or(Duty::Available, |(_, duty, _)| duty))
    }

    /// True if the driver takes bookings.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.duty() == Some(Duty::Available)
    }

    /// True if the shift has begun and not ended.
    #[must_use]
    pub fn is_on_duty(&self) -> bool {
        matches!(self.duty(), Some(Duty::Available | Duty::Paused))
    }

    /// The edge that alone may ask this driver by SMS, if the driver has no app.
    #[must_use]
    pub fn home(&self) -> Option<&NodeId> {
        match &self.start.as_ref()?.serialiser {
            Serialiser::Home { node, .. } => Some(node),
            Serialiser::Device { .. } => None,
        }
    }

    /// The device, if the driver has the app.
    #[must_use]
    pub fn device(&self) -> Option<DeviceId> {
        match &self.start.as_ref()?.serialiser {
            Serialiser::Device { device } => Some(*device),
            Serialiser::Home { .. } => None,
        }
    }

    /// The stand whose queue the shift waits in, and since when.
    #[must_use]
    pub fn waits_at(&self) -> Option<(&StandId, UtcMs)> {
        self.stand.as_ref().and_then(|(_, stand, at)| stand.as_ref().map(|stand| (stand, *at)))
    }
}
