//! Central's and the edge's side of a district: renewals, takeover, heal.

use std::collections::BTreeSet;

use super::freeze::Freezer;
use super::relay::Relayed;
use super::{Mode, ModeReason, ModeView, Node};
use crate::authority::damping::Damping;
use crate::authority::{CentralMode, CentralSide, EdgeChange, EdgeMode, EdgeSide, Epoch};
use crate::board::{Authority, Board, DistrictBoard};
use crate::command::{Answer, Refusal, Renewal, RenewalAnswer};
use crate::face::{Change, DistrictConfig, NodeConfig, Output, Role};
use crate::fact::{Fact, TakeCause, district_wide};
use crate::ids::{BookingId, DistrictId, NodeId, ShiftId};
use crate::journal::Heads;
use crate::planted;
use crate::units::{Now, Ticks};

/// Time between renewals while central is not the holder: the quicker it knows, the shorter the heal.
const PROBE_EVERY_MS: u64 = 1_000;

/// This node's side of one district.
pub(super) enum Side {
    /// Central's.
    Central(Box<CentralDistrict>),
    /// The edge's.
    Edge(Box<EdgeDistrict>),
}

/// Central's side.
pub(super) struct CentralDistrict {
    pub(super) lease: CentralSide,
    pub(super) edge: Option<NodeId>,
    renew_at: Ticks,
    /// This life has made a grant of its own: it has joined histories with the edge.
    pub(super) granted: bool,
    /// The edge's last answer before central became holder: its mode, what it held, what central held then.
    probed: Option<(EdgeMode, Heads, Heads)>,
    /// What central held when it last renewed as holder: the H of renewals once the lease has run out.
    cursor: Heads,
    /// What central does not plan while the edge may.
    pub(super) freezer: Freezer,
    damping: Damping,
    /// The district would be the edge's to give back, but the link must hold first.
    held_down: bool,
    /// Free drivers of whom the edge told last.
    pub(super) relayed: Relayed,
}

/// The edge's side.
pub(super) struct EdgeDistrict {
    pub(super) lease: EdgeSide,
    pub(super) central: NodeId,
    /// An operator wants or holds the district: renewals and grants are not answered.
    by_hand: bool,
    /// Drivers with the app who were on duty when central last renewed.
    pub(super) roll: BTreeSet<ShiftId>,
    /// Bookings that came to central apart, and which a renewal has covered since.
    pub(super) covered: BTreeSet<BookingId>,
    /// When this edge last looked whom it hears for central, and whether there was anybody.
    pub(super) told_central: (Ticks, bool),
}

impl CentralDistrict {
    /// What the edge held when it last answered before central became holder.
    pub(super) fn probed_heads(&self) -> Option<&Heads> {
        self.probed.as_ref().map(|(_, theirs, _)| theirs)
    }
}

impl Side {
    pub(super) fn start(
        config: &NodeConfig,
        id: &DistrictId,
        district: &DistrictConfig,
        board: &Board,
        now: Now,
    ) -> Self {
        let authority = board.district(id).map(|district| district.authority.clone()).unwrap_or_default();
        let timing = config.timing.lease;
        match &config.role {
            Role::Central => {
                let mut lease = CentralSide::new(timing, authority.epoch(), now.utc);
                if district.edge.is_none() {
                    lease.answered(now.lease_ticks(), now.lease_ticks(), now.utc);
                }
                Self::Central(Box::new(CentralDistrict {
                    lease,
                    edge: district.edge.clone(),
                    renew_at: now.ticks,
                    granted: false,
                    probed: None,
                    cursor: board.heads().of_district(id),
                    freezer: Freezer::start(board.district(id), now.ticks),
                    damping: Damping::new(timing),
                    held_down: false,
                    relayed: Relayed::new(),
                }))
            }
            Role::Edge { central } => {
                let held = authority.taken.filter(|_| authority.edge_holds()).map(|(_, cause)| cause);
                Self::Edge(Box::new(EdgeDistrict {
                    lease: EdgeSide::new(timing, authority.epoch(), held, now.lease_ticks(), now.utc),
                    central: central.clone(),
                    by_hand: held == Some(TakeCause::Operator),
                    roll: board.district(id).map(with_app).unwrap_or_default(),
                    covered: BTreeSet::new(),
                    told_central: (now.ticks, false),
                }))
            }
        }
    }

