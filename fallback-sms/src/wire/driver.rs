//! A feature-phone driver's side of the text door.

use ondol_messages::Lang;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Spot, Standing};
use crate::clock::UtcMs;

/// What a node knows of a registered feature-phone driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriverFacts {
    /// The language the driver reads.
    pub lang: Lang,
    /// What the driver does now.
    pub state: ShiftState,
}

/// What a driver does, as far as a text message must tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShiftState {
    /// Not working.
    OffDuty,
    /// Waiting for an offer.
    Free,
    /// Has an offer to answer.
    Offered,
    /// On the way to the pickup.
    ToPickup,
    /// Waiting at the pickup.
    AtPickup,
    /// With the rider on board.
    Boarded,
    /// Having a break.
    OnBreak,
}

/// What a driver's text asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum DriverCommand {
    /// On duty, at a stand if told (`ON`, `ON 12`).
    On {
        /// The stand's painted number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stand: Option<u16>,
    },
    /// Off duty (`OFF`).
    Off {},
    /// Waiting at a stand (`AT 12`).
    At {
        /// The stand's painted number.
        stand: u16,
    },
    /// Takes the offer with this letter (`1K`). Taking it twice is taking it once.
    Accept {
        /// One letter A–Z from the offer's text.
        offer: String,
    },
    /// Refuses the offer with this letter (`2K`).
    Decline {
        /// One letter A–Z from the offer's text.
        offer: String,
    },
    /// At the pickup (`H`).
    Arrived {},
    /// The rider is in the car (`P 4821`).
    Boarded {
        /// The rider's four digits.
        pin: String,
    },
    /// The trip is over (`E 12400`).
    Ended {
        /// What the meter shows, in the smallest unit of the tariff's currency.
        fare: u32,
    },
    /// A break, or the end of one (`B`).
    Break {},
    /// Cannot go on (`X`); an operator looks at it.
    Problem {
        /// What the driver wrote after the X; at most 60 characters.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
    /// Only asks where things stand (`?`).
    Status {},
}

/// A command of a driver. Sent again with the same `command_id` it is the same command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriverCommandRequest {
    /// Names this command; derived from the text message it came in.
    pub command_id: Uuid,
    /// The command.
    pub command: DriverCommand,
    /// The driver's text code (`*1234` at the end of the message), if written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_code: Option<String>,
    /// When the text centre took the message.
    pub sent_at: UtcMs,
}

/// The trip a driver is on, as far as a text message shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriverTrip {
    /// The booking's four characters.
    pub code: String,
    /// Where the rider waits.
    pub pickup: Spot,
    /// Where the rider wants to go, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Spot>,
}

/// Where a driver stands after a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriverAnswer {
    /// The language the driver reads.
    pub lang: Lang,
    /// What the driver does now.
    pub state: ShiftState,
    /// The stand where the driver waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand: Option<u16>,
    /// Place in that stand's queue, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u16>,
    /// The trip, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trip: Option<DriverTrip>,
    /// Who says so.
    pub standing: Standing,
}
