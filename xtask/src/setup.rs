//! What a bare machine lacks: Debian packages and a Node.js new enough to build the pages.
//!
//! Everything is looked for first and installed only when missing; each installation is announced.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::run::{self, Stop};

/// The oldest Node.js that builds the pages (vite's requirement).
const NODE_AT_LEAST: (u32, u32) = (20, 19);

/// Something that must be on the machine before a task can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// The PostgreSQL server's programs, for private clusters.
    Postgres,
    /// PostgreSQL's extension for places, a peer of `cargo xtask bench`.
    Postgis,
    /// A browser for the tests of the pages.
    Chromium,
    /// A text modem's daemon, for the tests against a real SMS peer.
    Gammu,
    /// A library that gives a process a clock of its own.
    Faketime,
    /// The Redis server, a peer of `cargo xtask bench`.
    Redis,
    /// Python with virtual environments, for peers that are Python packages.
    Python,
}

impl Need {
    const fn packages(self) -> &'static [&'static str] {
        match self {
            Need::Postgres => &["postgresql"],
            Need::Postgis => &["postgresql", "postgresql-postgis"],
            Need::Chromium => &["chromium"],
            Need::Gammu => &["gammu", "gammu-smsd"],
            Need::Faketime => &["libfaketime"],
            Need::Redis => &["redis-server"],
            Need::Python => &["python3", "python3-venv"],
        }
    }

    fn is_met(self) -> bool {
        match self {
            Need::Postgres => postgres_bin().is_some(),
            Need::Postgis => has_postgis(),
            Need::Chromium => run::find("chromium").is_some(),
            Need::Gammu => run::find("gammu").is_some() && run::find("gammu-smsd").is_some(),
            Need::Faketime => faketime_library().is_some(),
            Need::Redis => run::find("redis-server").is_some(),
            Need::Python => has_python(),
        }
    }
}

/// Installs what is missing of `needs` and says so.
///
/// # Errors
///
/// If a package is missing and cannot be installed; the sentence names the packages.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let needs: BTreeSet<Need> = needs.iter().copied().collect();
    let missing: Vec<Need> = needs.into_iter().filter(|need| !need.is_met()).collect();
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages()).copied().collect();
    install(&packages)?;
    match missing.into_iter().find(|need| !need.is_met()) {
        Some(need) => bail!("{} was installed, but its programs are not found", need.packages().join(" ")),
        None => Ok(()),
    }
}

/// Returns the folder with `initdb` and `postgres`: Debian's newest, else the one in `PATH`.
pub(crate) fn postgres_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok();
    let newest = versions
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .max();
    match newest {
        Some((_, bin)) => Some(bin),
        None => {
            let initdb = run::find("initdb")?.canonicalize().ok()?;
            let bin = initdb.parent()?.to_owned();
            bin.join("postgres").is_file().then_some(bin)
        }
    }
}

/// Tells whether the PostgreSQL that is used has its extension for places, where Debian puts it.
fn has_postgis() -> bool {
    let version = postgres_bin().and_then(|bin| Some(bin.parent()?.file_name()?.to_owned()));
    let control =
        |version| Path::new("/usr/share/postgresql").join(version).join("extension/postgis.control");
    version.map(control).is_some_and(|control| control.is_file())
}

/// Returns libfaketime where Debian puts it: `/usr/lib/ARCHITECTURE/faketime/`.
pub(crate) fn faketime_library() -> Option<PathBuf> {
    let libraries = std::fs::read_dir("/usr/lib").ok()?;
    libraries
        .filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketime.so.1")))
        .find(|library| library.is_file())
}

/// Tells whether Python can make virtual environments: Debian keeps the part that installs pip in a package of its own.
fn has_python() -> bool {
    let mut python = Command::new("python3");
    python.args(["-c", "import venv, ensurepip"]).stdout(Stdio::null()).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

/// Makes sure that `node` and `npm` can build the pages and returns the `PATH` under which they are found.
///
/// Debian 12 ships Node.js 18: then the npm package `node@22` brings the newer one into the build folder.
///
/// # Errors
///
/// If neither is on the machine and they cannot be installed.
pub(crate) fn node_path() -> Result<OsString> {
    if run::find("node").is_none() || run::find("npm").is_none() {
        install(&["nodejs", "npm"])?;
    }
    let path = std::env::var_os("PATH").context("PATH is not set")?;
    if node_version(Path::new("node")).is_some_and(is_new_enough) {
        return Ok(path);
    }
    let home = run::target_dir().join("tools/node");
    let bin = home.join("node_modules/node/bin");
    if !node_version(&bin.join("node")).is_some_and(is_new_enough) {
        println!(
            "setup: Node.js is older than {}.{}: installing the npm package node@22 in {}",
            NODE_AT_LEAST.0,
            NODE_AT_LEAST.1,
            home.display()
        );
        std::fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix"])
            .arg(&home)
            .arg("node@22")
            .current_dir(&home);
        run::on_terminal(&mut npm, "setup")?;
    }
    match node_version(&bin.join("node")) {
        Some(version) if is_new_enough(version) => {
            Ok(std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)))?)
        }
        _ => bail!(
            "Node.js {}.{} or newer is needed to build the pages, and node@22 does not run here",
            NODE_AT_LEAST.0,
            NODE_AT_LEAST.1
        ),
    }
}

fn is_new_enough(version: (u32, u32)) -> bool {
    version >= NODE_AT_LEAST
}

fn node_version(node: &Path) -> Option<(u32, u32)> {
    let output = Command::new(node).arg("--version").stderr(Stdio::null()).output().ok()?;
    parse_node_version(std::str::from_utf8(&output.stdout).ok()?)
}

fn parse_node_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if run::find("apt-get").is_none() {
        bail!("missing here: {list} (names of Debian packages); install them and start again");
    }
    println!("setup: installing Debian packages: {list}");
    apt(&["update", "-q"], &list)?;
    apt(&[&["install", "-y", "-q", "--no-install-recommends"], packages].concat(), &list)
}

/// Runs apt-get as root, through `sudo` when we are not; its output goes to a log.
fn apt(args: &[&str], list: &str) -> Result<()> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("apt-get")
    } else if run::find("sudo").is_some() {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
        sudo
    } else {
        bail!("installing needs root: run `apt-get install {list}` as root and start again");
    };
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    let log = run::target_dir().join("setup.log");
    let ended = run::to_log(&mut command, &log, Duration::from_secs(900), &Stop::default())?;
    if ended.is_success() {
        Ok(())
    } else {
        bail!(
            "`apt-get {}` failed; run `apt-get install {list}` as root and start again:\n{}",
            args.join(" "),
            run::tail(&log)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_or_refused() {
        assert_eq!(parse_node_version("v20.19.5\n"), Some((20, 19)));
        for bad in ["", "20.19.5", "v20", "vtwenty.1", "bash: node: command not found"] {
            assert_eq!(parse_node_version(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(!is_new_enough((18, 20)));
        assert!(!is_new_enough((20, 9)));
        assert!(is_new_enough((20, 19)));
        assert!(is_new_enough((22, 0)));
    }
}
