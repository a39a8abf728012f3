//! Bookings that waited while this node was down: their riders are asked before anybody is sent.
//!
//! After hours without a node most of them have gone. A car sent to each, oldest first, would be missing for those who
//! wait now.

use super::{Change, Node};
use crate::board::Board;
use crate::booking::{BookingRecord, Status};
use crate::command::{Notice, NoticeText, Recipient};
use crate::face::{NodeConfig, Output};
use crate::ids::{BookingId, DistrictId};
use crate::pin::booking_code;
use crate::units::{Now, UtcMs};
use std::collections::BTreeMap;

/// Life of the question whether a taxi is still wanted.
const QUESTION_LIFE_MS: u64 = 20 * 60_000;

/// What had waited for too long when this life began, and whether its rider has been asked.
pub(super) type Aged = BTreeMap<BookingId, bool>;

/// Bookings on the board that a node starts on whose riders wanted a taxi at once and too long ago. After a restart of
/// seconds only those are asked for whom nobody would be looked for any more.
pub(super) fn at_start(config: &NodeConfig, board: &Board, now: Now) -> Aged {
    let timing = config.timing;
    let wrote_last =
        board.stamps().find(|(node, _)| **node == config.id).map(|(_, stamp)| UtcMs(stamp.wall_ms));
    let is_since = |at: UtcMs, ms: u64| now.utc.since_ms(at) > i64::try_from(ms).unwrap_or(i64::MAX);
    let was_down = wrote_last.is_none_or(|at| is_since(at, timing.aged_ms));
    let aged_ms = if was_down { timing.aged_ms } else { timing.give_up_ms.max(timing.aged_ms) };
    let is_aged = |record: &&BookingRecord| {
        // A lent booking's rider is known where it was lent.
        waits(record) && !record.is_borrowed() && record.wanted_at().is_some_and(|at| is_since(at, aged_ms))
    };
    let districts = config.districts.keys().filter_map(|district| board.district(district));
    districts
        .flat_map(|district| district.open_bookings().filter(is_aged))
        .map(|record| (record.id, false))
        .collect()
}

impl Node {
    /// True if nobody is sent before the rider has said that a taxi is still wanted.
    pub(super) fn is_aged(&self, booking: BookingId) -> bool {
        self.aged.contains_key(&booking)
    }

    /// The rider wants the taxi, or an operator does: it is planned like any other.
    pub(super) fn is_wanted_again(&mut self, district: &DistrictId, booking: BookingId) {
        if self.aged.remove(&booking).is_some() {
            self.dirty.insert(district.clone());
            self.changed(Change::Booking(district.clone(), booking));
        }
    }

    /// Asks the rider of such a booking, once.
    pub(super) fn ask_rider_of_aged(&mut self, district: &DistrictId, booking: BookingId, now: Now) {
        if self.aged.get(&booking) != Some(&false) {
            return;
        }
        self.aged.insert(booking, true);
        // The question of another life of this node, after which the rider said yes, is another question.
        let id = format!("{booking}/still-wanted/{}", self.config.incarnation);
        self.still_wanted(district, booking, id, now);
    }

    /// Asks a rider whether a taxi is still wanted.
    pub(super) fn still_wanted(&mut self, district: &DistrictId, booking: BookingId, id: String, now: Now) {
        self.outputs.push_back(Output::Notify(Notice {
            id,
            to: Recipient::Rider { booking },
            text: NoticeText::StillWanted { code: booking_code(booking) },
            urgent: true,
            expires_at: now.utc.plus_ms(QUESTION_LIFE_MS),
        }));
        self.changed(Change::Booking(district.clone(), booking));
    }

    /// Forgets what has ended or found a taxi.
    pub(super) fn forget_aged(&mut self) {
        let board = &self.board;
        self.aged.retain(|booking, _| board.booking(*booking).is_some_and(|(_, record)| waits(record)));
    }
}

/// True if nobody is on the way yet.
pub(super) fn waits(record: &BookingRecord) -> bool {
    matches!(record.status(), Status::Open | Status::Offered)
}
