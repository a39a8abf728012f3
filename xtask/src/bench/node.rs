//! A release `ondol` with a store of its own: the whole program with its doors.

use std::fs;
use std::io::ErrorKind;
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
use crate::run::{self, LOOK_EVERY, Stop};
use crate::supervise::{Program, Supervisor, is_level, readiness};

/// How long making the city may take.
const MAP: Duration = Duration::from_secs(600);
/// How long the node may take until it answers.
const READY: Duration = Duration::from_secs(300);

/// The SQLite file of a node, and the folder with what was kept of it.
const FILE: &str = "node.db";
const KEPT: &str = "kept";

/// What the node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It dispatches every district by itself.
    Alone,
    /// Central, whose districts have no edges.
    Central,
    /// The edge of the first district.
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

/// The other end of a node's link.
struct Linked {
    id: &'static str,
    url: String,
    public_key: String,
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
    linked: Option<Linked>,
}

impl Node {
    /// Makes a node in the folder `name` of the run, over the store at `url`, or a new SQLite file without one. It does not
    /// run yet. An edge's central does not answer.
    ///
    /// # Errors
    ///
    /// If `ondol` cannot be built, or what the node needs cannot be made.
    pub(crate) fn make(kit: &Kit, name: &str, standing: Standing, url: Option<&str>) -> Result<Node> {
        let (mut node, _) = Node::unlinked(kit, name, standing)?;
        if standing == Standing::Edge {
            let public_key = node.key("central", &["enrol", "--key"])?;
            // Nobody listens there.
            let url = "http://127.0.0.1:1".to_owned();
            node.linked = Some(Linked { id: "central", url, public_key });
        }
        node.stand_on(url)?;
        Ok(node)
    }

    /// Makes central, over the store at `url`, and the edge of its first district over SQLite, which know each other, in
    /// folders of the run that begin with `name`. Neither runs yet.
    ///
    /// # Errors
    ///
    /// As [`Node::make`].
    pub(crate) fn pair(kit: &Kit, name: &str, url: &str) -> Result<(Node, Node)> {
        let (mut central, central_key) = Node::unlinked(kit, &format!("{name}-central"), Standing::Central)?;
        let (mut edge, edge_key) = Node::unlinked(kit, &format!("{name}-edge"), Standing::Edge)?;
        let reached = |node: &Node| format!("http://{}", node.address);
        central.linked = Some(Linked { id: "edge", url: reached(&edge), public_key: edge_key });
        edge.linked = Some(Linked { id: "central", url: reached(&central), public_key: central_key });
        central.stand_on(Some(url))?;
        edge.stand_on(None)?;
        Ok((central, edge))
    }

    /// A node that knows no other yet, with its public key; its configuration is not written.
    fn unlinked(kit: &Kit, name: &str, standing: Standing) -> Result<(Node, String)> {
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
        let node = Node { address, map, standing, ondol, dir, stop, districts, supervisor, linked: None };
        node.key("master", &["master", "--key"])?;
        let public_key = node.key(standing.name(), &["enrol", "--key"])?;
        Ok((node, public_key))
    }

    /// Gives a node that does not run the store at `url`, or its own SQLite file without one.
    ///
    /// # Errors
    ///
    /// If its configuration cannot be written.
    pub(crate) fn stand_on(&self, url: Option<&str>) -> Result<()> {
        let file = format!("sqlite://{}", self.dir.join(FILE).display());
        run::write_private(&self.config(), &self.configuration(url.unwrap_or(&file)))
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
        self.make_up(&["backlog", "--entries", &entries.to_string()], limit)
    }

    /// Has a node that does not run write a day: so many of the drivers whom it lists serve so many bookings.
    ///
    /// # Errors
    ///
    /// As [`Node::write_backlog`].
    pub(crate) fn write_day(&self, shifts: u32, bookings: u32, limit: Duration) -> Result<()> {
        let (shifts, bookings) = (shifts.to_string(), bookings.to_string());
        self.make_up(&["day", "--shifts", &shifts, "--bookings", &bookings], limit)
    }

    fn make_up(&self, what: &[&str], limit: Duration) -> Result<()> {
        let log = self.dir.join(format!("{}.log", what[0]));
        let mut command = Command::new(&self.ondol);
        command.arg("load").args(what).arg("--config").arg(self.config());
        if run::to_log(&mut command, &log, limit, &self.stop)?.is_success() {
            Ok(())
        } else {
            bail!("no {} was written:\n{}", what[0], run::tail(&log))
        }
    }

