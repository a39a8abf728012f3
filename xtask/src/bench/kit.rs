//! What rows are made from: our release programs, peers from packages, maps, a folder, bounds on time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::contest::{Missing, Played, Side};
use super::talk::Talker;
use crate::run::{self, Stop};
use crate::setup::{self, Need};

/// Rounds of a whole run, and of a short one.
const ROUNDS: (u32, u32) = (7, 2);
/// How long a program may take to read and build what it needs.
pub(super) const READY: Duration = Duration::from_secs(300);
/// How long one round of one side may take.
pub(super) const ROUND: Duration = Duration::from_secs(300);
/// How long pip may take.
const PIP: Duration = Duration::from_secs(600);
/// The folder of the city, made anew in each run and once for all its rows.
pub(super) const CITY: &str = "city";
/// The variable that names the folder of maps and demand; without it they are looked for beside the project.
const DATA: &str = "ONDOL_DATA";

/// The means of a run. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Kit {
    /// Shorter rounds.
    pub(super) quick: bool,
    /// Where files of a run and logs lie, beside the peers that stay installed.
    pub(crate) dir: PathBuf,
    pub(crate) stop: Stop,
    /// Measuring programs that were built in this run.
    built: Rc<RefCell<BTreeMap<String, PathBuf>>>,
    /// Held while the run goes on.
    _claim: Rc<File>,
}

impl Kit {
    /// Makes the folder of the run.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or another run goes on.
    pub(crate) fn new(quick: bool, stop: Stop) -> Result<Kit> {
        let dir = run::target_dir().join("bench");
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let claim = File::create(dir.join("lock")).context("cannot write the lock of the run")?;
        if let Err(error) = claim.try_lock() {
            bail!("another run goes on in {} ({error}): two would slow each other", dir.display());
        }
        // Maps of another release may have another form.
        match std::fs::remove_dir_all(dir.join(CITY)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("cannot remove the city of the last run");
            }
            Ok(()) | Err(_) => {}
        }
        Ok(Kit { quick, dir, stop, built: Rc::default(), _claim: Rc::new(claim) })
    }

    /// Returns how many rounds each contest has.
    pub(super) fn rounds(&self) -> u32 {
        self.size(ROUNDS.0, ROUNDS.1)
    }

    /// Returns `full`, or `quick` in a short run.
    pub(super) fn size(&self, full: u32, quick: u32) -> u32 {
        if self.quick { quick } else { full }
    }

    /// Builds a measuring program of a package and returns where it is.
    ///
    /// # Errors
    ///
    /// If it does not build.
    pub(super) fn example(&self, package: &str, name: &str) -> Result<PathBuf> {
        if let Some(program) = self.built.borrow().get(name) {
            return Ok(program.clone());
        }
        eprintln!("bench: building {name}");
        let mut cargo = run::cargo();
        // With `ondol` beside it, dependencies have the features that they are shipped with, and are built once.
        cargo.args([
            "build",
            "--release",
            "--quiet",
            "--package",
            "ondol",
            "--package",
            package,
            "--example",
            name,
        ]);
        run::on_terminal(&mut cargo, &format!("{name} cannot be built"))?;
        let program = run::target_dir().join("release/examples").join(name);
        self.built.borrow_mut().insert(name.to_owned(), program.clone());
        Ok(program)
    }

    /// Starts a program that plays round after round.
    ///
    /// # Errors
    ///
    /// If it does not get ready.
    pub(super) fn talk(&self, name: &str, command: &mut Command) -> Result<Talker> {
        Talker::start(command, &self.dir.join(format!("{name}.log")), READY, &self.stop)
    }

    /// A side that asks a program one line a round.
    pub(super) fn side(mut talker: Talker, order: impl Fn(u32) -> String + 'static) -> Side {
        Box::new(move |round| talker.ask::<Played>(&order(round), ROUND))
    }

    /// A side whose callers `rush` at a server; `args` say who they are and where it is. What the server stands on lives as
    /// long as the side.
    ///
    /// # Errors
    ///
    /// If the callers cannot be built or do not get ready.
    pub(super) fn rush(
        &self,
        stands_on: impl Sized + 'static,
        name: &str,
        args: &[&str],
        seconds: u32,
    ) -> Result<Side> {
        let mut command = Command::new(self.example("ondol-sim", "rush")?);
        let mut side =
            Kit::side(self.talk(name, command.args(args))?, move |round| format!("{seconds} {}", round + 1));
        Ok(Box::new(move |round| {
            let _alive = &stands_on;
            side(round)
        }))
    }

    /// A command for the peer's script `name` under a Python that has `packages`, from PyPI into the build folder.
    ///
    /// # Errors
    ///
    /// If Python or a package cannot be had.
    pub(super) fn python(&self, packages: &[&str], name: &str) -> Result<Command> {
        setup::ensure(&[Need::Python])?;
        let home = self.dir.join("python");
        let python = home.join("bin/python");
        if !python.is_file() {
            let made = Command::new("python3").args(["-m", "venv"]).arg(&home).output();
            let made = made.context("cannot start python3")?;
            if !made.status.success() {
                bail!("python3 -m venv: {}", String::from_utf8_lossy(&made.stderr).trim());
            }
        }
        if !packages.is_empty() {
            let log = self.dir.join("pip.log");
            let mut pip = Command::new(&python);
            // Asks the registry only for what is not there.
            pip.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--only-binary=:all:",
            ]);
            pip.args(packages);
            if !run::to_log(&mut pip, &log, PIP, &self.stop)?.is_success() {
                bail!("pip install {}: {}", packages.join(" "), run::tail(&log));
            }
        }
        let mut command = Command::new(python);
        command.arg(run::root().join("xtask/peers").join(name));
        Ok(command)
    }

    /// Finds a file among maps and demand.
    ///
    /// # Errors
    ///
    /// Says where it was looked for.
    pub(super) fn data(&self, file: &str) -> Result<PathBuf, Missing> {
        found(&data_dir(), file)
    }
}

