//! What a change of a booking causes: revokes, notices, charges.

use super::Node;
use crate::board::Touched;
use crate::booking::{BookingRecord, CancelReason, Door, Due, Party, Status};
use crate::command::{Notice, NoticeText, Recipient};
use crate::face::{Change, Output, Role};
use crate::fact::{Fact, Step, district_wide};
use crate::ids::{AssignmentId, BookingId, DistrictId};
use crate::pin::booking_code;
use crate::reconcile::{Conflict, conflicts};
use crate::units::Now;

/// What a booking looked like before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glance {
    status: Status,
    standing: Option<AssignmentId>,
}

/// Life of a notice: a text that comes later than this only confuses.
const NOTICE_LIFE_MS: u64 = 20 * 60_000;

impl Node {
    pub(super) fn glance(&self, district: &DistrictId, booking: BookingId) -> Option<Glance> {
        let record = self.district(district)?.bookings.get(&booking)?;
        Some(Glance { status: record.status(), standing: record.standing().map(|(id, _)| id.clone()) })
    }

    pub(super) fn react(
        &mut self,
        district: &DistrictId,
        touched: &Touched,
        before: Option<Glance>,
        now: Now,
    ) {
        match touched {
            Touched::Booking(booking) => {
                let before_status = before.as_ref().map(|glance| glance.status);
                if !self.waits_here(district, *booking) {
                    self.waits_since.remove(booking);
                }
                self.changed(Change::Booking(district.clone(), *booking));
                self.dirty.insert(district.clone());
                self.tell_rider(district, *booking, before, now);
                self.end_superseded(district, *booking, now);
                self.charge(district, *booking, now);
                self.end_duplicate(district, *booking, before_status, now);
            }
            Touched::Shift(shift) => {
                self.changed(Change::Shift(district.clone(), *shift));
                self.dirty.insert(district.clone());
            }
            Touched::Authority => self.changed(Change::Mode(district.clone())),
            Touched::Roster | Touched::Nothing => {}
        }
    }

    /// True if this node looks for somebody to take the booking.
    fn waits_here(&self, district: &DistrictId, booking: BookingId) -> bool {
        self.district(district).and_then(|district| district.bookings.get(&booking)).is_some_and(|record| {
            self.owns(record) && matches!(record.status(), Status::Open | Status::Offered)
        })
    }

    /// Tells the rider by text, if this node is the one to do so. Done by the node beside the rider's text process,
    /// whoever decided, so that a cut elsewhere does not silence it.
    fn tell_rider(&mut self, district: &DistrictId, booking: BookingId, before: Option<Glance>, now: Now) {
        let Some(record) = self.district(district).and_then(|district| district.bookings.get(&booking))
        else {
            return;
        };
        let mine = record.request().is_some_and(|request| {
            request.text_home.as_ref() == Some(&self.config.id) && request.door != Door::Street
        });
        if !mine {
            return;
        }
        let after = Glance { status: record.status(), standing: record.standing().map(|(id, _)| id.clone()) };
        if before.as_ref() == Some(&after) {
            return;
        }
        let Some((suffix, text)) = self.rider_text(district, record, before.as_ref(), &after) else { return };
        self.outputs.push_back(Output::Notify(Notice {
            id: format!("{booking}/{suffix}"),
            to: Recipient::Rider { booking },
            text,
            urgent: true,
            expires_at: now.utc.plus_ms(NOTICE_LIFE_MS),
        }));
    }

