//! One taxi: what it does, and the legs that it drives.

use super::log::{Kind, Leg};
use super::roads::{Roads, Stop};

/// A taxi on its shift.
#[derive(Debug, Clone)]
pub(super) struct Taxi {
    number: usize,
    doing: Doing,
    /// Where and when the leg begins that is being driven, or the next one at the earliest.
    node: usize,
    at_s: u32,
    /// The dispatch knows that it has nothing to do.
    pub is_known_free: bool,
    /// An order is on its way to it, or waits for the end of its trip.
    pub is_promised: bool,
    /// The request to which its driver drives once the trip is over.
    pub next: Option<usize>,
    /// Since when it has had no rider.
    pub clear_since_s: u32,
    /// Counts changes of what it does: what was expected before a change does not happen.
    pub change: u32,
}

#[derive(Debug, Clone)]
enum Doing {
    /// Stands, or will from `at_s` on.
    Nothing,
    /// Drives to a pickup.
    Pickup { request: usize, way: Vec<Stop> },
    /// Has a rider, and is clear at `at_s`.
    Trip,
}

impl Taxi {
    pub(super) fn new(number: usize, start: usize, shift_start_s: u32) -> Self {
        Self {
            number,
            doing: Doing::Nothing,
            node: start,
            at_s: shift_start_s,
            is_known_free: false,
            is_promised: false,
            next: None,
            clear_since_s: shift_start_s,
            change: 0,
        }
    }

    /// The request to which it drives.
    pub(super) fn drives_to(&self) -> Option<usize> {
        match &self.doing {
            Doing::Pickup { request, .. } => Some(*request),
            Doing::Nothing | Doing::Trip => None,
        }
    }

    pub(super) fn carries(&self) -> bool {
        matches!(self.doing, Doing::Trip)
    }

    /// From where and when on it can be sent elsewhere: the next node on its way, or where it stands or will be clear.
    pub(super) fn place(&self, now_s: u32) -> Stop {
        let here = Stop { node: self.node, at_s: self.at_s, length_mm: 0 };
        match &self.doing {
            Doing::Nothing => Stop { at_s: self.at_s.max(now_s), ..here },
            Doing::Trip => here,
            Doing::Pickup { way, .. } => {
                let mut nodes = std::iter::once(here).chain(way.iter().copied());
                nodes.find(|stop| stop.at_s >= now_s).unwrap_or(here)
            }
        }
    }

    /// Turns to a pickup; returns when it is there, and the leg that ends with the turn, if any of it was driven.
    /// `None` without a road.
    pub(super) fn send(
        &mut self,
        request: usize,
        pickup: usize,
        roads: &Roads<'_>,
        now_s: u32,
    ) -> Option<(u32, Option<Leg>)> {
        let mut way = roads.way(self.place(now_s).node, pickup)?;
        let driven = self.call_off(now_s);
        for stop in &mut way {
            stop.at_s += self.at_s;
        }
        let there_at_s = way.last().map_or(self.at_s, |stop| stop.at_s);
        self.doing = Doing::Pickup { request, way };
        Some((there_at_s, driven))
    }

    /// Drives on to the next node and stands there; returns the leg that ends so.
    pub(super) fn call_off(&mut self, now_s: u32) -> Option<Leg> {
        let place = self.place(now_s);
        let driven =
            self.drives_to().map(|_| self.leg(Kind::Pickup, place)).filter(|leg| leg.t_depart < leg.t_arrive);
        self.change += 1;
        self.doing = Doing::Nothing;
        (self.node, self.at_s) = (place.node, place.at_s);
        driven
    }

    /// Is at the pickup: returns the legs to it and, by `trip`, from it; `at_s` is then when it is clear.
    pub(super) fn board(&mut self, trip: &[Stop], pickup_s: u32, dropoff_s: u32) -> [Leg; 2] {
        let last = match &self.doing {
            Doing::Pickup { way, .. } => way.last().copied(),
            Doing::Nothing | Doing::Trip => None,
        };
        let pickup = last.unwrap_or(Stop { node: self.node, at_s: self.at_s, length_mm: 0 });
        let empty = self.leg(Kind::Pickup, pickup);
        (self.node, self.at_s) = (pickup.node, pickup.at_s + pickup_s);
        let mut end = trip.last().copied().unwrap_or(Stop { node: self.node, at_s: 0, length_mm: 0 });
        end.at_s += self.at_s;
        let occupied = self.leg(Kind::Occupied, end);
        self.change += 1;
        self.doing = Doing::Trip;
        (self.node, self.at_s) = (end.node, end.at_s + dropoff_s);
        [empty, occupied]
    }

    /// When it is clear, or can be sent elsewhere.
    pub(super) fn at_s(&self) -> u32 {
        self.at_s
    }

    /// Has set its rider down.
    pub(super) fn clear(&mut self) {
        self.change += 1;
        self.doing = Doing::Nothing;
        self.clear_since_s = self.at_s;
    }

    fn leg(&self, kind: Kind, end: Stop) -> Leg {
        Leg {
            vehicle: self.number,
            kind,
            from: self.node,
            to: end.node,
            t_depart: self.at_s,
            t_arrive: end.at_s,
            length_mm: end.length_mm,
        }
    }
}