    /// Returns the number of its process.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.supervisor.pid(self.standing.name()).context("the node does not run")
    }

    /// Keeps what the SQLite file of a node that does not run holds now.
    ///
    /// # Errors
    ///
    /// If it cannot be copied.
    pub(crate) fn keep_store(&self) -> Result<()> {
        copy_store(&self.dir, &self.dir.join(KEPT))
    }

    /// Puts back what [`Node::keep_store`] kept; the node does not run.
    ///
    /// # Errors
    ///
    /// If it cannot be copied.
    pub(crate) fn put_store_back(&self) -> Result<()> {
        copy_store(&self.dir.join(KEPT), &self.dir)
    }

    /// Tells whether the node holds what the other end of its link holds, in normal mode.
    ///
    /// # Errors
    ///
    /// If it has died or answers something else.
    fn is_level(&mut self) -> Result<bool> {
        self.check()?;
        match readiness(&format!("http://{}/readyz", self.address))? {
            Some(ready) => is_level(&ready),
            None => Ok(false),
        }
    }

    /// Waits until all of `nodes` are level.
    ///
    /// # Errors
    ///
    /// If one dies, or that takes longer than `limit`.
    pub(crate) fn wait_level(nodes: &mut [&mut Node], limit: Duration) -> Result<()> {
        let begun = Instant::now();
        for node in nodes {
            while !node.is_level()? {
                if node.stop.is_asked() {
                    bail!("stopped");
                }
                if begun.elapsed() > limit {
                    bail!("{} is not level after {} s", node.standing.name(), limit.as_secs());
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
        Ok(())
    }

    /// Checks every chain of the journal of a node that does not run; returns how many entries it has.
    ///
    /// # Errors
    ///
    /// If one is broken.
    pub(crate) fn verified_entries(&self) -> Result<u64> {
        let mut command = Command::new(&self.ondol);
        let output = command.args(["journal", "verify", "--json", "--config"]).arg(self.config()).output();
        let output = output.with_context(|| format!("cannot start {}", self.ondol.display()))?;
        if !output.status.success() {
            bail!("the journal is broken: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let told: serde_json::Value =
            serde_json::from_slice(&output.stdout).context("what is verified is told as JSON")?;
        told["entries"].as_u64().context("what is verified names its entries")
    }

    fn config(&self) -> PathBuf {
        self.dir.join("node.toml")
    }

    fn key(&self, name: &str, what: &[&str]) -> Result<String> {
        keys::node_of(&self.ondol, what, &self.dir.join(format!("{name}.key")))
    }

    fn configuration(&self, store: &str) -> String {
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
        // Its own name, or that of the edge to which it is linked; the port is the edge's own matter.
        let edge = match self.standing {
            Standing::Edge => Some(name),
            Standing::Alone | Standing::Central => self.linked.as_ref().map(|linked| linked.id),
        };
        let mut edge = edge.map(|edge| (edge.to_owned(), 0));
        for district in self.districts.iter().take(own) {
            text += &section(&District { edge: edge.take(), ..district.clone() });
        }
        if let Some(Linked { id, url, public_key }) = &self.linked {
            let (url, public_key) = (quoted(url), quoted(public_key));
            text += &format!("\n[[peers]]\nid = \"{id}\"\nurl = {url}\npublic_key = {public_key}\n");
        }
        text
    }
}

/// Copies the SQLite file of a node that does not run, with the log beside it, over what is there.
fn copy_store(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for end in ["", "-wal", "-shm"] {
        let file = format!("{FILE}{end}");
        let (from, to) = (from.join(&file), to.join(&file));
        let done = match fs::copy(&from, &to) {
            Err(error) if error.kind() == ErrorKind::NotFound && !end.is_empty() => {
                match fs::remove_file(&to) {
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                    removed => removed,
                }
            }
            copied => copied.map(drop),
        };
        done.with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_put_back_is_whole_and_has_nothing_of_later() {
        let dir = std::env::temp_dir().join(format!("ondol-kept-{}", std::process::id()));
        let (kept, file) = (dir.join(KEPT), |name: &str| dir.join(name));
        fs::create_dir_all(&dir).unwrap();
        fs::write(file("node.db"), "then").unwrap();
        copy_store(&dir, &kept).unwrap();
        fs::write(file("node.db"), "later").unwrap();
        fs::write(file("node.db-wal"), "later").unwrap();
        copy_store(&kept, &dir).unwrap();
        assert_eq!(fs::read_to_string(file("node.db")).unwrap(), "then");
        assert!(!file("node.db-wal").exists(), "a log of later changes the store when it is opened");
        fs::remove_file(kept.join("node.db")).unwrap();
        let error = copy_store(&kept, &dir).unwrap_err().to_string();
        assert!(error.contains("cannot copy"), "{error}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
