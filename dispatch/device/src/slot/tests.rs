//! Goal: a driver never has two active assignments, whatever nodes say and whenever the phone dies.
//! Method: tables of refusals against a device bound to a played node; then random stories with a crash after
//! any output, checked from what was stored and sent alone.

use ondol_core::ids::DeviceId;
use ondol_core::units::Money;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::face::Message;
use bench::{Bench, fare, here, id, offer, released, revoke};

mod asked_home;
mod bench;
mod capsules;
mod protocol;
mod town;

#[test]
fn which_offers_are_not_shown() {
    type Change = fn(&mut Bench, &mut Offer);
    let cases: [(&str, Change, Option<Release>); 8] = [
        ("another session", |_, o| o.session = "s0".into(), None),
        ("another epoch", |_, o| o.attach_epoch = 0, None),
        ("after a crash", |b, _| b.crash(), None),
        ("revoked before it came", |b, _| b.push(revoke(7)), Some(Release::Cancelled)),
        ("slot taken", |b, _| b.wish(Wish::Hail { pickup: here() }).unwrap(), Some(Release::Lapsed)),
        ("on a break", |b, _| b.wish(Wish::Duty(Duty::Paused)).unwrap(), Some(Release::Lapsed)),
        ("follows a trip that is not there", |_, o| o.after = Some(id(99)), Some(Release::Lapsed)),
        ("no life", |_, o| o.ttl_ms = 0, Some(Release::Lapsed)),
    ];
    for (name, change, told) in cases {
        let mut bench = Bench::attached();
        let mut offer = bench.offer(7);
        change(&mut bench, &mut offer);
        bench.push(Push::Offer { offer });
        bench.run();
        assert_eq!(bench.shown(), 0, "{name}");
        assert!(bench.wish(Wish::Accept(id(7))).is_err(), "{name}");
        bench.answer_all();
        let expected: Vec<Happening> = told.map(|reason| released(7, reason)).into_iter().collect();
        let mut about: Vec<Happening> = bench
            .told
            .iter()
            .filter(|h| **h == released(7, Release::Lapsed) || **h == released(7, Release::Cancelled))
            .cloned()
            .collect();
        about.dedup();
        assert_eq!(about, expected, "{name}");
    }
}

#[test]
fn which_wishes_are_refused() {
    let wrong = || Wish::Board { pin: Some("0000".into()) };
    let cases: [(&str, Bench, Wish, WishRefusal); 12] = [
        ("nothing asked", Bench::attached(), Wish::Accept(id(1)), WishRefusal::NoOffer),
        ("nothing to decline", Bench::attached(), Wish::Decline(id(1)), WishRefusal::NoOffer),
        ("nowhere to arrive", Bench::attached(), Wish::Arrive, WishRefusal::NoTrip),
        ("nobody to board", Bench::attached(), wrong(), WishRefusal::NoTrip),
        ("nothing to end", Bench::attached(), Wish::End(fare()), WishRefusal::NoTrip),
        ("not boarded", Bench::assigned(1), Wish::End(fare()), WishRefusal::NoTrip),
        ("not at the pickup", Bench::assigned(1), Wish::NoShow, WishRefusal::NoTrip),
        ("busy", Bench::assigned(1), Wish::Hail { pickup: here() }, WishRefusal::Busy),
        ("busy", Bench::assigned(1), Wish::Duty(Duty::Ended), WishRefusal::Busy),
        ("wrong PIN", Bench::assigned(1), wrong(), WishRefusal::WrongPin { left: 4 }),
        ("boarded", Bench::boarded(1), Wish::GiveBack, WishRefusal::Boarded),
        ("boarded", Bench::boarded(1), Wish::Arrive, WishRefusal::Boarded),
    ];
    for (name, mut bench, wish, refusal) in cases {
        let (slot, unsent) = (bench.device.durable().slot(), bench.device.durable().outbox.unsent());
        assert_eq!(bench.wish(wish), Err(refusal), "{name}");
        assert_eq!(bench.device.durable().slot(), slot, "{name}");
        assert_eq!(bench.device.durable().outbox.unsent(), unsent, "{name}");
    }
    let mut ended = Bench::attached();
    ended.wish(Wish::Duty(Duty::Ended)).unwrap();
    assert_eq!(ended.wish(Wish::Duty(Duty::Available)), Err(WishRefusal::OffDuty));
    ended.answer_all();
    assert!(ended.device.is_finished());
}

