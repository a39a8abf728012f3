//! The one screen: districts, bookings, shifts.

use ondol_core::ids::{BookingId, DistrictId, DriverId, FleetId, NodeId, ShiftId, StandId};
use ondol_core::node::{Mode, ModeReason, Poison};
use ondol_core::position::Position;
use serde::{Deserialize, Serialize};

use super::{BookingRow, Standing};
use ondol_engine::http::Moment;
use ondol_engine::vault::Hidden;

/// Everything on the screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardView {
    /// The node that answers.
    pub node: NodeId,
    /// The districts it serves.
    pub districts: Vec<DistrictView>,
    /// Bookings: those needing a hand first, then by age; closed ones of the last hour at the end.
    pub bookings: Vec<BookingRow>,
    /// Open bookings in all, also those that did not fit.
    pub open_bookings: usize,
    /// Shifts on duty.
    pub shifts: Vec<ShiftRow>,
    /// Shifts on duty in all, also those that did not fit.
    pub shifts_on_duty: usize,
    /// Who says so.
    pub standing: Standing,
}

/// A district: who dispatches it, why and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistrictView {
    /// The district.
    pub district: DistrictId,
    /// How it is dispatched.
    pub mode: Mode,
    /// Why.
    pub reason: ModeReason,
    /// Since when.
    pub since: Moment,
    /// The node that holds it, as far as the answering node knows.
    pub holder: NodeId,
    /// The authority under which.
    pub epoch: EpochView,
    /// True if this node can take it by hand now.
    pub may_take: bool,
    /// True if this node can give it back now.
    pub may_give_back: bool,
    /// True if drivers begin no shifts here because the bans are old, or do although they are, and the caller may decide
    /// about that.
    pub may_waive_bans: bool,
    /// Until when an operator has answered for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bans_waived_until: Option<Moment>,
    /// How old the data here are.
    pub ages: Vec<DataAge>,
    /// Series that do not go in here: while there is one that is not set aside, the district does not return.
    pub stuck: Vec<StuckView>,
}

/// A series of which the next entry does not go in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StuckView {
    /// The series, as `ondol node set-aside --series` wants it.
    pub series: String,
    /// The number of the entry.
    pub seq: u64,
    /// Why: `unreadable`, `broken`, `not_allowed` or `own_past`.
    pub why: Poison,
    /// Since when this node knows it.
    pub since: Moment,
    /// True once staff has decided that nobody waits for it.
    pub set_aside: bool,
}

/// Authority over a district; the greater one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochView {
    /// Raised by central at each grant.
    pub central_term: u32,
    /// Raised by the edge at each takeover.
    pub edge_term: u32,
}

/// How old one kind of data is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataAge {
    /// What: `peer` (journal of the node named in `of`), `positions`, and at an edge `bans`.
    pub item: String,
    /// Of whom, if of another node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<NodeId>,
    /// When it was last refreshed; absent if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Moment>,
    /// False if it is older than it may be used.
    pub usable: bool,
}

/// What a shift is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DutyState {
    /// Ready for bookings.
    Free,
    /// Being asked.
    Asked,
    /// On the way to a rider, or waiting for one.
    Assigned,
    /// With a rider.
    OnTrip,
    /// On a break.
    Paused,
    /// Off duty.
    Ended,
}

/// A shift on the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShiftRow {
    /// The shift.
    pub shift: ShiftId,
    /// The driver.
    pub driver: DriverId,
    /// What the driver is called, if known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_name: Option<String>,
    /// Why the driver's name is not shown, if there is some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_hidden: Option<Hidden>,
    /// The vehicle's plate.
    pub plate: String,
    /// The fleet.
    pub fleet: FleetId,
    /// The district.
    pub district: DistrictId,
    /// What it is doing.
    pub state: DutyState,
    /// The booking it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking: Option<BookingId>,
    /// Where it was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// When it was last heard at the answering node; absent if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<Moment>,
    /// The node its device is attached to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached_to: Option<NodeId>,
    /// True for a driver without the app, served by text message.
    pub by_text: bool,
    /// The stand whose queue it waits in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand: Option<StandId>,
}

/// Where shifts are: the `positions` event, every 2 s of the wall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionsEvent {
    /// The node's clock, which the page's ages count from.
    pub as_of: Moment,
    /// The shifts heard since the event before.
    pub shifts: Vec<PositionRow>,
}

/// Where one shift is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionRow {
    /// The shift.
    pub shift: ShiftId,
    /// Where.
    pub position: Position,
    /// When it was heard.
    pub heard_at: Moment,
}
