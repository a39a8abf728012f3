//! A driver of a load: the reference device over its own socket, and a person who drives simply.
//!
//! ```text
//! free ─▶ thinks ─▶ drives to the pickup ─▶ waits for the rider ─▶ drives there ─▶ free
//! ```
//!
//! Everybody says yes, every rider is there, and a trip takes the time that the load was given: taxis become free again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ondol_core::booking::Payment;
use ondol_core::ids::{AssignmentId, BookingId, NodeId, ShiftId};
use ondol_core::position::Position;
use ondol_core::shift::Duty;
use ondol_core::units::{Now, Ticks};
use ondol_device::wire::{Endpoint, Fare, Outcome};
use ondol_device::{Answer, Config, Device, Durable, Input, Message, Output, Wish};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Sender, UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

use super::figures::{Asked, Operation};
use super::{Load, Pace};
use crate::city::driver::entry;
use crate::city::driver::key::DeviceKey;
use crate::city::driver::link::{Credentials, Heard, Link};
use crate::city::geo::Drive;
use crate::city::http::{Failed, Http};
use crate::city::roster::Listed;

/// Time between two fixes.
const FIX_EVERY_MS: u64 = 5_000;
/// How far a free taxi gets from where it began: some hundred metres.
const CRUISE_DEG: f64 = 0.001;
/// How long a phone still tells what happened when the load is over.
const LINGER_MS: u64 = 20_000;

/// What the person is doing.
enum Doing {
    Free,
    /// Thinks about a question until then.
    Thinks(AssignmentId, Ticks),
    ToPickup(Drive),
    /// Waits at the pickup until then.
    AtPickup(Ticks),
    Riding(Drive),
}

/// A driver at work.
pub(super) struct Phone {
    load: Arc<Load>,
    device: Device,
    credentials: Arc<Credentials>,
    http: Http,
    links: BTreeMap<NodeId, Sender<(u64, Message)>>,
    heard: UnboundedReceiver<Heard>,
    tell: UnboundedSender<Heard>,
    /// Requests under way.
    asked: BTreeMap<u64, Option<Asked>>,
    rng: ChaCha8Rng,
    /// Where the district stands in the ledger.
    district: usize,
    /// Where the taxi stands or drives about.
    at: Position,
    fix_at: Ticks,
    doing: Doing,
    /// The booking of the trip, until its end.
    serves: Option<BookingId>,
    /// The ledger counts this taxi as free.
    is_free: bool,
    /// Held until the phone is attached: not everybody comes at the same second.
    arriving: Option<OwnedSemaphorePermit>,
}

impl Phone {
    /// Signs a driver in; the shift begins at `at` with [`Self::work`].
    ///
    /// # Errors
    ///
    /// [`Failed`] if the node does not let the driver in.
    pub(super) async fn sign_in(
        load: Arc<Load>,
        number: u32,
        listed: &Listed,
        (district, at): (usize, Position),
        arriving: OwnedSemaphorePermit,
    ) -> Result<Self, Failed> {
        let mut rng = ChaCha8Rng::seed_from_u64(load.seed);
        rng.set_stream(1_000 + u64::from(number));
        let http = load.http(number);
        let key = DeviceKey::generate().map_err(|_| Failed::not_understood())?;
        let pass = entry::sign_in(&http, &load.node.url, listed, &key).await?;
        let device = key.device();
        let credentials = Arc::new(Credentials { key, pass });
        let endpoints = load.endpoints(listed, &http, &credentials).await?;
        let now = load.clock.now();
        let shift = ShiftId(Uuid::from_u128(rng.random()));
        let durable = Durable::new(shift, device, endpoints, now.utc);
        let config = Config { seed: rng.random(), timing: load.timing };
        let (tell, heard) = unbounded_channel();
        Ok(Self {
            device: Device::new(durable, config, now),
            credentials,
            http,
            links: BTreeMap::new(),
            heard,
            tell,
            asked: BTreeMap::new(),
            rng,
            district,
            at,
            fix_at: now.ticks,
            doing: Doing::Free,
            serves: None,
            is_free: false,
            arriving: Some(arriving),
            load,
        })
    }

