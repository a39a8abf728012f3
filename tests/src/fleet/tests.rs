//! Goal: the world keeps its rules under every policy, a run is its files and seed, and bad files are named.
//! Method: a small town that is made from a seed, with one-way streets, short shifts, and more riders than taxis can
//! serve; the data of a real town where it is at hand.

use std::path::PathBuf;

use ondol_core::matching::EXCHANGES_MAX;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::rules::broken;
use super::*;

mod degraded;

const POLICIES: [PolicyName; 5] =
    [PolicyName::Ondol, PolicyName::Node, PolicyName::Nearest, PolicyName::Batch10, PolicyName::ChatGroup];

/// The four files of a town of 8 × 8 crossings.
fn files(seed: u64) -> [String; 4] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut nodes, mut edges) =
        (String::from("node,x_m,lat,lon\r\n"), String::from("from,to,length_m,time_s\r\n"));
    for n in 0..64 {
        // Two crossings lie at one place, one above the other.
        let place = if n == 9 { 8 } else { n };
        nodes += &format!(
            "n{n},0,{:.6},{:.6}\r\n",
            51.0 + 0.004 * f64::from(place / 8),
            14.0 + 0.006 * f64::from(place % 8)
        );
        for to in [n + 1, n + 8].into_iter().filter(|to| *to < 64 && (*to != n + 1 || to % 8 != 0)) {
            let time_s = rng.random_range(0..90);
            edges += &format!(
                "n{n},n{to},{}.5,{time_s}\r\nn{to},n{n},{}.25,{time_s}\r\n",
                100 + time_s,
                120 + time_s
            );
            // One direction is quicker.
            if rng.random_bool(0.3) {
                edges += &format!("n{n},n{to},90,{}\r\n", time_s / 2);
            }
        }
    }
    let mut requests = String::from("request,time_s,from,to,max_wait_s\r\n");
    for r in 0..240 {
        let (from, to) = (rng.random_range(0..64), rng.random_range(0..64));
        let patience = if r % 5 == 0 { "300" } else { "" };
        requests += &format!("r{r},{},n{from},n{to},{patience}\r\n", 1_000 + r * 11);
    }
    let mut vehicles = String::from("vehicle,start,shift_start_s,shift_end_s\r\n");
    for v in 0..24 {
        let end = if v % 3 == 0 { 2_300 } else { 86_400 };
        vehicles += &format!("v{v},n{},{},{end}\r\n", rng.random_range(0..64), v * 60);
    }
    [nodes, edges, requests, vehicles]
}

