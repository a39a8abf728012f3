//! The slot: which questions the device takes, what ends an assignment, and the driver's steps.
//!
//! ```text
//!            offer: session, epoch, unseen, in time, slot free
//!   (node) ────────────────────────────▶ question ──accept──▶ assigned ─▶ arrived ─▶ boarded ─▶ done
//!                                           │ lapse, decline,     │ revoke, give back,  │
//!                                           ▼ revoke, new session ▼ replace, no-show    ▼ nobody but the driver
//!                                        tombstone             tombstone
//! ```

use ondol_core::fact::{PinCheck, Release};
use ondol_core::ids::{AssignmentId, BookingId, NodeId};
use ondol_core::pin::{PIN_TRIES, pin_verifier};
use ondol_core::planted;
use ondol_core::shift::Duty;
use ondol_core::units::{Now, Ticks, UtcMs};

use crate::device::Device;
use crate::durable::Trip;
use crate::face::{Wish, WishRefusal};
use crate::outbox::{LIVE_FULL, LIVE_MAX};
use crate::wire::{DutyChange, Fare, Happening, Offer, Push};

/// Most questions shown at once.
pub(crate) const QUESTIONS_MAX: usize = 4;
/// Longest life of a question whatever the node says, in milliseconds.
const QUESTION_MAX_MS: u64 = 120_000;
/// Why a question that was never shown, or that another one overtook, comes back: it may be asked again later.
const NOT_FREE: Release = Release::Lapsed;

/// A question shown to the driver.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) offer: Box<Offer>,
    /// On the device's elapsed clock, from the receipt.
    pub(crate) lapses_at: Ticks,
}

impl Device {
    /// Takes in a node's message. Every message may come twice, late, after the trip, or from a node that the device has
    /// left and which does not know so yet.
    pub(crate) fn push(&mut self, from: &NodeId, push: Push, now: Now) {
        // Hardly ever does one guard alone let a driver be called off for nobody, so both fall with this bug: this one, and
        // that a node sees the yes stand on the phone.
        let is_left = planted!("yes-alone-calls-off", self.attached_to() != Some(from), false);
        if is_left || self.durable.outbox.unsent() >= LIVE_MAX {
            return;
        }
        match push {
            Push::Offer { offer } => self.offered(offer, now),
            Push::Revoke { assignment, booking, reason } => self.revoked(&assignment, booking, reason, now),
            Push::Confirm { assignment, rider_phone } => self.confirmed(&assignment, rider_phone),
            Push::Replace { expected, offer } => self.replace(&expected, offer, now),
        }
    }

    /// Does what the driver wants.
    pub(crate) fn wish(&mut self, wish: Wish, now: Now) -> Result<(), WishRefusal> {
        // A rider in the vehicle is brought home whoever ended the shift.
        if self.durable.duty.duty == Duty::Ended && !matches!(wish, Wish::End(_)) {
            return Err(WishRefusal::OffDuty);
        }
        if self.durable.outbox.unsent() >= LIVE_FULL {
            return Err(WishRefusal::OutboxFull);
        }
        match wish {
            Wish::Duty(duty) => self.change_duty(duty, now),
            Wish::Accept(assignment) => self.accept(&assignment, now),
            Wish::Decline(assignment) => self.decline(&assignment, now),
            Wish::Arrive => self.arrive(now),
            Wish::Board { pin } => self.board(pin.as_deref(), now),
            Wish::End(fare) => self.end(fare, now),
            Wish::GiveBack => self.leave(Release::GivenBack, now),
            Wish::NoShow => self.leave(Release::NoShow, now),
            Wish::Hail { pickup } => self.hail(pickup, now),
            Wish::Stand(stand) => {
                self.report(Happening::Stand { stand }, now.utc);
                Ok(())
            }
        }
    }

    fn offered(&mut self, offer: Box<Offer>, now: Now) {
        if !self.is_of_this_session(&offer) || self.already_told(&offer.assignment) {
            return;
        }
        if self.is_asked(&offer.assignment) {
            return;
        }
        let free = self.durable.duty.duty == Duty::Available && self.has_room_for(&offer);
        if free && self.questions.len() < QUESTIONS_MAX {
            let lapses_at = now.ticks.plus_ms(offer.ttl_ms.min(QUESTION_MAX_MS));
            self.questions.push(Question { offer, lapses_at });
            self.changed = true;
        } else {
            self.never(offer.assignment, offer.booking, NOT_FREE, now.utc);
        }
    }

    /// True if the driver sees this question.
    fn is_asked(&self, assignment: &AssignmentId) -> bool {
        self.questions.iter().any(|question| question.offer.assignment == *assignment)
    }

