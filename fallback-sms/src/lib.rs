//! The text path: what an SMS means, what we answer, and the process that lives beside an edge.
//!
//! | about | module | |
//! |---|---|---|
//! | what a text says | [`grammar`] | pure |
//! | what happens next with a number, and what may be sent | [`dialogue`] | pure |
//! | how a text is worded and made to fit | [`reply`] | pure |
//! | whose number it is | [`number`] | pure |
//! | how texts come and go | [`carrier`] | |
//! | which node is asked | [`node`] | |
//! | what is kept | [`store`] | |
//! | the process | [`process`] | |
//! | what node and text process say to each other | [`wire`] | |
//! | the node's half of it | [`routes`] | |
//!
//! The dialogue lives here and the bookings live at a node: a node is asked, never assumed. What is
//! absent: dispatching, deciding who a driver is, and any wish that a forged sender could use
//! against somebody (no login, no change of a number or a fare, no other party's data).
//!
//! ```
//! use ondol_sms::grammar::{Intent, PlaceWord, read};
//!
//! let reading = read("택시 강남역 11번 출구 -> 서울역 2명 @18:30");
//! let Intent::Book(fields) = reading.intent else { panic!("a booking") };
//! assert_eq!(fields.pickup, PlaceWord::Named("강남역 11번 출구".to_owned()));
//! assert_eq!(fields.passengers, Some(2));
//! assert_eq!(read("On my way").intent, Intent::Unknown);
//! ```

pub mod carrier;
pub mod clock;
pub mod dialogue;
pub mod grammar;
pub mod node;
pub mod number;
pub mod process;
pub mod reply;
pub mod routes;
pub mod store;
pub mod wire;
