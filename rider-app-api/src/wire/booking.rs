//! A booking as its rider asks for it and sees it.

use ondol_core::booking::{CancelReason, Needs, Party, Payment, Status};
use ondol_core::fact::Lang;
use ondol_core::ids::{BookingId, DistrictId, FleetId, NodeId, StandId};
use ondol_core::node::Mode;
use ondol_core::position::Position;
use ondol_core::units::Money;
use serde::{Deserialize, Serialize};

use ondol_engine::http::Moment;
use ondol_engine::vault::Hidden;

/// A place of a booking: where, and what the rider calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spot {
    /// The name the rider chose or typed; sealed in the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Where.
    pub position: Position,
}

/// The two doors that the rider page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiderDoor {
    /// The page used as an installed app.
    App,
    /// The page by a link.
    Web,
}

/// What would it cost?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    /// From.
    pub pickup: Position,
    /// To.
    pub dropoff: Position,
    /// When, if not now: nights cost more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_at: Option<Moment>,
}

/// A fare and the drive it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuoteAnswer {
    /// The drive, in metres by road.
    pub distance_m: u32,
    /// The drive, in seconds.
    pub duration_s: u32,
    /// The fare and the tariff that made it: goes into the booking as it is.
    pub quote: QuoteView,
    /// ISO 4217 code of the currency.
    pub currency: String,
    /// Who says so.
    pub standing: Standing,
}

/// A fare shown before booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuoteView {
    /// The amount, in the smallest unit of the currency.
    pub fare: Money,
    /// The tariff.
    pub tariff: String,
}

/// A wish for a taxi. Only the key, the door, the pickup and the language are needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookRequest {
    /// The request key, made by the rider's device: a random UUID.
    pub booking_id: BookingId,
    /// Through which door.
    pub door: RiderDoor,
    /// Where the rider waits.
    pub pickup: Spot,
    /// Where the rider goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Spot>,
    /// The stand where the rider waits: its queue is asked first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand: Option<StandId>,
    /// Passengers, 1 to 8.
    #[serde(default = "one")]
    pub seats: u8,
    /// What the vehicle must have.
    #[serde(default)]
    pub needs: Needs,
    /// When, if not now; at most 30 days ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_at: Option<Moment>,
    /// The only fleet that may serve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetId>,
    /// What the driver may call the rider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Number under which the driver finds the rider, until boarding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// A note for the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Language of everything said to the rider.
    pub lang: Lang,
    /// How it is paid.
    #[serde(default)]
    pub payment: Payment,
    /// The fare that was shown, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<QuoteView>,
}

fn one() -> u8 {
    1
}

/// The rider no longer wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// Why.
    pub reason: CancelReason,
}

/// The rider still wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepRequest {}

/// The rider's trip is going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestRequest {}

/// What a rider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiderAsk {
    /// Whether the taxi is still wanted after a long wait behind a cut: keep the booking, or cancel it. Until then
    /// nobody is sent.
    StillWanted,
    /// Whether the trip is going on that this node has from the driver's phone alone: attest it. Until then nothing is
    /// charged for it.
    TripGoingOn,
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

/// How the booking's district is dispatched, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModeView {
    /// The mode.
    pub mode: Mode,
    /// Since when.
    pub since: Moment,
}

/// Who decided what an answer says, and how fresh it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The node that decided.
    pub authority: NodeId,
    /// When that was true.
    pub as_of: Moment,
}

/// A booking as its rider may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookingView {
    /// The booking.
    pub booking: BookingId,
    /// Opens it at every node; whoever has it may follow and cancel.
    pub token: String,
    /// Four characters to name it by when talking to people.
    pub code: String,
    /// Four digits to say at boarding.
    pub pin: String,
    /// What it is doing.
    pub status: Status,
    /// What the acknowledgement promises by now.
    pub accepted: Accepted,
    /// Its district.
    pub district: DistrictId,
    /// How the district is dispatched.
    pub mode: ModeView,
    /// When it was taken in.
    pub made_at: Moment,
    /// Where the rider waits.
    pub pickup: Spot,
    /// Where the rider goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Spot>,
    /// Why the rider's own text is not shown, if there is some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hidden>,
    /// When, if it was ordered ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_at: Option<Moment>,
    /// Passengers.
    pub seats: u8,
    /// The fare that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<QuoteView>,
    /// The taxi, from the assignment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<VehicleView>,
    /// What was paid, once the trip is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fare: Option<FareView>,
    /// Who ended it and why, if it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<CancelledView>,
    /// The answering node's clock: what minutes are counted from.
    pub told_at: Moment,
    /// What the rider is asked, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<RiderAsk>,
    /// Who plans it, and how fresh that node's word is here.
    pub standing: Standing,
}

/// The taxi.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VehicleView {
    /// What to look for.
    pub plate: String,
    /// What the driver is called, if known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_name: Option<String>,
    /// Why the driver's name is not shown, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_hidden: Option<Hidden>,
    /// When it should be at the pickup; absent once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrives_at: Option<Moment>,
    /// Nine of ten taxis came within so many seconds of what was told, here and lately; absent while too few are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrives_within_s: Option<u32>,
    /// Where it is; only from the assignment to the end of the trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// When it was last heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<Moment>,
}

/// What a trip cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FareView {
    /// The amount, in the smallest unit of the currency.
    pub amount: Money,
    /// Distance driven, in metres.
    pub distance_m: u32,
    /// Time driven, in seconds.
    pub duration_s: u32,
    /// How it is paid.
    pub payment: Payment,
}

/// Who ended a booking and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelledView {
    /// Who.
    pub by: Party,
    /// Why.
    pub reason: CancelReason,
    /// When.
    pub at: Moment,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"{"booking_id":"6f1c9bd2-6a52-4c5e-8d27-0c4a4e5f1a11","door":"web",
        "pickup":{"position":{"lat":37.55,"lon":126.97}},"lang":"ko"}"#;

    #[test]
    fn refuses_fields_it_does_not_know() {
        let with = LEAST.replacen('{', r#"{"priority":"medical","#, 1);
        assert!(serde_json::from_str::<BookRequest>(&with).is_err(), "a rider does not choose the priority");
        let inside = LEAST.replace(r#""lon":126.97"#, r#""lon":126.97,"alt":3"#);
        assert!(serde_json::from_str::<BookRequest>(&inside).is_err());
    }

    #[test]
    fn refuses_doors_that_riders_do_not_have() {
        for door in ["phone", "sms", "street", "WEB"] {
            let other = LEAST.replace(r#""door":"web""#, &format!(r#""door":"{door}""#));
            assert!(serde_json::from_str::<BookRequest>(&other).is_err(), "{door}");
        }
    }

    #[test]
    fn a_pickup_is_enough() {
        let request: BookRequest = serde_json::from_str(LEAST).unwrap();
        assert_eq!((request.seats, request.needs, request.payment), (1, Needs::default(), Payment::Cash));
        assert_eq!(request.dropoff, None);
    }
}
