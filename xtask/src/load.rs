//! `cargo xtask load`: a city's whole load at once on central, with everything on this machine.
//!
//! ```text
//! PostgreSQL ◀── ondol serve (central, no edges) ◀── ondol load: so many drivers' sockets, riders as they come
//! ```
//!
//! `ondol load` does the same to a system that runs anywhere; this command sets one up and removes it.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::bench::facts::Facts;
use crate::bench::kit::Kit;
use crate::bench::node::{Node, Standing};
use crate::demo::plan;
use crate::page::{commit, today};
use crate::postgres::{Durability, Server};
use crate::run::{self, Stop};

/// Seoul's shifts.
const SHIFTS: f64 = 24_000.0;
/// How long `ondol load` may take beyond the minutes that count: drivers come, last trips end, shifts end.
const AROUND: Duration = Duration::from_secs(3_600);

/// Arguments of `cargo xtask load`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// So much of Seoul's load: of 24,000 shifts, 6,000 reports, 33 bookings and 67 quotes and looks a second.
    #[arg(long, default_value_t = 1.0, value_parser = share)]
    share: f64,
    /// How long it counts.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Writes what was seen here: ondol-load/1.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Further arguments of `ondol load`, such as `--bookings-per-s 50`.
    #[arg(last = true)]
    more: Vec<String>,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "say a number".to_owned())?;
    if (0.000_1..=2.0).contains(&share) { Ok(share) } else { Err("say 0.0001 to 2".to_owned()) }
}

/// Sets central up and drives it.
///
/// # Errors
///
/// If something cannot be set up, something was refused, or a bound was missed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let report = args.report.as_deref().map(plan::writable).transpose()?;
    let kit = Kit::new(false, Stop::on_signals()?)?;
    let facts = Facts::read();
    // Its database is made anew: with other bookings in it the figures would be of something else.
    let server = Server::private(Durability::Machine)?;
    let mut node = Node::make(&kit, "load", Standing::Central, Some(&server.database("load")?))?;
    let roster = node.list_drivers(drivers(args.share))?;
    node.start()?;
    println!("Made on {} from commit {}: {facts}.\n", today(), commit()?);
    let mut load = Command::new(&node.ondol);
    load.args(["load", "--node", &format!("http://{}", node.address)]);
    load.arg("--map").arg(&node.map).arg("--roster").arg(&roster);
    load.args(["--share", &args.share.to_string(), "--minutes", &args.minutes.to_string()]).args(&args.more);
    if let Some(file) = &report {
        load.arg("--report").arg(file);
    }
    let limit = Duration::try_from_secs_f64(args.minutes * 60.0).context("--minutes: no time")? + AROUND;
    let mut load = load.process_group(0).spawn().context("`ondol load` cannot be started")?;
    let ended = run::wait(&mut load, limit, &kit.stop)?;
    node.check()?;
    if ended.is_success() { Ok(()) } else { bail!("the load was not carried as it must be; see above") }
}

/// How many drivers a share of Seoul's shifts needs.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most twice Seoul")]
fn drivers(share: f64) -> usize {
    (SHIFTS * share).round().max(1.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_its_drivers_and_bounds() {
        assert_eq!((drivers(1.0), drivers(0.05), drivers(0.0001)), (24_000, 1_200, 2));
        assert_eq!(share("0.25"), Ok(0.25));
        for bad in ["0", "-1", "3", "NaN", "much"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
