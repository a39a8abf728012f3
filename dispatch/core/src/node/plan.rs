//! Who is asked: the snapshot for the policy, and what follows from its plan.

use crate::planted;
use std::collections::{BTreeMap, BTreeSet};

use super::exchange::UnderWay;
use super::{Node, Side};
use crate::authority::{CentralMode, EdgeMode};
use crate::board::DistrictBoard;
use crate::booking::{BookingRecord, Status};
use crate::fact::Release;
use crate::ids::{AssignmentId, BookingId, DistrictId, NodeId, ShiftId};
use crate::matching::{FreeShift, OpenBooking, Plan, Snapshot, plan_exchanges};
use crate::shift::ShiftRecord;
use crate::units::{Now, Ticks};

/// Which shifts a node may ask at the moment.
struct Scope {
    /// Those attached here; if not, those alone for whom central has handed a booking over.
    attached: bool,
    /// Feature-phone drivers homed here.
    homed: bool,
    /// The edge to which bookings may be handed for its feature-phone drivers, and for those whom it alone hears.
    through: Option<NodeId>,
}

/// A question from further ahead than this was stamped by a clock that was wrong.
const FAR_AHEAD_MS: i64 = 300_000;

impl Node {
    pub(super) fn plan_due_at(&self, district: &DistrictId) -> Ticks {
        self.planned_at
            .get(district)
            .map_or(Ticks(0), |planned| planned.plus_ms(self.config.timing.plan_every_ms))
    }

    pub(super) fn plan_if_due(&mut self, now: Now) {
        let due: Vec<DistrictId> =
            self.dirty.iter().filter(|district| now.ticks >= self.plan_due_at(district)).cloned().collect();
        for district in due {
            self.dirty.remove(&district);
            if self.plan(&district, now) {
                self.planned_at.insert(district.clone(), now.ticks);
            }
            // What this plan itself changed needs no second plan.
            self.dirty.remove(&district);
        }
    }

    /// Plans a district; false if nobody waited for a taxi, so that the next booking need not wait.
    ///
    /// The lease is looked at first: a process that was stopped for a while must not act on what it held before.
    fn plan(&mut self, district: &DistrictId, now: Now) -> bool {
        self.sweep_lease(district, now);
        let Some(scope) = self.scope(district, now) else { return false };
        let bookings = self.wanting(district, now);
        let has_wish = !bookings.is_empty();
        let is_exchange_due = scope.attached && self.is_exchange_due(district, now);
        if !has_wish && !is_exchange_due {
            return false;
        }
        self.exchanged_at.insert(district.clone(), now.ticks);
        let shifts = self.free_shifts(district, &scope, now);
        let reach_s = self.config.timing.reach_s;
        let on_duty = self.district(district).map_or(0, |board| board.on_duty().count());
        let travel = self.travel.as_ref();
        let mut snapshot = Snapshot { now: now.utc, bookings, shifts, on_duty, reach_s, travel };
        let handed: BTreeSet<BookingId> =
            snapshot.bookings.iter().filter(|booking| booking.only.is_some()).map(|b| b.booking).collect();
        let mut under_way = UnderWay::default();
        if scope.attached && !snapshot.shifts.is_empty() {
            under_way = self.add_under_way(district, now, &mut snapshot);
        }
        let plan = plan_exchanges(self.policy.as_ref(), &mut snapshot, &under_way.in_question);
        self.carry_out(district, plan, &under_way.bonds, &scope, &handed, now);
        has_wish
    }

    fn carry_out(
        &mut self,
        district: &DistrictId,
        plan: Plan,
        bonds: &BTreeMap<BookingId, AssignmentId>,
        scope: &Scope,
        handed: &BTreeSet<BookingId>,
        now: Now,
    ) {
        for mut ask in plan.asks {
            ask.why.instead_of = bonds.get(&ask.booking).cloned();
            let known = self.district(district).and_then(|district| district.shifts.get(&ask.shift));
            match known.and_then(|shift| self.asked_through(district, shift, now)) {
                Some(other) => self.hand_over_for(district, ask.booking, other, ask.shift, now),
                None => self.ask(district, ask.booking, ask.shift, ask.eta_s, ask.why, now),
            }
        }
        if scope.attached {
            return;
        }
        // An edge that stands by was handed these bookings for one driver each, who cannot take them.
        let Some(Side::Edge(side)) = self.sides.get(district) else { return };
        let (central, epoch) = (side.central.clone(), side.lease.epoch());
        for (booking, _) in plan.unmatched {
            if handed.contains(&booking) {
                self.hand_over(district, booking, central.clone(), epoch, None, now);
            }
        }
    }