#[test]
fn of_two_questions_one_is_taken_and_the_other_comes_back() {
    let mut bench = Bench::attached();
    let (first, second) = (bench.offer(1), bench.offer(2));
    bench.push(Push::Offer { offer: first.clone() });
    bench.push(Push::Offer { offer: first });
    bench.push(Push::Offer { offer: second });
    assert_eq!(bench.shown(), 2, "an offer that comes twice is one question");
    bench.wish(Wish::Accept(id(1))).unwrap();
    assert_eq!(bench.wish(Wish::Accept(id(2))), Err(WishRefusal::OfferLapsed));
    assert_eq!(bench.wish(Wish::Accept(id(1))), Ok(()), "a second yes is the same yes");
    bench.answer_all();
    assert!(bench.told.contains(&released(2, Release::Lapsed)));
    assert_eq!(bench.stored.current.as_ref().unwrap().assignment, id(1));
}

#[test]
fn a_question_lapses_on_the_devices_own_clock() {
    let mut bench = Bench::attached();
    bench.push(Push::Offer { offer: bench.offer(1) });
    bench.now.ticks = bench.now.ticks.plus_ms(20_000);
    assert_eq!(bench.wish(Wish::Accept(id(1))), Err(WishRefusal::OfferLapsed));
    assert!(bench.device.durable().tombstone(&id(1)).is_some());
}

#[test]
fn a_new_session_voids_the_questions_of_the_old_one() {
    let mut bench = Bench::attached();
    let old = bench.offer(1);
    bench.push(Push::Offer { offer: old.clone() });
    bench.device.lose_session(bench.now.ticks);
    bench.run();
    assert_eq!(bench.wish(Wish::Accept(id(1))), Err(WishRefusal::OfferLapsed));
    bench.answer_all();
    assert_eq!(bench.session(), ("s2".to_owned(), 2));
    bench.push(Push::Offer { offer: old });
    assert_eq!(bench.shown(), 0);
    assert!(bench.told.contains(&released(1, Release::SessionVoid)));
}

#[test]
fn a_node_that_the_device_has_left_takes_nothing_from_it() {
    let mut bench = Bench::assigned(1);
    bench.told.clear();
    bench.push_from("edge-a", revoke(1));
    bench.answer_all();
    assert!(bench.stored.current.is_some() && bench.told.is_empty(), "it is attached to central");
    bench.push_from("central", revoke(1));
    assert!(bench.stored.current.is_none());
}

#[test]
fn revoke_ends_everything_but_a_boarded_trip() {
    let mut asked = Bench::attached();
    asked.push(Push::Offer { offer: asked.offer(1) });
    for mut bench in [Bench::attached(), asked, Bench::assigned(1)] {
        bench.push(revoke(1));
        bench.push(revoke(1));
        bench.answer_all();
        assert!(bench.stored.current.is_none() && bench.shown() == 0);
        assert!(bench.told.contains(&released(1, Release::Cancelled)));
    }
    let mut bench = Bench::boarded(1);
    bench.told.clear();
    bench.push(revoke(1));
    bench.answer_all();
    assert!(bench.stored.current.as_ref().unwrap().boarded.is_some());
    assert!(matches!(&bench.told[..], [Happening::Boarded { pin: PinCheck::Verified, .. }]));
    bench.wish(Wish::End(fare())).unwrap();
    bench.answer_all();
    bench.told.clear();
    bench.push(revoke(1));
    bench.answer_all();
    assert!(matches!(&bench.told[..], [Happening::Done { .. }]), "a late revoke is told how it ended");
}

