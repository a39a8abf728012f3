//! Which nodes there are, whom each talks to, and the timers that differ from a town's.

use std::collections::BTreeMap;

use ondol_core::face::{DistrictConfig, Neighbour, NodeConfig, Role, Timing};
use ondol_core::ids::DistrictId;
use ondol_core::pin::PinKey;

use super::people::STAND_AT;
use super::{NODES, district_of, node_id, spot};

/// A booking for which nobody is found ends sooner than in a town, so that runs are short.
const GIVE_UP_MS: u64 = 600_000;
/// Bans age sooner than in a town, so that they do within a run.
const BANS_FRESH_MS: u64 = 90_000;
/// Bookings are lent, and given back, sooner than in a town, so that it happens often in a run.
const LEND_AFTER_MS: u64 = 15_000;
const LEND_BACK_AFTER_MS: u64 = 40_000;

/// The nodes whose journals a node pulls.
pub(super) fn peers_of(node: usize) -> std::ops::Range<usize> {
    if node == 0 { 1..NODES } else { 0..1 }
}

/// Districts that both nodes follow.
pub(super) fn common_districts(node: usize, peer: usize) -> Vec<DistrictId> {
    vec![district_of(node.max(peer)), DistrictId::all()]
}

pub(super) fn config_of(node: usize, incarnation: u32, pin_key: PinKey) -> NodeConfig {
    let district = |edge: usize| {
        let zones = vec![format!("zone-{edge}").parse().expect("a well-formed name")];
        (district_of(edge), DistrictConfig { zones, edge: Some(node_id(edge)) })
    };
    let (role, districts) = if node == 0 {
        (Role::Central, (1..NODES).map(district).collect())
    } else {
        (Role::Edge { central: node_id(0) }, BTreeMap::from([district(node)]))
    };
    let others = (1..NODES).filter(|other| node != 0 && *other != node);
    let neighbours = others.map(|other| Neighbour {
        node: node_id(other),
        district: district_of(other),
        border: vec![spot(other, STAND_AT)],
    });
    let timing = Timing {
        give_up_ms: GIVE_UP_MS,
        bans_fresh_ms: BANS_FRESH_MS,
        lend_after_ms: LEND_AFTER_MS,
        lend_back_after_ms: LEND_BACK_AFTER_MS,
        ..Timing::default()
    };
    let neighbours = neighbours.collect();
    NodeConfig { id: node_id(node), role, incarnation, districts, pin_key, neighbours, timing }
}
