//! The outages of the past as acceptance scenarios, each a file under `tests/scenarios/`.
//!
//! ```text
//! NAME.toml ─▶ file, bounds ─▶ make ─▶ cars, riders, lines, faults (all from the seed)
//!                                          │
//!               ┌──────────────┬───────────┴───┬──────────────┐
//!               ▼              ▼               ▼              ▼
//!        with edges    without the outage  central alone   chat group
//!        └──── the shipped core and devices, `crate::faults` ───┘
//!               └──────────────┴───────┬───────┴──────────────┘
//!                                      ▼
//!                          report, and what must hold
//! ```
//!
//! Riders and drivers here live: cars need time for their ways, riders have patience ([`crate::faults`] lets people act
//! by chance and in a hurry instead). The checkers of the fault simulator look on. A rider is served when driver and
//! rider have met and the ride has ended, whatever a node says.

mod bounds;
mod catalogue;
mod chat;
mod file;
mod make;
mod play;
mod report;
mod table;

pub use bounds::Invalid;
pub use catalogue::{Known, known};
pub use file::Scenario;
pub use report::{Bookings, Check, DisksLost, Figures, InOutage, Report, SCHEMA};
pub use table::table;

/// Plays a scenario under this name. The same scenario and seed give the same report.
#[must_use]
pub fn run(name: &str, scenario: &Scenario, seed: u64) -> Report {
    play::play(name, scenario, seed)
}
