//! Drivers who report where they are: signed in, in session and attached as their phones are.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use ondol_core::ids::{DeviceId, NodeId, ShiftId};
use ondol_core::position::Position;
use ondol_core::shift::Duty;
use ondol_core::units::UtcMs;
use ondol_device::wire::{Attach, Attached, Beat, DutyChange, Fix, PositionBatch, Slot};
use ondol_sim::city::driver::key::DeviceKey;
use ondol_sim::city::roster::{Listed, Roster, e164};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::lane::{Lane, Protocol, body, post};
use crate::{Caller, Crowd, places};

/// Between two fixes of a track.
const FIX_EVERY_MS: i64 = 5_000;

/// How far a taxi gets from where it began: some hundred metres.
const MOVES_DEG: f64 = 0.002;

pub(crate) struct Drivers {
    to: SocketAddr,
    connections: u8,
    /// Fixes in a batch; beats without.
    batch: Option<usize>,
    phones: Vec<Arc<Phone>>,
}

/// A phone that may speak.
struct Phone {
    token: String,
    shift: ShiftId,
    device: DeviceId,
    session: String,
    /// Where the taxi is, give or take a street.
    near: Position,
}

impl Drivers {
    /// Signs in everybody of the roster who has the app.
    pub(crate) async fn sign_in(
        address: &str,
        map: &str,
        roster: &str,
        connections: u8,
        batch: Option<usize>,
    ) -> Result<Self> {
        let (to, places) = (address.parse()?, places(map)?);
        let roster = Roster::read(Path::new(roster))?;
        let mut lane = Lane::open(to, Protocol::Http, 1).await?;
        let mut phones = Vec::new();
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(connections));
        for listed in roster.drivers.iter().filter(|listed| listed.home.is_none()) {
            let own =
                || places.iter().filter(|(_, district)| *district == listed.district).map(|(at, _)| *at);
            let near = own().nth(rng.random_range(0..own().count().max(1)));
            let near = near.with_context(|| format!("nobody is found in {}", listed.district))?;
            phones.push(Arc::new(Phone::start(&mut lane, listed, near).await?));
        }
        ensure!(phones.len() >= usize::from(connections), "fewer drivers than connections");
        Ok(Self { to, connections, batch, phones })
    }
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
}

impl Phone {
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
            let (batch, mut next) = (self.batch, 0_usize);
            let ask = move |out: &mut Vec<u8>| {
                let phone = &share[next % share.len()];
                let mut place = || phone.place(&mut rng);
                match batch {
                    None => beat(out, phone, place()),
                    Some(batch) => fixes(out, phone, (next / share.len() + 1) * batch, batch, place),
                }
                next += 1;
            };
            let lane = Lane::open(self.to, Protocol::Http, number).await?;
            callers.push(Caller {
                lanes: vec![lane],
                ask: Box::new(ask),
                at_once: 1,
                worth: self.batch.unwrap_or(1),
            });
        }
        Ok(callers)
    }
}

fn beat(out: &mut Vec<u8>, phone: &Phone, position: Position) {
    let beat = Beat {
        shift: phone.shift,
        device: phone.device,
        session: Some(phone.session.clone()),
        hears_central: true,
        position: Some(position),
        slot: Slot::default(),
    };
    send(out, "/driver/v1/beat", phone, serde_json::to_vec(&beat));
}

/// Hands in `count` fixes, the newest first, whose numbers end before `until`.
fn fixes(out: &mut Vec<u8>, phone: &Phone, until: usize, count: usize, mut place: impl FnMut() -> Position) {
    let now = now();
    let fix = |back: usize| Fix {
        number: u64::try_from(until - back).expect("a usize fits 64 bits"),
        at: UtcMs(now.0 - i64::try_from(back).expect("few fixes") * FIX_EVERY_MS),
        position: place(),
    };
    let fixes = (0..count).map(fix).collect();
    let batch = PositionBatch { shift: phone.shift, device: phone.device, fixes };
    send(out, "/driver/v1/positions", phone, serde_json::to_vec(&batch));
}

fn send(out: &mut Vec<u8>, path: &str, phone: &Phone, text: serde_json::Result<Vec<u8>>) {
    post(out, path, Some(&phone.token), &text.expect("wire messages are plain JSON"));
}

fn now() -> UtcMs {
    let ms = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    UtcMs(i64::try_from(ms).expect("a moment of our era"))
}
