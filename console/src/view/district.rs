//! The districts: who dispatches, why, since when, and how old the data are.

use ondol_core::face::Role;
use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::journal::Series;
use ondol_core::node::{Mode, ModeView, Node, Stuck};
use ondol_core::units::{Now, Ticks, UtcMs};
use ondol_engine::identity::policy::{Caller, Operation};

use super::{SILENT_MS, sees, utc_of};
use crate::wire::{DataAge, DistrictView, EpochView, StuckView};

/// A peer that was not level for longer than this is marked.
const LEVEL_MS: u64 = 30_000;

/// The districts that `caller` sees.
pub(crate) fn districts(node: &Node, caller: &Caller, now: Now) -> Vec<DistrictView> {
    node.config()
        .districts
        .keys()
        .filter(|district| sees(caller, Operation::SeeBoard, district, None))
        .filter_map(|district| Some(view(node, caller, district, &node.mode(district)?, now)))
        .collect()
}

fn view(node: &Node, caller: &Caller, district: &DistrictId, mode: &ModeView, now: Now) -> DistrictView {
    let config = node.config();
    let is_edge = matches!(config.role, Role::Edge { .. });
    let holds = mode.holder == config.id;
    let waived_until = node.bans_waived_until(district, now);
    let may_move = is_edge && sees(caller, Operation::MoveDistrict, district, None);
    DistrictView {
        district: district.clone(),
        mode: mode.mode,
        reason: mode.reason,
        since: mode.since.into(),
        holder: mode.holder.clone(),
        epoch: EpochView { central_term: mode.epoch.central_term, edge_term: mode.epoch.edge_term },
        may_take: may_move && !holds,
        may_give_back: may_move && holds && mode.mode == Mode::Degraded,
        may_waive_bans: (!node.knows_bans(district, now) || waived_until.is_some())
            && sees(caller, Operation::WaiveBans, district, None),
        bans_waived_until: waived_until.map(Into::into),
        ages: ages(node, district, now),
        stuck: node.stuck(district).map(|(series, stuck)| stuck_view(node, series, stuck)).collect(),
    }
}

fn stuck_view(node: &Node, series: &Series, stuck: &Stuck) -> StuckView {
    StuckView {
        series: series.to_string(),
        seq: stuck.seq,
        why: stuck.why,
        since: stuck.since.into(),
        set_aside: node.board().is_set_aside(series, stuck.seq),
    }
}

fn ages(node: &Node, district: &DistrictId, now: Now) -> Vec<DataAge> {
    let config = node.config();
    let peer: Option<&NodeId> = match &config.role {
        Role::Central => config.districts.get(district).and_then(|district| district.edge.as_ref()),
        Role::Edge { central } => Some(central),
    };
    let behind_ms = peer.and_then(|peer| node.level_with_ms(peer, now));
    let level_at = behind_ms.map(|ms| UtcMs(now.utc.0 - ms.cast_signed()).into());
    let mut ages: Vec<DataAge> = peer
        .map(|peer| DataAge {
            item: "peer".to_owned(),
            of: Some(peer.clone()),
            as_of: level_at,
            usable: behind_ms.is_some_and(|ms| ms <= LEVEL_MS),
        })
        .into_iter()
        .collect();
    if matches!(config.role, Role::Edge { .. }) {
        let usable = node.knows_bans(district, now);
        ages.push(DataAge { item: "bans".to_owned(), of: None, as_of: level_at, usable });
    }
    let heard: Option<Ticks> = node.board().district(district).and_then(|board| {
        let ours = node.contacts().iter().filter(|(shift, _)| board.shifts.contains_key(shift));
        ours.filter_map(|(_, contact)| contact.position.map(|(_, at)| at)).max()
    });
    ages.push(DataAge {
        item: "positions".to_owned(),
        of: None,
        as_of: heard.map(|at| utc_of(now, at).into()),
        usable: heard.is_some_and(|at| now.ticks.since_ms(at) <= SILENT_MS),
    });
    ages
}
