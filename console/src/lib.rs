//! The operators' door: one screen of bookings, shifts and modes, phone intake, assignment by hand.
//!
//! It also serves the pages of `web/`, so that no request leaves the building.
//! What is absent: messages to drivers, printing, a second factor at sign-in.

pub mod moment;
pub mod wire;
