//! The clock, and what happens at each second: arrivals, riders who go, riders who come, then the plan.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;

use ondol_core::ids::FleetId;
use ondol_core::units::UtcMs;

use super::cells::Cells;
use super::log::{Log, Ride, Served};
use super::messages::Messages;
use super::policy::Planner;
use super::roads::Roads;
use super::taxi::Taxi;
use super::town::{Request, Town};
use super::{Options, Played};

/// What happens at a second, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A taxi is at its pickup or has set its rider down, if nothing has changed since this was expected.
    Arrival { taxi: usize, change: u32 },
    /// A taxi begins its shift.
    Shift { taxi: usize },
    /// The dispatch hears that a taxi is free.
    Free { taxi: usize, change: u32 },
    /// A rider's patience is over.
    Gone { request: usize },
    /// A rider asks for a taxi.
    Asked { request: usize },
    /// The dispatch hears of a rider.
    Known { request: usize },
    /// A driver hears that a rider waits, or has gone.
    Ordered { taxi: usize, request: usize },
    /// Something may be planned that no other event tells of: districts part or join, a rider may be lent, a taxi will
    /// soon be clear.
    Turn,
    /// A plan is due.
    Plan,
}

pub(super) struct World<'a> {
    pub town: &'a Town,
    pub options: &'a Options,
    pub roads: Roads<'a>,
    pub planner: Planner,
    pub cells: Cells,
    pub messages: Messages,
    pub fleet: FleetId,
    events: BinaryHeap<Reverse<(u32, Event)>>,
    /// Per vehicle; none before its shift.
    pub taxis: Vec<Option<Taxi>>,
    /// Riders who wait and of whom the dispatch has not heard.
    unheard: BTreeSet<usize>,
    /// Riders who wait and are known.
    pub open: BTreeSet<usize>,
    /// Per request: the vehicle that drives to it, or has been ordered to.
    pub sent: Vec<Option<usize>>,
    /// Per request: by when another taxi must come, where riders who have one keep one.
    pub promised: Vec<Option<UtcMs>>,
    is_dirty: bool,
    pub planned_at_s: Option<u32>,
    pub log: Log,
    pub solves: Vec<Duration>,
    settled: usize,
    unreachable: usize,
}

impl<'a> World<'a> {
    pub(super) fn new(town: &'a Town, options: &'a Options) -> Self {
        let cells = Cells::new(town, &options.degraded);
        let asked = town.requests.iter().enumerate().map(|(request, r)| (r.time_s, Event::Asked { request }));
        let shifts =
            town.vehicles.iter().enumerate().map(|(taxi, v)| (v.shift_start_s, Event::Shift { taxi }));
        let turns = cells.turns_s().map(|at_s| (at_s, Event::Turn));
        Self {
            town,
            options,
            roads: Roads::new(town),
            planner: Planner::new(options, town.vehicles.len()),
            fleet: FleetId::new("town").expect("a literal that obeys the rule for names"),
            events: asked.chain(shifts).chain(turns).map(Reverse).collect(),
            cells,
            messages: Messages::new(&options.degraded),
            taxis: vec![None; town.vehicles.len()],
            unheard: BTreeSet::new(),
            open: BTreeSet::new(),
            sent: vec![None; town.requests.len()],
            promised: vec![None; town.requests.len()],
            is_dirty: false,
            planned_at_s: None,
            log: Log { rides: vec![Ride::default(); town.requests.len()], legs: Vec::new() },
            solves: Vec::new(),
            settled: 0,
            unreachable: 0,
        }
    }