    /// Works until the load is over and what happened is told.
    pub(super) async fn work(mut self) {
        let mut due = Instant::now();
        let mut goes_home_at = None;
        loop {
            let now = self.load.clock.now();
            self.step(now, due);
            if self.load.is_over() {
                let until = *goes_home_at.get_or_insert(now.ticks.plus_ms(LINGER_MS));
                if self.device.is_finished() || now.ticks >= until {
                    break;
                }
            }
            let wakes_at = self.wakes_at(now.ticks);
            tokio::select! {
                () = self.load.clock.until(wakes_at) => {
                    let late = Duration::from_millis(self.load.clock.now().ticks.since_ms(wakes_at));
                    due = Instant::now().checked_sub(late).unwrap_or(due);
                }
                Some(heard) = self.heard.recv() => {
                    due = Instant::now();
                    self.hear(heard);
                }
            }
        }
        self.count_free(false);
    }

    fn wakes_at(&self, now: Ticks) -> Ticks {
        let doing = match &self.doing {
            Doing::Free => None,
            Doing::Thinks(_, at) | Doing::AtPickup(at) => Some(*at),
            Doing::ToPickup(drive) | Doing::Riding(drive) => Some(drive.ends_at()),
        };
        let timers = self.device.poll_timeout().into_iter().chain(doing).chain([self.fix_at]);
        timers.min().unwrap_or(now).max(now)
    }

    fn hear(&mut self, heard: Heard) {
        let input = match heard {
            Heard::Answer(request, answer) => {
                let asked = self.asked.remove(&request).flatten();
                self.load.figures.answer(asked, verdict(&answer));
                Input::Answer { request, answer }
            }
            Heard::Push(from, push) => Input::Push { from, push },
        };
        // Only wishes are refused.
        let _taken = self.device.handle(input, self.load.clock.now());
    }

    /// Does what is due, then what the device wants done; what it asks by itself was due at `due`.
    fn step(&mut self, now: Now, due: Instant) {
        self.fix(now);
        self.device.handle_timeout(now);
        self.notice_questions(now.ticks);
        self.live(now);
        self.carry_out(now, due);
        if self.device.attached_to().is_some() && self.arriving.take().is_some() {
            self.load.has_come();
        }
        let is_free = matches!(self.doing, Doing::Free) && self.device.trip().is_none();
        self.count_free(is_free && self.device.attached_to().is_some());
    }

    fn fix(&mut self, now: Now) {
        if now.ticks < self.fix_at {
            return;
        }
        self.fix_at = now.ticks.plus_ms(FIX_EVERY_MS);
        let position = match &self.doing {
            Doing::ToPickup(drive) | Doing::Riding(drive) => drive.position(now.ticks),
            Doing::Free | Doing::Thinks(..) => self.cruise(),
            Doing::AtPickup(_) => None,
        };
        // A fix is never refused.
        let _taken = self.device.handle(Input::Fix(position.unwrap_or(self.at)), now);
    }

    fn cruise(&mut self) -> Option<Position> {
        let mut moved = |degrees: f64| degrees + self.rng.random_range(-CRUISE_DEG..CRUISE_DEG);
        let (lat, lon) = (moved(self.at.lat()), moved(self.at.lon()));
        Position::new(lat, lon).ok()
    }

    fn notice_questions(&mut self, now: Ticks) {
        let Some((offer, _)) = self.device.offers().next() else {
            if matches!(self.doing, Doing::Thinks(..)) {
                self.doing = Doing::Free;
            }
            return;
        };
        if matches!(self.doing, Doing::Free) {
            self.load.ledger.offered(offer.booking, &self.load.figures);
            let answers_at = now.plus_ms(self.load.pace.thinks_ms);
            self.doing = Doing::Thinks(offer.assignment.clone(), answers_at);
        }
    }

