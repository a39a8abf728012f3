//! A release `ondol` with a store of its own: the whole program with its doors.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::kit::{CITY, Kit};
use crate::demo::configs::{self, District, quoted, section};
use crate::demo::plan::Ports;
use crate::demo::roster::Roster;
use crate::demo::{self, keys};
use crate::postgres::{free_port, random_hex};
use crate::run::{self, Stop};
use crate::supervise::{Program, Supervisor};

/// How long making the city may take.
const MAP: Duration = Duration::from_secs(600);
/// How long the node may take until it answers.
const READY: Duration = Duration::from_secs(300);

/// What the node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It dispatches every district by itself.
    Alone,
    /// Central, whose districts have no edges.
    Central,
    /// The edge of the first district, whose central does not answer.
    Edge,
}

impl Standing {
    /// Its name, in its own configuration and in passes.
    const fn name(self) -> &'static str {
        match self {
            Standing::Alone => "alone",
            Standing::Central => "central",
            Standing::Edge => "edge",
        }
    }
}

/// A node, running or not. Dropping it stops it.
pub(crate) struct Node {
    pub(crate) address: String,
    /// The city's map.
    pub(crate) map: PathBuf,
    standing: Standing,
    /// The program that it is.
    pub(crate) ondol: PathBuf,
    dir: PathBuf,
    stop: Stop,
    districts: Vec<District>,
    supervisor: Supervisor,
}

