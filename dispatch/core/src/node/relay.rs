//! Drivers who reach only the edge, while central and the edge are in touch: central plans them, and the edge asks them.
//!
//! | who | does |
//! |---|---|
//! | the edge, standing by | tells central every 5 s which free drivers it hears, and where they are |
//! | central | plans them like its own, and hands the booking over for the one driver, as for a feature-phone driver |
//! | the edge | looks again, asks that driver in its own session, or hands the booking back |
//!
//! So an offer is always made by the node to which the device is attached, under its session and epoch, and one node
//! alone plans. What is told of drivers is a hint: the edge measures again before it asks.

use std::collections::{BTreeMap, BTreeSet};

use super::Node;
use super::lease::Side;
use crate::authority::{CentralMode, EdgeMode};
use crate::board::DistrictBoard;
use crate::command::{Answer, RELAYED_MAX, Refusal, Relay, RelayedDriver};
use crate::face::Output;
use crate::ids::{BookingId, DistrictId, NodeId, ShiftId};
use crate::position::Position;
use crate::shift::ShiftRecord;
use crate::units::{Now, Ticks};

/// Time between two calls of an edge that hears such drivers.
const RELAY_EVERY_MS: u64 = 5_000;

/// The drivers whom the edge of a district told of last: where each is, and when the edge heard it.
pub(super) type Relayed = BTreeMap<ShiftId, (Position, Ticks)>;

impl Node {
    /// The node that asks the shift's driver in this one's place, if it is not this one.
    pub(super) fn asked_through(
        &self,
        district: &DistrictId,
        shift: &ShiftRecord,
        now: Now,
    ) -> Option<NodeId> {
        let other = match shift.home() {
            Some(home) => Some(home),
            None => self.relaying_edge(district, shift, now),
        };
        other.filter(|node| **node != self.config.id).cloned()
    }

    /// At central: the edge to which the device is attached and which has told lately that it hears the driver.
    pub(super) fn relaying_edge(
        &self,
        district: &DistrictId,
        shift: &ShiftRecord,
        now: Now,
    ) -> Option<&NodeId> {
        let Some(Side::Central(side)) = self.sides.get(district) else { return None };
        let edge = side.edge.as_ref().filter(|_| side.lease.mode() == CentralMode::Holder)?;
        let is_attached = shift.attached.as_ref().is_some_and(|(_, node)| node == edge);
        let (_, heard_at) = side.relayed.get(&shift.id)?;
        let is_heard = now.ticks.since_ms(*heard_at) <= self.config.timing.offer_contact_ms;
        (is_attached && is_heard).then_some(edge)
    }

    /// Hands a booking over for a driver whom another node asks. Until the edge tells of the driver again, nobody is
    /// handed over for, nor the same booking for a while: what it gives back, because it knows better where the driver is,
    /// would else come again at once.
    pub(super) fn hand_over_for(
        &mut self,
        district: &DistrictId,
        booking: BookingId,
        to: NodeId,
        shift: ShiftId,
        now: Now,
    ) {
        let epoch = self.sides[district].epoch();
        if let Some(Side::Central(side)) = self.sides.get_mut(district) {
            side.relayed.remove(&shift);
        }
        self.handed_over_at.insert((booking, shift), now.ticks);
        self.hand_over(district, booking, to, epoch, Some(shift), now);
    }

    /// Shifts for which the booking was handed over lately, whatever came of it.
    pub(super) fn handed_over_lately(&self, booking: BookingId, now: Now) -> impl Iterator<Item = ShiftId> {
        let of_booking = (booking, ShiftId::from_number(0))..=(booking, ShiftId::from_number(u128::MAX));
        let rest_ms = self.config.timing.lapse_rest_ms;
        let lately =
            self.handed_over_at.range(of_booking).filter(move |(_, at)| now.ticks.since_ms(**at) < rest_ms);
        lately.map(|((_, shift), _)| *shift)
    }

