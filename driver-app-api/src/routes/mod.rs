//! The routes, by noun.

pub(crate) mod endpoints;
pub(crate) mod session;
pub(crate) mod shift;
pub(crate) mod sign_in;
pub(crate) mod socket;
