//! Matching: which shift is asked for which booking, and why.
//!
//! A [`Policy`] gets a snapshot and returns a plan with its reasons; it changes nothing itself.
//! [`NearestPair`] takes the pair with the shortest drive first, so that a shortage is served from
//! whichever side is short. Batched optimal assignment is a further policy behind the same face.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::booking::{Needs, Priority};
use crate::ids::{BookingId, FleetId, ShiftId, StandId};
use crate::position::Position;
use crate::travel::TravelTimes;
use crate::units::UtcMs;

/// Shifts considered for one booking, nearest by straight line first; bounds the cost of a plan.
pub const CANDIDATES_MAX: usize = 12;
/// Bookings considered in one plan, most urgent first; the rest wait for the next one.
pub const BOOKINGS_MAX: usize = 500;

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
}

/// A shift that could be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeShift {
    /// The shift.
    pub shift: ShiftId,
    /// Where it was last seen.
    pub position: Position,
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
}

/// Why a shift was asked; stored with the offer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Reasons {
    /// The rule that chose: `nearest`, `stand_queue`, `by_hand`, `handed_over`.
    pub rule: String,
    /// The other candidates with their travel time in seconds, best first, at most five.
    pub others: Vec<(ShiftId, u32)>,
}

/// A shift to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// For which booking.
    pub booking: BookingId,
    /// Which shift.
    pub shift: ShiftId,
    /// Its travel time to the pickup.
    pub eta_s: u32,
    /// Why.
    pub why: Reasons,
}

/// Why nobody is asked for a booking at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmatched {
    /// No free shift suits it.
    NoneSuitable,
    /// Every suitable shift is asked for somebody else.
    AllTaken,
    /// No road leads from any suitable shift, or all are too far.
    OutOfReach,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Shifts to ask; no shift and no booking stands in it twice.
    pub asks: Vec<Ask>,
    /// Bookings for which nobody is asked.
    pub unmatched: Vec<(BookingId, Unmatched)>,
}

/// Everything a plan is made from.
pub struct Snapshot<'a> {
    /// Bookings that want a shift.
    pub bookings: Vec<OpenBooking>,
    /// Shifts that could be asked.
    pub shifts: Vec<FreeShift>,
    /// Longest drive to a pickup that is asked of a driver.
    pub reach_s: u32,
    /// Travel times by road.
    pub travel: &'a dyn TravelTimes,
}

/// A rule that turns a snapshot into a plan.
pub trait Policy: Send {
    /// Plans. The same snapshot gives the same plan.
    fn plan(&self, snapshot: &Snapshot<'_>) -> Plan;
}

/// Shortest drive first; a stand's queue goes before for riders who wait at the stand.
#[derive(Debug, Clone, Copy, Default)]
pub struct NearestPair;

impl Policy for NearestPair {
    fn plan(&self, snapshot: &Snapshot<'_>) -> Plan {
        let mut bookings: Vec<&OpenBooking> = snapshot.bookings.iter().collect();
        bookings.sort_by_key(|b| (b.priority, b.waits_since, b.booking));
        bookings.truncate(BOOKINGS_MAX);

        let candidates: BTreeMap<BookingId, Vec<(u32, &FreeShift)>> =
            bookings.iter().map(|b| (b.booking, candidates(b, snapshot))).collect();
        let mut plan = Plan::default();
        let mut taken = BTreeSet::new();
        let mut settled = BTreeSet::new();

        for booking in &bookings {
            if let Some(ask) = from_stand_queue(booking, &candidates[&booking.booking], &taken) {
                taken.insert(ask.shift);
                settled.insert(booking.booking);
                plan.asks.push(ask);
            }
        }

        let mut pairs: Vec<(Priority, u32, UtcMs, BookingId, ShiftId)> = bookings
            .iter()
            .flat_map(|b| {
                candidates[&b.booking]
                    .iter()
                    .map(|(eta_s, s)| (b.priority, *eta_s, b.waits_since, b.booking, s.shift))
            })
            .collect();
        pairs.sort_unstable();
        for (_, eta_s, _, booking, shift) in pairs {
            if settled.contains(&booking) || taken.contains(&shift) {
                continue;
            }
            settled.insert(booking);
            taken.insert(shift);
            let rule = if snapshot.bookings.iter().any(|b| b.booking == booking && b.only.is_some()) {
                "handed_over"
            } else {
                "nearest"
            };
            plan.asks.push(Ask { booking, shift, eta_s, why: reasons(rule, shift, &candidates[&booking]) });
        }

        for booking in &bookings {
            if !settled.contains(&booking.booking) {
                plan.unmatched
                    .push((booking.booking, why_unmatched(booking, &candidates[&booking.booking], snapshot)));
            }
        }
        plan
    }
}

fn suits(booking: &OpenBooking, shift: &FreeShift) -> bool {
    booking.fleet.as_ref().is_none_or(|fleet| *fleet == shift.fleet)
        && booking.seats <= shift.seats
        && shift.offers.cover(booking.needs)
        && !booking.not.contains(&shift.shift)
        && booking.only.is_none_or(|only| only == shift.shift)
}

/// Suitable shifts within reach, shortest drive first.
fn candidates<'a>(booking: &OpenBooking, snapshot: &'a Snapshot<'_>) -> Vec<(u32, &'a FreeShift)> {
    let mut near: Vec<(u64, &FreeShift)> = snapshot
        .shifts
        .iter()
        .filter(|shift| suits(booking, shift))
        .map(|shift| (straight_mm(booking.pickup, shift.position), shift))
        .collect();
    near.sort_by_key(|(mm, shift)| (*mm, shift.shift));
    near.truncate(CANDIDATES_MAX);
    let sources: Vec<Position> = near.iter().map(|(_, shift)| shift.position).collect();
    let mut reachable: Vec<(u32, &FreeShift)> = snapshot
        .travel
        .durations_s(booking.pickup, &sources)
        .into_iter()
        .zip(near)
        .filter_map(|(eta_s, (_, shift))| eta_s.filter(|s| *s <= snapshot.reach_s).map(|s| (s, shift)))
        .collect();
    reachable.sort_by_key(|(eta_s, shift)| (*eta_s, shift.idle_since, shift.shift));
    reachable
}

