//! What is remembered of a number between two texts.

use ondol_messages::Lang;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::UtcMs;
use crate::grammar::{BookFields, Reading};
use crate::reply::Text;
use crate::wire::{AskKind, DriverCommand, Position, Spot};

/// All that is remembered of one number. Stored after each step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dialogue {
    /// The language of the last text that showed one.
    pub lang: Option<Lang>,
    /// Whether texts may be sent.
    pub consent: Consent,
    /// What the number is known to be.
    pub party: Party,
    /// The node that last knew the number: by an open booking, a booking it took, or a command. It is asked first.
    pub home: Option<String>,
    /// Where the dialogue stands.
    pub stage: Stage,
    /// When it got there.
    pub since: UtcMs,
    /// Texts in a row that nobody understood.
    pub puzzled: u8,
    /// When "not understood" may be said again, if it was said lately.
    pub puzzled_until: Option<UtcMs>,
    /// SOS told to operators lately: since when, and how many.
    #[serde(default)]
    pub danger: Option<(UtcMs, u8)>,
    /// When "too many messages" may be said again, if it was said lately.
    #[serde(default)]
    pub flooded_until: Option<UtcMs>,
}

impl Dialogue {
    /// Returns the dialogue with a number that never wrote before.
    #[must_use]
    pub fn new(now: UtcMs) -> Self {
        Self {
            lang: None,
            consent: Consent::Given,
            party: Party::Stranger,
            home: None,
            stage: Stage::Idle,
            since: now,
            puzzled: 0,
            puzzled_until: None,
            danger: None,
            flooded_until: None,
        }
    }

    /// Tells whether the dialogue waits for the node, so that the next text must wait.
    #[must_use]
    pub fn is_working(&self) -> bool {
        matches!(self.stage, Stage::Working(_))
    }
}

/// Whether a number wants texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Consent {
    /// It wrote first and has not said STOP.
    Given,
    /// It said STOP: it gets nothing until it asks for something again.
    Withdrawn,
}

/// What a number is known to be; budgets depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Party {
    /// Nothing is known.
    Stranger,
    /// It has or had a booking.
    Rider,
    /// A registered driver.
    Driver,
}

/// Where a dialogue stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Stage {
    /// Nothing is open.
    Idle,
    /// A person has a question to answer.
    Asking(Asking),
    /// The node has a request to answer.
    Working(Work),
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Asking {
    /// Where to be picked up? Any text is taken for the place.
    Where(Draft),
    /// Which of these? Or, with one option, is it this?
    Choose {
        /// What is being booked.
        draft: Draft,
        /// For which end of the ride.
        end: End,
        /// One to four places.
        options: Vec<Spot>,
    },
    /// There is an open booking: move it, a second taxi, or leave it?
    OpenAlready(Draft),
    /// Four digits that were sent to the number.
    Nonce {
        /// The digits.
        nonce: String,
        /// What they allow.
        then: Deed,
    },
    /// Is this booking still wanted?
    Wanted {
        /// The booking.
        booking_id: Uuid,
        /// Its four characters.
        code: String,
        /// Why it is asked.
        kind: AskKind,
    },
}

/// What waits for the node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// Who is this number? Then the text is carried out.
    LookUp {
        /// The text.
        reading: Reading,
        /// When the centre took it.
        sent_at: UtcMs,
        /// Names the text.
        message_id: Uuid,
    },
    /// Where is this place?
    Place {
        /// What is being booked.
        draft: Draft,
        /// Which end is looked up.
        end: End,
    },
    /// A booking, cancel, move or keep is on its way.
    Deed(Deed),
    /// A driver's command is on its way.
    Drive(DriverCommand),
}

/// An end of a ride.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// Where it begins.
    Pickup,
    /// Where it ends.
    Destination,
}

/// What a node is asked to do for a rider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Deed {
    /// A taxi.
    Book(Draft),
    /// No taxi any more.
    Cancel(OpenBooking),
    /// A taxi elsewhere.
    Move {
        /// What is moved.
        booking: OpenBooking,
        /// To where.
        pickup: Spot,
        /// Names the request.
        request_id: Uuid,
    },
    /// Still wanted.
    Keep(OpenBooking),
}

/// A booking in the making.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The text that asked for it: the booking's id is made from it.
    pub message_id: Uuid,
    /// What the text said.
    pub fields: BookFields,
    /// The pickup, once found.
    pub pickup: Option<Spot>,
    /// The destination, once found.
    pub destination: Option<Spot>,
    /// The moment of pickup, if not now.
    pub pickup_at: Option<UtcMs>,
    /// The text was doubtful: the place is confirmed before booking.
    pub doubtful: Doubt,
    /// Where to search first.
    pub near: Option<Position>,
    /// Bookings of the number that were open.
    pub open: Vec<OpenBooking>,
    /// When the centre took the first text.
    pub sent_at: UtcMs,
}

/// Whether a text said plainly that a taxi is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doubt {
    /// It did.
    Plain,
    /// Perhaps: ask.
    Doubtful,
}

/// As much of an open booking as the dialogue needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenBooking {
    /// Its id.
    pub booking_id: Uuid,
    /// Its four characters.
    pub code: String,
    /// Its pickup.
    pub pickup: Spot,
    /// Words for its state.
    pub status: Text,
}
