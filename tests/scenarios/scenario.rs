//! Goal: an outage of the past, played with the shipped rules, shows what it must, and a file that says something else
//! than it may is refused with the key that is wrong. Method: files as people write them, and short outages of their own.

use ondol_sim::scenario::{Report, Scenario, known, run};

/// The first scenario, with these pieces of its file replaced.
fn changed(pieces: &[(&str, &str)]) -> String {
    changed_of(known()[0].name, pieces)
}

fn changed_of(name: &str, pieces: &[(&str, &str)]) -> String {
    let known = known().iter().find(|known| known.name == name).expect("it is brought along");
    let mut text = known.text.to_owned();
    for (from, to) in pieces {
        assert!(text.contains(from), "the file has no {from}");
        text = text.replace(from, to);
    }
    text
}

/// The first scenario in an hour: a quarter of it in peace, half of it without central.
fn an_hour(seed: u64) -> Report {
    an_hour_with(seed, &[])
}

/// The same, with these pieces of its file replaced as well.
fn an_hour_with(seed: u64, pieces: &[(&str, &str)]) -> Report {
    let hour = [
        ("duration_s = 73_800", "duration_s = 4_500"),
        ("outage_from_s = 3_600", "outage_from_s = 900"),
        ("outage_to_s = 68_400", "outage_to_s = 3_000"),
        ("at_s = 3_600\nlasts_s = 64_800", "at_s = 900\nlasts_s = 2_100"),
        ("at_s = 7_200", "at_s = 1_000"),
        ("from_s = 13_200", "from_s = 600"),
        ("from_s = 27_600", "from_s = 1_200"),
        ("from_s = 38_400", "from_s = 4_000"),
        ("from_s = 49_200", "from_s = 4_100"),
        ("from_s = 60_000", "from_s = 4_200"),
    ];
    let text = changed(&[pieces, &hour].concat());
    run("an-hour", &Scenario::read(&text).expect("the file is sound"), seed)
}

#[test]
fn an_hour_without_central_serves_nearly_everybody_and_central_alone_nearly_nobody() {
    let report = an_hour(3);
    let Report { ondol, without_outage, central_only, chat_group, .. } = &report;
    assert!(ondol.violations.is_empty() && central_only.violations.is_empty(), "{report:?}");
    let bookings = ondol.bookings.expect("a run with nodes has bookings");
    assert_eq!((bookings.lost, ondol.drivers_doubled), (0, 0));
    assert!(bookings.served + bookings.given_up <= bookings.made);
    let made = without_outage.in_outage.made;
    assert!(made >= 25, "{made} riders show nothing");
    // The same demand in every way of dispatching; a chat group is played whole, for a larger part of the town.
    assert_eq!((ondol.in_outage.made, central_only.in_outage.made), (made, made));
    assert!(chat_group.in_outage.made > made && chat_group.in_outage.ratio < ondol.in_outage.ratio);
    assert!(ondol.in_outage.ratio.is_some_and(|ratio| ratio >= 0.9), "{:?}", ondol.in_outage);
    assert!(central_only.in_outage.ratio.is_some_and(|ratio| ratio <= 0.5), "{:?}", central_only.in_outage);
    assert!(ondol.takeover_s.is_some_and(|s| (10.0..25.0).contains(&s)), "{:?}", ondol.takeover_s);
    assert_eq!((ondol.takeovers, without_outage.takeovers, central_only.takeovers), (3, 0, 0));
    assert!(report.must.iter().any(|check| check.what == "served_ratio_least" && check.met));
}

#[test]
fn when_every_disk_is_lost_phones_bring_their_trips_back_and_nothing_false() {
    // An hour with a third of the cars: half of it in peace.
    let text = changed_of(
        "phones-only",
        &[
            ("scale = 0.1", "scale = 0.03"),
            ("duration_s = 12_600", "duration_s = 4_000"),
            ("outage_from_s = 3_600", "outage_from_s = 1_500"),
            ("outage_to_s = 4_200", "outage_to_s = 1_800"),
            ("at_s = 3_600\nlasts_s = 600", "at_s = 1_500\nlasts_s = 300"),
            ("at_s = 3_500\nlasts_s = 4_300", "at_s = 1_400\nlasts_s = 1_500"),
            ("at_s = 6_000", "at_s = 2_400"),
            ("at_s = 7_800", "at_s = 3_000"),
            ("at_s = 9_600", "at_s = 3_600"),
            ("liars_per_cent = 20", "liars_per_cent = 60"),
            ("trips_online_least = 40", "trips_online_least = 15"),
            ("lies_of_each_kind_least = 5", "lies_of_each_kind_least = 1"),
        ],
    );
    let report = run("short", &Scenario::read(&text).expect("the file is sound"), 1);
    assert!(report.holds(), "{:#?}", report.must);
    let lost = report.ondol.disks_lost.expect("every disk was lost");
    assert_eq!((lost.phones.back, lost.charged_again), (lost.phones.online, 0), "{lost:?}");
    assert!(lost.phones.held > lost.phones.online && lost.shown_again <= lost.on_no_phone, "{lost:?}");
    for lies in [lost.phones.forged, lost.phones.foreign, lost.phones.outdated] {
        assert_eq!((lies.refused, lies.accepted), (lies.told, 0), "{lost:?}");
    }
    assert_eq!(report.without_outage.disks_lost, None);
}

