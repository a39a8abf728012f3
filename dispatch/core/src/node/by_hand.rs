//! What an operator decides about who drives: a shift asked by hand, a booking taken back, a trip closed.
//!
//! A shift that is asked, bound, or on its way to be asked at its home edge is busy for an operator as for a plan. The
//! operator's choice stands over a question that is open to somebody else: that one is withdrawn, and a yes that was
//! on its way is released again, so that it neither takes the booking from the chosen driver nor binds its own.

use std::ops::RangeInclusive;

use super::home::FARE_MAX;
use super::lease::Side;
use super::{Mode, Node};
use crate::booking::{AssignmentRecord, BookingRecord, Status};
use crate::command::{Answer, Held, Refusal, ToDevice};
use crate::face::Output;
use crate::fact::{CloseReason, Fact, Fare, Release, Step, district_wide};
use crate::ids::{AssignmentId, BookingId, DistrictId, ShiftId};
use crate::matching::Reasons;
use crate::units::{Money, Now};

/// The drive to a pickup that an operator may tell, in seconds: beyond it somebody mistyped.
const TOLD_ETA_S: RangeInclusive<u32> = 60..=4 * 3_600;

impl Node {
    pub(super) fn assign_by_hand(
        &mut self,
        booking: BookingId,
        shift: ShiftId,
        told_eta_s: Option<u32>,
        now: Now,
    ) -> Result<Answer, Refusal> {
        let district = self.find(booking)?.0;
        self.sweep_lease(&district, now);
        let (_, record) = self.find(booking)?;
        match record.status() {
            Status::Done | Status::Cancelled => return Err(Refusal::Closed),
            Status::Boarded => return Err(Refusal::AlreadyBoarded),
            Status::Assigned | Status::Arrived => return Err(Refusal::AlreadyAssigned),
            Status::Open | Status::Offered => {}
        }
        // Whose rider was asked because a neighbour is silent a human may give to whom it seems right.
        let may_plan =
            self.may_plan(&district, record) || (self.owns(record) && self.loans.has_asked(booking));
        if !may_plan {
            return Err(Refusal::NotOwner);
        }
        let open = open_questions(record);
        if open.iter().any(|(id, asked)| *asked == shift && self.is_being_asked(id)) {
            // The button was pressed twice.
            return Ok(Answer::Done);
        }
        self.may_be_asked_by_hand(&district, shift, now)?;
        if open.iter().any(|(id, _)| !self.gives_way_to_hand(record, id, now)) {
            return Err(Refusal::NotOwner);
        }
        let eta_s = self.eta_by_hand(&district, record, shift, told_eta_s, now)?;
        self.is_wanted_again(&district, booking);
        for (assignment, asked) in open {
            self.withdraw(&district, booking, &assignment, asked, now);
        }
        let known = self.district(&district).and_then(|board| board.shifts.get(&shift));
        if let Some(other) = known.and_then(|known| self.asked_through(&district, known, now)) {
            self.hand_over_for(&district, booking, other, shift, now);
        } else {
            let why = Reasons::alone("by_hand");
            self.ask(&district, booking, shift, eta_s, why, now);
        }
        Ok(Answer::Done)
    }

    /// Says whether an operator may have `shift` asked now, whatever the booking.
    fn may_be_asked_by_hand(&self, district: &DistrictId, shift: ShiftId, now: Now) -> Result<(), Refusal> {
        let board = self.district(district).ok_or(Refusal::UnknownShift)?;
        let known = board.shifts.get(&shift).ok_or(Refusal::UnknownShift)?;
        if !known.is_available() {
            return Err(Refusal::NotAvailable);
        }
        if !board.may_be_asked(known) || self.is_wanted_elsewhere(board, shift) {
            return Err(Refusal::ShiftBusy);
        }
        if self.can_hear_a_question(known, district, now) { Ok(()) } else { Err(Refusal::NotAvailable) }
    }

    /// True if a question may be overruled: this node can withdraw it, or it has been open for so long that the booking
    /// may be offered beside it. What another node asks, it alone can take back.
    fn gives_way_to_hand(&self, record: &BookingRecord, id: &AssignmentId, now: Now) -> bool {
        let asked_at = record.assignments[id].offered.as_ref().map(|(_, at, _)| *at);
        id.origin == self.config.id || self.gives_way(id, asked_at, now)
    }

    fn is_being_asked(&self, id: &AssignmentId) -> bool {
        self.questions.get(id).is_some_and(|question| question.withdrawn.is_none())
    }

