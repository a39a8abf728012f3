//! What driver devices report.
//!
//! The device is the only one who puts its driver's assignments in line; a node records what the device says and
//! asks it to let go, never the other way round. It believes a device only about bonds for which it was asked.

use super::Node;
use crate::booking::{AssignmentRecord, Door};
use crate::command::{Answer, Happening, Refusal, Report, ToDevice, is_far_off};
use crate::face::{Output, Role};
use crate::fact::{Fact, Release, Request, Step, district_wide};
use crate::ids::{AssignmentId, BookingId, DistrictId, ShiftId, SubjectId};
use crate::planted;
use crate::position::Position;
use crate::shift::Duty;
use crate::units::{Now, Ticks, UtcMs};

/// A device that is heard again hands in what it could not tell before within this time.
const AFTER_GAP_MS: u64 = 60_000;
/// Bonds that a shift may speak of before the questions are known here; more wait in the device's outbox.
const CLAIMS_MAX: usize = 64;

impl Node {
    pub(super) fn report(&mut self, report: Report, now: Now) -> Result<Answer, Refusal> {
        self.serves(&report.district)?;
        let (district, shift) = (report.district.clone(), report.shift);
        let board = self.district(&district).ok_or(Refusal::UnknownShift)?;
        let known = board.shifts.get(&shift).ok_or(Refusal::UnknownShift)?;
        if known.device() != Some(report.device) {
            return Err(Refusal::UnknownShift);
        }
        // A phone with a wrong clock is served like any other: what happened counts from when it was told.
        let at = if is_far_off(report.at, now.utc) { now.utc } else { report.at };
        let fact = match report.what.clone() {
            Happening::Duty { number, duty } => {
                if known.duty.is_some_and(|(at, duty, _)| number <= at || duty == Duty::Ended) {
                    return Ok(Answer::Done);
                }
                let at = self.waiting_since(shift, at, now);
                Some((district_wide(), Fact::DutyChanged { shift, number, duty, at }))
            }
            Happening::Step { booking, assignment, what } => {
                let news = self.is_news(&report, booking, &assignment, &what)?;
                let record = board.bookings.get(&booking);
                let zone = record.and_then(|record| record.zone().cloned()).unwrap_or_else(district_wide);
                news.then_some((zone, Fact::Stepped { booking, assignment, shift, what, at }))
            }
            Happening::StreetHail { booking, assignment, pickup } => {
                let count = assignment.counter;
                let its_own = assignment == AssignmentId::of_device(report.device, count)
                    && booking == BookingId::of_hail(report.device, count);
                if !its_own {
                    return Err(Refusal::NoTrip);
                }
                if board.bookings.get(&booking).is_some_and(|record| record.accepted.is_some()) {
                    return Ok(Answer::Done);
                }
                let zone =
                    self.config.districts[&district].zones.first().cloned().unwrap_or_else(district_wide);
                let request = street_request(booking, pickup);
                Some((zone, Fact::StreetHailed { booking, assignment, shift, request, at }))
            }
            Happening::Stand { stand } => {
                if let Some(stand) = &stand
                    && !board.stands.contains_key(stand)
                {
                    return Err(Refusal::UnknownStand);
                }
                let same = known.waits_at().map(|(stand, _)| stand) == stand.as_ref();
                let at = self.waiting_since(shift, at, now);
                (!same).then_some((district_wide(), Fact::StandChanged { shift, stand, at }))
            }
        };
        if let Some((zone, fact)) = fact {
            let ended = matches!(fact, Fact::DutyChanged { duty: Duty::Ended, .. });
            let assigned = match &fact {
                Fact::Stepped { booking, assignment, what: Step::Assigned, .. } => {
                    Some((*booking, assignment.clone()))
                }
                _ => None,
            };
            let late = assigned.clone().filter(|(booking, assignment)| {
                let record = self.district(&district).and_then(|board| board.bookings.get(booking));
                record.is_some_and(|record| {
                    planted!(
                        "late-yes-counts",
                        self.comes_too_late(&district, record, assignment, shift, now),
                        false
                    )
                })
            });
            if let Some((booking, assignment)) = &late {
                // Before the yes, so that it never stands beside the chosen driver's.
                self.release_late(&district, *booking, assignment, shift, now);
            }
            let closed = match &fact {
                Fact::Stepped { assignment, what: Step::Released { .. } | Step::Done { .. }, .. } => {
                    Some(assignment.clone())
                }
                _ => None,
            };
            self.append(&district, zone, fact, now);
            if let Some((_, assignment)) = assigned {
                // Whose yes came too late keeps the place in the queue.
                if late.is_none() {
                    self.leave_stand(&district, shift, now);
                }
                self.confirm(&district, shift, assignment);
            }
            if let Some(assignment) = closed {
                self.let_go(shift, &assignment);
            }
            if ended {
                self.contacts.remove(&shift);
            }
        }
        Ok(Answer::Done)
    }

    /// Since when a driver waits who says so: from the receipt, because a clock that is set back would be first in
    /// every queue. Only for the time in which this node itself did not hear the device, the device is believed.
    fn waiting_since(&self, shift: ShiftId, at: UtcMs, now: Now) -> UtcMs {
        let gap = self.contacts.get(&shift).and_then(|contact| contact.gap);
        let is_within = gap.is_some_and(|(from, until)| {
            let ago_ms = |ticks: Ticks| i64::try_from(now.ticks.since_ms(ticks)).unwrap_or(i64::MAX);
            let told_ago_ms = now.utc.since_ms(at);
            now.ticks.since_ms(until) <= AFTER_GAP_MS && (ago_ms(until)..=ago_ms(from)).contains(&told_ago_ms)
        });
        if is_within { at } else { now.utc }
    }

