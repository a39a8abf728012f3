//! The book of speeds: read at the start, learnt from tracks, handed to the map, kept on disk.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ondol_core::units::{Now, Ticks, UtcMs};
use ondol_driver_api::Track;
use ondol_engine::config::SpeedsSection;
use ondol_roads::speeds::{Slot, SpeedBook};
use ondol_roads::{RoadMap, SpeedsError};

use super::trails::Trails;

/// Simulated time between two writes of the file, at least: a crash takes so much with it.
const KEEP_EVERY_MS: u64 = 15 * 60_000;

/// What was learnt, and what is needed to learn more.
pub(super) struct Learner {
    map: Arc<RoadMap>,
    book: SpeedBook,
    trails: Trails,
    file: Option<PathBuf>,
    utc_offset_s: i32,
    /// The hour whose paces the map has.
    slot: Slot,
    /// Whether the book knows more than the map, and than the file.
    newer_than_map: bool,
    newer_than_file: bool,
    kept_at: Ticks,
}

impl Learner {
    /// Goes on from what is in the file, if it is there and of this map, and hands it to the map.
    pub(super) fn open(section: &SpeedsSection, map: Arc<RoadMap>, now: Now) -> Self {
        let utc_offset_s = section.utc_offset_min * 60;
        let kept = section.file.as_ref().and_then(|file| read(file, &map));
        let newer_than_map = kept.is_some();
        let mut learner = Self {
            book: kept.unwrap_or_else(|| map.speed_book()),
            map,
            trails: Trails::default(),
            file: section.file.clone(),
            utc_offset_s,
            slot: Slot::at(now.utc.0.div_euclid(1_000), utc_offset_s),
            newer_than_map,
            newer_than_file: false,
            kept_at: now.ticks,
        };
        learner.refresh(now.utc);
        learner
    }

    /// Learns from what drivers handed in.
    pub(super) fn learn(&mut self, tracks: Vec<Track>, now: Ticks) {
        let (mut repeated, mut pieces, mut refused) = (0, 0, 0);
        for track in tracks {
            let taken = self.trails.take(&track, now);
            repeated += taken.repeated;
            for step in taken.steps {
                if let Some(driven) = self.map.driven(&step) {
                    self.book.learn(Slot::at(step.begins_at_s(), self.utc_offset_s), &driven);
                    pieces += driven.len();
                } else {
                    refused += 1;
                }
            }
        }
        if pieces > 0 {
            (self.newer_than_map, self.newer_than_file) = (true, true);
        }
        metrics::counter!("ondol_track_fixes_total", "outcome" => "repeated").increment(repeated as u64);
        metrics::counter!("ondol_speeds_pieces_total").increment(pieces as u64);
        metrics::counter!("ondol_speeds_steps_refused_total").increment(refused);
    }

    /// Hands the paces of this hour to the map if they are others than it has; says whether they were.
    pub(super) fn refresh(&mut self, now: UtcMs) -> bool {
        let slot = Slot::at(now.0.div_euclid(1_000), self.utc_offset_s);
        if slot == self.slot && !self.newer_than_map {
            return false;
        }
        let begun = Instant::now();
        self.map.set_speeds(&self.book, slot).expect("the book was begun for this map, or read for it");
        metrics::gauge!("ondol_speeds_refresh_ms").set(begun.elapsed().as_secs_f64() * 1_000.0);
        metrics::counter!("ondol_speeds_refreshes_total").increment(1);
        (self.slot, self.newer_than_map) = (slot, false);
        true
    }

    /// Keeps what was learnt if that was not done for a while.
    pub(super) fn keep_now_and_then(&mut self, now: Ticks) {
        if now.since_ms(self.kept_at) >= KEEP_EVERY_MS {
            self.kept_at = now;
            self.keep();
        }
    }

    /// Keeps what was learnt. If that fails it is tried again the next time: the node can do without.
    pub(super) fn keep(&mut self) {
        let Some(file) = self.file.as_ref().filter(|_| self.newer_than_file) else { return };
        match self.book.write(file) {
            Ok(()) => self.newer_than_file = false,
            Err(error) => tracing::warn!(%error, "speeds.file: what was learnt of streets is not kept"),
        }
    }
}

/// The book to go on with, if there is a good one.
fn read(file: &Path, map: &RoadMap) -> Option<SpeedBook> {
    match map.read_speed_book(file) {
        Ok(book) => Some(book),
        Err(SpeedsError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(%error, "speeds.file: the pace of streets is learnt anew");
            None
        }
    }
}
