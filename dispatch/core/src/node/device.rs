//! How driver devices bind themselves to a node, and their signs of life. What they report is in `report.rs`.

use super::witness::BEAT_MS;
use super::{Contact, Node};
use crate::board::DistrictBoard;
use crate::command::{Answer, Attach, Beat, BeatAnswer, Refusal, is_far_off};
use crate::face::Role;
use crate::fact::{Fact, Release, Step, district_wide};
use crate::ids::{DistrictId, ShiftId};
use crate::planted;
use crate::position::Position;
use crate::shift::{Duty, Serialiser, ShiftRecord};
use crate::stand::{StandChange, StandWatch};
use crate::units::{Now, Ticks};

/// A contact of a shift that is not on duty, or not heard for this long, is forgotten.
const CONTACT_LIFE_MS: u64 = 600_000;

/// A device's session with this node, since it attached.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) name: String,
    pub(super) attach_epoch: u64,
    pub(super) since: Ticks,
}

impl Node {
    pub(super) fn attach(&mut self, attach: Attach, now: Now) -> Result<Answer, Refusal> {
        self.serves(&attach.district)?;
        self.may_attach(&attach, now)?;
        let district = attach.district.clone();
        let (shift, device) = (attach.shift, attach.device);
        let board = self.district(&district);
        let known = board.and_then(|district| district.shifts.get(&shift));
        let is_new = known.is_none_or(|shift| shift.start.is_none());
        let known_number = known.and_then(|shift| shift.duty).map_or(0, |(number, ..)| number);
        let has_ended = known.and_then(|shift| shift.duty()) == Some(Duty::Ended);
        let bound = known.and_then(|shift| shift.attached.clone());
        let void: Vec<_> = board
            .into_iter()
            .flat_map(|district| district.bonds_of(shift))
            .filter(|(record, id)| record.assignments[*id].is_question() && !attach.slot.holds(id))
            .map(|(record, id)| (record.id, record.zone().cloned(), id.clone()))
            .collect();
        if is_new {
            let mut start = attach.start;
            if is_far_off(start.at, now.utc) {
                start.at = now.utc;
            }
            self.append(&district, district_wide(), Fact::ShiftStarted { shift, start }, now);
        }
        let (number, duty) = attach.duty;
        if number > known_number && !has_ended {
            self.append(
                &district,
                district_wide(),
                Fact::DutyChanged { shift, number, duty, at: now.utc },
                now,
            );
        }
        if bound != Some((attach.attach_epoch, self.config.id.clone())) {
            let (attach_epoch, node) = (attach.attach_epoch, self.config.id.clone());
            self.append(
                &district,
                district_wide(),
                Fact::Attached { shift, device, attach_epoch, node },
                now,
            );
        }
        // A new session voids older questions: what was buffered on the way cannot be accepted any more.
        for (booking, zone, assignment) in void {
            self.questions.remove(&assignment);
            let what = Step::Released { reason: Release::SessionVoid };
            let fact = Fact::Stepped { booking, assignment, shift, what, at: now.utc };
            self.append(&district, zone.unwrap_or_else(district_wide), fact, now);
        }
        let count = self.next_count();
        let session = format!("{}.{}.{count}", self.config.id, self.config.incarnation);
        let position = attach.position.map(|position| (position, now.ticks));
        let before = self.contacts.get(&shift);
        let contact = Contact {
            device,
            heard_at: now.ticks,
            position: position.or_else(|| before.and_then(|contact| contact.position)),
            hears_central: before.is_none_or(|contact| contact.hears_central),
            cut_off_since: before.and_then(|contact| contact.cut_off_since),
            slot: attach.slot,
            gap: self.gap_before(before, now),
            stand: StandWatch::default(),
            abroad_since: None,
            keeps_capsules: attach.keeps_capsules,
            session: Some(Session {
                name: session.clone(),
                attach_epoch: attach.attach_epoch,
                since: now.ticks,
            }),
        };
        self.contacts.insert(shift, contact);
        self.keep_if_free(&district, shift);
        self.dirty.insert(district);
        Ok(Answer::Attached { session })
    }

