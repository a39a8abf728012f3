//! `cargo xtask chaos`: real processes, real stores and real links, harmed in every way that can be played here.
//!
//! Each run is a city of riders and drivers who write down what they are told (`cargo xtask demo` in small). Central is
//! put away once, and three smaller faults hit edges, links, clocks, disks and the text process. When all is healed
//! and the city sleeps, the checker compares what people were told with what the stores hold.

mod heal;
pub(crate) mod link;
mod nemesis;
mod riders;
mod summary;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::demo::city::harm::{Copy, Means};
use crate::demo::city::{City, DATABASE, ondol};
use crate::demo::outage::{CHECK, Clock};
use crate::demo::plan::{self, Plan};
use crate::demo::routes::{CITY, TEXT};
use crate::postgres::{Durability, Server};
use crate::run::{self, Stop};
use link::Fault;
use nemesis::{Harm, Nemesis, Outage, Small};
use summary::Summary;

/// How long an edge gets to hand on what it acknowledged before its disk is put back, in simulated seconds.
const HAND_ON_S: u64 = 60;

/// Arguments of `cargo xtask chaos`.
#[derive(Debug, Clone, clap::Parser)]
pub(crate) struct Args {
    /// How many runs; a run takes about two minutes, and twenty hold every kind of fault several times.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// The first of the runs to play: to see one again.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    from: u32,
    /// Plays no run, and measures how long a node with so many entries needs to be level with central while riders book.
    #[arg(long, value_name = "ENTRIES", conflicts_with_all = ["runs", "from"], value_parser = clap::value_parser!(u64).range(1..=2_000_000))]
    heal: Option<u64>,
    /// Draws cities and faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Writes what was seen here: ondol-chaos/1, or ondol-heal/1 with `--heal`.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Central's port; the edges and the text process take the next three.
    #[arg(long, default_value_t = 7500, value_parser = clap::value_parser!(u16).range(1024..=65000))]
    port: u16,
}

/// Plays the runs and tells what was seen.
///
/// # Errors
///
/// If something cannot be set up, a process does not recover, or a promise was broken; the run's folder is kept then.
pub(crate) fn run(args: &Args) -> Result<()> {
    let stop = Stop::on_signals()?;
    let report = args.report.as_deref().map(plan::writable).transpose()?;
    crate::demo::build(&stop)?;
    if let Some(entries) = args.heal {
        let healed = heal::run(entries, args.seed, args.port, &stop)?;
        return report.map_or(Ok(()), |file| summary::save(&file, &healed));
    }
    let mut summary = Summary::new(args.seed);
    if let Some(file) = &report {
        // A run that fails must not leave the report of an earlier, better day.
        summary.write(file)?;
    }
    for number in args.from..args.from + args.runs {
        let nemesis = Nemesis::of(args.seed, number);
        let small = nemesis.harms.map(|harm| harm.what.to_string()).join("; ");
        println!("\nrun {number}: {}; {small}", nemesis.outage);
        let plan = Plan::chaos(args.seed + u64::from(number), nemesis::MINUTES, args.port);
        let dir = play(&plan, &nemesis, &stop)?;
        let found = check(&dir, &stop)?;
        println!("{}", summary.take(number, &nemesis, &found)?);
        if let Some(file) = &report {
            summary.write(file)?;
        }
        if summary.is_broken() {
            let kept = dir.with_file_name(format!("chaos-{}-{number}", args.seed));
            if kept.exists() {
                std::fs::remove_dir_all(&kept)?;
            }
            std::fs::rename(&dir, &kept).context("cannot keep the run")?;
            println!("{summary}");
            bail!(
                "a promise was broken; the run is in {}; `cargo xtask chaos --seed {} --from {number} --runs 1` plays its faults again",
                kept.display(),
                args.seed
            );
        }
    }
    println!("\n{summary}");
    Ok(())
}

