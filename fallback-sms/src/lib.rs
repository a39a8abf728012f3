//! The text path: what an SMS means, what we answer, and the process that lives beside an edge.
pub mod clock;
pub mod dialogue;
pub mod grammar;
pub mod node;
pub mod reply;
pub mod wire;