    /// True if a step is to be written; false if it is known.
    ///
    /// A device steps only bonds for which its shift was asked. Whether it was, this node knows of its own questions
    /// in this life. Another node's question, or one of a life whose end was lost, may still be on its way: the
    /// step is then kept as a claim, which counts once the question arrives.
    fn is_news(
        &self,
        report: &Report,
        booking: BookingId,
        assignment: &AssignmentId,
        what: &Step,
    ) -> Result<bool, Refusal> {
        let board = self.district(&report.district).ok_or(Refusal::UnknownShift)?;
        let record = board.bookings.get(&booking);
        let said = record.and_then(|record| record.said_of(assignment, report.shift));
        if said.is_some_and(|bond| is_known(bond, what)) {
            return Ok(false);
        }
        match record.and_then(|record| record.assignments.get(assignment)) {
            Some(bond) if bond.shift != report.shift => return Err(Refusal::NoTrip),
            Some(bond) => match what {
                Step::Released { .. } if bond.boarded.is_some() => return Err(Refusal::AlreadyBoarded),
                Step::Released { .. } => {}
                Step::Assigned | Step::Arrived | Step::Boarded { .. } | Step::Done { .. } => {
                    if device_ended(bond) {
                        return Err(Refusal::NoTrip);
                    }
                }
            },
            None => self.may_claim(report, booking, assignment, said.is_some())?,
        }
        Ok(true)
    }

    /// Says whether a device may speak of a bond for which nobody is known here to have asked it.
    fn may_claim(
        &self,
        report: &Report,
        booking: BookingId,
        assignment: &AssignmentId,
        spoken_of: bool,
    ) -> Result<(), Refusal> {
        let (me, origin) = (&self.config.id, &assignment.origin);
        // What a neighbour lends has been asked by this district's edge, and may be known here of the neighbour alone.
        let by_edge = self.sides.get(&report.district).is_some_and(|side| side.edge(me) == Some(origin));
        let elsewhere = !by_edge
            && self
                .board
                .booking(booking)
                .is_some_and(|(district, record)| record.accepted.is_some() && *district != report.district);
        let made_here = self.named_in_this_life(assignment);
        let may_ask = origin == me
            || *assignment == AssignmentId::of_device(report.device, assignment.counter)
            || self.config.districts.get(&report.district).is_some_and(|d| d.edge.as_ref() == Some(origin))
            || self.board.heads().0.keys().any(|series| series.origin == *origin)
            || matches!(&self.config.role, Role::Edge { central } if central == origin);
        if elsewhere || made_here || !may_ask {
            return Err(Refusal::NoTrip);
        }
        let room = self
            .district(&report.district)
            .is_some_and(|board| spoken_of || board.claims_of(report.shift) < CLAIMS_MAX);
        if room { Ok(()) } else { Err(Refusal::Overloaded) }
    }

    /// Tells the device that its acceptance is in the journal, unless the booking has gone to somebody else.
    fn confirm(&mut self, district: &DistrictId, shift: ShiftId, assignment: AssignmentId) {
        self.questions.remove(&assignment);
        let stands = self.district(district).is_some_and(|district| {
            district.bonds_of(shift).any(|(record, id)| {
                *id == assignment && record.standing().is_some_and(|(standing, _)| *standing == assignment)
            })
        });
        if let Some(contact) = self.contacts.get(&shift)
            && stands
            && self.is_attached_here(district, shift)
        {
            let device = contact.device;
            self.outputs.push_back(Output::ToDevice { device, message: ToDevice::Confirm { assignment } });
        }
    }

    /// The device no longer holds the assignment: what this node remembers of its slot follows.
    fn let_go(&mut self, shift: ShiftId, assignment: &AssignmentId) {
        self.questions.remove(assignment);
        self.recalled.remove(assignment);
        if let Some(contact) = self.contacts.get_mut(&shift) {
            if contact.slot.current.as_ref().is_some_and(|held| held.assignment == *assignment) {
                contact.slot.current = contact.slot.next.take();
            } else if contact.slot.next.as_ref().is_some_and(|held| held.assignment == *assignment) {
                contact.slot.next = None;
            }
        }
    }
}

/// True if the bond already says what a step says.
fn is_known(bond: &AssignmentRecord, what: &Step) -> bool {
    match what {
        Step::Assigned => bond.assigned_at.is_some(),
        Step::Arrived => bond.arrived_at.is_some(),
        Step::Boarded { .. } => bond.boarded.is_some(),
        Step::Done { fare } => bond.done.as_ref().is_some_and(|(_, known)| known.revision >= fare.revision),
        Step::Released { .. } => bond.released.is_some(),
    }
}

/// True if the device itself ended it: it never goes on with such a bond. What a node writes without having heard
/// the device (contact lost, a session void) may cross with what the driver did meanwhile, which then stands.
fn device_ended(bond: &AssignmentRecord) -> bool {
    bond.boarded.is_none()
        && bond.released.is_some_and(|(_, why)| {
            !matches!(why, Release::ContactLost | Release::SessionVoid | Release::Withdrawn)
        })
}

/// The request of a rider who got in from the street: nothing is known but the place.
fn street_request(booking: BookingId, pickup: Position) -> Request {
    Request::plain(Door::Street, pickup, SubjectId(booking.0))
}
