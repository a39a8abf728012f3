//! The face of the device: what goes in, what comes out.

use ondol_core::ids::{AssignmentId, NodeId, StandId};
use ondol_core::position::Position;
use ondol_core::shift::Duty;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::durable::Durable;
use crate::wire::{
    Attach, Attached, Beat, BeatAnswer, Endpoint, Fare, PositionAnswer, PositionBatch, Problem, Push,
    ReportAnswer, ReportBatch,
};

/// Every timer of a device, in milliseconds of its own clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// Time between beats.
    pub beat_every_ms: u64,
    /// Time between beats to the edge while central is not heard: a takeover is noticed sooner.
    pub beat_cut_off_ms: u64,
    /// A request without an answer is given up after this time.
    pub answer_ms: u64,
    /// A node counts as heard this long after its answer.
    pub hears_ms: u64,
    /// Silence of the attached node after which the device looks for another.
    pub switch_ms: u64,
    /// Central must have been heard without a break this long before the device returns to it.
    pub return_stable_ms: u64,
    /// The return is delayed by up to this much, differently on each device.
    pub return_jitter_ms: u64,
    /// A node that refused to attach the device is left alone this long.
    pub refused_ms: u64,
    /// Wait at the pickup after which an assignment that no node confirmed is given up.
    pub unconfirmed_ms: u64,
    /// Time between two batches of fixes.
    pub track_every_ms: u64,
    /// Time between beats once the shift is over and everything is told.
    pub beat_off_duty_ms: u64,
    /// How long the device listens then: a node that lost its disk asks again how the last trips ended.
    pub listens_off_duty_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            beat_every_ms: 5_000,
            beat_cut_off_ms: 2_000,
            answer_ms: 5_000,
            hears_ms: 10_000,
            switch_ms: 20_000,
            return_stable_ms: 60_000,
            return_jitter_ms: 20_000,
            refused_ms: 30_000,
            unconfirmed_ms: 600_000,
            track_every_ms: 30_000,
            beat_off_duty_ms: 60_000,
            listens_off_duty_ms: 1_800_000,
        }
    }
}

/// What a device is told at its start.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Its timers.
    pub timing: Timing,
    /// Spreads this device's delays; any number, different on each device.
    pub seed: u64,
}

/// What goes in.
#[derive(Debug, Clone)]
pub enum Input {
    /// The driver wants something.
    Wish(Wish),
    /// The phone knows where it is.
    Fix(Position),
    /// A node answered a request, or it failed.
    Answer {
        /// The request, as numbered by [`Output::Send`] since the last start. An answer to an earlier life's
        /// request must not be passed on.
        request: u64,
        /// The answer.
        answer: Answer,
    },
    /// A node sent something on its own. Only the one to which the device is attached is heeded: another may not have heard
    /// yet that the device has gone.
    Push {
        /// Which one.
        from: NodeId,
        /// What.
        push: Push,
    },
    /// The nodes that the device may turn to, best first.
    Endpoints(Vec<Endpoint>),
}

/// What the driver wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Another duty.
    Duty(Duty),
    /// Yes to a question.
    Accept(AssignmentId),
    /// No to a question.
    Decline(AssignmentId),
    /// At the pickup.
    Arrive,
    /// The rider is in; the PIN as the rider said it, if one was asked for.
    Board {
        /// Four digits.
        pin: Option<String>,
    },
    /// The trip is over.
    End(Fare),
    /// Cannot go on; before boarding only.
    GiveBack,
    /// The rider did not come.
    NoShow,
    /// A rider got in from the street.
    Hail {
        /// Where.
        pickup: Position,
    },
    /// Joined a stand's queue, or left it.
    Stand(Option<StandId>),
}

/// Why the driver's wish is refused; nothing has changed, except that a wrong PIN was counted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WishRefusal {
    /// No such question is open.
    #[error("this question is no longer open")]
    NoOffer,
    /// The question has run out of time.
    #[error("this question has lapsed")]
    OfferLapsed,
    /// There is no assignment in the state that the wish needs.
    #[error("there is no trip for that")]
    NoTrip,
    /// No meter counts such a fare.
    #[error("this fare is out of range")]
    FareOutOfRange,
    /// The slot is taken.
    #[error("another trip is under way")]
    Busy,
    /// The rider is in the vehicle.
    #[error("the rider has boarded")]
    Boarded,
    /// The shift is over.
    #[error("the shift has ended")]
    OffDuty,
    /// The PIN is not this rider's.
    #[error("this is not the rider's PIN; {left} more tries")]
    WrongPin {
        /// Tries left.
        left: u8,
    },
    /// Too much waits to be told to a node.
    #[error("too much is unsent; wait for the network")]
    OutboxFull,
}

/// A node's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To an attach.
    Attached(Attached),
    /// To a beat.
    Beat(BeatAnswer),
    /// To a batch of reports.
    Reports(ReportAnswer),
    /// To a batch of fixes.
    Positions(PositionAnswer),
    /// It was refused.
    Refused(Problem),
    /// Nobody answered.
    Failed,
}

/// A request to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Bind this device.
    Attach(Attach),
    /// A sign of life.
    Beat(Beat),
    /// What happened.
    Reports(ReportBatch),
    /// Where the vehicle was.
    Positions(PositionBatch),
}

/// What comes out, in the order in which it must be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Store this in place of the one before, and go on only when it is safe.
    Persist(Box<Durable>),
    /// Send this; answer with [`Input::Answer`].
    Send {
        /// The node.
        to: NodeId,
        /// The request's number.
        request: u64,
        /// The request.
        message: Box<Message>,
    },
    /// What the driver sees has changed.
    Changed,
}
