//! What can be done to a running city to see whether it keeps its promises.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use time::OffsetDateTime;

use super::{City, DATABASE, READY, nodes};
use crate::chaos::link::Fault;
use crate::demo::plan::Plan;
use crate::demo::routes::TEXT;
use crate::postgres::Server;
use crate::run::Stop;
use crate::setup::{self, Need};
use crate::supervise::{self, Program};

/// Bytes of a file that can still be written on a disk that is full.
const FULL_DISK: u64 = 4_096;
/// How long a process that was harmed may take until it answers again, if it has not ended.
const RECOVER: Duration = Duration::from_secs(90);

/// What has to be in place before a city can be harmed.
#[derive(Debug)]
pub(crate) struct Means {
    /// The library that gives a process a civil clock of its own.
    faketime: PathBuf,
}

impl Means {
    /// Installs what is missing.
    ///
    /// # Errors
    ///
    /// If it cannot be installed.
    pub(crate) fn prepare() -> Result<Means> {
        setup::ensure(&[Need::Faketime])?;
        let faketime = setup::faketime_library().context("libfaketime was installed and is not found")?;
        Ok(Means { faketime })
    }

    /// Starts `program` so that its clock can be stepped and a full disk is an error to it instead of its end.
    pub(super) fn expose(&self, program: Program, dir: &Path) -> Program {
        let clock = clock_file(dir, &program.name);
        let mut args = vec!["--ignore-signal=XFSZ".to_owned(), program.path.display().to_string()];
        args.extend(program.args);
        let env = [
            ("LD_PRELOAD", self.faketime.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Program { path: PathBuf::from("env"), args, env, ..program }
    }
}

fn clock_file(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.faketime"))
}

/// A copy of an edge's store, as its disk held it at one moment.
pub(crate) struct Copy {
    edge: String,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl<'a> City<'a> {
    /// As [`City::start`], with every way between processes open to faults, and clocks that can be stepped.
    ///
    /// # Errors
    ///
    /// As [`City::start`].
    pub(crate) fn start_exposed(
        plan: &'a Plan,
        name: &str,
        server: Server,
        stop: &Stop,
        means: Means,
    ) -> Result<City<'a>> {
        City::start_with(plan, name, server, stop, Some(means))
    }

    /// Returns an edge's name by its place.
    pub(crate) fn edge(&self, place: usize) -> String {
        self.edges()[place].0.clone()
    }

    /// Returns what a node says of itself; nothing if it does not answer or is not ready.
    ///
    /// # Errors
    ///
    /// If its answer is not JSON.
    pub(crate) fn readiness(&self, node: &str) -> Result<Option<serde_json::Value>> {
        supervise::readiness(&self.ready_url(node)).with_context(|| node.to_owned())
    }

    /// Stops a victim for a while (SIGSTOP): it holds its connections and answers nothing.
    ///
    /// # Errors
    ///
    /// If it is not running.
    pub(crate) fn pause(&self, victim: &str) -> Result<()> {
        self.signal(victim, Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// If it is not running.
    pub(crate) fn resume(&self, victim: &str) -> Result<()> {
        self.signal(victim, Signal::CONT)
    }

    fn signal(&self, victim: &str, signal: Signal) -> Result<()> {
        match &self.server {
            Server::Private(cluster) if victim == DATABASE => cluster.signal(signal),
            _ => self.supervisor.signal(victim, signal),
        }
    }

    /// Lets a process end by itself without complaint, until [`City::recover`].
    pub(crate) fn let_end(&mut self, process: &str) {
        self.may_end.insert(process.to_owned());
    }

    /// Waits until a process that was harmed answers again, and starts it if it ended, as an init system would.
    ///
    /// # Errors
    ///
    /// If it does not get ready.
    pub(crate) fn recover(&mut self, process: &str) -> Result<()> {
        self.check()?;
        self.may_end.remove(process);
        let url = self.ready_url(process);
        if self.supervisor.pid(process).is_some()
            && self.supervisor.wait_ready(process, &url, RECOVER).is_ok()
        {
            return Ok(());
        }
        self.supervisor.forgive(process)?;
        if self.supervisor.pid(process).is_some() {
            bail!("{process} runs and does not get ready");
        }
        self.supervisor.restart(process)?;
        self.supervisor.wait_ready(process, &url, READY)
    }

    /// Lets the disk of a process be full, or have room again.
    ///
    /// A limit on the size of files stands for the disk: a write past it fails at once, as on a full one.
    ///
    /// # Errors
    ///
    /// If the process is not running or the system refuses.
    pub(crate) fn limit_disk(&self, process: &str, is_full: bool) -> Result<()> {
        let pid = self.supervisor.pid(process).and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let Some(pid) = pid else { return Ok(()) }; // it ended of a full disk: it starts without the limit
        let current = is_full.then_some(FULL_DISK);
        prlimit(Some(pid), Resource::Fsize, Rlimit { current, maximum: None })
            .with_context(|| format!("cannot limit the files of {process}"))?;
        Ok(())
    }

    /// Steps the civil clock of a process by `step_s` seconds of the wall; 0 is the right time.
    ///
    /// # Errors
    ///
    /// If the file that tells it cannot be written.
    pub(crate) fn step_clock(&self, process: &str, step_s: i64) -> Result<()> {
        let file = clock_file(&self.dir, process);
        fs::write(&file, format!("{step_s:+}\n")).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Copies an edge's store while it stands still.
    ///
    /// # Errors
    ///
    /// If it is not running or a file cannot be read.
    pub(crate) fn copy_store(&self, edge: &str) -> Result<Copy> {
        self.pause(edge)?;
        let files = self.store_files(edge).into_iter().filter(|file| file.exists());
        let files: Result<Vec<_>, std::io::Error> =
            files.map(|file| fs::read(&file).map(|bytes| (file, bytes))).collect();
        self.resume(edge)?;
        Ok(Copy { edge: edge.to_owned(), files: files.context("cannot copy the store")? })
    }

    /// Kills an edge and starts it on an older copy of its store.
    ///
    /// # Errors
    ///
    /// If a file cannot be written or the edge does not get ready.
    pub(crate) fn restore_store(&mut self, copy: &Copy) -> Result<()> {
        self.supervisor.kill_9(&copy.edge)?;
        for file in self.store_files(&copy.edge).into_iter().filter(|file| file.exists()) {
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
        for (file, bytes) in &copy.files {
            fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
        }
        self.supervisor.restart(&copy.edge)?;
        let url = self.ready_url(&copy.edge);
        self.supervisor.wait_ready(&copy.edge, &url, READY)
    }

    /// The database and its write-ahead log; the third file that SQLite keeps beside them is made anew.
    fn store_files(&self, edge: &str) -> Vec<PathBuf> {
        let home = self.dir.join(edge);
        ["edge.db", "edge.db-wal", "edge.db-shm"].map(|name| home.join(name)).to_vec()
    }

    /// Puts a fault on the links that `chosen` says yes to, by caller and called.
    pub(crate) fn cut_links(&self, fault: Fault, chosen: impl Fn(&str, &str) -> bool) {
        self.routes.links(chosen).for_each(|link| link.put(fault));
    }

    /// Takes every fault off the links that `chosen` says yes to.
    pub(crate) fn clear_links(&self, chosen: impl Fn(&str, &str) -> bool) {
        self.routes.links(chosen).for_each(crate::chaos::link::Link::clear);
    }

    /// Returns the present in simulated UTC milliseconds.
    pub(crate) fn sim_ms(&self) -> i128 {
        let elapsed_ms = (OffsetDateTime::now_utc() - self.wall_start).whole_milliseconds();
        let start_ms = self.plan.sim_start.unix_timestamp_nanos() / 1_000_000;
        start_ms + elapsed_ms * i128::from(self.plan.speed)
    }

    /// Writes down what was done, with simulated time, for the checker.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(crate) fn note(&self, event: &str, harmed: &[String]) -> Result<()> {
        let sim_ms = self.sim_ms();
        let mut line = String::new();
        let harmed = serde_json::Value::from(harmed.to_vec());
        writeln!(line, r#"{{"event":"{event}","sim_ms":{sim_ms},"harmed":{harmed}}}"#)?;
        let file = self.dir.join("events.jsonl");
        let wrote = File::options().create(true).append(true).open(&file);
        wrote
            .and_then(|mut out| out.write_all(line.as_bytes()))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Every process that keeps promises.
    pub(crate) fn keepers(&self) -> Vec<String> {
        let nodes = nodes(self.plan, &self.districts).into_iter().map(|(name, _)| name);
        nodes.chain([TEXT.to_owned()]).collect()
    }
}
