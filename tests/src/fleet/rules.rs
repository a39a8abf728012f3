//! The rules of the world, checked on a log by somebody who has not made it.

use std::collections::BTreeMap;

use super::Options;
use super::log::{Kind, Leg, Log};
use super::roads::Roads;
use super::town::Town;

/// Everything in a log that cannot be; empty if all is well.
pub(super) fn broken(town: &Town, options: &Options, log: &Log) -> Vec<String> {
    let mut broken = Vec::new();
    let mut legs: BTreeMap<usize, Vec<Leg>> = BTreeMap::new();
    for leg in &log.legs {
        legs.entry(leg.vehicle).or_default().push(*leg);
    }
    for (vehicle, legs) in &legs {
        ways(town, *vehicle, legs, &mut broken);
    }
    let roads = Roads::new(town);
    for leg in
        log.legs.iter().filter(|leg| roads.time_s(leg.from, leg.to) != Some(leg.t_arrive - leg.t_depart))
    {
        broken.push(format!("{leg:?} is not the shortest way"));
    }
    let occupied = log.legs.iter().filter(|leg| leg.kind == Kind::Occupied).count();
    if occupied != log.served() {
        broken.push(format!("{occupied} legs with riders, {} served", log.served()));
    }
    for (number, (request, ride)) in town.requests.iter().zip(&log.rides).enumerate() {
        let patience_s = request.max_wait_s.or(options.max_wait_s);
        let (Some(vehicle), Some(served)) = (ride.vehicle, ride.served) else {
            if ride.served.is_some() || patience_s.is_none() {
                broken.push(format!("request {number} got nobody, but waited without end"));
            }
            continue;
        };
        let mut complain = |what: &str| broken.push(format!("request {number}: {what}: {ride:?}"));
        let none = Vec::new();
        let of = |kind: Kind| legs.get(&vehicle).unwrap_or(&none).iter().filter(move |leg| leg.kind == kind);
        if ride.t_first_assign.is_none_or(|at| at < request.time_s || at > served.t_arrive) {
            complain("assigned before it was known, or after the taxi came");
        }
        if patience_s.is_some_and(|patience_s| served.t_arrive > request.time_s + patience_s) {
            complain("the taxi came to a rider who had gone");
        }
        if served.t_board != served.t_arrive + options.pickup_s {
            complain("boarded in another time");
        }
        if served.t_board >= town.vehicles[vehicle].shift_end_s {
            complain("boarded after the end of the shift");
        }
        if !of(Kind::Pickup).any(|leg| leg.to == request.from && leg.t_arrive == served.t_arrive) {
            complain("no leg ends at the pickup");
        }
        let trip = |leg: &Leg| {
            (leg.from, leg.to, leg.t_depart) == (request.from, request.to, served.t_board)
                && leg.t_arrive + options.dropoff_s == served.t_drop
        };
        if of(Kind::Occupied).filter(|leg| trip(leg)).count() != 1 {
            complain("no leg is its trip");
        }
    }
    broken
}

/// Legs of one taxi: from its start on, one after the other in place and time, with the stops at riders between.
fn ways(town: &Town, vehicle: usize, legs: &[Leg], broken: &mut Vec<String>) {
    let taxi = &town.vehicles[vehicle];
    let (mut node, mut at_s) = (taxi.start, taxi.shift_start_s);
    for leg in legs {
        if leg.from != node || leg.t_depart < at_s || leg.t_arrive < leg.t_depart {
            broken.push(format!("{leg:?} does not begin at node {node} at {at_s} s or later"));
        }
        (node, at_s) = (leg.to, leg.t_arrive);
    }
}
