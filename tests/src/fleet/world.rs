//! The clock, and what happens at each second: arrivals, riders who go, riders who come, then the plan.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Instant;

use ondol_core::booking::{Needs, Priority};
use ondol_core::ids::{BookingId, FleetId, ShiftId};
use ondol_core::matching::{FreeShift, OpenBooking, Plan, Snapshot};
use ondol_core::units::UtcMs;

use super::log::{Log, Ride, Served};
use super::policy::Planner;
use super::roads::Roads;
use super::taxi::Taxi;
use super::town::{Request, Town};
use super::{Options, Solves};

/// No pickup is further than this, in seconds, unless the rider says otherwise.
const REACH_S: u32 = 3_600;

/// What happens at a second, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A taxi is at its pickup or has set its rider down, if nothing has changed since this was expected.
    Arrival { taxi: usize, change: u32 },
    /// A taxi begins its shift.
    Shift { taxi: usize },
    /// A rider's patience is over.
    Gone { request: usize },
    /// A rider asks for a taxi.
    Asked { request: usize },
    /// A plan is due.
    Plan,
}

pub(super) struct World<'a> {
    town: &'a Town,
    options: Options,
    roads: Roads<'a>,
    planner: Planner,
    fleet: FleetId,
    events: BinaryHeap<Reverse<(u32, Event)>>,
    /// Per vehicle; none before its shift.
    taxis: Vec<Option<Taxi>>,
    /// Requests that wait.
    open: BTreeSet<usize>,
    /// Per request: the vehicle that drives to it.
    sent: Vec<Option<usize>>,
    is_dirty: bool,
    planned_at_s: Option<u32>,
    log: Log,
    solves: Solves,
    settled: usize,
}

