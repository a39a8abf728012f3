use ondol_core::command;
use ondol_core::fact::{Quote, Request, Step};
use ondol_core::ids::SubjectId;
use serde_json::{Value, json};

use super::*;

use ondol_core::capsule::CAPSULE_MAX_CHARS;

const NOW: UtcMs = UtcMs(1_665_815_580_000);

fn id(n: u128) -> String {
    BookingId::from_number(n).to_string()
}

fn batch(what: &Value) -> Value {
    json!({"shift": id(1), "device": id(2), "entries": [{"number": 1, "at": "2022-10-15T06:33:00Z", "what": what}]})
}

fn read_batch(what: &Value) -> Result<ReportBatch, String> {
    let batch: ReportBatch = serde_json::from_value(batch(what)).map_err(|e| e.to_string())?;
    batch.entries.iter().try_for_each(ReportEntry::check).map_err(|e| e.code().to_owned())?;
    Ok(batch)
}

#[test]
fn refuses_what_a_phone_may_not_say() {
    let step = json!({"kind": "assigned", "booking": id(3), "assignment": "edge-a:1:7"});
    assert!(read_batch(&step).is_ok());
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 8] = [
        ("unknown field", |v| v["surge"] = json!(2)),
        ("unknown kind", |v| v["kind"] = json!("teleported")),
        ("bad assignment", |v| v["assignment"] = json!("edge-a:1")),
        ("bad booking", |v| v["booking"] = json!("17")),
        ("unknown pin", |v| {
            v["kind"] = json!("boarded");
            v["pin"] = json!("maybe");
        }),
        (
            "off the earth",
            |v| *v = json!({"kind": "street_hail", "booking": v["booking"], "assignment": v["assignment"], "pickup": {"lat": 99, "lon": 0}}),
        ),
        ("fare below nothing", |v| {
            v["kind"] = json!("done");
            v["fare"] =
                json!({"revision": 0, "amount": -1, "distance_m": 1, "duration_s": 1, "payment": "cash"});
        }),
        ("unknown field in the fare", |v| {
            v["kind"] = json!("done");
            v["fare"] = json!({"revision": 0, "amount": 1, "distance_m": 1, "duration_s": 1, "payment": "cash", "tip": 1});
        }),
    ];
    for (name, change) in changes {
        let mut bad = step.clone();
        change(&mut bad);
        assert!(read_batch(&bad).is_err(), "{name}");
    }
}

#[test]
fn a_moment_far_off_is_noted_and_a_long_list_refused() {
    let entry = |at: &str| json!({"number": 1, "at": at, "what": {"kind": "stand"}});
    let read = |entries: Vec<Value>| -> ReportBatch {
        serde_json::from_value(json!({"shift": id(1), "device": id(2), "entries": entries})).unwrap()
    };
    for (at, far_off) in [
        ("2022-10-15T06:33:59+00:00", false),
        ("2022-10-08T06:33:01Z", false),
        ("2022-10-15T06:34:01Z", true),
        ("2022-10-08T06:32:59Z", true),
    ] {
        let batch = read(vec![entry(at)]);
        assert_eq!((batch.check(), batch.far_off(NOW).len()), (Ok(()), usize::from(far_off)), "{at}");
    }
    let long = read(vec![entry("2022-10-15T06:33:00Z"); REPORTS_MAX + 1]);
    assert_eq!(long.check().unwrap_err().code(), "too_many_items");
    assert!(serde_json::from_value::<ReportEntry>(entry("1665815580000")).is_err());
}

#[test]
fn refuses_a_slot_that_contradicts_itself() {
    let held = |n: u64, boarded| Held {
        booking: BookingId::from_number(u128::from(n)),
        assignment: AssignmentId { origin: "a".parse().unwrap(), incarnation: 1, counter: n },
        confirmed: true,
        boarded,
    };
    let beat = |current: Option<Held>, next: Option<Held>| Beat {
        shift: ShiftId::from_number(1),
        device: DeviceId::from_number(2),
        session: None,
        hears_central: true,
        position: None,
        slot: Slot { current, next },
    };
    assert_eq!(beat(Some(held(1, true)), Some(held(2, false))).check(), Ok(()));
    for (current, next) in [
        (None, Some(held(1, false))),
        (Some(held(1, false)), Some(held(1, false))),
        (Some(held(1, true)), Some(held(2, true))),
    ] {
        assert_eq!(beat(current, next).check(), Err(Invalid::Slot));
    }
    let mut long = beat(None, None);
    long.session = Some("x".repeat(SESSION_MAX + 1));
    assert_eq!(long.check().unwrap_err().code(), "text_too_long");
}

