//! What survives a restart of the device. Everything else it learns again from the nodes.

use std::collections::VecDeque;

use ondol_core::fact::PinCheck;
use ondol_core::ids::{AssignmentId, BookingId, DeviceId, NodeId, ShiftId};
use ondol_core::position::Position;
use ondol_core::shift::Duty;
use ondol_core::units::UtcMs;
use serde::{Deserialize, Serialize};

use crate::outbox::Outbox;
use crate::wire::{self, DutyChange, Endpoint, Happening, Held, Offer, Phase, TripText};

/// Most ended assignments that a device remembers. An offer of an older one is void by its session.
pub const TOMBSTONES_MAX: usize = 256;
/// Most nodes that a device knows.
pub const ENDPOINTS_MAX: usize = 8;

/// The durable part of a device.
///
/// The shell stores it whole, replacing the one before, and must have stored it when it goes on to the next output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Durable {
    /// The shift.
    pub shift: ShiftId,
    /// The device.
    pub device: DeviceId,
    /// When the shift began.
    pub started_at: UtcMs,
    /// Nodes it may turn to, best first.
    pub endpoints: Vec<Endpoint>,
    /// The node it last bound itself to.
    pub node: Option<NodeId>,
    /// Number of its last bond with a node; only rises.
    pub attach_epoch: u64,
    /// The assignment being served.
    pub current: Option<Trip>,
    /// The one after it.
    pub next: Option<Trip>,
    /// Assignments that ended here or must never begin, oldest first, at most [`TOMBSTONES_MAX`].
    pub tombstones: VecDeque<Tombstone>,
    /// The last change of duty.
    pub duty: DutyChange,
    /// Street hails so far: their ids count on.
    pub hails: u64,
    /// What it still has to tell.
    pub outbox: Outbox,
}

/// An assignment that the slot took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trip {
    /// The booking.
    pub booking: BookingId,
    /// The bond.
    pub assignment: AssignmentId,
    /// The question that the driver accepted; absent for a street hail.
    pub offer: Option<Box<Offer>>,
    /// When the slot took it.
    pub assigned_at: UtcMs,
    /// A node has journalled it.
    pub confirmed: bool,
    /// The rider's number in E.164, known from the confirmation to the boarding.
    pub rider_phone: Option<String>,
    /// When the vehicle reached the pickup.
    pub arrived_at: Option<UtcMs>,
    /// When the rider boarded and how the rider was recognised.
    pub boarded: Option<(UtcMs, PinCheck)>,
    /// Wrong PINs so far.
    pub pin_tries: u8,
    /// Where a rider got in from the street: a node that lost its disk is told again.
    #[serde(default)]
    pub hailed_at: Option<Position>,
}

/// An assignment that ended here or must never begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// The bond.
    pub assignment: AssignmentId,
    /// How it ended: told again to a node that still asks.
    pub last: Happening,
    /// When it ended.
    pub at: UtcMs,
}

impl Durable {
    /// Returns the state of a device whose shift begins at `now`.
    #[must_use]
    pub fn new(shift: ShiftId, device: DeviceId, endpoints: Vec<Endpoint>, now: UtcMs) -> Self {
        Self {
            shift,
            device,
            started_at: now,
            endpoints,
            node: None,
            attach_epoch: 0,
            current: None,
            next: None,
            tombstones: VecDeque::new(),
            duty: DutyChange { number: 1, duty: Duty::Available },
            hails: 0,
            outbox: Outbox::default(),
        }
    }

    /// The slot as nodes see it.
    #[must_use]
    pub fn slot(&self) -> wire::Slot {
        wire::Slot {
            current: self.current.as_ref().map(Trip::as_held),
            next: self.next.as_ref().map(Trip::as_held),
        }
    }

    /// The capsules of the slot's trips, in their order.
    #[must_use]
    pub fn capsules(&self) -> Vec<wire::KeptCapsule> {
        let trips = self.current.iter().chain(&self.next);
        let kept = trips.filter_map(|trip| {
            let capsule = trip.offer.as_ref()?.capsule.clone()?;
            Some(wire::KeptCapsule { assignment: trip.assignment.clone(), capsule })
        });
        kept.collect()
    }

    /// The trip of `assignment`, if the slot holds it.
    #[must_use]
    pub fn trip(&self, assignment: &AssignmentId) -> Option<&Trip> {
        self.current.iter().chain(&self.next).find(|trip| trip.assignment == *assignment)
    }

    /// How `assignment` ended, if it is remembered.
    #[must_use]
    pub fn tombstone(&self, assignment: &AssignmentId) -> Option<&Tombstone> {
        self.tombstones.iter().rev().find(|stone| stone.assignment == *assignment)
    }

    /// Remembers how an assignment ended.
    pub(crate) fn bury(&mut self, assignment: AssignmentId, last: Happening, at: UtcMs) {
        if self.tombstones.len() >= TOMBSTONES_MAX {
            self.tombstones.pop_front();
        }
        self.tombstones.push_back(Tombstone { assignment, last, at });
    }
}

impl Trip {
    /// Returns the trip of an accepted question.
    #[must_use]
    pub fn of_offer(offer: Box<Offer>, at: UtcMs) -> Self {
        Self {
            booking: offer.booking,
            assignment: offer.assignment.clone(),
            offer: Some(offer),
            assigned_at: at,
            confirmed: false,
            rider_phone: None,
            arrived_at: None,
            boarded: None,
            pin_tries: 0,
            hailed_at: None,
        }
    }

    /// The trip as nodes see it.
    #[must_use]
    pub fn as_held(&self) -> Held {
        Held {
            booking: self.booking,
            assignment: self.assignment.clone(),
            confirmed: self.confirmed,
            boarded: self.boarded.is_some(),
        }
    }

    /// The trip as one text message, for a driver whose phone reaches no node; none without a capsule.
    #[must_use]
    pub fn text(&self) -> Option<TripText> {
        let capsule = self.offer.as_ref()?.capsule.as_ref()?;
        let phase = match (self.boarded.is_some(), self.arrived_at.is_some()) {
            (true, _) => Phase::Boarded,
            (false, true) => Phase::Waits,
            (false, false) => Phase::Assigned,
        };
        Some(TripText::new(self.booking, self.assignment.clone(), phase, capsule))
    }

    /// True once the vehicle waits at the pickup or the rider is in it: it can no longer be exchanged.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.arrived_at.is_some() || self.boarded.is_some()
    }
}
