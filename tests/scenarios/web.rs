//! Goal: riders and operators reach real nodes through real pages in a real Chromium, also while nodes disappear.
//! Method: central and two edges of the built executable on free ports with fresh stores, their wires led through
//! links that the browser stories of `web/e2e` cut.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The nodes; the first two districts have the edges.
const NODES: [&str; 3] = ["central", "edge-a", "edge-b"];
/// The wires that a story may cut: where pages reach each node, and both ways between central and an edge.
const LINKS: [(&str, &str); 5] = [
    ("central", "central"),
    ("edge-a", "edge-a"),
    ("edge-b", "edge-b"),
    ("peer-b", "edge-b"),
    ("peer-central", "central"),
];

/// Those of the first district who may be asked.
const DRIVERS: [Driver; 2] = [
    Driver { number: 1, phone: "010-0000-0001", fleet: "hanbit", plate: "서울33바1234" },
    Driver { number: 2, phone: "010-0000-0002", fleet: "onnuri", plate: "서울33바5678" },
];
/// What they type at sign-in.
const SECRET: &str = "482107";

/// A driver with the app.
struct Driver {
    number: u32,
    phone: &'static str,
    fleet: &'static str,
    plate: &'static str,
}

impl Driver {
    /// As a roster lists one.
    fn listed(&self, district: &str) -> serde_json::Value {
        let id = format!("00000000-0000-4000-8000-{:012}", self.number);
        serde_json::json!({
            "driver": id, "vehicle": id, "name": "박바다", "phone": self.phone, "fleet": self.fleet, "district": district,
            "lang": "ko", "secret": SECRET, "plate": self.plate, "seats": 4,
        })
    }

    /// As a story signs one in.
    fn sign_in(&self) -> serde_json::Value {
        serde_json::json!({ "phone": self.phone, "secret": SECRET })
    }
}

/// A node that ends with the test.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The nodes of a test and where they are reached; all of it is gone with the test.
struct System {
    /// Before the folder: a node writes into it until it ends.
    nodes: Vec<Node>,
    dir: PathBuf,
    /// Ports by name, a link's with the word "link" before.
    ports: BTreeMap<String, u16>,
}

impl Drop for System {
    fn drop(&mut self) {
        self.nodes.clear();
        // The system clears its temporary folder too.
        let _removed = fs::remove_dir_all(&self.dir);
    }
}

/// The executable under test; `cargo xtask test` says which.
fn ondol() -> Option<PathBuf> {
    std::env::var_os("ONDOL_BIN").map(PathBuf::from).filter(|path| path.exists())
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {told}");
    String::from_utf8(output.stdout).expect("its words are text")
}

/// The districts of a map with their zones.
fn districts(map: &Path) -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(map.join("districts.geojson")).expect("the map has districts");
    let geojson: serde_json::Value = serde_json::from_str(&text).expect("districts are JSON");
    let mut zones: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for feature in geojson["features"].as_array().expect("a collection") {
        let of = |name: &str| {
            feature["properties"][name].as_str().expect("a zone has a name and a district").to_owned()
        };
        zones.entry(of("district")).or_default().push(of("zone"));
    }
    zones.into_iter().collect()
}

