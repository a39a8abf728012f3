//! The routes, by noun.

pub(crate) mod bookings;
pub(crate) mod endpoints;
pub(crate) mod events;
pub(crate) mod map;
pub(crate) mod places;
pub(crate) mod quotes;