    /// Says whether a device may attach, in the order of [`Refusal`].
    fn may_attach(&self, attach: &Attach, now: Now) -> Result<(), Refusal> {
        let board = self.district(&attach.district).ok_or(Refusal::UnknownDriver)?;
        let (_, driver) = board.drivers.get(&attach.driver).ok_or(Refusal::UnknownDriver)?;
        let claims_itself = attach.start.driver == attach.driver
            && attach.start.serialiser == Serialiser::Device { device: attach.device }
            && attach.start.fleet == driver.fleet;
        if !claims_itself {
            return Err(Refusal::OutOfRange);
        }
        let known = board.shifts.get(&attach.shift);
        let started = known.and_then(|shift| shift.start.as_ref());
        if let Some(start) = started {
            if start.driver != attach.driver || start.serialiser != attach.start.serialiser {
                return Err(Refusal::UnknownShift);
            }
            // It may still hand in what happened, once it knows that it is over.
            if known.and_then(|shift| shift.duty()) == Some(Duty::Ended) && attach.duty.1 != Duty::Ended {
                return Err(Refusal::ShiftEnded);
            }
        } else if attach.duty.1 != Duty::Ended {
            let is_let_in = planted!(
                "waiver-frees-the-barred",
                false,
                self.bans_waived_until(&attach.district, now).is_some()
            );
            if driver.banned && !is_let_in {
                return Err(Refusal::Banned);
            }
            if self.bans_are_old(&attach.district, now) {
                return Err(Refusal::RosterTooOld);
            }
            if board.shift_of(attach.driver).is_some() {
                return Err(Refusal::DriverElsewhere);
            }
        }
        if let Some((epoch, node)) = known.and_then(|shift| shift.attached.as_ref())
            && (*epoch > attach.attach_epoch || (*epoch == attach.attach_epoch && *node != self.config.id))
        {
            return Err(Refusal::StaleAttach);
        }
        Ok(())
    }

    pub(super) fn beat(&mut self, beat: Beat, now: Now) -> Result<Answer, Refusal> {
        self.serves(&beat.district)?;
        let known = self.district(&beat.district).and_then(|district| district.shifts.get(&beat.shift));
        let bound_epoch = known
            .and_then(|shift| shift.attached.as_ref())
            .filter(|(_, node)| *node == self.config.id)
            .map(|b| b.0);
        if known.and_then(|shift| shift.device()).is_some_and(|device| device != beat.device) {
            return Err(Refusal::UnknownShift);
        }
        let before = self.contacts.get(&beat.shift);
        let session = before.and_then(|contact| contact.session.clone()).filter(|session| {
            Some(&session.name) == beat.session.as_ref() && bound_epoch == Some(session.attach_epoch)
        });
        let attached = session.is_some();
        let position = beat.position.map(|position| (position, now.ticks));
        let slot_changed = before.is_some_and(|contact| contact.slot != beat.slot);
        let abroad_since = if attached { self.abroad_since(before, &beat, now) } else { None };
        let contact = Contact {
            device: beat.device,
            heard_at: now.ticks,
            position: position.or_else(|| before.and_then(|contact| contact.position)),
            hears_central: beat.hears_central,
            cut_off_since: cut_off_since(before, &beat, now),
            slot: beat.slot,
            gap: self.gap_before(before, now),
            stand: before.map(|contact| contact.stand.clone()).unwrap_or_default(),
            abroad_since,
            keeps_capsules: before.is_some_and(|contact| contact.keeps_capsules),
            session,
        };
        self.contacts.insert(beat.shift, contact);
        if beat.position.is_some() {
            self.keep_heard(&beat.district, beat.shift);
        }
        if attached && let Some(position) = beat.position {
            self.watch_stand(&beat.district, beat.shift, position, now);
        }
        if slot_changed {
            self.dirty.insert(beat.district.clone());
        }
        let messages = if attached { self.messages_for(&beat.district, beat.shift, now) } else { Vec::new() };
        let view = self.mode(&beat.district).ok_or(Refusal::OtherDistrict)?;
        Ok(Answer::Beat(BeatAnswer {
            node: self.config.id.clone(),
            alive: self.is_alive(now),
            holder: view.holder,
            epoch: view.epoch,
            attached,
            messages,
            asked_home: self.asked_home(&beat.district, beat.shift, now),
        }))
    }

    /// The last time in which a device was not heard, as of a sign of life now.
    fn gap_before(&self, before: Option<&Contact>, now: Now) -> Option<(Ticks, Ticks)> {
        let before = before?;
        let silent = now.ticks.since_ms(before.heard_at) > self.config.timing.offer_contact_ms;
        if silent { Some((before.heard_at, now.ticks)) } else { before.gap }
    }

    /// Lets a free taxi that stands still near a stand join its queue, and one that has driven away leave it.
    fn watch_stand(&mut self, district: &DistrictId, shift: ShiftId, position: Position, now: Now) {
        let (Some(board), Some(contact)) = (self.board.district(district), self.contacts.get_mut(&shift))
        else {
            return;
        };
        let Some(record) = board.shifts.get(&shift) else { return };
        if contact.slot.current.is_some() || board.bonds_of(shift).next().is_some() {
            contact.stand = StandWatch::default();
            return;
        }
        let Some(change) = contact.stand.observe(record, position, &board.stands) else { return };
        let stand = match change {
            StandChange::Join(stand) => Some(stand),
            StandChange::Leave => None,
        };
        self.append(district, district_wide(), Fact::StandChanged { shift, stand, at: now.utc }, now);
    }

    /// True if the shift's device has a session here and has not attached elsewhere since, as far as is known.
    pub(super) fn is_attached_here(&self, district: &DistrictId, shift: ShiftId) -> bool {
        let session_epoch =
            self.contacts.get(&shift).and_then(|contact| contact.session.as_ref()).map(|s| s.attach_epoch);
        let bound = self
            .district(district)
            .and_then(|district| district.shifts.get(&shift))
            .and_then(|shift| shift.attached.as_ref());
        matches!((session_epoch, bound), (Some(epoch), Some((bound, node))) if epoch == *bound && *node == self.config.id)
    }

