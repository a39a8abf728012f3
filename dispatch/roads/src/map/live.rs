//! A map that learns: traces in, times of streets out.

use std::path::Path;

use ondol_core::position::Position;

use super::RoadMap;
use crate::arc::ArcId;
use crate::error::MapError;
use crate::network::Segment;
use crate::speeds::{Fix, Slot, SpeedBook, Traversal, step, traversals};
use crate::store;

/// Largest book of speeds, unpacked: of a map ten times as large as an import may be.
const BOOK_MAX: u64 = 1 << 30;

impl SpeedBook {
    /// Keeps the book in `file`, in place of an older one, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`MapError::Unwritable`]; an older file is as it was.
    pub fn write(&self, file: &Path) -> Result<(), MapError> {
        store::write_whole(file, self)
    }
}

impl RoadMap {
    /// The book that was kept in `file`.
    ///
    /// # Errors
    ///
    /// [`MapError::Unreadable`], [`MapError::Damaged`], or [`MapError::OtherSpeeds`] if it is of another map.
    pub fn read_speed_book(&self, file: &Path) -> Result<SpeedBook, MapError> {
        let book: SpeedBook = store::read_whole(file, BOOK_MAX)?;
        if self.is_of_this_map(&book) { Ok(book) } else { Err(MapError::OtherSpeeds) }
    }

    /// An empty book for this map's streets.
    #[must_use]
    pub fn speed_book(&self) -> SpeedBook {
        SpeedBook::new(self.fingerprint(), self.network.segments.len() * 2)
    }

    /// What one taxi drove between its `fixes`, which are in order of time, a list for each step of its way.
    ///
    /// Steps that no taxi can have driven in that time are left out.
    #[must_use]
    pub fn traversals(&self, fixes: &[Fix]) -> Vec<Vec<Traversal>> {
        traversals(&self.network, &self.hierarchy, &self.snapper, &self.hierarchy.times(), fixes)
    }

    /// What a trip drove of which only the ends are known: the quickest way, if that was possible in `took_s`.
    #[must_use]
    pub fn trip(&self, from: Position, to: Position, took_s: u32) -> Option<Vec<Traversal>> {
        let places = [self.on_street(from)?, self.on_street(to)?];
        let took_ms = took_s.saturating_mul(1_000);
        step(&self.network, &self.hierarchy, &self.hierarchy.times(), [&places[0], &places[1]], took_ms)
    }

    /// Drives at the paces that `book` has for `slot` from now on; questions that are being answered keep the old.
    ///
    /// # Errors
    ///
    /// [`MapError::OtherSpeeds`] if the book is of another map; the times stay as they are.
    pub fn set_speeds(&self, book: &SpeedBook, slot: Slot) -> Result<(), MapError> {
        if !self.is_of_this_map(book) {
            return Err(MapError::OtherSpeeds);
        }
        let arc_ms = |(number, segment): (u32, &Segment)| {
            [ArcId::along(number), ArcId::against(number)].map(|arc| {
                let ms = self.network.free_ms(arc).unwrap_or(u32::MAX);
                let ms = u64::from(ms) * u64::from(book.pace(slot, segment.class, arc)) / 1_000;
                u32::try_from(ms).unwrap_or(u32::MAX)
            })
        };
        self.hierarchy.set_times((0_u32..).zip(&self.network.segments).flat_map(arc_ms).collect());
        Ok(())
    }

    fn is_of_this_map(&self, book: &SpeedBook) -> bool {
        book.fits(self.fingerprint(), self.network.segments.len() * 2)
    }

    /// Tells maps apart whose streets are numbered differently (FNV-1a over what a book depends on).
    fn fingerprint(&self) -> u64 {
        let directions =
            |s: &Segment| u32::from(s.forward_ms.is_some()) + 2 * u32::from(s.backward_ms.is_some());
        let street = |s: &Segment| [s.from, s.to, s.length_cm, s.class as u32, directions(s)];
        let streets = self.network.segments.iter().flat_map(street);
        let bytes = streets.flat_map(u32::to_le_bytes);
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }
}