#[test]
fn where_phones_reach_edges_alone_central_dispatches_through_them() {
    let fault = "what = { crash = { node = \"central\" } }";
    let cut = "what = { cut_devices = { node = \"central\", of = \"all\", share = 1.0, from_devices = true, to_devices = true } }";
    let report = an_hour_with(3, &[(fault, cut)]);
    let Report { ondol, central_only, .. } = &report;
    assert!(ondol.violations.is_empty(), "{:?}", ondol.violations);
    assert!(ondol.in_outage.ratio.is_some_and(|ratio| ratio >= 0.9), "{:?}", ondol.in_outage);
    assert!(central_only.in_outage.ratio.is_some_and(|ratio| ratio <= 0.5), "{:?}", central_only.in_outage);
    // Two drivers of three are asked by the edges, and no district changes hands.
    assert!(ondol.relayed_served * 3 >= ondol.in_outage.served * 2, "{} relayed", ondol.relayed_served);
    assert_eq!((ondol.takeovers, report.without_outage.relayed_served), (0, 0));
}

#[test]
fn who_is_free_in_the_next_district_is_asked_home_where_nothing_is_lent() {
    let ends = ("ride_min = [4.0", "ends_elsewhere_per_mille = 300\nride_min = [4.0");
    let apart = ("lend_after_s = 60", "lend_after_s = 0");
    let report = an_hour_with(3, &[ends, apart]);
    assert!(report.ondol.violations.is_empty(), "{:?}", report.ondol.violations);
    assert!(report.ondol.asked_home >= 5, "{} were asked home", report.ondol.asked_home);
    assert_eq!(report.without_outage.asked_home, 0, "central asks nobody home");
    let lending = an_hour_with(3, &[ends]);
    assert_eq!(lending.ondol.asked_home, 0, "nor do edges that lend");
    let never = ("lend_after_s = 60", "lend_after_s = 0\nask_home_after_s = 0");
    assert_eq!(an_hour_with(3, &[ends, never]).ondol.asked_home, 0);
}

#[test]
fn the_same_seed_gives_the_same_report_and_another_seed_another() {
    let one = an_hour(5);
    assert_eq!(one, an_hour(5));
    assert_ne!(one.ondol.state_hash, an_hour(6).ondol.state_hash);
}

#[test]
fn a_bound_that_is_missed_is_told() {
    let text = changed(&[
        ("duration_s = 73_800", "duration_s = 1_300"),
        ("outage_from_s = 3_600", "outage_from_s = 300"),
        ("outage_to_s = 68_400", "outage_to_s = 900"),
        ("at_s = 3_600\nlasts_s = 64_800", "at_s = 300\nlasts_s = 600"),
        ("at_s = 7_200", "at_s = 400"),
        ("from_s = 13_200", "from_s = 1_201"),
        ("from_s = 27_600", "from_s = 1_202"),
        ("from_s = 38_400", "from_s = 1_203"),
        ("from_s = 49_200", "from_s = 1_204"),
        ("from_s = 60_000", "from_s = 1_205"),
        ("takeover_s_most = 25.0", "takeover_s_most = 1.0"),
    ]);
    let report = run("missed", &Scenario::read(&text).expect("the file is sound"), 1);
    assert!(!report.holds());
    let missed: Vec<_> = report.must.iter().filter(|check| !check.met).map(|check| &check.what[..]).collect();
    assert!(missed.contains(&"takeover_s_most"), "{missed:?}");
}

#[test]
fn a_file_that_is_not_sound_is_refused_with_its_key() {
    for (from, to, key, word) in [
        ("duration_s", "duration_min", "time", "duration_min"),
        ("answer_s = [2, 12]", "answer_s = 7", "drivers.answer_s", "array of length 2"),
        ("answer_s = [2, 12]", "answer_s = [12, 2]", "drivers.answer_s", "13"),
        ("by_text_share = 0.10", "by_text_share = 10", "drivers.by_text_share", "10 is not between 0 and 1"),
        ("district_weights = [1, 1, 1]", "district_weights = [1, 1]", "riders.district_weights", "3"),
        ("node = \"central\"", "node = \"edge-4\"", "faults[0].what.node", "edge-4"),
        ("crash = { node", "burn = { node", "faults[0].what", "burn"),
        ("[timing]", "[timing]\nask_home_after_s = 90_000", "timing.ask_home_after_s", "90000"),
        ("ride_min", "ends_elsewhere_per_mille = 1_001\nride_min", "riders.ends_elsewhere_per_mille", "1001"),
        ("lasts_s = 64_800", "lasts_s = 0", "faults[0].lasts_s", "0 is not between 1"),
        ("outage_to_s = 68_400", "outage_to_s = 3_600", "time.outage_to_s", "3601"),
        ("scale = 0.002", "scale = nan", "scale", "NaN"),
        (
            "crash = { node = \"central\" }",
            "wipe_all = { liars_per_cent = 101 }",
            "faults[0].what.liars",
            "101",
        ),
        (
            "crash = { node = \"central\" }",
            "restart_phones = { of = \"all\", share = 2.0 }",
            "faults[0]",
            "2 is",
        ),
        ("node = \"edges\"", "node = \"central\"", "orders[0].node", "central is not one of edges"),
        ("waive_bans_h = 18", "waive_bans_h = 25", "orders[0].waive_bans_h", "25 is not between 0 and 24"),
        ("at_s = 7_200", "at_s = 90_000", "orders[0].at_s", "90000"),
        ("[must]", "[must]\nserved_ratio = 1.0", "must", "served_ratio"),
        ("[town]", "[town", "the file", "]"),
    ] {
        let error = Scenario::read(&changed(&[(from, to)])).expect_err(to);
        assert!(error.key.starts_with(key), "{to}: {error}");
        assert!(error.to_string().contains(word) && !error.to_string().contains('\n'), "{to}: {error}");
    }
}

#[test]
fn every_scenario_that_is_brought_along_is_sound() {
    for scenario in known() {
        let read = Scenario::read(scenario.text);
        assert!(read.is_ok(), "{}: {:?}", scenario.name, read.err());
    }
}