impl<'a> World<'a> {
    pub(super) fn new(town: &'a Town, options: Options) -> Self {
        let asked = town.requests.iter().enumerate().map(|(request, r)| (r.time_s, Event::Asked { request }));
        let shifts =
            town.vehicles.iter().enumerate().map(|(taxi, v)| (v.shift_start_s, Event::Shift { taxi }));
        Self {
            town,
            options,
            roads: Roads::new(town),
            planner: Planner::new(options, town.vehicles.len()),
            fleet: FleetId::new("town").expect("a literal that obeys the rule for names"),
            events: asked.chain(shifts).map(Reverse).collect(),
            taxis: vec![None; town.vehicles.len()],
            open: BTreeSet::new(),
            sent: vec![None; town.requests.len()],
            is_dirty: false,
            planned_at_s: None,
            log: Log { rides: vec![Ride::default(); town.requests.len()], legs: Vec::new() },
            solves: Vec::new(),
            settled: 0,
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
                    self.want_plan(now_s);
                }
                Event::Gone { request } => self.gone(request, now_s),
                Event::Asked { request } => self.asked(request, now_s),
                Event::Plan => self.plan(now_s),
            }
            if self.settled > settled {
                progress(self.settled);
            }
        }
    }

    pub(super) fn finish(mut self) -> (Log, Solves) {
        self.log.legs.sort_by_key(|leg| (leg.vehicle, leg.t_depart, leg.t_arrive));
        (self.log, self.solves)
    }

    fn patience_s(&self, request: &Request) -> Option<u32> {
        request.max_wait_s.or(self.options.max_wait_s)
    }

    /// A plan is made at this second, or as soon after the last one as the policy allows.
    fn want_plan(&mut self, now_s: u32) {
        if !self.is_dirty {
            self.is_dirty = true;
            let at_s = self.planner.next_s(self.planned_at_s, now_s);
            self.events.push(Reverse((at_s, Event::Plan)));
        }
    }

    fn asked(&mut self, request: usize, now_s: u32) {
        let row = &self.town.requests[request];
        // Where no road leads nobody can be driven: the rider waits in vain.
        if self.roads.way(row.from, row.to).is_none() {
            self.settled += 1;
            return;
        }
        self.open.insert(request);
        if let Some(patience_s) = self.patience_s(row) {
            self.events.push(Reverse((now_s + patience_s, Event::Gone { request })));
        }
        self.want_plan(now_s);
    }

    fn gone(&mut self, request: usize, now_s: u32) {
        if self.open.remove(&request) {
            self.settled += 1;
            self.call_off(request, now_s);
            self.want_plan(now_s);
        }
    }

    fn arrive(&mut self, number: usize, change: u32, now_s: u32) {
        let Some(taxi) = self.taxis[number].as_mut().filter(|taxi| taxi.change == change) else { return };
        if taxi.carries() {
            taxi.clear();
            self.want_plan(now_s);
            return;
        }
        let Some(request) = taxi.drives_to() else { return };
        let row = &self.town.requests[request];
        let trip = self.roads.way(row.from, row.to).expect("a request without a road is not open");
        let legs = taxi.board(&trip, self.options.pickup_s, self.options.dropoff_s);
        let clear_at_s = taxi.at_s();
        self.events.push(Reverse((clear_at_s, Event::Arrival { taxi: number, change: taxi.change })));
        self.log.legs.extend(legs);
        let ride = &mut self.log.rides[request];
        ride.vehicle = Some(number);
        ride.served =
            Some(Served { t_arrive: now_s, t_board: now_s + self.options.pickup_s, t_drop: clear_at_s });
        self.open.remove(&request);
        self.settled += 1;
    }

    fn plan(&mut self, now_s: u32) {
        self.is_dirty = false;
        self.planned_at_s = Some(now_s);
        let (bookings, shifts) = (self.bookings(now_s), self.shifts(now_s));
        if bookings.is_empty() {
            return;
        }
        let now = moment(now_s);
        let on_duty = self.taxis.iter().flatten().count();
        let snapshot = Snapshot { now, bookings, shifts, on_duty, reach_s: REACH_S, travel: &self.roads };
        let began = Instant::now();
        let plan = self.planner.plan(&snapshot);
        self.solves.push(began.elapsed());
        let is_rest = !snapshot.shifts.is_empty() && !plan.unmatched.is_empty();
        self.carry_out(&plan, now_s);
        if is_rest && self.planner.goes_on_by_itself() {
            self.want_plan(now_s);
        }
    }

    fn bookings(&self, now_s: u32) -> Vec<OpenBooking> {
        let replans = self.planner.replans();
        let wanting = self.open.iter().filter(|request| replans || self.sent[**request].is_none());
        wanting
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
                    gone_at: self.patience_s(row).map(|patience_s| moment(row.time_s + patience_s)),
                }
            })
            .filter(|booking| booking.gone_at.is_none_or(|gone_at| gone_at > moment(now_s)))
            .collect()
    }

    fn shifts(&self, now_s: u32) -> Vec<FreeShift> {
        let replans = self.planner.replans();
        let on_shift =
            self.taxis.iter().enumerate().filter_map(|(number, taxi)| Some((number, taxi.as_ref()?)));
        on_shift
            .filter(|(_, taxi)| !taxi.carries() && (replans || taxi.drives_to().is_none()))
            .filter(|(number, _)| now_s + self.options.pickup_s < self.town.vehicles[*number].shift_end_s)
            .map(|(number, taxi)| {
                let place = taxi.place(now_s);
                // Riders board before the end.
                let until_s = self.town.vehicles[number].shift_end_s.saturating_sub(self.options.pickup_s);
                FreeShift {
                    shift: ShiftId::from_number(number as u128),
                    position: self.town.nodes[place.node].position,
                    ready_in_s: place.at_s - now_s,
                    until: Some(moment(until_s)),
                    fleet: self.fleet.clone(),
                    seats: 4,
                    offers: Needs::default(),
                    waits_at: None,
                    idle_since: moment(taxi.clear_since_s),
                }
            })
            .collect()
    }

    /// First every taxi that is not sent where it was is called off, then those that are sent elsewhere set off.
    fn carry_out(&mut self, plan: &Plan, now_s: u32) {
        let asks: Vec<(usize, usize)> = plan
            .asks
            .iter()
            .map(|ask| (number(ask.booking.0.as_u128()), number(ask.shift.0.as_u128())))
            .collect();
        let changed: Vec<(usize, usize)> =
            asks.into_iter().filter(|(request, taxi)| self.sent[*request] != Some(*taxi)).collect();
        let mut given_up: Vec<usize> = changed.iter().map(|(request, _)| *request).collect();
        given_up.extend(plan.unmatched.iter().map(|(booking, _)| number(booking.0.as_u128())));
        // A taxi that is sent straight on to another pickup need not stand first.
        let sent_on: BTreeSet<usize> = changed.iter().map(|(_, taxi)| *taxi).collect();
        for request in given_up {
            if let Some(taxi) = self.sent[request].take()
                && !sent_on.contains(&taxi)
            {
                self.stand(taxi, now_s);
            }
        }
        for (request, taxi) in changed {
            self.send(request, taxi, now_s);
        }
    }

    fn call_off(&mut self, request: usize, now_s: u32) {
        if let Some(taxi) = self.sent[request].take() {
            self.stand(taxi, now_s);
        }
    }

    fn stand(&mut self, number: usize, now_s: u32) {
        let leg = self.taxis[number].as_mut().and_then(|taxi| taxi.call_off(now_s));
        self.log.legs.extend(leg);
    }

    fn send(&mut self, request: usize, number: usize, now_s: u32) {
        let Some(taxi) = &mut self.taxis[number] else { return };
        let pickup = self.town.requests[request].from;
        let Some((there_at_s, leg)) = taxi.send(request, pickup, &self.roads, now_s) else { return };
        self.log.legs.extend(leg);
        self.events.push(Reverse((there_at_s, Event::Arrival { taxi: number, change: taxi.change })));
        self.sent[request] = Some(number);
        let ride = &mut self.log.rides[request];
        match ride.t_first_assign {
            None => ride.t_first_assign = Some(now_s),
            Some(_) if ride.vehicle != Some(number) => ride.reassigned += 1,
            Some(_) => {}
        }
        ride.vehicle = Some(number);
    }
}

fn moment(s: u32) -> UtcMs {
    UtcMs(i64::from(s) * 1_000)
}

/// The number of a row from the identifier that was made of it.
fn number(id: u128) -> usize {
    usize::try_from(id).expect("made from a row's number")
}