#[test]
fn replace_is_one_step_and_refused_after_the_lock() {
    let mut bench = Bench::assigned(1);
    let replace = Push::Replace { expected: id(1), offer: bench.offer(2) };
    bench.push(replace.clone());
    bench.push(replace);
    bench.answer_all();
    assert_eq!(bench.stored.current.as_ref().unwrap().assignment, id(2));
    assert_eq!(bench.stored.tombstone(&id(1)).unwrap().last, released(1, Release::Replaced));
    bench.wish(Wish::Arrive).unwrap();
    bench.push(Push::Replace { expected: id(2), offer: bench.offer(3) });
    assert_eq!(bench.stored.current.as_ref().unwrap().assignment, id(2));
    bench.push(Push::Replace { expected: id(9), offer: bench.offer(4) });
    assert_eq!(bench.stored.current.as_ref().unwrap().assignment, id(2));
    bench.answer_all();
    assert!(bench.told.contains(&released(3, Release::Declined)));
    assert!(bench.told.contains(&released(4, Release::Declined)));
}

#[test]
fn an_unconfirmed_assignment_is_given_up_after_ten_minutes_at_the_pickup() {
    for confirmed in [false, true] {
        let mut bench = Bench::assigned(1);
        if confirmed {
            bench.push(Push::Confirm { assignment: id(1), rider_phone: Some("+821012345678".into()) });
        }
        bench.pass(700_000);
        bench.wish(Wish::Arrive).unwrap();
        bench.crash();
        bench.pass(599_000);
        assert!(bench.stored.current.is_some());
        bench.pass(1_000);
        assert_eq!(bench.stored.current.is_some(), confirmed);
        assert_eq!(bench.stored.tombstone(&id(1)).is_some(), !confirmed);
    }
}

#[test]
fn five_wrong_pins_let_the_rider_in_unverified() {
    let mut bench = Bench::assigned(1);
    for left in [4, 3, 2, 1] {
        let wrong = Wish::Board { pin: Some("9999".into()) };
        assert_eq!(bench.wish(wrong), Err(WishRefusal::WrongPin { left }));
        bench.crash();
    }
    bench.wish(Wish::Board { pin: Some("9999".into()) }).unwrap();
    assert_eq!(bench.stored.current.as_ref().unwrap().boarded.unwrap().1, PinCheck::Unverified);
}

#[test]
fn a_follow_on_trip_waits_in_the_second_place() {
    let mut bench = Bench::boarded(1);
    let mut next = bench.offer(2);
    next.after = Some(id(1));
    bench.push(Push::Offer { offer: next });
    bench.wish(Wish::Accept(id(2))).unwrap();
    assert_eq!(bench.stored.current.as_ref().unwrap().assignment, id(1));
    assert_eq!(bench.stored.next.as_ref().unwrap().assignment, id(2));
    bench.wish(Wish::End(fare())).unwrap();
    assert_eq!(bench.stored.current.as_ref().unwrap().assignment, id(2));
    assert!(bench.stored.next.is_none());
}

#[test]
fn a_shift_that_a_node_ended_begins_nothing_and_still_tells_what_happened() {
    let mut bench = Bench::assigned(1);
    bench.refuse_attach("shift_ended");
    assert_eq!(bench.stored.duty.duty, Duty::Ended);
    assert_eq!(bench.stored.tombstone(&id(1)).unwrap().last, released(1, Release::Recalled));
    assert_eq!(bench.wish(Wish::Duty(Duty::Available)), Err(WishRefusal::OffDuty));
    bench.answer_all();
    assert!(bench.told.contains(&released(1, Release::Recalled)));
    assert!(bench.device.is_finished());

    let mut bench = Bench::boarded(1);
    bench.refuse_attach("shift_ended");
    assert!(bench.stored.current.is_some(), "the rider is in the vehicle");
    assert_eq!(bench.wish(Wish::Hail { pickup: here() }), Err(WishRefusal::OffDuty));
    bench.answer_all();
    assert!(!bench.device.is_finished());
    bench.wish(Wish::End(fare())).unwrap();
    bench.answer_all();
    assert!(bench.told.iter().any(|what| matches!(what, Happening::Done { .. })));
    assert!(bench.device.is_finished());
}

