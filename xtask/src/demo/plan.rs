//! What a demo will do, checked before anything is started.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

use super::Args;
use crate::run;

/// The endings of files that the import knows.
const MAP_ENDINGS: [&str; 5] = [".osm.pbf", ".osm.gz", ".graphml", ".graphml.gz", ".pbf"];

/// Drivers of a made-up fleet.
const DRIVERS: usize = 80;
/// Drivers for a recorded fleet: more than any recording we know has vehicles.
const REPLAYED_DRIVERS: usize = 600;
/// Bookings for each kill of a run that kills: at eight in a second about nine seconds.
const BOOKINGS_PER_KILL: u32 = 70;
/// Rides that are wanted in an outage of the usual length or longer, and in each minute of a demo that is left open.
const WISHES: u32 = 300;
const WISHES_PER_MINUTE: u32 = 3;
/// Simulated seconds in a second, and length in minutes: slow and long enough to look around, or soon over.
const OPEN: (u32, u32) = (5, 600);
const PLAYED: (u32, u32) = (20, 36);
/// When the first alarm went off in Pangyo: the day and hour of a demo that replays nothing.
const PANGYO: OffsetDateTime = datetime!(2022-10-15 15:19:00 +9);

/// A demo whose files exist and whose numbers make sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Simulated seconds in a second.
    pub(crate) speed: u32,
    /// How long the city runs, in simulated seconds.
    pub(crate) duration_s: u64,
    /// How many rides are wanted, about.
    pub(crate) wishes: u32,
    /// Whether a person at the terminal takes part.
    pub(crate) is_open: bool,
    /// The simulated moment at which it begins.
    pub(crate) sim_start: OffsetDateTime,
    /// How many drivers the roster lists.
    pub(crate) drivers: usize,
    pub(crate) map: Option<PathBuf>,
    pub(crate) replay: Option<Replay>,
    pub(crate) report: Option<PathBuf>,
    /// Bookings of a run in which processes are killed; absent in all others.
    pub(crate) crash_bookings: Option<u32>,
    /// Whether only milestones are told, for machines.
    pub(crate) is_headless: bool,
    pub(crate) ports: Ports,
}

/// A recorded fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) fixes: PathBuf,
    pub(crate) demand: Option<PathBuf>,
}

/// Where the processes listen on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) central: u16,
    pub(crate) edges: [u16; 2],
    pub(crate) sms: u16,
}

impl From<u16> for Ports {
    /// Four in a row from `port`.
    fn from(port: u16) -> Ports {
        Ports { central: port, edges: [port + 1, port + 2], sms: port + 3 }
    }
}

/// When central dies and when it is brought back, in simulated seconds from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) from_s: u64,
    pub(crate) until_s: u64,
}

impl Plan {
    /// Checks the arguments.
    ///
    /// # Errors
    ///
    /// Names the argument that cannot be used and says why.
    pub(crate) fn of(args: &Args) -> Result<Plan> {
        if let Some(map) = &args.map {
            let name = map.to_string_lossy();
            if !MAP_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                bail!("--map {name}: not a map (known are {})", MAP_ENDINGS.join(", "));
            }
        }
        let replay = match &args.replay {
            Some(fixes) => Some(Replay {
                fixes: existing("--replay", fixes)?,
                demand: args.demand.as_deref().map(|file| existing("--demand", file)).transpose()?,
            }),
            None => None,
        };
        let is_open = !args.outage && args.crash.is_none();
        let (speed, minutes) = if is_open { OPEN } else { PLAYED };
        let minutes = args.minutes.unwrap_or(minutes);
        Ok(Plan {
            seed: args.seed,
            speed: args.speed.unwrap_or(speed),
            duration_s: u64::from(minutes) * 60,
            wishes: if is_open {
                minutes * WISHES_PER_MINUTE
            } else {
                // A shorter run has the same traffic, not the same number.
                WISHES * minutes.min(PLAYED.1) / PLAYED.1
            },
            is_open,
            sim_start: args.from.as_deref().map_or(Ok(PANGYO), moment)?,
            drivers: if replay.is_some() { REPLAYED_DRIVERS } else { DRIVERS },
            map: args.map.as_deref().map(|file| existing("--map", file)).transpose()?,
            replay,
            report: args.report.as_deref().map(writable).transpose()?,
            crash_bookings: args.crash.map(|kills| kills * BOOKINGS_PER_KILL),
            is_headless: args.headless,
            ports: Ports::from(args.port),
        })
    }

    /// Returns the plan of a run that is harmed: the demo's city and traffic for `minutes`.
    pub(crate) fn chaos(seed: u64, minutes: u32, port: u16) -> Plan {
        Plan {
            seed,
            speed: PLAYED.0,
            duration_s: u64::from(minutes) * 60,
            wishes: WISHES * minutes / PLAYED.1,
            is_open: false,
            sim_start: PANGYO,
            drivers: DRIVERS,
            map: None,
            replay: None,
            report: None,
            crash_bookings: None,
            is_headless: true,
            ports: Ports::from(port),
        }
    }

    /// Returns when central is cut off: a third into the run, for 17/30 of it.
    ///
    /// In a run of 90 minutes from 11:00 that is 11:30 to 12:21, the recorded silence of San Francisco's cabs on
    /// 21 May 2008; other runs keep its proportions.
    pub(crate) fn cut(&self) -> Cut {
        Cut { from_s: self.duration_s * 10 / 30, until_s: self.duration_s * 27 / 30 }
    }

    /// Returns how long `simulated_s` last on the wall.
    pub(crate) fn wall(&self, simulated_s: u64) -> Duration {
        Duration::from_secs(simulated_s) / self.speed
    }
}

