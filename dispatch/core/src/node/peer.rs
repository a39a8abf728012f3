//! What another node may tell: the rules that hold whoever sends a page, because a peer may be stolen or faulty.
//!
//! | refused | because |
//! |---|---|
//! | grants, charges and listings under another name than central's | an edge would dispatch, charge and list by itself |
//! | at central, an authority far beyond any that central gave | the next grant must still be greater |
//! | a fact in a lane that is not its own (`Board::apply`) | lanes are checked by writer |
//!
//! A refused entry ends its series' part of the page; the others go on.

use std::collections::BTreeSet;

use super::{Node, Poison};
use crate::authority::Epoch;
use crate::command::Refusal;
use crate::face::Role;
use crate::fact::Fact;
use crate::ids::{BookingId, DistrictId, NodeId};
use crate::journal::{Entry, Heads, Lane, Series};
use crate::units::{Now, Ticks};

/// Central alone raises its term. After it lost the end of its journal an edge may know of this many terms more.
const TERM_LEAD_MAX: u32 = 2_000;

impl Node {
    /// Takes in a peer's entries. A gap or a broken chain ends that series' part of the page; the next pull asks
    /// again from the head that is held, so nothing is skipped.
    pub(super) fn page(
        &mut self,
        from: &NodeId,
        entries: &[Entry],
        heads: &Heads,
        asked_at: Ticks,
        now: Now,
    ) {
        self.begin_page(from, now);
        // Before it has drawn level for the first time in this life, what comes is of the past, and may have gone on.
        let is_past = !self.level_at.contains_key(from);
        let mut broken: BTreeSet<&Series> = BTreeSet::new();
        for entry in entries {
            let concerns_us = self.config.districts.contains_key(&entry.series.district)
                || entry.series.district == DistrictId::all();
            let is_own_life =
                entry.series.origin == self.config.id && entry.series.incarnation >= self.config.incarnation;
            if !concerns_us || is_own_life || broken.contains(&entry.series) {
                continue;
            }
            if entry.seq <= self.board.head(&entry.series).seq {
                continue;
            }
            let poison = if self.may_say(entry) {
                self.take_in(entry.clone(), now).map_err(|error| Poison::of(&error))
            } else {
                Err(Some(Poison::NotAllowed))
            };
            match poison {
                Ok(()) => {
                    self.note_moving(&entry.series);
                    if is_past || entry.series.origin == self.config.id {
                        self.doubt_past(entry);
                    }
                }
                Err(why) => {
                    broken.insert(&entry.series);
                    why.into_iter().for_each(|why| self.note_stuck(&entry.series, why, now));
                }
            }
        }
        if entries.iter().any(|entry| entry.series.origin == self.config.id) {
            // Its own past comes back, with questions that nobody times any more.
            self.release_stale_home_questions(now);
        }
        self.end_page(now);
        let board = &self.board;
        // Of the roster nothing may be missing, set aside or not: among it are the bans.
        let has_roster = |id| board.heads().behind(heads, id).all(|series| series.lane != Lane::Roster);
        let is_level = |id| board.covers(board.heads(), heads, id) && has_roster(id);
        if self.config.districts.keys().all(is_level) {
            let level_at = self.level_at.entry(from.clone()).or_insert(asked_at);
            *level_at = asked_at.max(*level_at);
        }
    }

    /// What the entry says of a booking may have gone on since, with a neighbour.
    fn doubt_past(&mut self, entry: &Entry) {
        let board = self.board.district(&entry.series.district);
        let record = entry.key.parse().ok().and_then(|booking: BookingId| board?.bookings.get(&booking));
        if let Some(record) = record.filter(|record| !record.status().is_closed()) {
            self.loans.doubt(&self.config, record);
        }
    }

    /// True if the entry's writer may write such a thing.
    fn may_say(&self, entry: &Entry) -> bool {
        let central = match &self.config.role {
            Role::Central => &self.config.id,
            Role::Edge { central } => central,
        };
        if entry.series.origin == *central {
            return true;
        }
        if Fact::OF_CENTRAL.contains(&entry.kind.as_str()) {
            return false;
        }
        let claimed = match Fact::read(entry) {
            Ok(fact) => fact.and_then(|fact| fact.epoch()),
            // What cannot be read claims nothing, and does not go in either.
            Err(_) => None,
        };
        claimed.is_none_or(|epoch| self.check_term(&entry.series.district, epoch).is_ok())
    }

    /// At central, refuses an authority that no grant of central's can explain.
    pub(super) fn check_term(&self, district: &DistrictId, claimed: Epoch) -> Result<(), Refusal> {
        if self.config.role != Role::Central {
            return Ok(());
        }
        let held = self.sides.get(district).map(|side| side.epoch().central_term).unwrap_or_default();
        let told =
            self.district(district).map(|board| board.authority.granted.central_term).unwrap_or_default();
        let plausible = claimed.central_term <= held.max(told).saturating_add(TERM_LEAD_MAX);
        if plausible { Ok(()) } else { Err(Refusal::OutOfRange) }
    }
}
