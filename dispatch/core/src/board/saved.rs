//! How a board stands in a snapshot: without its indexes, which are made again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Board, DistrictBoard};
use crate::hlc::Hlc;
use crate::ids::{DistrictId, NodeId};
use crate::journal::Heads;

impl Board {
    /// Number of the form in which boards are saved; raised with every field that is added or changed. A node that reads
    /// another form would lose for good what the field held, because it reads the entries before a snapshot no more.
    pub const FORM: u32 = 2;
}

#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    heads: Heads,
    districts: BTreeMap<DistrictId, DistrictBoard>,
    unknown_kinds: u64,
    stamps: BTreeMap<NodeId, Hlc>,
}

impl From<Saved> for Board {
    fn from(saved: Saved) -> Self {
        let Saved { heads, districts, unknown_kinds, stamps } = saved;
        let mut board = Self { heads, districts, unknown_kinds, stamps };
        for district in board.districts.values_mut() {
            district.rebuild_index();
        }
        board
    }
}

impl From<Board> for Saved {
    fn from(board: Board) -> Self {
        let Board { heads, districts, unknown_kinds, stamps } = board;
        Self { heads, districts, unknown_kinds, stamps }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::booking::{AssignmentRecord, BookingRecord};
    use crate::ids::{BookingId, NodeId, ShiftId};
    use crate::loan::Loan;
    use crate::matching::Reasons;
    use crate::shift::ShiftRecord;

    /// Fields of records, written out so that whoever adds one comes by here.
    #[test]
    fn who_adds_a_field_raises_the_number_of_the_form() {
        let shift = ShiftId::from_number(1);
        let node: NodeId = "central".parse().unwrap();
        let bond = crate::ids::AssignmentId { origin: node, incarnation: 1, counter: 1 };
        let why = Reasons { rule: "nearest".into(), others: Vec::new(), instead_of: Some(bond.clone()) };
        let record = AssignmentRecord {
            offered: Some((1, crate::units::UtcMs(0), why)),
            restored: Some(1),
            ..AssignmentRecord::new(shift)
        };
        let mut booking = BookingRecord::unknown(BookingId::from_number(1));
        booking.accepted_apart = true;
        booking.loans.insert(crate::loan::LoanId(1), Loan::default());
        booking.assignments.insert(bond, record);
        let mut district = DistrictBoard::default();
        district.shifts.insert(shift, ShiftRecord::unknown(shift));
        district.bookings.insert(booking.id, booking);
        let mut board = Board::default();
        board.districts.insert("hanbuk".parse().unwrap(), district);

        let mut names = BTreeSet::new();
        collect(&serde_json::to_value(&board).unwrap(), &mut names);
        let expected = "accepted accepted_apart accepted_by arrived_at assigned_at assignments attached authority \
            bans_waived boarded bookings borrowed cancel central_term charged claims closed districts done \
            drivers duty edge_term granted heads id instead_of lent loans offered others over owner \
            released restored returned rule set_aside shift shifts stamps stand stands start taken texts \
            told transferred unknown_kinds";
        let found: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!((Board::FORM, found.join(" ").as_str()), (2, expected));
    }

    /// Names of fields; what is not spelled like one is a key.
    fn collect(value: &Value, names: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && name != "hanbuk" {
                        names.insert(name.clone());
                    }
                    collect(value, names);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, names)),
            _ => {}
        }
    }
}
