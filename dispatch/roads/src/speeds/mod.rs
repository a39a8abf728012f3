//! Live speeds: from drivers' positions to the times of arcs.
//!
//! | about | module |
//! |---|---|
//! | hours of the week | `slot` |
//! | from positions to pieces of street and how long they took | `matching` |
//! | paces learnt, smoothed and bounded | `book` |
//! | a stated time of arrival and its error | `eta` |
//!
//! Absent: incidents and closures, forecasts beyond the hour of the week, who drove what.

mod book;
mod eta;
mod matching;
mod slot;

pub use book::{SpeedBook, Traversal};
pub use eta::{Eta, EtaModel};
pub use matching::Fix;
pub(crate) use matching::{step, traversals};
pub use slot::{Day, Slot};
