//! Who may dispatch a district: the lease between central and its edge.
//!
//! ```text
//! edge     Standby ──lease out──▶ Suspect ──witnesses──▶ Active ──grant──▶ Healing ──drained──▶ Standby
//!             ▲───────renewal────────┘                      ▲──lease out again──┘
//! central  Holder ──no answer──▶ Uncertain ──histories joined──▶ Holder (next term)
//! ```
//!
//! The lease avoids sending two cars to one rider. It is *not* what keeps a driver from being doubled:
//! that is the driver's own device (see `ondol-device`), which holds in any partition.
//! Only elapsed time is read here; a civil clock that steps changes nothing.

pub(crate) mod damping;

use crate::planted;
use serde::{Deserialize, Serialize};

use crate::fact::TakeCause;
use crate::units::{Ticks, UtcMs};

/// Authority over a district; the greater one wins. Central alone raises `central_term`,
/// the edge alone raises `edge_term` while it is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Epoch {
    /// Raised by central at each grant.
    pub central_term: u32,
    /// Raised by the edge at each takeover; 0 in a grant.
    pub edge_term: u32,
}

/// How long the lease lasts and how wrong clocks may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeaseTiming {
    /// Life of one renewal.
    pub ttl_ms: u64,
    /// Time between renewals.
    pub renew_every_ms: u64,
    /// How much faster or slower an elapsed clock may run, in thousandths.
    pub drift_per_mille: u64,
    /// Slack on both sides.
    pub margin_ms: u64,
    /// A driver counts as heard this long.
    pub heard_ms: u64,
    /// A driver who has not been heard for this long, two beats, does not answer.
    pub answers_ms: u64,
    /// A driver counts against central after having said for this long that it is not reached: by then what central
    /// last heard of that driver is older than `answers_ms`, and central has looked.
    pub cut_off_ms: u64,
    /// Wait beyond the lease when too few drivers are heard to ask them.
    pub silence_ms: u64,
    /// Longest drain of offers before the district is given back.
    pub drain_ms: u64,
    /// Wait for drivers to attach before the first offers of a takeover.
    pub settle_ms: u64,
    /// A node whose last commit is older than this does not count as alive.
    pub commit_fresh_ms: u64,
    /// First wait for a link to hold when an edge has taken its district again soon after it gave it back.
    pub hold_down_ms: u64,
    /// Longest such wait; also how long after a return a takeover counts as soon.
    pub hold_down_max_ms: u64,
}

impl Default for LeaseTiming {
    fn default() -> Self {
        Self {
            ttl_ms: 15_000,
            renew_every_ms: 5_000,
            drift_per_mille: 20,
            margin_ms: 2_000,
            heard_ms: 20_000,
            answers_ms: 10_000,
            cut_off_ms: 12_000,
            silence_ms: 30_000,
            drain_ms: 20_000,
            settle_ms: 5_000,
            commit_fresh_ms: 5_000,
            hold_down_ms: 60_000,
            hold_down_max_ms: 900_000,
        }
    }
}

impl LeaseTiming {
    /// Elapsed time since *sending* the last answered renewal after which central stops acting as holder.
    #[must_use]
    pub fn holder_stops_after_ms(&self) -> u64 {
        (self.ttl_ms * (1_000 - self.drift_per_mille) / 1_000).saturating_sub(self.margin_ms)
    }

    /// Elapsed time since *receiving* the last renewal after which the edge may take over.
    #[must_use]
    pub fn edge_takes_after_ms(&self) -> u64 {
        let lease_ms = self.ttl_ms * (1_000 + self.drift_per_mille) / 1_000 + self.margin_ms;
        planted!("edge-takes-early", lease_ms, lease_ms / 2)
    }
}

/// What the on-duty drivers whom the edge hears say about central.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Witnesses {
    /// Drivers with the app heard recently.
    pub heard: usize,
    /// Of these, how many cannot reach central.
    pub cut_off: usize,
    /// Drivers with the app who were on duty when central last renewed.
    pub on_roll: usize,
    /// Of these, how many have said all the time lately that they cannot reach central.
    pub on_roll_cut_off: usize,
}

