//! The riders' door: find a place, see a fare, order a taxi, follow it, cancel it.
//!
//! Nobody signs in: a booking has an unguessable token, which is all that a guest needs.
//! What is absent: accounts, payment by card, messages to the driver.

pub mod moment;
pub mod wire;
