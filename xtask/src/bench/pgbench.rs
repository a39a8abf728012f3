//! PostgreSQL as a peer: pgbench repeats a script of SQL over prepared statements and says how often.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::contest::{Played, Side};
use super::kit::Kit;
use crate::postgres::Cluster;
use crate::run;

/// What pgbench does in a round.
pub(super) struct Load<'a> {
    /// Names its files.
    pub(super) name: &'a str,
    /// The script.
    pub(super) script: &'a str,
    /// Clients at the same time, and threads of pgbench that drive them.
    pub(super) clients: &'static str,
    pub(super) threads: &'static str,
    pub(super) seconds: u32,
}

/// A side whose figure is how often a second the script ran, and whose check is what `check` finds after the round.
///
/// # Errors
///
/// If the script cannot be written.
pub(super) fn side(
    kit: &Kit,
    cluster: Cluster,
    load: &Load<'_>,
    check: impl Fn(&Cluster, u32) -> Result<Option<String>> + 'static,
) -> Result<Side> {
    let file = |end: &str| -> PathBuf { kit.dir.join(format!("{}.{end}", load.name)) };
    let (script, log, stop) = (file("sql"), file("pgbench.log"), kit.stop.clone());
    std::fs::write(&script, load.script).with_context(|| script.display().to_string())?;
    let Load { clients, threads, seconds, .. } = *load;
    Ok(Box::new(move |round| {
        let mut pgbench = cluster.client("pgbench");
        pgbench.args([
            "--no-vacuum",
            "--protocol=prepared",
            "--client",
            clients,
            "--jobs",
            threads,
            "--time",
        ]);
        pgbench.args([&seconds.to_string(), "--random-seed", &(round + 1).to_string(), "--file"]);
        pgbench.arg(&script).arg(cluster.url("postgres"));
        let limit = Duration::from_secs(u64::from(seconds) + 60);
        if !run::to_log(&mut pgbench, &log, limit, &stop)?.is_success() {
            bail!("pgbench failed:\n{}", run::tail(&log));
        }
        Ok(Played { figure: rate(&log)?, check: check(&cluster, round)?, ..Played::default() })
    }))
}

/// What pgbench says of its rate: `tps = 3123.123 (without initial connection time)`.
fn rate(log: &Path) -> Result<f64> {
    let text = std::fs::read_to_string(log).with_context(|| log.display().to_string())?;
    read_rate(&text).with_context(|| format!("pgbench says no rate:\n{text}"))
}

fn read_rate(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_says() {
        let text =
            "pgbench (15.8)\nlatency average = 10 ms\ntps = 3123.5 (without initial connection time)\n";
        assert_eq!(read_rate(text), Some(3_123.5));
        assert_eq!(read_rate("pgbench: error: tps\n"), None);
    }
}
