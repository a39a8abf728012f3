//! What drivers' own traces say about the pace of traffic.
//!
//! A *pace* is the time that driving takes, in thousandths of the time on a free street. It is learnt on four
//! levels, each of which knows little until much was driven and then leans on the level above:
//!
//! ```text
//! everything → hour slot → class of street in that slot → this arc, in all slots
//! ```
//!
//! **Against false positions**: each moment of a driver counts once ([`super::Trail`]) and none that has not come yet,
//! so a driver can claim one hour of driving an hour and no more; one piece counts as at most [`PIECE_MAX_MS`] and its pace as between [`PIECE_MIN`] and
//! [`PIECE_MAX`], and not as far from what is known; a pace that is used lies between [`PACE_MIN`] and
//! [`PACE_MAX`]. **Bounded**: two numbers for each
//! arc and each class in each slot, whatever arrives; the old is halved away as new comes in.
//!
//! All whole numbers: the same traversals in the same order give the same book on every machine.

use serde::{Deserialize, Serialize};

use super::Slot;
use crate::arc::ArcId;
use crate::tags::RoadClass;

/// Bounds of one observed pace, in thousandths.
const PIECE_MIN: u64 = 300;
const PIECE_MAX: u64 = 10_000;
/// One piece counts as at most so many times what was known before, and at least as that part of it: a jam is
/// learnt from several taxis, a lie is not.
const SURPRISE_MAX: u64 = 3;
/// Longest observed piece that counts in full, in ms on a free street.
const PIECE_MAX_MS: u32 = 600_000;
/// Bounds of a pace that is used, in thousandths.
const PACE_MIN: u64 = 500;
const PACE_MAX: u64 = 6_000;

/// One arc, or a part of it, as a taxi drove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traversal {
    pub(crate) arc: ArcId,
    pub(crate) class: RoadClass,
    /// Time on a free street, in ms.
    pub(crate) free_ms: u32,
    /// Time that it took, in ms.
    pub(crate) took_ms: u32,
}

/// Time that was expected and time that it took, of everything driven on one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Cell {
    expected_ms: u32,
    took_ms: u32,
}

impl Cell {
    /// Adds a piece; what is old is halved as soon as there is more than `memory_ms`.
    fn add(&mut self, expected_ms: u64, took_ms: u64, memory_ms: u32) {
        let add = |sum: u32, ms: u64| u32::try_from((u64::from(sum) + ms).min(u64::from(u32::MAX)));
        self.expected_ms = add(self.expected_ms, expected_ms).expect("it was just bounded");
        self.took_ms = add(self.took_ms, took_ms).expect("it was just bounded");
        while self.expected_ms > memory_ms || self.took_ms > u32::MAX / 2 {
            self.expected_ms /= 2;
            self.took_ms /= 2;
        }
    }

    /// The pace as if `doubt_ms` had also been driven at `prior`.
    fn pace(&self, prior: u64, doubt_ms: u64) -> u64 {
        let known = u64::from(self.took_ms) * 1_000 + prior * doubt_ms;
        known / (u64::from(self.expected_ms) + doubt_ms)
    }
}

/// Driving on a free street, in ms, that a slot, a class or an arc must show before it counts as much as what
/// stands above it.
const SLOT_DOUBT_MS: u64 = 1_200_000;
const CLASS_DOUBT_MS: u64 = 1_200_000;
const ARC_DOUBT_MS: u64 = 90_000;
/// What is remembered, in ms of driving: of all and of a class in a slot 100 hours, of an arc 20: less would be the last
/// evening alone on a busy street.
const CLASS_MEMORY_MS: u32 = 360_000_000;
const ARC_MEMORY_MS: u32 = 72_000_000;

/// The paces of one map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeedBook {
    /// The map's fingerprint: arcs are numbered anew with every import. First, because a file begins with it.
    map: u64,
    all: Cell,
    slots: Vec<Cell>,
    /// By slot, then by class.
    classes: Vec<Cell>,
    arcs: Vec<Cell>,
}

impl SpeedBook {
    pub(crate) fn new(map: u64, arcs: usize) -> Self {
        let cells = |count| vec![Cell::default(); count];
        Self {
            map,
            all: Cell::default(),
            slots: cells(Slot::COUNT),
            classes: cells(Slot::COUNT * RoadClass::ALL.len()),
            arcs: cells(arcs),
        }
    }

    /// Takes in what one taxi drove in `slot`.
    pub fn learn(&mut self, slot: Slot, traversals: &[Traversal]) {
        for piece in traversals {
            let Traversal { arc, class, free_ms, took_ms } = *piece;
            if free_ms == 0 || arc.index() >= self.arcs.len() {
                continue;
            }
            let counted = u64::from(free_ms.min(PIECE_MAX_MS));
            let known = u64::from(self.pace(slot, class, arc));
            let pace = (u64::from(took_ms) * 1_000 / u64::from(free_ms))
                .clamp(known / SURPRISE_MAX, known * SURPRISE_MAX)
                .clamp(PIECE_MIN, PIECE_MAX);
            let took = counted * pace / 1_000;
            let expected = counted * self.class_pace(slot, class) / 1_000;
            self.all.add(counted, took, CLASS_MEMORY_MS);
            self.slots[slot.index()].add(counted, took, CLASS_MEMORY_MS);
            self.classes[class_index(slot, class)].add(counted, took, CLASS_MEMORY_MS);
            self.arcs[arc.index()].add(expected, took, ARC_MEMORY_MS);
        }
    }

    /// The pace on an arc in `slot`, in thousandths of the time on a free street.
    pub(crate) fn pace(&self, slot: Slot, class: RoadClass, arc: ArcId) -> u32 {
        let of_class = self.class_pace(slot, class);
        let of_arc = self.arcs.get(arc.index()).map_or(1_000, |cell| cell.pace(1_000, ARC_DOUBT_MS));
        u32::try_from((of_class * of_arc / 1_000).clamp(PACE_MIN, PACE_MAX)).expect("it was just bounded")
    }

