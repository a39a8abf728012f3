//! The text path: what an SMS means, what we answer, and the process that lives beside an edge.
pub mod carrier;
pub mod clock;
pub mod dialogue;
pub mod grammar;
pub mod node;
pub mod number;
pub mod process;
pub mod reply;
pub mod store;
pub mod wire;