    /// The edge of the district, seen from `me`.
    pub(super) fn edge<'a>(&'a self, me: &'a NodeId) -> Option<&'a NodeId> {
        match self {
            Self::Central(side) => side.edge.as_ref(),
            Self::Edge(_) => Some(me),
        }
    }

    /// The authority that this side knows or holds.
    pub(super) fn epoch(&self) -> Epoch {
        match self {
            Self::Central(side) => side.lease.epoch(),
            Self::Edge(side) => side.lease.epoch(),
        }
    }

    pub(super) fn view(&self, me: &NodeId, board: Option<&DistrictBoard>) -> ModeView {
        match self {
            Self::Central(side) => {
                let (mode, reason) = match side.lease.mode() {
                    CentralMode::Holder => (Mode::Normal, ModeReason::LeaseRuns),
                    CentralMode::Uncertain => (Mode::Degraded, ModeReason::EdgeUnheard),
                    CentralMode::Healing if side.held_down => (Mode::Healing, ModeReason::Unsteady),
                    CentralMode::Healing => (Mode::Healing, ModeReason::Returning),
                };
                let holder = match (side.lease.mode(), &side.edge) {
                    (CentralMode::Healing, Some(edge)) => edge.clone(),
                    _ => me.clone(),
                };
                ModeView { mode, since: side.lease.since(), holder, epoch: side.lease.epoch(), reason }
            }
            Self::Edge(side) => {
                let cause = board.and_then(|district| district.authority.taken).map(|(_, cause)| cause);
                let (mode, reason) = match side.lease.mode() {
                    EdgeMode::Standby => (Mode::Normal, ModeReason::LeaseRuns),
                    EdgeMode::Suspect => (Mode::Degraded, ModeReason::LeaseOut),
                    EdgeMode::Active => (
                        Mode::Degraded,
                        match cause {
                            Some(TakeCause::Operator) => ModeReason::ByHand,
                            Some(TakeCause::Silence) => ModeReason::Silence,
                            Some(TakeCause::Witnesses) | None => ModeReason::Witnesses,
                        },
                    ),
                    EdgeMode::Healing => (Mode::Healing, ModeReason::Returning),
                };
                let holder = match side.lease.mode() {
                    EdgeMode::Standby | EdgeMode::Suspect => side.central.clone(),
                    EdgeMode::Active | EdgeMode::Healing => me.clone(),
                };
                ModeView { mode, since: side.lease.since(), holder, epoch: side.lease.epoch(), reason }
            }
        }
    }
}

/// Drivers with the app who are on duty.
pub(super) fn with_app(board: &DistrictBoard) -> BTreeSet<ShiftId> {
    board.on_duty().filter(|shift| shift.home().is_none()).map(|shift| shift.id).collect()
}

impl Node {
    /// The edge answers central's renewal.
    pub(super) fn renew(&mut self, renewal: Renewal, now: Now) -> Result<Answer, Refusal> {
        self.serves(&renewal.district)?;
        // What a neighbour has on loan central must not plan either: it is told what this life has learnt of it first.
        if !self.is_alive(now) || self.loans.asks_first(self.started_at, now) {
            return Err(Refusal::Overloaded);
        }
        let grant_held = self
            .district(&renewal.district)
            .is_some_and(|district| district.authority.granted >= renewal.epoch);
        let Some(Side::Edge(side)) = self.sides.get_mut(&renewal.district) else {
            return Err(Refusal::OtherNode);
        };
        if side.by_hand && side.lease.mode() != EdgeMode::Active {
            // An operator wants the district: without answers central stops in time.
            return Err(Refusal::NotOwner);
        }
        let may_heal = grant_held && !side.by_hand;
        let counted = renewal.epoch >= side.lease.epoch();
        let change = side.lease.renewed(renewal.epoch, may_heal, now.lease_ticks(), now.utc);
        let mode_before = self.mode(&renewal.district).map(|view| view.mode);
        if let Some(change) = change {
            self.edge_changed(&renewal.district, change, now);
        }
        if self.mode(&renewal.district).map(|view| view.mode) != mode_before {
            self.changed(Change::Mode(renewal.district.clone()));
        }
        self.note_renewal(&renewal);
        let Some(Side::Edge(side)) = self.sides.get(&renewal.district) else {
            return Err(Refusal::OtherNode);
        };
        Ok(Answer::Renewal(RenewalAnswer {
            sent_at: renewal.sent_at,
            mode: side.lease.mode(),
            epoch: side.lease.epoch(),
            counted,
            heads: self.board.heads().of_district(&renewal.district),
            district: renewal.district,
        }))
    }

