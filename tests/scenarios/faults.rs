//! Goal: whatever fails, no driver is doubled, no acknowledged booking is lost, and everything converges after the heal.
//! Method: the fault simulator over the shipped core and device, a few seeds of each profile; a run is its seed.

use ondol_sim::faults::{Options, Profile, Report, Violation, run, run_many};

/// Runs seeds that differ between profiles, so that no two tests run the same story.
fn seeds(first: u64, profile: Profile, seeds: u64) -> Report {
    let report = run_many(Options { seed: first, seeds, profile, threads: 0 }, |_| {});
    let broken: Vec<String> = report.violations.iter().map(told).collect();
    assert!(broken.is_empty(), "profile {profile}, seeds {first} + {seeds}:\n{}", broken.join("\n\n"));
    assert_eq!(report.bookings.lost, 0);
    assert!(report.journals_converged);
    report
}

fn told(violation: &Violation) -> String {
    let Violation { checker, at_s, what, faults, events, replay, .. } = violation;
    let (faults, events) = (faults.join("\n"), events.join("\n"));
    format!("{checker} at {at_s} s: {what}\n{faults}\n{events}\nagain: {replay}")
}

#[test]
fn in_peace_nothing_is_disturbed_and_every_door_is_served() {
    let report = seeds(1, Profile::Calm, 4);
    assert!(report.faults.is_empty());
    assert_eq!(report.bookings.made, report.bookings.served + report.bookings.cancelled);
    assert!(report.by_door.values().all(|door| door.served > 0), "{:?}", report.by_door);
}

#[test]
fn a_mixture_of_faults_breaks_no_promise() {
    let report = seeds(100, Profile::Mixed, 700);
    assert!(report.faults.len() >= 24 && report.faults.values().all(|n| *n >= 40), "{:?}", report.faults);
    for (what, least) in [("nodes", 3.0), ("devices", 8.0), ("bookings", 20.0), ("faults", 5.0)] {
        assert!(report.means[what] >= least, "a seed is no toy: {:?}", report.means);
    }
    assert!(report.asked_home >= 10, "{} drivers were asked home", report.asked_home);
    assert!(report.relayed.served >= 100, "edges ask for central whom they alone hear: {:?}", report.relayed);
}

#[test]
fn disks_that_fail_and_texts_that_come_twice_break_no_promise() {
    for profile in [Profile::Disk, Profile::Sms] {
        seeds(500, profile, 100);
    }
}

#[test]
fn nodes_that_start_on_an_old_copy_break_no_promise() {
    let report = seeds(1, Profile::Restore, 200);
    assert!(report.faults["restore_central"] + report.faults["restore_edge"] >= 100);
}

#[test]
fn when_every_disk_is_lost_the_phones_bring_every_trip_back_and_nothing_else() {
    let report = seeds(1, Profile::Phones, 40);
    assert_eq!(report.faults["wipe_all"], 40);
    let phones = report.phones;
    assert!(phones.held >= 60 && phones.brought >= 40 && phones.online >= 30, "{phones:?}");
    assert_eq!((phones.restored, phones.back), (phones.brought, phones.online));
    for lies in [phones.forged, phones.foreign] {
        assert!(lies.refused >= 20 && lies.accepted == 0, "{phones:?}");
    }
    assert_eq!(phones.outdated.accepted, 0);
}

#[test]
fn links_between_up_and_down_and_wrong_clocks_break_no_promise() {
    for profile in [Profile::Flap, Profile::Clock] {
        seeds(400, profile, 50);
    }
}

#[test]
fn edges_take_over_in_a_blackout_and_give_back() {
    let report = seeds(200, Profile::Kakao2022, 12);
    assert!(report.takeovers >= 12, "{}", report.takeovers);
    assert!(report.degraded.served * 10 >= report.degraded.made * 8, "{:?}", report.degraded);
    for step in ["booking_lent", "booking_borrowed", "booking_transferred"] {
        assert!(report.loans[step] >= 6, "edges lend in a blackout: {:?}", report.loans);
    }
}

#[test]
fn many_short_faults_break_no_promise() {
    let report = seeds(300, Profile::Storm, 12);
    assert!(report.faults.values().sum::<u64>() >= 12 * 15);
}

#[test]
fn the_same_seed_gives_the_same_run_on_any_number_of_threads() {
    let one = run(7, Profile::Mixed);
    assert_eq!(one, run(7, Profile::Mixed));
    assert_ne!(one.state_hash, run(8, Profile::Mixed).state_hash);
    let options = Options { seed: 40, seeds: 4, profile: Profile::Mixed, threads: 1 };
    assert_eq!(run_many(options, |_| {}), run_many(Options { threads: 3, ..options }, |_| {}));
}
