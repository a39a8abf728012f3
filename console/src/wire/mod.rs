//! Wire types of the console.
//!
//! | call | sends | answers |
//! |---|---|---|
//! | `POST /console/v1/session` | [`SignIn`] | [`SessionView`] and a cookie |
//! | `GET /console/v1/session` | – | [`SessionView`] |
//! | `DELETE /console/v1/session` | – | 204 |
//! | `GET /console/v1/board` | – | [`BoardView`] |
//! | `GET /console/v1/events` | – | SSE: `booking`, `shift`, `district`, `positions`, `resync` |
//! | `GET /console/v1/callers/{number}` | – | [`CallerView`] |
//! | `POST /console/v1/shifts/{id}/end` | [`Empty`] | [`ShiftRow`] |
//! | `POST /console/v1/bookings` | [`IntakeRequest`] | [`IntakeAnswer`], 201; 200 if it was taken before |
//! | `GET /console/v1/bookings/{id}` | – | [`BookingDetail`] |
//! | `GET /console/v1/bookings/{id}/decisions` | – | [`DecisionsView`]; written to the audit log |
//! | `POST /console/v1/bookings/{id}/assign` | [`AssignRequest`] | [`BookingRow`] |
//! | `POST /console/v1/bookings/{id}/recall` | [`Empty`] | [`BookingRow`] |
//! | `POST /console/v1/bookings/{id}/cancel` | [`CancelRequest`] | [`BookingRow`] |
//! | `POST /console/v1/bookings/{id}/close` | [`CloseRequest`] | [`BookingRow`] |
//! | `POST /console/v1/bookings/{id}/reveal` | [`RevealRequest`] | [`RevealAnswer`]; written to the audit log |
//! | `POST /console/v1/districts/{id}/take` | [`ConfirmRequest`] | [`DistrictView`] |
//! | `POST /console/v1/districts/{id}/give-back` | [`ConfirmRequest`] | [`DistrictView`] |
//! | `POST /console/v1/districts/{id}/waive-bans` | [`WaiveRequest`] | [`DistrictView`]; written to the audit log |
//! | `GET /console/v1/districts/{id}/taxis/near` | `at`: LAT,LON; `most`: ten without it | [`NearView`] |
//! | `GET /console/v1/reconciliation` | – | [`ReconciliationView`] |
//! | `GET /console/v1/fairness` | `from`, `to`: a week at most; without them the last day | [`FairnessView`] |
//! | `GET /console/v1/map` | – | GeoJSON |
//! | `GET /console/v1/reports` | – | [`ReportsView`] |
//! | `POST /console/v1/reports/{id}/reveal` | [`Empty`] | [`RevealAnswer`]; written to the audit log |
//! | `POST /console/v1/reports/{id}/care` | [`Empty`] | [`Empty`] |
//!
//! Places are searched at the riders' door, which is open to everybody. Operators of a fleet see that
//! fleet's shifts and the bookings that it may serve; another fleet's are answered with 404.

mod board;
mod booking;
mod fairness;
mod intake;
mod near;
mod report;
mod session;
mod why;

pub use board::{
    BoardView, DataAge, DistrictView, DutyState, EpochView, PositionRow, PositionsEvent, ShiftRow, StuckView,
};
pub use booking::{
    AssignRequest, AssignmentView, Attention, BookingDetail, BookingRow, CancelRequest, CandidateView,
    CloseRequest, FactView, RevealAnswer, RevealRequest, Spot, TaxiView,
};
pub use fairness::{FairnessView, FleetView, LeftOut, RuleCount};
pub use intake::{Accepted, CallerView, IntakeAnswer, IntakeRequest, PastBooking};
pub use near::{NearTaxi, NearView};
pub use report::{ReportRow, ReportsView};
pub use session::{
    ConfirmRequest, ConflictView, Empty, OutageView, ReconciliationView, SessionView, SignIn, Standing,
    WaiveRequest,
};
pub use why::{AskedBefore, DecisionsView, OtherView, QuestionOutcome, QuestionView, RuleView, TaxiRef};

/// Most bookings on a board: those needing a hand first, then the newest.
pub const BOOKINGS_MAX: usize = 500;
/// Most shifts on a board.
pub const SHIFTS_MAX: usize = 2_000;
/// Most facts shown of one booking.
pub const FACTS_MAX: usize = 100;
/// Most shifts proposed for one booking.
pub const CANDIDATES_MAX: usize = 12;
/// Most taxis shown near a place.
pub const NEAR_MAX: usize = 50;
/// Most questions shown of one booking.
pub const QUESTIONS_MAX: usize = 100;
/// Most other candidates shown of one question; the journal keeps five.
pub const OTHERS_MAX: usize = 12;
/// Most rules counted apart.
pub const RULES_MAX: usize = 20;
/// Longest window of a fairness report, in milliseconds: 7 days.
pub const FAIRNESS_MAX_MS: u64 = 7 * 24 * 3_600_000;
/// Most past bookings and places of a caller.
pub const HISTORY_MAX: usize = 9;
/// Most conflicts in one report.
pub const CONFLICTS_MAX: usize = 500;
/// Most bookings or shifts in one event.
pub const CHANGES_MAX: usize = 200;
/// Longest label of a spot, in characters.
pub const LABEL_MAX_CHARS: usize = 120;
/// Longest name of a caller, in characters.
pub const NAME_MAX_CHARS: usize = 60;
/// Longest note or reason, in characters.
pub const NOTE_MAX_CHARS: usize = 200;
/// Longest phone number as typed, in characters.
pub const PHONE_MAX_CHARS: usize = 24;
/// Most passengers of one booking.
pub const SEATS_MAX: u8 = 8;
/// How far ahead a taxi can be ordered, in milliseconds: 30 days.
pub const AHEAD_MAX_MS: u64 = 30 * 24 * 3_600_000;