#[test]
fn a_message_survives_the_wire() {
    let request = Request {
        seats: 2,
        quote: Some(Quote { fare: Money(4_800), tariff: "seoul-2023".into() }),
        ..Request::plain(Door::Web, Position::new(37.5, 127.0).unwrap(), SubjectId::from_number(9))
    };
    let offer = command::Offer {
        booking: BookingId::from_number(3),
        assignment: "central:2:8".parse().unwrap(),
        session: "s-1".into(),
        attach_epoch: 4,
        ttl_ms: 20_000,
        eta_s: 180,
        request,
        pin_verifier: "0123456789abcdef".into(),
        capsule: None,
    };
    let texts = RiderTexts {
        note: Some("정문 앞".into()),
        capsule: Some("sealed".into()),
        phone: Some("+821012345678".into()),
        name: Some("가".repeat(TEXT_MAX + 5)),
        ..RiderTexts::default()
    };
    let push = Push::new(&command::ToDevice::Offer(Box::new(offer)), texts);
    let text = serde_json::to_string(&Down::Push(push.clone())).unwrap();
    assert!(!text.contains("+8210"), "the number comes with the confirmation only: {text}");
    assert_eq!(serde_json::from_str::<Down>(&text).unwrap(), Down::Push(push.clone()));
    let Push::Offer { offer } = push else { panic!("an offer stays an offer") };
    assert_eq!(offer.ride.rider_name.unwrap().chars().count(), TEXT_MAX);
    assert_eq!(offer.ride.fare_shown, Some(Money(4_800)));
    assert_eq!(offer.capsule.as_deref(), Some("sealed"));
}

#[test]
fn an_attach_brings_few_and_short_capsules_and_one_of_the_release_before_none() {
    let kept = |chars: usize| json!({"assignment": "central:2:8", "capsule": "x".repeat(chars)});
    let attach = |capsules: Option<Value>| {
        let mut attach = json!({
            "shift": id(1), "device": id(2), "started_at": "2022-10-15T06:33:00Z", "attach_epoch": 4, "slot": {},
            "duty": {"number": 1, "duty": "available"}
        });
        if let Some(capsules) = capsules {
            attach["capsules"] = capsules;
        }
        serde_json::from_value::<Attach>(attach).unwrap()
    };
    assert_eq!(attach(None).capsules, None);
    assert_eq!(attach(Some(json!([kept(CAPSULE_MAX_CHARS), kept(1)]))).check(), Ok(()));
    let many = attach(Some(json!([kept(1), kept(1), kept(1)])));
    assert_eq!(many.check().unwrap_err().code(), "too_many_items");
    let long = attach(Some(json!([kept(CAPSULE_MAX_CHARS + 1)])));
    assert_eq!(long.check().unwrap_err().code(), "text_too_long");
}

#[test]
fn an_answer_says_nothing_of_home_to_whom_nothing_is_to_be_said() {
    let asked = command::AskedHome { district: "west".parse().unwrap(), towards: None };
    let answer = |asked_home: Option<command::AskedHome>| command::BeatAnswer {
        node: "edge-a".parse().unwrap(),
        alive: true,
        holder: "edge-a".parse().unwrap(),
        epoch: Epoch::default(),
        attached: true,
        messages: Vec::new(),
        asked_home,
    };
    let wire = |answer: &command::BeatAnswer| {
        let asked = answer.asked_home.as_ref().map(|asked| AskedHome::new(asked, "가".repeat(TEXT_MAX + 5)));
        BeatAnswer::new(answer, |_| RiderTexts::default(), asked)
    };
    let plain = serde_json::to_value(wire(&answer(None))).unwrap();
    assert_eq!(plain.get("asked_home"), None, "a device of the release before refuses what it does not know");
    let asked = wire(&answer(Some(asked)));
    let text = serde_json::to_string(&asked).unwrap();
    assert_eq!(serde_json::from_str::<BeatAnswer>(&text).unwrap(), asked);
    assert_eq!(asked.asked_home.unwrap().text.chars().count(), TEXT_MAX);
}

#[test]
fn every_happening_becomes_its_command() {
    let (booking, assignment) = (BookingId::from_number(3), "edge-a:1:7".parse::<AssignmentId>().unwrap());
    let json = json!({"kind": "boarded", "booking": booking, "assignment": assignment, "pin": "verified"});
    let (number, report) = read_batch(&json).unwrap().into_commands(&"d".parse().unwrap()).next().unwrap();
    let report = report.unwrap();
    assert_eq!((number, report.at), (1, NOW));
    assert_eq!(
        report.what,
        command::Happening::Step { booking, assignment, what: Step::Boarded { pin: PinCheck::Verified } }
    );
    let refused = ReportResult::new(7, &Err(command::Refusal::Overloaded));
    assert_eq!(
        serde_json::to_value(refused).unwrap(),
        json!({"number": 7, "outcome": {"outcome": "refused", "code": "overloaded", "retry": true}})
    );
}

#[test]
fn moments_are_rfc_3339_to_the_millisecond() {
    for (ms, text) in [
        (1_665_815_580_000, "2022-10-15T06:33:00Z"),
        (1_665_815_580_250, "2022-10-15T06:33:00.25Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(moment::format(UtcMs(ms)).unwrap(), text);
        assert_eq!(moment::parse(text), Some(UtcMs(ms)));
    }
    assert_eq!(moment::parse("2022-10-15T15:33:00+09:00"), Some(NOW));
    for bad in ["", "yesterday", "2022-10-15", "1665815580"] {
        assert_eq!(moment::parse(bad), None, "{bad}");
    }
}