    fn class_pace(&self, slot: Slot, class: RoadClass) -> u64 {
        let all = self.all.pace(1_000, SLOT_DOUBT_MS);
        let in_slot = self.slots[slot.index()].pace(all, SLOT_DOUBT_MS);
        self.classes[class_index(slot, class)].pace(in_slot, CLASS_DOUBT_MS).clamp(PACE_MIN, PACE_MAX)
    }

    /// The most bytes of a book for a map of `arcs` arcs, with its format before it: two numbers of five bytes a cell.
    pub(crate) fn bytes_max(arcs: usize) -> u64 {
        const CELL: usize = 10;
        const HEADS: usize = 64;
        let cells = 1 + Slot::COUNT * (1 + RoadClass::ALL.len()) + arcs;
        (HEADS + CELL * cells) as u64
    }

    /// Whether a stored book has the shape of one for a map of `arcs` arcs.
    pub(crate) fn fits(&self, map: u64, arcs: usize) -> bool {
        self.map == map
            && self.slots.len() == Slot::COUNT
            && self.classes.len() == Slot::COUNT * RoadClass::ALL.len()
            && self.arcs.len() == arcs
    }
}

fn class_index(slot: Slot, class: RoadClass) -> usize {
    slot.index() * RoadClass::ALL.len() + class as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 12 * 3_600;

    fn slot(hour: i64) -> Slot {
        Slot::at(hour * 3_600, 0)
    }

    fn piece(arc: u32, free_ms: u32, took_ms: u32) -> Traversal {
        Traversal { arc: ArcId(arc), class: RoadClass::Primary, free_ms, took_ms }
    }

    fn pace(book: &SpeedBook, hour: i64, arc: u32) -> u32 {
        book.pace(slot(hour), RoadClass::Primary, ArcId(arc))
    }

    #[test]
    fn an_empty_book_says_free_streets() {
        assert_eq!(pace(&SpeedBook::new(1, 4), 3, 2), 1_000);
    }

    #[test]
    fn what_is_driven_often_is_believed_and_what_is_seen_once_hardly() {
        let mut book = SpeedBook::new(1, 4);
        let noon = Slot::at(NOON, 0);
        book.learn(noon, &[piece(0, 10_000, 30_000)]);
        let once = pace(&book, 12, 0);
        assert!((1_001..1_400).contains(&once), "{once}");
        for _ in 0..2_000 {
            book.learn(noon, &[piece(0, 10_000, 20_000), piece(2, 10_000, 30_000)]);
        }
        let [slow, slower, unseen, night] =
            [pace(&book, 12, 0), pace(&book, 12, 2), pace(&book, 12, 1), pace(&book, 3, 1)];
        assert!((1_900..2_150).contains(&slow) && (2_850..3_100).contains(&slower), "{slow} {slower}");
        assert!((2_300..2_600).contains(&unseen), "an arc that nobody drove is like its class: {unseen}");
        assert!((2_000..2_600).contains(&night), "an hour that nobody drove is like all others: {night}");
    }

    #[test]
    fn hours_differ() {
        let mut book = SpeedBook::new(1, 2);
        for _ in 0..2_000 {
            book.learn(slot(8), &[piece(0, 10_000, 30_000)]);
            book.learn(slot(3), &[piece(0, 10_000, 12_000)]);
        }
        assert!(pace(&book, 8, 0) > 2_600 && pace(&book, 3, 0) < 1_500, "{book:?}");
    }

    #[test]
    fn absurd_pieces_are_bounded_and_sums_do_not_grow() {
        let mut book = SpeedBook::new(1, 2);
        for _ in 0..20_000 {
            book.learn(
                slot(8),
                &[piece(0, u32::MAX, 0), piece(1, 1, u32::MAX), piece(7, 9, 9), piece(1, 0, 5)],
            );
        }
        assert!((500..=6_000).contains(&pace(&book, 8, 0)) && pace(&book, 8, 1) <= 6_000);
        assert!(book.all.expected_ms <= CLASS_MEMORY_MS && book.arcs[0].expected_ms <= ARC_MEMORY_MS);
    }

    #[test]
    fn the_old_is_forgotten() {
        let mut book = SpeedBook::new(1, 2);
        let mut days = |took_ms, count| {
            for _ in 0..count {
                book.learn(slot(8), &[piece(0, 10_000, took_ms)]);
            }
            // Of an arc that nobody drove: what its class says.
            pace(&book, 8, 1)
        };
        let jammed = days(40_000, 30_000);
        let freed = days(10_000, 60_000);
        assert!(jammed > 3_500 && freed < 1_400, "{jammed} {freed}");
    }

    #[test]
    fn one_liar_among_many_changes_little() {
        let honest = |book: &mut SpeedBook, arc, pieces| {
            for _ in 0..pieces {
                book.learn(slot(8), &[piece(arc, 20_000, 40_000)]);
            }
        };
        let (mut book, mut lied_to) = (SpeedBook::new(1, 2), SpeedBook::new(1, 2));
        for book in [&mut book, &mut lied_to] {
            honest(book, 1, 2_000);
            honest(book, 0, 95);
        }
        // Five hundredths of what is said of the street, each told as long as it can be.
        for _ in 0..5 {
            lied_to.learn(slot(8), &[piece(0, 20_000, u32::MAX)]);
        }
        let [true_pace, lie] = [pace(&book, 8, 0), pace(&lied_to, 8, 0)];
        assert!(lie > true_pace && lie < true_pace * 23 / 20, "{true_pace} {lie}");
    }
}