    fn scope(&self, district: &DistrictId, now: Now) -> Option<Scope> {
        let me_only = |attached, homed| Some(Scope { attached, homed, through: None });
        // The journal may know districts that this node does not serve any more.
        match self.sides.get(district)? {
            Side::Central(side) => {
                let through = side.edge.clone().filter(|_| side.lease.mode() == CentralMode::Holder);
                Some(Scope { attached: true, homed: true, through })
            }
            Side::Edge(side) => match side.lease.mode() {
                EdgeMode::Standby => me_only(false, true),
                EdgeMode::Suspect => me_only(true, true),
                EdgeMode::Active if self.is_settled(district, now) => me_only(true, true),
                EdgeMode::Active | EdgeMode::Healing => None,
            },
        }
    }

    /// After a takeover: long enough for drivers to attach, or most of them have.
    pub(super) fn is_settled(&self, district: &DistrictId, now: Now) -> bool {
        let Some(Side::Edge(side)) = self.sides.get(district) else { return true };
        let settle_ms = self.config.timing.lease.settle_ms;
        if planted!("takeover-without-settle", side.lease.in_mode_ms(now.lease_ticks()) >= settle_ms, true) {
            return true;
        }
        let Some(board) = self.district(district) else { return true };
        let with_app = board.on_duty().filter(|shift| shift.home().is_none()).map(|shift| shift.id);
        let (mut known, mut here) = (0_usize, 0_usize);
        for shift in with_app {
            known += 1;
            here += usize::from(self.contacts.get(&shift).is_some_and(super::Contact::is_attached));
        }
        here * 5 >= known * 4
    }

    /// Bookings of this node's that want somebody to be asked now.
    fn wanting(&self, district: &DistrictId, now: Now) -> Vec<OpenBooking> {
        self.district(district)
            .into_iter()
            .flat_map(DistrictBoard::open_bookings)
            .filter(|record| self.may_plan(district, record))
            .filter_map(|record| self.open_booking(record, now))
            .collect()
    }

    fn open_booking(&self, record: &BookingRecord, now: Now) -> Option<OpenBooking> {
        let is_alone = matches!(record.status(), Status::Open | Status::Offered);
        if !is_alone || !self.is_due(record, now) || record.rider_did_not_come() || self.is_aged(record.id) {
            return None;
        }
        self.wish(record, now)
    }

    /// What the booking wants of a shift; `None` while somebody is asked and may yet answer.
    pub(super) fn wish(&self, record: &BookingRecord, now: Now) -> Option<OpenBooking> {
        let request = record.request()?;
        let timing = &self.config.timing;
        let mut not: BTreeSet<ShiftId> = self.handed_over_lately(record.id, now).collect();
        for (id, bond) in &record.assignments {
            if bond.is_question() {
                if !self.gives_way(id, bond.offered.as_ref().map(|(_, at, _)| *at), now) {
                    return None;
                }
                not.insert(bond.shift);
            } else if let Some((at, reason)) = bond.released {
                let rest_ms = i64::try_from(timing.lapse_rest_ms).unwrap_or(i64::MAX);
                let asked_lately = now.utc.since_ms(at) < rest_ms;
                let excluded = match reason {
                    Release::Declined | Release::GivenBack | Release::NoShow | Release::Recalled => true,
                    Release::Lapsed | Release::Unconfirmed | Release::ContactLost => asked_lately,
                    Release::Withdrawn
                    | Release::SessionVoid
                    | Release::Cancelled
                    | Release::Superseded
                    | Release::Replaced => false,
                };
                if excluded {
                    not.insert(bond.shift);
                }
            }
        }
        Some(OpenBooking {
            booking: record.id,
            pickup: request.pickup,
            stand: request.stand.clone(),
            fleet: request.fleet.clone(),
            seats: request.seats,
            needs: request.needs,
            priority: request.priority,
            waits_since: record.wanted_at()?,
            not,
            only: record.owner.as_ref().and_then(|(_, wanted)| *wanted),
            planned: None,
            promised_at: None,
            gone_at: None,
        })
    }