    /// What a renewal that stands says of a later takeover: who was on duty, and what of central's may be adopted.
    fn note_renewal(&mut self, renewal: &Renewal) {
        let Some(board) = self.board.district(&renewal.district) else { return };
        let Some(Side::Edge(side)) = self.sides.get_mut(&renewal.district) else { return };
        if side.lease.mode() != EdgeMode::Standby || side.lease.epoch() != renewal.epoch {
            return;
        }
        side.roll = with_app(board);
        let central = &side.central;
        let mut of_central = self.board.heads().of_district(&renewal.district);
        of_central.0.retain(|series, _| series.origin == *central);
        if self.board.covers(&renewal.heads, &of_central, &renewal.district) {
            side.covered =
                board.open_bookings().filter(|record| record.is_apart()).map(|record| record.id).collect();
        }
    }

    /// Central takes in an edge's answer.
    ///
    /// Histories are joined before authority changes: central grants, and later holds, only when each side has
    /// everything that the other had at the probe before. Asking for the present instead would never be met under
    /// load, and what was written since then follows in the ordinary way.
    pub(super) fn renewed(&mut self, answer: RenewalAnswer, now: Now) -> Result<Answer, Refusal> {
        self.serves(&answer.district)?;
        let authority =
            self.district(&answer.district).map(|district| district.authority.clone()).unwrap_or_default();
        let Some(Side::Central(side)) = self.sides.get_mut(&answer.district) else {
            return Err(Refusal::OtherNode);
        };
        side.damping.answered(now.lease_ticks());
        let mode_before = side.lease.mode();
        let standing_by =
            matches!(answer.mode, EdgeMode::Standby | EdgeMode::Suspect) && !authority.edge_holds();
        // An edge that has learnt by another way how far the authority has come answers under that, though the renewal of
        // before was void.
        let counted = answer.counted && answer.epoch == side.lease.epoch();
        if answer.counted {
            side.freezer.renewal_answered(answer.sent_at);
        }
        let is_held = mode_before == CentralMode::Holder && standing_by;
        if !is_held || counted {
            side.lease.heard(answer.sent_at);
        }
        if is_held && counted {
            side.lease.answered(answer.sent_at, now.lease_ticks(), now.utc);
            return Ok(Answer::Done);
        }
        let level = side.probed.as_ref().is_some_and(|(mode, theirs, mine)| {
            *mode == answer.mode
                && self.board.covers(self.board.heads(), theirs, &answer.district)
                && self.board.covers(&answer.heads, mine, &answer.district)
        });
        side.probed = Some((answer.mode, answer.heads, self.board.heads().of_district(&answer.district)));
        if standing_by {
            if level && side.granted && counted {
                side.lease.answered(answer.sent_at, now.lease_ticks(), now.utc);
                if side.lease.mode() == CentralMode::Holder {
                    side.probed = None;
                }
            } else if level && (!side.granted || answer.epoch > side.lease.epoch()) {
                // An edge that was restored and has learnt from its past that it took the district gave it back under
                // an authority of its own, above this life's grant.
                self.grant(&answer.district, answer.epoch.max(authority.epoch()), now);
            }
        } else {
            side.lease.edge_is_active(now.utc);
            let is_active = answer.mode == EdgeMode::Active;
            if is_active {
                side.damping.taken(answer.epoch, now.lease_ticks());
            }
            let held_down = is_active && side.damping.holds_down(now.lease_ticks());
            let shows_otherwise = std::mem::replace(&mut side.held_down, held_down) != held_down;
            // By what this life renews under: a grant that the journal has brought back from an earlier life, whose
            // store was lost, is renewed by nobody.
            let renewed =
                planted!("lost-grant-stands", side.lease.epoch(), authority.epoch().max(side.lease.epoch()));
            let renewed_term = renewed.central_term;
            let wants_grant = answer.mode == EdgeMode::Active && renewed_term <= answer.epoch.central_term;
            if level && wants_grant && !held_down {
                self.grant(&answer.district, answer.epoch.max(authority.epoch()), now);
            }
            if shows_otherwise {
                self.changed(Change::Mode(answer.district.clone()));
            }
        }
        if self.central_mode(&answer.district) != Some(mode_before) {
            self.dirty.insert(answer.district.clone());
            self.changed(Change::Mode(answer.district));
        }
        Ok(Answer::Done)
    }

