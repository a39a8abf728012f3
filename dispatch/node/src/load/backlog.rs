//! `ondol load backlog`: what an edge has to hand on after a long outage, written by the edge's own loop.
//!
//! Riders book and cancel through the same rules and commits as through a door; only HTTP is left out, so that days
//! of an outage take minutes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, ensure};
use indicatif::ProgressBar;
use ondol_core::booking::{CancelReason, Party};
use ondol_core::command::Command;
use ondol_core::ids::BookingId;
use ondol_engine::Handle;
use ondol_engine::config::{Config, RoleName};
use serde::Serialize;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::made_up::{Place, Quiet, ask};
use crate::output;

/// Riders who ask at the same time.
const AT_ONCE: u64 = 64;

/// What was written.
#[derive(Debug, Serialize)]
struct Backlog {
    bookings: u64,
    /// Of this node's own in its journal now.
    entries: u64,
}

/// Writes bookings until the journal of the node holds `entries` of its own.
///
/// # Errors
///
/// If the node runs, is no edge, has bookings already or no map, or refuses a booking.
pub(super) async fn write(config: &Path, entries: u64) -> anyhow::Result<()> {
    let quiet = Quiet::start(config, is_an_edge).await?;
    let handle = quiet.handle().clone();
    let (map, own) =
        (quiet.map()?, &quiet.station.config.districts.first().context("districts: none is configured")?.id);
    let stands = map.stands().into_iter().map(|stand| stand.position);
    let mut places = Place::of_districts(map, stands, [own.clone()])?;
    let place = places.remove(own).and_then(|places| places.into_iter().next());
    let place = Arc::new(place.context("map.dir: the district has no stand to ask from")?);
    let bar = ProgressBar::new(entries);
    let asked = Arc::new(AtomicU64::new(0));
    while quiet.entries().await? < entries {
        let mut riders = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (handle, asked, place) = (handle.clone(), Arc::clone(&asked), Arc::clone(&place));
            riders.spawn(async move { book_and_cancel(&place, &handle, &asked).await });
        }
        while let Some(rider) = riders.join_next().await {
            rider.context("a rider ended unexpectedly")??;
        }
        bar.set_position(quiet.entries().await?);
    }
    bar.finish_and_clear();
    let written = Backlog { bookings: asked.load(Ordering::Relaxed), entries: quiet.entries().await? };
    quiet.end().await?;
    output::json(&written)
}

/// Central is left alone: its bookings are real ones.
fn is_an_edge(config: &Config) -> anyhow::Result<()> {
    ensure!(config.node.role == RoleName::Edge, "node.role: a backlog is an edge's");
    Ok(())
}

async fn book_and_cancel(place: &Place, handle: &Handle, asked: &AtomicU64) -> anyhow::Result<()> {
    let booking = BookingId(Uuid::new_v4());
    place.book(handle, booking, asked.fetch_add(1, Ordering::Relaxed)).await?;
    let (by, reason) = (Party::Rider, CancelReason::ChangedMind);
    ask(handle, Command::Cancel { booking, by, reason }).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::made_up::tests::config;
    use super::*;

    #[test]
    fn a_backlog_is_written_for_an_edge() {
        let address = "127.0.0.1:1".parse().unwrap();
        is_an_edge(&config("edge", Some("edge-hanbuk"), address)).unwrap();
        let central = is_an_edge(&config("standalone", None, address)).unwrap_err().to_string();
        assert!(central.contains("node.role"), "{central}");
    }
}
