//! Riders for whom nobody here may look for a taxi: they are asked whether they still want one, and a yes brings the
//! booking back.
//!
//! | the booking is | its rider is asked |
//! |---|---|
//! | with a neighbour that is not heard | after `ask_again_ms` of silence |
//! | with a neighbour that says that it finds nobody | `ask_again_ms` after it should have given it back |
//! | of an earlier life, and a neighbour that may have it is not heard | after `ask_again_ms` of silence |
//! | the edge's, which stands by and does not get on with it | by central, after `ask_again_ms` |

use std::collections::{BTreeMap, BTreeSet};

use super::{Node, aged};
use crate::authority::CentralMode;
use crate::booking::{BookingRecord, Status};
use crate::face::Role;
use crate::ids::{BookingId, DistrictId, NodeId};
use crate::units::{Now, Ticks};

/// Riders who wait for what others do.
#[derive(Debug, Default)]
pub(super) struct Riders {
    /// Since when each booking has been with a neighbour, or left to the edge, and nobody was found.
    away_since: BTreeMap<BookingId, Ticks>,
    /// Whose rider was asked whether a taxi is still wanted.
    pub(super) asked: BTreeSet<BookingId>,
}

impl Node {
    /// Central hears a neighbour as long as it hears its edge.
    pub(super) fn note_heard_edge(&mut self, district: &DistrictId, now: Now) {
        let is_heard = self.central_mode(district) != Some(CentralMode::Uncertain);
        let edge = self.sides.get(district).and_then(|side| side.edge(&self.config.id));
        if let Some(edge) = edge.filter(|_| is_heard).cloned() {
            self.loans.peers.entry(edge).or_default().heard_at = Some(now.ticks);
        }
    }

    /// Asks riders whose bookings nobody may plan here although no taxi comes: the neighbour is not heard, or has found
    /// nobody for so long that it should have given the booking back, or the own edge does not get on with it.
    pub(super) fn ask_riders_of_unheard(&mut self, district: &DistrictId, now: Now) {
        let before = self.loans.riders.remove(district).unwrap_or_default();
        let Some(board) = self.board.district(district) else { return };
        if self.config.role == Role::Central && !self.decides(district) {
            return;
        }
        let (loans, timing) = (&self.loans, self.config.timing);
        let is_silent =
            |peer: &NodeId| now.ticks.since_ms(self.neighbour_heard_at(peer)) >= timing.ask_again_ms;
        let mut riders = Riders::default();
        let looks_ms = timing.lend_back_after_ms.saturating_add(timing.ask_again_ms);
        let lent = board.open_loans().filter(|record| aged::waits(record)).filter_map(|record| {
            let patience_ms = if is_silent(&record.lent_to()?.to) { 0 } else { looks_ms };
            Some((record.id, patience_ms))
        });
        let left = board.open_bookings().filter(|record| self.is_left_to_edge(record, now));
        for (booking, patience_ms) in lent.chain(left.map(|record| (record.id, timing.ask_again_ms))) {
            let since = *before.away_since.get(&booking).unwrap_or(&now.ticks);
            if now.ticks.since_ms(since) >= patience_ms {
                riders.asked.insert(booking);
            }
            riders.away_since.insert(booking, since);
        }
        let unsure = loans.unsure.iter().filter(|(_, peers)| peers.iter().any(is_silent));
        let unsure = unsure.filter_map(|(booking, _)| board.bookings.get(booking));
        riders.asked.extend(unsure.filter(|record| aged::waits(record)).map(|record| record.id));
        let new: Vec<BookingId> = riders.asked.difference(&before.asked).copied().collect();
        self.loans.riders.insert(district.clone(), riders);
        for booking in new {
            self.still_wanted(district, booking, format!("{booking}/still-wanted"), now);
        }
    }

    /// At central, which plans the district: nobody is being asked for a booking whose time has come, because it is the
    /// edge's, which may be waiting for a neighbour.
    fn is_left_to_edge(&self, record: &BookingRecord, now: Now) -> bool {
        self.config.role == Role::Central
            && !self.owns(record)
            && record.is_here()
            && record.status() == Status::Open
            && self.is_due(record, now)
    }
}
