//! The configuration files of a demo's processes: the only place that knows their keys.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::plan::{Plan, Ports};

/// The names of the two districts, each with its edge.
pub(crate) const DISTRICTS: [&str; 2] = ["north", "south"];

/// What the files of one run have in common.
pub(crate) struct Configs<'a> {
    pub(crate) plan: &'a Plan,
    /// The run's folder; each process keeps its files in a folder of its own below.
    pub(crate) dir: &'a Path,
    /// The imported or generated map.
    pub(crate) map: &'a Path,
    /// Central's database, with its password.
    pub(crate) database_url: &'a str,
    /// When simulated time and wall time were the same, in ms since 1970.
    pub(crate) started_at_ms: u128,
}

impl Configs<'_> {
    /// Writes `central.toml`, `edge-*.toml`, `sms.toml` and `load.toml` into the run's folder.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub(crate) fn write(&self) -> Result<()> {
        self.save("central", &self.central())?;
        for (district, port) in DISTRICTS.into_iter().zip(self.plan.ports.edges) {
            self.save(&edge_name(district), &self.edge(district, port))?;
        }
        self.save("sms", &self.sms())?;
        self.save("load", &self.load())
    }

    fn central(&self) -> String {
        let edges: String = DISTRICTS
            .into_iter()
            .zip(self.plan.ports.edges)
            .map(|(district, port)| peer(&edge_name(district), port))
            .collect();
        format!(
            "role = \"central\"\nlisten = \"127.0.0.1:{}\"\ndata = {}\nmap = {}\n\n[store]\nurl = {}\n\n{}{edges}",
            self.plan.ports.central,
            quoted(&self.home("central")),
            quoted(self.map),
            quoted(Path::new(self.database_url)),
            self.clock(),
        )
    }

    fn edge(&self, district: &str, port: u16) -> String {
        let home = self.home(&edge_name(district));
        format!(
            "role = \"edge\"\ndistrict = \"{district}\"\nlisten = \"127.0.0.1:{port}\"\ndata = {}\nmap = {}\n\n\
             [store]\nurl = {}\n\n{}{}",
            quoted(&home),
            quoted(self.map),
            quoted(Path::new(&format!("sqlite://{}", home.join("edge.db").display()))),
            self.clock(),
            peer("central", self.plan.ports.central),
        )
    }

    fn sms(&self) -> String {
        let home = self.home("sms");
        format!(
            "role = \"text\"\nlisten = \"127.0.0.1:{}\"\nnode = \"http://127.0.0.1:{}\"\ndata = {}\n\n\
             [carrier]\nkind = \"gammu-spool\"\nspool = {}\n\n{}",
            self.plan.ports.sms,
            self.plan.ports.edges[0],
            quoted(&home),
            quoted(&home.join("spool")),
            self.clock(),
        )
    }

    fn load(&self) -> String {
        let Ports { central, edges, .. } = self.plan.ports;
        let mut text = format!(
            "role = \"load\"\nseed = {}\nduration_s = {}\nmap = {}\nrecord = {}\nspool = {}\n\
             central = \"http://127.0.0.1:{central}\"\nedges = [\"http://127.0.0.1:{}\", \"http://127.0.0.1:{}\"]\n",
            self.plan.seed,
            self.plan.duration_s,
            quoted(self.map),
            quoted(&self.home("load")),
            quoted(&self.home("sms").join("spool")),
            edges[0],
            edges[1],
        );
        if let Some(replay) = &self.plan.replay {
            text.push_str(&format!("\n[replay]\nfixes = {}\n", quoted(&replay.fixes)));
            if let Some(demand) = &replay.demand {
                text.push_str(&format!("demand = {}\n", quoted(demand)));
            }
            if let Some(from) = &replay.from {
                text.push_str(&format!("from = {}\n", quoted(Path::new(from))));
            }
        }
        text + "\n" + &self.clock()
    }

    fn clock(&self) -> String {
        format!("[clock]\nspeed = {}\nepoch_ms = {}\n", self.plan.speed, self.started_at_ms)
    }

    fn home(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn save(&self, name: &str, text: &str) -> Result<()> {
        let home = self.home(name);
        fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        let file = self.dir.join(format!("{name}.toml"));
        // Only its owner may read it: central's holds the password of its database.
        let mut options = fs::File::options();
        options.create(true).truncate(true).write(true).mode(0o600);
        options
            .open(&file)
            .and_then(|mut out| out.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

/// Returns the name of a district's edge in messages, logs and files.
pub(crate) fn edge_name(district: &str) -> String {
    format!("edge-{district}")
}

fn peer(name: &str, port: u16) -> String {
    format!("\n[[peers]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:{port}\"\n")
}

/// Writes a path as a TOML string; JSON's escapes are all TOML's too.
fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_stay_one_string() {
        assert_eq!(quoted(Path::new("/a \"b\"\n\\c")), r#""/a \"b\"\n\\c""#);
    }
}
