//! What is measured: one file a subject.

use super::contest::Contest;
use super::kit::Kit;

mod assignment;
mod bookings;
mod catch_up;
mod growth;
mod memory;
mod nearest;
mod offers;
mod reports;
mod roads;
mod starts;

/// Makes the contests of a row: starts what they need, without timing anything.
type Open = fn(&Kit) -> anyhow::Result<Vec<Contest>>;

/// A row of the table by the name that `--only` takes.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) open: Open,
}

/// All rows, in the order they are measured and written.
pub(super) const ALL: [Row; 14] = [
    Row { name: "assignment", open: assignment::open },
    Row { name: "one-to-many", open: roads::one_to_many },
    Row { name: "table", open: roads::table },
    Row { name: "new-speeds", open: roads::new_speeds },
    Row { name: "cycle", open: roads::cycle },
    Row { name: "bookings", open: bookings::central },
    Row { name: "edge-bookings", open: bookings::edge },
    Row { name: "reports", open: reports::open },
    Row { name: "nearest", open: nearest::open },
    Row { name: "cold-start", open: starts::open },
    Row { name: "catch-up", open: catch_up::open },
    Row { name: "offer", open: offers::open },
    Row { name: "memory", open: memory::open },
    Row { name: "growth", open: growth::open },
];
