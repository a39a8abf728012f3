//! A cut between the nodes, and what a story of one looks at.

use ondol_core::booking::{BookingRecord, Door};
use ondol_core::command::{Answer, Command, Offer, Refusal, Renewal};
use ondol_core::face::Input;
use ondol_core::fact::Request;
use ondol_core::ids::{AssignmentId, ShiftId};
use ondol_core::journal::{Lane, Series};
use ondol_core::node::{Node, Poison};
use ondol_core::units::{Ticks, UtcMs};

use super::{CENTRAL, EDGE, World, plain};

impl World {
    /// Carries all entries both ways until nothing is new.
    pub(crate) fn sync(&mut self) {
        for _ in 0..4 {
            self.carry(CENTRAL, EDGE);
            self.carry(EDGE, CENTRAL);
        }
    }

    /// Carries all entries one way.
    pub(crate) fn carry(&mut self, from: &str, to: &str) {
        self.carry_late(from, to, 0);
    }

    /// Carries all entries one way; they were asked for a while ago, and waited to be taken in.
    pub(crate) fn carry_late(&mut self, from: &str, to: &str, waited_ms: u64) {
        let mut entries = self.places[from].journal.clone();
        if let Some(spoil) = self.spoil.filter(|_| from == EDGE) {
            entries = spoil(entries);
        }
        let heads = self.places[from].node.board().heads().clone();
        let asked_at = Ticks(self.now(to).ticks.0 - waited_ms);
        self.input(to, Input::Page { from: from.parse().unwrap(), entries, heads, asked_at });
    }

    /// Carries all entries but those of one lane.
    pub(crate) fn carry_but(&mut self, from: &str, to: &str, lane: Lane) {
        let place = &self.places[from];
        let (entries, heads) = (place.journal.iter(), place.node.board().heads().clone());
        let entries = entries.filter(|entry| entry.series.lane != lane).cloned().collect();
        self.input(
            to,
            Input::Page { from: from.parse().unwrap(), entries, heads, asked_at: self.now(to).ticks },
        );
    }

    /// The node's shell has kept a series of a page out.
    pub(crate) fn left_out(&mut self, name: &str, series: Series, why: Poison) {
        self.input(name, Input::LeftOut { series, why });
    }

    /// What central asks of the edge, while it does not hold the district, within a second. It stays on its way.
    pub(crate) fn next_probe(&mut self) -> Renewal {
        self.place(CENTRAL).renewals.clear();
        self.pass_ms(CENTRAL, 1_000, &[]);
        self.place(CENTRAL).renewals.pop().expect("central asks every second")
    }

    /// Steps every civil clock.
    pub(crate) fn step_clocks(&mut self, ms: i64) {
        self.civil_error_ms += ms;
    }

    /// What the clock on the wall of a node shows.
    pub(crate) fn civil(&self, name: &str) -> UtcMs {
        self.now(name).utc
    }

    /// Steps the edge's civil clock.
    pub(crate) fn step_edge_clock(&mut self, ms: i64) {
        self.edge_error_ms += ms;
    }

    /// Lets time pass at central while the edge is down.
    pub(crate) fn pass_without_edge_ms(&mut self, ms: u64, at_central: &[u128]) {
        self.pass_ms(CENTRAL, ms, at_central);
        self.place(CENTRAL).renewals.clear();
        self.restart(EDGE);
    }

    /// Lets time pass at both nodes while nothing passes between them; `at_edge` say there that central is gone.
    pub(crate) fn pass_cut_ms(&mut self, ms: u64, at_central: &[u128], at_edge: &[u128]) {
        for _ in 0..ms / 1_000 {
            self.pass_ms(CENTRAL, 1_000, at_central);
            self.pass_cut_off_ms(EDGE, 0, at_edge);
        }
        self.place(CENTRAL).renewals.clear();
    }

    /// Lets time pass at both nodes while everything passes between them.
    pub(crate) fn pass_joined_ms(&mut self, ms: u64, at_central: &[u128], at_edge: &[u128]) {
        for _ in 0..ms / 1_000 {
            self.sync();
            self.pass_ms(EDGE, 1_000, at_edge);
            self.pass_ms(CENTRAL, 0, at_central);
            self.renew_once();
        }
    }

    /// The same, and the edge tells central which free drivers it hears.
    pub(crate) fn pass_relayed_ms(&mut self, ms: u64, at_central: &[u128], at_edge: &[u128]) {
        for _ in 0..ms / 1_000 {
            self.pass_joined_ms(1_000, at_central, at_edge);
            for relay in std::mem::take(&mut self.place(EDGE).relays) {
                self.command(CENTRAL, Command::Relay(relay)).unwrap();
            }
        }
    }

    pub(crate) fn node(&self, name: &str) -> &Node {
        &self.places[name].node
    }

    pub(crate) fn owner(&self, name: &str, number: u128) -> String {
        self.record(name, number).owner.unwrap().0.node.to_string()
    }

    pub(crate) fn shift(number: u128) -> ShiftId {
        ShiftId::from_number(number)
    }

    /// The offer that an assignment was made of, as far as its steps need it.
    pub(crate) fn offer_like(&self, record: &BookingRecord, assignment: &AssignmentId) -> Offer {
        Offer {
            booking: record.id,
            assignment: assignment.clone(),
            session: String::new(),
            attach_epoch: 0,
            ttl_ms: 0,
            eta_s: 0,
            request: record.request().unwrap().clone(),
            pin_verifier: String::new(),
            capsule: None,
        }
    }

    pub(crate) fn book_by(
        &mut self,
        name: &str,
        number: u128,
        door: Door,
        text_home: Option<&str>,
    ) -> Result<Answer, Refusal> {
        let text_home = text_home.map(|node| node.parse().unwrap());
        self.book_as(name, number, Request { door, text_home, ..plain() })
    }

    /// Lets time pass at one node, while the drivers do not hear central.
    pub(crate) fn pass_cut_off_ms(&mut self, name: &'static str, ms: u64, shifts: &[u128]) {
        self.hears_central = false;
        self.pass_ms(name, ms, shifts);
        self.hears_central = true;
    }
}
