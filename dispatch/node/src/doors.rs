//! The doors of a node, put side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use ondol_console::{ConsoleSetup, pages};
use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::tariff::Tariff;
use ondol_device::wire::{Endpoint as DriverEndpoint, EndpointRole, Endpoints};
use ondol_driver_api::{DriverSetup, TrackQueue};
use ondol_engine::Handle;
use ondol_engine::capsule::Recovery;
use ondol_engine::config::{Config, RoleName};
use ondol_engine::identity::Identity;
use ondol_engine::vault::Secrets;
use ondol_rider_api::wire::{Endpoint, EndpointsAnswer};
use ondol_rider_api::{Limits, RiderSetup};
use ondol_roads::{Districts, RoadMap};
use ondol_sms::routes::TextDoor;

/// What the doors open to.
pub(crate) struct Rooms<'a> {
    pub(crate) config: &'a Config,
    pub(crate) handle: &'a Handle,
    pub(crate) identity: &'a Arc<Identity>,
    pub(crate) recovery: &'a Recovery,
    pub(crate) map: Option<Arc<RoadMap>>,
    /// Where drivers' fixes wait; without it nothing is learnt from them.
    pub(crate) tracks: Option<TrackQueue>,
    pub(crate) secrets: &'a Secrets,
    pub(crate) tariff: Tariff,
}

/// The routes of riders, drivers, operators and the text process, and the pages.
///
/// # Errors
///
/// If the node has no map with districts: riders could not be told where they are served.
pub(crate) fn router(rooms: Rooms<'_>) -> anyhow::Result<Router> {
    let Rooms { config, handle, identity, recovery, map, tracks, secrets, tariff } = rooms;
    let districts: Arc<Districts> =
        map.as_ref().and_then(|map| map.districts().cloned()).map(Arc::new).context(
            "map.dir: a node needs a map with districts (`ondol map import` and `generate` make them)",
        )?;
    let nodes = nodes(config);
    let secret_key = secrets.derive("driver-secret");
    let riders = ondol_rider_api::router(RiderSetup {
        handle: handle.clone(),
        map: map.clone(),
        districts: Arc::clone(&districts),
        tariff,
        endpoints: rider_endpoints(config, &nodes),
        limits: Limits::default(),
    });
    let drivers = ondol_driver_api::router(DriverSetup {
        handle: handle.clone(),
        identity: Arc::clone(identity),
        recovery: recovery.clone(),
        secret_key,
        endpoints: driver_endpoints(config, &nodes),
        tracks,
    });
    let operators = ondol_console::router(ConsoleSetup {
        handle: handle.clone(),
        identity: Arc::clone(identity),
        map: map.clone(),
        districts: Arc::clone(&districts),
    });
    let texts = ondol_sms::routes::router(TextDoor {
        handle: handle.clone(),
        identity: Arc::clone(identity),
        map,
        districts,
        secret_key,
    });
    let urls: Vec<String> = nodes.into_iter().map(|known| known.url).collect();
    Ok(riders.merge(drivers).merge(operators).merge(texts).merge(pages::router(&urls)))
}

/// A node that phones and pages may ask.
struct Known {
    node: NodeId,
    role: EndpointRole,
    /// The only district that it serves; absent for central.
    district: Option<DistrictId>,
    url: String,
}

/// All nodes that this one knows, central first.
fn nodes(config: &Config) -> Vec<Known> {
    let own_role =
        if config.node.role == RoleName::Edge { EndpointRole::Edge } else { EndpointRole::Central };
    let of_edge = |edge: &NodeId| {
        let district = config.districts.iter().find(|district| district.edge.as_ref() == Some(edge));
        district.map(|district| district.id.clone())
    };
    let own_url =
        config.listen.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen.address));
    let own = (config.node.id.clone(), own_role, own_url);
    let peers = config.peers.iter().map(|peer| {
        let role = match own_role {
            EndpointRole::Central => EndpointRole::Edge,
            EndpointRole::Edge => EndpointRole::Central,
        };
        (peer.id.clone(), role, peer.public_url.clone().unwrap_or_else(|| peer.url.clone()))
    });
    let mut nodes: Vec<Known> = std::iter::once(own)
        .chain(peers)
        .map(|(node, role, url)| Known {
            district: if role == EndpointRole::Edge { of_edge(&node) } else { None },
            node,
            role,
            url: plain(&url),
        })
        .collect();
    nodes.extend(config.neighbours.iter().map(|neighbour| Known {
        node: neighbour.id.clone(),
        role: EndpointRole::Edge,
        district: Some(neighbour.district.clone()),
        url: plain(neighbour.public_url.as_ref().unwrap_or(&neighbour.url)),
    }));
    nodes.sort_by_key(|known| known.role);
    nodes
}