/// Writes files into a folder of this test and reads them as a town.
fn town(test: &str, texts: &[String; 4]) -> Result<Town, BadFile> {
    let folder = std::env::temp_dir().join(format!("ondol-fleet-{test}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let names = ["nodes.csv", "edges.csv", "requests.csv", "vehicles.csv"];
    for (name, text) in names.iter().zip(texts) {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let [nodes, edges, requests, vehicles] = names.map(|name| folder.join(name));
    let town = Town::read(&Files { nodes, edges, requests, vehicles });
    std::fs::remove_dir_all(&folder).unwrap();
    town
}

fn options(policy: PolicyName) -> Options {
    Options { pickup_s: 40, dropoff_s: 20, max_wait_s: Some(600), policy, seed: 3, ..Options::default() }
}

#[test]
fn the_world_keeps_its_rules_under_every_policy() {
    for seed in 0..6 {
        let town = town("rules", &files(seed)).unwrap();
        for policy in POLICIES {
            let options = options(policy);
            let (log, report) = run(&town, &options, |_| {});
            assert_eq!(broken(&town, &options, &log), Vec::<String>::new(), "seed {seed}, {policy}");
            assert!(log.served() > 40, "seed {seed}, {policy}: {}", log.served());
            assert!(log.served() < 240, "seed {seed}, {policy}: nobody has ever gone");
            let changes = matches!(policy, PolicyName::Ondol | PolicyName::Node);
            assert_eq!(changes, report.metrics.reassigned > 0, "seed {seed}, {policy}");
            let keeps = policy == PolicyName::Node;
            let most = log.rides.iter().map(|ride| ride.reassigned).max();
            assert!(
                !keeps || most.is_some_and(|most| most as usize <= EXCHANGES_MAX),
                "seed {seed}: {most:?} changes of one taxi"
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_logs_and_another_does_not() {
    let town = town("seed", &files(7)).unwrap();
    for policy in POLICIES {
        let ((log, report), (again, report_again)) =
            (run(&town, &options(policy), |_| {}), run(&town, &options(policy), |_| {}));
        assert_eq!(log.rides_csv(&town), again.rides_csv(&town), "{policy}");
        assert_eq!(log.legs_csv(&town), again.legs_csv(&town), "{policy}");
        assert_eq!(report.metrics, report_again.metrics, "{policy}");
    }
    let other = Options { seed: 4, ..options(PolicyName::ChatGroup) };
    assert_ne!(run(&town, &options(PolicyName::ChatGroup), |_| {}).0, run(&town, &other, |_| {}).0);
}

#[test]
fn riders_who_wait_without_end_are_all_served() {
    let town = town("endless", &files(2).map(|text| text.replace(",300\r", ",\r"))).unwrap();
    let options = Options { max_wait_s: None, ..options(PolicyName::Ondol) };
    let (log, report) = run(&town, &options, |_| {});
    assert_eq!(broken(&town, &options, &log), Vec::<String>::new());
    assert_eq!((log.served(), report.metrics.service_rate), (240, 1.0));
}

#[test]
fn the_metrics_are_what_the_design_says() {
    let texts = [
        "node,lat,lon\na,51.0,14.0\nb,51.1,14.0\nc,51.2,14.0\n",
        "from,to,length_m,time_s\na,b,1000,100\nb,c,3000,200\nc,b,3000,200\n",
        "request,time_s,from,to,max_wait_s\none,10,b,c,\ntwo,20,b,c,500\nthree,30,c,b,\n",
        "vehicle,start,shift_start_s,shift_end_s\nt,a,0,9999\nidle,a,9000,9999\n",
    ];
    let town = town("metrics", &texts.map(str::to_owned)).unwrap();
    let options = Options { pickup_s: 30, dropoff_s: 10, max_wait_s: Some(600), ..Options::default() };
    let (log, report) = run(&town, &options, |_| {});
    assert_eq!(broken(&town, &options, &log), Vec::<String>::new());
    // One: there at 110, aboard at 140, at c at 340, clear at 350; three at once. Two has gone by then.
    let rides = "request,status,vehicle,t_first_assign,reassigned,t_arrive,t_board,t_drop\n\
        one,served,t,10,0,110,140,350\ntwo,cancelled,,,0,,,\nthree,served,t,350,0,350,380,590\n";
    assert_eq!(log.rides_csv(&town), rides);
    let legs = "vehicle,kind,from,to,t_depart,t_arrive\nt,pickup,a,b,10,110\nt,occupied,b,c,140,340\n\
        t,pickup,c,c,350,350\nt,occupied,c,b,380,580\n";
    assert_eq!(log.legs_csv(&town), legs);
    let metrics = report.metrics;
    assert_eq!((metrics.wait_p50, metrics.wait_p95, metrics.wait_max), (100, 320, 320));
    assert_eq!((metrics.service_rate, metrics.wait_mean), (0.666_667, 210.0));
    assert_eq!(metrics.wait_pen_mean, 306.666_667, "(100 + 500 + 320) / 3");
    assert_eq!((metrics.empty_ratio, metrics.empty_time_ratio), (0.142_857, 0.2));
    assert_eq!((metrics.gini_occ, metrics.reassigned), (0.5, 0));
}

#[test]
fn bad_files_are_named_with_their_line() {
    let good = files(1);
    let cases = [
        (0, "n5,0,", "n4,0,", "nodes.csv:7: node \"n4\" stands there twice"),
        (0, "node,x_m,lat", "node,x_m,latitude", "nodes.csv:1: the header has no column \"lat\""),
        (0, "n3,0,51.000000", "n3,0,north", "nodes.csv:5: lat is \"north\""),
        (1, "n0,n1,", "n0,nowhere,", "edges.csv:2: there is no node \"nowhere\""),
        (2, "r2,1022,", "r2,10.5,", "requests.csv:4: time_s is \"10.5\""),
        (2, "r3,1033,", "r3,1033,x,", "requests.csv:5: 6 columns"),
        (3, "v0,", ",", "vehicles.csv:2: vehicle is empty"),
        (3, "2300", "10", "vehicles.csv:5: the shift ends at 10"),
    ];
    for (file, from, to, expected) in cases {
        let mut texts = good.clone();
        texts[file] = texts[file].replacen(from, to, if from == "2300" { 9 } else { 1 });
        let Err(error) = town("bad", &texts) else { panic!("{expected}: was taken") };
        assert!(error.to_string().contains(expected), "{error}, not {expected}");
    }
    let missing = Files {
        nodes: "/no/such/nodes.csv".into(),
        edges: PathBuf::new(),
        requests: PathBuf::new(),
        vehicles: PathBuf::new(),
    };
    assert!(Town::read(&missing).unwrap_err().to_string().starts_with("/no/such/nodes.csv: "));
}

#[test]
fn the_rules_are_kept_in_a_real_town() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let data = std::env::var_os("ONDOL_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let folder = data.join("quality/cottbus");
    if !folder.exists() {
        println!("skipped: {} is absent; set ONDOL_DATA to the folder that holds quality/", folder.display());
        return;
    }
    let mut texts = ["nodes.csv", "edges.csv", "requests_am_x1.0.csv", "vehicles_2000.csv"]
        .map(|name| std::fs::read_to_string(folder.join(name)).unwrap());
    // Every tenth rider and taxi: the whole town takes a minute.
    for text in &mut texts[2..] {
        *text = text
            .lines()
            .enumerate()
            .filter(|(n, _)| *n == 0 || n % 10 == 1)
            .map(|(_, l)| format!("{l}\n"))
            .collect();
    }
    let town = town("real", &texts).unwrap();
    let options = Options { max_wait_s: Some(900), ..Options::default() };
    let (log, report) = run(&town, &options, |_| {});
    assert_eq!(broken(&town, &options, &log), Vec::<String>::new());
    assert!(report.metrics.service_rate > 0.8, "{report:?}");
}