    /// The travel time that the driver and the rider are told: by road from where the shift is known to be, else what
    /// the driver told the operator. A number that nobody measured or told is shown to nobody.
    fn eta_by_hand(
        &self,
        district: &DistrictId,
        record: &BookingRecord,
        shift: ShiftId,
        told_eta_s: Option<u32>,
        now: Now,
    ) -> Result<u32, Refusal> {
        let pickup = record.request().map(|request| request.pickup).ok_or(Refusal::UnknownBooking)?;
        let known = self.district(district).and_then(|board| board.shifts.get(&shift));
        let place = known.and_then(|known| self.place_of(known, district, now));
        let by_road_s = place.and_then(|place| self.travel.durations_s(pickup, &[place]).first().copied()?);
        if known.is_some_and(|known| self.asked_through(district, known, now).is_some()) {
            // That node measures again before it asks, and gives back what is out of reach.
            let eta_s = by_road_s.ok_or(Refusal::EtaUnknown)?;
            return if eta_s <= self.config.timing.reach_s { Ok(eta_s) } else { Err(Refusal::OutOfRange) };
        }
        if told_eta_s.is_some_and(|told_s| !TOLD_ETA_S.contains(&told_s)) {
            return Err(Refusal::OutOfRange);
        }
        by_road_s.or(told_eta_s).ok_or(Refusal::EtaUnknown)
    }

    /// Takes back a question: an operator has chosen somebody else, or central counts on the booking. A device is asked to
    /// forget it, and what it has said yes to meanwhile stands until it has.
    pub(super) fn withdraw(
        &mut self,
        district: &DistrictId,
        booking: BookingId,
        assignment: &AssignmentId,
        shift: ShiftId,
        now: Now,
    ) {
        if self.is_homed_here(district, shift) {
            let what = Step::Released { reason: Release::Withdrawn };
            self.step_at_home(district, booking, assignment, what, now);
            return;
        }
        if let Some(question) = self.questions.get_mut(assignment) {
            question.withdrawn = Some(Release::Withdrawn);
        }
        self.push_messages(district, shift, now);
    }

    /// True if a yes comes too late: its question is over, and somebody else is bound or being asked, or another node plans
    /// the booking now. Where nobody is any more, the yes is welcome.
    ///
    /// Nobody gives way to such a yes: the phone may have been told to forget the question while its yes was on the way,
    /// and then both would have let go. A question that another node has put, or this one in an earlier life, may be over.
    /// A phone that was told by that node that its yes counts has not let go as long as its word is awaited here, and whoever
    /// is on board stays there.
    pub(super) fn comes_too_late(
        &self,
        district: &DistrictId,
        record: &BookingRecord,
        assignment: &AssignmentId,
        shift: ShiftId,
        now: Now,
    ) -> bool {
        let slot = self.contacts.get(&shift).into_iter().flat_map(|contact| contact.slot.iter());
        let has_boarded = |bond: &AssignmentRecord| bond.carried_since().is_some();
        let is_awaited = self.awaits_yes(district, assignment, shift, now);
        let counts =
            |held: &Held| held.assignment == *assignment && (held.boarded || (held.confirmed && is_awaited));
        if slot.into_iter().any(counts) || record.assignments.get(assignment).is_some_and(has_boarded) {
            return false;
        }
        let question = self.questions.get(assignment);
        let mut others = record.assignments.iter().filter(|(id, _)| *id != assignment);
        let is_over = question.is_none_or(|question| question.withdrawn.is_some());
        if is_over && others.any(|(id, bond)| bond.binds() || self.is_being_asked(id)) {
            return true;
        }
        let handed_over = record.owner.as_ref().is_some_and(|(_, wanted)| wanted.is_some());
        question.is_some_and(|question| question.withdrawn == Some(Release::Withdrawn))
            && (handed_over || !self.owns(record))
    }

    /// Releases a bond whose yes came too late. The device is told at once, and at each beat until it has let go.
    pub(super) fn release_late(
        &mut self,
        district: &DistrictId,
        booking: BookingId,
        assignment: &AssignmentId,
        shift: ShiftId,
        now: Now,
    ) {
        let reason = Release::Withdrawn;
        let record = self.district(district).and_then(|board| board.bookings.get(&booking));
        let zone = record.and_then(|record| record.zone().cloned()).unwrap_or_else(district_wide);
        let (id, what) = (assignment.clone(), Step::Released { reason });
        self.append(district, zone, Fact::Stepped { booking, assignment: id, shift, what, at: now.utc }, now);
        if !self.is_attached_here(district, shift) {
            return;
        }
        let Some(contact) = self.contacts.get_mut(&shift) else { return };
        let (id, device) = (assignment.clone(), contact.device);
        contact.slot.current.get_or_insert(Held {
            booking,
            assignment: id.clone(),
            confirmed: false,
            boarded: false,
        });
        let message = ToDevice::Revoke { assignment: id, booking, reason };
        self.outputs.push_back(Output::ToDevice { device, message });
    }

