//! Goal: whoever copies the samples and puts in keys and paths gets nodes that start.
//! Method: the samples, with the keys and paths of this run put in, are read by the code that `ondol` reads them with.

use ondol_engine::peer::CALL_MAX;
use ondol_engine::roster::RosterFile;

use super::*;

const CENTRAL: &str = include_str!("../../sample-central.toml");
const EDGE: &str = include_str!("../../sample-edge.toml");
const PROXY: &str = include_str!("../../../../docs/operating/nginx.conf");
pub(super) const ROSTER: &str = include_str!("../../sample-roster.json");
const TARIFF: &str = include_str!("../../../core/data/tariff-seoul-2023-02-01.json");

pub(super) struct Folder(pub(super) tempfile::TempDir);

impl Folder {
    /// The folder as staff makes it: keys, a map, a tariff, and both configurations.
    pub(super) fn new() -> Self {
        let dir = tempfile::TempDir::new().unwrap();
        let path = |name: &str| dir.path().join(name);
        Secrets::generate().write_new(&path("master.key")).unwrap();
        let mut keys = Vec::new();
        for (node, placeholder) in [
            ("central", "KEY-OF-CENTRAL"),
            ("edge-hanbuk", "KEY-OF-EDGE-HANBUK"),
            ("edge-hannam", "KEY-OF-EDGE-HANNAM"),
        ] {
            let key = SigningKey::load_or_create(&path(&format!("{node}.key"))).unwrap();
            keys.push((placeholder, key.public().to_string()));
        }
        ondol_roads::generate::generate(1, &path("map"), &mut |_| {}).unwrap();
        std::fs::write(path("tariff.json"), TARIFF).unwrap();
        let place = |sample: &str, store: (&str, &str)| {
            let sqlite = format!("sqlite://{}", path(store.1).display());
            assert!(sample.contains(store.0));
            let text = sample.replace(store.0, &sqlite);
            let speeds = path(&format!("{}.speeds", store.1)).display().to_string();
            let text = text.replace("/var/lib/ondol/speeds.bin", &speeds);
            let text = text.replace("# [tariff]\n# file", "[tariff]\nfile");
            keys.iter().fold(text, |text, (placeholder, key)| text.replace(placeholder, key))
        };
        let central = place(CENTRAL, ("postgres://ondol:PASSWORD@127.0.0.1:5432/ondol", "central.db"));
        let edge = place(EDGE, ("sqlite:///var/lib/ondol/edge-hanbuk.db", "edge.db"));
        std::fs::write(path("central.toml"), central).unwrap();
        std::fs::write(path("edge.toml"), edge).unwrap();
        Self(dir)
    }

    fn change(&self, file: &str, from: &str, to: &str) -> std::path::PathBuf {
        let text = std::fs::read_to_string(self.0.path().join(file)).unwrap();
        assert!(text.contains(from), "{from}");
        let changed = self.0.path().join("changed.toml");
        std::fs::write(&changed, text.replace(from, to)).unwrap();
        changed
    }

    async fn complaint(&self, file: &str, from: &str, to: &str) -> String {
        let Err(error) = start(&self.change(file, from, to)).await else { panic!("{to} was taken") };
        format!("{error:#}")
    }
}

#[tokio::test]
async fn the_samples_start_a_central_and_an_edge() {
    let folder = Folder::new();
    for (file, drivers) in [("central.toml", 2), ("edge.toml", 0)] {
        let station = start(&folder.0.path().join(file)).await.unwrap();
        PeerLink::start(&station.config, &station.running.handle, &station.identity, station.running.calls)
            .unwrap();
        let mut roster = RosterFile::from_json(ROSTER.as_bytes()).unwrap();
        roster.drivers.truncate(drivers);
        let key = station.secrets.derive("driver-secret");
        let entered = roster.enter(&station.running.handle, &station.identity, &key).await.unwrap();
        assert_eq!((entered.drivers, entered.operators), (drivers, 2), "{file}");
        station.running.handle.shut_down().await;
        station.running.task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_does_not_fit_is_named_by_file_and_key() {
    let folder = Folder::new();
    for (from, to, named) in [
        ("\"hanbuk-east\"", "\"hanbuk-south\"", "districts[0].zones: the map has no zone hanbuk-south"),
        ("id = \"hannam\"", "id = \"mapo\"", "districts[1].id: the map has no district mapo"),
        ("\"tariff.json\"", "\"no.json\"", "tariff.file"),
        ("\"tariff.json\"", "\"central.toml\"", "tariff.file"),
        ("\"master.key\"", "\"other.key\"", "keys.master"),
    ] {
        let said = folder.complaint("central.toml", from, to).await;
        assert!(said.contains("changed.toml: ") && said.contains(named), "{to}: {said}");
    }
}

/// A copied sample without the peers' keys trusts nobody, instead of a stranger.
#[tokio::test]
async fn a_key_that_was_not_put_in_is_asked_for() {
    let folder = Folder::new();
    let key = SigningKey::load(&folder.0.path().join("central.key")).unwrap().public().to_string();
    let said = folder.complaint("edge.toml", &key, "KEY-OF-CENTRAL").await;
    assert!(said.contains("peers[0].public_key"), "{said}");
}

/// A proxy that takes less than a node refuses the calls of nodes that have lived long.
#[test]
fn the_proxy_takes_between_nodes_what_a_node_takes() {
    let (_, between_nodes) = PROXY.split_once("location /sync/ {").unwrap();
    let bound = between_nodes.split_once("client_max_body_size ").unwrap().1.split_once("m;").unwrap().0;
    assert_eq!(bound.parse::<usize>().unwrap() * 1024 * 1024, CALL_MAX);
}

/// Nodes and the text process read the same `[clock]`.
#[test]
fn a_clock_is_spelled_one_way() {
    let clock =
        "speed = 2.0\nwall_start_at = \"2026-01-01T00:00:00Z\"\nsim_start_at = \"2026-01-01T00:00:00Z\"";
    let node: Config = format!("{CENTRAL}\n[clock]\n{clock}").parse().unwrap();
    assert!(node.clock.wall_start_at.is_some());
}
