//! Goal: staff reaches its node while it runs, and nobody else does.
//! Method: the real loop, identity and route on SQLite.

mod recovery;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use ondol_core::command::Command;
use ondol_core::ids::{BookingId, DriverId, SubjectId};
use tower::ServiceExt as _;

use super::*;
use crate::capsule::RecoverySection;
use crate::clock::SharedClock;
use crate::identity::policy::Districts;
use crate::identity::{
    IdentityConfig, IdentityStore, NewOperator, SigningKey, Standing, TEXT_LIFE_MS, Transport,
};
use crate::roster::{ListedDriver, RosterFile};
use crate::run::tests::bench::{Bench, Started, book, district, request};
use crate::store::Store;

const KEY: [u8; 32] = [1; 32];
const PASSWORD: &str = "correct horse battery";

struct Place {
    bench: Bench,
    node: Started,
    identity: Arc<Identity>,
    recovery: Recovery,
}

async fn place() -> Place {
    place_with(None).await
}

async fn place_with(section: Option<RecoverySection>) -> Place {
    let bench = Bench::new().await;
    let node = bench.start().await;
    let config = IdentityConfig {
        node: "central".parse().unwrap(),
        standing: Standing::Central,
        key: SigningKey::from_seed(&KEY),
        known: Vec::new(),
        districts: Districts::All,
        origins: Vec::new(),
        transport: Transport::LoopbackHttp,
    };
    let store = IdentityStore::new(&Store::open(&bench.url).await.unwrap());
    let clock: SharedClock = Arc::<crate::clock::ManualClock>::clone(&bench.clock);
    let identity = Arc::new(Identity::open(config, store, clock).await.unwrap());
    let recovery = Recovery::new(section, node.handle.clone(), Arc::clone(&identity));
    Place { bench, node, identity, recovery }
}

