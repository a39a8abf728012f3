//! Who may enter, and what they may do: identity that works while the links are cut.
//!
//! | who | shows | read by |
//! |---|---|---|
//! | a driver's device | a session of 15 min, got with a shift pass and a proof of the device's key | [`DriverSession`] |
//! | an operator | a cookie with a session of this node | [`OperatorSession`] |
//! | the text process | a token of the node it runs beside | [`TextClient`] |
//! | another node | a token of 5 min signed with its own key | [`Peer`] |
//! | the node's own staff | a token of 1 min signed with the node's key, for one order (`crate::control`) | |
//! | a rider | the link of the booking (`crate::vault`) | the rider's door |
//!
//! What a role may do stands in [`policy`], and nowhere else. Time comes from the node's clock, never from
//! the machine's, and never runs backwards past the journal.
//!
//! Absent so far: a second factor for operators, client certificates between nodes, key rotation by itself
//! (several keys of a node are trusted side by side, but nothing makes the next one), and drivers' keys
//! other than Ed25519.

mod accounts;
mod enrol;
mod error;
mod extract;
mod floor;
mod key;
mod nodes;
mod operator;
mod pass;
pub mod policy;
mod secret;
mod sessions;
mod state;
mod store;
mod throttle;
mod token;

#[cfg(test)]
mod tests;

pub use accounts::{NewOperator, SignedIn};
pub use enrol::{ENROL_LIFE_MS, EnrolAnswer, EnrolRefusal, EnrolRequest, central_key, enrol_token};
pub use error::AuthError;
pub use extract::{ClientAddress, DriverSession, OperatorSession, Peer, TextClient};
pub use key::{InvalidPublicKey, KeyFileError, PublicKey, SigningKey, Thumbprint};
pub use nodes::{PEER_LIFE_MS, PeerNode, PeerToken, TEXT_LIFE_MS, TextProcess, text_token, token_ends_at};
pub use operator::{
    AccountRefusal, LOGIN_MAX_BYTES, OPERATOR_SESSION_LIFE_MS, PASSWORD_MAX_BYTES, PASSWORD_MIN_CHARS,
    SignInRefusal, Transport, new_token, token_hash,
};
pub use pass::{Bearer, PASS_LIFE_MS, PROOF_WINDOW_MS, PassRefusal, Proof, SESSION_LIFE_MS, proof_message};
pub use secret::{DRIVER_SECRET_MAX, DRIVER_SECRET_MIN, driver_secret_digest, is_driver_secret};
pub use state::{Identity, IdentityConfig, OpenError, is_sheltered};
pub use store::{IdentityStore, Operator, StoreError};
pub use token::{
    Audience, Claims, Confirmation, Expected, Grant, Issuer, KeySet, KnownKey, LEEWAY_MS, Role, Standing,
    TOKEN_MAX_BYTES, TokenRefusal, token_id, verify,
};