impl Witnesses {
    /// True if at least half of the heard drivers, and at least two, cannot reach central.
    #[must_use]
    pub fn agree(self) -> bool {
        self.cut_off >= 2 && self.cut_off * 2 >= self.heard
    }

    /// True if so many cannot reach central that it cannot have most drivers: it has then stopped planning what the
    /// edge is about to adopt.
    ///
    /// Central goes on only while more than half of the same drivers answer it, so that of the two at most one plans a
    /// booking. Drivers who are heard by nobody count for neither.
    #[must_use]
    pub fn suffice_to_adopt(self) -> bool {
        self.agree() && self.on_roll_cut_off * 2 >= self.on_roll
    }

    /// True if there are too few drivers to ask.
    #[must_use]
    pub fn too_few(self) -> bool {
        self.heard < 2
    }
}

/// Where an edge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeMode {
    /// Central holds the district and renews its lease.
    Standby,
    /// The lease is out, but nobody confirms that central is gone: only orders that arrived here are served,
    /// with drivers attached here or homed here.
    Suspect,
    /// The edge holds the district.
    Active,
    /// Central is back and has the grant; open offers are being finished.
    Healing,
}

/// A change of mode that the edge must journal before it acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeChange {
    /// The lease ran out.
    Suspected,
    /// Central was heard again before any takeover.
    Relieved,
    /// The edge takes the district.
    Taken {
        /// The authority from now on.
        epoch: Epoch,
        /// Why.
        cause: TakeCause,
        /// Time since the last renewal.
        silence_ms: u64,
        /// Central's bookings that reached this edge are the edge's from now on.
        adopts: bool,
    },
    /// It has taken the district, and so many drivers have said since that central is gone that central has stopped
    /// planning: central's bookings that reached this edge are the edge's from now on.
    Adopts {
        /// The authority under which it took the district.
        epoch: Epoch,
    },
    /// Offers have been drained: the district goes back.
    Returned {
        /// The authority it goes back to.
        epoch: Epoch,
    },
}

/// The edge's half of the lease.
#[derive(Debug, Clone)]
pub struct EdgeSide {
    timing: LeaseTiming,
    mode: EdgeMode,
    since: UtcMs,
    entered_at: Ticks,
    epoch: Epoch,
    renewed_at: Ticks,
    /// Why it took the district last.
    cause: Option<TakeCause>,
    /// It has adopted central's bookings in the present takeover.
    adopted: bool,
    /// The highest term of its own of which it knows.
    own_term: u32,
}

impl EdgeSide {
    /// Returns an edge that has just started: it waits out a whole lease before it doubts central.
    ///
    /// `held` is the cause of the takeover that its journal says it had not yet given back. Whether bookings were
    /// adopted then is not known any more unless an operator took it: doing so again changes nothing.
    #[must_use]
    pub fn new(timing: LeaseTiming, epoch: Epoch, held: Option<TakeCause>, now: Ticks, utc: UtcMs) -> Self {
        let mode = if held.is_some() { EdgeMode::Active } else { EdgeMode::Standby };
        let adopted = held == Some(TakeCause::Operator);
        let own_term = epoch.edge_term;
        Self {
            timing,
            mode,
            since: utc,
            entered_at: now,
            epoch,
            renewed_at: now,
            cause: held,
            adopted,
            own_term,
        }
    }

    /// Where the edge stands.
    #[must_use]
    pub fn mode(&self) -> EdgeMode {
        self.mode
    }

    /// When it entered its mode.
    #[must_use]
    pub fn since(&self) -> UtcMs {
        self.since
    }

    /// The authority it knows or holds.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Milliseconds since central's last renewal.
    #[must_use]
    pub fn silence_ms(&self, now: Ticks) -> u64 {
        now.since_ms(self.renewed_at)
    }

    /// Milliseconds since it entered its mode.
    #[must_use]
    pub fn in_mode_ms(&self, now: Ticks) -> u64 {
        now.since_ms(self.entered_at)
    }

