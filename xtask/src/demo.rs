//! `cargo xtask demo`: a whole system on one machine, with a simulated city that uses it.
//!
//! Central over its own PostgreSQL, two edges over SQLite and the text process, each a real process; the city is one
//! more process and reaches them through the public APIs alone. What each writes lies in `target/demo/RUN/`.

pub(crate) mod city;
pub(crate) mod configs;
mod crash;
pub(crate) mod keys;
pub(crate) mod outage;
pub(crate) mod plan;
pub(crate) mod roster;
pub(crate) mod routes;
mod visitor;

use std::io::BufRead as _;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::postgres::{Durability, Server};
use crate::run::{self, Stop};
use crate::web;
use city::City;
use plan::Plan;
use visitor::{ORDERS, Order, Visitor};

/// The variable that names an executable to use instead of building one.
pub(crate) const OWN_EXECUTABLE: &str = "ONDOL_BIN";

/// Arguments of `cargo xtask demo`.
#[derive(Debug, Clone, clap::Parser)]
pub(crate) struct Args {
    /// Plays a blackout by itself: normal, central killed, takeover, restart, heal, report.
    #[arg(long)]
    outage: bool,
    /// Books without a pause, kills processes N times at random moments, and looks for every promised booking.
    #[arg(long, value_name = "N", conflicts_with_all = ["outage", "replay"], value_parser = clap::value_parser!(u32).range(1..=1000))]
    crash: Option<u32>,
    /// Asks nothing and ends by itself; for machines.
    #[arg(long, requires = "outage")]
    headless: bool,
    /// Writes the report of the outage (ondol-outage/1) here.
    #[arg(long, value_name = "FILE", requires = "outage")]
    report: Option<PathBuf>,
    /// Makes the city and its demand; the same seed is the same city.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Simulated seconds in a second: by default 5, or 20 for an outage and a run that kills.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=60))]
    speed: Option<u32>,
    /// A map (.osm.pbf, .osm.gz, .graphml, .graphml.gz) instead of the synthetic city.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// A fleet's recorded fixes (.csv, .csv.gz) instead of a made-up fleet.
    #[arg(long, value_name = "CSV", requires_all = ["map", "from"])]
    replay: Option<PathBuf>,
    /// Recorded trips to book in the replayed fleet's silence.
    #[arg(long, value_name = "CSV", requires = "replay")]
    demand: Option<PathBuf>,
    /// The moment of the recording to start at, as 2008-05-21T11:00:00-07:00.
    #[arg(long, value_name = "TIME", requires = "replay")]
    from: Option<String>,
    /// How long the city runs, in simulated minutes: by default 600, or 36 for an outage and a run that kills.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=1440))]
    minutes: Option<u32>,
    /// Central's port; the edges and the text process take the next three.
    #[arg(long, default_value_t = 7400, value_parser = clap::value_parser!(u16).range(1024..=65000))]
    port: u16,
}

/// Runs the demo until Ctrl-C, or the outage to its end.
///
/// # Errors
///
/// If something cannot be set up, built or started, a program dies unasked, or a promise was broken.
pub(crate) fn run(args: &Args) -> Result<()> {
    let stop = Stop::on_signals()?;
    let plan = Plan::of(args)?;
    build(&stop)?;
    match args.crash {
        Some(kills) => crash::run(&plan, kills, &stop),
        None if args.outage => outage::run(&plan, &stop),
        None => open_house(&plan, &stop),
    }
}

/// Builds the pages and, unless another is named, the executable.
///
/// # Errors
///
/// If something does not build.
pub(crate) fn build(stop: &Stop) -> Result<()> {
    build_pages(stop)?;
    if std::env::var_os(OWN_EXECUTABLE).is_none() {
        println!("build: the ondol executable");
        run::on_terminal(run::cargo().args(["build", "--quiet", "--package", "ondol"]), "build")?;
    }
    Ok(())
}

/// Builds the pages, which `ondol` holds.
///
/// # Errors
///
/// If they cannot be built.
pub(crate) fn build_pages(stop: &Stop) -> Result<()> {
    if run::root().join("web/package.json").is_file() {
        web::build(stop).context("the pages cannot be built")?;
    }
    Ok(())
}

/// Builds a release `ondol` and returns where it is.
///
/// # Errors
///
/// If it does not build.
pub(crate) fn build_release() -> Result<PathBuf> {
    eprintln!("building a release ondol");
    let mut cargo = run::cargo();
    cargo.args(["build", "--release", "--quiet", "--package", "ondol"]);
    run::on_terminal(&mut cargo, "ondol cannot be built")?;
    Ok(run::target_dir().join("release/ondol"))
}

/// Keeps the city going and does what is asked for on the terminal.
fn open_house(plan: &Plan, stop: &Stop) -> Result<()> {
    let mut city = City::start(plan, "open", Server::open(Durability::Machine)?, stop)?;
    let mut visitor = Visitor::new(&city.visitor());
    city.start_load()?;
    city.print_doors();
    println!("\n{ORDERS}\n");
    let orders = orders();
    let mut is_awake = true;
    while !stop.is_asked() {
        match orders.recv_timeout(Duration::from_millis(200)).as_deref().map(str::parse) {
            Ok(Ok(Order::Cut)) => tell(city.cut(), "central and its PostgreSQL are dead"),
            Ok(Ok(Order::Heal)) => tell(city.restore(), "central is back"),
            Ok(Ok(Order::Say(what))) => visitor.say(&what)?,
            Ok(Ok(Order::Stop)) => break,
            Ok(Err(hint)) => println!("{hint}"),
            Err(_) => {}
        }
        for line in visitor.hear() {
            println!("{line}");
        }
        city.check()?;
        if is_awake && !city.is_load_running() {
            is_awake = false;
            println!(
                "the city sleeps: its drivers went home; start again, or give --minutes for a longer day"
            );
        }
    }
    println!("stopping");
    city.stop()
}

fn tell(done: Result<()>, words: &str) {
    match done {
        Ok(()) => println!("{words}"),
        Err(error) => println!("{error:#}"),
    }
}

/// Reads lines from the terminal in a thread, which ends with this process.
fn orders() -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if !line.trim().is_empty() && sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