    pub(super) fn forget_handed_over(&mut self, now: Now) {
        let rest_ms = self.config.timing.lapse_rest_ms;
        self.handed_over_at.retain(|_, at| now.ticks.since_ms(*at) < rest_ms);
    }

    /// Where the edge saw the shift, and when it heard it.
    pub(super) fn relayed_place(&self, district: &DistrictId, shift: ShiftId) -> Option<(Position, Ticks)> {
        match self.sides.get(district)? {
            Side::Central(side) => side.relayed.get(&shift).copied(),
            Side::Edge(_) => None,
        }
    }

    /// Shifts for which central has handed bookings to this edge, which stands by and may ask nobody else.
    pub(super) fn handed_for(&self, board: &DistrictBoard) -> BTreeSet<ShiftId> {
        let own = board.open_bookings().filter(|record| self.owns(record));
        own.filter_map(|record| record.owner.as_ref().and_then(|(_, wanted)| *wanted)).collect()
    }

    /// Tells central whom this edge hears, while there is anybody.
    pub(super) fn sweep_relay(&mut self, district: &DistrictId, now: Now) {
        let Some(Side::Edge(side)) = self.sides.get(district) else { return };
        let (told_at, told_some) = side.told_central;
        if side.lease.mode() != EdgeMode::Standby || now.ticks.since_ms(told_at) < RELAY_EVERY_MS {
            return;
        }
        let (to, drivers) = (side.central.clone(), self.free_and_heard(district, now));
        let has_some = !drivers.is_empty();
        if let Some(Side::Edge(side)) = self.sides.get_mut(district) {
            side.told_central = (now.ticks, has_some);
        }
        // That there is nobody any more is said once.
        if !has_some && !told_some {
            return;
        }
        self.outputs.push_back(Output::Relay { to, relay: Relay { district: district.clone(), drivers } });
    }

    fn free_and_heard(&self, district: &DistrictId, now: Now) -> Vec<RelayedDriver> {
        let Some(board) = self.district(district) else { return Vec::new() };
        let with_app = board.on_duty().filter(|shift| shift.home().is_none());
        let free = with_app.filter(|shift| shift.is_available() && board.may_be_asked(shift));
        let told = free.filter_map(|shift| {
            let position = self.free_shift(shift, district, now)?.position;
            let heard_ago_ms = now.ticks.since_ms(self.last_heard_at(shift.id));
            Some(RelayedDriver { shift: shift.id, position, heard_ago_ms })
        });
        told.take(RELAYED_MAX).collect()
    }

    /// The edge of a district tells which free drivers it hears.
    pub(super) fn hear_relay(&mut self, relay: Relay, now: Now) -> Result<Answer, Refusal> {
        self.serves(&relay.district)?;
        if relay.drivers.len() > RELAYED_MAX {
            return Err(Refusal::OutOfRange);
        }
        let board = self.board.district(&relay.district);
        let Some(Side::Central(side)) = self.sides.get_mut(&relay.district) else {
            return Err(Refusal::OtherNode);
        };
        let heard_at = |ago_ms: u64| Ticks(now.ticks.0.saturating_sub(ago_ms));
        // Of a driver who is attached elsewhere the edge has nothing to say.
        let edge = side.edge.as_ref();
        let is_attached = |shift: ShiftId| {
            let attached = board.and_then(|board| board.shifts.get(&shift)?.attached.as_ref());
            attached.is_some_and(|(_, node)| Some(node) == edge)
        };
        let seen = relay.drivers.iter().filter(|seen| is_attached(seen.shift));
        side.relayed = seen.map(|seen| (seen.shift, (seen.position, heard_at(seen.heard_ago_ms)))).collect();
        for seen in &relay.drivers {
            self.keep_if_free(&relay.district, seen.shift);
        }
        self.dirty.insert(relay.district);
        Ok(Answer::Done)
    }
}