    /// Takes in a renewal or a grant of central's; `grant_held` says that the grant's entry is in this journal.
    ///
    /// A renewal of an older term is void: it was sent before the takeover that it would undo.
    pub fn renewed(&mut self, epoch: Epoch, grant_held: bool, now: Ticks, utc: UtcMs) -> Option<EdgeChange> {
        if planted!("lower-epoch-accepted", epoch < self.epoch, false) {
            return None;
        }
        match self.mode {
            EdgeMode::Standby => {
                self.renewed_at = now;
                self.epoch = epoch;
                None
            }
            EdgeMode::Suspect => {
                self.renewed_at = now;
                self.epoch = epoch;
                self.enter(EdgeMode::Standby, now, utc);
                Some(EdgeChange::Relieved)
            }
            EdgeMode::Active if epoch.central_term > self.epoch.central_term && grant_held => {
                self.renewed_at = now;
                self.epoch = epoch;
                self.enter(EdgeMode::Healing, now, utc);
                None
            }
            EdgeMode::Active => None,
            EdgeMode::Healing => {
                self.renewed_at = now;
                None
            }
        }
    }

    /// Looks at the clock and the witnesses and says what must change. `open_offers` counts what is still to drain.
    pub fn evaluate(
        &mut self,
        witnesses: Witnesses,
        open_offers: usize,
        now: Ticks,
        utc: UtcMs,
    ) -> Option<EdgeChange> {
        let silence_ms = self.silence_ms(now);
        let lease_out = silence_ms > self.timing.edge_takes_after_ms();
        match self.mode {
            EdgeMode::Standby | EdgeMode::Suspect | EdgeMode::Healing if lease_out && witnesses.agree() => {
                Some(self.take(TakeCause::Witnesses, witnesses.suffice_to_adopt(), now, utc))
            }
            // Taken by silence alone, or by witnesses of the present moment, and confirmed since.
            EdgeMode::Active if !self.adopted && witnesses.suffice_to_adopt() => {
                if self.cause == Some(TakeCause::Witnesses) {
                    self.adopted = true;
                    Some(EdgeChange::Adopts { epoch: self.epoch })
                } else {
                    Some(self.take(TakeCause::Witnesses, true, now, utc))
                }
            }
            EdgeMode::Suspect
                if witnesses.too_few()
                    && silence_ms > self.timing.edge_takes_after_ms() + self.timing.silence_ms =>
            {
                Some(self.take(TakeCause::Silence, false, now, utc))
            }
            EdgeMode::Standby if lease_out => {
                self.enter(EdgeMode::Suspect, now, utc);
                Some(EdgeChange::Suspected)
            }
            EdgeMode::Healing if open_offers == 0 || self.in_mode_ms(now) >= self.timing.drain_ms => {
                self.enter(EdgeMode::Standby, now, utc);
                Some(EdgeChange::Returned { epoch: self.epoch })
            }
            EdgeMode::Standby | EdgeMode::Suspect | EdgeMode::Active | EdgeMode::Healing => None,
        }
    }

    /// Takes the district as an operator decides, once central's lease is certainly out; `None` while there is nothing
    /// to take.
    pub fn take_by_hand(&mut self, now: Ticks, utc: UtcMs) -> Option<EdgeChange> {
        let free = match self.mode {
            EdgeMode::Standby | EdgeMode::Suspect | EdgeMode::Healing => {
                self.silence_ms(now) > self.timing.edge_takes_after_ms()
            }
            EdgeMode::Active => !self.adopted,
        };
        free.then(|| self.take(TakeCause::Operator, true, now, utc))
    }

    /// Learns of a takeover of its own that it had forgotten: the next one counts on.
    pub fn remember(&mut self, taken: Epoch) {
        self.own_term = self.own_term.max(taken.edge_term);
    }

    /// Learns how far the authority over its district has come: it takes the district under no less. Restored from an old
    /// copy it hears of that from its own past.
    pub fn learn(&mut self, known: Epoch) {
        if matches!(self.mode, EdgeMode::Standby | EdgeMode::Suspect) {
            self.epoch = self.epoch.max(known);
        }
    }