impl Place {
    async fn post(&self, token: Option<String>, body: &[u8]) -> (StatusCode, String) {
        let mut request = Request::post("/node/v1/orders").header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let (identity, recovery) = (Arc::clone(&self.identity), self.recovery.clone());
        let router = control_router(self.node.handle.clone(), identity, recovery);
        let response = router.oneshot(request.body(Body::from(body.to_vec())).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn token(&self, key: [u8; 32], body: &[u8]) -> String {
        let issuer = Issuer::new("central".parse().unwrap(), SigningKey::from_seed(&key));
        order_token(&issuer, body, 1.0, crate::clock::Clock::now(&*self.bench.clock).utc)
    }

    async fn tell(&self, order: &Order) -> (StatusCode, String) {
        let body = serde_json::to_vec(order).unwrap();
        self.post(Some(self.token(KEY, &body)), &body).await
    }
}

#[tokio::test]
async fn only_the_nodes_own_key_gives_orders_and_each_token_one() {
    let place = place().await;
    let body = serde_json::to_vec(&Order::TakeBack {}).unwrap();
    let other = serde_json::to_vec(&Order::Close { login: "minji".into() }).unwrap();
    let stranger = place.token([66; 32], &body);
    let of_other = place.token(KEY, &other);
    let text = place.identity.text_token(vec![district()], 60_000);
    for (who, token) in [
        ("nobody", None),
        ("a stranger", Some(stranger)),
        ("another order's token", Some(of_other)),
        ("a text process", Some(text)),
        ("a peer", Some(place.identity.peer_token(&"central".parse().unwrap()).token)),
        ("nonsense", Some("a.b.c".into())),
    ] {
        assert_eq!(place.post(token, &body).await.0, StatusCode::UNAUTHORIZED, "{who}");
    }
    let old = place.token(KEY, &body);
    place.bench.clock.advance_ms(ORDER_LIFE_MS + 10_000);
    assert_eq!(place.post(Some(old), &body).await.0, StatusCode::UNAUTHORIZED, "an old token");
    let unknown = br#"{"order":"take_back","all":true}"#;
    let (status, _) = place.post(Some(place.token(KEY, unknown)), unknown).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(place.tell(&Order::TakeBack {}).await.0, StatusCode::OK);
    let now = place.node.handle.now().utc;
    assert!(place.node.handle.store().takes_back(now).await.unwrap());
}

#[tokio::test]
async fn a_driver_is_barred_and_admitted_while_the_node_runs() {
    let place = place().await;
    let driver = DriverId::from_number(5);
    assert_eq!(place.tell(&Order::Bar { driver: driver.into() }).await.0, StatusCode::NOT_FOUND);
    let listed: ListedDriver = serde_json::from_value(serde_json::json!({
        "driver": driver, "vehicle": DriverId::from_number(6), "name": "김하늘", "phone": "010-1234-5678",
        "fleet": "hanbit", "district": district(), "lang": "ko", "secret": "4821-0007", "plate": "서울33바1234", "seats": 4,
    }))
    .unwrap();
    let roster = RosterFile { drivers: vec![listed], operators: Vec::new() };
    roster.enter(&place.node.handle, &place.identity, &[0; 32]).await.unwrap();
    let is_banned = async || {
        let look = move |node: &ondol_core::node::Node| node.board().driver(driver).unwrap().1.banned;
        place.node.handle.read(look).await.unwrap()
    };
    for order in [Order::Bar { driver: driver.into() }, Order::Bar { driver: driver.into() }] {
        assert_eq!(place.tell(&order).await.0, StatusCode::OK);
        assert!(is_banned().await);
    }
    assert_eq!(place.tell(&Order::Admit { driver: driver.into() }).await.0, StatusCode::OK);
    assert!(!is_banned().await);
    let sealed = place.node.handle.read(move |node| node.board().driver(driver).unwrap().1.personal.clone());
    let sealed = sealed.await.unwrap().unwrap();
    assert_eq!(place.tell(&Order::Erase { person: Person::Driver(driver.into()) }).await.0, StatusCode::OK);
    assert!(place.node.handle.vault().open::<serde_json::Value>(&sealed).is_none());
}

#[tokio::test]
async fn a_series_is_set_aside_unless_it_is_unknown_or_still_written() {
    let place = place().await;
    place.node.handle.request(book(1)).await.unwrap();
    let present = place.node.handle.incarnation();
    let set_aside = |life: u32| Order::SetAside {
        series: format!("central/{life}/{}/bookings", district()).parse().unwrap(),
    };
    let (status, said) = place.tell(&set_aside(present + 1)).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{said}");
    let (status, said) = place.tell(&set_aside(present)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{said}");
    assert!(said.contains("still_written"), "{said}");
}

#[tokio::test]
async fn a_rider_is_erased_by_booking() {
    let place = place().await;
    let erase = Order::Erase { person: Person::RiderOf(BookingId::from_number(1).into()) };
    assert_eq!(place.tell(&erase).await.0, StatusCode::BAD_REQUEST, "nobody booked yet");
    let sealed = place.node.handle.vault().seal(SubjectId::from_number(9), &"강남역").unwrap();
    let mut asked = request(1);
    asked.personal = Some(sealed.clone());
    let Command::Book { booking, district, zone, .. } = book(1) else { unreachable!() };
    place.node.handle.request(Command::Book { booking, district, zone, request: asked }).await.unwrap();
    let (status, said) = place.tell(&erase).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    assert!(place.node.handle.vault().open::<String>(&sealed).is_none());
}

#[tokio::test]
async fn accounts_and_nodes_lose_what_they_had() {
    let place = place().await;
    let operator = NewOperator {
        login: "minji".into(),
        password: PASSWORD.into(),
        role: Role::Operator,
        fleet: None,
        districts: Districts::All,
    };
    place.identity.add_operator(operator).await.unwrap();
    let password =
        |login: &str, password: &str| Order::Password { login: login.into(), password: password.into() };
    assert_eq!(place.tell(&password("nobody", "another good secret")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(place.tell(&password("minji", "x")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(place.tell(&password("minji", "another good secret")).await.0, StatusCode::OK);
    assert!(place.identity.sign_in("minji", PASSWORD, "a").await.is_err());
    assert!(place.identity.sign_in("minji", "another good secret", "b").await.is_ok());
    let close = Order::Close { login: "minji".into() };
    assert_eq!(place.tell(&close).await.0, StatusCode::OK);
    assert!(place.identity.sign_in("minji", "another good secret", "c").await.is_err());
    assert_eq!(place.tell(&close).await.0, StatusCode::BAD_REQUEST);

    let edge = SigningKey::from_seed(&[2; 32]);
    let known = crate::identity::KnownKey {
        node: "edge-a".parse().unwrap(),
        public: edge.public(),
        standing: Standing::Edge(district()),
    };
    place.identity.trust(known).await.unwrap();
    let distrust = Order::Distrust { node: "edge-a".parse().unwrap() };
    assert_eq!(place.tell(&distrust).await.0, StatusCode::OK);
    assert_eq!(place.tell(&distrust).await.0, StatusCode::BAD_REQUEST, "it is known no longer");
    let token = place.identity.text_token(vec![district()], TEXT_LIFE_MS);
    assert!(place.identity.verify_text(&token).is_ok());
    let order = Order::Revoke { token: crate::identity::token_id(&token).unwrap() };
    assert_eq!(place.tell(&order).await.0, StatusCode::OK);
    assert!(place.identity.verify_text(&token).is_err());
    place.bench.clock.advance_ms(29 * 24 * 60 * 60 * 1_000);
    assert!(place.identity.verify_text(&token).is_err(), "as long as such a token lives");
}

fn listed(n: u128, plate: &str, phone: &str) -> ListedDriver {
    serde_json::from_value(serde_json::json!({
        "driver": DriverId::from_number(n), "vehicle": DriverId::from_number(n + 100), "name": "김하늘", "phone": phone,
        "fleet": "hanbit", "district": district(), "lang": "ko", "secret": "4821-0007", "plate": plate, "seats": 4,
    }))
    .unwrap()
}

/// What staff has is what stands on the car, in the telephone and in the rider's text; a name that fits two is not
/// guessed at.
#[tokio::test]
async fn people_are_named_by_plate_number_and_code() {
    let place = place().await;
    let drivers = vec![
        listed(1, "서울33바1234", "010-1234-5678"),
        listed(2, "서울33바1234", "010-1234-5679"),
        listed(3, "서울33바9999", "010-1234-5680"),
    ];
    let roster = RosterFile { drivers, operators: Vec::new() };
    assert_eq!(place.tell(&Order::Roster { first: 0, roster }).await.0, StatusCode::OK);
    let bar = |named: &str| Order::Bar { driver: named.parse().unwrap() };
    let (status, said) = place.tell(&bar("서울33바1234")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{said}");
    assert!(said.contains(&DriverId::from_number(2).to_string()), "{said}");
    assert_eq!(place.tell(&bar("서울99바0000")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(place.tell(&bar("서울 33바 9999")).await.0, StatusCode::OK);
    assert_eq!(place.tell(&bar("010 1234 5678")).await.0, StatusCode::OK);
    let banned = place
        .node
        .handle
        .read(|node| [1, 2, 3].map(|n| node.board().driver(DriverId::from_number(n)).unwrap().1.banned));
    assert_eq!(banned.await.unwrap(), [true, false, true]);

    let Command::Book { booking, district, zone, request } = book(1) else { unreachable!() };
    place.node.handle.request(Command::Book { booking, district, zone, request }).await.unwrap();
    let erase = |named: &str| Order::Erase { person: Person::RiderOf(named.parse().unwrap()) };
    let code = ondol_core::pin::booking_code(booking);
    assert_eq!(place.tell(&erase("no code")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(place.tell(&erase(&code.to_lowercase())).await.0, StatusCode::OK);
}

/// A city has each code again within days, and what is erased is gone.
#[tokio::test]
async fn of_two_bookings_with_one_code_neither_is_guessed_and_both_are_told_with_their_times() {
    let place = place().await;
    let code = |n: u128| ondol_core::pin::booking_code(BookingId::from_number(n));
    let again = (2..).find(|n| code(*n) == code(1)).unwrap();
    place.node.handle.request(book(1)).await.unwrap();
    let (by, reason) = (ondol_core::booking::Party::Rider, ondol_core::booking::CancelReason::ChangedMind);
    let cancel = Command::Cancel { booking: BookingId::from_number(1), by, reason };
    place.node.handle.request(cancel).await.unwrap();
    place.bench.clock.advance_ms(9 * 86_400_000);
    place.node.handle.request(book(again)).await.unwrap();
    let erase = Order::Erase { person: Person::RiderOf(code(1).parse().unwrap()) };
    let (status, said) = place.tell(&erase).await;
    assert_eq!(status, StatusCode::CONFLICT, "{said}");
    let latest = format!("{} (2022-10-24T06:30:00.000Z, open)", BookingId::from_number(again));
    let first = format!("{} (2022-10-15T06:30:00.000Z)", BookingId::from_number(1));
    assert!(said.contains(&format!("2 bookings fit that; give the id instead: {latest}, {first}")), "{said}");
}

/// A fleet hands in its whole list whenever somebody joins.
#[tokio::test]
async fn a_roster_is_entered_while_the_node_runs_and_admits_nobody_who_was_barred() {
    let place = place().await;
    let entered = async |drivers: &[ListedDriver]| {
        let roster = RosterFile { drivers: drivers.to_vec(), operators: Vec::new() };
        let (status, said) = place.tell(&Order::Roster { first: 40, roster }).await;
        (status, said)
    };
    let first = listed(1, "서울33바1234", "010-1234-5678");
    let count = |said: &str| serde_json::from_str::<Done>(said).unwrap().entered.unwrap().drivers;
    assert_eq!(count(&entered(std::slice::from_ref(&first)).await.1), 1);
    let driver = DriverId::from_number(1);
    assert_eq!(place.tell(&Order::Bar { driver: driver.into() }).await.0, StatusCode::OK);
    let both = [first, listed(2, "서울33바5678", "010-1234-5679")];
    assert_eq!(count(&entered(&both).await.1), 1, "only the second is new");
    let is_banned = async || {
        let look = move |node: &ondol_core::node::Node| node.board().driver(driver).unwrap().1.banned;
        place.node.handle.read(look).await.unwrap()
    };
    assert!(is_banned().await);
    let mut other_plate = listed(1, "서울33바4321", "010-1234-5678");
    assert_eq!(count(&entered(std::slice::from_ref(&other_plate)).await.1), 1);
    assert!(is_banned().await, "a row that changes and does not name the bar leaves it");
    other_plate.banned = Some(false);
    assert_eq!(count(&entered(&[other_plate]).await.1), 1);
    assert!(!is_banned().await);
    let mut elsewhere = listed(3, "서울33바7777", "010-1234-5670");
    elsewhere.district = "nowhere".parse().unwrap();
    let (status, said) = entered(&[elsewhere]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(said.contains("drivers[40]: district"), "{said}");
}
