//! What driver devices ask of a node.
//!
//! The device is the only one who puts its driver's assignments in line; a node records what the device says and
//! asks it to let go, never the other way round.

use super::{Contact, Node, Side};
use crate::booking::{AssignmentRecord, Door, Needs, Payment, Priority};
use crate::command::{Answer, Attach, Beat, BeatAnswer, Happening, Refusal, Report, ToDevice};
use crate::face::Output;
use crate::fact::{Fact, Lang, Release, Request, Step, district_wide};
use crate::ids::{BookingId, DistrictId, ShiftId, SubjectId};
use crate::position::Position;
use crate::shift::{Duty, Serialiser};
use crate::stand::{StandChange, StandWatch};
use crate::units::{Now, UtcMs};

/// A contact of a shift that is not on duty, or not heard for this long, is forgotten.
const CONTACT_LIFE_MS: u64 = 600_000;
/// Furthest a device's clock may be ahead or behind and its times still be taken as they are.
const DEVICE_CLOCK_SLACK_MS: i64 = 7 * 24 * 3_600_000;

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
        let bound = known.and_then(|shift| shift.attached.clone());
        let void: Vec<_> = board
            .into_iter()
            .flat_map(|district| district.bonds_of(shift))
            .filter(|(record, id)| record.assignments[*id].is_question() && !attach.slot.holds(id))
            .map(|(record, id)| (record.id, record.zone().cloned(), id.clone()))
            .collect();
        if is_new {
            self.append(&district, district_wide(), Fact::ShiftStarted { shift, start: attach.start }, now);
        }
        let (number, duty) = attach.duty;
        if number > known_number {
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
            slot: attach.slot,
            stand: StandWatch::default(),
            session: Some((session.clone(), attach.attach_epoch)),
        };
        self.contacts.insert(shift, contact);
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
        } else {
            if driver.banned {
                return Err(Refusal::Banned);
            }
            if self.bans_are_old(now) {
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

    /// True if this edge has been out of touch with central's roster for longer than bans may age.
    fn bans_are_old(&self, now: Now) -> bool {
        let Some(central) = self.sides.values().find_map(|side| match side {
            Side::Edge(side) => Some(&side.central),
            Side::Central(_) => None,
        }) else {
            return false;
        };
        let since = self.level_at.get(central).copied().unwrap_or(self.started_at);
        now.ticks.since_ms(since) > self.config.timing.bans_fresh_ms
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
        let session = before
            .and_then(|contact| contact.session.clone())
            .filter(|(name, epoch)| Some(name) == beat.session.as_ref() && bound_epoch == Some(*epoch));
        let attached = session.is_some();
        let position = beat.position.map(|position| (position, now.ticks));
        let slot_freed = before.is_some_and(|contact| contact.slot != beat.slot);
        let contact = Contact {
            device: beat.device,
            heard_at: now.ticks,
            position: position.or_else(|| before.and_then(|contact| contact.position)),
            hears_central: beat.hears_central,
            slot: beat.slot,
            stand: before.map(|contact| contact.stand.clone()).unwrap_or_default(),
            session,
        };
        self.contacts.insert(beat.shift, contact);
        if attached && let Some(position) = beat.position {
            self.watch_stand(&beat.district, beat.shift, position, now);
        }
        if slot_freed {
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
        }))
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

    pub(super) fn report(&mut self, report: Report, now: Now) -> Result<Answer, Refusal> {
        self.serves(&report.district)?;
        let (district, shift) = (report.district.clone(), report.shift);
        let board = self.district(&district).ok_or(Refusal::UnknownShift)?;
        let known = board.shifts.get(&shift).ok_or(Refusal::UnknownShift)?;
        if known.device() != Some(report.device) {
            return Err(Refusal::UnknownShift);
        }
        if report.at.since_ms(now.utc).abs() > DEVICE_CLOCK_SLACK_MS {
            return Err(Refusal::OutOfRange);
        }
        let fact = match report.what {
            Happening::Duty { number, duty } => {
                if known.duty.is_some_and(|(known, ..)| number <= known) {
                    return Ok(Answer::Done);
                }
                Some((district_wide(), Fact::DutyChanged { shift, number, duty, at: report.at }))
            }
            Happening::Step { booking, assignment, what } => {
                let record = board.bookings.get(&booking);
                let bond = record.and_then(|record| record.assignments.get(&assignment));
                if bond.is_some_and(|bond| bond.shift != shift) {
                    return Err(Refusal::NoTrip);
                }
                if let (Step::Released { .. }, Some(bond)) = (&what, bond)
                    && bond.boarded.is_some()
                {
                    return Err(Refusal::AlreadyBoarded);
                }
                let zone = record.and_then(|record| record.zone().cloned()).unwrap_or_else(district_wide);
                let news = bond.is_none_or(|bond| !is_known(bond, &what));
                news.then_some((zone, Fact::Stepped { booking, assignment, shift, what, at: report.at }))
            }
            Happening::StreetHail { booking, assignment, pickup } => {
                if board.bookings.get(&booking).is_some_and(|record| record.accepted.is_some()) {
                    return Ok(Answer::Done);
                }
                let zone =
                    self.config.districts[&district].zones.first().cloned().unwrap_or_else(district_wide);
                let request = street_request(booking, pickup);
                Some((zone, Fact::StreetHailed { booking, assignment, shift, request, at: report.at }))
            }
            Happening::Stand { stand } => {
                if let Some(stand) = &stand
                    && !board.stands.contains_key(stand)
                {
                    return Err(Refusal::UnknownStand);
                }
                let same = known.waits_at().map(|(stand, _)| stand) == stand.as_ref();
                (!same).then_some((district_wide(), Fact::StandChanged { shift, stand, at: report.at }))
            }
        };
        if let Some((zone, fact)) = fact {
            let ended = matches!(fact, Fact::DutyChanged { duty: Duty::Ended, .. });
            let assigned = match &fact {
                Fact::Stepped { assignment, what: Step::Assigned, .. } => Some(assignment.clone()),
                _ => None,
            };
            let closed = match &fact {
                Fact::Stepped { assignment, what: Step::Released { .. } | Step::Done { .. }, .. } => {
                    Some(assignment.clone())
                }
                _ => None,
            };
            self.append(&district, zone, fact, now);
            if let Some(assignment) = assigned {
                self.leave_stand(&district, shift, now);
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

    /// Tells the device that its acceptance is in the journal, unless the booking has gone to somebody else.
    fn confirm(&mut self, district: &DistrictId, shift: ShiftId, assignment: crate::ids::AssignmentId) {
        self.questions.remove(&assignment);
        let stands = self.district(district).is_some_and(|district| {
            district.bonds_of(shift).any(|(record, id)| {
                *id == assignment && record.standing().is_some_and(|(standing, _)| *standing == assignment)
            })
        });
        if let Some(contact) = self.contacts.get(&shift)
            && stands
        {
            let device = contact.device;
            self.outputs.push_back(Output::ToDevice { device, message: ToDevice::Confirm { assignment } });
        }
    }

    /// The device no longer holds the assignment: what this node remembers of its slot follows.
    fn let_go(&mut self, shift: ShiftId, assignment: &crate::ids::AssignmentId) {
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

    /// True if the shift's device has a session here and has not attached elsewhere since, as far as is known.
    pub(super) fn is_attached_here(&self, district: &DistrictId, shift: ShiftId) -> bool {
        let session_epoch =
            self.contacts.get(&shift).and_then(|contact| contact.session.as_ref()).map(|s| s.1);
        let bound = self
            .district(district)
            .and_then(|district| district.shifts.get(&shift))
            .and_then(|shift| shift.attached.as_ref());
        matches!((session_epoch, bound), (Some(epoch), Some((bound, node))) if epoch == *bound && *node == self.config.id)
    }

    pub(super) fn forget_old_contacts(&mut self, now: Now) {
        self.contacts.retain(|_, contact| now.ticks.since_ms(contact.heard_at) <= CONTACT_LIFE_MS);
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

/// The request of a rider who got in from the street: nothing is known but the place.
fn street_request(booking: BookingId, pickup: Position) -> Request {
    Request {
        door: Door::Street,
        fleet: None,
        pickup,
        dropoff: None,
        stand: None,
        seats: 1,
        needs: Needs::default(),
        priority: Priority::Normal,
        pickup_at: None::<UtcMs>,
        rider: SubjectId(booking.0),
        phone: None,
        personal: None,
        lang: Lang::Ko,
        payment: Payment::Cash,
        quote: None,
        text_home: None,
        digest: String::new(),
    }
}