/// Plays one run and returns its folder.
fn play(plan: &Plan, nemesis: &Nemesis, stop: &Stop) -> Result<PathBuf> {
    let server = Server::private(Durability::Machine)?;
    let mut city = City::start_exposed(plan, "chaos", server, stop, Means::prepare()?)?;
    city.start_load()?;
    let clock = Clock::start(plan);
    let [before, within, after] = nemesis.harms;
    play_small(&before, &mut city, &clock, stop)?;
    clock.wait(nemesis.away_from_s, &mut city, stop)?;
    begin_outage(nemesis.outage, &mut city)?;
    city.note("central_killed", &["central".to_owned()])?;
    clock.say(&format!("{}: the edges are on their own", nemesis.outage));
    play_small(&within, &mut city, &clock, stop)?;
    clock.wait(nemesis.away_until_s, &mut city, stop)?;
    end_outage(nemesis.outage, &mut city)?;
    city.note("central_back", &["central".to_owned()])?;
    city.recover("central")?;
    clock.say("central is back");
    play_small(&after, &mut city, &clock, stop)?;
    for process in city.keepers() {
        city.recover(&process)?;
    }
    clock.see_out(city, stop)
}

/// Says yes to every way to central and from it.
fn of_central(caller: &str, called: &str) -> bool {
    caller == "central" || called == "central"
}

fn begin_outage(outage: Outage, city: &mut City<'_>) -> Result<()> {
    city.let_end("central"); // it may end rather than go on with a database that failed it
    match outage {
        Outage::Killed => city.cut(),
        Outage::DatabaseKilled => city.kill(DATABASE),
        Outage::DatabasePaused => city.pause(DATABASE),
        Outage::Paused => city.pause("central"),
        Outage::HalfOpen => {
            city.cut_links(Fault::HoldBoth, of_central);
            Ok(())
        }
        Outage::Refused => {
            city.cut_links(Fault::Refuse, of_central);
            Ok(())
        }
        Outage::Mute => {
            city.cut_links(Fault::HoldBack, |_, called| called == "central");
            city.cut_links(Fault::HoldThere, |caller, _| caller == "central");
            Ok(())
        }
    }
}

fn end_outage(outage: Outage, city: &mut City<'_>) -> Result<()> {
    match outage {
        Outage::Killed => city.restore(),
        Outage::DatabaseKilled => city.start_database(),
        Outage::DatabasePaused => city.resume(DATABASE),
        Outage::Paused => city.resume("central"),
        Outage::HalfOpen | Outage::Refused | Outage::Mute => {
            city.clear_links(of_central);
            Ok(())
        }
    }
}

/// Begins a small fault at its time, and ends it at its time.
fn play_small(harm: &Harm, city: &mut City<'_>, clock: &Clock<'_>, stop: &Stop) -> Result<()> {
    clock.wait(harm.from_s, city, stop)?;
    let edge = city.edge(harm.edge);
    let harmed = match harm.what {
        Small::CentralClock | Small::CentralKilled => vec!["central".to_owned()],
        Small::TextKilled => vec![TEXT.to_owned()],
        Small::LinkDown | Small::LinkUp => vec!["central".to_owned(), edge.clone()],
        Small::SlowLinks | Small::SlowDoors => city.keepers(),
        Small::EdgeKilled
        | Small::EdgePaused
        | Small::EdgeDiskFull
        | Small::EdgeRestored
        | Small::EdgeClock
        | Small::DoorCut => vec![edge.clone()],
    };
    let is_of_clock = matches!(harm.what, Small::EdgeClock | Small::CentralClock);
    city.note(if is_of_clock { "clock_wrong" } else { "harm" }, &harmed)?;
    let until_s = harm.from_s + harm.for_s;
    let copy = begin(harm, &edge, city)?;
    clock.say(&format!("{} ({})", harm.what, harmed.join(", ")));
    clock.wait(until_s, city, stop)?;
    if copy.is_some() {
        // Nobody is promised anything more by this edge, and what it promised reaches central.
        city.cut_links(Fault::Refuse, |caller, called| is_door(caller) && called == edge);
        clock.wait(until_s + HAND_ON_S, city, stop)?;
    }
    end(harm, &edge, copy.as_ref(), city)?;
    city.note("healed", &harmed)?;
    clock.say(&format!("{}: over", harm.what));
    Ok(())
}

