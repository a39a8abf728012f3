//! Who may know whom: `node → doors → engine → core`, and never the other way.

use std::collections::{BTreeMap, BTreeSet};

use super::{Complaint, assert_tidy, cargo, metadata};

/// Our crates that each of our crates may build on. A crate that is not listed has no place in the design yet.
const ARROWS: [(&str, &[&str]); 12] = [
    ("ondol-core", &[]),
    ("ondol-messages", &[]),
    ("ondol-roads", &["ondol-core"]),
    ("ondol-device", &["ondol-core"]),
    ("ondol-engine", &["ondol-core", "ondol-roads"]),
    ("ondol-driver-api", &["ondol-core", "ondol-device", "ondol-engine", "ondol-messages"]),
    ("ondol-rider-api", &["ondol-core", "ondol-engine", "ondol-messages", "ondol-roads"]),
    ("ondol-sms", &["ondol-core", "ondol-engine", "ondol-messages", "ondol-roads"]),
    ("ondol-console", &["ondol-core", "ondol-engine", "ondol-messages", "ondol-roads"]),
    // The simulators reach a node as its clients do, so they know no door and no engine.
    ("ondol-sim", &["ondol-core", "ondol-device", "ondol-roads"]),
    (
        "ondol",
        &[
            "ondol-console",
            "ondol-core",
            "ondol-device",
            "ondol-driver-api",
            "ondol-engine",
            "ondol-messages",
            "ondol-rider-api",
            "ondol-roads",
            "ondol-sim",
            "ondol-sms",
        ],
    ),
    ("xtask", &[]),
];

/// Crates that do their work without I/O and are given time and chance, each with what it may reach all the same.
/// The device writes times as the driver API spells them; that it reads no clock is `sources.rs`'s rule.
const PURE: [(&str, &[&str]); 2] = [("ondol-core", &[]), ("ondol-device", &["time"])];
/// What a pure crate must not even reach through others.
const IMPURE: [&str; 17] = [
    "async-std",
    "axum",
    "chrono",
    "fastrand",
    "futures-util",
    "getrandom",
    "hyper",
    "jiff",
    "mio",
    "rand",
    "rand-core",
    "reqwest",
    "rusqlite",
    "socket2",
    "sqlx",
    "time",
    "tokio",
];

/// The dependencies between our crates: name → (what it is built on, what its tests use besides).
type Arrows = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

fn wrong_arrows(arrows: &Arrows) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (name, (built_on, tests_use)) in arrows {
        let Some((_, allowed)) = ARROWS.iter().find(|(listed, _)| listed == name) else {
            complaints
                .push(Complaint::new(name, "is not in the design: add it to ARROWS with what it may know"));
            continue;
        };
        for other in built_on.iter().filter(|other| !allowed.contains(&other.as_str())) {
            complaints.push(Complaint::new(name, &format!("must not know {other}")));
        }
        // Tests may use what lies below, so that no test closes a circle.
        for other in tests_use.iter().filter(|other| height(other) >= height(name)) {
            complaints.push(Complaint::new(name, &format!("must not know {other}, even in tests")));
        }
    }
    complaints
}

/// How far above the core a crate lies.
fn height(name: &str) -> u32 {
    let allowed = ARROWS.iter().find(|(listed, _)| *listed == name).map_or(&[][..], |(_, allowed)| allowed);
    allowed.iter().map(|below| height(below) + 1).max().unwrap_or(0)
}

fn impurities(name: &str, granted: &[&str], tree: &str) -> Vec<Complaint> {
    // Library names as packages have them; "(*)" marks what was shown before.
    let reached: BTreeSet<String> =
        tree.lines().map(|line| line.trim_end_matches(" (*)").replace('_', "-")).collect();
    let banned = IMPURE.iter().filter(|banned| reached.contains(**banned) && !granted.contains(banned));
    banned.map(|banned| Complaint::new(name, &format!("is pure and must not reach {banned}"))).collect()
}

fn arrows_of(metadata: &serde_json::Value) -> Arrows {
    let mut arrows = Arrows::new();
    for package in metadata["packages"]
        .as_array()
        .expect("cargo lists packages")
        .iter()
        .filter(|package| package["source"].is_null())
    {
        let mut built_on = BTreeSet::new();
        let mut tests_use = BTreeSet::new();
        for dependency in package["dependencies"].as_array().expect("cargo lists dependencies") {
            let is_ours = !dependency["path"].is_null();
            let name = dependency["name"].as_str().expect("a dependency has a name").to_owned();
            match (is_ours, dependency["kind"].as_str()) {
                (true, Some("dev")) => tests_use.insert(name),
                (true, _) => built_on.insert(name),
                (false, _) => false,
            };
        }
        arrows.insert(
            package["name"].as_str().expect("a package has a name").to_owned(),
            (built_on, tests_use),
        );
    }
    arrows
}

#[test]
fn the_arrows_are_the_design() {
    let arrows = arrows_of(&metadata());
    assert_tidy(wrong_arrows(&arrows));
    for (name, _) in ARROWS {
        assert!(arrows.contains_key(name), "{name} is in the design, but not in the workspace");
    }
}

#[test]
fn the_pure_crates_reach_no_clock_no_network_and_no_chance() {
    for (name, granted) in PURE {
        let tree =
            cargo(&["tree", "--package", name, "--edges", "normal", "--prefix", "none", "--format", "{lib}"]);
        assert!(tree.lines().count() > 3, "cargo tree says too little: {tree:?}");
        assert_tidy(impurities(name, granted, &tree));
    }
}

#[cfg(test)]
mod planted {
    use super::*;

    fn planted(name: &str, built_on: &[&str], tests_use: &[&str]) -> Vec<Complaint> {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        wrong_arrows(&Arrows::from([(name.to_owned(), (set(built_on), set(tests_use)))]))
    }

    #[test]
    fn a_wrong_arrow_is_seen() {
        assert_eq!(
            planted("ondol-core", &["ondol-engine"], &[]),
            [Complaint::new("ondol-core", "must not know ondol-engine")]
        );
        assert_eq!(planted("ondol-rider-api", &["ondol-console"], &[]).len(), 1);
        assert_eq!(planted("ondol-sim", &["ondol-engine"], &[]).len(), 1);
        assert_eq!(planted("ondol-radio", &[], &[]).len(), 1, "a crate that nobody designed");
        assert_eq!(planted("ondol-rider-api", &["ondol-core", "ondol-engine"], &[]), []);
    }

    #[test]
    fn a_test_that_closes_a_circle_is_seen() {
        assert_eq!(planted("ondol-engine", &[], &["ondol-rider-api"]).len(), 1);
        assert_eq!(
            planted("ondol-rider-api", &[], &["ondol-console"]).len(),
            1,
            "doors do not know each other"
        );
        assert_eq!(planted("ondol-rider-api", &[], &["ondol-roads"]), []);
    }

    #[test]
    fn a_clock_in_the_core_is_seen() {
        let seen = |granted, tree| impurities("ondol-core", granted, tree);
        assert_eq!(
            seen(&[], "ondol_core\nserde\ntokio\n"),
            [Complaint::new("ondol-core", "is pure and must not reach tokio")]
        );
        assert_eq!(seen(&[], "futures_util (*)\nrand_core\n").len(), 2);
        assert_eq!(seen(&["time"], "time\ntokio\n").len(), 1);
        assert_eq!(seen(&[], "serde\nuuid\nruntime\n"), []);
    }
}
