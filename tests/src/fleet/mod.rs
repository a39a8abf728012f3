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
//! - If things are [`Degraded`], districts that dispatch apart see their own riders and the taxis that are free in them,
//!   and messages take their time: a rider, a free taxi, an order is known when its message has arrived.
//!
//! The same files, options and seed give the same logs and metrics, byte for byte; only the times that planning took
//! differ.
//!
//! | about | file |
//! |---|---|
//! | the four files of a town | `town`, `csv` |
//! | shortest ways | `roads` |
//! | the clock, taxis and riders | `world`, `taxi` |
//! | what a plan is made from, and what follows from it | `planning` |
//! | what is planned with, and how often | `policy`, `chat` |
//! | districts apart, and slow or lost messages | `degraded`, `cells`, `messages` |
//! | what comes out | `log`, `report` |

mod cells;
mod chat;
mod csv;
mod degraded;
mod log;
mod messages;
mod planning;
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
pub use degraded::{Degraded, Delays, Partition};
pub use log::{Kind, Leg, Log, Ride};
pub use policy::PolicyName;
pub use report::{Metrics, Report};
pub use town::{Files, Town};

use std::time::Duration;

use world::World;

/// How a town is played.
#[derive(Debug, Clone, PartialEq)]
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
    /// What is out of order.
    pub degraded: Degraded,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pickup_s: 120,
            dropoff_s: 60,
            max_wait_s: None,
            policy: PolicyName::Ondol,
            seed: 1,
            degraded: Degraded::default(),
        }
    }
}

/// Plays a town until the last rider is served or has gone; `progress` hears how many riders that are.
#[must_use]
pub fn run(town: &Town, options: &Options, progress: impl FnMut(usize)) -> (Log, Report) {
    let mut world = World::new(town, options);
    world.run(progress);
    let played = world.finish();
    let report = Report::new(town, options, &played);
    (played.log, report)
}

/// What came of a run.
pub(crate) struct Played {
    pub log: Log,
    /// How long each plan took.
    pub solves: Vec<Duration>,
    /// How often riders were lent to another district.
    pub lent: u64,
    /// Riders from whom no road leads to where they want to go.
    pub unreachable: usize,
}
