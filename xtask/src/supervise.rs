//! Keeping several programs at once: started in order, watched, killed or stopped on request, stopped in reverse order.
//!
//! Each program leads a process group of its own, so that Ctrl-C on the terminal reaches us alone and we stop the rest.
//! Its output goes to `NAME.log` in the run's folder; a restart goes on in the same file.

mod ready;

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use crate::run::{self, LOOK_EVERY, Stop};

pub(crate) use ready::{is_level, readiness};

/// How long a program may take to end after it was asked to; then it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// How a program is started, once and after each kill.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Names the program in messages and its log; unique in a run.
    pub(crate) name: String,
    /// The executable.
    pub(crate) path: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// What its environment holds beside ours.
    pub(crate) env: Vec<(String, String)>,
    /// Whether it ends by itself when its work is done.
    pub(crate) has_end: bool,
}

struct Entry {
    program: Program,
    child: Option<Child>,
    /// How it ended by itself, until it is started again.
    status: Option<ExitStatus>,
}

/// The programs of one run.
pub(crate) struct Supervisor {
    dir: PathBuf,
    stop: Stop,
    entries: Vec<Entry>,
}

impl Supervisor {
    /// Keeps programs whose logs go to `dir`, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made.
    pub(crate) fn new(dir: &Path, stop: Stop) -> Result<Supervisor> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Supervisor { dir: dir.to_owned(), stop, entries: Vec::new() })
    }

    /// Starts a program for the first time.
    ///
    /// # Errors
    ///
    /// If the name is taken or the program cannot be started.
    pub(crate) fn start(&mut self, program: Program) -> Result<()> {
        if self.entries.iter().any(|entry| entry.program.name == program.name) {
            bail!("{} was started already", program.name);
        }
        let child = self.spawn(&program)?;
        self.entries.push(Entry { program, child: Some(child), status: None });
        Ok(())
    }

    /// Tells whether a program of that name was started before.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.entry(name).is_ok()
    }

    /// Starts a program again that was killed, was stopped or ended.
    ///
    /// # Errors
    ///
    /// If it is unknown or still running, or cannot be started.
    pub(crate) fn restart(&mut self, name: &str) -> Result<()> {
        self.ended(name)?;
        if self.entry(name)?.child.is_some() {
            bail!("{name} is still running");
        }
        let child = self.spawn(&self.entry(name)?.program)?;
        let entry = self.entry_mut(name)?;
        entry.child = Some(child);
        entry.status = None;
        Ok(())
    }

    /// Kills a program at once (SIGKILL to its process group): nothing in it gets to tidy up.
    ///
    /// # Errors
    ///
    /// If it is unknown or not running, above all if it has ended by itself before.
    pub(crate) fn kill_9(&mut self, name: &str) -> Result<()> {
        if let Some(status) = self.ended(name)? {
            bail!("{name} had ended by itself with {status}:\n{}", run::tail(&self.log(name)));
        }
        let entry = self.entry_mut(name)?;
        let Some(mut child) = entry.child.take() else { bail!("{name} is not running") };
        run::signal_group(&child, Signal::KILL);
        child.wait().with_context(|| format!("cannot wait for {name}"))?;
        Ok(())
    }

    /// Sends a signal to a program's process group: to stop it for a while, and to let it go on.
    ///
    /// # Errors
    ///
    /// If it is unknown or not running.
    pub(crate) fn signal(&self, name: &str, signal: Signal) -> Result<()> {
        let Some(child) = &self.entry(name)?.child else { bail!("{name} is not running") };
        run::signal_group(child, signal);
        Ok(())
    }

    /// Takes it as a kill if a program has ended by itself.
    ///
    /// # Errors
    ///
    /// If it is unknown.
    pub(crate) fn forgive(&mut self, name: &str) -> Result<()> {
        self.ended(name)?;
        self.entry_mut(name)?.status = None;
        Ok(())
    }

    /// Asks a program to end (SIGTERM to its process group), and kills it if it does not.
    ///
    /// # Errors
    ///
    /// If it is unknown, or had to be killed. A program that is not running is fine.
    pub(crate) fn stop(&mut self, name: &str) -> Result<()> {
        let entry = self.entry_mut(name)?;
        let Some(mut child) = entry.child.take() else { return Ok(()) };
        run::signal_group(&child, Signal::TERM);
        match run::wait(&mut child, STOP_LIMIT, &Stop::default())? {
            run::Ended::Exited(_) => Ok(()),
            run::Ended::TimedOut | run::Ended::Stopped => {
                bail!("{name} did not stop within {} s and was killed", STOP_LIMIT.as_secs())
            }
        }
    }

    /// Stops all programs, the last started first; goes on past one that had to be killed.
    ///
    /// # Errors
    ///
    /// Those of [`Supervisor::stop`], joined.
    pub(crate) fn stop_all(&mut self) -> Result<()> {
        let names: Vec<String> = self.entries.iter().rev().map(|entry| entry.program.name.clone()).collect();
        let failures: Vec<String> =
            names.iter().filter_map(|name| self.stop(name).err()).map(|error| format!("{error:#}")).collect();
        if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("; ")) }
    }

    /// Waits until `GET url` answers 200 (`http://127.0.0.1:PORT/readyz`).
    ///
    /// # Errors
    ///
    /// If the program ends, does not get ready within `limit`, or we are asked to stop; the end of its log is repeated.
    pub(crate) fn wait_ready(&mut self, name: &str, url: &str, limit: Duration) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < limit {
            if self.stop.is_asked() {
                bail!("stopped while waiting for {name}");
            }
            if ready::is_ready(url)? {
                return Ok(());
            }
            if let Some(status) = self.ended(name)? {
                bail!("{name} ended with {status} before it was ready:\n{}", run::tail(&self.log(name)));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        bail!("{name} was not ready within {} s:\n{}", limit.as_secs(), run::tail(&self.log(name)))
    }

    /// Waits until a program ends by itself.
    ///
    /// # Errors
    ///
    /// If it is unknown or not running, takes longer than `limit` or we are asked to stop (it is left running then); if
    /// another program dies meanwhile that nobody killed.
    pub(crate) fn wait_end(&mut self, name: &str, limit: Duration) -> Result<ExitStatus> {
        let started = Instant::now();
        if self.ended(name)?.is_none() && self.entry(name)?.child.is_none() {
            bail!("{name} is not running");
        }
        while started.elapsed() < limit {
            if self.stop.is_asked() {
                bail!("stopped while waiting for {name}");
            }
            if let Some(status) = self.ended(name)? {
                return Ok(status);
            }
            self.check()?;
            std::thread::sleep(LOOK_EVERY);
        }
        bail!("{name} did not end within {} s:\n{}", limit.as_secs(), run::tail(&self.log(name)))
    }

    /// Fails if a program has ended that nobody killed; called between the steps of a run.
    ///
    /// # Errors
    ///
    /// Names the first such program, with the end of its log. One that has an end and reached it is fine.
    pub(crate) fn check(&mut self) -> Result<()> {
        let programs: Vec<(String, bool)> =
            self.entries.iter().map(|entry| (entry.program.name.clone(), entry.program.has_end)).collect();
        for (name, has_end) in programs {
            if let Some(status) = self.ended(&name)?
                && !(has_end && status.success())
            {
                bail!("{name} ended by itself with {status}:\n{}", run::tail(&self.log(&name)));
            }
        }
        Ok(())
    }

    /// Returns the process id of a running program.
    pub(crate) fn pid(&self, name: &str) -> Option<u32> {
        self.entry(name).ok()?.child.as_ref().map(Child::id)
    }

    /// Returns the file with a program's output.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.log"))
    }

    /// Returns how a program ended by itself, if it did; it then counts as not running.
    fn ended(&mut self, name: &str) -> Result<Option<ExitStatus>> {
        let entry = self.entry_mut(name)?;
        if let Some(child) = &mut entry.child
            && let Some(status) = child.try_wait().with_context(|| format!("cannot wait for {name}"))?
        {
            entry.child = None;
            entry.status = Some(status);
        }
        Ok(entry.status)
    }

    fn spawn(&self, program: &Program) -> Result<Child> {
        let log = self.log(&program.name);
        let out = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let err = out.try_clone().with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new(&program.path);
        command.args(&program.args).envs(program.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        command.spawn().with_context(|| format!("cannot start {} ({})", program.name, program.path.display()))
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        let found = self.entries.iter().find(|entry| entry.program.name == name);
        found.with_context(|| format!("no program named {name} in this run"))
    }

    fn entry_mut(&mut self, name: &str) -> Result<&mut Entry> {
        let found = self.entries.iter_mut().find(|entry| entry.program.name == name);
        found.with_context(|| format!("no program named {name} in this run"))
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Err(error) = self.stop_all() {
            eprintln!("xtask: {error:#}");
        }
    }
}

/// Returns the ids of the processes whose parent is `pid`.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").ok().into_iter().flatten();
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|candidate| parent_of(*candidate) == Some(pid))
        .collect()
}

/// Reads a parent from `/proc/PID/stat`: `PID (NAME) STATE PPID …`, where NAME may hold anything, `)` too.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests;