    fn rider_text(
        &self,
        district: &DistrictId,
        record: &BookingRecord,
        before: Option<&Glance>,
        after: &Glance,
    ) -> Option<(String, NoticeText)> {
        let code = booking_code(record.id);
        let had = before.and_then(|glance| glance.standing.as_ref());
        match (&after.standing, after.status) {
            (Some(id), Status::Assigned) if had != Some(id) => {
                let bond = &record.assignments[id];
                let minutes = bond.offered.as_ref().map_or(0, |(eta_s, _, _)| eta_s.div_ceil(60));
                let text = NoticeText::TaxiAssigned {
                    code,
                    plate: self.plate(district, bond.shift),
                    minutes,
                    pin: self.pin(record.id),
                };
                Some((format!("{id}/assigned"), text))
            }
            (Some(id), Status::Arrived) => {
                let text = NoticeText::TaxiArrived {
                    code,
                    plate: self.plate(district, record.assignments[id].shift),
                };
                Some((format!("{id}/arrived"), text))
            }
            (None, Status::Open | Status::Offered) => {
                had.map(|id| (format!("{id}/lost"), NoticeText::TaxiLost { code }))
            }
            (_, Status::Cancelled) => {
                let cancel = record.cancel.as_ref().filter(|cancel| cancel.by != Party::Rider)?;
                Some(("ended".into(), NoticeText::BookingEnded { code, reason: cancel.reason }))
            }
            _ => None,
        }
    }

    /// What the rider looks for; a dash while the shift's start has not arrived here.
    fn plate(&self, district: &DistrictId, shift: crate::ids::ShiftId) -> String {
        self.district(district)
            .and_then(|district| district.shifts.get(&shift))
            .and_then(|shift| shift.start.as_ref())
            .map_or_else(|| "-".to_owned(), |start| start.vehicle.plate.clone())
    }

    /// Ends bonds and questions beside the one that stands. Each serialiser is told to let go; a home edge is the
    /// serialiser itself.
    fn end_superseded(&mut self, district: &DistrictId, booking: BookingId, now: Now) {
        let Some(board) = self.district(district) else { return };
        let Some(record) = board.bookings.get(&booking) else { return };
        let ends: Vec<_> = record
            .must_end()
            .map(|(id, bond, reason)| {
                let home = board.shifts.get(&bond.shift).and_then(|shift| shift.home().cloned());
                (id.clone(), bond.shift, reason, home)
            })
            .collect();
        for (assignment, shift, reason, home) in ends {
            if let Some(question) = self.questions.get_mut(&assignment) {
                question.withdrawn.get_or_insert(reason);
            }
            if home.as_ref() == Some(&self.config.id) {
                self.step_at_home(district, booking, &assignment, Step::Released { reason }, now);
            } else if self.is_attached_here(district, shift) {
                self.push_messages(district, shift, now);
            }
        }
    }

    /// Charges a finished trip: central only, once for a booking, and only what [`BookingRecord::due`] allows. Two
    /// cars that say they carried the rider, or a fare that does not fit the booking, are an operator's case.
    fn charge(&mut self, district: &DistrictId, booking: BookingId, now: Now) {
        if self.config.role != Role::Central {
            return;
        }
        let Some(record) = self.district(district).and_then(|district| district.bookings.get(&booking))
        else {
            return;
        };
        if let Due::Charge(amount) = record.due() {
            let zone = record.zone().cloned().unwrap_or_else(district_wide);
            self.append(district, zone, Fact::Charged { booking, amount }, now);
        }
    }

    /// Ends the other one of two bookings that a rider made on both sides of a cut, once this one has boarded.
    /// Central alone does it, so that both sides never end each other's.
    fn end_duplicate(&mut self, district: &DistrictId, booking: BookingId, before: Option<Status>, now: Now) {
        if self.config.role != Role::Central {
            return;
        }
        let Some(board) = self.district(district) else { return };
        let Some(record) = board.bookings.get(&booking) else { return };
        let has_boarded = before != Some(Status::Boarded) && record.status() == Status::Boarded;
        let phone = record.request().and_then(|request| request.phone.as_ref());
        let has_others = phone.is_some_and(|phone| board.bookings_of_phone(phone).count() > 1);
        if !has_boarded || !has_others {
            return;
        }
        let losers: Vec<BookingId> = conflicts(board)
            .iter()
            .filter(|conflict| conflict.bookings.contains(&booking))
            .filter_map(Conflict::loser)
            .collect();
        for loser in losers {
            // A refusal means that it is closed or has boarded too, which is then an operator's case.
            let _refused = self.cancel(loser, Party::System, CancelReason::Duplicate, now);
        }
    }
}
