//! How well riders were served, in numbers.

use ondol_core::fairness::gini;
use serde::Serialize;

use super::log::{Kind, Log};
use super::town::Town;
use super::{Degraded, Options, Played};
use crate::quantile::quantile;

/// What a run comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// `dispatch-sim/1`
    pub schema: &'static str,
    /// What was planned with.
    pub policy: String,
    /// The seed.
    pub seed: u64,
    /// Seconds for boarding.
    pub pickup_s: u32,
    /// Seconds for setting down.
    pub dropoff_s: u32,
    /// Patience in seconds; none is without end.
    pub max_wait_s: Option<u32>,
    /// Requests in the file.
    pub requests: usize,
    /// Vehicles in the file.
    pub vehicles: usize,
    /// What was out of order.
    pub degraded: Degraded,
    /// How often riders were lent to another district.
    pub lent: u64,
    /// Riders from whom no road leads to where they want to go: nobody can serve them.
    pub unreachable: usize,
    /// The measure of it.
    pub metrics: Metrics,
    /// Half of all plans took less, in milliseconds.
    pub solve_ms_p50: f64,
    /// All but one plan in a hundred took less, in milliseconds.
    pub solve_ms_p99: f64,
    /// Plans.
    pub decisions: usize,
}

/// How well riders were served. Waits are seconds from the request to the taxi's arrival.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// Served, of all.
    pub service_rate: f64,
    /// Mean wait of those who were served.
    pub wait_mean: f64,
    /// The smallest wait with at least half of all waits at or below it.
    pub wait_p50: u32,
    /// The same with 95 in 100.
    pub wait_p95: u32,
    /// The longest.
    pub wait_max: u32,
    /// Mean over all riders, where who has gone counts the patience that was lost: the headline.
    pub wait_pen_mean: f64,
    /// Kilometres without a rider, of all.
    pub empty_ratio: f64,
    /// Driving time without a rider, of all driving time.
    pub empty_time_ratio: f64,
    /// Kilometres driven to wait elsewhere.
    pub reposition_km: f64,
    /// How often another taxi was sent than the one before.
    pub reassigned: u64,
    /// Inequality of the time that taxis drove with riders: 0 is equal, 1 is one for all.
    pub gini_occ: f64,
}

impl Report {
    pub(super) fn new(town: &Town, options: &Options, played: &Played) -> Self {
        let decisions = played.solves.len();
        let ms = |per_cent| {
            quantile(played.solves.clone(), per_cent).map_or(0.0, |took| rounded(took.as_secs_f64() * 1e3))
        };
        Self {
            schema: "dispatch-sim/1",
            policy: options.policy.to_string(),
            seed: options.seed,
            pickup_s: options.pickup_s,
            dropoff_s: options.dropoff_s,
            max_wait_s: options.max_wait_s,
            requests: town.requests.len(),
            vehicles: town.vehicles.len(),
            degraded: options.degraded.clone(),
            lent: played.lent,
            unreachable: played.unreachable,
            metrics: Metrics::new(town, options, &played.log),
            solve_ms_p50: ms(50),
            solve_ms_p99: ms(99),
            decisions,
        }
    }
}

impl Metrics {
    fn new(town: &Town, options: &Options, log: &Log) -> Self {
        let end_s = log.legs.iter().map(|leg| leg.t_arrive).max().unwrap_or(0);
        let (mut waits, mut penalised_s) = (Vec::new(), 0_u64);
        for (request, ride) in town.requests.iter().zip(&log.rides) {
            match ride.served {
                Some(served) => {
                    let wait_s = served.t_arrive - request.time_s;
                    waits.push(wait_s);
                    penalised_s += u64::from(wait_s);
                }
                None => {
                    // Who would have waited without end has waited until the last taxi stood still.
                    let to_the_end_s = end_s.saturating_sub(request.time_s);
                    let patience_s = request.max_wait_s.or(options.max_wait_s).unwrap_or(to_the_end_s);
                    penalised_s += u64::from(patience_s);
                }
            }
        }
        let sum = |kind: Kind, of: fn(&super::log::Leg) -> u64| -> u64 {
            log.legs.iter().filter(|leg| leg.kind == kind).map(of).sum()
        };
        let share = |of: fn(&super::log::Leg) -> u64| {
            let (empty, occupied) = (sum(Kind::Pickup, of), sum(Kind::Occupied, of));
            ratio(empty, empty + occupied)
        };
        let riders = log.rides.len() as u64;
        Self {
            service_rate: ratio(waits.len() as u64, riders),
            wait_mean: ratio(waits.iter().copied().map(u64::from).sum(), waits.len() as u64),
            wait_p50: quantile(waits.clone(), 50).unwrap_or(0),
            wait_p95: quantile(waits.clone(), 95).unwrap_or(0),
            wait_max: waits.iter().copied().max().unwrap_or(0),
            wait_pen_mean: ratio(penalised_s, riders),
            empty_ratio: share(|leg| leg.length_mm),
            empty_time_ratio: share(|leg| u64::from(leg.t_arrive - leg.t_depart)),
            reposition_km: 0.0,
            reassigned: log.rides.iter().map(|ride| u64::from(ride.reassigned)).sum(),
            gini_occ: gini(occupied_s(town, log)).map_or(0.0, rounded),
        }
    }
}

/// Seconds that each taxi drove with riders.
fn occupied_s(town: &Town, log: &Log) -> Vec<u64> {
    let mut occupied_s = vec![0; town.vehicles.len()];
    for leg in log.legs.iter().filter(|leg| leg.kind == Kind::Occupied) {
        occupied_s[leg.vehicle] += u64::from(leg.t_arrive - leg.t_depart);
    }
    occupied_s
}

/// Zero of nothing.
fn ratio(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { rounded(part as f64 / of as f64) }
}

/// Six digits behind the point: more mean nothing.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
