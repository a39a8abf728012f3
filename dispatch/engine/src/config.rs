//! Configuration: one TOML file per node. Unknown keys are refused, and every error names its key.
//!
//! ```toml
//! [node]
//! id = "edge-a"
//! role = "edge"                 # central | edge | standalone
//! central = "central"           # edges only
//! [listen]
//! address = "127.0.0.1:8081"
//! [store]
//! url = "sqlite:///var/lib/ondol/edge-a.db"      # or postgres://…
//! [keys]
//! master = "/etc/ondol/master.key"
//! node = "/etc/ondol/edge-a.key"
//! [recovery]                    # optional: whom drivers' phones seal their trips to
//! public_key = "…"
//! [map]
//! dir = "/var/lib/ondol/map"
//! [[districts]]
//! id = "hanbuk"
//! zones = ["hanbuk-1"]
//! edge = "edge-a"
//! [[peers]]
//! id = "central"
//! url = "http://127.0.0.1:8080"
//! public_key = "…"
//! [[neighbours]]                # edges only: what pages are told when central is gone, and whom it lends bookings to
//! id = "edge-b"
//! url = "https://edge-b.taxi.example"  # and public_url, if pages reach it by another one
//! district = "namsan"
//! public_key = "…"               # without it nothing is lent to that edge, nor borrowed from it
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ondol_core::face::{DistrictConfig, Neighbour, NodeConfig, Role, Timing};
use ondol_core::ids::{DistrictId, NodeId, ZoneId};
use ondol_core::pin::PinKey;
use ondol_core::units::UtcMs;
use serde::{Deserialize, Deserializer};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::capsule::RecoverySection;

mod neighbours;
mod speeds;

pub use neighbours::NeighbourSection;
pub use speeds::SpeedsSection;

/// Most peers of one node.
pub const PEERS_MAX: usize = 64;
/// Most districts of one node.
pub const DISTRICTS_MAX: usize = 64;
/// Fastest simulated clock.
pub const SPEED_MAX: f64 = 1_000.0;

/// A node's configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who the node is.
    pub node: NodeSection,
    /// Its clock.
    #[serde(default)]
    pub clock: ClockConfig,
    /// Where it listens.
    pub listen: ListenSection,
    /// Where it keeps its journal.
    pub store: StoreSection,
    /// Its keys.
    pub keys: KeysSection,
    /// Its map.
    #[serde(default)]
    pub map: MapSection,
    /// How it learns the pace of streets.
    #[serde(default)]
    pub speeds: SpeedsSection,
    /// What rides cost.
    #[serde(default)]
    pub tariff: TariffSection,
    /// The districts it serves: all at central, one at an edge.
    pub districts: Vec<DistrictSection>,
    /// The nodes it exchanges journals with: all edges at central, central at an edge.
    #[serde(default)]
    pub peers: Vec<PeerSection>,
    /// The other edges, at an edge: it tells riders' pages of them, which may have nobody else to hear it from when
    /// central is gone, and lends bookings to those whose key is here and borrows from them.
    #[serde(default)]
    pub neighbours: Vec<NeighbourSection>,
    /// Whom trips on drivers' devices are sealed to; without it devices keep none.
    #[serde(default)]
    pub recovery: Option<RecoverySection>,
    /// Timers of dispatch; the defaults are the design's.
    #[serde(default)]
    pub timing: Timing,
}

/// Who a node is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSection {
    /// Its name.
    pub id: NodeId,
    /// What it is.
    pub role: RoleName,
    /// Central's name, at an edge.
    pub central: Option<NodeId>,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// The platform: all districts.
    Central,
    /// The node of one district.
    Edge,
    /// A complete dispatcher without peers.
    Standalone,
}

/// The clock: real time unless a demo or scenario runs faster.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClockConfig {
    /// Simulated seconds per second.
    pub speed: f64,
    /// Wall moment at which simulated time was `sim_start_at`, RFC 3339; the same in all processes of a system.
    #[serde(deserialize_with = "moment")]
    pub wall_start_at: Option<UtcMs>,
    /// Simulated moment at `wall_start_at`, RFC 3339.
    #[serde(deserialize_with = "moment")]
    pub sim_start_at: Option<UtcMs>,
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self { speed: 1.0, wall_start_at: None, sim_start_at: None }
    }
}

/// Where a node listens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenSection {
    /// Address and port.
    pub address: SocketAddr,
    /// The URL under which phones and pages reach it, if another one.
    pub public_url: Option<String>,
}

/// Where a node keeps its journal.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// `postgres://…` or `sqlite:///path`. It may hold a password and is never printed.
    pub url: String,
}

impl std::fmt::Debug for StoreSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreSection(…)")
    }
}

/// A node's keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysSection {
    /// The master key that central and its edges share (64 hexadecimal digits).
    pub master: PathBuf,
    /// The node's own signing key.
    pub node: PathBuf,
}

/// A node's map.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapSection {
    /// The directory that `ondol map import` or `generate` wrote; without it, straight lines are used.
    pub dir: Option<PathBuf>,
}

