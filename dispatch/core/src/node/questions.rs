//! Questions to drivers: put, sent until answered, and ended.

use super::device::Session;
use super::{Contact, Node, Question};
use crate::command::{Notice, NoticeText, Offer, Recipient, ToDevice};
use crate::face::Output;
use crate::fact::{Fact, Release, Step, district_wide};
use crate::ids::{AssignmentId, BookingId, DistrictId, ShiftId};
use crate::matching::Reasons;
use crate::pin::{booking_code, pin_verifier};
use crate::planted;
use crate::units::Now;

impl Node {
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

    /// True if the name says that this node gave it since its last start; that it did is not told.
    pub(super) fn named_in_this_life(&self, assignment: &AssignmentId) -> bool {
        assignment.origin == self.config.id && assignment.incarnation == self.config.incarnation
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
        let Session { name: session, attach_epoch, .. } = contact.session.clone()?;
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

    /// Sends a device everything that is open between it and this node, if it is attached here: to one that has gone to
    /// another node since, and still listens, that other node speaks.
    pub(super) fn push_messages(&mut self, district: &DistrictId, shift: ShiftId, now: Now) {
        if !self.is_attached_here(district, shift) {
            return;
        }
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
            let ends = self.ends_now(district, record, now).find(|(id, ..)| *id == assignment);
            let ends = ends.map(|(_, _, reason)| reason);
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
                    // Asked by another node or in an earlier life of this one, under a session that is over: the question
                    // is void, unless it was answered before.
                    None if !self.awaits_yes(district, assignment, shift, now) => {
                        messages.push(revoke(Release::Withdrawn));
                    }
                    None => {}
                }
            } else if self.is_to_confirm(contact, assignment) {
                messages.push(ToDevice::Confirm { assignment: assignment.clone() });
            }
        }
        for held in contact.slot.iter().filter(|held| !held.boarded) {
            // Of a bond that this node has lost with its disk it knows what the phone claims.
            let released = board
                .bookings
                .get(&held.booking)
                .and_then(|record| record.said_of(&held.assignment, shift))
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
