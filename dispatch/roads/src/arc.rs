//! One direction of one segment: what a taxi drives along.

use serde::{Deserialize, Serialize};

/// A segment and a direction: even along the segment's line, odd against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct ArcId(pub(crate) u32);

impl ArcId {
    pub(crate) fn along(segment: u32) -> Self {
        Self(segment * 2)
    }

    pub(crate) fn against(segment: u32) -> Self {
        Self(segment * 2 + 1)
    }

    pub(crate) fn segment(self) -> u32 {
        self.0 / 2
    }

    pub(crate) fn is_reversed(self) -> bool {
        self.0 % 2 == 1
    }

    /// The same street driven the other way.
    pub(crate) fn reverse(self) -> Self {
        Self(self.0 ^ 1)
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}
