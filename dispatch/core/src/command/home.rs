//! What a feature-phone driver's text means, and what to tell the driver.

use serde::{Deserialize, Serialize};

use crate::fact::{Fare, PinCheck};
use crate::ids::{BookingId, CommandId, DriverId, StandId};
use crate::units::Money;

/// What a feature-phone driver asked for by text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeCommand {
    /// Names the text, so that a text delivered twice acts once.
    pub command: CommandId,
    /// The driver, found by the sender's number.
    pub driver: DriverId,
    /// The text's meaning.
    pub what: HomeWish,
}

/// The meaning of a feature-phone driver's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HomeWish {
    /// `ON [stand]`.
    On {
        /// The stand where the driver waits.
        stand: Option<StandId>,
    },
    /// `OFF`.
    Off,
    /// `AT 12`.
    At {
        /// The stand.
        stand: StandId,
    },
    /// `1K`: yes to the offer with the letter K.
    Accept {
        /// The offer's letter.
        letter: char,
    },
    /// `2K`: no to the offer with the letter K.
    Decline {
        /// The offer's letter.
        letter: char,
    },
    /// `H`: at the pickup.
    Arrived,
    /// `P 4821`: rider on board.
    Boarded {
        /// The PIN the rider said.
        pin: String,
    },
    /// `E 12400`: trip over.
    Ended {
        /// The fare taken.
        amount: Money,
    },
    /// `B`: a break, or back from it.
    Pause,
    /// `X`: cannot go on with the assignment; before boarding it is given back.
    Problem,
}

/// What to tell a feature-phone driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "said", rename_all = "snake_case")]
pub enum HomeAnswer {
    /// On duty, waiting; place in the stand's queue from 1, if at a stand.
    OnDuty {
        /// Place in the queue.
        place: Option<usize>,
    },
    /// Off duty.
    OffDuty,
    /// On a break.
    Paused,
    /// Accepted: go and fetch the rider.
    Assigned {
        /// The booking.
        booking: BookingId,
    },
    /// Declined.
    Declined,
    /// Noted: at the pickup.
    Arrived,
    /// Rider on board.
    Boarded {
        /// How the rider was recognised.
        pin: PinCheck,
    },
    /// The PIN was wrong.
    WrongPin {
        /// Tries left.
        left: u8,
    },
    /// Trip over.
    Ended {
        /// What was taken.
        fare: Fare,
    },
    /// The assignment was given back.
    GivenBack,
}