impl Node {
    /// Makes a node in the folder `name` of the run, over the store at `url`, or a new SQLite file without one. It does not
    /// run yet.
    ///
    /// # Errors
    ///
    /// If `ondol` cannot be built, or what the node needs cannot be made.
    pub(crate) fn make(kit: &Kit, name: &str, standing: Standing, url: Option<&str>) -> Result<Node> {
        let ondol = kit.ondol()?;
        let dir = kit.dir.join(name);
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
        }
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let map = city(kit, &ondol)?;
        let districts = configs::districts(&map, Ports::from(0))?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let (supervisor, stop) = (Supervisor::new(&dir, kit.stop.clone())?, kit.stop.clone());
        let node = Node { address, map, standing, ondol, dir, stop, districts, supervisor };
        node.key("master", &["master", "--key"])?;
        node.key(standing.name(), &["enrol", "--key"])?;
        let central = match standing {
            Standing::Alone | Standing::Central => None,
            Standing::Edge => Some(node.key("central", &["enrol", "--key"])?),
        };
        let file = format!("sqlite://{}", node.dir.join("node.db").display());
        run::write_private(&node.config(), &node.configuration(url.unwrap_or(&file), central.as_deref()))?;
        Ok(node)
    }

    /// Lists so many drivers with the app; the node does not run. Returns the file in which they find what to sign in with.
    ///
    /// # Errors
    ///
    /// If the node refuses them.
    pub(crate) fn list_drivers(&self, count: usize) -> Result<PathBuf> {
        let file = self.dir.join("roster.json");
        let roster = Roster::with_app(1, count, &self.districts, &random_hex()?);
        run::write_private(&file, &serde_json::to_string(&roster)?)?;
        let config = self.config().display().to_string();
        keys::node_of(&self.ondol, &["roster", "--config", &config], &file)?;
        Ok(file)
    }

    /// Starts the node and waits until it answers that it is ready; returns how long that took.
    ///
    /// # Errors
    ///
    /// If it does not get ready; the end of its log is repeated.
    pub(crate) fn start(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        let name = self.standing.name();
        if self.supervisor.knows(name) {
            self.supervisor.restart(name)?;
        } else {
            self.supervisor.start(Program {
                name: name.to_owned(),
                path: self.ondol.clone(),
                args: vec!["serve".to_owned(), "--config".to_owned(), self.config().display().to_string()],
                // A line of the log for each booking is not what is measured.
                env: vec![("ONDOL_LOG".to_owned(), "warn".to_owned())],
                has_end: false,
            })?;
        }
        self.supervisor.wait_ready(name, &format!("http://{}/readyz", self.address), READY)?;
        Ok(begun.elapsed())
    }

    /// Kills the node at once, as a power cut would.
    ///
    /// # Errors
    ///
    /// If it is not running.
    pub(crate) fn kill_9(&mut self) -> Result<()> {
        self.supervisor.kill_9(self.standing.name())
    }

    /// Looks whether the node has died.
    ///
    /// # Errors
    ///
    /// If it has; the end of its log is repeated.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.supervisor.check()
    }

    /// Has an edge that does not run write what a long outage leaves: so many entries.
    ///
    /// # Errors
    ///
    /// If it fails or takes longer than `limit`; the end of its log is repeated.
    pub(crate) fn write_backlog(&self, entries: u32, limit: Duration) -> Result<()> {
        let log = self.dir.join("backlog.log");
        let mut command = Command::new(&self.ondol);
        command.args(["load", "backlog", "--entries", &entries.to_string(), "--config"]).arg(self.config());
        if run::to_log(&mut command, &log, limit, &self.stop)?.is_success() {
            Ok(())
        } else {
            bail!("no backlog was written:\n{}", run::tail(&log))
        }
    }

    fn config(&self) -> PathBuf {
        self.dir.join("node.toml")
    }

    fn key(&self, name: &str, what: &[&str]) -> Result<String> {
        keys::node_of(&self.ondol, what, &self.dir.join(format!("{name}.key")))
    }

    fn configuration(&self, store: &str, central_key: Option<&str>) -> String {
        let name = self.standing.name();
        let (role, central) = match self.standing {
            Standing::Alone => ("standalone", ""),
            Standing::Central => ("central", ""),
            Standing::Edge => ("edge", "central = \"central\"\n"),
        };
        let mut text = format!(
            "[node]\nid = \"{name}\"\nrole = \"{role}\"\n{central}\n[listen]\naddress = \"{}\"\n\n[store]\nurl = {}\n\n\
             [keys]\nmaster = \"master.key\"\nnode = \"{name}.key\"\n\n[map]\ndir = {}\n",
            self.address,
            quoted(store),
            quoted(&self.map.to_string_lossy()),
        );
        let own = match self.standing {
            Standing::Alone | Standing::Central => self.districts.len(),
            Standing::Edge => 1,
        };
        let edge = (self.standing == Standing::Edge).then(|| (name.to_owned(), 0));
        for district in self.districts.iter().take(own) {
            text += &section(&District { edge: edge.clone(), ..district.clone() });
        }
        if let Some(key) = central_key {
            // Nobody listens there.
            text += &format!(
                "\n[[peers]]\nid = \"central\"\nurl = \"http://127.0.0.1:1\"\npublic_key = {}\n",
                quoted(key)
            );
        }
        text
    }
}

/// The city that the demo makes too.
fn city(kit: &Kit, ondol: &Path) -> Result<PathBuf> {
    let out = kit.dir.join(CITY);
    if out.join("districts.geojson").is_file() {
        return Ok(out);
    }
    let log = kit.dir.join("city.log");
    let mut command = Command::new(ondol);
    command.args(["map", "generate", "--seed", "1", "--out"]).arg(&out);
    if run::to_log(&mut command, &log, MAP, &kit.stop)?.is_success() {
        Ok(out)
    } else {
        bail!("the map cannot be made:\n{}", run::tail(&log))
    }
}

impl Kit {
    /// Returns a release `ondol`: the one that is named, else built once in a run.
    ///
    /// # Errors
    ///
    /// If it cannot be built.
    fn ondol(&self) -> Result<PathBuf> {
        if let Some(own) = std::env::var_os(demo::OWN_EXECUTABLE) {
            return Ok(PathBuf::from(own));
        }
        demo::build_pages(&self.stop)?;
        demo::build_release()
    }
}