/// Whole millimetres, so that sorting needs no floating-point order.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 2e10 mm, never negative")]
fn straight_mm(a: Position, b: Position) -> u64 {
    (a.distance_m(b) * 1_000.0) as u64
}

fn from_stand_queue(
    booking: &OpenBooking,
    candidates: &[(u32, &FreeShift)],
    taken: &BTreeSet<ShiftId>,
) -> Option<Ask> {
    let stand = booking.stand.as_ref()?;
    let (_, eta_s, shift) = candidates
        .iter()
        .filter(|(_, shift)| !taken.contains(&shift.shift))
        .filter_map(|(eta_s, shift)| {
            let (at, since) = shift.waits_at.as_ref()?;
            (at == stand).then_some((*since, *eta_s, shift.shift))
        })
        .min_by_key(|(since, _, shift)| (*since, *shift))?;
    Some(Ask { booking: booking.booking, shift, eta_s, why: reasons("stand_queue", shift, candidates) })
}

fn reasons(rule: &str, chosen: ShiftId, candidates: &[(u32, &FreeShift)]) -> Reasons {
    let others = candidates
        .iter()
        .filter(|(_, s)| s.shift != chosen)
        .take(5)
        .map(|(eta_s, s)| (s.shift, *eta_s))
        .collect();
    Reasons { rule: rule.into(), others }
}

fn why_unmatched(
    booking: &OpenBooking,
    candidates: &[(u32, &FreeShift)],
    snapshot: &Snapshot<'_>,
) -> Unmatched {
    if !candidates.is_empty() {
        Unmatched::AllTaken
    } else if snapshot.shifts.iter().any(|shift| suits(booking, shift)) {
        Unmatched::OutOfReach
    } else {
        Unmatched::NoneSuitable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::travel::StraightLine;

    fn at(metres_east: f64) -> Position {
        Position::new(37.5, 127.0 + metres_east / 88_000.0).unwrap()
    }

    fn booking(n: u128, metres_east: f64) -> OpenBooking {
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
        }
    }

    fn shift(n: u128, metres_east: f64) -> FreeShift {
        FreeShift {
            shift: ShiftId::from_number(n),
            position: at(metres_east),
            fleet: "blue".parse().unwrap(),
            seats: 4,
            offers: Needs::default(),
            waits_at: None,
            idle_since: UtcMs(0),
        }
    }

    fn plan(bookings: Vec<OpenBooking>, shifts: Vec<FreeShift>) -> Plan {
        NearestPair.plan(&Snapshot { bookings, shifts, reach_s: 1_200, travel: &StraightLine })
    }

    fn pairs(plan: &Plan) -> Vec<(u128, u128)> {
        plan.asks.iter().map(|a| (a.booking.0.as_u128(), a.shift.0.as_u128())).collect()
    }

    #[test]
    fn refuses_what_does_not_suit() {
        let mut other_fleet = booking(1, 0.0);
        other_fleet.fleet = Some("red".parse().unwrap());
        let mut too_many = booking(2, 0.0);
        too_many.seats = 5;
        let mut wheelchair = booking(3, 0.0);
        wheelchair.needs.wheelchair = true;
        let mut declined = booking(4, 0.0);
        declined.not.insert(ShiftId::from_number(1));
        let mut handed_over = booking(5, 0.0);
        handed_over.only = Some(ShiftId::from_number(9));
        for wish in [other_fleet, too_many, wheelchair, declined, handed_over] {
            let plan = plan(vec![wish.clone()], vec![shift(1, 10.0)]);
            assert_eq!(plan.unmatched, [(wish.booking, Unmatched::NoneSuitable)]);
        }
    }

    #[test]
    fn too_far_is_said_so() {
        let plan = plan(vec![booking(1, 0.0)], vec![shift(1, 9_000.0)]);
        assert_eq!(plan.unmatched, [(BookingId::from_number(1), Unmatched::OutOfReach)]);
    }

    #[test]
    fn shortest_drive_first_and_nobody_twice() {
        let plan = plan(vec![booking(1, 0.0), booking(2, 500.0)], vec![shift(7, 450.0)]);
        assert_eq!(pairs(&plan), [(2, 7)]);
        assert_eq!(plan.unmatched, [(BookingId::from_number(1), Unmatched::AllTaken)]);
    }

    #[test]
    fn medical_goes_before_nearer() {
        let mut medical = booking(1, 0.0);
        medical.priority = Priority::Medical;
        assert_eq!(pairs(&plan(vec![medical, booking(2, 500.0)], vec![shift(7, 450.0)])), [(1, 7)]);
    }

    #[test]
    fn a_stand_serves_its_queue_in_order() {
        let stand: StandId = "12".parse().unwrap();
        let mut wish = booking(1, 0.0);
        wish.stand = Some(stand.clone());
        let mut first = shift(5, 60.0);
        first.waits_at = Some((stand.clone(), UtcMs(10)));
        let mut second = shift(4, 10.0);
        second.waits_at = Some((stand, UtcMs(20)));
        let plan = plan(vec![wish], vec![second, first, shift(3, 1.0)]);
        assert_eq!(pairs(&plan), [(1, 5)]);
        assert_eq!(plan.asks[0].why.rule, "stand_queue");
        assert_eq!(plan.asks[0].why.others.len(), 2);
    }
}
