//! A driver with the app: the reference device, and the person who holds it.
//!
//! The person knows what the device shows and what happens in the street, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use ondol_core::booking::Payment;
use ondol_core::fact::Release;
use ondol_core::ids::{AssignmentId, BookingId, NodeId, ShiftId};
use ondol_core::pin::booking_code;
use ondol_core::position::Position;
use ondol_core::shift::Duty;
use ondol_core::tariff::Tariff;
use ondol_core::units::Ticks;
use ondol_device::wire::{Endpoint, EndpointRole, Fare, Happening, Slot};
use ondol_device::{Config, Device, Durable, Input, Message, Output, Wish, WishRefusal};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::mpsc::{Sender, UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

use super::entry;
use super::key::DeviceKey;
use super::link::{Credentials, Heard, Link};
use super::lookout::{Hail, Lookout};
use crate::city::World;
use crate::city::geo::Drive;
use crate::city::http::{Failed, Http};
use crate::city::record::DriverNote;
use crate::city::roster::Listed;

/// A fix is taken this often while driving, and while standing, in simulated milliseconds.
const FIX_MOVING_MS: u64 = 5_000;
const FIX_STANDING_MS: u64 = 30_000;
/// Time to answer a question, to let a rider in and to let one out.
const ANSWER_MS: std::ops::Range<u64> = 2_000..8_000;
const BOARD_MS: std::ops::Range<u64> = 15_000..45_000;
const PAY_MS: std::ops::Range<u64> = 10_000..25_000;
/// How long a driver waits for a rider who is not there.
const NO_SHOW_MS: u64 = 180_000;
/// Chance of a yes.
const ACCEPTANCE: f64 = 0.93;
/// How long after the city's end a device still hands in what happened.
const LINGER_MS: u64 = 1_200_000;

/// What the person is doing.
#[derive(Debug)]
enum Doing {
    Standing,
    ToPickup(AssignmentId, Drive),
    AtPickup(AssignmentId, Ticks),
    Riding { wish: u32, drive: Drive },
    Paying { wish: u32, drive: Drive, at: Ticks },
}

/// A driver at work.
pub struct AppDriver {
    world: Arc<World>,
    listed: Listed,
    device: Device,
    links: BTreeMap<NodeId, Sender<(u64, Message)>>,
    credentials: Arc<Credentials>,
    http: Http,
    heard: UnboundedReceiver<Heard>,
    tell: UnboundedSender<Heard>,
    hails: UnboundedReceiver<Hail>,
    lookout: Lookout,
    rng: ChaCha8Rng,
    tariff: Tariff,
    at: Position,
    fixed_at: Option<Ticks>,
    doing: Doing,
    /// Questions being thought about: when they are answered, and whether by a yes.
    thinking: BTreeMap<AssignmentId, (Ticks, bool)>,
    slot: Slot,
    attached: Option<NodeId>,
    hears_central: bool,
    holder: Option<NodeId>,
}

/// Goes to work at `at` and stays until the city sleeps.
///
/// # Errors
///
/// If the driver cannot sign in before the city sleeps.
pub async fn work(world: Arc<World>, number: u32, listed: Listed, at: Position) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(world.config.seed);
    rng.set_stream(1_000 + u64::from(number));
    let http = world.http(number);
    let key = DeviceKey::generate()?;
    let device = key.device();
    let pass = sign_in(&world, &http, &listed, &key).await?;
    let credentials = Arc::new(Credentials { key, pass });
    let endpoints = endpoints(&world, &http, &listed, &credentials).await;
    let now = world.clock.now();
    let shift = ShiftId(Uuid::from_u128(rng.random()));
    let durable = Durable::new(shift, device, endpoints, now.utc);
    let config = Config { seed: rng.random(), ..Config::default() };
    let (tell, heard) = unbounded_channel();
    let (lookout, hails) = world.lookouts.register(number);
    world.record(&listed.driver, DriverNote::OnDuty { shift: Some(shift), by_text: false });
    let driver = AppDriver {
        device: Device::new(durable, config, now),
        links: BTreeMap::new(),
        credentials,
        http,
        heard,
        tell,
        hails,
        lookout,
        rng,
        tariff: Tariff::seoul(),
        at,
        fixed_at: None,
        doing: Doing::Standing,
        thinking: BTreeMap::new(),
        slot: Slot::default(),
        attached: None,
        hears_central: false,
        holder: None,
        listed,
        world,
    };
    driver.run().await
}