#[test]
fn after_the_shift_a_node_that_lost_its_disk_still_learns_how_the_last_trip_ended() {
    let mut bench = Bench::boarded(1);
    bench.wish(Wish::End(fare())).unwrap();
    bench.wish(Wish::Duty(Duty::Ended)).unwrap();
    bench.answer_all();
    assert!(bench.device.is_finished());
    bench.told.clear();
    let minutes = |bench: &mut Bench, minutes: u64| {
        for _ in 0..minutes {
            bench.pass(60_000);
            let beats = bench.sent.iter().filter(|(_, message)| matches!(message, Message::Beat(_)));
            assert_eq!(beats.count(), 2, "one a minute to each node");
            bench.answer_all();
        }
    };
    minutes(&mut bench, 3);
    let epoch = bench.session().1;
    minutes(&mut bench, 10);
    assert_eq!((bench.session().1, bench.told.len()), (epoch, 0), "it stays where it is");
    bench.push(Push::Confirm { assignment: id(1), rider_phone: None });
    bench.answer_all();
    assert!(matches!(bench.told[..], [Happening::Done { .. }]));
    minutes(&mut bench, 29);
    bench.pass(60_000);
    assert_eq!(bench.device.poll_timeout(), None, "half an hour is enough");
}

#[test]
fn one_entry_that_no_node_takes_keeps_none_of_the_others_back() {
    let mut bench = Bench::attached();
    bench.wish(Wish::Stand(None)).unwrap();
    bench.wish(Wish::Duty(Duty::Paused)).unwrap();
    bench.wish(Wish::Duty(Duty::Available)).unwrap();
    // The first is out of bounds for this node, which refuses whatever batch holds it.
    let bad = bench.stored.outbox.live().next().unwrap().number;
    bench.answer_all_but(bad, "out_of_range");
    assert_eq!((bench.stored.outbox.unsent(), bench.stored.outbox.refused), (0, 1));
    assert!(bench.told.contains(&Happening::Duty { number: 3, duty: Duty::Available }));
    // A session that has ended says nothing about the entries.
    bench.wish(Wish::Stand(None)).unwrap();
    let kept = bench.stored.outbox.live().next().unwrap().number;
    bench.answer_all_but(kept, "stale_attach");
    assert_eq!((bench.stored.outbox.unsent(), bench.stored.outbox.refused), (1, 1));
}

#[test]
fn a_phone_with_a_wrong_clock_is_told_and_goes_on() {
    let mut bench = Bench::attached();
    assert!(!bench.device.clock_is_off());
    let now = bench.now;
    bench.now.utc = now.utc.plus_ms(7_200_000);
    bench.wish(Wish::Duty(Duty::Paused)).unwrap();
    bench.now = now;
    bench.answer_all();
    assert!(bench.device.clock_is_off() && bench.stored.outbox.unsent() == 0);
    bench.wish(Wish::Duty(Duty::Available)).unwrap();
    bench.answer_all();
    assert!(!bench.device.clock_is_off());
}

#[test]
fn a_fare_that_no_node_takes_is_refused_on_the_phone() {
    let mut bench = Bench::boarded(1);
    for amount in [-1, 100_000_001] {
        let wish = Wish::End(Fare { amount: Money(amount), ..fare() });
        assert_eq!(bench.wish(wish), Err(WishRefusal::FareOutOfRange));
    }
    assert!(bench.stored.current.is_some());
    bench.wish(Wish::End(fare())).unwrap();
}