    /// Plays until nothing is left that could happen.
    pub(super) fn run(&mut self, mut progress: impl FnMut(usize)) {
        while let Some(Reverse((now_s, event))) = self.events.pop() {
            let settled = self.settled;
            match event {
                Event::Arrival { taxi, change } => self.arrive(taxi, change, now_s),
                Event::Shift { taxi } => {
                    self.taxis[taxi] = Some(Taxi::new(taxi, self.town.vehicles[taxi].start, now_s));
                    self.tells_free(taxi, now_s);
                }
                Event::Free { taxi, change } => self.free(taxi, change, now_s),
                Event::Gone { request } => self.gone(request, now_s),
                Event::Asked { request } => self.asked(request, now_s),
                Event::Known { request } => self.known(request, now_s),
                Event::Ordered { taxi, request } => self.ordered(taxi, request, now_s),
                Event::Turn => self.want_plan(now_s),
                Event::Plan => {
                    self.is_dirty = false;
                    self.plan(now_s);
                }
            }
            if self.settled > settled {
                progress(self.settled);
            }
        }
    }

    pub(super) fn finish(mut self) -> Played {
        self.log.legs.sort_by_key(|leg| (leg.vehicle, leg.t_depart, leg.t_arrive));
        let (lent, unreachable) = (self.cells.lent, self.unreachable);
        Played { log: self.log, solves: self.solves, lent, unreachable }
    }

    pub(super) fn patience_s(&self, request: &Request) -> Option<u32> {
        request.max_wait_s.or(self.options.max_wait_s)
    }

    pub(super) fn expect(&mut self, at_s: u32, event: Event) {
        self.events.push(Reverse((at_s, event)));
    }

    /// A plan is made at this second, or as soon after the last one as the policy allows.
    pub(super) fn want_plan(&mut self, now_s: u32) {
        if !self.is_dirty {
            self.is_dirty = true;
            let window_s = if self.orders_ahead() { self.messages.window_s() } else { 1 };
            let at_s = self.planner.next_s(self.planned_at_s, now_s).next_multiple_of(window_s);
            self.expect(at_s, Event::Plan);
        }
    }

    fn asked(&mut self, request: usize, now_s: u32) {
        let row = &self.town.requests[request];
        // Where no road leads nobody can be driven: the rider waits in vain.
        if self.roads.way(row.from, row.to).is_none() {
            self.unreachable += 1;
            self.settled += 1;
            return;
        }
        self.unheard.insert(request);
        if let Some(patience_s) = self.patience_s(row) {
            self.expect(now_s + patience_s, Event::Gone { request });
        }
        match self.messages.rider_word_s() {
            0 => self.known(request, now_s),
            later_s => self.expect(now_s + later_s, Event::Known { request }),
        }
    }

    fn known(&mut self, request: usize, now_s: u32) {
        if self.unheard.remove(&request) {
            self.open.insert(request);
            self.alone(request, now_s);
            self.want_plan(now_s);
        }
    }

    /// A known rider has no taxi from now on.
    pub(super) fn alone(&mut self, request: usize, now_s: u32) {
        if let Some(due_s) = self.cells.alone(request, now_s) {
            self.expect(due_s, Event::Turn);
        }
    }

    /// The rider goes, and says so.
    fn gone(&mut self, request: usize, now_s: u32) {
        let was_known = self.open.remove(&request);
        if !was_known && !self.unheard.remove(&request) {
            return;
        }
        self.settled += 1;
        self.cells.not_alone(request);
        let Some(taxi) = self.sent[request] else { return };
        match self.messages.rider_word_s() + self.messages.order_s() {
            0 => self.ordered(taxi, request, now_s),
            later_s => self.expect(now_s + later_s, Event::Ordered { taxi, request }),
        }
    }

    /// A driver hears how it stands with a rider: drives there, or turns off if the rider has gone.
    pub(super) fn ordered(&mut self, taxi: usize, request: usize, now_s: u32) {
        if self.sent[request] != Some(taxi) {
            return;
        }
        if let Some(taxi) = &mut self.taxis[taxi] {
            if taxi.carries() {
                taxi.next = Some(request);
                return;
            }
            taxi.is_promised = false;
        }
        let waits = self.open.contains(&request);
        if waits && self.boards_in_time(taxi, request, now_s) {
            self.drive(taxi, request, now_s);
            return;
        }
        self.sent[request] = None;
        self.stand(taxi, now_s);
        self.tells_free(taxi, now_s);
        if waits {
            // The driver says no, and the dispatch hears it.
            self.open.remove(&request);
            self.unheard.insert(request);
            let heard_s = now_s + self.messages.driver_word_s();
            self.expect(heard_s, Event::Known { request });
        }
    }