/// Asks central, then the driver's edge, until one gives a pass.
async fn sign_in(world: &World, http: &Http, listed: &Listed, key: &DeviceKey) -> Result<String> {
    loop {
        for url in world.urls_of(&listed.district) {
            match entry::sign_in(http, &url, listed, key).await {
                Ok(pass) => return Ok(pass),
                Err(Failed::Refused { retry: false, code, .. }) if code != "wrong_credentials" => {
                    tracing::warn!(code, "a sign-in was refused");
                }
                Err(error) => tracing::debug!(%error, "a sign-in got no answer"),
            }
        }
        anyhow::ensure!(!world.is_over(), "driver {} could not sign in", listed.driver);
        world.clock.pass(10_000).await;
    }
}

/// What the node says, or what the driver was told with the app: central, and the edge of the district.
async fn endpoints(world: &World, http: &Http, listed: &Listed, credentials: &Credentials) -> Vec<Endpoint> {
    let known = world.nodes_of(&listed.district);
    for (node, url) in &known {
        let now = world.clock.now().utc;
        if let Ok(nodes) = entry::endpoints(http, (node, url), credentials, now).await {
            return nodes;
        }
    }
    let role = |n: usize| if n == 0 { EndpointRole::Central } else { EndpointRole::Edge };
    known.into_iter().enumerate().map(|(n, (node, url))| Endpoint { node, role: role(n), url }).collect()
}

impl AppDriver {
    async fn run(mut self) -> Result<()> {
        let sleeps_at = self.world.sleeps_at();
        loop {
            self.step().await;
            let now = self.world.clock.now().ticks;
            if now >= sleeps_at {
                if matches!(self.doing, Doing::Standing) && self.device.trip().is_none() {
                    // Busy and off duty are both fine here: it is tried again with the next step.
                    let _wished = self.wish(Wish::Duty(Duty::Ended));
                }
                if self.device.is_finished() || now >= sleeps_at.plus_ms(LINGER_MS) {
                    break;
                }
            }
            let wakes_at = self.wakes_at(now);
            tokio::select! {
                () = self.world.clock.until(wakes_at) => {}
                Some(heard) = self.heard.recv() => self.hear(heard),
                Some(hail) = self.hails.recv() => self.hail(&hail),
            }
            while let Ok(heard) = self.heard.try_recv() {
                self.hear(heard);
            }
        }
        self.carry_out().await;
        let unsent = self.device.durable().outbox.unsent();
        self.world.record(&self.listed.driver, DriverNote::OffDuty { unsent });
        Ok(())
    }

    fn wakes_at(&self, now: Ticks) -> Ticks {
        let doing = match &self.doing {
            Doing::Standing => None,
            Doing::ToPickup(_, drive) | Doing::Riding { drive, .. } => Some(drive.ends_at()),
            Doing::AtPickup(_, at) | Doing::Paying { at, .. } => Some(*at),
        };
        let answers = self.thinking.values().map(|(at, _)| *at);
        let timers = self.device.poll_timeout().into_iter().chain(doing).chain(answers);
        timers.min().unwrap_or(now.plus_ms(5_000)).min(now.plus_ms(5_000))
    }

    fn hear(&mut self, heard: Heard) {
        let input = match heard {
            Heard::Answer(request, answer) => {
                if let ondol_device::Answer::Beat(beat) = &answer
                    && self.holder.as_ref() != Some(&beat.holder)
                    && beat.node != *self.world.central()
                {
                    self.holder = Some(beat.holder.clone());
                    self.world.record(&self.listed.driver, DriverNote::Holder { node: beat.holder.clone() });
                }
                Input::Answer { request, answer }
            }
            Heard::Push(from, push) => Input::Push { from, push },
        };
        // Only wishes are refused.
        let _taken = self.device.handle(input, self.world.clock.now());
    }

    fn wish(&mut self, wish: Wish) -> Result<(), WishRefusal> {
        self.device.handle(Input::Wish(wish), self.world.clock.now())
    }

    /// Does what is due, then what the device wants done.
    async fn step(&mut self) {
        let now = self.world.clock.now();
        self.fix(now.ticks);
        self.device.handle_timeout(now);
        self.answer_questions(now.ticks);
        self.live(now.ticks);
        self.carry_out().await;
        self.notice(now.ticks);
    }

    fn fix(&mut self, now: Ticks) {
        let moving = match &self.doing {
            Doing::ToPickup(_, drive) | Doing::Riding { drive, .. } => drive.position(now),
            Doing::Standing | Doing::AtPickup(..) | Doing::Paying { .. } => None,
        };
        let every_ms = if moving.is_some() { FIX_MOVING_MS } else { FIX_STANDING_MS };
        self.at = moving.unwrap_or(self.at);
        if self.fixed_at.is_none_or(|at| now.since_ms(at) >= every_ms) {
            self.fixed_at = Some(now);
            // A fix is never refused.
            let _taken = self.device.handle(Input::Fix(self.at), self.world.clock.now());
        }
    }