    fn grant(&mut self, district: &DistrictId, above: Epoch, now: Now) {
        let epoch = Epoch { central_term: above.central_term.saturating_add(1), edge_term: 0 };
        if let Some(Side::Central(side)) = self.sides.get_mut(district) {
            side.granted = true;
            side.lease.granted(epoch);
            side.damping.granted(now.lease_ticks());
            side.renew_at = now.ticks;
        }
        self.append(district, district_wide(), Fact::ZoneGranted { epoch }, now);
        self.charge_what_waited(now);
    }

    /// An operator wants the district. An edge stops answering central and takes over as soon as central's lease is
    /// certainly out. Central takes back what an unheard edge may plan; where that edge lives after all, two cars may
    /// come, and the screens say that a human decided so.
    pub(super) fn take_by_hand(&mut self, district: &DistrictId, now: Now) -> Result<Answer, Refusal> {
        self.serves(district)?;
        self.sweep_lease(district, now);
        match self.sides.get_mut(district) {
            Some(Side::Edge(side)) => {
                side.by_hand = true;
                self.sweep_lease(district, now);
                Ok(Answer::Done)
            }
            Some(Side::Central(side)) if side.lease.mode() == CentralMode::Uncertain => {
                self.take_back(district, now);
                Ok(Answer::Done)
            }
            Some(Side::Central(_)) | None => Err(Refusal::OtherNode),
        }
    }

    /// An operator lets the district go back as soon as central grants it.
    pub(super) fn give_back(&mut self, district: &DistrictId) -> Result<Answer, Refusal> {
        self.serves(district)?;
        match self.sides.get_mut(district) {
            Some(Side::Edge(side)) => {
                side.by_hand = false;
                Ok(Answer::Done)
            }
            Some(Side::Central(_)) | None => Err(Refusal::OtherNode),
        }
    }

    /// Looks at the lease of a district.
    pub(super) fn sweep_lease(&mut self, district: &DistrictId, now: Now) {
        let witnesses = self.witnesses(district, now);
        let open_offers =
            self.questions.values().filter(|q| q.district == *district && q.withdrawn.is_none()).count();
        // What the edge has forgotten of its own comes first: what it decides now rests on it.
        if let Some(change) = self.recall_own_past(district, now) {
            self.edge_changed(district, change, now);
            self.changed(Change::Mode(district.clone()));
        }
        let known = self.board.district(district).map(|board| &board.authority);
        let known = known.filter(|authority| !authority.edge_holds()).map(Authority::epoch);
        match self.sides.get_mut(district) {
            Some(Side::Edge(side)) => {
                side.lease.learn(known.unwrap_or_default());
                let by_hand =
                    if side.by_hand { side.lease.take_by_hand(now.lease_ticks(), now.utc) } else { None };
                let change = by_hand
                    .or_else(|| side.lease.evaluate(witnesses, open_offers, now.lease_ticks(), now.utc));
                if let Some(change) = change {
                    self.edge_changed(district, change, now);
                    self.changed(Change::Mode(district.clone()));
                }
            }
            Some(Side::Central(_)) => self.sweep_central(district, now),
            None => {}
        }
    }

