//! What goes over the WebSocket.

use serde::{Deserialize, Serialize};

use super::{Beat, BeatAnswer, PositionAnswer, PositionBatch, Push, ReportAnswer, ReportBatch};

/// A WebSocket message from the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "body", rename_all = "snake_case", deny_unknown_fields)]
pub enum Up {
    /// A sign of life.
    Beat(Beat),
    /// Entries of the live lane.
    Reports(ReportBatch),
    /// Fixes of the track lane.
    Positions(PositionBatch),
}

/// A WebSocket message from the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "body", rename_all = "snake_case", deny_unknown_fields)]
pub enum Down {
    /// Answers a beat.
    Beat(BeatAnswer),
    /// Answers a batch of reports.
    Reports(ReportAnswer),
    /// Answers a batch of fixes.
    Positions(PositionAnswer),
    /// Not asked for: something new.
    Push(Push),
    /// A message was refused; the connection stays.
    Problem(Problem),
}

/// Why a WebSocket message was refused: the fields of an RFC 9457 problem that a device acts on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The stable code.
    pub code: String,
    /// One helpful sentence.
    pub detail: String,
    /// True if the same message may succeed later.
    pub retry: bool,
}
