//! The doors of a node, put side by side.

use std::sync::Arc;

use axum::Router;
use ondol_engine::Handle;
use ondol_engine::config::Config;
use ondol_engine::identity::Identity;
use ondol_engine::vault::Secrets;
use ondol_roads::RoadMap;

/// The routes of riders, drivers, operators and the text process.
///
/// # Errors
///
/// If a door cannot be set up from the configuration.
pub(crate) fn router(
    _config: &Config,
    _handle: &Handle,
    _identity: &Arc<Identity>,
    _map: Option<Arc<RoadMap>>,
    _secrets: &Secrets,
) -> anyhow::Result<Router> {
    Ok(Router::new())
}