fn data_dir() -> PathBuf {
    std::env::var_os(DATA).map_or_else(|| run::root().join("../shared/data"), PathBuf::from)
}

fn found(dir: &Path, file: &str) -> Result<PathBuf, Missing> {
    let path = dir.join(file);
    if path.is_file() {
        return Ok(path);
    }
    Err(Missing {
        why: format!("data missing: {file}"),
        remedy: format!("set {DATA} to a folder that holds it"),
    })
}

/// Measures the pieces that dispatch is made of, one by one; `save` names what is kept, `against` what was kept and is
/// compared with.
///
/// # Errors
///
/// If they cannot be built, one of them fails, or nothing was kept by that name.
pub(super) fn micro(save: Option<&str>, against: Option<&str>) -> Result<()> {
    let mut command = run::cargo();
    command.args(["bench", "--locked", "--package", "ondol-sim", "--no-default-features"]);
    command.args(["--features", "micro", "--bench", "micro", "--"]).env(DATA, data_dir());
    for (option, name) in [("--save-baseline", save), ("--baseline", against)] {
        command.args(name.iter().flat_map(|name| [option, name]));
    }
    let status = command.status().context("cannot start cargo")?;
    if status.success() { Ok(()) } else { bail!("the micro-benchmarks ended with {status}") }
}

/// Our side, or why there is none; nobody but a builder can mend it.
pub(super) fn ours<T>(opened: Result<T>) -> Result<T, Missing> {
    opened.map_err(|error| Missing { why: format!("{error:#}"), remedy: "mend the build".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_that_is_not_there_is_named_with_the_variable() {
        let missing = found(Path::new("/no/such"), "osm/x.osm.pbf").unwrap_err();
        assert_eq!(missing.why, "data missing: osm/x.osm.pbf");
        assert!(missing.remedy.contains("ONDOL_DATA"), "{}", missing.remedy);
        assert_eq!(found(Path::new("/etc"), "passwd").unwrap(), Path::new("/etc/passwd"));
    }
}
