//! Series that do not go in: one entry of a faulty or stolen peer, of another release or from a damaged disk.
//!
//! Such a series holds up nothing but itself, except the one thing that must not be done over unknown entries: authority
//! over the district does not return while either side lacks some of what the other has. Staff sees the series and
//! decides, at central; the decision is an entry, so that both sides keep to it.
//!
//! | the next entry | once it is set aside |
//! |---|---|
//! | cannot be read, its chain is whole | is stored and passed over; what follows goes in, and is waited for |
//! | breaks the chain, or is not its writer's to say | stays out with all that follow; its writer must have begun another life, or be no node of the district any more |
//! | is of this node's own past | is taken back, not set aside |
//!
//! The decision is about one entry: the next one that does not go in holds up the return again, and staff is told again.
//!
//! Nothing is erased: a release that can read the entry, or a disk that is mended, brings the rest in.

use super::Node;
use super::lease::Side;
use crate::board::ApplyError;
use crate::command::{Answer, Refusal};
use crate::face::{Change, Role};
use crate::fact::{Fact, Rest, SetAside, district_wide};
use crate::ids::DistrictId;
use crate::journal::{ChainBreak, Head, Heads, Series};
use crate::units::{Now, UtcMs};

/// Most series that are remembered as stuck: a peer that makes up series fills no memory.
const STUCK_MAX: usize = 256;

/// Why the next entry of a series does not go in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Poison {
    /// Its kind is known and its content is not, or stands in the wrong lane; the chain is whole.
    Unreadable,
    /// It does not continue what is held here, or no store holds it.
    Broken,
    /// It is not its writer's, or not the peer's, to say.
    NotAllowed,
    /// It is of this node's own past, which its store has lost; `ondol node take-back` brings it back.
    OwnPast,
}

impl Poison {
    /// `None` if the entry was only early: it comes again.
    pub(super) fn of(error: &ApplyError) -> Option<Self> {
        match error {
            ApplyError::Chain(ChainBreak::Gap { .. }) => None,
            ApplyError::Chain(ChainBreak::Altered { .. } | ChainBreak::Fork { .. })
            | ApplyError::TooLarge { .. } => Some(Self::Broken),
            ApplyError::Unreadable(_) | ApplyError::WrongLane { .. } => Some(Self::Unreadable),
        }
    }

    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Broken => "broken",
            Self::NotAllowed => "not_allowed",
            Self::OwnPast => "own_past",
        }
    }
}

/// A series of which the next entry does not go in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stuck {
    /// The entry's number.
    pub seq: u64,
    /// Why.
    pub why: Poison,
    /// Since when this life of the node knows it.
    pub since: UtcMs,
}