impl System {
    fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("ondol-web-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a temporary folder can be made");
        let names = NODES.iter().map(|node| (*node).to_owned());
        let names = names.chain(LINKS.iter().map(|(link, _)| format!("link {link}")));
        // All are held until all are chosen, so that none is chosen twice.
        let held: Vec<(String, TcpListener)> =
            names.map(|name| (name, TcpListener::bind("127.0.0.1:0").expect("a free port"))).collect();
        let port = |socket: &TcpListener| socket.local_addr().expect("it is bound").port();
        let ports = held.iter().map(|(name, socket)| (name.clone(), port(socket))).collect();
        Self { nodes: Vec::new(), dir, ports }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[name])
    }

    /// What `--link` takes: where it listens and to whom it leads.
    fn links(&self) -> impl Iterator<Item = String> {
        LINKS
            .iter()
            .map(|(link, node)| format!("{link}={},{}", self.url(&format!("link {link}")), self.url(node)))
    }

    /// Makes keys and configurations; `password` is the operator's at central.
    fn prepare(&self, ondol: &Path, password: &str) {
        let map = self.file("map");
        run(Command::new(ondol).args(["map", "generate", "--seed", "7", "--out"]).arg(&map));
        run(Command::new(ondol).args(["node", "master", "--key"]).arg(self.file("master.key")));
        let keys: BTreeMap<&str, String> = NODES
            .into_iter()
            .map(|node| {
                let file = self.file(&format!("{node}.key"));
                let key = run(Command::new(ondol).args(["node", "enrol", "--key"]).arg(file));
                (node, key.trim().to_owned())
            })
            .collect();
        let districts = districts(&map);
        assert!(districts.len() >= 2, "two edges need two districts");
        let section = |n: usize| {
            let (id, zones) = &districts[n];
            let edge = NODES.get(n + 1).map_or(String::new(), |edge| format!("edge = \"{edge}\"\n"));
            format!("[[districts]]\nid = \"{id}\"\nzones = {}\n{edge}", serde_json::json!(zones))
        };
        let peer = |node: &str, url: &str| {
            let public = self.url(&format!("link {node}"));
            let key = &keys[node];
            format!(
                "[[peers]]\nid = \"{node}\"\nurl = \"{url}\"\npublic_key = '{key}'\npublic_url = \"{public}\"\n"
            )
        };
        let neighbour = |node: &str, n: usize| {
            let (url, district) = (self.url(&format!("link {node}")), &districts[n].0);
            format!("[[neighbours]]\nid = \"{node}\"\nurl = \"{url}\"\ndistrict = \"{district}\"\n")
        };
        let all: String = (0..districts.len()).map(section).collect();
        let (edge_a, edge_b) = (self.url("edge-a"), self.url("link peer-b"));
        self.configure("central", &(all + &peer("edge-a", &edge_a) + &peer("edge-b", &edge_b)));
        let central = peer("central", &self.url("central"));
        self.configure("edge-a", &(section(0) + &central + &neighbour("edge-b", 1)));
        let central = peer("central", &self.url("link peer-central"));
        self.configure("edge-b", &(section(1) + &central + &neighbour("edge-a", 0)));
        let roster = serde_json::json!({
            "drivers": DRIVERS.map(|driver| driver.listed(&districts[0].0)),
            "operators": [{ "login": "minji", "password": password, "role": "operator" }]
        });
        fs::write(self.file("roster.json"), roster.to_string()).expect("the folder can be written");
        let config = self.file("central.toml");
        run(Command::new(ondol)
            .args(["node", "roster", "--config"])
            .arg(config)
            .arg(self.file("roster.json")));
    }

    fn configure(&self, node: &str, rest: &str) {
        let role =
            if node == "central" { "role = \"central\"" } else { "role = \"edge\"\ncentral = \"central\"" };
        let text = format!(
            "[node]\nid = \"{node}\"\n{role}\n[listen]\naddress = \"127.0.0.1:{}\"\npublic_url = \"{}\"\n\
             [store]\nurl = \"sqlite://{}\"\n[keys]\nmaster = \"master.key\"\nnode = \"{node}.key\"\n\
             [map]\ndir = \"map\"\n{rest}",
            self.ports[node],
            self.url(&format!("link {node}")),
            self.file(&format!("{node}.db")).display(),
        );
        fs::write(self.file(&format!("{node}.toml")), text).expect("the folder can be written");
    }

    /// Starts a node and returns once it serves.
    fn start(&mut self, ondol: &Path, node: &str) {
        let mut process = Command::new(ondol)
            .args(["serve", "--config"])
            .arg(self.file(&format!("{node}.toml")))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the node starts");
        let log = process.stderr.take().expect("its log is piped");
        self.nodes.push(Node(process));
        let mut lines = BufReader::new(log).lines();
        let served = lines.by_ref().map_while(Result::ok).any(|line| line.contains("\"serving\""));
        assert!(served, "{node} ended before it served");
        // Somebody must go on reading, or the node stops at a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    }
}

#[test]
fn riders_and_operators_use_the_pages_in_chromium() {
    let Some(ondol) = ondol() else {
        println!("skipped: ONDOL_BIN names no executable; run `cargo xtask test --suite web`");
        return;
    };
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
    let password = "a long enough password";
    let mut system = System::new();
    system.prepare(&ondol, password);
    for node in NODES {
        system.start(&ondol, node);
    }
    let output = Command::new("node")
        .args(["e2e/run.mjs", &system.url("link central")])
        .args(system.links().flat_map(|link| ["--link".to_owned(), link]))
        .current_dir(&web)
        .env("ONDOL_ACCOUNT", "minji")
        .env("ONDOL_PASSWORD", password)
        .env("ONDOL_DRIVERS", serde_json::json!(DRIVERS.map(|driver| driver.sign_in())).to_string())
        .output()
        .expect("Node.js is there: the pages are built with it");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let stories = told.lines().filter(|line| line.contains("\"passed\":true")).count();
    assert!(stories >= 18, "{told}");
    let unplayed = ["no links to cut", "no drivers to ask"];
    let unplayed = told.lines().filter(|line| unplayed.iter().any(|why| line.contains(why))).count();
    assert_eq!(unplayed, 0, "{told}");
}
