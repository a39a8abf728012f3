//! How texts come and go: a small face that each kind of carrier has.
//!
//! A carrier's calls are short and may block on a disk; the process makes them off its loop. What
//! is received stays with the carrier until it is [settled](Carrier::settle), which happens after
//! it is durable here.

pub mod gammu;
mod memory;

use std::io;

use uuid::Uuid;

use crate::clock::UtcMs;
use crate::dialogue::budget::Urgency;

pub use memory::MemoryCarrier;

/// A text that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The sender as the carrier writes it.
    pub from: String,
    /// When the text centre took it; it tells two equal texts apart.
    pub sent_at: UtcMs,
    /// The text, all parts joined.
    pub body: String,
    /// What to settle once it is durable.
    pub handle: Handle,
}

/// Names what a carrier may forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle(pub(crate) Vec<String>);

/// A text to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// Its id here; receipts name it.
    pub id: Uuid,
    /// The number, E.164.
    pub to: String,
    /// The text.
    pub text: String,
    /// Whether it goes before others.
    pub urgency: Urgency,
    /// When it was made.
    pub made_at: UtcMs,
}

/// What a carrier tells of a text it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which text.
    pub id: Uuid,
    /// What became of it.
    pub outcome: Outcome,
    /// What to settle once it is noted.
    pub handle: Handle,
}

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It left.
    Sent,
    /// The phone has it.
    Delivered,
    /// It was given up.
    Failed,
}

/// Whether a carrier has a text that we tried to give it before a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// It has or had it.
    Taken,
    /// Nobody can say: it is sent again, marked as a repeat.
    Unknown,
}

/// How a carrier is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Texts that wait for the carrier to send them.
    pub waiting_out: usize,
    /// Files that could not be read and were set aside.
    pub quarantined: usize,
    /// Why it cannot work, if so.
    pub trouble: Option<String>,
}

/// A way for texts to come and go.
pub trait Carrier: Send + 'static {
    /// Returns up to `most` texts that arrived, complete ones only.
    ///
    /// # Errors
    ///
    /// If the carrier cannot be read.
    fn receive(&mut self, now: UtcMs, most: usize) -> io::Result<Vec<Inbound>>;

    /// Takes a text to send. Taking the same id twice before it left is taking it once.
    ///
    /// # Errors
    ///
    /// If it was not taken, or nobody can say.
    fn submit(&mut self, outbound: &Outbound) -> io::Result<()>;

    /// Tells whether it has the text `id`.
    ///
    /// # Errors
    ///
    /// If the carrier cannot be read.
    fn trace(&mut self, id: Uuid) -> io::Result<Trace>;

    /// Returns up to `most` receipts that are not settled yet.
    ///
    /// # Errors
    ///
    /// If the carrier cannot be read.
    fn receipts(&mut self, most: usize) -> io::Result<Vec<Receipt>>;

    /// Forgets what `handle` names. Forgetting twice is forgetting once.
    ///
    /// # Errors
    ///
    /// If it could not be forgotten; it will then come again, and is known by then.
    fn settle(&mut self, handle: &Handle) -> io::Result<()>;

    /// Tells how the carrier is.
    fn health(&mut self) -> Health;
}