    fn answer_questions(&mut self, now: Ticks) {
        let asked: Vec<(BookingId, AssignmentId)> =
            self.device.offers().map(|(offer, _)| (offer.booking, offer.assignment.clone())).collect();
        self.thinking.retain(|id, _| asked.iter().any(|(_, open)| open == id));
        for (booking, assignment) in asked {
            if let Some((at, says_yes)) = self.thinking.get(&assignment) {
                if *at <= now {
                    let wish = if *says_yes {
                        Wish::Accept(assignment.clone())
                    } else {
                        Wish::Decline(assignment.clone())
                    };
                    // The question may have lapsed while the driver thought.
                    let _wished = self.wish(wish);
                    self.thinking.remove(&assignment);
                }
            } else {
                let note = DriverNote::Offered { booking, assignment: assignment.clone() };
                self.world.record(&self.listed.driver, note);
                let at = now.plus_ms(self.rng.random_range(ANSWER_MS));
                let says_yes = self.rng.random_bool(ACCEPTANCE);
                self.thinking.insert(assignment, (at, says_yes));
            }
        }
    }

    /// The person acts on what the device shows.
    fn live(&mut self, now: Ticks) {
        let trip = self.device.trip().map(|trip| {
            (trip.booking, trip.assignment.clone(), trip.offer.as_ref().map(|offer| offer.ride.pickup))
        });
        match (std::mem::replace(&mut self.doing, Doing::Standing), trip) {
            (Doing::Standing, Some((_, assignment, Some(pickup)))) => {
                self.doing = Doing::ToPickup(assignment, self.world.city.drive(self.at, pickup, now));
            }
            (Doing::ToPickup(of, drive), Some((_, assignment, _))) if of == assignment => {
                self.doing = if now >= drive.ends_at() {
                    self.at = drive.position(now).unwrap_or(self.at);
                    let _wished = self.wish(Wish::Arrive);
                    Doing::AtPickup(of, now.plus_ms(self.rng.random_range(BOARD_MS)))
                } else {
                    Doing::ToPickup(of, drive)
                };
            }
            (Doing::AtPickup(of, at), Some((booking, assignment, _))) if of == assignment => {
                self.doing = if now >= at { self.board(booking, of, now) } else { Doing::AtPickup(of, at) };
            }
            (Doing::Riding { wish, drive }, _) => {
                self.doing = if now >= drive.ends_at() {
                    self.at = drive.position(now).unwrap_or(self.at);
                    let at = now.plus_ms(self.rng.random_range(PAY_MS));
                    Doing::Paying { wish, drive, at }
                } else {
                    Doing::Riding { wish, drive }
                };
            }
            (Doing::Paying { wish, drive, at }, _) => {
                if now < at {
                    self.doing = Doing::Paying { wish, drive, at };
                } else {
                    self.end(wish, &drive);
                }
            }
            // Taken away, exchanged, or nothing to do: the next step begins anew.
            (Doing::Standing | Doing::ToPickup(..) | Doing::AtPickup(..), _) => {}
        }
    }

    fn board(&mut self, booking: BookingId, of: AssignmentId, now: Ticks) -> Doing {
        let arrived_at = self.device.trip().and_then(|trip| trip.arrived_at);
        let waited_ms = arrived_at.map_or(0, |at| self.world.clock.now().utc.since_ms(at));
        let again = Doing::AtPickup(of, now.plus_ms(10_000));
        let Some(met) = self.world.street.meet(booking, self.at) else {
            let waited = u64::try_from(waited_ms).unwrap_or(0);
            if self.world.ask_visitor(&booking_code(booking), &self.listed.plate, waited) {
                return again;
            }
            if waited_ms >= NO_SHOW_MS.cast_signed() {
                let _wished = self.wish(Wish::NoShow);
                return Doing::Standing;
            }
            return again;
        };
        let ride =
            self.device.trip().and_then(|trip| trip.offer.as_ref()).and_then(|offer| offer.ride.dropoff);
        match self.wish(Wish::Board { pin: Some(met.pin.clone()) }) {
            Ok(()) if self.world.street.board(met.wish, &self.listed.plate, Some(booking)) => {
                let dropoff = met.dropoff.or(ride);
                let dropoff = dropoff.unwrap_or_else(|| self.world.city.ride_from(self.at, &mut self.rng));
                let drive = self.world.city.drive(self.at, dropoff, now);
                Doing::Riding { wish: met.wish, drive }
            }
            // Another person with the same code: the device has noticed the PIN, and the driver asks again.
            Ok(()) => again,
            Err(_) => {
                self.world.street.refuse(met.wish);
                again
            }
        }
    }

