//! The configuration files of a demo's processes: the only place that knows their keys.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::keys;
use super::plan::{Plan, Ports};
use super::routes::{CITY, Routes, TEXT};
use crate::run;

/// Folder, in a run's, through which the person at the terminal takes part in the city.
pub(crate) const VISITOR: &str = "visitor";

/// A district of the map, with its edge if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct District {
    pub(crate) id: String,
    pub(crate) zones: Vec<String>,
    /// Its edge's name and port.
    pub(crate) edge: Option<(String, u16)>,
}

/// Reads the districts of a map and gives the first of them the edges.
///
/// # Errors
///
/// If the map has fewer districts than there are edges, or its file is not what `ondol map` writes.
pub(crate) fn districts(map: &Path, ports: Ports) -> Result<Vec<District>> {
    let file = map.join("districts.geojson");
    let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let geojson: serde_json::Value =
        serde_json::from_slice(&bytes).with_context(|| format!("{} is not JSON", file.display()))?;
    let features =
        geojson["features"].as_array().with_context(|| format!("{} has no features", file.display()))?;
    let mut found: Vec<District> = Vec::new();
    for properties in features.iter().map(|feature| &feature["properties"]) {
        let (Some(id), Some(zone)) = (properties["district"].as_str(), properties["zone"].as_str()) else {
            bail!("{}: a zone has no name or no district", file.display());
        };
        match found.iter_mut().find(|known| known.id == id) {
            Some(known) => known.zones.push(zone.to_owned()),
            None => found.push(District { id: id.to_owned(), zones: vec![zone.to_owned()], edge: None }),
        }
    }
    if found.len() < ports.edges.len() {
        bail!("{} has {} districts; the demo has {} edges", file.display(), found.len(), ports.edges.len());
    }
    for (district, port) in found.iter_mut().zip(ports.edges) {
        district.edge = Some((format!("edge-{}", district.id), port));
    }
    Ok(found)
}

/// What the files of one run have in common.
pub(crate) struct Configs<'a> {
    pub(crate) plan: &'a Plan,
    /// The run's folder; each process keeps its files in a folder of its own below.
    pub(crate) dir: &'a Path,
    /// The imported or generated map.
    pub(crate) map: &'a Path,
    pub(crate) districts: &'a [District],
    /// How they reach each other.
    pub(crate) routes: &'a Routes,
    /// Central's database, with its password.
    pub(crate) database_url: &'a str,
    /// The moment at which simulated time is the plan's start.
    pub(crate) wall_start: OffsetDateTime,
}

impl Configs<'_> {
    /// Makes the keys and writes `central.toml`, `edge-*.toml`, `sms.toml` and `load.toml` into the run's folder.
    ///
    /// # Errors
    ///
    /// If a key cannot be made or a file cannot be written.
    pub(crate) fn write(&self) -> Result<()> {
        let clock = self.clock()?;
        keys::node(&["master", "--key"], &self.dir.join("master.key"))?;
        let central_key = keys::node(&["enrol", "--key"], &self.dir.join("central.key"))?;
        let mut edge_keys = BTreeMap::new();
        let mut edges = String::new();
        for (name, port) in self.edges() {
            let key = keys::node(&["enrol", "--key"], &self.dir.join(format!("{name}.key")))?;
            edges += &format!("\n[[peers]]\n{}", self.reached("central", name, port, &key));
            edge_keys.insert(name, key);
        }
        let all: String = self.districts.iter().map(section).collect();
        self.save(
            "central",
            &(self.node("central", "", self.plan.ports.central, self.database_url) + &clock + &all + &edges),
        )?;
        for district in self.districts {
            let Some((name, port)) = &district.edge else { continue };
            let store = format!("sqlite://{}", self.home(name).join("edge.db").display());
            let node = self.node(name, "central = \"central\"\n", *port, &store);
            let central = self.reached(name, "central", self.plan.ports.central, &central_key);
            let central = format!("\n[[peers]]\n{central}");
            let others = self.districts.iter().filter(|other| other.id != district.id);
            let neighbours: String = others
                .filter_map(|other| {
                    let (edge, port) = other.edge.as_ref()?;
                    let reached = self.reached(name, edge, *port, &edge_keys[edge.as_str()]);
                    Some(format!("\n[[neighbours]]\n{reached}district = \"{}\"\n", other.id))
                })
                .collect();
            self.save(name, &(node + &clock + &section(district) + &central + &neighbours))?;
        }
        self.save("sms", &(self.sms() + &clock))?;
        self.save("load", &(self.load() + &clock))
    }

    fn edges(&self) -> impl Iterator<Item = (&str, u16)> {
        self.districts
            .iter()
            .filter_map(|district| district.edge.as_ref())
            .map(|(name, port)| (name.as_str(), *port))
    }

    fn node(&self, name: &str, central: &str, port: u16, store: &str) -> String {
        let role = if central.is_empty() { "central" } else { "edge" };
        let public_url = self.routes.url(CITY, name, port);
        format!(
            "[node]\nid = \"{name}\"\nrole = \"{role}\"\n{central}\n[listen]\naddress = \"127.0.0.1:{port}\"\n\
             public_url = \"{public_url}\"\n\n\
             [store]\nurl = {}\n\n[keys]\nmaster = \"master.key\"\nnode = \"{name}.key\"\n\n[map]\ndir = {}\n\n",
            quoted(store),
            quoted(&self.map.to_string_lossy()),
        )
    }

    fn sms(&self) -> String {
        // The first edge is preferred, then the other, then central.
        let central = ("central", self.plan.ports.central);
        let nodes: String = self
            .edges()
            .chain([central])
            .map(|(name, port)| {
                let url = self.routes.url(TEXT, name, port);
                format!("\n[[nodes]]\nname = \"{name}\"\nurl = \"{url}\"\n")
            })
            .collect();
        format!(
            "role = \"text\"\nname = \"text-1\"\nlisten = \"127.0.0.1:{}\"\nstore = \"sms/text.db\"\nkey_file = \"sms/text.key\"\n\
             node_token_file = \"sms/token\"\n{nodes}\n[carrier]\nkind = \"gammu\"\nspool = \"sms/spool\"\n\n\
             [words]\noperator_phone = \"02-000-0000\"\n\n",
            self.plan.ports.sms,
        )
    }

    fn load(&self) -> String {
        let mut text = format!(
            "seed = {}\nduration_s = {}\nroster = \"roster.json\"\nmap = {}\nrecord = {}\nspool = {}\ncentral = \"{}\"\nedges = [{}]\n\n",
            self.plan.seed,
            self.plan.duration_s,
            quoted(&self.map.to_string_lossy()),
            quoted(&self.home("load").to_string_lossy()),
            quoted(&self.home("sms").join("spool").to_string_lossy()),
            self.routes.url(CITY, "central", self.plan.ports.central),
            self.urls(),
        );
        if self.plan.is_open {
            text.insert_str(0, &format!("visitor = \"{VISITOR}\"\n"));
        }
        text += &format!("[demand]\nwishes = {}\n\n", self.plan.wishes);
        if let Some(bookings) = self.plan.crash_bookings {
            text += &format!("[crash]\nbookings_per_s = 8.0\nbookings = {bookings}\n\n");
        }
        if let Some(replay) = &self.plan.replay {
            text += &format!("[replay]\nfixes = {}\n", quoted(&replay.fixes.to_string_lossy()));
            if let Some(demand) = &replay.demand {
                text += &format!("demand = {}\n", quoted(&demand.to_string_lossy()));
            }
            text.push('\n');
        }
        text
    }

    /// A node as `caller` reaches and knows it, and as it tells phones to.
    fn reached(&self, caller: &str, name: &str, port: u16, key: &str) -> String {
        let (url, public_url) = (self.routes.url(caller, name, port), self.routes.url(CITY, name, port));
        format!(
            "id = \"{name}\"\nurl = \"{url}\"\npublic_url = \"{public_url}\"\npublic_key = {}\n",
            quoted(key)
        )
    }

    fn urls(&self) -> String {
        let urls = self.edges().map(|(name, port)| quoted(&self.routes.url(CITY, name, port)));
        urls.collect::<Vec<_>>().join(", ")
    }

    fn clock(&self) -> Result<String> {
        let write =
            |moment: OffsetDateTime| moment.format(&Rfc3339).context("a moment of our era can be written");
        let (wall, simulated) = (write(self.wall_start)?, write(self.plan.sim_start)?);
        Ok(format!(
            "[clock]\nspeed = {}.0\nwall_start_at = \"{wall}\"\nsim_start_at = \"{simulated}\"\n",
            self.plan.speed
        ))
    }

    fn home(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn save(&self, name: &str, text: &str) -> Result<()> {
        let home = self.home(name);
        fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        run::write_private(&self.dir.join(format!("{name}.toml")), text) // central's holds a password
    }
}

