//! What riders and operators ask of a node.

use super::{Mode, Node, OPEN_BOOKINGS_MAX, Side};
use crate::authority::EdgeMode;
use crate::board::DistrictBoard;
use crate::booking::{BookingRecord, CancelReason, Party, Status};
use crate::command::{Answer, Refusal};
use crate::fact::{Fact, Owner, Release, Request, Step, district_wide};
use crate::ids::{BookingId, DistrictId, NodeId, ShiftId, ZoneId};
use crate::planted;
use crate::units::{Now, Ticks};

/// Most passengers of one booking.
pub(super) const SEATS_MAX: u8 = 8;
/// Least silence after which a driver at the pickup loses the booking: in a car park the rider may just have boarded.
const ARRIVED_UNHEARD_MS: u64 = 300_000;
/// Furthest a booking may be scheduled ahead: 30 days.
const SCHEDULE_MAX_MS: i64 = 30 * 24 * 3_600_000;

impl Node {
    pub(super) fn book(
        &mut self,
        booking: BookingId,
        district: &DistrictId,
        zone: ZoneId,
        request: Request,
        now: Now,
    ) -> Result<Answer, Refusal> {
        let known_zone =
            self.config.districts.get(district).is_some_and(|district| district.zones.contains(&zone));
        if !known_zone {
            return Err(Refusal::OtherDistrict);
        }
        if let Some((_, known)) = self.served(booking)
            && let Some(accepted) = &known.accepted
        {
            if accepted.request.digest != request.digest {
                return Err(Refusal::KeyReused);
            }
            return Ok(Answer::Booked { repeat: true });
        }
        let ahead_ms = request.pickup_at.map_or(0, |at| at.since_ms(now.utc));
        if !(1..=SEATS_MAX).contains(&request.seats) || !(-60_000..=SCHEDULE_MAX_MS).contains(&ahead_ms) {
            return Err(Refusal::OutOfRange);
        }
        if self.district(district).map_or(0, DistrictBoard::open_count) >= OPEN_BOOKINGS_MAX {
            return Err(Refusal::Overloaded);
        }
        let owner = self.first_owner_of(district, booking);
        self.append(district, zone, Fact::BookingAccepted { booking, request, owner, at: now.utc }, now);
        Ok(Answer::Booked { repeat: false })
    }

    /// Takes the rider's word that a trip which came back from a driver's capsule is true. Once it is over no word
    /// counts any more: the driver may have brought back what had been charged before.
    pub(super) fn attest(&mut self, booking: BookingId, now: Now) -> Result<Answer, Refusal> {
        let (district, record) = self.find(booking)?;
        if record.status().is_closed() {
            return Err(Refusal::Closed);
        }
        if record.is_unverified()
            && let Some(accepted) = record.accepted.clone()
        {
            let owner = self.first_owner_of(&district, booking);
            let fact = Fact::BookingAccepted { booking, request: accepted.request, owner, at: now.utc };
            self.append(&district, accepted.zone, fact, now);
        }
        Ok(Answer::Done)
    }

    /// Who plans a booking that arrives here now. One that comes apart is remembered as such.
    pub(super) fn first_owner_of(&mut self, district: &DistrictId, booking: BookingId) -> Owner {
        let owner = self.first_owner(district);
        if owner.apart {
            self.note_apart(district, booking);
        }
        owner
    }

    /// Who plans a booking that arrives here now.
    pub(super) fn first_owner(&self, district: &DistrictId) -> Owner {
        match &self.sides[district] {
            Side::Central(side) => {
                let apart = self.is_apart(district);
                Owner { epoch: side.lease.epoch(), version: 0, node: self.config.id.clone(), apart }
            }
            Side::Edge(side) => {
                let node = match side.lease.mode() {
                    EdgeMode::Standby | EdgeMode::Healing => side.central.clone(),
                    EdgeMode::Suspect | EdgeMode::Active => self.config.id.clone(),
                };
                Owner { epoch: side.lease.epoch(), version: 0, node, apart: false }
            }
        }
    }