    fn end(&mut self, wish: u32, drive: &Drive) {
        let started_at = self.world.clock.now().utc;
        let fare = self.tariff.estimate(drive.distance_m, drive.duration_s, started_at).total;
        let payment = self.device.trip().and_then(|trip| trip.offer.as_ref()).map(|offer| offer.ride.payment);
        let fare = Fare {
            revision: 0,
            amount: fare,
            distance_m: drive.distance_m,
            duration_s: drive.duration_s,
            payment: payment.unwrap_or(Payment::Cash),
        };
        if self.wish(Wish::End(fare)).is_ok() {
            self.world.street.end(wish);
        }
    }

    fn hail(&mut self, hail: &Hail) {
        let stands = matches!(self.doing, Doing::Standing);
        if !stands || self.device.trip().is_some() || self.wish(Wish::Hail { pickup: hail.pickup }).is_err() {
            return;
        }
        let Some(booking) = self.device.trip().map(|trip| trip.booking) else { return };
        let (wish, pickup) = (hail.wish, hail.pickup);
        self.world.record(&self.listed.driver, DriverNote::Hailed { wish, booking, pickup });
        self.at = pickup;
        let now = self.world.clock.now().ticks;
        self.doing = Doing::Riding { wish, drive: self.world.city.drive(pickup, hail.dropoff, now) };
    }

    /// Carries out what the device wants, in its order: stored first, then sent.
    async fn carry_out(&mut self) {
        while let Some(output) = self.device.poll_output() {
            match output {
                Output::Persist(durable) => self.store(&durable),
                Output::Send { to, request, message } => {
                    let full = match self.link(&to) {
                        Some(link) => link.try_send((request, *message)).is_err(),
                        None => true,
                    };
                    if full {
                        let failed = Input::Answer { request, answer: ondol_device::Answer::Failed };
                        let _taken = self.device.handle(failed, self.world.clock.now());
                    }
                }
                Output::Changed => {}
            }
        }
        // Lets the links of this runtime's thread take what was sent.
        tokio::task::yield_now().await;
    }

    /// What is written down is safe: the record is the phone's disk.
    fn store(&mut self, durable: &Durable) {
        let slot = durable.slot();
        if slot == self.slot {
            return;
        }
        let before = std::mem::replace(&mut self.slot, slot.clone());
        let driver = &self.listed.driver;
        for held in [before.current, before.next].into_iter().flatten() {
            let stays =
                [&slot.current, &slot.next].into_iter().flatten().any(|h| h.assignment == held.assignment);
            let stone = durable.tombstone(&held.assignment).filter(|_| !stays);
            if let Some(stone) = stone {
                let (how, fare) = match &stone.last {
                    Happening::Done { fare, .. } => ("done".to_owned(), Some(fare.amount.0)),
                    Happening::Released { reason, .. } => (release(*reason), None),
                    _ => ("unknown".to_owned(), None),
                };
                let (booking, assignment) = (held.booking, held.assignment);
                self.world.record(driver, DriverNote::Over { booking, assignment, how, fare });
            }
        }
        self.world.record(driver, DriverNote::Slot { slot });
    }

    fn link(&mut self, node: &NodeId) -> Option<&Sender<(u64, Message)>> {
        if !self.links.contains_key(node) {
            let known = &self.device.durable().endpoints;
            let endpoint = known.iter().find(|endpoint| endpoint.node == *node)?;
            let (credentials, http) = (Arc::clone(&self.credentials), self.http.clone());
            let link = Link::open(endpoint, credentials, self.world.clock, http, self.tell.clone());
            self.links.insert(node.clone(), link);
        }
        self.links.get(node)
    }

    /// Writes down what the device has noticed, and tells the street where the driver stands.
    fn notice(&mut self, now: Ticks) {
        let attached = self.device.attached_to().cloned();
        if attached.is_some() && attached != self.attached {
            let node = attached.clone().unwrap_or_else(|| self.world.central().clone());
            self.world.record(&self.listed.driver, DriverNote::Attached { node });
            self.attached = attached;
        }
        let is_heard = self.device.hears_central(now);
        if is_heard != self.hears_central {
            self.hears_central = is_heard;
            self.world.record(&self.listed.driver, DriverNote::Central { is_heard });
        }
        let is_free = matches!(self.doing, Doing::Standing) && self.device.trip().is_none();
        self.lookout.at(is_free.then_some(self.at));
    }
}

fn release(reason: Release) -> String {
    let name = serde_json::to_value(reason).ok().and_then(|value| value.as_str().map(str::to_owned));
    format!("released {}", name.unwrap_or_default())
}
