//! The text process: one per depot, beside its edge, with a store of its own.
//!
//! ```text
//! carrier ─receive─▶ inbox ─listen─▶ dialogue ─▶ request ─ask─▶ node
//!                                        │                       │ notices
//! carrier ◀─send─── outbox ◀─────────────┴───────────────────────┘
//! ```
//!
//! Each arrow is a step of the [`Desk`] that may be cut off anywhere: what was received is durable
//! before the carrier forgets it, a request is durable before it is asked and asked again until it
//! is answered, a text is marked as taken after the carrier took it.
//! [`serve`] runs the steps until it is told to stop.

mod config;
mod desk;
mod health;
mod notices;
mod say;
mod serve;

pub use config::{CarrierConfig, Config, NodeConfig, Words};
pub use desk::{Desk, Rules, system_nonce};
pub use serve::{serve, serve_with, test};
