//! What riders are told by text, and by whom.
//!
//! | the rider's text home | is heard | tells |
//! |---|---|---|
//! | this node | | this node |
//! | the other node of the district | yes | that node, once the fact has reached its journal |
//! | | no | this node too: what it decides would else be told by nobody |
//!
//! News is as old as its entry, and never older than the time for which this node was out of touch with the peer that
//! brings it: that is elapsed time, so no wrong clock silences a node that is connected. Of a page that brings
//! several changes of a booking, only what has become of it is told.

use std::collections::{BTreeMap, BTreeSet};

use super::{Node, Side};
use crate::authority::{CentralMode, EdgeMode};
use crate::booking::{BookingRecord, Door, Party, Status};
use crate::command::{Notice, NoticeText, Recipient};
use crate::face::Output;
use crate::ids::{AssignmentId, BookingId, DistrictId, NodeId, ShiftId};
use crate::pin::booking_code;
use crate::units::{Now, UtcMs};

/// Life of a notice: a text that comes later than this only confuses.
const NOTICE_LIFE_MS: u64 = 20 * 60_000;

/// What a booking looked like before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glance {
    status: Status,
    standing: Option<AssignmentId>,
}

impl Glance {
    fn of(record: &BookingRecord) -> Self {
        let here = record.standing().map(|(id, _)| id);
        let taxi = record.told().and_then(|told| told.taxi.as_ref()).map(|taxi| &taxi.assignment);
        Self { status: record.status(), standing: here.or(taxi).cloned() }
    }

    pub(super) fn status(&self) -> Status {
        self.status
    }
}

/// What a page has changed so far.
#[derive(Debug)]
pub(super) struct Untold {
    /// Nothing in the page is older news than this.
    out_of_touch_ms: u64,
    /// How each booking looked before the page, and when its last change was written.
    bookings: BTreeMap<(DistrictId, BookingId), (Option<Glance>, UtcMs)>,
    /// Bookings of which the page says something.
    touched: BTreeSet<(DistrictId, BookingId)>,
}

impl Node {
    pub(super) fn glance(&self, district: &DistrictId, booking: BookingId) -> Option<Glance> {
        self.district(district)?.bookings.get(&booking).map(Glance::of)
    }

    /// Tells the rider of a change by text, if this node is one to do so; of a page, once all of it is in.
    pub(super) fn tell_rider(
        &mut self,
        district: &DistrictId,
        booking: BookingId,
        before: Option<Glance>,
        written_at: UtcMs,
        now: Now,
    ) {
        if self.glance(district, booking) == before {
            return;
        }
        match &mut self.untold {
            Some(untold) => {
                let key = (district.clone(), booking);
                let (_, last_at) = untold.bookings.entry(key).or_insert((before, written_at));
                *last_at = written_at.max(*last_at);
            }
            None => self.tell(district, booking, before.as_ref(), 0, now),
        }
    }

    /// From here on changes are kept, because a page of `from` begins.
    pub(super) fn begin_page(&mut self, from: &NodeId, now: Now) {
        // Before the first pull of this life nobody knows how long it was: the entry alone tells its age.
        let out_of_touch_ms = self.level_at.get(from).map_or(u64::MAX, |at| now.ticks.since_ms(*at));
        self.untold = Some(Untold { out_of_touch_ms, bookings: BTreeMap::new(), touched: BTreeSet::new() });
    }

    /// True if a page is being taken in, at whose end the booking is looked at again.
    pub(super) fn is_in_page(&mut self, district: &DistrictId, booking: BookingId) -> bool {
        let Some(untold) = &mut self.untold else { return false };
        untold.touched.insert((district.clone(), booking));
        true
    }

    /// Calls off whom a page has left without a rider, and tells riders what it has made of their bookings.
    pub(super) fn end_page(&mut self, now: Now) {
        let Some(untold) = self.untold.take() else { return };
        for (district, booking) in untold.touched {
            self.end_superseded(&district, booking, now);
        }
        for ((district, booking), (before, written_at)) in untold.bookings {
            let age_ms = u64::try_from(now.utc.since_ms(written_at)).unwrap_or(0).min(untold.out_of_touch_ms);
            self.tell(&district, booking, before.as_ref(), age_ms, now);
        }
    }