    /// The person acts on what the device shows. A wish that comes too late is refused, and the next step begins anew.
    fn live(&mut self, now: Now) {
        let trip = self.device.trip().map(|trip| trip.booking);
        if self.serves.is_some() && self.serves != trip {
            // Taken away.
            (self.serves, self.doing) = (None, Doing::Free);
        }
        let Pace { to_pickup_s, waits_ms, rides_s, .. } = self.load.pace;
        match &self.doing {
            Doing::Free if self.load.is_over() => {
                let _wished = self.device.handle(Input::Wish(Wish::Duty(Duty::Ended)), now);
            }
            Doing::Thinks(assignment, at) if *at <= now.ticks => {
                let wish = Wish::Accept(assignment.clone());
                self.doing = Doing::Free;
                if self.device.handle(Input::Wish(wish), now).is_ok() {
                    self.serves = self.device.trip().map(|trip| trip.booking);
                    let pickup = self.ride().map_or(self.at, |(pickup, _)| pickup);
                    self.doing = Doing::ToPickup(Drive::straight(self.at, pickup, to_pickup_s, now.ticks));
                }
            }
            Doing::ToPickup(drive) if drive.ends_at() <= now.ticks => {
                self.at = drive.position(now.ticks).unwrap_or(self.at);
                let _wished = self.device.handle(Input::Wish(Wish::Arrive), now);
                self.doing = Doing::AtPickup(now.ticks.plus_ms(waits_ms));
            }
            Doing::AtPickup(at) if *at <= now.ticks => {
                let pin = self.serves.and_then(|booking| self.load.ledger.pin(booking));
                let boarded = self.device.handle(Input::Wish(Wish::Board { pin }), now).is_ok();
                let dropoff = self.ride().and_then(|(_, dropoff)| dropoff).unwrap_or(self.at);
                self.doing = if boarded {
                    Doing::Riding(Drive::straight(self.at, dropoff, rides_s, now.ticks))
                } else {
                    Doing::AtPickup(now.ticks.plus_ms(waits_ms.max(1_000)))
                };
            }
            Doing::Riding(drive) if drive.ends_at() <= now.ticks => {
                let drive = drive.clone();
                self.at = drive.position(now.ticks).unwrap_or(self.at);
                self.end(&drive, now);
            }
            Doing::Free | Doing::Thinks(..) | Doing::ToPickup(_) | Doing::AtPickup(_) | Doing::Riding(_) => {}
        }
    }

    /// Where the rider waits and wants to go.
    fn ride(&self) -> Option<(Position, Option<Position>)> {
        let offer = self.device.trip()?.offer.as_ref()?;
        Some((offer.ride.pickup, offer.ride.dropoff))
    }

    fn end(&mut self, drive: &Drive, now: Now) {
        let fare = Fare {
            revision: 0,
            amount: self.load.tariff.estimate(drive.distance_m, drive.duration_s, now.utc).total,
            distance_m: drive.distance_m,
            duration_s: drive.duration_s,
            payment: Payment::Cash,
        };
        if self.device.handle(Input::Wish(Wish::End(fare)), now).is_ok()
            && let Some(booking) = self.serves.take()
        {
            self.load.ledger.ended(booking);
        }
        self.doing = Doing::Free;
    }

    /// Carries out what the device wants. Nothing is stored: no phone of a load is ever switched off and on again.
    fn carry_out(&mut self, now: Now, due: Instant) {
        while let Some(output) = self.device.poll_output() {
            let Output::Send { to, request, message } = output else { continue };
            let operation = match *message {
                Message::Attach(_) => Operation::Attach,
                Message::Beat(_) => Operation::Beat,
                Message::Reports(_) => Operation::Report,
                Message::Positions(_) => Operation::Track,
            };
            let asked = self.load.figures.ask(operation, due);
            let is_on_its_way = self.link(&to).is_some_and(|link| link.try_send((request, *message)).is_ok());
            if is_on_its_way {
                self.asked.insert(request, asked);
            } else {
                self.load.figures.answer(asked, Err("queue_full"));
                let _taken = self.device.handle(Input::Answer { request, answer: Answer::Failed }, now);
            }
        }
    }

    fn link(&mut self, node: &NodeId) -> Option<&Sender<(u64, Message)>> {
        if !self.links.contains_key(node) {
            let known: &[Endpoint] = &self.device.durable().endpoints;
            let endpoint = known.iter().find(|endpoint| endpoint.node == *node)?;
            let (credentials, http) = (Arc::clone(&self.credentials), self.http.clone());
            let link = Link::open(endpoint, credentials, self.load.clock, http, self.tell.clone());
            self.links.insert(node.clone(), link);
        }
        self.links.get(node)
    }

    fn count_free(&mut self, is_free: bool) {
        if is_free != self.is_free {
            self.is_free = is_free;
            self.load.ledger.taxi(self.district, if is_free { 1 } else { -1 });
        }
    }
}

fn verdict(answer: &Answer) -> Result<(), &str> {
    match answer {
        Answer::Attached(_) | Answer::Beat(_) | Answer::Positions(_) => Ok(()),
        Answer::Reports(answer) => {
            let refused = answer.results.iter().find_map(|result| match &result.outcome {
                Outcome::Stored => None,
                Outcome::Refused { code, .. } => Some(code.as_str()),
            });
            refused.map_or(Ok(()), Err)
        }
        Answer::Refused(problem) => Err(&problem.code),
        Answer::Failed => Err("no_answer"),
    }
}
