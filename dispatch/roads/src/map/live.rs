//! A map that learns: traces in, times of streets out.

use std::path::Path;

use ondol_core::position::Position;

use super::RoadMap;
use crate::arc::ArcId;
use crate::error::SpeedsError;
use crate::network::Segment;
use crate::speeds::{Fix, Joint, Slot, SpeedBook, Step, Traversal, driven, pieces};

impl RoadMap {
    /// The book that was kept in `file`.
    ///
    /// # Errors
    ///
    /// Every [`SpeedsError`] but [`SpeedsError::Unwritable`].
    pub fn read_speed_book(&self, file: &Path) -> Result<SpeedBook, SpeedsError> {
        let limit = SpeedBook::bytes_max(self.network.segments.len() * 2);
        let book = SpeedBook::read(file, self.fingerprint(), limit)?;
        if self.is_of_this_map(&book) { Ok(book) } else { Err(SpeedsError::OtherMap) }
    }

    /// An empty book for this map's streets.
    #[must_use]
    pub fn speed_book(&self) -> SpeedBook {
        SpeedBook::new(self.fingerprint(), self.network.segments.len() * 2)
    }

    /// What a taxi drove in `step`; nothing if no taxi can have driven it in that time.
    #[must_use]
    pub fn driven(&self, step: &Step) -> Option<Vec<Traversal>> {
        driven(&self.network, &self.hierarchy, &self.snapper, &self.hierarchy.times(), step)
    }

    /// What one taxi drove between its `fixes`, which are in order of time, a list for each step of its way.
    ///
    /// Steps that no taxi can have driven in that time are left out.
    #[must_use]
    pub fn traversals(&self, fixes: &[Fix]) -> Vec<Vec<Traversal>> {
        let mut joint = Joint::default();
        fixes.iter().filter_map(|fix| self.driven(&joint.push(*fix)?)).collect()
    }

    /// What a trip drove of which only the ends are known: the quickest way, if that was possible in `took_s`.
    #[must_use]
    pub fn trip(&self, from: Position, to: Position, took_s: u32) -> Option<Vec<Traversal>> {
        let places = [self.on_street(from)?, self.on_street(to)?];
        let took_ms = took_s.saturating_mul(1_000);
        pieces(&self.network, &self.hierarchy, &self.hierarchy.times(), [&places[0], &places[1]], took_ms)
    }

    /// Drives at the paces that `book` has for `slot` from now on; questions that are being answered keep the old.
    ///
    /// # Errors
    ///
    /// [`SpeedsError::OtherMap`] if the book is of another map; the times stay as they are.
    pub fn set_speeds(&self, book: &SpeedBook, slot: Slot) -> Result<(), SpeedsError> {
        if !self.is_of_this_map(book) {
            return Err(SpeedsError::OtherMap);
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