    /// Offers of another session or epoch were made for a state of this device that is over.
    fn is_of_this_session(&self, offer: &Offer) -> bool {
        offer.attach_epoch == self.durable.attach_epoch
            && self.session.as_ref().is_some_and(|session| session.name == offer.session)
    }

    /// The one guard that keeps a driver from two active assignments.
    fn has_room_for(&self, offer: &Offer) -> bool {
        match (&self.durable.current, &offer.after) {
            (None, None) => true,
            (Some(current), Some(after)) => current.assignment == *after && self.durable.next.is_none(),
            (Some(_), None) | (None, Some(_)) => planted!("skip-device-slot", false, true),
        }
    }

    /// Tells again how far each trip of the slot has come: the node may have lost its disk since it was told.
    pub(crate) fn tell_trips_again(&mut self) {
        let trips = self.durable.current.iter().chain(&self.durable.next);
        for (what, at) in trips.flat_map(Trip::happenings).collect::<Vec<_>>() {
            self.report(what, at);
        }
    }

    /// If the assignment was dealt with before, tells its node again how; it would not ask if it knew.
    fn already_told(&mut self, assignment: &AssignmentId) -> bool {
        if let Some(trip) = self.durable.trip(assignment) {
            // The furthest step includes the ones before.
            let (last, at) = trip.happenings().pop().expect("a trip was assigned");
            self.report(last, at);
            true
        } else if let Some(stone) = self.durable.tombstone(assignment).cloned() {
            self.report(stone.last, stone.at);
            true
        } else {
            false
        }
    }

    fn revoked(&mut self, assignment: &AssignmentId, booking: BookingId, reason: Release, now: Now) {
        let may_go = |trip: &Trip| planted!("boarded-reassigned", trip.boarded.is_none(), true);
        if self.durable.trip(assignment).is_some_and(may_go) {
            self.release(assignment, reason, now.utc);
        } else if !self.already_told(assignment) {
            planted!(
                "no-revoke-tombstone",
                self.never(assignment.clone(), booking, reason, now.utc),
                self.questions.retain(|question| question.offer.assignment != *assignment)
            );
        }
    }

    fn confirmed(&mut self, assignment: &AssignmentId, rider_phone: Option<String>) {
        let held = [&mut self.durable.current, &mut self.durable.next];
        let trip = held.into_iter().flatten().find(|trip| trip.assignment == *assignment);
        let Some(trip) = trip else {
            self.already_told(assignment);
            return;
        };
        let rider_phone =
            if trip.boarded.is_some() { None } else { rider_phone.or(trip.rider_phone.clone()) };
        if !trip.confirmed || trip.rider_phone != rider_phone {
            trip.confirmed = true;
            trip.rider_phone = rider_phone;
            self.give_up_at = None;
            self.touch();
        }
    }

    /// One exchange, stored at once: there is no moment at which the slot holds both or neither.
    fn replace(&mut self, expected: &AssignmentId, offer: Box<Offer>, now: Now) {
        if !self.is_of_this_session(&offer) || self.already_told(&offer.assignment) {
            return;
        }
        let place = [&mut self.durable.current, &mut self.durable.next]
            .into_iter()
            .find(|place| place.as_ref().is_some_and(|t| t.assignment == *expected && !t.is_locked()));
        let Some(old) = place else {
            return self.never(offer.assignment, offer.booking, Release::Declined, now.utc);
        };
        let (assignment, booking) = (offer.assignment.clone(), offer.booking);
        let old = old.replace(Trip::of_offer(offer, now.utc)).expect("the place was found by what it holds");
        self.give_up_at = None;
        self.questions.retain(|question| question.offer.assignment != assignment);
        self.bury(
            old.assignment.clone(),
            Happening::Released {
                booking: old.booking,
                assignment: old.assignment,
                reason: Release::Replaced,
            },
            now.utc,
        );
        self.report(Happening::Assigned { booking, assignment }, now.utc);
    }

    fn accept(&mut self, assignment: &AssignmentId, now: Now) -> Result<(), WishRefusal> {
        if self.durable.trip(assignment).is_some() {
            return Ok(());
        }
        self.lapse_questions(now);
        let Some(index) = self.questions.iter().position(|q| q.offer.assignment == *assignment) else {
            let known = self.durable.tombstone(assignment).is_some();
            return Err(if known { WishRefusal::OfferLapsed } else { WishRefusal::NoOffer });
        };
        if !self.has_room_for(&self.questions[index].offer) {
            return Err(WishRefusal::Busy);
        }
        let offer = self.questions.remove(index).offer;
        let (follows, booking) = (offer.after.is_some(), offer.booking);
        let place = if follows { &mut self.durable.next } else { &mut self.durable.current };
        *place = Some(Trip::of_offer(offer, now.utc));
        self.report(Happening::Assigned { booking, assignment: assignment.clone() }, now.utc);
        self.close_questions(NOT_FREE, now.utc, |_| true);
        Ok(())
    }

