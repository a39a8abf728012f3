//! What a dialogue asks of a node, and what it is answered.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::wire::{
    BookRequest, BookingView, CancelRequest, DriverAnswer, DriverCommandRequest, KeepRequest, MoveRequest,
    Place, Position, Problem, RiderFacts,
};

/// A request to a node. Durable until answered; asking twice is asking once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum NodeRequest {
    /// Who is this number?
    Rider {
        /// The number, E.164.
        phone: String,
    },
    /// Which places have this name?
    Places {
        /// The name.
        query: String,
        /// Where to search first.
        near: Option<Position>,
    },
    /// Where is the stand with this number?
    Stand {
        /// The number on its pole.
        code: u16,
    },
    /// A taxi.
    Book(Box<BookRequest>),
    /// No taxi any more.
    Cancel {
        /// Which booking.
        booking_id: Uuid,
        /// The request.
        request: CancelRequest,
    },
    /// A taxi elsewhere.
    Move {
        /// Which booking.
        booking_id: Uuid,
        /// The request.
        request: Box<MoveRequest>,
    },
    /// Still wanted.
    Keep {
        /// Which booking.
        booking_id: Uuid,
        /// The request.
        request: KeepRequest,
    },
    /// A driver's command.
    Drive {
        /// The driver's number, E.164.
        phone: String,
        /// The command.
        request: DriverCommandRequest,
    },
}

/// A node's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeAnswer {
    /// To [`NodeRequest::Rider`].
    Rider(Box<RiderFacts>),
    /// To [`NodeRequest::Places`] and [`NodeRequest::Stand`].
    Places(Vec<Place>),
    /// To all that is about a booking.
    Booking(Box<BookingView>),
    /// To [`NodeRequest::Drive`].
    Driver(Box<DriverAnswer>),
    /// The node said no.
    Refused(Problem),
}