    /// True if the taxi can be there so early that the rider boards before the end of its shift.
    fn boards_in_time(&self, taxi: usize, request: usize, now_s: u32) -> bool {
        let Some(place) = self.taxis[taxi].as_ref().map(|taxi| taxi.place(now_s)) else { return false };
        let Some(way) = self.roads.way(place.node, self.town.requests[request].from) else { return false };
        let there_s = place.at_s + way.last().map_or(0, |stop| stop.at_s);
        there_s + self.options.pickup_s < self.town.vehicles[taxi].shift_end_s
    }

    /// A driver tells the dispatch of being free.
    fn tells_free(&mut self, taxi: usize, now_s: u32) {
        let Some(change) = self.taxis[taxi].as_ref().map(|taxi| taxi.change) else { return };
        match self.messages.driver_word_s() {
            0 => self.free(taxi, change, now_s),
            later_s => self.expect(now_s + later_s, Event::Free { taxi, change }),
        }
    }

    fn free(&mut self, taxi: usize, change: u32, now_s: u32) {
        if let Some(taxi) = self.taxis[taxi].as_mut().filter(|taxi| taxi.change == change) {
            taxi.is_known_free = true;
            self.want_plan(now_s);
        }
    }

    fn arrive(&mut self, number: usize, change: u32, now_s: u32) {
        let Some(taxi) = self.taxis[number].as_mut().filter(|taxi| taxi.change == change) else { return };
        if taxi.carries() {
            taxi.clear();
            let is_promised = taxi.is_promised;
            match taxi.next.take() {
                Some(request) => self.ordered(number, request, now_s),
                None if is_promised => {}
                None => self.tells_free(number, now_s),
            }
            return;
        }
        let Some(request) = taxi.drives_to() else { return };
        if !self.open.contains(&request) {
            // The rider has gone, and the driver finds it out here.
            self.ordered(number, request, now_s);
            return;
        }
        let row = &self.town.requests[request];
        let trip = self.roads.way(row.from, row.to).expect("a request without a road is not open");
        let legs = taxi.board(&trip, self.options.pickup_s, self.options.dropoff_s);
        let (clear_at_s, change) = (taxi.at_s(), taxi.change);
        self.expect(clear_at_s, Event::Arrival { taxi: number, change });
        if self.orders_ahead() {
            self.expect(now_s.max(clear_at_s.saturating_sub(self.messages.window_s())), Event::Turn);
        }
        self.log.legs.extend(legs);
        let ride = &mut self.log.rides[request];
        ride.vehicle = Some(number);
        ride.served =
            Some(Served { t_arrive: now_s, t_board: now_s + self.options.pickup_s, t_drop: clear_at_s });
        self.open.remove(&request);
        self.settled += 1;
    }

    pub(super) fn stand(&mut self, number: usize, now_s: u32) {
        let leg = self.taxis[number].as_mut().and_then(|taxi| taxi.call_off(now_s));
        self.log.legs.extend(leg);
    }

    pub(super) fn drive(&mut self, number: usize, request: usize, now_s: u32) {
        let Some(taxi) = &mut self.taxis[number] else { return };
        let pickup = self.town.requests[request].from;
        let Some((there_at_s, leg)) = taxi.send(request, pickup, &self.roads, now_s) else { return };
        let change = taxi.change;
        self.log.legs.extend(leg);
        self.expect(there_at_s, Event::Arrival { taxi: number, change });
    }
}
