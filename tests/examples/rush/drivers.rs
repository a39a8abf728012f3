//! Drivers who report where they are: signed in, in session and attached as their phones are.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ondol_core::ids::{DeviceId, DistrictId, NodeId, ShiftId};
use ondol_core::position::Position;
use ondol_core::shift::Duty;
use ondol_core::units::UtcMs;
use ondol_device::wire::{
    Attach, Attached, Beat, DutyChange, Fix, Happening, PositionBatch, ReportBatch, ReportEntry, Slot, Up,
};
use ondol_sim::city::driver::key::DeviceKey;
use ondol_sim::city::roster::{Listed, Roster, e164};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::lane::{Lane, Protocol, body, frame, post};
use crate::{Caller, Crowd, places};

/// Between two fixes of a track.
const FIX_EVERY_MS: i64 = 5_000;

/// How far a taxi gets from where it began: some hundred metres.
const MOVES_DEG: f64 = 0.002;

/// How drivers' phones report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    /// A beat in a request, at most so many in a second.
    Beats(Option<u32>),
    /// So many fixes in a request.
    Fixes(usize),
    /// Beats over the phone's own socket, so many on the way at a time.
    Sockets(usize),
}

pub(crate) struct Drivers {
    to: SocketAddr,
    connections: u8,
    speech: Speech,
    phones: Vec<Arc<Phone>>,
}

/// A phone that may speak.
pub(crate) struct Phone {
    token: String,
    shift: ShiftId,
    device: DeviceId,
    session: String,
    /// Where the taxi is, give or take a street.
    pub(crate) near: Position,
}

impl Drivers {
    /// Signs in everybody of the roster who has the app.
    pub(crate) async fn sign_in(
        address: &str,
        map: &str,
        roster: &str,
        connections: u8,
        speech: Speech,
    ) -> Result<Self> {
        let to = address.parse()?;
        let phones = sign_in(to, &places(map)?, roster).await?;
        ensure!(phones.len() >= usize::from(connections), "fewer drivers than connections");
        Ok(Self { to, connections, speech, phones })
    }
}

/// Signs in everybody of the roster who has the app, each somewhere in the own district.
pub(crate) async fn sign_in(
    to: SocketAddr,
    places: &[(Position, DistrictId)],
    roster: &str,
) -> Result<Vec<Arc<Phone>>> {
    let roster = Roster::read(Path::new(roster))?;
    let mut lane = Lane::open(to, Protocol::Http, 1).await?;
    let mut phones = Vec::new();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for listed in roster.drivers.iter().filter(|listed| listed.home.is_none()) {
        let own = || places.iter().filter(|(_, district)| *district == listed.district).map(|(at, _)| *at);
        let near = own().nth(rng.random_range(0..own().count().max(1)));
        let near = near.with_context(|| format!("nobody is found in {}", listed.district))?;
        phones.push(Arc::new(Phone::start(&mut lane, listed, near).await?));
    }
    Ok(phones)
}

impl Phone {
    async fn start(lane: &mut Lane, listed: &Listed, near: Position) -> Result<Self> {
        let key = DeviceKey::generate()?;
        let who = json!({ "phone": e164(&listed.phone), "secret": listed.secret, "key": key.public() });
        let signed_in = ask(lane, "sign-in", None, &who).await?;
        let pass = signed_in["pass"].as_str().context("a sign-in gives a pass")?;
        let node: NodeId = "alone".parse().context("the node's name")?;
        let opened = json!({ "pass": pass, "proof": key.prove(&node, pass, now()) });
        let opened = ask(lane, "session", None, &opened).await?;
        let token = opened["token"].as_str().context("a session has a token")?.to_owned();
        let (shift, device) = (ShiftId(Uuid::new_v4()), key.device());
        let attach = Attach {
            shift,
            device,
            started_at: now(),
            attach_epoch: 1,
            slot: Slot::default(),
            duty: DutyChange { number: 1, duty: Duty::Available },
            position: Some(near),
            capsules: None,
        };
        let attached = ask(lane, "attach", Some(&token), &serde_json::to_value(&attach)?).await?;
        let attached: Attached = serde_json::from_value(attached)?;
        Ok(Self { token, shift, device, session: attached.session, near })
    }

    /// Opens the phone's socket.
    pub(crate) async fn socket(&self, to: SocketAddr, number: u8) -> Result<Lane> {
        let mut lane = Lane::open(to, Protocol::Http, number).await?;
        let ticket = ask(&mut lane, "socket-ticket", Some(&self.token), &Value::Null).await?;
        let ticket = ticket["ticket"].as_str().context("a ticket is a text")?;
        lane.become_socket(&format!("/driver/v1/socket?ticket={ticket}")).await?;
        Ok(lane)
    }

