//! The doors of a node, put side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use ondol_console::{ConsoleSetup, pages};
use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::tariff::Tariff;
use ondol_device::wire::{Endpoint as DriverEndpoint, EndpointRole, Endpoints};
use ondol_driver_api::{DriverSetup, Tracks};
use ondol_engine::Handle;
use ondol_engine::config::{Config, RoleName};
use ondol_engine::identity::Identity;
use ondol_engine::vault::Secrets;
use ondol_rider_api::wire::{Endpoint, EndpointsAnswer};
use ondol_rider_api::{Limits, RiderSetup};
use ondol_roads::{Districts, RoadMap};
use ondol_sms::routes::TextDoor;

/// The routes of riders, drivers, operators and the text process, and the pages.
///
/// # Errors
///
/// If the node has no map with districts: riders could not be told where they are served.
pub(crate) fn router(
    config: &Config,
    handle: &Handle,
    identity: &Arc<Identity>,
    map: Option<Arc<RoadMap>>,
    secrets: &Secrets,
) -> anyhow::Result<Router> {
    let districts: Arc<Districts> =
        map.as_ref().and_then(|map| map.districts().cloned()).map(Arc::new).context(
            "map.dir: a node needs a map with districts (`ondol map import` and `generate` make them)",
        )?;
    let nodes = nodes(config);
    let secret_key = secrets.derive("driver-secret");
    let text_number = config.districts.iter().find_map(|district| district.sms_number.clone());
    let riders = ondol_rider_api::router(RiderSetup {
        handle: handle.clone(),
        map: map.clone(),
        districts: Arc::clone(&districts),
        tariff: Tariff::seoul(),
        endpoints: EndpointsAnswer {
            endpoints: nodes
                .iter()
                .map(|(node, _, url)| Endpoint { node: node.clone(), url: url.clone() })
                .collect(),
            sms_number: text_number,
            phone_number: None,
        },
        limits: Limits::default(),
    });
    let drivers = ondol_driver_api::router(DriverSetup {
        handle: handle.clone(),
        identity: Arc::clone(identity),
        secret_key,
        endpoints: driver_endpoints(config, &nodes),
        tracks: Tracks::default(),
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
    let urls: Vec<String> = nodes.into_iter().map(|(_, _, url)| url).collect();
    Ok(riders.merge(drivers).merge(operators).merge(texts).merge(pages::router(&urls)))
}

/// All nodes that this one knows, central first: name, role and URL for phones and pages.
fn nodes(config: &Config) -> Vec<(NodeId, EndpointRole, String)> {
    let own_role =
        if config.node.role == RoleName::Edge { EndpointRole::Edge } else { EndpointRole::Central };
    let own_url =
        config.listen.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen.address));
    let mut nodes = vec![(config.node.id.clone(), own_role, own_url)];
    for peer in &config.peers {
        let role = match own_role {
            EndpointRole::Central => EndpointRole::Edge,
            EndpointRole::Edge => EndpointRole::Central,
        };
        let url = peer.public_url.clone().unwrap_or_else(|| peer.url.clone());
        nodes.push((peer.id.clone(), role, url.trim_end_matches('/').to_owned()));
    }
    nodes.sort_by_key(|(_, role, _)| *role);
    nodes
}

/// For each district: central, then its edge.
fn driver_endpoints(
    config: &Config,
    nodes: &[(NodeId, EndpointRole, String)],
) -> BTreeMap<DistrictId, Endpoints> {
    let of_district = |edge: Option<&NodeId>| {
        nodes
            .iter()
            .filter(|(node, role, _)| *role == EndpointRole::Central || Some(node) == edge)
            .map(|(node, role, url)| DriverEndpoint { node: node.clone(), role: *role, url: url.clone() })
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
