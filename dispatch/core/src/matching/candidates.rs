//! Which shifts come into question for which booking.
//!
//! Near by straight line, looked at from both sides, because in a shortage the nearest shifts of a booking are all
//! somebody else's, and in plenty it is the other way round; then how long the drive is by road. A booking that was promised
//! its shift waits for no other: in plenty it is looked at from its own side alone, which keeps a plan short.

use super::{FreeShift, OpenBooking, RollingRules, Snapshot};
use crate::near::Grid;
use crate::position::Position;

/// A shift that may serve a booking and comes while its rider is there, or not much later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its number among the shifts.
    pub shift: usize,
    /// Seconds until it is at the pickup.
    pub eta_s: u32,
}

/// The candidates of each booking, soonest first; of two as soon the one that has been idle longer.
///
/// **Shape**: one list per booking.
pub(super) fn candidates(
    bookings: &[&OpenBooking],
    shifts: &[&FreeShift],
    rules: &RollingRules,
    snapshot: &Snapshot<'_>,
) -> Vec<Vec<Candidate>> {
    let mut pairs = near_pairs(bookings, shifts, rules.near_max).into_iter().peekable();
    let mut lists = Vec::with_capacity(bookings.len());
    let (mut sources, mut numbers): (Vec<Position>, Vec<usize>) = (Vec::new(), Vec::new());
    for (number, booking) in bookings.iter().enumerate() {
        sources.clear();
        numbers.clear();
        while let Some((_, shift)) = pairs.next_if(|(of, _)| *of == number) {
            numbers.push(shift);
            sources.push(shifts[shift].position);
        }
        let drives = if sources.is_empty() {
            Vec::new()
        } else {
            snapshot.travel.durations_s(booking.pickup, &sources)
        };
        let mut list: Vec<Candidate> = drives
            .into_iter()
            .zip(&numbers)
            .filter_map(|(drive_s, shift)| {
                let drive_s = drive_s.filter(|drive_s| *drive_s <= snapshot.reach_s)?;
                Some(Candidate { shift: *shift, eta_s: shifts[*shift].ready_in_s.saturating_add(drive_s) })
            })
            .filter(|candidate| {
                booking.is_met_by(shifts[candidate.shift], candidate.eta_s, rules.late_s, snapshot.now)
            })
            .collect();
        let planned = list.iter().find(|c| booking.planned == Some(shifts[c.shift].shift));
        let planned_s = planned.map_or(0, |c| c.eta_s);
        list.retain(|c| c.eta_s <= planned_s || booking.is_kept_by(shifts[c.shift], c.eta_s, snapshot.now));
        list.sort_by_key(|c| (c.eta_s, shifts[c.shift].idle_since, shifts[c.shift].shift));
        lists.push(list);
    }
    lists
}

/// Pairs of numbers of bookings and shifts that are near to each other, in order.
fn near_pairs(bookings: &[&OpenBooking], shifts: &[&FreeShift], near_max: usize) -> Vec<(usize, usize)> {
    let places: Vec<Position> = shifts.iter().map(|shift| shift.position).collect();
    let mut pairs = Vec::new();
    let near_shifts = Grid::new(&places);
    for (number, booking) in bookings.iter().enumerate() {
        let near = near_shifts.nearest(booking.pickup, near_max, |shift| booking.suits(shifts[shift]));
        pairs.extend(near.into_iter().map(|shift| (number, shift)));
        if let Some(planned) = booking.planned {
            // Shifts are sorted by name.
            let known = shifts.binary_search_by_key(&planned, |shift| shift.shift);
            pairs.extend(
                known.ok().filter(|shift| booking.suits(shifts[*shift])).map(|shift| (number, shift)),
            );
        }
    }
    let is_plenty = shifts.len() > bookings.len();
    let wanting: Vec<usize> = (0..bookings.len())
        .filter(|booking| !is_plenty || bookings[*booking].promised_at.is_none())
        .collect();
    let pickups: Vec<Position> = wanting.iter().map(|booking| bookings[*booking].pickup).collect();
    let near_bookings = Grid::new(&pickups);
    for (number, shift) in shifts.iter().enumerate() {
        let near = near_bookings.nearest(shift.position, near_max, |at| bookings[wanting[at]].suits(shift));
        pairs.extend(near.into_iter().map(|at| (wanting[at], number)));
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}
