//! What a plan is made from, and what follows from it.

use std::collections::BTreeSet;
use std::time::Instant;

use ondol_core::booking::{Needs, Priority};
use ondol_core::ids::{BookingId, ShiftId};
use ondol_core::matching::{EXCHANGES_MAX, FreeShift, LATER_MAX_MS, OpenBooking, Plan, Snapshot};
use ondol_core::units::UtcMs;

use super::taxi::Taxi;
use super::world::{Event, World};

impl World<'_> {
    /// Every dispatch plans for itself.
    pub(super) fn plan(&mut self, now_s: u32) {
        self.planned_at_s = Some(now_s);
        self.lend(now_s);
        for cell in self.cells.at(now_s) {
            self.plan_cell(cell, now_s);
        }
        debug_assert!(self.nobody_is_doubled(), "two taxis drive to one rider at {now_s} s");
    }

    fn nobody_is_doubled(&self) -> bool {
        let mut seen = BTreeSet::new();
        self.taxis.iter().flatten().filter_map(Taxi::drives_to).all(|request| seen.insert(request))
    }

    fn plan_cell(&mut self, cell: usize, now_s: u32) {
        let bookings = self.bookings(cell, now_s);
        if bookings.is_empty() {
            return;
        }
        let shifts = self.shifts(cell, now_s);
        let on_duty = self.taxis.iter().flatten().filter(|taxi| self.cell_of(taxi, now_s) == cell).count();
        let reach_s = self.planner.reach_s();
        let mut snapshot =
            Snapshot { now: moment(now_s), bookings, shifts, on_duty, reach_s, travel: &self.roads };
        let began = Instant::now();
        let plan = self.planner.plan(&mut snapshot);
        self.solves.push(began.elapsed());
        let is_rest = !snapshot.shifts.is_empty() && !plan.unmatched.is_empty();
        let is_anybody_freed = self.carry_out(&plan, now_s);
        if (is_rest && self.planner.goes_on_by_itself()) || (is_anybody_freed && self.planner.exchanges()) {
            self.want_plan(now_s);
        }
    }

    /// True if taxis that are on their way may be sent elsewhere. Where orders are slow nobody knows where a driver would
    /// be when hearing of the other rider.
    fn replans(&self) -> bool {
        self.planner.replans() && !self.messages.are_slow_to_drivers()
    }

    /// True if drivers are told of the next rider before the last one is out: where words are slow.
    pub(super) fn orders_ahead(&self) -> bool {
        self.messages.are_slow_to_drivers() && self.planner.looks_ahead()
    }

    /// True if whoever drives to the rider may be sent elsewhere.
    fn may_change(&self, request: usize) -> bool {
        let changes = self.log.rides[request].reassigned;
        self.replans() && !(self.planner.exchanges() && changes as usize >= EXCHANGES_MAX)
    }

    fn holder(&self, request: usize, now_s: u32) -> usize {
        self.cells.holder(request, self.town.requests[request].from, now_s)
    }

    /// Who dispatches a taxi: who holds the rider to whom it drives, else where it is.
    fn cell_of(&self, taxi: &Taxi, now_s: u32) -> usize {
        match taxi.drives_to() {
            Some(request) => self.holder(request, now_s),
            None => self.cells.of_node(taxi.place(now_s).node, now_s),
        }
    }

    fn bookings(&self, cell: usize, now_s: u32) -> Vec<OpenBooking> {
        let wanting =
            self.open.iter().filter(|request| self.sent[**request].is_none() || self.may_change(**request));
        wanting
            .filter(|request| self.holder(**request, now_s) == cell)
            .map(|request| {
                let row = &self.town.requests[*request];
                OpenBooking {
                    booking: BookingId::from_number(*request as u128),
                    pickup: self.town.nodes[row.from].position,
                    stand: None,
                    fleet: None,
                    seats: 1,
                    needs: Needs::default(),
                    priority: Priority::Normal,
                    waits_since: moment(row.time_s),
                    not: BTreeSet::new(),
                    only: None,
                    planned: self.sent[*request].map(|taxi| ShiftId::from_number(taxi as u128)),
                    promised_at: self.promised[*request],
                    gone_at: self
                        .patience_s(row)
                        .filter(|_| self.planner.knows_patience())
                        .map(|patience_s| moment(row.time_s + patience_s)),
                }
            })
            .filter(|booking| booking.gone_at.is_none_or(|gone_at| gone_at > moment(now_s)))
            .collect()
    }

    /// The taxis that may be sent, as far as the dispatch of this cell knows.
    fn shifts(&self, cell: usize, now_s: u32) -> Vec<FreeShift> {
        let hears_in_s = if self.orders_ahead() { self.messages.expected_order_s() } else { 0 };
        let on_shift =
            self.taxis.iter().enumerate().filter_map(|(number, taxi)| Some((number, taxi.as_ref()?)));
        on_shift
            .filter(|(_, taxi)| {
                let may_turn = |request| self.open.contains(&request) && self.may_change(request);
                let is_soon_clear = self.orders_ahead()
                    && taxi.carries()
                    && !taxi.is_promised
                    && taxi.at_s() <= now_s + self.messages.window_s();
                taxi.is_known_free || is_soon_clear || taxi.drives_to().is_some_and(may_turn)
            })
            .filter(|(_, taxi)| self.cell_of(taxi, now_s) == cell)
            .filter(|(number, _)| now_s + self.options.pickup_s < self.town.vehicles[*number].shift_end_s)
            .map(|(number, taxi)| {
                let place = taxi.place(now_s);
                // Riders board before the end.
                let until_s = self.town.vehicles[number].shift_end_s.saturating_sub(self.options.pickup_s);
                FreeShift {
                    shift: ShiftId::from_number(number as u128),
                    position: self.town.nodes[place.node].position,
                    ready_in_s: hears_in_s.max(place.at_s - now_s),
                    until: Some(moment(until_s)),
                    fleet: self.fleet.clone(),
                    seats: 4,
                    offers: Needs::default(),
                    waits_at: None,
                    idle_since: moment(taxi.clear_since_s),
                    takes_over: true,
                }
            })
            .collect()
    }

    /// Riders who wait for long without a taxi go to another district, or come back from it.
    fn lend(&mut self, now_s: u32) {
        let long_alone = self.cells.long_alone(now_s);
        if long_alone.is_empty() {
            return;
        }
        let mut free: Vec<Vec<usize>> =
            self.cells.at(now_s).map(|cell| self.free_beyond_own(cell, now_s)).collect();
        for request in long_alone {
            let from = self.town.requests[request].from;
            let is_moved = self.cells.give_back(request) || {
                let own = self.cells.of_node(from, now_s);
                let drives_s = self.roads.times_s(from);
                self.cells.lend(request, own, &mut free, &drives_s)
            };
            if is_moved {
                self.alone(request, now_s);
            }
        }
    }

    /// Where taxis stand free in a cell, if there are more of them than riders of its own who wait.
    fn free_beyond_own(&self, cell: usize, now_s: u32) -> Vec<usize> {
        let of_cell = |taxi: &&Taxi| taxi.is_known_free && self.cell_of(taxi, now_s) == cell;
        let free = self.taxis.iter().flatten().filter(of_cell).map(|taxi| taxi.place(now_s).node);
        let free: Vec<usize> = free.collect();
        let waiting = self
            .open
            .iter()
            .filter(|request| self.sent[**request].is_none() && self.holder(**request, now_s) == cell);
        if free.len() > waiting.count() { free } else { Vec::new() }
    }

    /// First every taxi that is not sent where it was is called off, then those that are sent elsewhere set off. True if a
    /// taxi was called off that has nothing to do now.
    fn carry_out(&mut self, plan: &Plan, now_s: u32) -> bool {
        let mut is_anybody_freed = false;
        let mut changed: Vec<(usize, usize)> = Vec::new();
        for ask in &plan.asks {
            let (request, taxi) = (number(ask.booking.0.as_u128()), number(ask.shift.0.as_u128()));
            if self.sent[request] != Some(taxi) {
                changed.push((request, taxi));
                if self.planner.exchanges() {
                    let latest = moment(now_s + ask.eta_s).plus_ms(LATER_MAX_MS);
                    self.promised[request].get_or_insert(latest);
                }
            }
        }
        let left_out: Vec<usize> =
            plan.unmatched.iter().map(|(booking, _)| number(booking.0.as_u128())).collect();
        // A taxi that is sent straight on to another pickup need not stand first.
        let sent_on: BTreeSet<usize> = changed.iter().map(|(_, taxi)| *taxi).collect();
        for request in changed.iter().map(|(request, _)| request).chain(&left_out) {
            if let Some(taxi) = self.sent[*request].take()
                && !sent_on.contains(&taxi)
            {
                self.stand(taxi, now_s);
                self.knows_free(taxi);
                is_anybody_freed = true;
            }
        }
        for request in left_out {
            if !self.cells.is_alone(request) {
                self.alone(request, now_s);
            }
        }
        for (request, taxi) in changed {
            self.send(request, taxi, now_s);
        }
        is_anybody_freed
    }

    fn knows_free(&mut self, taxi: usize) {
        if let Some(taxi) = &mut self.taxis[taxi] {
            taxi.is_known_free = true;
        }
    }

    fn send(&mut self, request: usize, taxi: usize, now_s: u32) {
        self.cells.not_alone(request);
        self.sent[request] = Some(taxi);
        let ride = &mut self.log.rides[request];
        match ride.t_first_assign {
            None => ride.t_first_assign = Some(now_s),
            Some(_) if ride.vehicle != Some(taxi) => ride.reassigned += 1,
            Some(_) => {}
        }
        ride.vehicle = Some(taxi);
        if let Some(ordered) = &mut self.taxis[taxi] {
            (ordered.is_known_free, ordered.is_promised) = (false, true);
        }
        match self.messages.order_s() {
            0 => self.ordered(taxi, request, now_s),
            later_s => self.expect(now_s + later_s, Event::Ordered { taxi, request }),
        }
    }
}

fn moment(s: u32) -> UtcMs {
    UtcMs(i64::from(s) * 1_000)
}

/// The number of a row from the identifier that was made of it.
fn number(id: u128) -> usize {
    usize::try_from(id).expect("made from a row's number")
}
