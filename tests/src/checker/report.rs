//! The report of an outage, as checks read it.

use std::collections::BTreeMap;

use ondol_core::booking::Door;
use serde::{Deserialize, Serialize};

/// `ondol-outage/1`. Times are simulated seconds; what did not happen is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `ondol-outage/1`.
    pub schema: String,
    /// `synthetic`, or the file of the map.
    pub map: String,
    /// The city's seed.
    pub seed: u64,
    /// Simulated seconds in a second.
    pub speed: f64,
    /// Districts with an edge.
    pub districts: usize,
    /// Drivers who went to work.
    pub shifts: usize,
    /// How long the city was awake.
    pub duration_s: f64,
    /// What became of bookings.
    pub bookings: Bookings,
    /// The same by door.
    pub by_door: BTreeMap<String, DoorCount>,
    /// Bookings made while central was away.
    pub degraded: Degraded,
    /// Drivers with two active assignments.
    pub drivers_doubled: usize,
    /// Bookings to which two taxis were bound at the same time: possible in a split, and counted.
    pub duplicate_dispatches: usize,
    /// Charges beyond the first one of a booking.
    pub double_charges: usize,
    /// Boarded trips that a machine ended or gave to another taxi.
    pub boarded_reassigned: usize,
    /// From central's death until half of the drivers' devices had noticed.
    pub detect_s: Option<f64>,
    /// … until the last edge had taken its district.
    pub takeover_s: Option<f64>,
    /// … until a driver's device showed the first question of an edge.
    pub first_edge_offer_s: Option<f64>,
    /// … until 95 % of the drivers' devices were attached to an edge.
    pub drivers_attached_p95_s: Option<f64>,
    /// From central's return until the last edge had given its district back.
    pub heal_s: Option<f64>,
    /// How long at least one rider who wanted a taxi had been waiting over 30 s for an answer of any node.
    #[serde(default)]
    pub unavailable_s: f64,
    /// All stores tell the same of every district in the end.
    pub journals_converged: bool,
    /// Entries written since central's death that another node than their writer holds.
    pub entries_exchanged: usize,
    /// Conflicts, by kind.
    pub conflicts: BTreeMap<String, usize>,
    /// Broken promises, in words.
    pub violations: Vec<String>,
}

/// What became of bookings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bookings {
    /// Riders asked for a taxi.
    pub made: usize,
    /// A node acknowledged it, or the driver's device made it.
    pub acknowledged: usize,
    /// The rider rode.
    pub served: usize,
    /// Ended by somebody before boarding.
    pub cancelled: usize,
    /// Of these, by a rule of ours after it was acknowledged: nobody was found in time, or it repeated another one.
    #[serde(default)]
    pub ended_by_rule: usize,
    /// Refused by a node.
    pub refused: usize,
    /// Still open at the end, and visible to rider and operator.
    pub open: usize,
    /// Acknowledged, and none of these.
    pub lost: usize,
}

/// The bookings of one door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DoorCount {
    /// Made.
    pub made: usize,
    /// Served.
    pub served: usize,
    /// Made while central was away.
    pub made_degraded: usize,
    /// Of these, served.
    pub served_degraded: usize,
}

/// Bookings made while central was away.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Degraded {
    /// Made.
    pub made: usize,
    /// Served.
    pub served: usize,
    /// What the same city serves of them without the outage, from a run of its own.
    pub expected: Option<f64>,
    /// `served` by `expected`.
    pub ratio: Option<f64>,
}

impl Report {
    /// Returns a report in which nothing has happened, with every door listed.
    #[must_use]
    pub fn new(map: String, seed: u64, speed: f64, districts: usize) -> Self {
        Self {
            schema: "ondol-outage/1".into(),
            map,
            seed,
            speed,
            districts,
            shifts: 0,
            duration_s: 0.0,
            bookings: Bookings::default(),
            by_door: Door::ALL.iter().map(|door| (door.as_str().to_owned(), DoorCount::default())).collect(),
            degraded: Degraded::default(),
            drivers_doubled: 0,
            duplicate_dispatches: 0,
            double_charges: 0,
            boarded_reassigned: 0,
            detect_s: None,
            takeover_s: None,
            first_edge_offer_s: None,
            drivers_attached_p95_s: None,
            heal_s: None,
            unavailable_s: 0.0,
            journals_converged: false,
            entries_exchanged: 0,
            conflicts: BTreeMap::new(),
            violations: Vec::new(),
        }
    }
}