    /// An operator declares a phone lost: what it holds before boarding is released, and the shift is over. A rider
    /// on board stays on board, which is an operator's case until somebody tells how the trip ended.
    pub(super) fn end_shift(&mut self, shift: ShiftId, now: Now) -> Result<Answer, Refusal> {
        let (district, record) = self.board.shift(shift).ok_or(Refusal::UnknownShift)?;
        let (district, home) = (district.clone(), record.home().cloned());
        match record.duty() {
            None => return Err(Refusal::UnknownShift),
            Some(Duty::Ended) => return Ok(Answer::Done),
            Some(Duty::Available | Duty::Paused) => {}
        }
        self.serves(&district)?;
        let held: Vec<_> = self
            .district(&district)
            .into_iter()
            .flat_map(|board| board.bonds_of(shift))
            .filter(|(record, id)| record.assignments[*id].boarded.is_none())
            .map(|(record, id)| (record.id, record.zone().cloned(), id.clone()))
            .collect();
        let homed_here = home.as_ref() == Some(&self.config.id);
        if home.is_some() && !homed_here && !held.is_empty() {
            return Err(Refusal::NotOwner);
        }
        for (booking, zone, assignment) in held {
            if homed_here {
                let what = Step::Released { reason: Release::Recalled };
                self.step_at_home(&district, booking, &assignment, what, now);
                continue;
            }
            self.questions.remove(&assignment);
            self.recalled.remove(&assignment);
            // Nobody has asked the phone: if its rider has boarded meanwhile, boarding stands.
            let what = Step::Released { reason: Release::ContactLost };
            let fact = Fact::Stepped { booking, assignment, shift, what, at: now.utc };
            self.append(&district, zone.unwrap_or_else(district_wide), fact, now);
        }
        self.leave_stand(&district, shift, now);
        self.end_shift_now(&district, shift, now);
        Ok(Answer::Done)
    }

    /// Ends the shifts that a driver began beside the one that stands, as central sees once both sides of a cut are
    /// joined. Central alone does it, so that both sides never end each other's.
    pub(super) fn end_given_way(&mut self, district: &DistrictId, now: Now) {
        if self.config.role != Role::Central {
            return;
        }
        for shift in self.district(district).map_or(Vec::new(), DistrictBoard::given_way) {
            self.end_shift_now(district, shift, now);
        }
    }

    /// A feature-phone driver who had a trip was told that nobody knows it, while this edge had forgotten its past, and
    /// began a shift anew: such a driver waits for other bookings, and a taxi is looked for again unless the rider is on board.
    pub(super) fn release_forgotten_trips(&mut self, district: &DistrictId, now: Now) {
        let Some(board) = self.district(district) else { return };
        let is_here = |shift: &ShiftRecord| shift.home() == Some(&self.config.id);
        let earlier = board
            .beside_another()
            .filter(|(shift, stands)| is_here(stands) && board.shifts.get(shift).is_some_and(is_here));
        let bonds = earlier.flat_map(|(shift, _)| board.bonds_of(shift));
        let forgotten: Vec<_> = bonds
            .filter(|(record, id)| {
                let bond = &record.assignments[*id];
                bond.binds() && bond.boarded.is_none()
            })
            .map(|(record, id)| (record.id, id.clone()))
            .collect();
        for (booking, assignment) in forgotten {
            let what = Step::Released { reason: Release::ContactLost };
            self.step_at_home(district, booking, &assignment, what, now);
        }
    }

    /// Ends a shift without its device, which learns it when it attaches again.
    fn end_shift_now(&mut self, district: &DistrictId, shift: ShiftId, now: Now) {
        let known = self.district(district).and_then(|board| board.shifts.get(&shift));
        let number = known.and_then(|shift| shift.duty).map_or(1, |(number, ..)| number.saturating_add(1));
        let fact = Fact::DutyChanged { shift, number, duty: Duty::Ended, at: now.utc };
        self.append(district, district_wide(), fact, now);
        self.contacts.remove(&shift);
    }

    pub(super) fn forget_old_contacts(&mut self, now: Now) {
        self.contacts.retain(|_, contact| now.ticks.since_ms(contact.heard_at) <= CONTACT_LIFE_MS);
    }
}

/// Since when the device has not heard central, as of this beat. Between two beats that lie further apart than usual it
/// may have heard it for a while.
fn cut_off_since(before: Option<&Contact>, beat: &Beat, now: Now) -> Option<Ticks> {
    let unbroken = before.filter(|contact| now.ticks.since_ms(contact.heard_at) <= BEAT_MS);
    let since = unbroken.and_then(|contact| contact.cut_off_since).unwrap_or(now.ticks);
    (!beat.hears_central).then_some(since)
}