fn moment(text: &str) -> Result<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .with_context(|| format!("--from {text}: write a moment as 2008-05-21T11:00:00-07:00"))
}

fn existing(argument: &str, file: &Path) -> Result<PathBuf> {
    if !file.is_file() {
        bail!("{argument} {}: no such file", file.display());
    }
    file.canonicalize().with_context(|| format!("{argument} {}", file.display()))
}

/// A report that cannot be written is better known before the run than after.
///
/// # Errors
///
/// If its folder does not exist.
pub(crate) fn writable(file: &Path) -> Result<PathBuf> {
    let path = std::env::current_dir().context("the current folder is gone")?.join(file);
    let dir = path.parent().unwrap_or_else(|| Path::new("/"));
    if dir.is_dir() && !path.is_dir() {
        Ok(path)
    } else {
        bail!("--report {}: cannot be written there", file.display())
    }
}

/// Returns the folder for the runs of the demo.
pub(crate) fn runs() -> PathBuf {
    run::target_dir().join("demo")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn args(words: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once(&"demo").chain(words))
    }

    #[test]
    fn arguments_that_go_together_are_asked_for_together() {
        let table = [
            (&["--headless"][..], "--outage"),
            (&["--report", "x.json"], "--outage"),
            (&["--replay", "x.csv", "--from", "x"], "--map"),
            (&["--map", "x.osm.pbf", "--replay", "x.csv"], "--from"),
            (&["--map", "x.osm.pbf", "--demand", "x.csv"], "--replay"),
            (&["--map", "x.osm.pbf", "--from", "2008-05-21T11:00:00-07:00"], "--replay"),
            (&["--speed", "0"], "1..=60"),
            (&["--minutes", "5"], "10..=1440"),
            (&["--port", "80"], "1024..=65000"),
            (&["--seed=-1"], "--seed"),
        ];
        for (words, hint) in table {
            let refusal = args(words).unwrap_err().to_string();
            assert!(refusal.contains(hint), "{words:?}: {refusal}");
        }
    }

    #[test]
    fn files_are_looked_for_before_anything_starts() {
        let table = [
            (&["--map", "/no/such.osm.pbf"][..], "--map /no/such.osm.pbf: no such file"),
            (&["--map", "/etc/hostname"], "not a map"),
            (
                &["--map", "/x.pbf", "--replay", "/etc/hostname", "--from", "11:00"],
                "--from 11:00: write a moment as",
            ),
            (&["--outage", "--report", "/no/such/out.json"], "--report /no/such/out.json: cannot be written"),
        ];
        for (words, hint) in table {
            let refusal = Plan::of(&args(words).unwrap()).unwrap_err().to_string();
            assert!(refusal.contains(hint), "{words:?}: {refusal}");
        }
    }

    #[test]
    fn the_recorded_silence_is_the_cut() {
        let plan = Plan::of(&args(&["--minutes", "90", "--speed", "30"]).unwrap()).unwrap();
        assert_eq!(plan.cut(), Cut { from_s: 30 * 60, until_s: 81 * 60 });
        assert_eq!(plan.wall(plan.duration_s), Duration::from_secs(180));
    }

    #[test]
    fn a_demo_that_is_left_open_is_slow_and_long() {
        let plan = Plan::of(&args(&[]).unwrap()).unwrap();
        assert_eq!((plan.wall(plan.duration_s), plan.wishes), (Duration::from_secs(7_200), 1_800));
        let plan = Plan::of(&args(&["--outage"]).unwrap()).unwrap();
        assert_eq!((plan.wall(plan.duration_s), plan.wishes), (Duration::from_secs(108), 300));
        assert_eq!(Plan::of(&args(&["--outage", "--minutes", "12"]).unwrap()).unwrap().wishes, 100);
    }

    #[test]
    fn ports_follow_each_other() {
        let plan = Plan::of(&args(&["--port", "9000"]).unwrap()).unwrap();
        assert_eq!(plan.ports, Ports { central: 9000, edges: [9001, 9002], sms: 9003 });
    }
}
