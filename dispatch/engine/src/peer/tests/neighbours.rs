//! Goal: over the wire a booking goes from an edge that is cut off to its neighbour, with the key of its rider's text,
//! and nobody but the neighbour can say anything of it.
//! Method: two edges in one process, each with its own store, whose central does not exist.

use ondol_core::board::DistrictBoard;
use ondol_core::booking::Status;
use ondol_core::command::{Attach, Beat, Command, LentSaid, LoanCall, LoanStage, Slot};
use ondol_core::fact::{Driver, Fact, Lang, ShiftStart, Vehicle};
use ondol_core::hlc::Hlc;
use ondol_core::ids::{BookingId, DeviceId, DistrictId, DriverId, ShiftId, SubjectId, VehicleId};
use ondol_core::journal::{Entry, Hash, Head, Lane};
use ondol_core::loan::LoanId;
use ondol_core::node::Mode;
use ondol_core::position::Position;
use ondol_core::shift::{Duty, Serialiser};
use ondol_core::units::UtcMs;
use reqwest::StatusCode;
use serde_json::json;

use super::sites::{Pair, Running, district, east, series, until};
use crate::run::PulledPage;

/// The driver as the roster lists one.
pub(super) fn driver(district: DistrictId) -> Driver {
    Driver {
        driver: DriverId::from_number(2),
        subject: SubjectId::from_number(1_002),
        fleet: "blue".parse().unwrap(),
        district,
        phone: None,
        personal: None,
        lang: Lang::Ko,
        secret_digest: String::new(),
        home: None,
        vehicle: vehicle(),
        banned: false,
    }
}

/// The driver of the east, in an entry that central wrote before it was gone.
fn listing() -> Entry {
    let fact = Fact::DriverListed { driver: driver(east()) };
    let mut entry = Entry {
        series: series("central", 1, "namsan", Lane::Roster),
        seq: 1,
        zone: "all".parse().unwrap(),
        hlc: Hlc::default(),
        kind: fact.kind().into(),
        schema_version: 1,
        key: fact.key(),
        payload: fact.write(),
        prev_hash: Head::default().hash,
        hash: Hash::default(),
    };
    entry.hash = entry.compute_hash();
    entry
}

fn vehicle() -> Vehicle {
    let vehicle = VehicleId::from_number(2);
    Vehicle {
        vehicle, plate: "서울33바0002".into(), seats: 4, needs: ondol_core::booking::Needs::default()
    }
}

fn pickup() -> Position {
    crate::run::tests::bench::request(1).pickup
}

/// The driver begins a shift; returns the session.
pub(super) async fn attach(edge: &Running, district: DistrictId) -> String {
    let (shift, device, driver) =
        (ShiftId::from_number(2), DeviceId::from_number(2), DriverId::from_number(2));
    let serialiser = Serialiser::Device { device };
    let at = edge.handle.now().utc;
    let start = ShiftStart { driver, vehicle: vehicle(), fleet: "blue".parse().unwrap(), serialiser, at };
    let attach = Attach {
        shift,
        device,
        driver,
        district,
        start,
        attach_epoch: 1,
        slot: Slot::default(),
        duty: (1, Duty::Available),
        position: Some(pickup()),
        keeps_capsules: false,
    };
    match edge.handle.request(Command::Attach(attach)).await {
        Ok(ondol_core::command::Answer::Attached { session }) => session,
        other => panic!("a listed driver attaches: {other:?}"),
    }
}

/// The driver's phone says that it lives, and does not hear central.
pub(super) async fn beat(edge: &Running, district: DistrictId, session: &str) {
    let beat = Beat {
        shift: ShiftId::from_number(2),
        device: DeviceId::from_number(2),
        district,
        session: Some(session.to_owned()),
        hears_central: false,
        position: Some(pickup()),
        slot: Slot::default(),
    };
    edge.handle.request(Command::Beat(beat)).await.unwrap();
}

