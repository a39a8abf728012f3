//! Rolling assignment: riders together wait least, and what is planned is planned anew until a shift is close.
//!
//! ```text
//! snapshot ─▶ kept: close to the pickup ─▶ stands' queues ─▶ class by class: costs of pairs ─▶ least cost of all ─▶ plan
//!                                                                           prices of leaving out
//! ```
//!
//! A pair costs the drive, and a change of shift costs extra, because drivers hate it. Medical bookings choose first, then
//! riders who have waited beyond the cap, then everybody. Leaving a booking out has a price, so that a shortage is settled by
//! choice: dearest are those for whom most is still to be won, which are rather those who have come lately: strictly oldest
//! first would have every rider of a long shortage wait until just before going. Where a rider wants to go counts nowhere.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::candidates::{Candidate, candidates};
use super::{Ask, CostTable, FreeShift, OpenBooking, Plan, Policy, Reasons, Snapshot, Solver, Unmatched};
use crate::booking::Priority;
use crate::ids::{ShiftId, StandId};
use crate::units::UtcMs;

#[cfg(test)]
mod tests;

/// Costs are counted in tenths of a second of a rider's wait, so that a tie-break can be smaller than a second.
const PER_S: u32 = 10;
/// Longest time that counts anywhere, in seconds: keeps every cost within the solver's bound.
const LONGEST_S: u32 = 86_400;

/// What the rolling assignment goes by. A zone may have rules of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollingRules {
    /// Bookings that one plan looks at, most urgent first; the rest wait for the next one.
    pub bookings_max: usize,
    /// So many nearest shifts of each booking come into question, and as many nearest bookings of each shift.
    pub near_max: usize,
    /// What it costs, in seconds of waiting, to give a booking another shift than the one on its way.
    pub switch_s: u32,
    /// A shift that is so close to its pickup, in seconds, is not changed any more.
    pub lock_s: u32,
    /// How long riders wait before they go, in seconds, where they have not said so.
    pub patience_s: u32,
    /// How long a shift is busy with a booking on average, in seconds: tells how soon a shortage is worked off.
    pub busy_s: u32,
    /// What it is worth, in seconds of others' waiting, that a rider is served at all: who can be served only at the
    /// cost of more than this and the rest of a known patience together is left out for the moment.
    pub served_s: u32,
    /// A shift that would come so much later, in seconds, than a rider goes who has said so comes into question all the same,
    /// as long as no shortage lasts: a nearer one may be free before it is there.
    pub late_s: u32,
    /// Who has waited longer than this, in seconds, goes before everybody but medical bookings.
    pub age_cap_s: u32,
    /// How many seconds of driving it outweighs, at most, that a shift has been idle for long.
    pub idle_s: u32,
}

impl Default for RollingRules {
    fn default() -> Self {
        Self {
            bookings_max: 2_000,
            near_max: 60,
            switch_s: 15,
            lock_s: 20,
            patience_s: 1_800,
            busy_s: 600,
            served_s: 450,
            late_s: 120,
            age_cap_s: 1_200,
            idle_s: 3,
        }
    }
}

impl RollingRules {
    /// Rules of a node, where a booking for which nobody was found ends after `give_up_ms`: for the last third of that time
    /// it goes before others. A node asks for a change later and less often than the best plan would: where a taxi is was
    /// heard some seconds ago, another driver's yes takes some more, and drivers hate to be turned round.
    #[must_use]
    pub fn giving_up_after(give_up_ms: u64) -> Self {
        let give_up_s = u32::try_from(give_up_ms / 1_000).unwrap_or(LONGEST_S).min(LONGEST_S);
        Self {
            patience_s: give_up_s,
            age_cap_s: give_up_s / 3 * 2,
            switch_s: 30,
            lock_s: 60,
            ..Self::default()
        }
    }
}

/// A shortage that is worked off in so many seconds does not last.
const SHORT_S: u32 = 60;
/// How often those who are left look further.
const ROUNDS_MAX: usize = 4;
/// Leaving out who may wait for ever costs so many times the longest drive: nobody stands idle while somebody within
/// reach waits.
const BEYOND_REACH: u32 = 2;
/// Idle for so long is idle for long, in seconds.
const LONG_IDLE_S: u32 = 1_800;

