//! A blackout, played by itself, and once more without the blackout, so that the report can say what was lost.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::city::{City, ondol};
use super::plan::{Cut, Plan};
use crate::postgres::{Durability, Server};
use crate::run::{self, LOOK_EVERY, Stop};

/// How long the city may take to come to rest after its time: trips end in simulated time, the rest on the wall.
const REST_S: u64 = 1_800;
const SLACK: Duration = Duration::from_secs(90);
/// How often the city's own words are repeated to a person.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// How long the checker may take.
pub(crate) const CHECK: Duration = Duration::from_secs(120);

/// Plays the outage, plays the same city without it, and has the checker compare what clients recorded.
///
/// # Errors
///
/// If a process dies unasked, or the checker finds a broken promise.
pub(super) fn run(plan: &Plan, stop: &Stop) -> Result<()> {
    let outage = play(plan, "outage", Some(plan.cut()), stop)?;
    let usual = play(plan, "usual", None, stop)?;
    let log = outage.join("check.log");
    let mut check = Command::new(ondol());
    check.args(["load", "check", "--run"]).arg(&outage).arg("--usual").arg(&usual);
    if let Some(report) = &plan.report {
        check.arg("--report").arg(report);
    }
    let ended = run::to_log(&mut check, &log, CHECK, stop)?;
    println!("{}", fs::read_to_string(&log).with_context(|| format!("cannot read {}", log.display()))?);
    if let Some(report) = &plan.report {
        println!("the report is in {}", report.display());
    }
    if ended.is_success() {
        Ok(())
    } else {
        bail!("the checker found a broken promise; the runs are in {}", outage.display())
    }
}

/// Plays one run and returns its folder.
fn play(plan: &Plan, name: &str, cut: Option<Cut>, stop: &Stop) -> Result<PathBuf> {
    let mut city = City::start(plan, name, Server::private(Durability::Machine)?, stop)?;
    city.print_doors();
    city.start_load()?;
    let clock = Clock::start(plan);
    clock.say(&format!("run {name}: the city is awake"));
    if let Some(Cut { from_s, until_s }) = cut {
        clock.wait(from_s, &mut city, stop)?;
        city.cut()?;
        clock.say("central and its PostgreSQL are dead (kill -9); the edges are on their own");
        clock.wait(until_s, &mut city, stop)?;
        city.restore()?;
        clock.say("central is back and ready; histories are being joined");
    }
    clock.see_out(city, stop)
}

/// Simulated time of a run.
pub(crate) struct Clock<'a> {
    plan: &'a Plan,
    started: Instant,
}

impl<'a> Clock<'a> {
    /// Starts now.
    pub(crate) fn start(plan: &'a Plan) -> Clock<'a> {
        Clock { plan, started: Instant::now() }
    }

    /// Waits until `at_s` simulated seconds after the start, looking after the processes meanwhile.
    ///
    /// # Errors
    ///
    /// If a process ends that may not, or we are asked to stop.
    pub(crate) fn wait(&self, at_s: u64, city: &mut City<'_>, stop: &Stop) -> Result<()> {
        let mut told_at = Instant::now();
        while self.started.elapsed() < self.plan.wall(at_s) {
            if stop.is_asked() {
                bail!("stopped");
            }
            city.check()?;
            if !self.plan.is_headless && told_at.elapsed() > TELL_EVERY {
                told_at = Instant::now();
                if let Some(progress) = city.progress() {
                    self.say(&progress);
                }
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Waits until the city sleeps, stops it and returns its folder, with the journals in it.
    ///
    /// # Errors
    ///
    /// If a process ended that may not, the load failed, or we are asked to stop.
    pub(crate) fn see_out(&self, mut city: City<'_>, stop: &Stop) -> Result<PathBuf> {
        self.wait(self.plan.duration_s, &mut city, stop)?;
        let status = city.wait_load(self.plan.wall(REST_S) + SLACK)?;
        self.say("the city is asleep");
        let dir = city.dir().to_owned();
        city.stop_and_export(stop)?;
        if status.success() {
            Ok(dir)
        } else {
            bail!("the load ended with {status}; its log is {}", dir.join("load.log").display())
        }
    }

    /// Says something with the time.
    pub(crate) fn say(&self, words: &str) {
        let wall = self.started.elapsed();
        let simulated_s = (wall * self.plan.speed).as_secs();
        println!(
            "{:>5.0} s  {:>3}:{:02} simulated  {words}",
            wall.as_secs_f64(),
            simulated_s / 60,
            simulated_s % 60
        );
    }
}
