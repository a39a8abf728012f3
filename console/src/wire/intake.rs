//! Taking a booking by phone.

use ondol_core::booking::{Needs, Priority, Status};
use ondol_core::fact::Lang;
use ondol_core::ids::{BookingId, FleetId, StandId};
use serde::{Deserialize, Serialize};

use super::{BookingRow, Spot};
use ondol_engine::http::Moment;
use ondol_engine::vault::Hidden;

/// A booking taken by phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntakeRequest {
    /// The request key, made by the operator's page: a random UUID.
    pub booking_id: BookingId,
    /// The caller's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// What the caller is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the rider waits.
    pub pickup: Spot,
    /// Where the rider goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Spot>,
    /// The stand where the rider waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand: Option<StandId>,
    /// Passengers, 1 to 8.
    #[serde(default = "one")]
    pub seats: u8,
    /// What the vehicle must have.
    #[serde(default)]
    pub needs: Needs,
    /// Who goes first, by the published rule.
    #[serde(default)]
    pub priority: Priority,
    /// When, if not now; at most 30 days ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_at: Option<Moment>,
    /// The only fleet that may serve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetId>,
    /// A note for the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Language of what is said to the rider.
    pub lang: Lang,
}

fn one() -> u8 {
    1
}

/// What an acknowledgement promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepted {
    /// Durable at the node that answered.
    AcceptedLocal,
    /// Durable at another node as well.
    AcceptedReplicated,
}

/// The booking, and what the operator reads to the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntakeAnswer {
    /// The booking as on the board; its code is read to the caller.
    pub row: BookingRow,
    /// Four digits that the rider says at boarding.
    pub pin: String,
    /// What the acknowledgement promises.
    pub accepted: Accepted,
}

/// What is known of a caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallerView {
    /// The number as it will be kept, E.164.
    pub phone: String,
    /// What the caller was called last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Why no name is shown, if the caller had told one that may not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hidden>,
    /// Open bookings of the number.
    pub open: Vec<BookingRow>,
    /// Past bookings, each once for a pair of places, the latest first; a digit repeats one.
    pub past: Vec<PastBooking>,
    /// True if the number is a registered driver's.
    pub is_driver: bool,
}

/// A booking to repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastBooking {
    /// The booking.
    pub booking: BookingId,
    /// When it was made.
    pub made_at: Moment,
    /// How it ended.
    pub status: Status,
    /// Where from.
    pub pickup: Spot,
    /// Where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Spot>,
    /// Why what the rider called the places is not shown, if there is some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hidden>,
    /// The stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand: Option<StandId>,
    /// Passengers.
    pub seats: u8,
    /// What the vehicle had to have.
    pub needs: Needs,
}