/// Who goes before whom: no rider of a later class is served at the cost of one of an earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Medical,
    BeyondCap,
    Everybody,
}

/// The policy in use.
#[derive(Debug, Clone, Copy, Default)]
pub struct RollingAssignment {
    /// What it goes by.
    pub rules: RollingRules,
}

impl Policy for RollingAssignment {
    fn plan(&self, snapshot: &Snapshot<'_>) -> Plan {
        let bookings = self.bookings(snapshot);
        let mut shifts: Vec<&FreeShift> = snapshot.shifts.iter().collect();
        shifts.sort_by_key(|shift| shift.shift);
        let worked_off_s = self.worked_off_s(snapshot);
        let late_s = if worked_off_s <= SHORT_S { self.rules.late_s } else { 0 };
        let rules = RollingRules { late_s, ..self.rules };
        let lists = candidates(&bookings, &shifts, &rules, snapshot);
        let planned = bookings.iter().zip(&lists).map(|(booking, list)| {
            let shift = booking.planned?;
            list.iter().copied().find(|candidate| shifts[candidate.shift].shift == shift)
        });
        let mut round = Round {
            planned: planned.collect(),
            rules,
            snapshot,
            worked_off_s,
            taken: vec![false; shifts.len()],
            settled: vec![false; bookings.len()],
            bookings,
            shifts,
            lists,
            plan: Plan::default(),
        };
        round.keep_close_ones();
        round.serve_stands();
        round.assign();
        round.plan
    }
}

impl RollingAssignment {
    /// Most urgent first; the order of the snapshot makes no difference.
    fn bookings<'a>(&self, snapshot: &'a Snapshot<'_>) -> Vec<&'a OpenBooking> {
        let mut bookings: Vec<&OpenBooking> = snapshot.bookings.iter().collect();
        bookings.sort_by_key(|b| (b.priority, Reverse(b.planned.is_some()), b.waits_since, b.booking));
        bookings.truncate(self.rules.bookings_max);
        bookings
    }

    /// In how many seconds a shortage is worked off: bookings beyond the shifts for which nothing is planned, times how
    /// long one keeps a shift busy, shared by all on duty. None while there are as many such shifts as bookings.
    fn worked_off_s(&self, snapshot: &Snapshot<'_>) -> u32 {
        let planned = snapshot.bookings.iter().filter(|booking| booking.planned.is_some()).count();
        let beyond = snapshot.bookings.len().saturating_sub(snapshot.shifts.len().saturating_sub(planned));
        let busy_s = u64::from(self.rules.busy_s) * beyond as u64 / snapshot.on_duty.max(1) as u64;
        u32::try_from(busy_s).unwrap_or(LONGEST_S).min(LONGEST_S)
    }
}

/// One plan in the making.
struct Round<'a, 'b> {
    rules: RollingRules,
    snapshot: &'a Snapshot<'b>,
    bookings: Vec<&'a OpenBooking>,
    shifts: Vec<&'a FreeShift>,
    lists: Vec<Vec<Candidate>>,
    /// The shift that is on its way to each booking.
    planned: Vec<Option<Candidate>>,
    /// In how many seconds the shortage is worked off.
    worked_off_s: u32,
    /// Per shift: somebody has it.
    taken: Vec<bool>,
    /// Per booking: it has a shift.
    settled: Vec<bool>,
    plan: Plan,
}

impl Round<'_, '_> {
    /// Shifts that are close to their pickups stay as they are.
    fn keep_close_ones(&mut self) {
        for number in 0..self.bookings.len() {
            if let Some(close) =
                self.planned[number].filter(|c| c.eta_s <= self.rules.lock_s && !self.taken[c.shift])
            {
                self.settle(number, close, "kept");
            }
        }
    }

