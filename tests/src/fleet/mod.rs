//! The fleet simulator: how well the shipped matching serves a town's real demand.
//!
//! It drives the product's own [`Policy`](ondol_core::matching::Policy) through its public face on a virtual clock of
//! whole seconds. The rules of its world:
//!
//! - A request is unknown before its time. Nobody shares a taxi. Drivers take what they are asked.
//! - Taxis take the way of the shortest time, of equal ones the shortest, and turn off at nodes alone.
//! - A taxi that arrives boards its rider for `pickup_s`, drives, sets down for `dropoff_s`, and is clear there.
//! - A rider with patience W has gone if the taxi arrives later than W after the request.
//! - Nobody boards at or after the end of a shift.
//!
//! The same files, options and seed give the same logs and metrics, byte for byte; only the times that planning took
//! differ.
//!
//! | about | file |
//! |---|---|
//! | the four files of a town | `town`, `csv` |
//! | shortest ways | `roads` |
//! | the clock, taxis and riders | `world`, `taxi` |
//! | what is planned with, and how often | `policy`, `chat` |
//! | what comes out | `log`, `report` |

mod chat;
mod csv;
mod log;
mod policy;
mod report;
mod roads;
mod taxi;
mod town;
mod world;

#[cfg(test)]
mod rules;
#[cfg(test)]
mod tests;

pub use csv::BadFile;
pub use log::{Kind, Leg, Log, Ride};
pub use policy::PolicyName;
pub use report::{Metrics, Report};
pub use town::{Files, Town};

use std::time::Duration;

use world::World;

/// How a town is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Seconds for which a rider boards.
    pub pickup_s: u32,
    /// Seconds for which a rider is set down.
    pub dropoff_s: u32,
    /// Patience of riders in seconds, where the file says nothing; none is without end.
    pub max_wait_s: Option<u32>,
    /// What is planned with.
    pub policy: PolicyName,
    /// Chooses where chance does: who answers first in the chat group.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { pickup_s: 120, dropoff_s: 60, max_wait_s: None, policy: PolicyName::Ondol, seed: 1 }
    }
}

/// Plays a town until the last rider is served or has gone; `progress` hears how many riders that are.
#[must_use]
pub fn run(town: &Town, options: Options, progress: impl FnMut(usize)) -> (Log, Report) {
    let mut world = World::new(town, options);
    world.run(progress);
    let (log, solves) = world.finish();
    let report = Report::new(town, options, &log, solves);
    (log, report)
}

/// How long each plan took.
pub(crate) type Solves = Vec<Duration>;