pub(super) async fn status_in(edge: &Running, district: DistrictId) -> Option<Status> {
    let look = move |node: &ondol_core::node::Node| {
        let find = |board: &DistrictBoard| board.bookings.get(&BookingId::from_number(1)).map(|r| r.status());
        node.board().district(&district).and_then(find)
    };
    edge.handle.read(look).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_and_the_key_of_its_text_go_to_the_neighbour() {
    let pair = Pair::neighbours().await;
    let (west_edge, east_edge) = (pair.central.start().await, pair.edge.start().await);
    let (central, entry) = ("central".parse().unwrap(), listing());
    let heads = ondol_core::journal::Heads::default();
    let asked_at = east_edge.handle.now().ticks;
    east_edge.handle.page(PulledPage::of(central, vec![entry], heads, asked_at)).await.unwrap();
    for (edge, district) in [(&west_edge, district()), (&east_edge, east())] {
        edge.handle.request(Command::TakeDistrict { district: district.clone() }).await.unwrap();
        until("it has taken its district", async || {
            let look = {
                let district = district.clone();
                move |node: &ondol_core::node::Node| node.mode(&district).unwrap().mode
            };
            edge.handle.read(look).await.unwrap() == Mode::Degraded
        })
        .await;
    }
    let session = attach(&east_edge, east()).await;
    let sealed = west_edge.handle.vault().seal(SubjectId::from_number(9), &"강남역 11번 출구").unwrap();
    let mut request = crate::run::tests::bench::request(1);
    request.personal = Some(sealed.clone());
    let (booking, zone) = (BookingId::from_number(1), "hanbuk-1".parse().unwrap());
    let book = Command::Book { booking, district: district(), zone, request };
    west_edge.handle.request(book).await.unwrap();
    until("the east asks its driver", async || {
        beat(&east_edge, east(), &session).await;
        status_in(&east_edge, east()).await == Some(Status::Offered)
    })
    .await;
    assert_eq!(east_edge.handle.vault().open::<String>(&sealed).as_deref(), Some("강남역 11번 출구"));
    for node in [&west_edge, &east_edge] {
        node.handle.store().verify().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_says_anything_of_loans_in_a_neighbours_name() {
    let pair = Pair::neighbours().await;
    let (west_edge, east_edge) = (pair.central.start().await, pair.edge.start().await);
    let call = LoanCall {
        from: "edge-b".parse().unwrap(),
        district: east(),
        incarnation: 1,
        to_incarnation: 0,
        lent: Vec::new(),
        asks: Vec::new(),
    };
    let own = east_edge.identity.peer_token(&"edge-a".parse().unwrap()).token;
    let send = |token: String, call: LoanCall, keys: serde_json::Value| {
        let body = json!({"call": call, "keys": keys}).to_string();
        let url = format!("{}/sync/v1/loans", west_edge.identity_url());
        let request = reqwest::Client::new().post(url).header("authorization", format!("Bearer {token}"));
        let request = request.header("x-ondol-nonce", "0123456789abcdef").body(body);
        async move { request.send().await.unwrap().status() }
    };
    let none = || json!([]);
    assert_eq!(send("a.b.c".into(), call.clone(), none()).await, StatusCode::UNAUTHORIZED);
    let other = LoanCall { from: "edge-c".parse().unwrap(), ..call.clone() };
    assert_eq!(send(own.clone(), other, none()).await, StatusCode::FORBIDDEN, "another's name");
    let elsewhere = LoanCall { district: district(), ..call.clone() };
    assert_eq!(send(own.clone(), elsewhere, none()).await, StatusCode::FORBIDDEN, "another's district");
    let key = json!([{"subject": SubjectId::from_number(1), "key_id": "00000000", "wrapped": null,
                      "erased_at": UtcMs(1)}]);
    assert_eq!(send(own.clone(), call.clone(), key).await, StatusCode::FORBIDDEN, "an edge erases nobody");
    // What is not borrowed, because central plans this district, brings no key in.
    let sealed = east_edge.handle.vault().seal(SubjectId::from_number(9), &"강남역").unwrap();
    let mut request = crate::run::tests::bench::request(1);
    request.personal = Some(sealed.clone());
    let said = LentSaid {
        booking: BookingId::from_number(1),
        loan: LoanId::new(1, 1),
        stage: LoanStage::Begun,
        at: UtcMs(1),
        request: Some(Box::new(request)),
        taken: false,
        cancel: None,
    };
    let subjects = [SubjectId::from_number(9)].into();
    until("its key is stored", async || {
        !east_edge.handle.store().keys_of(&subjects).await.unwrap().is_empty()
    })
    .await;
    let keys = east_edge.handle.store().keys_of(&subjects).await.unwrap();
    let (incarnation, to_incarnation) = (u32::MAX, west_edge.handle.incarnation());
    let lends = LoanCall { lent: vec![said], incarnation, to_incarnation, ..call.clone() };
    assert_eq!(send(own.clone(), lends, serde_json::to_value(keys).unwrap()).await, StatusCode::OK);
    assert_eq!(west_edge.handle.vault().open::<String>(&sealed), None);
    // Its own words are heard. Its real calls are of a later life, so that these come too late.
    let late = send(own, LoanCall { incarnation: u32::MAX, ..call }, none()).await;
    assert_eq!(late, StatusCode::OK);
}
