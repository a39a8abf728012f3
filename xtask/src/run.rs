//! Running one program to its end: output to a log file, a bound on its time, a short account of a failure.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// How often a running child is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Lines of a log shown when its program failed; the whole log stays in its file.
const TAIL_LINES: usize = 60;

/// Whether somebody asked this process to stop, by Ctrl-C or by SIGTERM.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Turns Ctrl-C and SIGTERM into a question that tasks look at, instead of the end of this process.
    ///
    /// A second Ctrl-C ends this process at once.
    ///
    /// # Errors
    ///
    /// If the system refuses the handlers.
    pub(crate) fn on_signals() -> Result<Stop> {
        use signal_hook::consts::{SIGINT, SIGTERM};
        static STOP: OnceLock<Stop> = OnceLock::new();
        let stop = STOP.get_or_init(Stop::default);
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag down, and only raises it.
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop.0))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop.0)))
                .context("cannot listen to Ctrl-C")?;
        }
        Ok(stop.clone())
    }

    /// Tells whether we were asked to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks to stop, as Ctrl-C would.
    #[cfg(test)]
    pub(crate) fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Waits until we are asked to stop.
    pub(crate) fn wait(&self) {
        while !self.is_asked() {
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself, with its status.
    Exited(ExitStatus),
    /// By us, because its time was up; its whole process group was killed.
    TimedOut,
    /// By us, because we were asked to stop; its whole process group was killed.
    Stopped,
}

impl Ended {
    /// Tells whether the program ended by itself with status 0.
    pub(crate) fn is_success(self) -> bool {
        match self {
            Ended::Exited(status) => status.success(),
            Ended::TimedOut | Ended::Stopped => false,
        }
    }
}

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// The folder for build products, logs and runs: `CARGO_TARGET_DIR`, else `target/`.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// This program where it is built. What `current_exe` says may have been replaced by a build meanwhile.
pub(crate) fn own_program() -> PathBuf {
    target_dir().join("debug/xtask")
}

/// Returns the cargo that started us, so that one toolchain serves all.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Writes a file that only its owner may read.
///
/// # Errors
///
/// If it cannot be written.
pub(crate) fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut options = File::options();
    options.create(true).truncate(true).write(true).mode(0o600);
    let written = options.open(file).and_then(|mut out| out.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", file.display()))
}

/// Runs `command` with both its streams in `log`; kills its process group after `limit` or when we are asked to stop.
///
/// # Errors
///
/// If the log cannot be made or the program cannot be started.
pub(crate) fn to_log(command: &mut Command, log: &Path, limit: Duration, stop: &Stop) -> Result<Ended> {
    wait(&mut spawn(command, log)?, limit, stop)
}

/// As [`to_log`], for a program that keeps programs of its own: it is asked to end (SIGTERM), so that it stops them, and
/// its process group is killed only if it has not ended after `grace`.
///
/// # Errors
///
/// As [`to_log`].
pub(crate) fn to_log_in_order(
    command: &mut Command,
    log: &Path,
    limit: Duration,
    grace: Duration,
    stop: &Stop,
) -> Result<Ended> {
    let mut child = spawn(command, log)?;
    let Some(ended) = outlast(&mut child, limit, stop)? else {
        let is_stopped = stop.is_asked();
        signal_group(&child, Signal::TERM);
        wait(&mut child, grace, &Stop::default())?;
        return Ok(if is_stopped { Ended::Stopped } else { Ended::TimedOut });
    };
    Ok(Ended::Exited(ended))
}

/// Starts `command` as the leader of a process group, with both its streams in `log`.
fn spawn(command: &mut Command, log: &Path) -> Result<Child> {
    if let Some(dir) = log.parent() {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let err = out.try_clone().with_context(|| format!("cannot write {}", log.display()))?;
    let child = command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0).spawn();
    child.with_context(|| format!("cannot start {}", show(command)))
}

/// Waits for `child`, the leader of its own process group, at most `limit` and until we are asked to stop.
///
/// # Errors
///
/// If the system cannot tell the child's state.
pub(crate) fn wait(child: &mut Child, limit: Duration, stop: &Stop) -> Result<Ended> {
    if let Some(status) = outlast(child, limit, stop)? {
        return Ok(Ended::Exited(status));
    }
    let is_stopped = stop.is_asked();
    signal_group(child, Signal::KILL);
    child.wait().context("cannot wait for a killed child")?;
    Ok(if is_stopped { Ended::Stopped } else { Ended::TimedOut })
}

/// Waits for `child` at most `limit` and until we are asked to stop; its status if it has ended by then.
fn outlast(child: &mut Child, limit: Duration, stop: &Stop) -> Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        let status = child.try_wait().context("cannot wait for a child")?;
        if status.is_some() || started.elapsed() >= limit || stop.is_asked() {
            return Ok(status);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Sends `signal` to the process group that `child` leads; a group that is gone already is fine.
pub(crate) fn signal_group(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = pid
        && let Err(error) = kill_process_group(group, signal)
        && error != rustix::io::Errno::SRCH
    {
        eprintln!("xtask: cannot signal process group {}: {error}", child.id());
    }
}

/// Runs `command` on our terminal and fails with `what` unless it ends with status 0.
///
/// # Errors
///
/// If it cannot be started or ends with another status.
pub(crate) fn on_terminal(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("{what}: cannot start {}", show(command)))?;
    if status.success() { Ok(()) } else { bail!("{what}: {} ended with {status}", show(command)) }
}

/// Returns the last lines of a log, for the account of a failure.
pub(crate) fn tail(log: &Path) -> String {
    let text = match fs::read(log) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return format!("(cannot read {}: {error})", log.display()),
    };
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// Finds a program in `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// Writes a command as a person would type it.
fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Tells whether a process that was killed dies within a bound.
///
/// An orphan may stay a zombie until it is reaped; that is dead.
#[cfg(test)]
pub(crate) fn is_soon_dead(pid: &str) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(20) {
        match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) if !stat.contains(") Z") && !stat.contains(") X") => std::thread::yield_now(),
            Ok(_) | Err(_) => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("ondol-xtask-{}-{name}.log", std::process::id()))
    }

    #[test]
    fn a_program_past_its_time_is_killed_with_its_children() {
        let log = log("late");
        let mut command = Command::new("sh");
        command.args(["-c", "tail -f /dev/null & echo $!; wait"]);
        let ended = to_log(&mut command, &log, Duration::from_millis(300), &Stop::default()).unwrap();
        assert_eq!(ended, Ended::TimedOut);
        let grandchild = fs::read_to_string(&log).unwrap().trim().to_owned();
        fs::remove_file(&log).unwrap();
        assert!(is_soon_dead(&grandchild), "process {grandchild} outlived its group");
    }

    #[test]
    fn a_program_that_keeps_others_gets_to_stop_them_and_is_killed_if_it_does_not() {
        let log = log("in-order");
        let run = |script: &str, grace_ms| {
            let (limit, grace) = (Duration::from_millis(300), Duration::from_millis(grace_ms));
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            let ended = to_log_in_order(&mut command, &log, limit, grace, &Stop::default()).unwrap();
            let said = fs::read_to_string(&log).unwrap().trim().to_owned();
            fs::remove_file(&log).unwrap();
            (ended, said)
        };
        let tidy = "trap 'echo tidied; exit 0' TERM; while :; do sleep 0.05; done";
        let (ended, said) = run(tidy, 20_000);
        // The shell may tell that its `sleep` was asked to end as well.
        assert!(ended == Ended::TimedOut && said.ends_with("tidied"), "{ended:?}: {said}");
        let (ended, pid) = run("trap '' TERM; echo $$; while :; do sleep 0.05; done", 300);
        assert_eq!(ended, Ended::TimedOut);
        assert!(is_soon_dead(&pid), "process {pid} outlived its grace");
        assert!(run("exit 0", 300).0.is_success());
    }

    #[test]
    fn a_program_is_killed_when_we_are_asked_to_stop() {
        let (log, stop) = (log("asked"), Stop::default());
        stop.ask();
        let ended =
            to_log(Command::new("tail").args(["-f", "/dev/null"]), &log, Duration::from_secs(20), &stop)
                .unwrap();
        fs::remove_file(&log).unwrap();
        assert_eq!(ended, Ended::Stopped);
    }

    #[test]
    fn a_program_that_fails_is_told_apart_from_one_that_succeeds() {
        let log = log("status");
        let run = |code: &str| {
            to_log(Command::new("sh").args(["-c", code]), &log, Duration::from_secs(20), &Stop::default())
                .unwrap()
        };
        assert!(run("exit 0").is_success());
        assert!(!run("exit 3").is_success());
        fs::remove_file(&log).unwrap();
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let log = log("missing");
        let error =
            to_log(&mut Command::new("no-such-program"), &log, Duration::from_secs(1), &Stop::default())
                .unwrap_err();
        fs::remove_file(&log).unwrap();
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }

    #[test]
    fn a_tail_is_bounded() {
        let log = log("tail");
        fs::write(&log, (0..1000).map(|n| format!("line {n}\n")).collect::<String>()).unwrap();
        let shown = tail(&log);
        fs::remove_file(&log).unwrap();
        assert_eq!(shown.lines().count(), TAIL_LINES);
        assert!(shown.ends_with("line 999"));
    }
}
