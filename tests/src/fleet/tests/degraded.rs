//! Goal: districts apart and slow messages cost what they must, and never two taxis for one rider.

use super::*;

/// What a file says.
fn degraded(json: &str) -> Degraded {
    serde_json::from_str(json).unwrap()
}

const SLOW: &str = r#"{"delay_s":{"request":[5,60],"status":[5,60],"offer":[5,60]},"loss":0.2,"offer_timeout_s":120,"seed":7}"#;
const APART: &str = r#"{"partition":{"cells":3,"from_s":0,"to_s":2500},"lend_after_s":60,"seed":7}"#;

#[test]
fn the_world_keeps_its_rules_whatever_is_out_of_order() {
    for seed in 0..4 {
        let town = town("degraded", &files(seed)).unwrap();
        for (json, policy) in POLICIES.into_iter().flat_map(|policy| [(SLOW, policy), (APART, policy)]) {
            let options = Options { degraded: degraded(json), ..options(policy) };
            let (log, report) = run(&town, &options, |_| {});
            assert_eq!(broken(&town, &options, &log), Vec::<String>::new(), "seed {seed}, {policy}, {json}");
            assert!(log.served() > 20, "seed {seed}, {policy}, {json}: {}", log.served());
            assert_eq!(report.lent > 0, json == APART, "seed {seed}, {policy}, {json}");
            assert_eq!(run(&town, &options, |_| {}).0, log, "seed {seed}, {policy}, {json}");
        }
    }
}

/// A straight road with a node every 100 s; taxis stand at `a`, riders wait at `d`, 300 s away.
fn road(vehicles: &str, requests: &str) -> Town {
    let nodes = (0..5).map(|n| format!("{},51.{n},14.0\n", ["a", "b", "c", "d", "e"][n])).collect::<String>();
    let edges: String = ["a,b", "b,c", "c,d", "d,e", "e,d", "d,c", "c,b", "b,a"]
        .map(|pair| format!("{pair},1000,100\n"))
        .concat();
    let texts = [
        format!("node,lat,lon\n{nodes}"),
        format!("from,to,length_m,time_s\n{edges}"),
        format!("request,time_s,from,to,max_wait_s\n{requests}"),
        format!("vehicle,start,shift_start_s,shift_end_s\n{vehicles}"),
    ];
    town("road", &texts).unwrap()
}

fn played(town: &Town, json: &str) -> (Log, Report) {
    let options = Options { degraded: degraded(json), pickup_s: 30, dropoff_s: 10, ..Options::default() };
    let (log, report) = run(town, &options, |_| {});
    assert_eq!(broken(town, &options, &log), Vec::<String>::new());
    (log, report)
}

#[test]
fn each_message_takes_its_time() {
    let town = road("t,a,0,9999\n", "one,100,d,e,2000\ntwo,150,e,d,2000\n");
    let (log, _) = played(&town, r#"{"delay_s":{"request":[20,20],"status":[10,10],"offer":[15,15]}}"#);
    // One is known at 120, planned at 125 (every 25 s: what a word and its answer take), ordered at 140, there at 440;
    // boards until 470, is at e at 570 and out at 580.
    assert_eq!((log.rides[0].t_first_assign, log.rides[0].served.unwrap().t_arrive), (Some(125), 440));
    // Two is there already, and its order is given before the taxi is clear: it is heard at 590, not at 615.
    let two = log.rides[1];
    assert_eq!((two.t_first_assign, two.served.unwrap().t_arrive), (Some(575), 590));
}

#[test]
fn a_rider_who_goes_while_words_are_under_way_costs_a_drive_and_no_more() {
    let town = road("t,a,0,9999\n", "one,100,d,e,325\ntwo,480,a,b,2000\n");
    let (log, report) =
        played(&town, r#"{"delay_s":{"request":[0,0],"status":[0,0],"offer":[0,50]},"seed":3}"#);
    assert_eq!(log.rides[0].served, None, "{:?}", log.rides);
    assert!(log.rides[1].served.is_some());
    assert_eq!(report.metrics.service_rate, 0.5);
}

#[test]
fn a_district_without_taxis_is_served_by_its_neighbour_once_it_may_lend() {
    let town = road("t,a,0,9999\n", "one,100,d,e,900\n");
    let apart = r#"{"partition":{"cells":2,"from_s":0,"to_s":5000},"seed":1}"#;
    assert_eq!(played(&town, apart).0.served(), 0);
    let (log, report) = played(&town, &apart.replace(r#","seed""#, r#","lend_after_s":60,"seed""#));
    assert_eq!((log.rides[0].t_first_assign, report.lent), (Some(160), 1));
    // The districts hear one another again at 300.
    let healed = played(&town, &apart.replace("5000", "300")).0;
    assert_eq!(healed.rides[0].t_first_assign, Some(300));
}

#[test]
fn bad_files_are_named_with_what_is_expected() {
    let cases = [
        ("{", "degraded.json:1: EOF"),
        (r#"{"losss":0.1}"#, "degraded.json:1: unknown field `losss`"),
        (r#"{"loss":0.95}"#, "loss is 0.95; expected a share from 0 to 0.9"),
        (r#"{"delay_s":{"offer":[60,5]}}"#, "delay_s.offer is [60,5]; expected [least,longest]"),
        (r#"{"offer_timeout_s":0}"#, "offer_timeout_s is 0; expected 1"),
        (r#"{"lend_after_s":0}"#, "lend_after_s is out of range"),
        (
            r#"{"partition":{"cells":65,"from_s":0,"to_s":1}}"#,
            "partition.cells is 65; expected 1 to the number of nodes, 64",
        ),
        (r#"{"partition":{"cells":4,"from_s":9,"to_s":9}}"#, "the partition ends at 9 s, but begins at 9 s"),
    ];
    let folder = std::env::temp_dir().join(format!("ondol-fleet-degraded-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("degraded.json");
    for (text, expected) in cases {
        std::fs::write(&file, text).unwrap();
        let error = Degraded::read(&file, 64).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, not {expected}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(Degraded::read(&file, 64).unwrap_err().to_string().contains("degraded.json: "));
}
