//! Live speeds: from drivers' positions to the times of arcs.
//!
//! | about | module |
//! |---|---|
//! | hours of the week | `slot` |
//! | a taxi's positions, each moment told once, and the steps between them | `trail` |
//! | from a step to pieces of street and how long they took | `matching` |
//! | paces learnt, smoothed and bounded | `book` |
//! | a book on disk | `kept` |
//! | a stated time of arrival and its error | `eta` |
//!
//! Absent: incidents and closures, forecasts beyond the hour of the week, who drove what.

mod book;
mod eta;
mod kept;
mod matching;
mod slot;
mod trail;

pub use book::{SpeedBook, Traversal};
pub use eta::{Eta, EtaModel};
pub(crate) use matching::{driven, pieces};
pub use slot::{Day, Slot};
pub(crate) use trail::Joint;
pub use trail::{Fix, Step, Taken, Trail};
