//! The text path: what an SMS means, what we answer, and the process that lives beside an edge.
pub mod clock;
pub mod grammar;
pub mod reply;
pub mod wire;