    /// A stand's queue serves riders who wait at the stand, in its order.
    fn serve_stands(&mut self) {
        let mut queues: BTreeMap<&StandId, Vec<(UtcMs, ShiftId, usize)>> = BTreeMap::new();
        for (number, shift) in self.shifts.iter().enumerate().filter(|(_, shift)| shift.ready_in_s == 0) {
            if let Some((stand, since)) = &shift.waits_at {
                queues.entry(stand).or_default().push((*since, shift.shift, number));
            }
        }
        for queue in queues.values_mut() {
            queue.sort_unstable();
        }
        for number in 0..self.bookings.len() {
            let booking = self.bookings[number];
            let queue = booking.stand.as_ref().and_then(|stand| queues.get(stand));
            if self.settled[number] || booking.planned.is_some() {
                continue;
            }
            let first = queue.into_iter().flatten().map(|(_, _, shift)| *shift).find_map(|shift| {
                let is_free = !self.taken[shift] && booking.suits(self.shifts[shift]);
                let eta_s = if is_free { self.drive_s(booking, shift) } else { None };
                eta_s.map(|eta_s| Candidate { shift, eta_s })
            });
            if let Some(first) = first {
                self.settle(number, first, "stand_queue");
            }
        }
    }

    fn drive_s(&self, booking: &OpenBooking, shift: usize) -> Option<u32> {
        let shift = self.shifts[shift];
        let drives = self.snapshot.travel.durations_s(booking.pickup, &[shift.position]);
        let within_reach = |s: &u32| {
            *s <= self.snapshot.reach_s && booking.is_met_by(shift, *s, self.rules.late_s, self.snapshot.now)
        };
        drives.into_iter().next().flatten().filter(within_reach)
    }

    /// Everybody else, class by class, so that the sum of all costs of a class is least.
    ///
    /// Where many wait at one place, the shifts that are near are not enough for all: those who are left look further,
    /// among the shifts that are left.
    fn assign(&mut self) {
        for class in [Class::Medical, Class::BeyondCap, Class::Everybody] {
            for round in 0..ROUNDS_MAX {
                let is_open = |number: &usize| !self.settled[*number] && self.class(*number) == class;
                let open: Vec<usize> = (0..self.bookings.len()).filter(is_open).collect();
                if open.is_empty() || (round > 0 && !self.look_further(&open)) {
                    break;
                }
                for (number, column) in open.iter().zip(self.solve(&open)) {
                    let mut list = self.lists[*number].iter().copied();
                    if let Some(chosen) = column.and_then(|column| list.find(|c| c.shift == column as usize))
                    {
                        self.settle(*number, chosen, self.rule(*number, chosen));
                    }
                }
            }
        }
        for number in 0..self.bookings.len() {
            if !self.settled[number] {
                let why = self.why_left_out(number);
                self.plan.unmatched.push((self.bookings[number].booking, why));
            }
        }
    }

    fn solve(&self, open: &[usize]) -> Vec<Option<u32>> {
        let mut table = CostTable::new(u32::try_from(self.shifts.len()).unwrap_or(u32::MAX));
        for number in open {
            table.row(self.price_of_leaving_out(self.bookings[*number]));
            for candidate in self.lists[*number].iter().filter(|c| !self.taken[c.shift]) {
                let column = u32::try_from(candidate.shift).unwrap_or(u32::MAX);
                table.arc(column, self.cost(*number, *candidate));
            }
        }
        Solver::default().solve(&table)
    }

    /// Candidates of those who are left among the shifts that are left; false if there are none.
    fn look_further(&mut self, open: &[usize]) -> bool {
        let free: Vec<usize> = (0..self.shifts.len()).filter(|shift| !self.taken[*shift]).collect();
        if free.is_empty() {
            return false;
        }
        let bookings: Vec<&OpenBooking> = open.iter().map(|number| self.bookings[*number]).collect();
        let shifts: Vec<&FreeShift> = free.iter().map(|shift| self.shifts[*shift]).collect();
        let mut is_any = false;
        for (number, list) in open.iter().zip(candidates(&bookings, &shifts, &self.rules, self.snapshot)) {
            if !list.is_empty() {
                is_any = true;
                self.lists[*number] =
                    list.into_iter().map(|c| Candidate { shift: free[c.shift], ..c }).collect();
            }
        }
        is_any
    }