impl Node {
    /// Series of the district of which the next entry does not go in here.
    pub fn stuck<'a>(&'a self, district: &'a DistrictId) -> impl Iterator<Item = (&'a Series, &'a Stuck)> {
        self.stuck.iter().filter(move |(series, _)| series.district == *district)
    }

    pub(super) fn note_stuck(&mut self, series: &Series, why: Poison, now: Now) {
        let concerns_us =
            self.config.districts.contains_key(&series.district) || series.district == DistrictId::all();
        let seq = self.board.head(series).seq.saturating_add(1);
        let same = self.stuck.get(series).is_some_and(|known| (known.seq, known.why) == (seq, why));
        if !concerns_us || same || !self.makes_room_for(series) {
            return;
        }
        self.stuck.insert(series.clone(), Stuck { seq, why, since: now.utc });
        self.changed(Change::Mode(series.district.clone()));
    }

    /// Series that somebody made up give way to those of the district's nodes; false if there is no room.
    fn makes_room_for(&mut self, series: &Series) -> bool {
        if self.stuck.len() < STUCK_MAX || self.stuck.contains_key(series) {
            return true;
        }
        let made_up = self.stuck.keys().find(|known| !self.is_a_nodes(known)).cloned();
        match made_up.filter(|_| self.is_a_nodes(series)) {
            Some(made_up) => self.stuck.remove(&made_up).is_some(),
            None => false,
        }
    }

    /// True if a node that serves the series' district today writes under its name.
    fn is_a_nodes(&self, series: &Series) -> bool {
        let is_here =
            |district: &DistrictId| *district == series.district || series.district == DistrictId::all();
        let is_other = |side: &Side| match side {
            Side::Central(side) => side.edge.as_ref() == Some(&series.origin),
            Side::Edge(side) => side.central == series.origin,
        };
        series.origin == self.config.id
            || self.sides.iter().any(|(district, side)| is_here(district) && is_other(side))
    }

    /// The series goes on.
    pub(super) fn note_moving(&mut self, series: &Series) {
        if self.stuck.remove(series).is_some() {
            self.changed(Change::Mode(series.district.clone()));
        }
    }

    /// Staff decides that the return of the district waits for the entry no longer that holds `series` up.
    ///
    /// What its writer goes on to write into a series that ends here would be known to that node alone. So the chain must
    /// be whole, or a later life of the writer, which writes another series, must be known, or the writer must have gone.
    pub(super) fn set_aside(&mut self, series: Series, now: Now) -> Result<Answer, Refusal> {
        if self.config.role != Role::Central {
            return Err(Refusal::OtherNode);
        }
        self.serves(&series.district)?;
        let stuck = self.stuck.get(&series).copied();
        let why = stuck.map(|stuck| stuck.why);
        if self.lacks_own_past(&series, why) {
            return Err(Refusal::OwnPast);
        }
        if stuck.is_none() && self.board.head(&series) == Head::default() {
            return Err(Refusal::UnknownSeries);
        }
        let rest = if why == Some(Poison::Unreadable) { Rest::GoesIn } else { Rest::StaysOut };
        if rest == Rest::StaysOut && self.is_a_nodes(&series) && !self.writes_another(&series) {
            return Err(Refusal::StillWritten);
        }
        let seq =
            stuck.map(|stuck| stuck.seq).or_else(|| self.edge_lacks(&series)).ok_or(Refusal::NotStuck)?;
        let decision = SetAside { series, seq, rest };
        let district = decision.series.district.clone();
        let is_decided = self.district(&district).is_some_and(|board| board.set_aside.contains(&decision));
        if !is_decided {
            self.append(&district, district_wide(), Fact::SeriesSetAside(decision), now);
        }
        Ok(Answer::Done)
    }

    /// The first entry of the series that is held here and, by what the edge last said, not there.
    fn edge_lacks(&self, series: &Series) -> Option<u64> {
        let there = self.probed(series)?.of(series).seq;
        (there < self.board.head(series).seq).then(|| there.saturating_add(1))
    }

    /// True if entries of this node's own past are missing here and can still be brought back: among them may be what it
    /// has charged, which it would charge again. A restart forgets what is stuck, and not what the edge holds.
    fn lacks_own_past(&self, series: &Series, why: Option<Poison>) -> bool {
        let edge_holds_more =
            || self.probed(series).is_some_and(|heads| heads.of(series).seq > self.board.head(series).seq);
        let is_mine = series.origin == self.config.id;
        is_mine && (why == Some(Poison::OwnPast) || (why.is_none() && edge_holds_more()))
    }

    /// What the edge of the series' district last said that it holds.
    fn probed(&self, series: &Series) -> Option<&Heads> {
        match self.sides.get(&series.district) {
            Some(Side::Central(side)) => side.probed_heads(),
            Some(Side::Edge(_)) | None => None,
        }
    }

    /// True if a later life of the series' writer is known, here or from what the edge last said that it holds.
    fn writes_another(&self, series: &Series) -> bool {
        let later = |other: &Series| other.origin == series.origin && other.incarnation > series.incarnation;
        let probed = self.probed(series);
        let is_mine = series.origin == self.config.id && series.incarnation < self.config.incarnation;
        is_mine
            || self
                .board
                .heads()
                .0
                .keys()
                .chain(probed.into_iter().flat_map(|heads| heads.0.keys()))
                .any(later)
    }
}