/// What rides cost.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TariffSection {
    /// A tariff as JSON, the same file at every node; without it, Seoul's medium taxi since 2023-02-01.
    pub file: Option<PathBuf>,
}

/// A district.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistrictSection {
    /// Its name, as in the map's districts.
    pub id: DistrictId,
    /// Its zones.
    pub zones: Vec<ZoneId>,
    /// Its edge, if it has one.
    pub edge: Option<NodeId>,
    /// The number that riders and drivers text when central is away.
    pub sms_number: Option<String>,
}

/// A node to exchange journals with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerSection {
    /// Its name.
    pub id: NodeId,
    /// Where it listens.
    pub url: String,
    /// Its public key, as `ondol node enrol` prints it.
    pub public_key: String,
    /// The URL under which phones and pages reach it, if another one.
    pub public_url: Option<String>,
}

/// Why a configuration is not used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the configuration {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what a configuration is; the message names line and key.
    #[error("{0}")]
    Syntax(String),
    /// What is wrong in a file that was read.
    #[error("{path}: {problem}")]
    In {
        /// The file.
        path: String,
        /// What is wrong there.
        problem: Box<ConfigError>,
    },
    /// A value does not fit the others.
    #[error("{key}: {problem}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

fn value(key: impl Into<String>, problem: impl Into<String>) -> ConfigError {
    ConfigError::Value { key: key.into(), problem: problem.into() }
}

