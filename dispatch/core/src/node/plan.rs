//! Who is asked: the snapshot for the policy, the questions that follow from its plan, and their end.

use crate::planted;
use std::collections::BTreeSet;

use super::{Contact, Node, Question, Side};
use crate::authority::{CentralMode, EdgeMode};
use crate::board::DistrictBoard;
use crate::booking::{BookingRecord, Status};
use crate::command::{Notice, NoticeText, Offer, Recipient, ToDevice};
use crate::face::Output;
use crate::fact::{Fact, Release, Step, district_wide};
use crate::ids::{AssignmentId, BookingId, DistrictId, NodeId, ShiftId};
use crate::matching::{FreeShift, OpenBooking, Plan, Reasons, Snapshot};
use crate::pin::{booking_code, pin_verifier};
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

    /// Plans a district; false if there was nothing to plan, so that the next booking need not wait.
    ///
    /// The lease is looked at first: a process that was stopped for a while must not act on what it held before.
    fn plan(&mut self, district: &DistrictId, now: Now) -> bool {
        self.sweep_lease(district, now);
        let Some(scope) = self.scope(district, now) else { return false };
        let bookings = self.wanting(district, now);
        if bookings.is_empty() {
            return false;
        }
        let shifts = self.free_shifts(district, &scope, now);
        let reach_s = self.config.timing.reach_s;
        let on_duty = self.district(district).map_or(0, |board| board.on_duty().count());
        let travel = self.travel.as_ref();
        let snapshot = Snapshot { now: now.utc, bookings, shifts, on_duty, reach_s, travel };
        let plan = self.policy.plan(&snapshot);
        let handed: BTreeSet<BookingId> =
            snapshot.bookings.iter().filter(|booking| booking.only.is_some()).map(|b| b.booking).collect();
        self.carry_out(district, plan, &scope, &handed, now);
        true
    }

    fn carry_out(
        &mut self,
        district: &DistrictId,
        plan: Plan,
        scope: &Scope,
        handed: &BTreeSet<BookingId>,
        now: Now,
    ) {
        for ask in plan.asks {
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
        match &self.sides[district] {
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
        let accepted = record.accepted.as_ref()?;
        let request = &accepted.request;
        let timing = &self.config.timing;
        if !matches!(record.status(), Status::Open | Status::Offered) {
            return None;
        }
        if !self.is_due(record, now) || record.rider_did_not_come() || self.is_aged(record.id) {
            return None;
        }
        let mut not = BTreeSet::new();
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
                asked_at.is_none_or(|at| now.utc.since_ms(at) >= reoffer_ms)
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
        let start = shift.start.as_ref()?;
        if !self.can_hear_a_question(shift, district, now) {
            return None;
        }
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
        })
    }

    /// Asks a shift: the question is in the journal before it leaves.
    pub(super) fn ask(
        &mut self,
        district: &DistrictId,
        booking: BookingId,
        shift: ShiftId,
        eta_s: u32,
        why: Reasons,
        now: Now,
    ) {
        let Some(board) = self.district(district) else { return };
        let (Some(record), Some(shift_record)) = (board.bookings.get(&booking), board.shifts.get(&shift))
        else {
            return;
        };
        let by_text = shift_record.home().is_some();
        let driver = shift_record.start.as_ref().map(|start| start.driver);
        let zone = record.zone().cloned().unwrap_or_else(district_wide);
        let Some(request) = record.request().cloned() else { return };
        let timing = self.config.timing;
        let (ttl_ms, gives_way_ms) = if by_text {
            (timing.text_offer_ttl_ms, timing.text_offer_ttl_ms)
        } else {
            (timing.offer_ttl_ms, timing.reoffer_ms)
        };
        let assignment = if by_text { self.name_by_text(shift) } else { self.next_name() };
        self.questions.insert(
            assignment.clone(),
            Question {
                district: district.clone(),
                booking,
                shift,
                lapses_at: now.ticks.plus_ms(ttl_ms),
                gives_way_at: now.ticks.plus_ms(gives_way_ms),
                withdrawn: None,
            },
        );
        let fact = Fact::Offered { booking, assignment: assignment.clone(), shift, eta_s, why, at: now.utc };
        self.append(district, zone, fact, now);
        if by_text {
            let Some(driver) = driver else { return };
            self.outputs.push_back(Output::Notify(Notice {
                id: format!("{assignment}/offer"),
                to: Recipient::Driver { driver },
                text: NoticeText::DriverOffer {
                    letter: assignment.letter(),
                    minutes: eta_s.div_ceil(60),
                    pickup: request.pickup,
                    stand: request.stand.clone(),
                    dropoff: request.dropoff,
                    answer_s: u32::try_from(ttl_ms / 1_000).unwrap_or(u32::MAX),
                },
                urgent: true,
                expires_at: now.utc.plus_ms(ttl_ms),
            }));
        } else {
            self.push_messages(district, shift, now);
        }
    }

    fn next_name(&mut self) -> AssignmentId {
        let (origin, incarnation) = (self.config.id.clone(), self.config.incarnation);
        AssignmentId { origin, incarnation, counter: self.next_count() }
    }

    /// Names a question to a feature-phone driver. The driver's letters go round, whomever else this node asks in
    /// between, so that a late yes to one of the last 25 questions is never a yes to another.
    fn name_by_text(&mut self, shift: ShiftId) -> AssignmentId {
        let asked = self.letters.range((shift, 'A')..=(shift, 'Z')).map(|(_, id)| id);
        let last = asked.max_by_key(|id| id.counter).map(AssignmentId::letter);
        let mut name = self.next_name();
        while last.is_some_and(|last| !comes_next(name.letter(), last)) {
            name = self.next_name();
        }
        self.letters.insert((shift, name.letter()), name.clone());
        name
    }

    /// The offer as a device gets it; `None` if it has no session here or the time is up.
    pub(super) fn offer(&self, district: &DistrictId, assignment: &AssignmentId, now: Now) -> Option<Offer> {
        let question = self.questions.get(assignment)?;
        let contact = self.contacts.get(&question.shift)?;
        let (session, attach_epoch) = contact.session.clone()?;
        let record = self.district(district)?.bookings.get(&question.booking)?;
        let eta_s = record.assignments.get(assignment)?.eta_s();
        let ttl_ms = question.lapses_at.since_ms(now.ticks);
        if question.withdrawn.is_some() || ttl_ms == 0 {
            return None;
        }
        Some(Offer {
            booking: question.booking,
            assignment: assignment.clone(),
            session,
            attach_epoch,
            ttl_ms,
            eta_s,
            request: record.request()?.clone(),
            pin_verifier: pin_verifier(assignment, &self.pin(question.booking)),
            capsule: if contact.keeps_capsules { self.capsule(district, assignment, record) } else { None },
        })
    }

    /// Ends questions whose time is up. A device is asked to forget its question and its driver stays reserved until
    /// it has; a home edge is the serialiser and decides at once.
    pub(super) fn sweep_questions(&mut self, district: &DistrictId, now: Now) {
        let due: Vec<(AssignmentId, BookingId, ShiftId, bool)> = self
            .questions
            .iter()
            .filter(|(_, q)| q.district == *district && q.withdrawn.is_none() && now.ticks >= q.gives_way_at)
            .map(|(id, q)| (id.clone(), q.booking, q.shift, self.is_homed_here(district, q.shift)))
            .collect();
        for (assignment, booking, shift, homed) in due {
            if homed {
                self.questions.remove(&assignment);
                let what = Step::Released { reason: Release::Lapsed };
                self.step_at_home(district, booking, &assignment, what, now);
            } else {
                if let Some(question) = self.questions.get_mut(&assignment) {
                    question.withdrawn = Some(Release::Lapsed);
                }
                self.push_messages(district, shift, now);
            }
            self.dirty.insert(district.clone());
        }
        // Questions that have been answered need no memory here.
        let answered: Vec<AssignmentId> = self
            .questions
            .iter()
            .filter(|(_, q)| q.district == *district)
            .filter(|(id, q)| {
                self.district(district)
                    .and_then(|district| district.bookings.get(&q.booking))
                    .and_then(|record| record.assignments.get(id))
                    .is_none_or(|bond| !bond.is_question())
            })
            .map(|(id, _)| id.clone())
            .collect();
        for assignment in answered {
            self.questions.remove(&assignment);
        }
    }

    /// Sends a device everything that is open between it and this node.
    pub(super) fn push_messages(&mut self, district: &DistrictId, shift: ShiftId, now: Now) {
        let Some(device) = self.contacts.get(&shift).map(|contact| contact.device) else { return };
        for message in self.messages_for(district, shift, now) {
            self.outputs.push_back(Output::ToDevice { device, message });
        }
    }

    /// Everything that is open between this node and a device.
    pub(super) fn messages_for(&self, district: &DistrictId, shift: ShiftId, now: Now) -> Vec<ToDevice> {
        let (Some(board), Some(contact)) = (self.district(district), self.contacts.get(&shift)) else {
            return Vec::new();
        };
        let mut messages = Vec::new();
        for (record, assignment) in board.bonds_of(shift) {
            let bond = &record.assignments[assignment];
            let ends = record.must_end().find(|(id, ..)| *id == assignment).map(|(_, _, reason)| reason);
            let recalled = self.recalled.contains_key(assignment).then_some(Release::Recalled);
            let revoke =
                |reason| ToDevice::Revoke { assignment: assignment.clone(), booking: record.id, reason };
            if let Some(reason) = ends.or(recalled) {
                messages.push(revoke(reason));
            } else if bond.is_question() {
                match self.questions.get(assignment) {
                    Some(question) if question.withdrawn.is_none() => {
                        messages.extend(
                            self.offer(district, assignment, now).map(|o| ToDevice::Offer(Box::new(o))),
                        );
                    }
                    Some(question) => messages.push(revoke(question.withdrawn.unwrap_or(Release::Lapsed))),
                    // Asked in an earlier life of this node: the question is void.
                    None if assignment.origin == self.config.id => messages.push(revoke(Release::Withdrawn)),
                    None => {}
                }
            } else if self.is_to_confirm(contact, assignment) {
                messages.push(ToDevice::Confirm { assignment: assignment.clone() });
            }
        }
        for held in contact.slot.iter().filter(|held| !held.boarded) {
            let released = board
                .bookings
                .get(&held.booking)
                .and_then(|record| record.assignments.get(&held.assignment))
                .filter(|bond| bond.boarded.is_none())
                .and_then(|bond| bond.released);
            if let Some((_, reason)) = released {
                messages.push(ToDevice::Revoke {
                    assignment: held.assignment.clone(),
                    booking: held.booking,
                    reason,
                });
            }
        }
        messages
    }

    /// True if the device is to be told that this node counts on the bond: it has not been told yet, or it does not
    /// hold the bond and this journal has lost how it ended. A device that is told so of a bond that it ended tells
    /// again how.
    fn is_to_confirm(&self, contact: &Contact, assignment: &AssignmentId) -> bool {
        let held = contact.slot.iter().find(|held| held.assignment == *assignment);
        planted!(
            "ended-bonds-stay",
            held.is_none_or(|held| !held.confirmed),
            held.is_some_and(|held| !held.confirmed)
        )
    }

    /// The code of a booking, for texts.
    pub(super) fn code(booking: BookingId) -> String {
        booking_code(booking)
    }
}

/// True if `letter` comes next after `last`, and A after Z.
fn comes_next(letter: char, last: char) -> bool {
    (u32::from(letter) + 26 - u32::from(last)) % 26 == 1
}