    /// Learns that it has taken the district once more since the takeover under which it holds it.
    pub fn hold_under(&mut self, taken: Epoch) {
        self.remember(taken);
        self.epoch = self.epoch.max(taken);
    }

    /// Learns that it has given the district back, which it had forgotten, and stands by under `epoch`.
    pub fn stand_down(&mut self, epoch: Epoch, now: Ticks, utc: UtcMs) {
        self.epoch = epoch.max(self.epoch);
        self.renewed_at = now;
        self.enter(EdgeMode::Standby, now, utc);
    }

    fn take(&mut self, cause: TakeCause, adopts: bool, now: Ticks, utc: UtcMs) -> EdgeChange {
        self.own_term = self.own_term.max(self.epoch.edge_term).saturating_add(1);
        self.epoch = Epoch { central_term: self.epoch.central_term, edge_term: self.own_term };
        (self.cause, self.adopted) = (Some(cause), adopts);
        self.enter(EdgeMode::Active, now, utc);
        EdgeChange::Taken { epoch: self.epoch, cause, silence_ms: self.silence_ms(now), adopts }
    }

    fn enter(&mut self, mode: EdgeMode, now: Ticks, utc: UtcMs) {
        self.mode = mode;
        self.entered_at = now;
        self.since = utc;
    }
}

/// Where central stands in one district.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CentralMode {
    /// It holds the lease, or the district has no edge.
    Holder,
    /// The edge has not answered for a lease; it may have taken over.
    Uncertain,
    /// The edge had taken over; histories are being joined and the district is on its way back.
    Healing,
}

/// Central's half of the lease of one district.
#[derive(Debug, Clone)]
pub struct CentralSide {
    timing: LeaseTiming,
    mode: CentralMode,
    since: UtcMs,
    epoch: Epoch,
    answered_at: Option<Ticks>,
}

impl CentralSide {
    /// Returns central's side after a start: whatever it knew, it no longer knows that the lease still runs.
    #[must_use]
    pub fn new(timing: LeaseTiming, epoch: Epoch, utc: UtcMs) -> Self {
        Self { timing, mode: CentralMode::Uncertain, since: utc, epoch, answered_at: None }
    }

    /// Where central stands.
    #[must_use]
    pub fn mode(&self) -> CentralMode {
        self.mode
    }

    /// When it entered its mode.
    #[must_use]
    pub fn since(&self) -> UtcMs {
        self.since
    }

    /// The authority it knows or holds.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The edge answered a renewal that was sent at `sent_at` under the current epoch, and stands by.
    ///
    /// An answer that was held up for longer than the lease says nothing about the present: the edge may have taken
    /// over since it wrote it.
    pub fn answered(&mut self, sent_at: Ticks, now: Ticks, utc: UtcMs) {
        self.heard(sent_at);
        if now.since_ms(sent_at) <= self.timing.holder_stops_after_ms() {
            self.enter(CentralMode::Holder, utc);
        }
    }

    /// The edge says that it has taken over.
    pub fn edge_is_active(&mut self, utc: UtcMs) {
        self.enter(CentralMode::Healing, utc);
    }

    /// A new grant was journalled.
    pub fn granted(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    /// Looks at the clock; true if the lease has just run out.
    pub fn evaluate(&mut self, now: Ticks, utc: UtcMs) -> bool {
        let runs = self.answered_at.is_some_and(|at| now.since_ms(at) <= self.timing.holder_stops_after_ms());
        let ran_out = self.mode != CentralMode::Uncertain && !runs;
        if ran_out {
            self.enter(CentralMode::Uncertain, utc);
        }
        ran_out
    }

    /// The edge answered, whatever it said: the link is up.
    pub fn heard(&mut self, sent_at: Ticks) {
        if self.answered_at.is_none_or(|known| sent_at > known) {
            self.answered_at = Some(sent_at);
        }
    }

    fn enter(&mut self, mode: CentralMode, utc: UtcMs) {
        if self.mode != mode {
            self.mode = mode;
            self.since = utc;
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
