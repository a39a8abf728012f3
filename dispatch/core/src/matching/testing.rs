//! A straight road with bookings and shifts on it.

use std::collections::BTreeSet;

use super::{FreeShift, OpenBooking, Plan, Snapshot};
use crate::booking::{Needs, Priority};
use crate::ids::{BookingId, ShiftId};
use crate::position::Position;
use crate::travel::StraightLine;
use crate::units::UtcMs;

pub(super) fn at(metres_east: f64) -> Position {
    Position::new(37.5, 127.0 + metres_east / 88_000.0).unwrap()
}

pub(super) fn booking(n: u128, metres_east: f64) -> OpenBooking {
    OpenBooking {
        booking: BookingId::from_number(n),
        pickup: at(metres_east),
        stand: None,
        fleet: None,
        seats: 1,
        needs: Needs::default(),
        priority: Priority::Normal,
        waits_since: UtcMs(i64::try_from(n).unwrap()),
        not: BTreeSet::new(),
        only: None,
        planned: None,
        promised_at: None,
        gone_at: None,
    }
}

pub(super) fn shift(n: u128, metres_east: f64) -> FreeShift {
    FreeShift {
        shift: ShiftId::from_number(n),
        position: at(metres_east),
        ready_in_s: 0,
        until: None,
        fleet: "blue".parse().unwrap(),
        seats: 4,
        offers: Needs::default(),
        waits_at: None,
        idle_since: UtcMs(0),
        takes_over: true,
    }
}

pub(super) fn snapshot(bookings: Vec<OpenBooking>, shifts: Vec<FreeShift>) -> Snapshot<'static> {
    Snapshot {
        now: UtcMs(60_000),
        bookings,
        on_duty: shifts.len(),
        shifts,
        reach_s: 1_200,
        travel: &StraightLine,
    }
}

pub(super) fn pairs(plan: &Plan) -> Vec<(u128, u128)> {
    plan.asks.iter().map(|a| (a.booking.0.as_u128(), a.shift.0.as_u128())).collect()
}
