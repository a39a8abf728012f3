//! `ondol simulate fleet`: a town's roads, riders and taxis in four files; logs and a report come out.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use ondol_sim::fleet::{self, Degraded, Files, Options, PolicyName, Town};

use super::{open_report, write_report};
use crate::output;

#[derive(clap::Args)]
pub(crate) struct FleetArguments {
    /// Nodes of the road network: node,lat,lon.
    #[arg(long)]
    nodes: PathBuf,
    /// Streets, each in one direction: from,to,length_m,time_s.
    #[arg(long)]
    edges: PathBuf,
    /// Riders: request,time_s,from,to,max_wait_s (empty: --max-wait-s).
    #[arg(long)]
    requests: PathBuf,
    /// Taxis: vehicle,start,shift_start_s,shift_end_s.
    #[arg(long)]
    vehicles: PathBuf,
    /// Seconds for which a rider boards.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(..=86_400))]
    pickup_s: u32,
    /// Seconds for which a rider is set down.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(..=86_400))]
    dropoff_s: u32,
    /// How long riders wait before they go, where the file says nothing; without it they wait without end.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=864_000))]
    max_wait_s: Option<u32>,
    /// What is planned with: ondol, node (as nodes do today), nearest, batch-10 or chat-group.
    #[arg(long, default_value = "ondol")]
    policy: PolicyName,
    /// Play with districts apart, slow or lost messages, as this JSON file says.
    #[arg(long, value_name = "FILE")]
    degraded: Option<PathBuf>,
    /// Chooses where chance does; the same seed gives the same logs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write rides.csv and legs.csv into this folder.
    #[arg(long)]
    log_dir: Option<PathBuf>,
    /// Write the report as JSON.
    #[arg(long)]
    report: PathBuf,
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().ok();
    whole(one).is_some_and(|one| whole(other) == Some(one))
}

pub(super) fn run(arguments: &FleetArguments) -> anyhow::Result<()> {
    let files = Files {
        nodes: arguments.nodes.clone(),
        edges: arguments.edges.clone(),
        requests: arguments.requests.clone(),
        vehicles: arguments.vehicles.clone(),
    };
    let town = Town::read(&files)?;
    let degraded =
        arguments.degraded.as_deref().map(|file| Degraded::read(file, town.crossings())).transpose()?;
    for folder in arguments.log_dir.iter().map(PathBuf::as_path).chain(arguments.report.parent()) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let inputs = [&arguments.nodes, &arguments.edges, &arguments.requests, &arguments.vehicles];
    for input in inputs.into_iter().chain(&arguments.degraded) {
        if is_same_file(input, &arguments.report) {
            bail!("--report {}: that is one of the files to read", arguments.report.display());
        }
    }
    let mut file = open_report(&arguments.report)?;
    let options = Options {
        pickup_s: arguments.pickup_s,
        dropoff_s: arguments.dropoff_s,
        max_wait_s: arguments.max_wait_s,
        policy: arguments.policy,
        seed: arguments.seed,
        degraded: degraded.unwrap_or_default(),
    };
    let bar = ProgressBar::new(town.riders() as u64);
    let (log, report) = fleet::run(&town, &options, |settled| bar.set_position(settled as u64));
    bar.finish_and_clear();
    if let Some(folder) = &arguments.log_dir {
        for (name, text) in [("rides.csv", log.rides_csv(&town)), ("legs.csv", log.legs_csv(&town))] {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    let json = serde_json::to_string_pretty(&report).context("the report is plain JSON")?;
    write_report(&mut file, &arguments.report, &json)?;
    if report.unreachable > 0 {
        output::remark(&format!("{} riders want to go where no road leads from them", report.unreachable))?;
    }
    let metrics = &report.metrics;
    output::line(&format!(
        "{} of {} riders served ({:.1} %), penalised wait {:.0} s, wait p50 {} s, p95 {} s, {:.1} % of all km empty",
        log.served(),
        report.requests,
        metrics.service_rate * 100.0,
        metrics.wait_pen_mean,
        metrics.wait_p50,
        metrics.wait_p95,
        metrics.empty_ratio * 100.0
    ))
}
