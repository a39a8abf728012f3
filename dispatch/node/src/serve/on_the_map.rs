//! Districts and zones stand in the configuration and on the map: a name that only one of them has serves nobody.

use anyhow::bail;
use ondol_engine::config::Config;
use ondol_roads::Districts;

/// Tells an edge where the districts of its neighbours begin; one that the map does not have is the last to be asked.
pub(super) fn draw_borders(config: &mut Config, map: &Districts) {
    for neighbour in &mut config.neighbours {
        neighbour.border = map.border(&neighbour.district);
        if neighbour.border.is_empty() && neighbour.public_key.is_some() {
            tracing::warn!(district = %neighbour.district, "the map has no such district: its edge is the last to be lent to");
        }
    }
}

/// Refuses a district or zone that the map does not have, and tells of zones that nobody is served in.
///
/// # Errors
///
/// Names the key, and what the map has.
pub(super) fn check(config: &Config, map: &Districts) -> anyhow::Result<()> {
    for (i, configured) in config.districts.iter().enumerate() {
        let Some(drawn) = map.all().iter().find(|district| district.id == configured.id) else {
            let names: Vec<&str> = map.all().iter().map(|district| district.id.as_str()).collect();
            bail!(
                "districts[{i}].id: the map has no district {}; it has {}",
                configured.id,
                names.join(", ")
            );
        };
        for zone in &configured.zones {
            if !drawn.zones.iter().any(|known| known.id == *zone) {
                let names: Vec<&str> = drawn.zones.iter().map(|known| known.id.as_str()).collect();
                bail!(
                    "districts[{i}].zones: the map has no zone {zone} in {}; it has {}",
                    configured.id,
                    names.join(", ")
                );
            }
        }
        for zone in drawn.zones.iter().filter(|zone| !configured.zones.contains(&zone.id)) {
            tracing::warn!(
                district = %configured.id,
                zone = %zone.id,
                "the map has a zone that the configuration does not list: nobody is served there"
            );
        }
    }
    Ok(())
}