    fn decline(&mut self, assignment: &AssignmentId, now: Now) -> Result<(), WishRefusal> {
        if !self.is_asked(assignment) {
            return Err(WishRefusal::NoOffer);
        }
        self.close_questions(Release::Declined, now.utc, |question| question.offer.assignment == *assignment);
        Ok(())
    }

    fn arrive(&mut self, now: Now) -> Result<(), WishRefusal> {
        let trip = self.durable.current.as_mut().ok_or(WishRefusal::NoTrip)?;
        if trip.boarded.is_some() {
            return Err(WishRefusal::Boarded);
        }
        if trip.arrived_at.is_none() {
            trip.arrived_at = Some(now.utc);
            self.give_up_at = (!trip.confirmed).then(|| now.ticks.plus_ms(self.config.timing.unconfirmed_ms));
            let (booking, assignment) = (trip.booking, trip.assignment.clone());
            self.report(Happening::Arrived { booking, assignment }, now.utc);
        }
        Ok(())
    }

    /// Checks the PIN without a network. After five wrong ones the rider is let in unverified.
    fn board(&mut self, pin: Option<&str>, now: Now) -> Result<(), WishRefusal> {
        let trip = self.durable.current.as_mut().ok_or(WishRefusal::NoTrip)?;
        if trip.boarded.is_some() {
            return Ok(());
        }
        let verifier = trip.offer.as_ref().map(|offer| offer.pin_verifier.as_str());
        let right = pin.is_some_and(|pin| verifier == Some(pin_verifier(&trip.assignment, pin).as_str()));
        if pin.is_some() && !right {
            trip.pin_tries += 1;
            if trip.pin_tries < PIN_TRIES {
                let left = PIN_TRIES - trip.pin_tries;
                self.touch();
                return Err(WishRefusal::WrongPin { left });
            }
        }
        let check = if right { PinCheck::Verified } else { PinCheck::Unverified };
        trip.boarded = Some((now.utc, check));
        trip.rider_phone = None;
        self.give_up_at = None;
        let (booking, assignment) = (trip.booking, trip.assignment.clone());
        if trip.arrived_at.is_none() {
            trip.arrived_at = Some(now.utc);
            self.report(Happening::Arrived { booking, assignment: assignment.clone() }, now.utc);
        }
        self.report(Happening::Boarded { booking, assignment, pin: check }, now.utc);
        Ok(())
    }

    fn end(&mut self, fare: Fare, now: Now) -> Result<(), WishRefusal> {
        let boarded = self.durable.current.as_ref().is_some_and(|trip| trip.boarded.is_some());
        if !boarded {
            return Err(WishRefusal::NoTrip);
        }
        if fare.check().is_err() {
            return Err(WishRefusal::FareOutOfRange);
        }
        let trip = self.take_current().expect("a boarded trip is current");
        let done = Happening::Done { booking: trip.booking, assignment: trip.assignment.clone(), fare };
        self.bury(trip.assignment, done, now.utc);
        Ok(())
    }

    fn leave(&mut self, reason: Release, now: Now) -> Result<(), WishRefusal> {
        let trip = self.durable.current.as_ref().ok_or(WishRefusal::NoTrip)?;
        if trip.boarded.is_some() {
            return Err(WishRefusal::Boarded);
        }
        if reason == Release::NoShow && trip.arrived_at.is_none() {
            return Err(WishRefusal::NoTrip);
        }
        let assignment = trip.assignment.clone();
        self.release(&assignment, reason, now.utc);
        Ok(())
    }

    fn hail(&mut self, pickup: ondol_core::position::Position, now: Now) -> Result<(), WishRefusal> {
        if self.durable.current.is_some() {
            return Err(WishRefusal::Busy);
        }
        self.durable.hails += 1;
        let count = self.durable.hails;
        let (booking, assignment) = (
            BookingId::of_hail(self.durable.device, count),
            AssignmentId::of_device(self.durable.device, count),
        );
        self.durable.current = Some(Trip {
            booking,
            assignment: assignment.clone(),
            offer: None,
            assigned_at: now.utc,
            confirmed: true,
            rider_phone: None,
            arrived_at: Some(now.utc),
            boarded: Some((now.utc, PinCheck::NotNeeded)),
            pin_tries: 0,
            hailed_at: Some(pickup),
        });
        self.report(Happening::StreetHail { booking, assignment, pickup }, now.utc);
        self.close_questions(Release::Declined, now.utc, |_| true);
        Ok(())
    }

