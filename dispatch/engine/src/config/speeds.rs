//! How a node learns the pace of streets from its drivers' fixes.
//!
//! ```toml
//! [speeds]
//! file = "/var/lib/ondol/speeds.bin"   # what was learnt outlives a restart; without it, it does not
//! refresh_every_ms = 300000           # 0: nothing is learnt, streets are free
//! utc_offset_min = 540
//! ```

use std::path::PathBuf;

use serde::Deserialize;

use super::{Config, ConfigError, value};

/// Shortest and longest time after which the map gets newer paces, in milliseconds.
const REFRESH_EVERY_MS: std::ops::RangeInclusive<u64> = 60_000..=3_600_000;
/// How far clocks may be ahead of UTC or behind it, in minutes.
const UTC_OFFSET_MIN: std::ops::RangeInclusive<i32> = -720..=840;

/// How a node learns the pace of streets.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpeedsSection {
    /// Where what was learnt is kept; without it, it is forgotten when the node stops.
    pub file: Option<PathBuf>,
    /// Least time after which the map gets newer paces, in milliseconds; 0 to learn nothing. When the hour changes it does
    /// not wait.
    pub refresh_every_ms: u64,
    /// Local clock ahead of UTC, in minutes: hours of the day differ in traffic.
    pub utc_offset_min: i32,
}

impl Default for SpeedsSection {
    fn default() -> Self {
        Self { file: None, refresh_every_ms: 300_000, utc_offset_min: 540 }
    }
}

impl SpeedsSection {
    /// True unless the configuration says that nothing is learnt.
    #[must_use]
    pub fn are_learnt(&self) -> bool {
        self.refresh_every_ms > 0
    }
}

impl Config {
    pub(super) fn check_speeds(&self) -> Result<(), ConfigError> {
        let SpeedsSection { file, refresh_every_ms, utc_offset_min } = &self.speeds;
        if self.speeds.are_learnt() && !REFRESH_EVERY_MS.contains(refresh_every_ms) {
            let (least, most) = REFRESH_EVERY_MS.into_inner();
            return Err(value("speeds.refresh_every_ms", format!("must be 0, or {least} to {most}")));
        }
        if file.is_some() && !self.speeds.are_learnt() {
            return Err(value(
                "speeds.file",
                "nothing is learnt with refresh_every_ms = 0: leave one of them out",
            ));
        }
        if !UTC_OFFSET_MIN.contains(utc_offset_min) {
            let (least, most) = UTC_OFFSET_MIN.into_inner();
            return Err(value("speeds.utc_offset_min", format!("must be {least} to {most}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(section: &str) -> Result<SpeedsSection, String> {
        let text = format!(
            "{section}\n[node]\nid = \"central\"\nrole = \"standalone\"\n[listen]\naddress = \"127.0.0.1:8080\"\n\
             [store]\nurl = \"sqlite://x\"\n[keys]\nmaster = \"x\"\nnode = \"x\"\n\
             [[districts]]\nid = \"hanbuk\"\nzones = [\"hanbuk-1\"]\n"
        );
        text.parse::<Config>().map(|config| config.speeds).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        for (section, key) in [
            ("refresh_every_ms = 59999", "speeds.refresh_every_ms"),
            ("refresh_every_ms = 3600001", "speeds.refresh_every_ms"),
            ("refresh_every_ms = 0\nfile = \"x\"", "speeds.file"),
            ("utc_offset_min = 841", "speeds.utc_offset_min"),
            ("every = 1", "every"),
        ] {
            let said = read(&format!("[speeds]\n{section}")).unwrap_err();
            assert!(said.contains(key), "{section}: {said}");
        }
    }

    #[test]
    fn a_node_learns_unless_it_is_told_not_to() {
        assert!(read("").unwrap().are_learnt());
        assert!(!read("[speeds]\nrefresh_every_ms = 0").unwrap().are_learnt());
    }
}
