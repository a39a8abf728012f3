//! Goal: a trip's capsule lives as long as the trip, and is brought wherever the device attaches.

use super::*;

/// The last attach that is under way.
fn attach(bench: &Bench) -> crate::wire::Attach {
    let mut attaches = bench.sent.iter().rev().filter_map(|(_, message)| match message {
        Message::Attach(attach) => Some(attach.clone()),
        Message::Beat(_) | Message::Reports(_) | Message::Positions(_) => None,
    });
    attaches.next().expect("an attach is under way")
}

fn attach_again(bench: &mut Bench) -> Vec<String> {
    bench.device.lose_session(bench.now.ticks);
    bench.run();
    let kept = attach(bench).capsules.expect("this device keeps capsules");
    kept.into_iter().map(|kept| kept.capsule).collect()
}

#[test]
fn the_capsule_of_a_trip_is_stored_with_it_brought_at_each_attach_and_gone_with_it() {
    let mut bench = Bench::assigned(1);
    assert_eq!(bench.stored.capsules()[0].capsule, "capsule-1");
    bench.crash();
    bench.run();
    assert_eq!(attach(&bench).capsules.unwrap()[0].assignment, id(1));
    bench.answer_all();
    bench.wish(Wish::Board { pin: Some("1234".into()) }).unwrap();
    bench.answer_all();
    assert_eq!(attach_again(&mut bench), ["capsule-1"]);
    bench.answer_all();
    bench.wish(Wish::End(fare())).unwrap();
    bench.answer_all();
    assert_eq!(attach_again(&mut bench), [""; 0]);
    assert!(!serde_json::to_string(&bench.stored).unwrap().contains("capsule-1"));
}

#[test]
fn after_an_attach_each_step_of_the_trip_is_told_again() {
    let mut bench = Bench::boarded(1);
    bench.told.clear();
    attach_again(&mut bench);
    bench.answer_all();
    assert!(
        matches!(
            &bench.told[..],
            [Happening::Assigned { .. }, Happening::Arrived { .. }, Happening::Boarded { .. }]
        ),
        "{:?}",
        bench.told
    );
    let mut hail = Bench::attached();
    hail.wish(Wish::Hail { pickup: here() }).unwrap();
    hail.answer_all();
    hail.told.clear();
    attach_again(&mut hail);
    hail.answer_all();
    assert!(matches!(&hail.told[..], [Happening::StreetHail { .. }]), "{:?}", hail.told);
}

#[test]
fn a_node_that_knows_no_capsules_is_attached_to_without() {
    let mut bench = Bench::assigned(1);
    bench.refuse_attach("invalid_request");
    bench.run();
    assert_eq!(attach(&bench).capsules, None);
    bench.answer_all();
    assert_eq!(bench.session().0, "s3");
}

#[test]
fn the_text_of_a_trip_says_how_far_it_has_come() {
    let text = |bench: &Bench| bench.device.trip().unwrap().text().unwrap().to_string();
    assert!(text(&Bench::assigned(1)).contains(".n:1:1.a."));
    assert!(text(&Bench::boarded(1)).contains(".n:1:1.b."));
    let mut hail = Bench::attached();
    hail.wish(Wish::Hail { pickup: here() }).unwrap();
    assert_eq!(hail.device.trip().unwrap().text(), None);
}
