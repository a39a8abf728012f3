//! The rules of dispatch, pure.
//!
//! Here is no network, disk, clock, thread or random source: the shell (`ondol-engine`, or the fault
//! simulator) brings time and messages as arguments and carries out what comes back. One run is
//! repeated exactly from its inputs.
//!
//! | about | module |
//! |---|---|
//! | a rider's request, a driver on duty, who is asked | [`booking`], [`shift`], [`matching`] |
//! | one node: the face, its inputs and outputs | [`node`], [`face`], [`command`] |
//! | who may dispatch when links fail, what districts lend one another | [`authority`], [`loan`] |
//! | what a device keeps in case every node loses its disk | [`capsule`] |
//! | what is written down and how histories join | [`fact`], [`journal`], [`hlc`], [`board`], [`reconcile`] |
//! | how work and takings were shared | [`fairness`] |
//! | what every shell decides alike, how texts are named | [`shell`], [`text`] |
//! | what a ride costs, where taxis wait | [`tariff`], [`stand`] |
//! | where bugs can be planted for the fault simulator | [`planted`] |

pub mod authority;
pub mod board;
pub mod booking;
pub mod capsule;
pub mod command;
pub mod face;
pub mod fact;
pub mod fairness;
pub mod hlc;
pub mod ids;
pub mod journal;
pub mod loan;
pub mod matching;
mod near;
pub mod node;
pub mod pin;
pub mod planted;
pub mod position;
pub mod reconcile;
pub mod shell;
pub mod shift;
pub mod stand;
pub mod tariff;
pub mod text;
pub mod travel;
pub mod units;
