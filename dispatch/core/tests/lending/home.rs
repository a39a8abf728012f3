//! Drivers in the other district: while nothing can be lent between the two, they are asked home.

use ondol_core::command::{AskedHome, Command, ToDevice};
use ondol_core::face::Timing;

use crate::town::{CENTRAL, Town, WEST, at, district_of};

/// A driver of the west is in the east, free.
fn abroad(timing: Timing) -> Town {
    let mut town = Town::cut_off(timing);
    town.east.insert(1, 0.02);
    town.attach(1);
    town
}

fn home() -> Option<AskedHome> {
    Some(AskedHome { district: district_of(WEST), towards: None })
}

#[test]
fn who_is_free_in_the_other_district_for_a_minute_is_asked_home_until_there() {
    let mut town = abroad(Timing::default());
    town.pass_s(59, &[1]);
    assert_eq!(town.asked_home(1), None, "a minute is not over");
    town.pass_s(6, &[1]);
    assert_eq!(town.asked_home(1), home());
    assert_eq!(town.asked_home(1), home(), "it is the same wish, said again");
    town.east.insert(1, 0.005);
    assert_eq!(town.asked_home(1), None);
    town.east.insert(1, 0.02);
    assert_eq!(town.asked_home(1), None, "it begins anew");
}

#[test]
fn the_way_leads_to_the_nearest_stand_of_the_own_district() {
    let mut town = abroad(Timing::default());
    for (number, east, district) in [(1, 0.0, WEST), (2, 0.004, WEST)] {
        let list = Command::ListStand {
            stand: format!("s{number}").parse().unwrap(),
            name_ko: "역".into(),
            name_en: "Station".into(),
            position: at(east),
            district: district_of(district),
        };
        town.command(CENTRAL, list).unwrap();
    }
    town.carry(CENTRAL, WEST);
    town.pass_s(66, &[1]);
    assert_eq!(town.asked_home(1).unwrap().towards, Some(at(0.004)));
}

#[test]
fn a_link_to_that_district_or_a_booking_keeps_a_driver_there() {
    let mut town = abroad(Timing::default());
    town.talk_s(120, &[1]);
    assert_eq!(town.asked_home(1), None, "the east could lend it a booking");
    town.pass_s(66, &[1]);
    assert_eq!(town.asked_home(1), home(), "the link has been down for a minute");
    town.calls.clear();
    town.book().unwrap();
    assert!(town.offer(1).is_some());
    assert_eq!(town.asked_home(1), None, "it is being asked");
}

#[test]
fn who_is_offered_a_booking_at_this_beat_is_not_asked_home_by_its_answer() {
    let mut town = abroad(Timing::default());
    town.pass_s(66, &[1]);
    assert_eq!(town.asked_home(1), home());
    town.book_in_vain();
    town.book().unwrap();
    // The second booking waits for the next plan, and a beat is the first thing that the process reads after it.
    town.stop_s(3);
    let answer = town.beat(1);
    assert_eq!(answer.asked_home, None);
    assert!(matches!(&answer.messages[..], [ToDevice::Offer(_)]));
}

#[test]
fn where_nothing_is_lent_a_link_changes_nothing_and_where_nobody_is_asked_nobody_is() {
    let mut apart = abroad(Timing { lend_after_ms: 0, ..Timing::default() });
    apart.talk_s(66, &[1]);
    assert_eq!(apart.asked_home(1), home());
    let mut never = abroad(Timing { ask_home_after_ms: 0, ..Timing::default() });
    never.pass_s(300, &[1]);
    assert_eq!(never.asked_home(1), None);
}

#[test]
fn an_edge_that_does_not_dispatch_asks_nobody_home() {
    let mut town = Town::suspicious(Timing { ask_home_after_ms: 5_000, ..Timing::default() });
    town.east.insert(1, 0.02);
    town.attach(1);
    town.pass_s(11, &[1]);
    assert_eq!(town.asked_home(1), None, "perhaps central dispatches");
    town.take(WEST);
    town.pass_s(11, &[1]);
    assert_eq!(town.asked_home(1), home());
}