    fn rule(&self, number: usize, chosen: Candidate) -> &'static str {
        let cheapest = self.lists[number].iter().map(|c| self.cost(number, *c)).min();
        if self.bookings[number].only.is_some() {
            "handed_over"
        } else if cheapest == Some(self.cost(number, chosen)) {
            "nearest"
        } else {
            "least_wait"
        }
    }

    /// What it costs if this shift serves the booking.
    fn cost(&self, number: usize, candidate: Candidate) -> i32 {
        let shift = self.shifts[candidate.shift];
        let idle_s = seconds(shift.idle_since, self.snapshot.now).min(LONG_IDLE_S);
        let not_idle = self.rules.idle_s * PER_S * (LONG_IDLE_S - idle_s) / LONG_IDLE_S;
        tenths(candidate.eta_s + self.change_s(number, candidate)) + signed(not_idle)
    }

    /// What it costs, in seconds, that another shift was on its way.
    fn change_s(&self, number: usize, candidate: Candidate) -> u32 {
        let is_another = self.planned[number].is_some_and(|planned| planned.shift != candidate.shift);
        if is_another { self.rules.switch_s } else { 0 }
    }

    /// What it costs to leave the booking out: the further wait, and what being served is worth.
    ///
    /// Of a rider whose patience is known, what is left of it would be lost. Who may wait for ever is served whenever
    /// a shift is within reach, whatever that costs others.
    fn price_of_leaving_out(&self, booking: &OpenBooking) -> i32 {
        let waited_s = seconds(booking.waits_since, self.snapshot.now);
        let (left_s, lost_s) = match booking.gone_at {
            Some(gone_at) => {
                let left_s = seconds(self.snapshot.now, gone_at);
                (left_s, left_s + self.rules.served_s)
            }
            None => (self.rules.patience_s.saturating_sub(waited_s), BEYOND_REACH * self.snapshot.reach_s),
        };
        let change_s = booking.planned.map_or(0, |_| self.rules.switch_s);
        let price_s = lost_s + further_wait_s(left_s, self.worked_off_s) + change_s;
        tenths(price_s)
    }

    fn class(&self, number: usize) -> Class {
        let booking = self.bookings[number];
        let waited_s = seconds(booking.waits_since, self.snapshot.now);
        match booking.priority {
            Priority::Medical => Class::Medical,
            Priority::Normal if waited_s > self.rules.age_cap_s => Class::BeyondCap,
            Priority::Normal => Class::Everybody,
        }
    }

    fn settle(&mut self, number: usize, chosen: Candidate, rule: &str) {
        let shift = self.shifts[chosen.shift].shift;
        let mut costs: Vec<(u32, ShiftId)> = self.lists[number]
            .iter()
            .map(|c| (c.eta_s + self.change_s(number, *c), self.shifts[c.shift].shift))
            .collect();
        costs.sort_by_key(|(cost_s, _)| *cost_s);
        let why = Reasons::among(rule, shift, costs.into_iter().map(|(cost_s, shift)| (shift, cost_s)));
        self.taken[chosen.shift] = true;
        self.settled[number] = true;
        self.plan.asks.push(Ask { booking: self.bookings[number].booking, shift, eta_s: chosen.eta_s, why });
    }

    fn why_left_out(&self, number: usize) -> Unmatched {
        if !self.lists[number].is_empty() {
            Unmatched::AllTaken
        } else if self.shifts.iter().any(|shift| self.bookings[number].suits(shift)) {
            Unmatched::OutOfReach
        } else {
            Unmatched::NoneSuitable
        }
    }
}

/// How long who is left out waits on, on average, if the shortage is worked off in `worked_off_s` and the rider goes
/// after `left_s`: near the shorter of the two, and never above it.
fn further_wait_s(left_s: u32, worked_off_s: u32) -> u32 {
    let (left, worked_off) = (u64::from(left_s), u64::from(worked_off_s));
    let wait_s = (left * worked_off).checked_div(left + worked_off).unwrap_or(0);
    u32::try_from(wait_s).unwrap_or(LONGEST_S)
}

/// Whole seconds from one moment to another, none if it lies before, a day at most.
fn seconds(from: UtcMs, to: UtcMs) -> u32 {
    u32::try_from(to.since_ms(from).max(0) / 1_000).unwrap_or(LONGEST_S).min(LONGEST_S)
}

/// Seconds as a cost.
fn tenths(s: u32) -> i32 {
    signed(s.min(LONGEST_S) * PER_S)
}

fn signed(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
