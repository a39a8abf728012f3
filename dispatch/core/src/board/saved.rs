//! How a board stands in a snapshot: without its indexes, which are made again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Board, DistrictBoard};
use crate::hlc::Hlc;
use crate::ids::{DistrictId, NodeId};
use crate::journal::Heads;

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
