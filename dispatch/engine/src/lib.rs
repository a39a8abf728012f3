//! The shell around the core: it brings time, the network and the disk.
//!
//! Here is no rule of dispatch: those are in `ondol-core`. Here are no routes of riders, drivers or operators:
//! those are in the doors, which know the engine as a [`Handle`].
//!
//! | about | module |
//! |---|---|
//! | the one task that owns the core | [`run`] |
//! | how entries are stored | [`store`] |
//! | how nodes talk | [`peer`] |
//! | who a caller is | [`identity`] |
//! | what a node's staff tells it | [`control`] |
//! | trips kept on drivers' devices | [`capsule`] |
//! | personal text, phone numbers, link tokens | [`vault`] |
//! | problem documents and strict JSON for doors | [`http`] |
//! | where time is read | [`clock`] |
//! | the configuration file | [`config`] |

pub mod capsule;
pub mod clock;
pub mod config;
pub mod control;
pub mod http;
pub mod identity;
pub mod peer;
pub mod roster;
pub mod run;
pub mod store;
pub mod vault;

pub use run::{Handle, RequestError, Unavailable};