impl Config {
    /// Reads and checks a file. Relative paths in it are relative to its folder.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the file and the key.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::File { path: path.display().to_string(), source })?;
        let mut config: Self = text.parse().map_err(|problem| ConfigError::In {
            path: path.display().to_string(),
            problem: Box::new(problem),
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.keys.master = folder.join(&config.keys.master);
        config.keys.node = folder.join(&config.keys.node);
        config.map.dir = config.map.dir.map(|dir| folder.join(dir));
        config.speeds.file = config.speeds.file.map(|file| folder.join(file));
        config.tariff.file = config.tariff.file.map(|file| folder.join(file));
        Ok(config)
    }

    /// What the core is told of this node in its life `incarnation`.
    ///
    /// # Panics
    ///
    /// Never: a parsed edge has a `central`.
    #[must_use]
    pub fn core(&self, incarnation: u32, pin_key: PinKey) -> NodeConfig {
        let role = match self.node.role {
            RoleName::Central | RoleName::Standalone => Role::Central,
            RoleName::Edge => {
                Role::Edge { central: self.node.central.clone().expect("checked when the file was read") }
            }
        };
        let districts: BTreeMap<_, _> = self
            .districts
            .iter()
            .map(|d| (d.id.clone(), DistrictConfig { zones: d.zones.clone(), edge: d.edge.clone() }))
            .collect();
        let neighbours = self.lending_neighbours().map(|neighbour| Neighbour {
            node: neighbour.id.clone(),
            district: neighbour.district.clone(),
            border: neighbour.border.clone(),
        });
        let neighbours = neighbours.collect();
        NodeConfig {
            id: self.node.id.clone(),
            role,
            incarnation,
            districts,
            pin_key,
            neighbours,
            timing: self.timing,
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let speed = self.clock.speed;
        if !(speed > 0.0 && speed <= SPEED_MAX) {
            return Err(value("clock.speed", format!("{speed} is not above 0 and at most {SPEED_MAX}")));
        }
        if self.clock.sim_start_at.is_some() && self.clock.wall_start_at.is_none() {
            return Err(value(
                "clock.wall_start_at",
                "is needed with sim_start_at, so that all processes agree",
            ));
        }
        if !(1..=DISTRICTS_MAX).contains(&self.districts.len()) {
            return Err(value("districts", format!("list 1 to {DISTRICTS_MAX} districts")));
        }
        for (i, district) in self.districts.iter().enumerate() {
            if district.zones.is_empty() {
                return Err(value(format!("districts[{i}].zones"), "list at least one zone"));
            }
            if district.id == DistrictId::all() {
                return Err(value(format!("districts[{i}].id"), "the name \"all\" is taken"));
            }
            if self.districts[..i].iter().any(|other| other.id == district.id) {
                return Err(value(format!("districts[{i}].id"), "is listed twice"));
            }
        }
        check_url("listen.public_url".to_owned(), self.listen.public_url.as_ref())?;
        self.check_role()?;
        self.check_peers()?;
        self.check_speeds()?;
        self.check_neighbours()
    }

    fn check_role(&self) -> Result<(), ConfigError> {
        match self.node.role {
            RoleName::Central if self.node.central.is_some() => {
                Err(value("node.central", "is for edges; central is this node itself"))
            }
            RoleName::Standalone if !self.peers.is_empty() => {
                Err(value("peers", "a standalone node has none; say role = \"central\""))
            }
            RoleName::Edge if self.districts.len() != 1 => {
                Err(value("districts", "an edge serves exactly one district"))
            }
            RoleName::Edge if self.districts[0].edge.as_ref() != Some(&self.node.id) => {
                Err(value("districts[0].edge", "must be this node's own id"))
            }
            RoleName::Edge => match &self.node.central {
                None => Err(value("node.central", "an edge must know central's name")),
                Some(central) if !self.peers.iter().any(|peer| peer.id == *central) => {
                    Err(value("peers", "an edge must list central among its peers"))
                }
                Some(_) => Ok(()),
            },
            RoleName::Central | RoleName::Standalone => Ok(()),
        }
    }

    fn check_peers(&self) -> Result<(), ConfigError> {
        if self.peers.len() > PEERS_MAX {
            return Err(value("peers", format!("list at most {PEERS_MAX} peers")));
        }
        for (i, peer) in self.peers.iter().enumerate() {
            if peer.id == self.node.id {
                return Err(value(format!("peers[{i}].id"), "a node is not its own peer"));
            }
            if self.peers[..i].iter().any(|other| other.id == peer.id) {
                return Err(value(format!("peers[{i}].id"), "is listed twice"));
            }
            check_url(format!("peers[{i}].url"), Some(&peer.url))?;
            check_url(format!("peers[{i}].public_url"), peer.public_url.as_ref())?;
        }
        Ok(())
    }
}

fn check_url(key: String, url: Option<&String>) -> Result<(), ConfigError> {
    match url {
        Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
            Err(value(key, "must begin with http:// or https://"))
        }
        _ => Ok(()),
    }
}

impl std::str::FromStr for Config {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::Syntax(error.to_string()))?;
        config.check()?;
        Ok(config)
    }
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UtcMs>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let moment = OffsetDateTime::parse(&text, &Rfc3339)
        .map_err(|_| serde::de::Error::custom("write a moment as 2022-10-15T15:00:00+09:00"))?;
    let ms = i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).map_err(serde::de::Error::custom)?;
    Ok(Some(UtcMs(ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: &str = r#"
[node]
id = "edge-a"
role = "edge"
central = "central"
[clock]
speed = 20.0
wall_start_at = "2026-01-01T00:00:00Z"
sim_start_at = "2022-10-15T15:00:00+09:00"
[listen]
address = "127.0.0.1:8081"
[store]
url = "sqlite:///tmp/x.db"
[keys]
master = "master.key"
node = "edge-a.key"
[[districts]]
id = "hanbuk"
zones = ["hanbuk-1"]
edge = "edge-a"
[[peers]]
id = "central"
url = "http://127.0.0.1:8080"
public_key = "x"
[[neighbours]]
id = "edge-b"
url = "http://127.0.0.1:8082"
district = "namsan"
"#;

    #[test]
    fn refuses_with_the_key_in_the_message() {
        let cases = [
            ("speed = 20.0", "speed = 0.0", "clock.speed"),
            ("speed = 20.0", "speed = nan", "clock.speed"),
            ("speed = 20.0", "sped = 20.0", "sped"),
            ("wall_start_at = \"2026-01-01T00:00:00Z\"", "", "clock.wall_start_at"),
            ("15:00:00+09:00", "15 o'clock", "sim_start_at"),
            ("central = \"central\"", "", "node.central"),
            ("zones = [\"hanbuk-1\"]", "zones = []", "districts[0].zones"),
            ("zones = [\"hanbuk-1\"]", "zones = [\"Hanbuk\"]", "zones"),
            ("edge = \"edge-a\"", "edge = \"edge-b\"", "districts[0].edge"),
            ("id = \"central\"", "id = \"elsewhere\"", "peers"),
            ("http://127.0.0.1:8080", "file:///etc", "peers[0].url"),
            ("public_key = \"x\"", "public_key = \"x\"\npublic_url = \"central\"", "peers[0].public_url"),
            ("role = \"edge\"", "role = \"boss\"", "role"),
            ("id = \"hanbuk\"", "id = \"all\"", "districts[0].id"),
            ("id = \"edge-b\"", "id = \"central\"", "neighbours[0].id"),
            ("http://127.0.0.1:8082", "//127.0.0.1:8082", "neighbours[0].url"),
            ("district = \"namsan\"", "district = \"hanbuk\"", "neighbours[0].district"),
            (
                "district = \"namsan\"",
                "district = \"namsan\"\npublic_url = \"b\"",
                "neighbours[0].public_url",
            ),
            ("[listen]", "[listen]\npublic_url = \"ftp://a\"", "listen.public_url"),
        ];
        for (from, to, key) in cases {
            let error = EDGE.replacen(from, to, 1).parse::<Config>().unwrap_err().to_string();
            assert!(error.contains(key), "{to}: {error}");
        }
    }

    #[test]
    fn reads_an_edge() {
        let config: Config = EDGE.parse().unwrap();
        assert_eq!(config.clock.sim_start_at, Some(UtcMs(1_665_813_600_000)));
        let core = config.core(7, PinKey([0; 32]));
        assert_eq!(core.role, Role::Edge { central: "central".parse().unwrap() });
        assert_eq!(core.incarnation, 7);
        assert!(!format!("{config:?}").contains("x.db"), "the store's URL may hold a password");
    }
}
