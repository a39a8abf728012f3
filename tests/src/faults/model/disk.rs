//! A node's disk: what is committed and in which order, and what a copy of it from a while ago holds.

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::board::Board;
use ondol_core::command::Notice;
use ondol_core::ids::{BookingId, DistrictId, NodeId};
use ondol_core::journal::{Entry, Heads, Series};
use ondol_core::shell::{Durable, next_life};

use super::node::TAKES_BACK_WITHIN_MS;
use super::{Event, LOAN_STEPS, World, node_id};
use crate::faults::clock::Ms;

/// Entries in one page.
const PAGE_MAX: usize = 60;

/// Everything that a node has committed.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    journal: BTreeMap<Series, BTreeMap<u64, Entry>>,
    /// When each entry was committed, in order.
    log: Vec<(Ms, Series, u64)>,
    /// Bookings whose acceptance is committed here.
    pub(crate) bookings: BTreeSet<BookingId>,
    lives: Vec<(Ms, u32)>,
    outbox: Vec<(Ms, Notice)>,
}

impl Disk {
    /// Commits entries and notices. What is stored already is a repeated commit and stays as it is.
    pub(super) fn store(&mut self, entries: &[Entry], notices: &[Notice], now: Ms) {
        for entry in entries {
            let series = self.journal.entry(entry.series.clone()).or_default();
            if series.contains_key(&entry.seq) {
                continue;
            }
            self.bookings.extend(accepted(entry));
            self.log.push((now, entry.series.clone(), entry.seq));
            series.insert(entry.seq, entry.clone());
        }
        for notice in notices {
            if self.outbox.iter().rev().take(50).all(|(_, known)| known.id != notice.id) {
                self.outbox.push((now, notice.clone()));
            }
        }
    }

    /// What the journal says.
    pub(super) fn board(&self) -> Board {
        let mut board = Board::default();
        for entry in self.journal.values().flat_map(BTreeMap::values) {
            board.apply(entry).expect("a journal that was committed continues its series");
        }
        board
    }

    /// Opens the next life of `node`, by the rule of every shell.
    pub(super) fn next_life(&mut self, node: &NodeId, board: &Board, by_clock: u32, now: Ms) -> u32 {
        let stored = self.lives.iter().map(|(_, life)| *life).max().unwrap_or(0);
        let life = next_life(by_clock, stored, board.last_incarnation(node));
        self.lives.push((now, life));
        life
    }

    /// Puts a copy of the disk as it was at `copied_at` in its place, and returns the entries that are gone.
    pub(super) fn restore(&mut self, copied_at: Ms) -> Vec<Entry> {
        let kept = self.log.partition_point(|(at, ..)| *at <= copied_at);
        let mut lost = Vec::new();
        for (_, series, seq) in self.log.split_off(kept) {
            if let Some(entries) = self.journal.get_mut(&series) {
                lost.extend(entries.remove(&seq));
                if entries.is_empty() {
                    self.journal.remove(&series);
                }
            }
        }
        self.bookings = self.journal.values().flat_map(BTreeMap::values).filter_map(accepted).collect();
        self.lives.retain(|(at, _)| *at <= copied_at);
        self.outbox.retain(|(at, _)| *at <= copied_at);
        lost
    }

    /// When a district was last given back.
    pub(super) fn returned_at(&self) -> Option<Ms> {
        let returned = |series: &Series, seq| self.journal[series][seq].kind == "zone_returned";
        self.log.iter().rev().find(|(_, series, seq)| returned(series, seq)).map(|(at, ..)| *at)
    }

    /// True if anything is here of a loan of the booking.
    fn knows_loan(&self, booking: &str) -> bool {
        let mut entries = self.journal.values().flat_map(BTreeMap::values);
        entries.any(|entry| entry.key == booking && LOAN_STEPS.contains(&entry.kind.as_str()))
    }

    /// True if this very entry is here.
    pub(super) fn holds(&self, entry: &Entry) -> bool {
        let held = self.journal.get(&entry.series).and_then(|entries| entries.get(&entry.seq));
        held.is_some_and(|held| held.hash == entry.hash)
    }

    /// Notices from the one with this number on.
    pub(super) fn notices_from(&self, number: usize) -> impl Iterator<Item = &Notice> {
        self.outbox.iter().skip(number).map(|(_, notice)| notice)
    }

    pub(super) fn notices(&self) -> usize {
        self.outbox.len()
    }

    /// What is committed beyond `after` in these districts, and the heads of everything committed.
    pub(super) fn page(&self, after: &Heads, districts: &[DistrictId]) -> (Vec<Entry>, Heads, bool) {
        let mut entries = Vec::new();
        let mut heads = Heads::default();
        let mut full = false;
        for (series, stored) in &self.journal {
            let (_, last) = stored.last_key_value().expect("a series begins with its first entry");
            heads.0.insert(series.clone(), last.as_head());
            if !districts.contains(&series.district) {
                continue;
            }
            let mut missing = stored.range(after.of(series).seq + 1..).map(|(_, entry)| entry);
            let room = PAGE_MAX - entries.len();
            entries.extend(missing.by_ref().take(room).cloned());
            full |= missing.next().is_some();
        }
        (entries, heads, full)
    }
}

impl World {
    pub(super) fn make_durable(&mut self, node: usize, durable: &Durable) {
        for entry in durable.entries.iter().filter(|entry| entry.series.origin == node_id(node)) {
            if !self.nodes[node].disk.holds(entry) {
                self.checkers.committed(self.nodes[node].node.as_ref(), entry);
            }
        }
        self.nodes[node].disk.store(&durable.entries, &durable.notices, self.agenda.now());
        if !durable.notices.is_empty() {
            self.agenda.after(1, Event::Outbox { node });
        }
    }

    /// The process dies in the middle of a commit: what was being written is on the disk, and nobody was told.
    pub(super) fn tear(&mut self, node: usize) {
        if let Some(durable) = self.nodes[node].being_written.take() {
            self.make_durable(node, &durable);
        }
        self.crash_node(node);
    }

    /// The node's disk is lost and a copy that was made at `copied_at` is put in its place.
    pub(super) fn restore(&mut self, node: usize, copied_at: Ms) {
        let now = self.agenda.now();
        let lost = self.nodes[node].disk.restore(copied_at);
        let places = self.nodes.iter();
        let gone = lost.iter().filter(|entry| places.clone().all(|place| !place.disk.holds(entry)));
        let gone: Vec<Entry> = gone.cloned().collect();
        let held: BTreeSet<BookingId> =
            self.nodes.iter().flat_map(|place| place.disk.bookings.iter().copied()).collect();
        self.checkers.lost_with_a_disk(node_id(node), &gone, &held);
        self.forget_brought(&gone);
        let of_loans = gone.iter().filter(|entry| LOAN_STEPS.contains(&entry.kind.as_str()));
        let unknown =
            of_loans.filter(|entry| !self.nodes.iter().any(|place| place.disk.knows_loan(&entry.key)));
        for booking in unknown.filter_map(|entry| entry.key.parse().ok()).collect::<Vec<BookingId>>() {
            self.checkers.loan_is_lost(booking);
        }
        let wait = self.any_ms(2_000, TAKES_BACK_WITHIN_MS);
        self.nodes[node].takes_back_at = Some(now + wait);
        self.crash_node(node);
    }
}

/// The booking that an entry takes in.
fn accepted(entry: &Entry) -> Option<BookingId> {
    let takes_in = matches!(entry.kind.as_str(), "booking_accepted" | "booking_borrowed" | "street_hailed");
    if takes_in { entry.key.parse().ok() } else { None }
}
