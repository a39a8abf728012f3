//! Goal: riders and operators reach a real node through real pages in a real Chromium.
//! Method: a stand-alone node of the built executable on a free port with a fresh store; the browser stories of `web/e2e`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A node that ends with the test.
struct Node {
    process: Child,
    dir: PathBuf,
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself; the folder may be gone: neither matters any more.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
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

/// The districts of a map as configuration: ids with their zones.
fn districts(map: &Path) -> String {
    let text = fs::read_to_string(map.join("districts.geojson")).expect("the map has districts");
    let geojson: serde_json::Value = serde_json::from_str(&text).expect("districts are JSON");
    let mut zones: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for feature in geojson["features"].as_array().expect("a collection") {
        let of = |name: &str| {
            feature["properties"][name].as_str().expect("a zone has a name and a district").to_owned()
        };
        zones.entry(of("district")).or_default().push(of("zone"));
    }
    zones
        .into_iter()
        .map(|(id, zones)| format!("[[districts]]\nid = \"{id}\"\nzones = {}\n", serde_json::json!(zones)))
        .collect()
}

/// Starts a stand-alone node with one operator; returns it with its address once it serves.
fn start(ondol: &Path, password: &str) -> (Node, String) {
    let dir = std::env::temp_dir().join(format!("ondol-web-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a temporary folder can be made");
    let file = |name: &str| dir.join(name);
    run(Command::new(ondol).args(["map", "generate", "--seed", "7", "--out"]).arg(file("map")));
    run(Command::new(ondol).args(["node", "master", "--key"]).arg(file("master.key")));
    run(Command::new(ondol).args(["node", "enrol", "--key"]).arg(file("node.key")));
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
    let address = format!("127.0.0.1:{port}");
    let config = format!(
        "[node]\nid = \"central\"\nrole = \"standalone\"\n[listen]\naddress = \"{address}\"\n[store]\nurl = \"sqlite://{}\"\n\
         [keys]\nmaster = \"master.key\"\nnode = \"node.key\"\n[map]\ndir = \"map\"\n{}",
        file("node.db").display(),
        districts(&file("map"))
    );
    fs::write(file("node.toml"), config).expect("the folder can be written");
    let roster =
        serde_json::json!({ "operators": [{ "login": "minji", "password": password, "role": "operator" }] });
    fs::write(file("roster.json"), roster.to_string()).expect("the folder can be written");
    run(Command::new(ondol)
        .args(["node", "roster", "--config"])
        .arg(file("node.toml"))
        .arg(file("roster.json")));
    let mut process = Command::new(ondol)
        .args(["serve", "--config"])
        .arg(file("node.toml"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("the node starts");
    let log = process.stderr.take().expect("its log is piped");
    let node = Node { process, dir };
    let mut lines = BufReader::new(log).lines();
    let served = lines.by_ref().map_while(Result::ok).any(|line| line.contains("\"serving\""));
    assert!(served, "the node ended before it served");
    // Somebody must go on reading, or the node stops at a full pipe.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    (node, format!("http://{address}"))
}

#[test]
fn riders_and_operators_use_the_pages_in_chromium() {
    let Some(ondol) = ondol() else {
        println!("skipped: ONDOL_BIN names no executable; run `cargo xtask test --suite web`");
        return;
    };
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
    let password = "a long enough password";
    let (_node, url) = start(&ondol, password);
    let output = Command::new("node")
        .args(["e2e/run.mjs", &url])
        .current_dir(&web)
        .env("ONDOL_ACCOUNT", "minji")
        .env("ONDOL_PASSWORD", password)
        .output()
        .expect("Node.js is there: the pages are built with it");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let stories = told.lines().filter(|line| line.contains("\"passed\":true")).count();
    assert!(stories >= 8, "{told}");
}