/// Says yes to callers that are no nodes.
fn is_door(caller: &str) -> bool {
    caller == CITY || caller == TEXT
}

fn begin(harm: &Harm, edge: &str, city: &mut City<'_>) -> Result<Option<Copy>> {
    match harm.what {
        Small::EdgeKilled => city.kill(edge)?,
        Small::EdgePaused => city.pause(edge)?,
        Small::EdgeDiskFull => {
            city.let_end(edge);
            city.limit_disk(edge, true)?;
        }
        Small::EdgeRestored => return city.copy_store(edge).map(Some),
        Small::EdgeClock => city.step_clock(edge, harm.step_s)?,
        Small::CentralClock => city.step_clock("central", harm.step_s)?,
        Small::CentralKilled => city.kill("central")?,
        Small::TextKilled => city.kill(TEXT)?,
        Small::LinkDown => hold_one_way("central", edge, city),
        Small::LinkUp => hold_one_way(edge, "central", city),
        Small::DoorCut => city.cut_links(Fault::HoldBoth, |caller, called| is_door(caller) && called == edge),
        Small::SlowLinks => city.cut_links(Fault::Late(harm.late_ms), |caller, _| !is_door(caller)),
        Small::SlowDoors => city.cut_links(Fault::Late(harm.late_ms), |caller, _| is_door(caller)),
    }
    Ok(None)
}

/// Nothing that `from` sends arrives at `to`: neither its requests nor its answers.
fn hold_one_way(from: &str, to: &str, city: &City<'_>) {
    city.cut_links(Fault::HoldThere, |caller, called| caller == from && called == to);
    city.cut_links(Fault::HoldBack, |caller, called| caller == to && called == from);
}

fn end(harm: &Harm, edge: &str, copy: Option<&Copy>, city: &mut City<'_>) -> Result<()> {
    match harm.what {
        Small::EdgeKilled => city.revive(edge),
        Small::EdgePaused => city.resume(edge),
        Small::EdgeDiskFull => {
            city.limit_disk(edge, false)?;
            city.recover(edge)
        }
        Small::EdgeRestored => {
            city.restore_store(copy.context("it was copied when the fault began")?)?;
            city.clear_links(|caller, called| is_door(caller) && called == edge);
            Ok(())
        }
        Small::EdgeClock => city.step_clock(edge, 0),
        Small::CentralClock => city.step_clock("central", 0),
        Small::CentralKilled => city.revive("central"),
        Small::TextKilled => city.revive(TEXT),
        Small::LinkDown | Small::LinkUp => {
            city.clear_links(|caller, called| {
                [(caller, called), (called, caller)].contains(&("central", edge))
            });
            Ok(())
        }
        Small::DoorCut => {
            city.clear_links(|caller, called| is_door(caller) && called == edge);
            Ok(())
        }
        // Central's own links may still be cut for the outage: only the delay is taken off.
        Small::SlowLinks | Small::SlowDoors => {
            city.cut_links(Fault::Late(0), |_, _| true);
            Ok(())
        }
    }
}

/// Has the checker look at a run; returns its report (ondol-outage/1).
fn check(dir: &Path, stop: &Stop) -> Result<serde_json::Value> {
    let (report, log) = (dir.join("report.json"), dir.join("check.log"));
    let mut check = Command::new(ondol());
    check.args(["load", "check", "--run"]).arg(dir).arg("--report").arg(&report);
    // It fails on a broken promise; what it found stands in its report.
    run::to_log(&mut check, &log, CHECK, stop)?;
    let bytes = std::fs::read(&report)
        .with_context(|| format!("the checker wrote no report:\n{}", run::tail(&log)))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is no report", report.display()))
}