    fn tell(
        &mut self,
        district: &DistrictId,
        booking: BookingId,
        before: Option<&Glance>,
        age_ms: u64,
        now: Now,
    ) {
        let Some(record) = self.district(district).and_then(|district| district.bookings.get(&booking))
        else {
            return;
        };
        let after = Glance::of(record);
        if age_ms >= NOTICE_LIFE_MS || before == Some(&after) || !self.is_to_tell(district, record) {
            return;
        }
        let Some((suffix, text)) = self.rider_text(district, record, before, &after, age_ms) else { return };
        self.outputs.push_back(Output::Notify(Notice {
            id: format!("{booking}/{suffix}"),
            to: Recipient::Rider { booking },
            text,
            urgent: true,
            expires_at: now.utc.plus_ms(NOTICE_LIFE_MS - age_ms),
        }));
    }

    /// True if this node tells the rider: see the table above. A text process that reads both outboxes sends a notice
    /// once, because both nodes give it the same id.
    fn is_to_tell(&self, district: &DistrictId, record: &BookingRecord) -> bool {
        let Some(request) = record.request().filter(|request| request.door != Door::Street) else {
            return false;
        };
        let Some(home) = &request.text_home else { return false };
        *home == self.config.id || self.unheard(district) == Some(home)
    }

    /// The other node of the district, while this one does not hear it.
    fn unheard(&self, district: &DistrictId) -> Option<&NodeId> {
        match self.sides.get(district)? {
            Side::Central(side) => match side.lease.mode() {
                CentralMode::Uncertain => side.edge.as_ref(),
                CentralMode::Holder | CentralMode::Healing => None,
            },
            Side::Edge(side) => match side.lease.mode() {
                EdgeMode::Suspect | EdgeMode::Active => Some(&side.central),
                EdgeMode::Standby | EdgeMode::Healing => None,
            },
        }
    }

    fn rider_text(
        &self,
        district: &DistrictId,
        record: &BookingRecord,
        before: Option<&Glance>,
        after: &Glance,
        age_ms: u64,
    ) -> Option<(String, NoticeText)> {
        let code = booking_code(record.id);
        let had = before.and_then(|glance| glance.standing.as_ref());
        match (&after.standing, after.status) {
            (Some(id), Status::Assigned) if had != Some(id) => {
                let age_s = u32::try_from(age_ms / 1_000).unwrap_or(u32::MAX);
                let (plate, eta_s) = self.taxi(district, record, id);
                let eta_s = eta_s.saturating_sub(age_s);
                let text = NoticeText::TaxiAssigned {
                    code,
                    plate,
                    minutes: eta_s.div_ceil(60),
                    pin: self.pin(record.id),
                };
                Some((format!("{id}/assigned"), text))
            }
            (Some(id), Status::Arrived) => {
                let (plate, _) = self.taxi(district, record, id);
                let text = NoticeText::TaxiArrived { code, plate };
                Some((format!("{id}/arrived"), text))
            }
            // Who did not come is told that the booking has ended, and not that another taxi is being found.
            (None, Status::Open | Status::Offered) if record.rider_did_not_come() => None,
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

    /// What the rider looks for, and the travel time in seconds when the shift was asked: of a taxi of this district, or
    /// of one of which another district tells.
    fn taxi(&self, district: &DistrictId, record: &BookingRecord, id: &AssignmentId) -> (String, u32) {
        match (record.assignments.get(id), record.told().and_then(|told| told.taxi.as_ref())) {
            (Some(bond), _) => {
                let eta_s = bond.offered.as_ref().map_or(0, |(eta_s, _, _)| *eta_s);
                (self.plate(district, bond.shift), eta_s)
            }
            (None, Some(told)) => (told.plate.clone(), told.eta_s),
            (None, None) => ("-".to_owned(), 0),
        }
    }

    /// What the rider looks for; a dash while the shift's start has not arrived here.
    pub(super) fn plate(&self, district: &DistrictId, shift: ShiftId) -> String {
        self.district(district)
            .and_then(|district| district.shifts.get(&shift))
            .and_then(|shift| shift.start.as_ref())
            .map_or_else(|| "-".to_owned(), |start| start.vehicle.plate.clone())
    }
}
