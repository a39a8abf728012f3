//! The fault simulator: central, two edges, drivers with and without the app, riders and operators in virtual time.
//!
//! It runs the *shipped* [`ondol_core::node::Node`] and [`ondol_device::Device`]; only the shells around them (disk,
//! network, clock, people) are played here. One seed is one run: the same seed gives the same hash.
//!
//! ```text
//! schedule ─▶ faults       clock ─▶ Agenda (virtual time)       checkers ◀─ every stored entry, every stored slot
//!                 │           │                                     │
//!                 ▼           ▼                                     ▼
//!               net ◀────▶ model: nodes, devices, people ───────▶ report
//! ```
//!
//! A run has a *safety* phase (faults; checkers look after every step) and a *liveness* phase (everything healed;
//! all must converge in bounded time).
//!
//! Not simulated: several processes of central, texts to riders beside the question whether the taxi is still wanted.

pub(crate) mod carrier;
mod checkers;
pub(crate) mod clock;
pub(crate) mod model;
#[cfg(feature = "planted")]
pub mod mutants;
mod net;
mod profile;
mod report;
mod run;
pub(crate) mod schedule;

pub use profile::{Profile, UnknownProfile};
pub use report::{Bookings, Degraded, DoorCount, Lies, Phones, Relayed, Report, Violation};
pub use run::{Options, run, run_many};
pub use schedule::{Fault, Schedule};
