//! Finding places by what people call them.
//!
//! Exact and prefix match, folded (case, accents, Hangul forms, spacing), in every language mapped.
//! Absent: tolerance for typing errors.

mod address;
mod data;
mod fold;
mod hit;
mod place;
mod search;

pub(crate) use data::GazetteerData;
pub use hit::Hit;
pub use place::Kind;
pub(crate) use place::{Address, Place, Places};
pub(crate) use search::Gazetteer;
pub use search::SEARCH_TEXT_MAX;
