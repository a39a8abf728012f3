//! After crashes: is every booking that a client was promised still there?

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use ondol_core::ids::BookingId;
use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::story;
use crate::city::config::CityConfig;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashReport {
    /// Bookings that clients were promised.
    pub acknowledged: usize,
    /// Of these, not in the journal of any store.
    pub lost: Vec<String>,
    /// The booking whose entries were left out to see that it is missed.
    pub planted: Option<BookingId>,
}

/// A loss is to be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlantLoss;

/// Looks for every acknowledged booking in the stores' journals.
///
/// `plant_loss` leaves the entries of one of them out of what is looked through: then a loss must be found.
///
/// # Errors
///
/// If the evidence cannot be read, or nothing was acknowledged of which a loss could be planted.
pub fn run(dir: &Path, plant_loss: Option<PlantLoss>) -> Result<CrashReport> {
    let config = CityConfig::load(&dir.join("load.toml"))?;
    check(&Evidence::read(dir, &config)?, plant_loss)
}

/// Looks for every acknowledged booking.
///
/// # Errors
///
/// If nothing was acknowledged of which a loss could be planted.
pub fn check(evidence: &Evidence, plant_loss: Option<PlantLoss>) -> Result<CrashReport> {
    let stories = story::stories(evidence, &evidence.union());
    let acknowledged: Vec<_> = stories.iter().filter(|story| story.is_acknowledged).collect();
    let mut known: BTreeSet<BookingId> = evidence
        .stores
        .values()
        .flat_map(|store| store.entries.iter())
        .filter(|entry| entry.kind == "booking_accepted" || entry.kind == "street_hailed")
        .filter_map(|entry| entry.key.parse().ok())
        .collect();
    let planted = match plant_loss {
        Some(PlantLoss) => {
            let victim = acknowledged.iter().filter_map(|story| story.booking).find(|id| known.remove(id));
            Some(victim.context("nothing was acknowledged: no loss can be planted")?)
        }
        None => None,
    };
    let lost =
        acknowledged.iter().filter(|story| story.booking.is_none_or(|booking| !known.contains(&booking)));
    let lost = lost.map(|story| {
        let booking = story.booking.map_or_else(|| "a booking".to_owned(), |booking| booking.to_string());
        format!("wish {}: {booking} was acknowledged and is in no journal", story.wish)
    });
    Ok(CrashReport { acknowledged: acknowledged.len(), lost: lost.collect(), planted })
}