    fn change_duty(&mut self, duty: Duty, now: Now) -> Result<(), WishRefusal> {
        if duty == self.durable.duty.duty {
            return Ok(());
        }
        if duty == Duty::Ended {
            if self.durable.current.is_some() {
                return Err(WishRefusal::Busy);
            }
            self.close_questions(Release::Declined, now.utc, |_| true);
        }
        let number = self.durable.duty.number + 1;
        self.durable.duty = DutyChange { number, duty };
        self.report(Happening::Duty { number, duty }, now.utc);
        Ok(())
    }

    /// A node says that the shift is over: an operator ended it, or the driver began another one on another phone.
    /// Nothing new begins here; a rider in the vehicle is brought home, and what happened is still handed in.
    pub(crate) fn end_shift(&mut self, now: Now) {
        if self.durable.duty.duty == Duty::Ended {
            return;
        }
        self.close_questions(Release::Recalled, now.utc, |_| true);
        let open = self.durable.next.iter().chain(&self.durable.current);
        let open: Vec<_> = open.filter(|trip| trip.boarded.is_none()).map(|t| t.assignment.clone()).collect();
        for assignment in open {
            self.release(&assignment, Release::Recalled, now.utc);
        }
        let number = self.durable.duty.number + 1;
        self.durable.duty = DutyChange { number, duty: Duty::Ended };
        self.touch();
    }

    /// A new session voids the questions of the one before.
    pub(crate) fn void_questions(&mut self, now: Now) {
        self.close_questions(Release::SessionVoid, now.utc, |_| true);
    }

    /// Questions that nobody answered in time.
    pub(crate) fn lapse_questions(&mut self, now: Now) {
        self.close_questions(Release::Lapsed, now.utc, |question| question.lapses_at <= now.ticks);
    }

    /// No node has confirmed the assignment, and no rider came: the driver is free again.
    pub(crate) fn give_up_unconfirmed(&mut self, now: Now) {
        self.give_up_at = None;
        let waiting = self.durable.current.as_ref().filter(|trip| trip.waits_unconfirmed());
        if let Some(assignment) = waiting.map(|trip| trip.assignment.clone()) {
            self.release(&assignment, Release::Unconfirmed, now.utc);
        }
    }

    fn close_questions(&mut self, reason: Release, at: UtcMs, which: impl Fn(&Question) -> bool) {
        let (closed, open): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.questions).into_iter().partition(|question| which(question));
        self.questions = open;
        for Question { offer, .. } in closed {
            self.never(offer.assignment, offer.booking, reason, at);
        }
    }

    /// Remembers that an assignment must never begin, and tells so.
    fn never(&mut self, assignment: AssignmentId, booking: BookingId, reason: Release, at: UtcMs) {
        let released = Happening::Released { booking, assignment: assignment.clone(), reason };
        self.bury(assignment, released, at);
    }

    /// Takes an assignment out of the slot before boarding.
    fn release(&mut self, assignment: &AssignmentId, reason: Release, at: UtcMs) {
        let is_it = |place: &Option<Trip>| place.as_ref().is_some_and(|trip| trip.assignment == *assignment);
        let trip = if is_it(&self.durable.current) {
            self.take_current()
        } else if is_it(&self.durable.next) {
            self.durable.next.take()
        } else {
            None
        };
        if let Some(trip) = trip {
            self.never(trip.assignment, trip.booking, reason, at);
        }
    }

    /// Empties the slot's first place; what came after moves up.
    fn take_current(&mut self) -> Option<Trip> {
        self.give_up_at = None;
        let next = self.durable.next.take();
        std::mem::replace(&mut self.durable.current, next)
    }

    fn bury(&mut self, assignment: AssignmentId, last: Happening, at: UtcMs) {
        self.questions.retain(|question| question.offer.assignment != assignment);
        self.durable.bury(assignment, last.clone(), at);
        self.report(last, at);
    }

    fn report(&mut self, what: Happening, at: UtcMs) {
        self.durable.outbox.report(what, at);
        self.touch();
    }
}

impl Trip {
    /// True if the vehicle waits at the pickup for a rider whom no node has confirmed.
    pub(crate) fn waits_unconfirmed(&self) -> bool {
        self.arrived_at.is_some() && !self.confirmed && self.boarded.is_none()
    }

    /// Every step so far.
    fn happenings(&self) -> Vec<(Happening, UtcMs)> {
        let (booking, assignment) = (self.booking, self.assignment.clone());
        if let Some(pickup) = self.hailed_at {
            return vec![(Happening::StreetHail { booking, assignment, pickup }, self.assigned_at)];
        }
        let mut steps =
            vec![(Happening::Assigned { booking, assignment: assignment.clone() }, self.assigned_at)];
        let arrived =
            self.arrived_at.map(|at| (Happening::Arrived { booking, assignment: assignment.clone() }, at));
        steps.extend(arrived);
        steps.extend(self.boarded.map(|(at, pin)| (Happening::Boarded { booking, assignment, pin }, at)));
        steps
    }
}

#[cfg(test)]
mod tests;
