//! Wire types of the text door: what the text process and a node say to each other over HTTP.
//!
//! The text process holds the dialogue with a person; a node holds the bookings. All calls carry
//! `Authorization: Bearer <node token>` (role `text`) and JSON; a refusal is a [`Problem`]
//! (RFC 9457, `application/problem+json`). Every POST may be repeated with the same client-made id
//! and then has the same effect once and gets the same answer.
//!
//! | call | sends | answers |
//! |---|---|---|
//! | `GET /text/v1/places?q=&near=LAT,LON&limit=` | – | [`PlacesAnswer`] |
//! | `GET /text/v1/places?stand=12` | – | [`PlacesAnswer`] with one stand or none |
//! | `GET /text/v1/riders/{phone}` | – | [`RiderFacts`] |
//! | `POST /text/v1/bookings` | [`BookRequest`] | [`BookingView`] |
//! | `POST /text/v1/bookings/{id}/cancel` | [`CancelRequest`] | [`BookingView`] |
//! | `POST /text/v1/bookings/{id}/pickup` | [`MoveRequest`] | [`BookingView`] |
//! | `POST /text/v1/bookings/{id}/keep` | [`KeepRequest`] | [`BookingView`] |
//! | `POST /text/v1/drivers/{phone}/commands` | [`DriverCommandRequest`] | [`DriverAnswer`] |
//! | `GET /text/v1/notices?outbox=&after=&limit=&wait_ms=` | – | [`NoticesAnswer`] |
//! | `POST /text/v1/notices/ack` | [`AckRequest`] | [`Empty`] |
//! | `POST /text/v1/reports` | [`Report`] | [`Empty`], once it is on disk |
//! | `POST /text/v1/token` | [`Empty`] | [`TokenAnswer`] |
//!
//! A node that is not the one to ask (the pickup lies in a district that another node serves, the
//! driver is homed elsewhere) answers **421** with the problem it would else refuse with: the next
//! node is then asked, and if all are well and none serves it, the last problem is the answer. Later
//! calls of the same number go first to the node that last knew it.
//!
//! `{phone}` is E.164 with its plus sign, as it is or percent-encoded. `wait_ms` is
//! simulated time. Moments are RFC 3339, money is in the smallest unit of the tariff's currency.

mod driver;
mod notice;
mod rider;

pub use driver::{DriverAnswer, DriverCommand, DriverCommandRequest, DriverFacts, DriverTrip, ShiftState};
pub use notice::{
    AckRequest, Ask, AskKind, Notice, NoticeOutcome, NoticeResult, NoticesAnswer, Report, ReportKind,
    TokenAnswer,
};
pub use rider::{
    Accepted, BookRequest, BookingState, BookingView, CancelRequest, KeepRequest, MoveRequest, Proof,
    RiderFacts, SavedPlace, Source, Spot, VehicleView,
};

use serde::{Deserialize, Serialize};

use crate::clock::UtcMs;

/// Most places in one answer.
pub const PLACES_MAX: usize = 8;
/// Most notices in one page.
pub const NOTICES_MAX: usize = 50;
/// Longest place name or address, in characters.
pub const NAME_MAX_CHARS: usize = 120;
/// Longest words in a report, in characters.
pub const REPORT_MAX_CHARS: usize = 200;
/// Largest JSON body in either direction, in bytes.
pub const BODY_MAX_BYTES: usize = 64 * 1024;

/// A WGS84 position in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Latitude, degrees north, −90 to 90.
    pub lat: f64,
    /// Longitude, degrees east, −180 to 180.
    pub lon: f64,
}

impl Position {
    /// Tells whether both values are numbers on the earth.
    #[must_use]
    pub fn is_on_earth(self) -> bool {
        (-90.0..=90.0).contains(&self.lat) && (-180.0..=180.0).contains(&self.lon)
    }

    /// Straight-line distance in metres on a sphere of 6,371,008.8 m (haversine).
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        let (lat_a, lat_b) = (self.lat.to_radians(), other.lat.to_radians());
        let half_lat = ((lat_b - lat_a) / 2.0).sin();
        let half_lon = ((other.lon - self.lon).to_radians() / 2.0).sin();
        let h = half_lat * half_lat + lat_a.cos() * lat_b.cos() * half_lon * half_lon;
        2.0 * 6_371_008.8 * h.min(1.0).sqrt().asin()
    }
}