    /// A beat at a place.
    pub(crate) fn beat(&self, position: Position) -> Beat {
        Beat {
            shift: self.shift,
            device: self.device,
            session: Some(self.session.clone()),
            hears_central: true,
            position: Some(position),
            slot: Slot::default(),
        }
    }

    /// What happened now, as an entry of the outbox with this number.
    pub(crate) fn report(&self, number: u64, what: Happening) -> ReportBatch {
        let entry = ReportEntry { number, at: now(), what };
        ReportBatch { shift: self.shift, device: self.device, entries: vec![entry] }
    }

    /// Where the taxi is now: it moves some streets between two reports, not across the city.
    fn place(&self, rng: &mut ChaCha8Rng) -> Position {
        let mut moved = |degrees: f64| degrees + rng.random_range(-MOVES_DEG..MOVES_DEG);
        Position::new(moved(self.near.lat()), moved(self.near.lon())).expect("a place beside another")
    }
}

async fn ask(lane: &mut Lane, path: &str, token: Option<&str>, what: &Value) -> Result<Value> {
    let mut question = Vec::new();
    post(&mut question, &format!("/driver/v1/{path}"), token, what.to_string().as_bytes());
    let answer = lane.exchange(&question, 1).await.with_context(|| path.to_owned())?;
    serde_json::from_slice(body(&answer)).with_context(|| path.to_owned())
}

impl Crowd for Drivers {
    async fn callers(&mut self, seed: u64) -> Result<Vec<Caller>> {
        let mut callers = Vec::new();
        for number in 1..=self.connections {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(u64::from(number));
            // Each connection speaks for its share of the phones, one after the other.
            let share =
                self.phones.iter().skip(usize::from(number) - 1).step_by(usize::from(self.connections));
            let share: Vec<Arc<Phone>> = share.cloned().collect();
            let lanes = match self.speech {
                Speech::Beats(_) | Speech::Fixes(_) => {
                    vec![Lane::open(self.to, Protocol::Http, number).await?]
                }
                Speech::Sockets(_) => {
                    let mut lanes = Vec::new();
                    for phone in &share {
                        lanes.push(phone.socket(self.to, number).await?);
                    }
                    lanes
                }
            };
            let (speech, mut next) = (self.speech, 0_usize);
            let (at_once, worth) = match speech {
                Speech::Beats(_) => (1, 1),
                Speech::Fixes(batch) => (1, batch),
                Speech::Sockets(at_once) => (at_once, 1),
            };
            let apart = match speech {
                Speech::Beats(Some(per_s)) => {
                    Duration::from_secs(1) * u32::from(self.connections) / per_s.max(1)
                }
                Speech::Beats(None) | Speech::Fixes(_) | Speech::Sockets(_) => Duration::ZERO,
            };
            let ask = move |out: &mut Vec<u8>| {
                // A socket is its phone's: what is on the way at a time is one phone's.
                let phone = &share[next / at_once % share.len()];
                let mut place = || phone.place(&mut rng);
                match speech {
                    Speech::Beats(_) => send(out, "/driver/v1/beat", phone, &phone.beat(place())),
                    Speech::Fixes(batch) => {
                        let batch = fixes(phone, (next / share.len() + 1) * batch, batch, place);
                        send(out, "/driver/v1/positions", phone, &batch);
                    }
                    Speech::Sockets(_) => frame(out, &json_of(&Up::Beat(phone.beat(place())))),
                }
                next += 1;
            };
            callers.push(Caller { lanes, ask: Box::new(ask), at_once, worth, apart });
        }
        Ok(callers)
    }
}

/// `count` fixes, the newest first, whose numbers end before `until`.
fn fixes(phone: &Phone, until: usize, count: usize, mut place: impl FnMut() -> Position) -> PositionBatch {
    let now = now();
    let fix = |back: usize| Fix {
        number: u64::try_from(until - back).expect("a usize fits 64 bits"),
        at: UtcMs(now.0 - i64::try_from(back).expect("few fixes") * FIX_EVERY_MS),
        position: place(),
    };
    PositionBatch { shift: phone.shift, device: phone.device, fixes: (0..count).map(fix).collect() }
}

fn send(out: &mut Vec<u8>, path: &str, phone: &Phone, what: &impl Serialize) {
    post(out, path, Some(&phone.token), &json_of(what));
}

pub(crate) fn json_of(what: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(what).expect("wire messages are plain JSON")
}

fn now() -> UtcMs {
    let ms = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    UtcMs(i64::try_from(ms).expect("a moment of our era"))
}