    /// An edge that was restored from an old copy learns from its own past, which central gives back, that it has taken
    /// the district or given it back since. It says so, or stands by: else central would wait for ever, or both plan.
    fn recall_own_past(&mut self, district: &DistrictId, now: Now) -> Option<EdgeChange> {
        let authority = self.board.district(district)?.authority.clone();
        let Some(Side::Edge(side)) = self.sides.get_mut(district) else { return None };
        match side.lease.mode() {
            EdgeMode::Standby | EdgeMode::Suspect
                if planted!("takeover-forgotten", authority.edge_holds(), false) =>
            {
                side.lease.remember(authority.taken?.0);
                Some(EdgeChange::Returned { epoch: authority.epoch() })
            }
            EdgeMode::Active if planted!("return-forgotten", !authority.edge_holds(), false) => {
                side.lease.stand_down(authority.epoch(), now.lease_ticks(), now.utc);
                self.changed(Change::Mode(district.clone()));
                None
            }
            EdgeMode::Active => {
                if let Some((epoch, _)) = authority.taken.filter(|(epoch, _)| *epoch > side.lease.epoch()) {
                    side.lease.hold_under(epoch);
                    self.changed(Change::Mode(district.clone()));
                }
                None
            }
            EdgeMode::Standby | EdgeMode::Suspect | EdgeMode::Healing => None,
        }
    }

    fn sweep_central(&mut self, district: &DistrictId, now: Now) {
        let alive = self.is_alive(now);
        let Some(Side::Central(side)) = self.sides.get_mut(district) else { return };
        let Some(edge) = side.edge.clone() else { return };
        if side.lease.evaluate(now.lease_ticks(), now.utc) {
            // Of what was compared before, nothing says how the edge went on.
            side.probed = None;
            self.outputs.push_back(Output::Changed(Change::Mode(district.clone())));
        }
        if alive && now.ticks >= side.renew_at {
            let every_ms = match side.lease.mode() {
                CentralMode::Holder => {
                    side.cursor = self.board.heads().of_district(district);
                    self.config.timing.lease.renew_every_ms
                }
                CentralMode::Uncertain | CentralMode::Healing => PROBE_EVERY_MS,
            };
            side.renew_at = now.ticks.plus_ms(every_ms);
            let roll = self.board.district(district).map(with_app).unwrap_or_default();
            side.freezer.renewal_sent(roll, now.lease_ticks());
            let renewal = Renewal {
                district: district.clone(),
                epoch: side.lease.epoch(),
                sent_at: now.lease_ticks(),
                heads: side.cursor.clone(),
            };
            self.outputs.push_back(Output::Renew { to: edge, renewal });
        }
        self.freeze(district, now);
    }

    fn edge_changed(&mut self, district: &DistrictId, change: EdgeChange, now: Now) {
        match change {
            EdgeChange::Suspected => self.give_back_handed_over(district, now),
            EdgeChange::Relieved => self.hand_all_to_central(district, now),
            EdgeChange::Taken { epoch, cause, silence_ms, adopts } => {
                let fact = Fact::ZoneTaken { epoch, cause, silence_ms };
                self.append(district, district_wide(), fact, now);
                if adopts {
                    self.adopt(district, epoch, now);
                } else {
                    self.give_back_handed_over(district, now);
                }
            }
            EdgeChange::Adopts { epoch } => self.adopt(district, epoch, now),
            EdgeChange::Returned { epoch } => {
                let side = self.sides.get(district);
                // While it doubts central, it goes on with the bookings that are its own, until central is heard.
                if matches!(side, Some(Side::Edge(side)) if side.lease.mode() == EdgeMode::Standby) {
                    self.hand_all_to_central(district, now);
                }
                self.append(district, district_wide(), Fact::ZoneReturned { epoch }, now);
            }
        }
        self.dirty.insert(district.clone());
    }
}
