//! Goal: what a node's own drivers drive is what it tells riders and plans with, hour by hour, and after a restart.
//!
//! Method: a node as staff configures it, its doors, and a clock that the test moves. Two drivers sign in and hand in where
//! they were: one went slowly up and down one street, the other as fast as ever elsewhere. A rider asks what both ways cost.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use metrics_exporter_prometheus::PrometheusHandle;
use ondol_core::position::Position;
use ondol_core::units::UtcMs;
use ondol_engine::clock::{Clock as _, ManualClock};
use ondol_engine::identity::Proof;
use ondol_engine::roster::RosterFile;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::samples::{Folder, ROSTER};
use super::*;
use crate::speeds::Progress;

/// 2026-03-02T09:00:00Z, six in the evening in Seoul.
const HOUR_BEGINS: UtcMs = UtcMs(1_772_442_000_000);
const MINUTE_MS: u64 = 60_000;
/// Of one driver, while nobody asks.
const FIXES_EVERY_S: u32 = 5;
/// Bound on a wait that should end at once; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a slow taxi takes longer than the map says of free streets.
const SLOWER: f64 = 3.0;

/// A way that riders ask for and taxis drive.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Way {
    from: Position,
    to: Position,
}

/// A node that runs, and what is before it.
struct Town {
    clock: Arc<ManualClock>,
    doors: Router,
    learning: Learning,
    running: Running,
    map: Arc<RoadMap>,
}

impl Town {
    /// Central of the samples in `folder`, started at `now`.
    async fn start(folder: &Folder, now: UtcMs, metrics: &PrometheusHandle) -> Self {
        let clock = ManualClock::at(now);
        let config = Config::read(&folder.0.path().join("central.toml")).unwrap();
        let station = start_as_told(config, clock.clone()).await.unwrap();
        let Station { config, running, identity, recovery, map, learning, secrets, tariff } = station;
        let learning = learning.unwrap();
        let roster = ROSTER.replace("\"home\": \"edge-hanbuk\",", "");
        let roster = RosterFile::from_json(roster.as_bytes()).unwrap();
        roster.enter(&running.handle, &identity, &secrets.derive("driver-secret")).await.unwrap();
        let rooms = Rooms {
            config: &config,
            handle: &running.handle,
            identity: &identity,
            recovery: &recovery,
            map: map.clone(),
            tracks: Some(learning.tracks.clone()),
            secrets: &secrets,
            tariff,
        };
        let watch = crate::health::router(running.handle.clone(), metrics.clone());
        let doors = doors::router(rooms).unwrap().merge(watch);
        Self { clock, doors, learning, running, map: map.unwrap() }
    }

    async fn stop(self) {
        self.running.handle.shut_down().await;
        self.learning.stop().await;
        self.running.task.await.unwrap().unwrap();
    }