/// A URL to which a path can be added.
fn plain(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// What riders' pages are told: every node, and the number to text in each district.
fn rider_endpoints(config: &Config, nodes: &[Known]) -> EndpointsAnswer {
    let own = config.districts.iter().map(|district| (&district.id, &district.sms_number));
    let others = config.neighbours.iter().map(|neighbour| (&neighbour.district, &neighbour.sms_number));
    EndpointsAnswer {
        endpoints: nodes
            .iter()
            .map(|known| Endpoint {
                node: known.node.clone(),
                url: known.url.clone(),
                district: known.district.clone(),
            })
            .collect(),
        sms_numbers: own
            .chain(others)
            .filter_map(|(district, number)| Some((district.clone(), number.clone()?)))
            .collect(),
        phone_number: None,
    }
}

/// For each district: central, then its edge.
fn driver_endpoints(config: &Config, nodes: &[Known]) -> BTreeMap<DistrictId, Endpoints> {
    let of_district = |edge: Option<&NodeId>| {
        nodes
            .iter()
            .filter(|known| known.role == EndpointRole::Central || Some(&known.node) == edge)
            .map(|known| DriverEndpoint {
                node: known.node.clone(),
                role: known.role,
                url: known.url.clone(),
            })
            .collect()
    };
    config
        .districts
        .iter()
        .map(|district| {
            let nodes = of_district(district.edge.as_ref());
            (district.id.clone(), Endpoints { nodes, text_number: district.sms_number.clone() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMON: &str = r#"
[store]
url = "sqlite://unused"
[keys]
master = "unused"
node = "unused"
[[districts]]
id = "hanbuk"
zones = ["hanbuk-1"]
edge = "edge-a"
sms_number = "+82111"
"#;
    const EDGE: &str = r#"
[node]
id = "edge-a"
role = "edge"
central = "central"
[listen]
address = "127.0.0.1:8081"
public_url = "https://edge-a.example/"
[[peers]]
id = "central"
url = "http://10.0.0.1:8080"
public_key = "x"
public_url = "https://central.example"
[[neighbours]]
id = "edge-b"
url = "https://10.0.0.3:8443"
public_url = "https://edge-b.example/"
district = "namsan"
sms_number = "+82222"
"#;
    const CENTRAL: &str = r#"
[node]
id = "central"
role = "central"
[listen]
address = "127.0.0.1:8080"
[[districts]]
id = "namsan"
zones = ["namsan-1"]
edge = "edge-b"
sms_number = "+82222"
[[peers]]
id = "edge-a"
url = "http://127.0.0.1:8081"
public_key = "x"
[[peers]]
id = "edge-b"
url = "http://127.0.0.1:8082"
public_key = "y"
"#;

    fn told(config: &str) -> serde_json::Value {
        let config: Config = format!("{config}{COMMON}").parse().unwrap();
        serde_json::to_value(rider_endpoints(&config, &nodes(&config))).unwrap()
    }

    /// A page that reaches this edge alone, with central gone since before either started, still learns where the
    /// riders of the next district are served.
    #[test]
    fn an_edge_tells_pages_of_its_neighbours() {
        let told = told(EDGE);
        assert_eq!(
            told["endpoints"],
            serde_json::json!([
                {"node": "central", "url": "https://central.example"},
                {"node": "edge-a", "url": "https://edge-a.example", "district": "hanbuk"},
                {"node": "edge-b", "url": "https://edge-b.example", "district": "namsan"},
            ])
        );
        assert_eq!(told["sms_numbers"], serde_json::json!({"hanbuk": "+82111", "namsan": "+82222"}));
    }

    #[test]
    fn central_tells_each_district_its_own_number_and_node() {
        let told = told(CENTRAL);
        assert_eq!(told["sms_numbers"], serde_json::json!({"hanbuk": "+82111", "namsan": "+82222"}));
        let districts: Vec<_> = (0..3).map(|n| told["endpoints"][n]["district"].clone()).collect();
        assert_eq!(serde_json::json!(districts), serde_json::json!([null, "hanbuk", "namsan"]));
    }

    /// A device signs in where its shift is; a neighbour would refuse it.
    #[test]
    fn drivers_are_not_sent_to_neighbours() {
        let config: Config = format!("{EDGE}{COMMON}").parse().unwrap();
        let endpoints = driver_endpoints(&config, &nodes(&config));
        let of_hanbuk = &endpoints[&"hanbuk".parse::<DistrictId>().unwrap()];
        let names: Vec<_> = of_hanbuk.nodes.iter().map(|endpoint| endpoint.node.as_str()).collect();
        assert_eq!(names, ["central", "edge-a"]);
    }
}