/// A district as a node's configuration lists it.
pub(crate) fn section(district: &District) -> String {
    let zones = serde_json::Value::from(district.zones.clone());
    let edge = district.edge.as_ref().map_or(String::new(), |(name, _)| format!("edge = \"{name}\"\n"));
    format!("\n[[districts]]\nid = \"{}\"\nzones = {zones}\n{edge}", district.id)
}

/// Writes a TOML string; JSON's escapes are all TOML's too.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports { central: 1, edges: [2, 3], sms: 4 };

    fn read(name: &str, geojson: &str) -> Result<Vec<District>> {
        let dir = std::env::temp_dir().join(format!("ondol-districts-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("districts.geojson"), geojson).unwrap();
        let found = districts(&dir, PORTS);
        fs::remove_dir_all(&dir).unwrap();
        found
    }

    fn zone(district: &str, zone: &str) -> String {
        format!(
            r#"{{"type":"Feature","properties":{{"district":"{district}","zone":"{zone}"}},"geometry":null}}"#
        )
    }

    #[test]
    fn a_map_without_a_district_for_each_edge_is_refused() {
        let one = format!(r#"{{"features":[{}]}}"#, zone("a", "a-1"));
        assert!(read("one", &one).unwrap_err().to_string().contains("has 1 districts"));
        assert!(read("none", "{}").unwrap_err().to_string().contains("no features"));
        assert!(read("bad", "<xml/>").unwrap_err().to_string().contains("not JSON"));
        assert!(
            read("nameless", r#"{"features":[{"properties":{}}]}"#)
                .unwrap_err()
                .to_string()
                .contains("no name")
        );
    }

    #[test]
    fn zones_come_together_and_the_first_districts_get_the_edges() {
        let features = [zone("a", "a-1"), zone("b", "b-1"), zone("a", "a-2"), zone("c", "c-1")].join(",");
        let found = read("three", &format!(r#"{{"features":[{features}]}}"#)).unwrap();
        let edges: Vec<_> = found.iter().map(|district| district.edge.clone()).collect();
        assert_eq!(found[0].zones, ["a-1", "a-2"]);
        assert_eq!(edges, [Some(("edge-a".to_owned(), 2)), Some(("edge-b".to_owned(), 3)), None]);
        assert_eq!(
            section(&found[0]),
            "\n[[districts]]\nid = \"a\"\nzones = [\"a-1\",\"a-2\"]\nedge = \"edge-a\"\n"
        );
    }

    #[test]
    fn odd_paths_stay_one_string() {
        assert_eq!(quoted("/a \"b\"\n\\c"), r#""/a \"b\"\n\\c""#);
    }
}
