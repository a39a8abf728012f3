//! What a plan is made from.

use std::collections::BTreeSet;

use crate::booking::{Needs, Priority};
use crate::ids::{BookingId, FleetId, ShiftId, StandId};
use crate::position::Position;
use crate::travel::TravelTimes;
use crate::units::UtcMs;

/// A booking that wants a shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBooking {
    /// The booking.
    pub booking: BookingId,
    /// Where the rider waits.
    pub pickup: Position,
    /// The stand whose queue goes first.
    pub stand: Option<StandId>,
    /// The only fleet that may serve it.
    pub fleet: Option<FleetId>,
    /// Passengers.
    pub seats: u8,
    /// What the vehicle must offer.
    pub needs: Needs,
    /// Who goes first.
    pub priority: Priority,
    /// Since when the rider waits.
    pub waits_since: UtcMs,
    /// Shifts that must not be asked (again).
    pub not: BTreeSet<ShiftId>,
    /// The only shift that may be asked, if the booking was handed over for it.
    pub only: Option<ShiftId>,
    /// The shift that is on its way to it and may still be changed.
    pub planned: Option<ShiftId>,
    /// By when any other shift than the planned one must be there, unless the planned one is later still.
    pub promised_at: Option<UtcMs>,
    /// When the rider will have gone, if that is known: a shift that would come much later is not asked.
    pub gone_at: Option<UtcMs>,
}

/// A shift that could be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeShift {
    /// The shift.
    pub shift: ShiftId,
    /// Where it was last seen, or, if it drives to a pickup, where it can turn off next.
    pub position: Position,
    /// Seconds until it can set off from there.
    pub ready_in_s: u32,
    /// From when on the driver takes nobody on, if that is known.
    pub until: Option<UtcMs>,
    /// Its fleet.
    pub fleet: FleetId,
    /// Seats of its vehicle.
    pub seats: u8,
    /// What its vehicle offers.
    pub offers: Needs,
    /// The stand whose queue it waits in, and since when.
    pub waits_at: Option<(StandId, UtcMs)>,
    /// Since when it has been free.
    pub idle_since: UtcMs,
    /// It may take a booking over from another shift that is on its way: its driver's yes is known within seconds.
    pub takes_over: bool,
}

/// Everything a plan is made from.
pub struct Snapshot<'a> {
    /// The moment of the plan.
    pub now: UtcMs,
    /// Bookings that want a shift.
    pub bookings: Vec<OpenBooking>,
    /// Shifts that could be asked.
    pub shifts: Vec<FreeShift>,
    /// Shifts on duty, those that are busy included.
    pub on_duty: usize,
    /// Longest drive to a pickup that is asked of a driver.
    pub reach_s: u32,
    /// Travel times by road.
    pub travel: &'a dyn TravelTimes,
}

impl OpenBooking {
    /// True if `shift` may serve it: fleet, seats, needs, and who must or must not be asked.
    #[must_use]
    pub fn suits(&self, shift: &FreeShift) -> bool {
        self.fleet.as_ref().is_none_or(|fleet| *fleet == shift.fleet)
            && self.seats <= shift.seats
            && shift.offers.cover(self.needs)
            && !self.not.contains(&shift.shift)
            && self.only.is_none_or(|only| only == shift.shift)
            && (shift.takes_over || self.planned.is_none_or(|planned| planned == shift.shift))
    }

    /// True if `shift`, which needs `eta_s`, is there when its rider was promised, or is the planned one.
    #[must_use]
    pub fn is_kept_by(&self, shift: &FreeShift, eta_s: u32, now: UtcMs) -> bool {
        let is_in_time = |at| now.plus_ms(u64::from(eta_s) * 1_000) <= at;
        self.promised_at.is_none_or(is_in_time) || self.planned == Some(shift.shift)
    }

    /// True if `shift`, which needs `eta_s`, comes while the rider is there, or at most `late_s` later, and the driver takes
    /// somebody on.
    #[must_use]
    pub fn is_met_by(&self, shift: &FreeShift, eta_s: u32, late_s: u32, now: UtcMs) -> bool {
        let at = now.plus_ms(u64::from(eta_s) * 1_000);
        let last = self.gone_at.map(|gone_at| gone_at.plus_ms(u64::from(late_s) * 1_000));
        last.is_none_or(|last| at <= last) && shift.until.is_none_or(|until| at < until)
    }
}