#[test]
fn a_street_hail_needs_no_node_and_never_repeats_an_id() {
    let mut bench = Bench::attached();
    bench.wish(Wish::Hail { pickup: here() }).unwrap();
    let first = bench.stored.current.clone().unwrap();
    bench.crash();
    bench.wish(Wish::End(fare())).unwrap();
    bench.wish(Wish::Hail { pickup: here() }).unwrap();
    let second = bench.stored.current.clone().unwrap();
    assert!(first.booking != second.booking && first.assignment != second.assignment);
    assert_eq!(first.boarded.unwrap().1, PinCheck::NotNeeded);
    assert_ne!(
        BookingId::of_hail(DeviceId::from_number(2), 1),
        BookingId::of_hail(DeviceId::from_number(3), 1)
    );
}

/// The same cases each run.
fn repeatable(cases: u32) -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(17);
    ProptestConfig { rng_seed, failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

#[derive(Debug, Clone)]
enum Deed {
    Offer(u64),
    StaleOffer(u64),
    Revoke(u64),
    Replace(u64, u64),
    Confirm(u64),
    Accept(u64),
    Wish(u8),
    Pass(u64),
    Answer,
    CrashAfter(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    let n = 1..6_u64;
    prop_oneof![
        6 => n.clone().prop_map(Deed::Offer),
        1 => n.clone().prop_map(Deed::StaleOffer),
        2 => n.clone().prop_map(Deed::Revoke),
        1 => (n.clone(), n.clone()).prop_map(|(a, b)| Deed::Replace(a, b)),
        1 => n.clone().prop_map(Deed::Confirm),
        6 => n.prop_map(Deed::Accept),
        6 => (0..7_u8).prop_map(Deed::Wish),
        2 => (1..30_000_u64).prop_map(Deed::Pass),
        4 => Just(Deed::Answer),
        3 => (0..4_usize).prop_map(Deed::CrashAfter),
    ]
}

proptest! {
    #![proptest_config(repeatable(512))]

    /// `Bench` checks after every output: see `check_step` and `check_said`.
    #[test]
    fn whatever_comes_no_assignment_is_overwritten_and_nothing_is_told_before_it_is_stored(
        deeds in prop::collection::vec(deed(), 1..80)
    ) {
        let mut bench = Bench::attached();
        for deed in deeds {
            match deed {
                Deed::Offer(n) => bench.push(Push::Offer { offer: bench.offer(n) }),
                Deed::StaleOffer(n) => bench.push(Push::Offer { offer: offer(n, "s1", 1) }),
                Deed::Revoke(n) => bench.push(revoke(n)),
                Deed::Replace(a, b) => {
                    bench.push(Push::Replace { expected: id(a), offer: bench.offer(b) });
                }
                Deed::Confirm(n) => bench.push(Push::Confirm { assignment: id(n), rider_phone: None }),
                Deed::Accept(n) => drop(bench.wish(Wish::Accept(id(n)))),
                Deed::Wish(which) => drop(bench.wish(match which {
                    0 => Wish::Arrive,
                    1 => Wish::Board { pin: Some("1234".into()) },
                    2 => Wish::Board { pin: None },
                    3 => Wish::End(fare()),
                    4 => Wish::GiveBack,
                    5 => Wish::Hail { pickup: here() },
                    _ => Wish::NoShow,
                })),
                Deed::Pass(ms) => bench.pass(ms),
                Deed::Answer => bench.answer_all(),
                Deed::CrashAfter(outputs) => bench.outputs_left = outputs,
            }
        }
        bench.outputs_left = usize::MAX;
        for _ in 0..4 {
            bench.pass(6_000);
            bench.answer_all();
        }
        prop_assert_eq!(bench.device.durable().outbox.unsent(), 0, "everything is told in the end");
    }
}