    /// True if an open question no longer keeps its booking from being offered to somebody else.
    pub(super) fn gives_way(
        &self,
        id: &AssignmentId,
        asked_at: Option<crate::units::UtcMs>,
        now: Now,
    ) -> bool {
        match self.questions.get(id) {
            Some(question) => question.withdrawn.is_some() || now.ticks >= question.gives_way_at,
            None => {
                let reoffer_ms = i64::try_from(self.config.timing.reoffer_ms).unwrap_or(i64::MAX);
                let is_meanwhile = -FAR_AHEAD_MS..reoffer_ms;
                asked_at.is_none_or(|at| !is_meanwhile.contains(&now.utc.since_ms(at)))
            }
        }
    }

    fn free_shifts(&self, district: &DistrictId, scope: &Scope, now: Now) -> Vec<FreeShift> {
        let Some(board) = self.district(district) else { return Vec::new() };
        let wanted = self.wanted_elsewhere(board);
        let handed = if scope.attached { BTreeSet::new() } else { self.handed_for(board) };
        board
            .on_duty()
            .filter(|shift| match shift.home() {
                None => scope.attached || handed.contains(&shift.id),
                Some(home) if *home == self.config.id => scope.homed,
                Some(home) => scope.through.as_ref() == Some(home),
            })
            .filter(|shift| shift.is_available() && !wanted.contains(&shift.id))
            .filter(|shift| planted!("plan-leaves-busy-in", board.may_be_asked(shift), true))
            .filter_map(|shift| self.free_shift(shift, district, now))
            .collect()
    }

    /// How many drivers could be asked at once and have no booking of this node's waiting for them.
    pub(super) fn idle_drivers(&self, district: &DistrictId, now: Now) -> usize {
        let Some(scope) = self.scope(district, now) else { return 0 };
        let free = self.free_shifts(district, &scope, now).len();
        free.saturating_sub(self.wanting(district, now).len())
    }

    /// Shifts for which a booking is on its way to the edge that alone may ask them.
    fn wanted_elsewhere(&self, board: &DistrictBoard) -> BTreeSet<ShiftId> {
        board
            .open_bookings()
            .filter(|record| !self.owns(record))
            .filter_map(|record| record.owner.as_ref().and_then(|(_, wanted)| *wanted))
            .collect()
    }

    pub(super) fn is_wanted_elsewhere(&self, board: &DistrictBoard, shift: ShiftId) -> bool {
        self.wanted_elsewhere(board).contains(&shift)
    }

    /// The shift as a candidate, if it can be asked.
    pub(super) fn free_shift(
        &self,
        shift: &ShiftRecord,
        district: &DistrictId,
        now: Now,
    ) -> Option<FreeShift> {
        if self.can_hear_a_question(shift, district, now) {
            self.candidate(shift, district, now)
        } else {
            None
        }
    }

    /// The shift as a candidate, if anybody knows where it is.
    pub(super) fn candidate(
        &self,
        shift: &ShiftRecord,
        district: &DistrictId,
        now: Now,
    ) -> Option<FreeShift> {
        let start = shift.start.as_ref()?;
        Some(FreeShift {
            shift: shift.id,
            position: self.place_of(shift, district, now)?,
            ready_in_s: 0,
            until: None,
            fleet: start.fleet.clone(),
            seats: start.vehicle.seats,
            offers: start.vehicle.needs,
            waits_at: shift.waits_at().map(|(stand, since)| (stand.clone(), since)),
            idle_since: shift.duty.map_or(start.at, |(_, _, at)| at),
            takes_over: self.is_attached_here(district, shift.id),
        })
    }
}
