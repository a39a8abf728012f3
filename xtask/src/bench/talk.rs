//! A program that stays and plays round after round: a line asks, a line of JSON answers.
//!
//! It says `ready` when it has read and built what it needs, so that none of that is timed.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use serde::de::DeserializeOwned;

use crate::run::{self, LOOK_EVERY, Stop};

/// What a program says once it can play.
const READY: &str = "ready";

/// The program. Dropping it kills it.
pub(super) struct Talker {
    child: Child,
    orders: ChildStdin,
    answers: Receiver<String>,
    log: PathBuf,
    stop: Stop,
}

impl Talker {
    /// Starts `command` and waits until it is ready; its errors go to `log`.
    ///
    /// # Errors
    ///
    /// If it cannot be started or is not ready within `limit`; the end of its log is repeated.
    pub(super) fn start(command: &mut Command, log: &Path, limit: Duration, stop: &Stop) -> Result<Talker> {
        let errors = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).process_group(0);
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
        let orders = child.stdin.take().expect("stdin is piped, above");
        let stdout = child.stdout.take().expect("stdout is piped, above");
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut talker = Talker { child, orders, answers, log: log.to_owned(), stop: stop.clone() };
        match talker.hear(limit)?.as_str() {
            READY => Ok(talker),
            other => bail!("{program} said {other:?} instead of {READY}"),
        }
    }

    /// Asks one line and reads the line that answers.
    ///
    /// # Errors
    ///
    /// If the program has gone, needs longer than `limit`, or answers something else; the end of its log is repeated.
    pub(super) fn ask<T: DeserializeOwned>(&mut self, line: &str, limit: Duration) -> Result<T> {
        if writeln!(self.orders, "{line}").and_then(|()| self.orders.flush()).is_err() {
            bail!("the program has ended:\n{}", run::tail(&self.log));
        }
        let answer = self.hear(limit)?;
        serde_json::from_str(&answer).with_context(|| format!("not an answer to {line:?}: {answer}"))
    }

    fn hear(&mut self, limit: Duration) -> Result<String> {
        let asked = Instant::now();
        loop {
            match self.answers.recv_timeout(LOOK_EVERY) {
                Ok(line) => return Ok(line),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the program has ended:\n{}", run::tail(&self.log))
                }
                Err(RecvTimeoutError::Timeout) if self.stop.is_asked() => bail!("stopped"),
                Err(RecvTimeoutError::Timeout) if asked.elapsed() >= limit => {
                    bail!("no answer within {} s", limit.as_secs())
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        run::signal_group(&self.child, Signal::KILL);
        // It is dead; whether the system can tell its status changes nothing.
        let _status = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn start(name: &str, script: &str) -> Result<Talker> {
        let log = std::env::temp_dir().join(format!("ondol-talk-{}-{name}.log", std::process::id()));
        let talker = Talker::start(Command::new("sh").args(["-c", script]), &log, LIMIT, &Stop::default());
        std::fs::remove_file(&log).unwrap();
        talker
    }

    #[test]
    fn a_program_answers_line_by_line() {
        let mut talker = start("well", "echo ready; while read line; do echo \"[$line]\"; done").unwrap();
        assert_eq!(talker.ask::<Vec<u32>>("1, 2", LIMIT).unwrap(), [1, 2]);
        assert_eq!(talker.ask::<Vec<u32>>("3", LIMIT).unwrap(), [3]);
        let error = talker.ask::<Vec<u32>>("x", LIMIT).unwrap_err().to_string();
        assert!(error.contains("not an answer to \"x\""), "{error}");
    }

    #[test]
    fn a_program_that_ends_or_says_something_else_is_told() {
        let error = start("ends", "echo broken >&2").err().unwrap().to_string();
        assert!(error.contains("has ended") && error.contains("broken"), "{error}");
        let error = start("other", "echo hello").err().unwrap().to_string();
        assert!(error.contains("\"hello\""), "{error}");
        let mut talker = start("late", "echo ready; read line; exec tail -f /dev/null").unwrap();
        let error = talker.ask::<u32>("1", Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("no answer"), "{error}");
        let child = talker.child.id().to_string();
        drop(talker);
        assert!(run::is_soon_dead(&child), "process {child} outlived its talk");
    }
}
