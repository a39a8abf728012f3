//! The network: loss, delay, repetition, and cuts in one direction or both.

use std::collections::BTreeMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::carrier::Carrier;
use super::clock::Ms;

/// Somebody with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A node: 0 is central.
    Node(usize),
    /// A driver's phone.
    Device(usize),
    /// A rider's phone.
    Rider(usize),
}

/// Those between whom nothing passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) from: Side,
    pub(crate) to: Side,
    pub(crate) until: Ms,
}

/// One end of a cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Side {
    /// Everybody.
    All,
    /// One place.
    One(Place),
    /// These devices.
    Devices(Vec<usize>),
    /// All riders.
    Riders,
}

impl Side {
    fn contains(&self, place: Place) -> bool {
        match (self, place) {
            (Self::All, _) | (Self::Riders, Place::Rider(_)) => true,
            (Self::One(one), place) => *one == place,
            (Self::Devices(devices), Place::Device(device)) => devices.contains(&device),
            (Self::Devices(_), Place::Node(_) | Place::Rider(_))
            | (Self::Riders, Place::Node(_) | Place::Device(_)) => false,
        }
    }
}

/// The network between all places.
#[derive(Debug)]
pub(crate) struct Net {
    rng: ChaCha8Rng,
    cuts: Vec<Cut>,
    /// Until when, and how many of 1,000 messages are lost.
    pub(crate) lossy: (Ms, u32),
    /// Until when, and how many of 1,000 messages come twice.
    pub(crate) repeating: (Ms, u32),
    /// Until when, and how much later messages come.
    pub(crate) slow: (Ms, Ms),
    /// Until when, and how many of 1,000 pages have gaps, repeats, or another order.
    pub(crate) spoiling: (Ms, u32),
    /// Until when texts come late, and how many of 1,000 are lost or come twice.
    pub(crate) texts: (Ms, u32),
    /// By edge: the lines over which its texts go, where they have a capacity.
    pub(crate) carriers: BTreeMap<usize, Carrier>,
    /// Until when texts of an edge do not pass in one direction.
    pub(crate) text_cuts: BTreeMap<(usize, TextWay), Ms>,
    /// Until when the telephone is dead.
    pub(crate) telephone_cut: Ms,
}

/// The way of a text, seen from the text process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TextWay {
    In,
    Out,
}

impl Net {
    pub(crate) fn new(rng: ChaCha8Rng) -> Self {
        Self {
            rng,
            cuts: Vec::new(),
            lossy: (0, 0),
            repeating: (0, 0),
            slow: (0, 0),
            spoiling: (0, 0),
            texts: (0, 0),
            carriers: BTreeMap::new(),
            text_cuts: BTreeMap::new(),
            telephone_cut: 0,
        }
    }

    pub(crate) fn cut(&mut self, cut: Cut) {
        self.cuts.push(cut);
    }

    /// Ends every disturbance.
    pub(crate) fn heal(&mut self) {
        self.cuts.clear();
        (self.lossy, self.repeating, self.slow) = ((0, 0), (0, 0), (0, 0));
        (self.spoiling, self.texts) = ((0, 0), (0, 0));
        self.text_cuts.clear();
        self.telephone_cut = 0;
    }

    /// Leaves out, repeats or moves some entries of a page.
    pub(crate) fn spoil<T: Clone>(&mut self, page: &mut Vec<T>, now: Ms) {
        if now >= self.spoiling.0 || page.len() < 2 || self.rng.random_range(0..1_000) >= self.spoiling.1 {
            return;
        }
        let at = self.rng.random_range(0..page.len());
        match self.rng.random_range(0..3) {
            0 => {
                page.remove(at);
            }
            1 => page.insert(at, page[at].clone()),
            _ => {
                let other = (at + 1) % page.len();
                page.swap(at, other);
            }
        }
    }

    /// After how long copies of a text arrive. A carrier is slow, and delivers some twice.
    pub(crate) fn carry_text(&mut self, edge: usize, way: TextWay, now: Ms) -> Vec<Ms> {
        if self.text_cuts.get(&(edge, way)).is_some_and(|until| now < *until) {
            return Vec::new();
        }
        if let Some(carrier) = self.carriers.get_mut(&edge) {
            return carrier.carry(now, &mut self.rng);
        }
        let (until, per_mille) = self.texts;
        let bad = now < until;
        if bad && self.rng.random_range(0..1_000) < per_mille {
            return Vec::new();
        }
        let twice = self.rng.random_range(0..1_000) < if bad { per_mille.max(100) } else { 100 };
        let (from, to) = if bad { (5_000, 60_000) } else { (500, 4_000) };
        (0..=usize::from(twice)).map(|_| self.rng.random_range(from..to)).collect()
    }

    /// A text that nobody waits for goes out.
    pub(crate) fn take_line(&mut self, edge: usize, now: Ms) {
        if let Some(carrier) = self.carriers.get_mut(&edge) {
            let _waits_alone = carrier.wait_for_line(now);
        }
    }

    /// True if nothing passes that way.
    pub(crate) fn is_cut(&self, from: Place, to: Place, now: Ms) -> bool {
        self.cuts.iter().any(|cut| now < cut.until && cut.from.contains(from) && cut.to.contains(to))
    }

    /// After how long a message arrives: never, once, or twice.
    pub(crate) fn carry(&mut self, from: Place, to: Place, now: Ms) -> Vec<Ms> {
        self.cuts.retain(|cut| now < cut.until);
        let cut = self.is_cut(from, to, now);
        let lost = now < self.lossy.0 && self.rng.random_range(0..1_000) < self.lossy.1;
        if cut || lost {
            return Vec::new();
        }
        let twice = now < self.repeating.0 && self.rng.random_range(0..1_000) < self.repeating.1;
        let late = if now < self.slow.0 { self.slow.1 } else { 0 };
        (0..=usize::from(twice))
            .map(|copy| {
                let usual =
                    self.rng.random_range(5..60) + late.saturating_mul(self.rng.random_range(0..=2)) / 2;
                // A copy may be very late: long after its request was given up.
                if copy == 0 { usual } else { usual + self.rng.random_range(0..15_000) }
            })
            .collect()
    }
}
