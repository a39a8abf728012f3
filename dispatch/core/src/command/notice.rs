//! Texts to riders and drivers, as facts; the text process words them.

use serde::{Deserialize, Serialize};

use crate::booking::CancelReason;
use crate::ids::{BookingId, DriverId, StandId};
use crate::position::Position;
use crate::units::UtcMs;

/// Facts a rider or driver is told by text; durable before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Names the notice: one text however often it is made.
    pub id: String,
    /// Whom it is for.
    pub to: Recipient,
    /// What it says.
    pub text: NoticeText,
    /// Sent before others.
    pub urgent: bool,
    /// Pointless after this moment.
    pub expires_at: UtcMs,
}

/// Whom a notice is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Recipient {
    /// The rider of a booking.
    Rider {
        /// The booking, whose sealed personal text holds the number.
        booking: BookingId,
    },
    /// A driver of the roster.
    Driver {
        /// The driver, whose sealed personal text holds the number.
        driver: DriverId,
    },
}

/// What a notice says; the text process words it in the recipient's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "template", rename_all = "snake_case")]
pub enum NoticeText {
    /// To the rider: a taxi is on its way.
    TaxiAssigned {
        /// The booking's code.
        code: String,
        /// What to look for.
        plate: String,
        /// Minutes of driving.
        minutes: u32,
        /// To say at boarding.
        pin: String,
    },
    /// To the rider: the taxi waits.
    TaxiArrived {
        /// The booking's code.
        code: String,
        /// What to look for.
        plate: String,
    },
    /// To the rider: the taxi cannot come, another one is being found.
    TaxiLost {
        /// The booking's code.
        code: String,
    },
    /// To the rider: the booking ended, not by the rider's wish.
    BookingEnded {
        /// The booking's code.
        code: String,
        /// Why.
        reason: CancelReason,
    },
    /// To the rider: is the taxi still wanted?
    StillWanted {
        /// The booking's code.
        code: String,
    },
    /// To a feature-phone driver: a question, answered `1K` or `2K`.
    DriverOffer {
        /// The offer's letter, the K in the answer.
        letter: char,
        /// Minutes of driving.
        minutes: u32,
        /// Where the rider waits; the text process words it as the nearest known place.
        pickup: Position,
        /// The stand where the rider waits.
        stand: Option<StandId>,
        /// Where the rider goes.
        dropoff: Option<Position>,
        /// Seconds to answer.
        answer_s: u32,
    },
    /// To a feature-phone driver: the question or assignment is void.
    DriverWithdrawn {
        /// The booking's code.
        code: String,
        /// The offer's letter.
        letter: char,
    },
}