/// A place that the node's gazetteer knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// What people call it, in the language asked for where known; at most [`NAME_MAX_CHARS`].
    pub name: String,
    /// Tells it from others of the same name: a district or a street.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// `stand`, `exit`, `address`, `street`, `place`, …; shown, never decided upon.
    pub kind: String,
    /// Where a car meets the rider.
    pub position: Position,
    /// The number painted on the pole, for a stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_code: Option<u16>,
    /// How well the name matches, 0 to 1; best first.
    pub score: f64,
}

/// Answer of the gazetteer, best first, at most [`PLACES_MAX`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacesAnswer {
    /// The places.
    pub places: Vec<Place>,
}

/// Nothing but success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Who decided what an answer says, and how fresh it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Name of the node that decided.
    pub authority: String,
    /// When that was true.
    pub as_of: UtcMs,
    /// How the district is run now.
    pub mode: Mode,
}

/// How a district is dispatched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Central holds the zone.
    Normal,
    /// The edge acts alone.
    Degraded,
    /// Histories are being joined.
    Healing,
}

/// A refusal, in the form of RFC 9457. Members this reader does not know are ignored, as the RFC asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable name of the kind of problem.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The kind, for people.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What happened, in one sentence.
    #[serde(default)]
    pub detail: String,
    /// Stable snake_case code, e.g. `offer_lapsed`; the dialogue chooses its words by it.
    #[serde(default)]
    pub code: String,
    /// Whether asking again may help; kept as the node wrote it.
    #[serde(default)]
    pub retry: serde_json::Value,
}

/// Codes that the dialogue has its own words for. Any other is told as "not possible now" with the operator's number.
pub mod code {
    /// The booking exists no more or is not this number's.
    pub const BOOKING_UNKNOWN: &str = "booking_unknown";
    /// A car is assigned: the number must answer a nonce before a cancel or a move.
    pub const PROOF_NEEDED: &str = "proof_needed";
    /// The rider is in the car: a machine no longer cancels or moves it.
    pub const ALREADY_BOARDED: &str = "already_boarded";
    /// This number has an open booking and gave no proof for a second one.
    pub const OPEN_BOOKING: &str = "open_booking";
    /// The pickup lies in no district served.
    pub const OUTSIDE_SERVICE_AREA: &str = "outside_service_area";
    /// Another node serves the pickup's district (with status 421): the next node is asked.
    pub const OTHER_DISTRICT: &str = "other_district";
    /// The number may not book (budget or ban).
    pub const NUMBER_BLOCKED: &str = "number_blocked";
    /// The number is no registered feature-phone driver of this node.
    pub const DRIVER_UNKNOWN: &str = "driver_unknown";
    /// The command needs the driver's code (`*1234` at its end).
    pub const DRIVER_CODE_NEEDED: &str = "driver_code_needed";
    /// The driver's code is wrong.
    pub const DRIVER_CODE_WRONG: &str = "driver_code_wrong";
    /// Too many wrong codes were sent in this driver's name: none is tried for a quarter of an hour.
    pub const DRIVER_CODE_LOCKED: &str = "driver_code_locked";
    /// The driver is not on duty.
    pub const NOT_ON_DUTY: &str = "not_on_duty";
    /// The offer has lapsed.
    pub const OFFER_LAPSED: &str = "offer_lapsed";
    /// There is no offer with that letter.
    pub const OFFER_UNKNOWN: &str = "offer_unknown";
    /// The boarding PIN does not match.
    pub const PIN_WRONG: &str = "pin_wrong";
    /// The command does not fit the trip's state.
    pub const NO_SUCH_TRIP: &str = "no_such_trip";
    /// The driver still has a trip, so duty cannot end.
    pub const TRIP_OPEN: &str = "trip_open";
    /// No stand has that number.
    pub const STAND_UNKNOWN: &str = "stand_unknown";
    /// The fare is not an amount the tariff can give.
    pub const FARE_IMPLAUSIBLE: &str = "fare_implausible";
}
