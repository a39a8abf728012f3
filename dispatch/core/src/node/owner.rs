//! Who plans a booking: its owner alone, who may hand it over.
//!
//! | from | to | when |
//! |---|---|---|
//! | central | the edge | for one driver whom only the edge may ask: one with a feature phone, or whose phone reaches the edge alone |
//! | central | the edge | the edge adopts what central froze at the end of the lease |
//! | the edge | central | it stands by again, or cannot make use of what it was handed |
//! | either | the other | its rider or an operator says so there |
//!
//! What another district has on loan is nobody's here, whoever owns it: see `lend.rs`.

use super::Node;
use super::lease::Side;
use crate::authority::{CentralMode, EdgeMode, Epoch};
use crate::board::DistrictBoard;
use crate::booking::Status;
use crate::fact::{Fact, Owner, district_wide};
use crate::ids::{BookingId, DistrictId, NodeId, ShiftId};
use crate::units::Now;

/// Who plans a booking next.
pub(super) struct Heir {
    pub(super) node: NodeId,
    /// It comes to central while its lease has run out, so that no edge adopts it.
    pub(super) apart: bool,
    /// The shift for which it is handed over.
    pub(super) wanted: Option<ShiftId>,
}

impl Node {
    /// Takes over every booking before boarding that this node has received and that central sent while it held the
    /// lease: those central has frozen. What came to central apart central goes on with, even if its rider reached this
    /// node as well: it is left to central.
    pub(super) fn adopt(&mut self, district: &DistrictId, epoch: Epoch, now: Now) {
        let Some(Side::Edge(side)) = self.sides.get(district) else { return };
        let central = side.central.clone();
        let open = self.district(district).into_iter().flat_map(DistrictBoard::open_bookings);
        let is_held = |(held, _): &(Owner, _)| held.node == self.config.id && held.epoch >= epoch;
        let before_boarding = open
            .filter(|record| record.status() != Status::Boarded)
            .filter(|record| !record.owner.as_ref().is_some_and(is_held));
        let (adopted, left): (Vec<_>, Vec<_>) = before_boarding
            .map(|record| (record.id, !record.is_apart(), self.owns(record)))
            .partition(|(booking, joined, _)| *joined || side.covered.contains(booking));
        // Under an epoch in which bookings were passed on before, this is one hand-over more.
        for (booking, ..) in adopted {
            let heir = Heir { node: self.config.id.clone(), apart: false, wanted: None };
            self.pass_on(district, booking, heir, epoch, now);
        }
        for (booking, ..) in left.into_iter().filter(|(.., owned)| *owned) {
            self.hand_over(district, booking, central.clone(), epoch, None, now);
        }
    }

    /// Gives back what central handed over for one driver who has not said yes: central, which cannot hear the answer any
    /// more, counts on it.
    pub(super) fn give_back_handed_over(&mut self, district: &DistrictId, now: Now) {
        let Some(Side::Edge(side)) = self.sides.get(district) else { return };
        let (central, epoch) = (side.central.clone(), side.lease.epoch());
        let handed: Vec<_> = self
            .district(district)
            .into_iter()
            .flat_map(DistrictBoard::open_bookings)
            .filter(|record| self.owns(record) && matches!(record.status(), Status::Open | Status::Offered))
            .filter(|record| self.loans.is_sure(record.id))
            .filter(|record| record.owner.as_ref().is_some_and(|(_, wanted)| wanted.is_some()))
            .map(|record| {
                let asked = record.assignments.iter().filter(|(_, bond)| bond.is_question());
                (record.id, asked.map(|(id, bond)| (id.clone(), bond.shift)).collect::<Vec<_>>())
            })
            .collect();
        for (booking, asked) in handed {
            for (assignment, shift) in asked {
                self.withdraw(district, booking, &assignment, shift, now);
            }
            self.hand_over(district, booking, central.clone(), epoch, None, now);
        }
    }

    /// Hands every open booking of this edge's to central, except those of which a neighbour may know more: they follow.
    pub(super) fn hand_all_to_central(&mut self, district: &DistrictId, now: Now) {
        let Some(Side::Edge(side)) = self.sides.get(district) else { return };
        let (central, epoch) = (side.central.clone(), side.lease.epoch());
        self.withdraw_all(district, now);
        let own: Vec<BookingId> = self
            .district(district)
            .into_iter()
            .flat_map(DistrictBoard::open_bookings)
            .filter(|record| self.loans.is_sure(record.id))
            .filter(|record| record.owner.as_ref().is_some_and(|(owner, _)| owner.node == self.config.id))
            .map(|record| record.id)
            .collect();
        for booking in own {
            self.hand_over(district, booking, central.clone(), epoch, None, now);
        }
    }

    /// An edge that stands by hands over what it could not before, because a neighbour had to be heard.
    pub(super) fn hand_left_to_central(&mut self, district: &DistrictId, now: Now) {
        let Some(Side::Edge(side)) = self.sides.get(district) else { return };
        if side.lease.mode() != EdgeMode::Standby {
            return;
        }
        let (central, epoch) = (side.central.clone(), side.lease.epoch());
        let open = self.district(district).into_iter().flat_map(DistrictBoard::open_bookings);
        let left = open.filter(|record| self.loans.is_sure(record.id)).filter(|record| {
            record
                .owner
                .as_ref()
                .is_some_and(|(owner, wanted)| owner.node == self.config.id && wanted.is_none())
        });
        for booking in left.map(|record| record.id).collect::<Vec<_>>() {
            self.hand_over(district, booking, central.clone(), epoch, None, now);
        }
    }

    /// Passes the planning of a booking on; only its owner may.
    pub(super) fn hand_over(
        &mut self,
        district: &DistrictId,
        booking: BookingId,
        to: NodeId,
        epoch: Epoch,
        wanted: Option<ShiftId>,
        now: Now,
    ) {
        let apart = to == self.config.id && self.is_apart(district);
        self.pass_on(district, booking, Heir { node: to, apart, wanted }, epoch, now);
    }

    pub(super) fn pass_on(
        &mut self,
        district: &DistrictId,
        booking: BookingId,
        heir: Heir,
        epoch: Epoch,
        now: Now,
    ) {
        let Some(record) = self.district(district).and_then(|district| district.bookings.get(&booking))
        else {
            return;
        };
        let Some((owner, _)) = &record.owner else { return };
        let Heir { node, apart, wanted } = heir;
        let owner = if epoch > owner.epoch {
            Owner { epoch, version: 0, node, apart }
        } else {
            Owner { epoch: owner.epoch, version: owner.version.saturating_add(1), node, apart }
        };
        let zone = record.zone().cloned().unwrap_or_else(district_wide);
        self.append(district, zone, Fact::BookingOwned { booking, owner, wanted }, now);
    }

    /// True if what comes to this node now comes to it apart: it is central, and its lease has run out.
    pub(super) fn is_apart(&self, district: &DistrictId) -> bool {
        self.central_mode(district).is_some_and(|mode| mode != CentralMode::Holder)
    }
}
