//! Goal: a driver sees the wish to drive home as long as the node of the session says it, and never beside a trip.

use crate::wire::AskedHome;

use super::*;

fn wish() -> AskedHome {
    AskedHome {
        district: "west".parse().unwrap(), towards: Some(here()), text: "돌아와 주세요.".into()
    }
}

/// A device whose node asks its driver home.
fn asked() -> Bench {
    let mut bench = Bench::attached();
    bench.asked_home = Some(wish());
    bench.pass(5_000);
    bench.answer_all();
    bench
}

#[test]
fn the_wish_is_shown_once_and_gone_when_it_is_not_said_any_more() {
    let mut bench = asked();
    assert_eq!(bench.device.asked_home(), Some(&wish()));
    bench.changes = 0;
    bench.pass(5_000);
    bench.answer_all();
    assert_eq!(bench.changes, 0, "said again, it is nothing new");
    bench.asked_home = None;
    bench.pass(5_000);
    bench.answer_all();
    assert_eq!((bench.device.asked_home(), bench.changes), (None, 1));
}

#[test]
fn nobody_is_asked_home_with_a_trip_or_by_a_session_that_is_over() {
    let mut bench = asked();
    bench.wish(Wish::Hail { pickup: here() }).unwrap();
    assert_eq!(bench.device.asked_home(), None);
    let mut bench = asked();
    bench.device.lose_session(bench.now.ticks);
    assert_eq!(bench.device.asked_home(), None);
}
