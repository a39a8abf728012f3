//! What happened to each rider and on each taxi's way.

use std::fmt::Write as _;

use super::town::Town;

/// What happened, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// One of each request, in the order of the file.
    pub rides: Vec<Ride>,
    /// Sorted by vehicle and time.
    pub legs: Vec<Leg>,
}

/// What became of a request. Times are seconds of the scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ride {
    /// Who came, or was sent last to a rider who has gone, by the number of its row.
    pub vehicle: Option<usize>,
    /// When a taxi was first sent.
    pub t_first_assign: Option<u32>,
    /// How often another taxi was sent than the one before.
    pub reassigned: u32,
    /// When the taxi came, the rider was in, and out.
    pub served: Option<Served>,
}

/// When a rider was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// The taxi is at the pickup.
    pub t_arrive: u32,
    /// The rider has boarded.
    pub t_board: u32,
    /// The rider has been set down.
    pub t_drop: u32,
}

/// Why a taxi drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// To a rider.
    Pickup,
    /// With a rider.
    Occupied,
}

/// A way driven without a stop or a change of mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// The vehicle, by the number of its row.
    pub vehicle: usize,
    /// Why.
    pub kind: Kind,
    /// From which node.
    pub from: usize,
    /// To which node.
    pub to: usize,
    /// When it sets off.
    pub t_depart: u32,
    /// When it is there.
    pub t_arrive: u32,
    /// How long the road is, in millimetres.
    pub length_mm: u64,
}

impl Log {
    /// How many riders were served.
    #[must_use]
    pub fn served(&self) -> usize {
        self.rides.iter().filter(|ride| ride.served.is_some()).count()
    }

    /// `rides.csv`.
    #[must_use]
    pub fn rides_csv(&self, town: &Town) -> String {
        let mut csv =
            String::from("request,status,vehicle,t_first_assign,reassigned,t_arrive,t_board,t_drop\n");
        let cell = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
        for (request, ride) in town.requests.iter().zip(&self.rides) {
            let vehicle = ride.vehicle.map_or("", |number| &town.vehicles[number].name);
            let _infallible = writeln!(
                csv,
                "{},{},{vehicle},{},{},{},{},{}",
                request.name,
                if ride.served.is_some() { "served" } else { "cancelled" },
                cell(ride.t_first_assign),
                ride.reassigned,
                cell(ride.served.map(|served| served.t_arrive)),
                cell(ride.served.map(|served| served.t_board)),
                cell(ride.served.map(|served| served.t_drop)),
            );
        }
        csv
    }

    /// `legs.csv`.
    #[must_use]
    pub fn legs_csv(&self, town: &Town) -> String {
        let mut csv = String::from("vehicle,kind,from,to,t_depart,t_arrive\n");
        for leg in &self.legs {
            let kind = match leg.kind {
                Kind::Pickup => "pickup",
                Kind::Occupied => "occupied",
            };
            let (from, to) = (&town.nodes[leg.from].name, &town.nodes[leg.to].name);
            let vehicle = &town.vehicles[leg.vehicle].name;
            let _infallible = writeln!(csv, "{vehicle},{kind},{from},{to},{},{}", leg.t_depart, leg.t_arrive);
        }
        csv
    }
}
