//! What a console that only listens gets to see.

use ondol_core::booking::Needs;
use ondol_core::command::{Attach, Beat, Command, Happening, Report, Slot};
use ondol_core::fact::{ShiftStart, Step, Vehicle};
use ondol_core::ids::{AssignmentId, BookingId, DeviceId, DistrictId, ShiftId, VehicleId};
use ondol_core::shift::{Duty, Serialiser};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::Bench;
use crate::path;
use crate::testbed::{Listed, Stream, district_at, place};

const WAITS_LONG_MS: u64 = 180_000;

fn shift() -> ShiftId {
    ShiftId::from_number(500)
}

fn row(key: u128) -> impl Fn(&Value) -> Option<Value> {
    move |rows| {
        let id = json!(Uuid::from_u128(key));
        rows.as_array()?.iter().find(|row| row["booking"] == id).cloned()
    }
}

async fn until_row(stream: &mut Stream, key: u128, wanted: impl Fn(&Value) -> bool) {
    let find = row(key);
    stream.until("booking", |rows| find(rows).is_some_and(|row| wanted(&row))).await;
}

/// A driver of fleet `blue` with the app, on duty beside the first place.
pub(crate) async fn taxi(bench: &Bench) -> (DistrictId, DeviceId) {
    let (district, device) = (district_at(place(0)), DeviceId::from_number(600));
    let listed = Listed { number: 1, phone: "010-1000-0001", district: &district, home: None, banned: false };
    let driver = bench.node.list_driver(listed).await;
    let vehicle = Vehicle {
        vehicle: VehicleId::from_number(1),
        plate: "서울33바1234".into(),
        seats: 4,
        needs: Needs::default(),
    };
    let start = ShiftStart {
        driver,
        vehicle,
        fleet: "blue".parse().unwrap(),
        serialiser: Serialiser::Device { device },
        at: bench.node.now(),
    };
    let attach = Attach {
        shift: shift(),
        device,
        driver,
        district: district.clone(),
        start,
        attach_epoch: 1,
        slot: Slot::default(),
        duty: (1, Duty::Available),
        position: Some(place(0)),
        keeps_capsules: false,
    };
    bench.handle.request(Command::Attach(attach)).await.unwrap();
    (district, device)
}

/// The driver says yes to the question that is open.
async fn accept(bench: &Bench, (district, device): (DistrictId, DeviceId), key: u128) {
    let booking = BookingId::from_number(key);
    let asked = bench
        .handle
        .read(move |node| {
            let bonds = &node.board().booking(booking)?.1.assignments;
            bonds.iter().find(|(_, bond)| bond.is_question()).map(|(id, _)| id.clone())
        })
        .await;
    let assignment: AssignmentId = asked.unwrap().expect("the shift was asked");
    let what = Happening::Step { booking, assignment, what: Step::Assigned };
    let report = Report { shift: shift(), device, district, what, at: bench.node.now() };
    bench.handle.request(Command::Report(report)).await.unwrap();
}

#[tokio::test]
async fn a_rider_who_only_waits_turns_red_without_any_entry() {
    let bench = Bench::new().await;
    let cookie = bench.sign_in("operator").await;
    assert_eq!(bench.post("/console/v1/bookings", &cookie, &bench.call(1)).await.status.as_u16(), 201);
    let mut stream = bench.stream(&cookie).await;
    stream.until("positions", |_| true).await;
    bench.node.clock.advance_ms(WAITS_LONG_MS + 1_000);
    until_row(&mut stream, 1, |row| row["attention"] == json!(["waits_long"])).await;
}

#[tokio::test]
async fn a_taxi_that_falls_silent_turns_red_and_calm_again_when_heard() {
    let bench = Bench::new().await;
    let cookie = bench.sign_in("operator").await;
    let taxi = taxi(&bench).await;
    bench.post("/console/v1/bookings", &cookie, &bench.call(1)).await;
    bench.post(&path(1, "/assign"), &cookie, &json!({"shift": shift()})).await;
    accept(&bench, taxi.clone(), 1).await;
    let mut stream = bench.stream(&cookie).await;
    stream.until("positions", |_| true).await;
    bench.node.clock.advance_ms(61_000);
    until_row(&mut stream, 1, |row| row["attention"] == json!(["contact_lost"])).await;
    let (district, device) = taxi;
    let position = Some(place(0));
    let slot = Slot::default();
    let beat = Beat { shift: shift(), device, district, session: None, hears_central: true, position, slot };
    bench.handle.request(Command::Beat(beat)).await.unwrap();
    until_row(&mut stream, 1, |row| row["attention"] == json!([])).await;
}

#[tokio::test]
async fn a_booking_that_another_fleet_takes_leaves_the_screen() {
    let bench = Bench::new().await;
    let operator = bench.sign_in("operator").await;
    let (hanbit, blue) = (bench.sign_in("hanbit").await, bench.sign_in("blue").await);
    let taxi = taxi(&bench).await;
    let mut theirs = bench.stream(&hanbit).await;
    let mut ours = bench.stream(&blue).await;
    bench.post("/console/v1/bookings", &operator, &bench.call(1)).await;
    until_row(&mut theirs, 1, |row| row["rider_name"] == "김하늘").await;
    bench.post(&path(1, "/assign"), &operator, &json!({"shift": shift()})).await;
    accept(&bench, taxi, 1).await;
    assert_eq!(theirs.until("gone", |_| true).await, json!([Uuid::from_u128(1)]));
    until_row(&mut ours, 1, |row| row["status"] == "assigned").await;
    let board = bench.get("/console/v1/board", &hanbit).await;
    assert_eq!(board.body["bookings"], json!([]), "the board says the same");
}

#[tokio::test]
async fn a_booking_that_was_never_theirs_is_not_even_named() {
    let bench = Bench::new().await;
    let (hanbit, onnuri) = (bench.sign_in("hanbit").await, bench.sign_in("onnuri").await);
    let mut theirs = bench.stream(&onnuri).await;
    let mut ours = bench.stream(&hanbit).await;
    bench.post("/console/v1/bookings", &hanbit, &bench.call(1)).await;
    until_row(&mut ours, 1, |_| true).await;
    // Two rounds of positions: what was gathered before them has been sent.
    theirs.until("positions", |_| true).await;
    theirs.until("positions", |_| true).await;
    assert!(!theirs.said().contains(&Uuid::from_u128(1).to_string()), "{}", theirs.said());
}
