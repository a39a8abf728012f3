//! What two edges say to one another about bookings that one lends to the other.
//!
//! Nothing here is news that may be missed: each call says how things stand, and the next one says it again. What
//! counts is written down before it is said. A call counts only if it comes from the caller's last known life and was
//! meant for the present life of the edge that hears it: what was on its way while a disk was restored is void.

use serde::{Deserialize, Serialize};

use crate::booking::{CancelReason, Party};
use crate::fact::Request;
use crate::ids::{BookingId, DistrictId, NodeId};
use crate::loan::{LoanId, Told};
use crate::units::UtcMs;

/// Most loans, and most questions, of one call. An edge has no more bookings on loan to one neighbour.
pub const SAID_MAX: usize = 500;

/// Most requests that go with one call or answer: the others follow with the next.
pub const REQUESTS_MAX: usize = 100;

/// Where a loan stands for one of its two edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoanStage {
    /// Lent, or borrowed: the lender plans the booking.
    Begun,
    /// Transferred: the borrower plans it.
    Out,
    /// It is over: the lender plans it.
    Over,
}

/// What an edge says to a neighbour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoanCall {
    /// Who says it.
    pub from: NodeId,
    /// Its district.
    pub district: DistrictId,
    /// Its life.
    pub incarnation: u32,
    /// The life of the neighbour for which it is meant; 0 if the caller has not heard of one.
    pub to_incarnation: u32,
    /// Its loans to the neighbour that are still to be talked about.
    pub lent: Vec<LentSaid>,
    /// Bookings of which it wants to hear whether the neighbour has to do with them: those that an earlier life of its
    /// had.
    pub asks: Vec<BookingId>,
}

/// What the neighbour answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoanAnswer {
    /// Who answers.
    pub from: NodeId,
    /// Its district.
    pub district: DistrictId,
    /// Its life.
    pub incarnation: u32,
    /// The life of the caller that it answers.
    pub to_incarnation: u32,
    /// Drivers who could be asked at once and whom no booking of its own waits for.
    pub free: u32,
    /// What it has borrowed of what the caller said or asked.
    pub borrowed: Vec<BorrowedSaid>,
    /// What it has lent to the caller of what the caller asked.
    pub lent: Vec<LentSaid>,
    /// The questions that are answered here, be it by saying nothing of the booking.
    pub told: Vec<BookingId>,
}

/// What the lender says of a loan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LentSaid {
    /// The booking.
    pub booking: BookingId,
    /// The loan.
    pub loan: LoanId,
    /// Where it stands.
    pub stage: LoanStage,
    /// When the rider's booking was taken in.
    pub at: UtcMs,
    /// What was asked; absent once the borrower has it.
    pub request: Option<Box<Request>>,
    /// A taxi of the lender's district turned out to be on its way, or to have the rider: the borrower's is not needed.
    pub taken: bool,
    /// Who wanted the booking to end, if anybody.
    pub cancel: Option<(Party, CancelReason)>,
}

/// What the borrower says of a loan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BorrowedSaid {
    /// The booking.
    pub booking: BookingId,
    /// The loan.
    pub loan: LoanId,
    /// Where it stands.
    pub stage: LoanStage,
    /// The borrower plans its district itself, so that nobody knows better what the booking is doing.
    pub decides: bool,
    /// What the booking is doing there.
    pub told: Told,
    /// Who wanted the booking to end there, if anybody.
    pub cancel: Option<(Party, CancelReason)>,
}