    async fn ask(&self, request: Request<Body>) -> (StatusCode, String) {
        let (parts, body) = self.doors.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        (parts.status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> Value {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"));
        let (status, said) = self.ask(request.body(Body::from(body.to_string())).unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{path}: {said}");
        serde_json::from_str(&said).unwrap()
    }

    /// Signs a driver in, and hands in `fixes` as a phone does, the newest first.
    async fn drive(&self, phone: &str, secret: &str, fixes: &[(UtcMs, Position)]) {
        let key = SigningKey::from_seed(&[u8::try_from(secret.len()).unwrap(); 32]);
        let body = json!({"phone": phone, "secret": secret, "key": key.public()});
        let signed_in = self.post("/driver/v1/sign-in", "", &body).await;
        let pass = signed_in["pass"].as_str().unwrap();
        let node = self.running.handle.node_id();
        let proof = Proof::make(&key, node, pass, self.clock.now().utc, Uuid::from_u128(1));
        let session = self.post("/driver/v1/session", "", &json!({"pass": pass, "proof": proof})).await;
        let numbered: Vec<Value> = (1..)
            .zip(fixes)
            .map(|(number, (at, position)): (u64, _)| {
                json!({"number": number, "at": ondol_engine::http::rfc3339(*at), "position": position})
            })
            .collect();
        for batch in numbered.rchunks(100) {
            let newest_first: Vec<&Value> = batch.iter().rev().collect();
            let body =
                json!({"shift": Uuid::from_u128(1), "device": signed_in["device"], "fixes": newest_first});
            self.post("/driver/v1/positions", session["token"].as_str().unwrap(), &body).await;
        }
    }

    /// Seconds and won of a drive, as a rider is told.
    async fn quote(&self, way: Way) -> (f64, i64) {
        let body = json!({"pickup": way.from, "dropoff": way.to});
        let told = self.post("/rider/v1/quotes", "", &body).await;
        (told["duration_s"].as_f64().unwrap(), told["quote"]["fare"].as_i64().unwrap())
    }

    /// Waits until the learner has come so far.
    async fn reaches(&self, tracks: usize, refreshes: usize) {
        let mut progress = self.learning.progress.clone();
        let reached = |done: &Progress| done.tracks >= tracks && done.refreshes >= refreshes;
        let reached = tokio::time::timeout(PATIENCE, progress.wait_for(reached));
        reached.await.expect("it gets there").expect("the learner runs");
    }

    /// Where a taxi is that goes up and down `way` for `minutes` until `ends`, in `slower` times the free time.
    fn trace(&self, way: Way, slower: f64, minutes: u32, ends: UtcMs) -> Vec<(UtcMs, Position)> {
        let back = Way { from: way.to, to: way.from };
        let legs = [way, back].map(|way| self.map.route(way.from, way.to).unwrap());
        let begins = UtcMs(ends.0 - i64::from(minutes) * 60_000);
        let leg_s = legs.each_ref().map(|leg| f64::from(leg.duration_s) * slower);
        let at = |second: u32| {
            let into_s = f64::from(second) % (leg_s[0] + leg_s[1]);
            let (leg, share) =
                if into_s < leg_s[0] { (0, into_s / leg_s[0]) } else { (1, (into_s - leg_s[0]) / leg_s[1]) };
            (UtcMs(begins.0 + i64::from(second) * 1_000), along(&legs[leg].geometry, share))
        };
        (0..minutes * 60).step_by(FIXES_EVERY_S as usize).map(at).collect()
    }
}

/// The place after `share` of a line.
fn along(line: &[(f64, f64)], share: f64) -> Position {
    let places: Vec<Position> = line.iter().map(|(lon, lat)| Position::new(*lat, *lon).unwrap()).collect();
    let whole_m: f64 = places.windows(2).map(|pair| pair[0].distance_m(pair[1])).sum();
    let mut left_m = whole_m * share;
    for pair in places.windows(2) {
        let piece_m = pair[0].distance_m(pair[1]);
        if left_m <= piece_m {
            let part = if piece_m > 0.0 { left_m / piece_m } else { 0.0 };
            let between = |a: f64, b: f64| a + part * (b - a);
            let [a, b] = [pair[0], pair[1]];
            return Position::new(between(a.lat(), b.lat()), between(a.lon(), b.lon())).unwrap();
        }
        left_m -= piece_m;
    }
    places[places.len() - 1]
}

/// Two ways of some kilometres that have no street in common.
fn ways(map: &RoadMap) -> [Way; 2] {
    let stands: Vec<Position> = map.stands().iter().map(|stand| stand.position).collect();
    let pairs = stands
        .iter()
        .enumerate()
        .flat_map(|(at, from)| stands[at + 1..].iter().map(move |to| Way { from: *from, to: *to }));
    let fits = |way: &Way| (1_500.0..4_000.0).contains(&way.from.distance_m(way.to));
    let pairs: Vec<Way> = pairs.filter(fits).collect();
    let points = |way: Way| map.route(way.from, way.to).unwrap().geometry;
    let (first, rest) = pairs.split_first().unwrap();
    let driven = points(*first);
    let apart = |way: &&Way| points(**way).iter().all(|point| !driven.contains(point));
    [*first, *rest.iter().find(apart).unwrap()]
}

#[tokio::test]
async fn a_street_on_which_taxis_are_slow_is_quoted_slow_and_after_a_restart_too() {
    let metrics = PrometheusBuilder::new().install_recorder().unwrap();
    let folder = Folder::new();
    let town = Town::start(&folder, HOUR_BEGINS.plus_ms(52 * MINUTE_MS), &metrics).await;
    let [slow, quick] = ways(&town.map);
    let free = [town.quote(slow).await, town.quote(quick).await];

    let now = town.clock.now().utc;
    town.drive("010-0000-0001", "replace-me-1", &town.trace(slow, SLOWER, 50, now)).await;
    town.drive("010-0000-0002", "482107", &town.trace(quick, 1.0, 50, now)).await;
    town.reaches(12, 0).await;
    assert_eq!([town.quote(slow).await, town.quote(quick).await], free, "paces are refreshed at their time");
    town.clock.advance_ms(5 * MINUTE_MS);
    town.reaches(12, 1).await;
    let learnt = [town.quote(slow).await, town.quote(quick).await];
    let [slower, elsewhere] = [0, 1].map(|way| learnt[way].0 / free[way].0);
    assert!(slower > 1.6 && elsewhere < slower / 1.4, "{slower} {elsewhere}");
    assert!(learnt[0].1 > free[0].1, "slow time costs: {learnt:?} {free:?}");
    let planned = town.map.durations_to(slow.to, &[slow.from])[0].unwrap();
    assert!((f64::from(planned) - learnt[0].0).abs() <= 1.0, "dispatch plans with what riders are told");

    // At seven nobody has driven yet; it is like all hours, and the street is still the slow one.
    town.clock.advance_ms(3 * MINUTE_MS + 500);
    town.drive("010-0000-0002", "482107", &[(town.clock.now().utc, quick.from)]).await;
    town.reaches(13, 1).await;
    town.clock.advance_ms(500);
    town.reaches(13, 2).await;
    let at_seven = [town.quote(slow).await, town.quote(quick).await];
    assert!(at_seven[0].0 < learnt[0].0 && at_seven[0].0 > free[0].0 * 1.2, "{at_seven:?} {learnt:?}");

    let (_, told) = town.ask(Request::get("/metrics").body(Body::empty()).unwrap()).await;
    let value = |name: &str| {
        let line =
            told.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {told}"));
        line.trim().parse::<f64>().unwrap()
    };
    assert!((value("ondol_track_fixes_total{outcome=\"taken\"}") - 1_201.0).abs() < 0.5);
    assert!(value("ondol_speeds_pieces_total") > 100.0 && value("ondol_speeds_refresh_ms") > 0.0);
    assert!((value("ondol_speeds_refreshes_total") - 2.0).abs() < 0.5);

    let now = town.clock.now().utc;
    town.stop().await;
    let town = Town::start(&folder, now, &metrics).await;
    assert_eq!(
        [town.quote(slow).await, town.quote(quick).await],
        at_seven,
        "what was learnt outlives a restart"
    );
    town.stop().await;

    let kept = folder.0.path().join("central.db.speeds");
    let whole = std::fs::read(&kept).unwrap();
    std::fs::write(&kept, &whole[..whole.len() / 2]).unwrap();
    let town = Town::start(&folder, now, &metrics).await;
    assert_eq!(
        [town.quote(slow).await.0, town.quote(quick).await.0],
        [free[0].0, free[1].0],
        "it is learnt anew"
    );
    town.stop().await;
}