    pub(super) fn cancel(
        &mut self,
        booking: BookingId,
        by: Party,
        reason: CancelReason,
        now: Now,
    ) -> Result<Answer, Refusal> {
        let (district, record) = self.find(booking)?;
        let status = record.status();
        let is_over = status == Status::Cancelled && (by == Party::System || !record.ended_by_machine());
        for other in self.open_elsewhere(&district, booking) {
            self.request_cancel(&other, booking, by, reason, now);
        }
        match status {
            Status::Done => Err(Refusal::Closed),
            Status::Boarded => planted!(
                "cancel-after-boarding",
                Err(Refusal::AlreadyBoarded),
                Ok(self.request_cancel(&district, booking, by, reason, now))
            ),
            // What a machine ended stands only until a taxi turns out to be on its way: a human's wish is noted beside it.
            Status::Cancelled if is_over => Ok(Answer::Done),
            Status::Cancelled | Status::Open | Status::Offered | Status::Assigned | Status::Arrived => {
                Ok(self.request_cancel(&district, booking, by, reason, now))
            }
        }
    }

    /// Other districts of this node in which the booking is open. After disks were lost a phone may have brought to one as
    /// borrowed what its rider showed again in the one that had lent it.
    fn open_elsewhere(&self, district: &DistrictId, booking: BookingId) -> Vec<DistrictId> {
        let is_open = |record: &&BookingRecord| {
            let status = record.status();
            record.is_here() && !status.is_closed() && status != Status::Boarded
        };
        let others = self.config.districts.keys().filter(|other| *other != district);
        let record = |other: &&DistrictId| self.district(other)?.bookings.get(&booking).filter(is_open);
        others.filter(|other| record(other).is_some()).cloned().collect()
    }

    pub(super) fn request_cancel(
        &mut self,
        district: &DistrictId,
        booking: BookingId,
        by: Party,
        reason: CancelReason,
        now: Now,
    ) -> Answer {
        let record = self.district(district).and_then(|board| board.bookings.get(&booking));
        let zone = record.and_then(|record| record.zone().cloned()).unwrap_or_else(district_wide);
        self.append(district, zone, Fact::CancelRequested { booking, by, reason, at: now.utc }, now);
        Answer::Done
    }

    /// True if the booking is this node's to plan: its owner is this node, and no other district has it.
    pub(super) fn owns(&self, record: &BookingRecord) -> bool {
        record.owner.as_ref().is_some_and(|(owner, _)| owner.node == self.config.id)
            && planted!("lender-keeps-planning", record.is_here(), true)
    }

    /// True if this node may plan the booking now: nobody else may be doing so by what this node does not know.
    pub(super) fn may_plan(&self, district: &DistrictId, record: &BookingRecord) -> bool {
        self.owns(record)
            && !self.is_frozen(district, record.id)
            && self.loans.is_sure(record.id)
            && self.forgotten_loan(district, record).is_none()
    }

    /// A booking among the districts that this node serves: its journal may know others that it served before.
    fn served(&self, booking: BookingId) -> Option<(&DistrictId, &BookingRecord)> {
        self.board.booking_in(booking, |district| self.config.districts.contains_key(district))
    }

    /// The booking and its district, once its acceptance is known, for whoever wants to change it: one of a district that
    /// this node does not serve any more is only kept.
    pub(super) fn find(&self, booking: BookingId) -> Result<(DistrictId, &BookingRecord), Refusal> {
        match self.served(booking) {
            Some((district, record)) if record.accepted.is_some() => Ok((district.clone(), record)),
            None if self.board.booking(booking).is_some() => Err(Refusal::OtherDistrict),
            Some(_) | None => Err(Refusal::UnknownBooking),
        }
    }

