//! Which nodes there are, and whom each talks to.

use std::collections::BTreeMap;
use std::ops::Range;

use ondol_core::face::{DistrictConfig, Neighbour, NodeConfig, Role};
use ondol_core::ids::DistrictId;
use ondol_core::pin::PinKey;

use super::{Town, district_of, node_id};

impl Town {
    /// The nodes whose journals a node pulls.
    pub(super) fn peers_of(&self, node: usize) -> Range<usize> {
        if node == 0 { self.edges() } else { 0..1 }
    }

    /// The edges with which an edge lends and borrows: all others, each with the stands of its district on its border.
    fn neighbours_of(&self, node: usize) -> Vec<Neighbour> {
        let others = self.edges().filter(|other| node != 0 && *other != node);
        let neighbour = |other| Neighbour {
            node: node_id(other),
            district: district_of(other),
            border: self.stands(other).into_iter().map(|(_, place)| place).collect(),
        };
        others.map(neighbour).collect()
    }
}

/// Districts that both nodes follow.
pub(super) fn common_districts(node: usize, peer: usize) -> Vec<DistrictId> {
    vec![district_of(node.max(peer)), DistrictId::all()]
}

pub(super) fn config_of(town: &Town, node: usize, incarnation: u32, pin_key: PinKey) -> NodeConfig {
    let district = |number: usize| {
        let zones = vec![format!("zone-{number}").parse().expect("a well-formed name")];
        let edge = town.has_edges.then(|| node_id(number));
        (district_of(number), DistrictConfig { zones, edge })
    };
    let (role, districts) = if node == 0 {
        (Role::Central, town.districts().map(district).collect())
    } else {
        (Role::Edge { central: node_id(0) }, BTreeMap::from([district(node)]))
    };
    let neighbours = town.neighbours_of(node);
    NodeConfig { id: node_id(node), role, incarnation, districts, pin_key, neighbours, timing: town.timing }
}