    /// Closes a trip that stays boarded because its driver's phone is gone. No machine does so. Where the phone is bound
    /// to the other node of the district, that one knows whether it is heard, unless it is cut off. Distance and time stay
    /// unknown; what the phone tells later stands, and is charged only if nothing was.
    pub(super) fn close_trip(
        &mut self,
        booking: BookingId,
        reason: CloseReason,
        fare: Option<Money>,
        now: Now,
    ) -> Result<Answer, Refusal> {
        let (district, record) = self.find(booking)?;
        self.serves(&district)?;
        match record.status() {
            Status::Done | Status::Cancelled => return Err(Refusal::Closed),
            Status::Open | Status::Offered | Status::Assigned | Status::Arrived => {
                return Err(Refusal::NoTrip);
            }
            Status::Boarded => {}
        }
        if fare.is_some_and(|fare| !(0..=FARE_MAX).contains(&fare.0)) {
            return Err(Refusal::OutOfRange);
        }
        let (assignment, bond) = record.standing().ok_or(Refusal::NoTrip)?;
        let (assignment, shift) = (assignment.clone(), bond.shift);
        if self.is_another_nodes(&district, shift) {
            return Err(Refusal::NotOwner);
        }
        if now.ticks.since_ms(self.last_heard_at(shift)) <= self.config.timing.reassign_ms {
            return Err(Refusal::DriverHeard);
        }
        let fare = match fare {
            None => None,
            Some(amount) => {
                // Whether a fare is charged or was paid in the vehicle stands in the request alone.
                let payment = record.request().ok_or(Refusal::UnknownBooking)?.payment;
                Some(Fare { revision: 0, amount, distance_m: 0, duration_s: 0, payment })
            }
        };
        let zone = record.zone().cloned().unwrap_or_else(district_wide);
        let fact = Fact::TripClosed { booking, assignment, shift, reason, fare, at: now.utc };
        self.append(&district, zone, fact, now);
        Ok(Answer::Done)
    }

    /// True if the other node of the district is in touch and would hear of the shift, if anybody did.
    fn is_another_nodes(&self, district: &DistrictId, shift: ShiftId) -> bool {
        let known = self.district(district).and_then(|board| board.shifts.get(&shift));
        let serialiser = known.and_then(|known| known.home()).or_else(|| self.bound_to(district, shift));
        let is_other = match self.sides.get(district) {
            Some(Side::Central(side)) => serialiser.is_some_and(|node| side.edge.as_ref() == Some(node)),
            Some(Side::Edge(side)) => serialiser == Some(&side.central),
            None => false,
        };
        is_other && self.mode(district).is_some_and(|view| view.mode != Mode::Degraded)
    }

    /// Has a driver let go of a booking before boarding. It may be one whose request is lost with a disk: its driver is
    /// not left bound by it.
    pub(super) fn recall(&mut self, booking: BookingId, now: Now) -> Result<Answer, Refusal> {
        let (district, record) = self.board.booking(booking).ok_or(Refusal::UnknownBooking)?;
        let district = district.clone();
        match record.status() {
            Status::Done | Status::Cancelled => return Err(Refusal::Closed),
            Status::Boarded => return Err(Refusal::AlreadyBoarded),
            Status::Open | Status::Offered => return Err(Refusal::NoTrip),
            Status::Assigned | Status::Arrived => {}
        }
        let (assignment, shift) =
            record.standing().map(|(id, bond)| (id.clone(), bond.shift)).ok_or(Refusal::NoTrip)?;
        let board = self.district(&district).ok_or(Refusal::UnknownBooking)?;
        let known = board.shifts.get(&shift).ok_or(Refusal::UnknownShift)?;
        if known.home() == Some(&self.config.id) {
            self.step_at_home(
                &district,
                booking,
                &assignment,
                Step::Released { reason: Release::Recalled },
                now,
            );
        } else if self.is_attached_here(&district, shift) {
            self.recalled.insert(assignment, shift);
            self.push_messages(&district, shift, now);
        } else {
            return Err(Refusal::NotOwner);
        }
        Ok(Answer::Done)
    }
}

/// The open questions of a booking, with the shift that each is put to.
fn open_questions(record: &BookingRecord) -> Vec<(AssignmentId, ShiftId)> {
    let questions = record.assignments.iter().filter(|(_, bond)| bond.is_question());
    questions.map(|(id, bond)| (id.clone(), bond.shift)).collect()
}
