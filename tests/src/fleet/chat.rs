//! Drivers in a messenger group, the baseline without a dispatcher.
//!
//! The office posts one ride after the other, oldest first, at the speed at which people type; whoever is free, near
//! enough and answers first has the ride. There is one group for a hundred taxis.

use ondol_core::ids::{BookingId, ShiftId};
use ondol_core::matching::{Ask, OpenBooking, Plan, Policy, Reasons, Snapshot, Unmatched};
use sha2::{Digest as _, Sha256};

/// Seconds between two posts of a group.
pub(super) const POST_EVERY_S: u32 = 15;
/// Taxis of a group.
const GROUP: usize = 100;
/// Nobody answers to a ride that is further away than this, in seconds.
const NEAR_ENOUGH_S: u32 = 600;

pub(super) struct ChatGroup {
    posts: usize,
    seed: u64,
}

impl ChatGroup {
    pub(super) fn new(vehicles: usize, seed: u64) -> Self {
        Self { posts: vehicles.div_ceil(GROUP), seed }
    }

    /// Who is quick: chance, but the same in each run.
    fn quickness(&self, booking: BookingId, shift: ShiftId) -> [u8; 8] {
        let mut hash = Sha256::new_with_prefix(self.seed.to_le_bytes());
        hash.update(booking.0.as_bytes());
        hash.update(shift.0.as_bytes());
        let digest = hash.finalize();
        std::array::from_fn(|byte| digest[byte])
    }
}

impl Policy for ChatGroup {
    fn plan(&self, snapshot: &Snapshot<'_>) -> Plan {
        let mut posted: Vec<&OpenBooking> = snapshot.bookings.iter().collect();
        posted.sort_by_key(|booking| (booking.waits_since, booking.booking));
        posted.truncate(self.posts);
        let places: Vec<_> = snapshot.shifts.iter().map(|shift| shift.position).collect();
        let mut is_taken = vec![false; places.len()];
        let mut plan = Plan::default();
        for booking in posted {
            let drives = snapshot.travel.durations_s(booking.pickup, &places);
            let near = (0..).zip(drives).filter_map(|(shift, drive_s)| Some((shift, drive_s?)));
            let answers = near.filter(|(shift, drive_s): &(usize, u32)| {
                let taxi = &snapshot.shifts[*shift];
                !is_taken[*shift]
                    && *drive_s <= NEAR_ENOUGH_S
                    && booking.is_met_by(taxi, *drive_s, 0, snapshot.now)
            });
            let quickest = answers
                .min_by_key(|(shift, _)| self.quickness(booking.booking, snapshot.shifts[*shift].shift));
            if let Some((shift, eta_s)) = quickest {
                is_taken[shift] = true;
                let (booking, shift) = (booking.booking, snapshot.shifts[shift].shift);
                plan.asks.push(Ask {
                    booking,
                    shift,
                    eta_s,
                    why: Reasons::among("answered_first", shift, []),
                });
            }
        }
        let asked = |booking: BookingId| plan.asks.iter().any(|ask| ask.booking == booking);
        let rest = snapshot.bookings.iter().map(|booking| booking.booking).filter(|booking| !asked(*booking));
        plan.unmatched = rest.map(|booking| (booking, Unmatched::AllTaken)).collect();
        plan
    }
}
