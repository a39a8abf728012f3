//! The other edges, as an edge's configuration lists them.

use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::position::Position;
use serde::Deserialize;

use super::{Config, ConfigError, PEERS_MAX, RoleName, check_url, value};

/// Another edge, as riders' pages and this edge reach it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeighbourSection {
    /// Its name.
    pub id: NodeId,
    /// The URL under which this edge reaches it.
    pub url: String,
    /// The URL under which riders' pages reach it, if that is another one.
    pub public_url: Option<String>,
    /// Its public key, as `ondol node enrol` prints it: with it bookings are lent to that edge and borrowed from it.
    pub public_key: Option<String>,
    /// Places on the border of its district, from the map.
    #[serde(skip)]
    pub border: Vec<Position>,
    /// Its district.
    pub district: DistrictId,
    /// The number that riders of its district text.
    pub sms_number: Option<String>,
}

impl Config {
    /// The edges with which this one lends and borrows: those whose key is configured.
    pub fn lending_neighbours(&self) -> impl Iterator<Item = &NeighbourSection> {
        self.neighbours.iter().filter(|neighbour| neighbour.public_key.is_some())
    }

    pub(super) fn check_neighbours(&self) -> Result<(), ConfigError> {
        if self.node.role != RoleName::Edge && !self.neighbours.is_empty() {
            return Err(value("neighbours", "are for edges; central lists its edges as peers"));
        }
        if self.neighbours.len() > PEERS_MAX {
            return Err(value("neighbours", format!("list at most {PEERS_MAX} neighbours")));
        }
        for (i, neighbour) in self.neighbours.iter().enumerate() {
            let is_known = neighbour.id == self.node.id
                || self.peers.iter().any(|peer| peer.id == neighbour.id)
                || self.neighbours[..i].iter().any(|other| other.id == neighbour.id);
            if is_known {
                return Err(value(format!("neighbours[{i}].id"), "is this node, a peer, or listed twice"));
            }
            if self.districts.iter().any(|district| district.id == neighbour.district) {
                return Err(value(format!("neighbours[{i}].district"), "is this node's own"));
            }
            check_url(format!("neighbours[{i}].url"), Some(&neighbour.url))?;
            check_url(format!("neighbours[{i}].public_url"), neighbour.public_url.as_ref())?;
        }
        Ok(())
    }
}