    /// Ends bookings for which nobody could be found or whose riders did not come, and asks the riders of frozen and aged
    /// ones.
    ///
    /// Only elapsed time counts, since this life of the node first saw the booking wait: a civil clock that is put right
    /// by an hour ends nothing. What another node may be serving is not ended here unless its rider was asked in vain.
    pub(super) fn sweep_bookings(&mut self, district: &DistrictId, now: Now) {
        let waiting: Vec<BookingId> = self
            .district(district)
            .into_iter()
            .flat_map(DistrictBoard::open_bookings)
            .filter(|record| self.may_plan(district, record))
            .filter(|record| matches!(record.status(), Status::Open | Status::Offered))
            .filter(|record| self.waits_since.contains_key(&record.id) || self.is_due(record, now))
            .map(|record| record.id)
            .collect();
        let mut hopeless = self.unanswered(district, now);
        for booking in waiting {
            let record = self.district(district).and_then(|board| board.bookings.get(&booking));
            if record.is_some_and(BookingRecord::rider_did_not_come) {
                // A refusal means that somebody else ended it in this very round.
                let _ended_already = self.cancel(booking, Party::Driver, CancelReason::NoShow, now);
                continue;
            }
            self.ask_rider_of_aged(district, booking, now);
            let clock = planted!("given-up-by-civil-clock", now.ticks, now.civil_ticks());
            let since = *self.waits_since.entry(booking).or_insert(clock);
            if clock.since_ms(since) > self.config.timing.give_up_ms {
                hopeless.push(booking);
            }
        }
        for booking in hopeless {
            let record = self.district(district).and_then(|board| board.bookings.get(&booking));
            // Here alone: of a booking that two districts have, a taxi of the other may be on its way.
            if record.is_some_and(super::aged::waits) {
                self.request_cancel(district, booking, Party::System, CancelReason::NoTaxi, now);
            }
        }
        self.ask_riders_of_frozen(district, now);
        self.reassign_unheard(district, now);
    }

    /// True once the booking's time has come: at once, or shortly before the moment for which it was scheduled.
    pub(super) fn is_due(&self, record: &BookingRecord, now: Now) -> bool {
        let lead_ms = i64::try_from(self.config.timing.schedule_lead_ms).unwrap_or(i64::MAX);
        let wanted_at = record.request().and_then(|request| request.pickup_at);
        wanted_at.is_none_or(|at| at.since_ms(now.utc) <= lead_ms)
    }

    /// A driver who has not been heard for too long before boarding loses the booking. The device learns it when it
    /// is heard again; if the rider has boarded meanwhile, boarding stands. Where an unheard edge may be in touch with
    /// the driver, nothing is taken away. The node that waits for the driver decides, be the booking its own or that of
    /// the other node of the district, with which it is in touch.
    fn reassign_unheard(&mut self, district: &DistrictId, now: Now) {
        let reassign_ms = self.config.timing.reassign_ms;
        let limit_ms = |record: &BookingRecord| match record.status() {
            Status::Assigned => Some(reassign_ms),
            Status::Arrived => Some(reassign_ms.max(ARRIVED_UNHEARD_MS)),
            Status::Open | Status::Offered | Status::Boarded | Status::Done | Status::Cancelled => None,
        };
        let in_touch = self.mode(district).is_some_and(|view| view.mode == Mode::Normal);
        let lost: Vec<_> = self
            .district(district)
            .into_iter()
            .flat_map(DistrictBoard::open_bookings)
            .filter(|record| (in_touch || self.owns(record)) && !self.is_frozen(district, record.id))
            .filter_map(|record| {
                limit_ms(record).zip(record.standing()).map(|(ms, s)| (record, ms, s.0, s.1))
            })
            .filter(|(.., bond)| self.is_bound_here(district, bond.shift))
            .filter(|(_, limit_ms, _, bond)| now.ticks.since_ms(self.last_heard_at(bond.shift)) > *limit_ms)
            .map(|(record, _, id, bond)| (record.id, record.zone().cloned(), id.clone(), bond.shift))
            .collect();
        for (booking, zone, assignment, shift) in lost {
            let what = Step::Released { reason: Release::ContactLost };
            let fact = Fact::Stepped { booking, assignment, shift, what, at: now.utc };
            self.append(district, zone.unwrap_or_else(district_wide), fact, now);
        }
    }

    /// When the shift was heard last; the start of this life if not in it, because an earlier one may have heard it.
    pub(super) fn last_heard_at(&self, shift: ShiftId) -> Ticks {
        self.contacts.get(&shift).map_or(self.started_at, |contact| contact.heard_at)
    }

    /// True if the journals say that the shift's device is bound to this node, heard or not.
    fn is_bound_here(&self, district: &DistrictId, shift: ShiftId) -> bool {
        self.district(district)
            .and_then(|district| district.shifts.get(&shift))
            .and_then(|shift| shift.attached.as_ref())
            .is_some_and(|(_, node)| *node == self.config.id)
    }

    /// The node to which the shift's device is bound, as far as the journals here say.
    #[must_use]
    pub fn bound_to(&self, district: &DistrictId, shift: ShiftId) -> Option<&NodeId> {
        self.district(district)?.shifts.get(&shift)?.attached.as_ref().map(|(_, node)| node)
    }
}
