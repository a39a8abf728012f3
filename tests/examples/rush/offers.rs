//! One rider after the other books while drivers listen: how long from the request to the offer on a driver's socket.
//!
//! Bookings come further apart than a district's plans, so that none waits for the plan before it; nobody polls. The rider
//! cancels as soon as a driver was asked, so that the next one meets the same city.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ondol_core::ids::{BookingId, DistrictId};
use ondol_core::position::Position;
use ondol_device::wire::{Down, Happening, Push, Up};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use crate::drivers::{Phone, json_of, sign_in};
use crate::lane::{Lane, Protocol, body, frame, post, text};
use crate::riders::{ADDRESSES, wish};
use crate::{Play, at, places};

/// A district plans once a second at most.
const APART: Duration = Duration::from_millis(1_200);
/// What a phone does by itself.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// Longest wait for an offer.
const OFFERED: Duration = Duration::from_secs(20);

pub(crate) struct Offers {
    to: SocketAddr,
    percentile: usize,
    /// Where riders wait, by district.
    places: Vec<Vec<Position>>,
    asked: u32,
    offers: UnboundedReceiver<(BookingId, Instant)>,
    phones: JoinSet<Result<()>>,
}

impl Offers {
    /// Lets drivers come to work, each with an open socket.
    pub(crate) async fn open(address: &str, map: &str, roster: &str, percentile: usize) -> Result<Self> {
        ensure!(percentile <= 100, "a percentile is 0 to 100, not {percentile}");
        let (to, placed) = (address.parse()?, places(map)?);
        let (tell, offers) = unbounded_channel();
        let mut phones = JoinSet::new();
        for phone in sign_in(to, &placed, roster).await? {
            let socket = phone.socket(to, 1).await?;
            phones.spawn(listen(phone, socket, tell.clone()));
        }
        let mut by_district: BTreeMap<DistrictId, Vec<Position>> = BTreeMap::new();
        for (at, district) in placed {
            by_district.entry(district).or_default().push(at);
        }
        let places = by_district.into_values().collect();
        Ok(Self { to, percentile, places, asked: 0, offers, phones })
    }

    /// Books, waits until a driver is asked, and cancels; returns how long that driver's offer took.
    async fn book(&mut self, pickup: Position, dropoff: Position, booking: BookingId) -> Result<Duration> {
        // From one address after the other: a node bounds what one may book.
        let address = u8::try_from(self.asked % u32::from(ADDRESSES))? + 1;
        let mut rider = Lane::open(self.to, Protocol::Http, address).await?;
        self.asked += 1;
        let mut question = Vec::new();
        let wish = wish(booking, pickup, dropoff, self.asked);
        post(&mut question, "/rider/v1/bookings", None, wish.as_bytes());
        let begun = Instant::now();
        let offered = offer_of(booking, &mut self.offers, &mut self.phones);
        let offered = async { timeout(OFFERED, offered).await.context("nobody was asked")? };
        // The offer may come before the answer.
        let (answer, offered_at) = tokio::try_join!(rider.exchange(&question, 1), offered)?;
        let waited = offered_at.duration_since(begun);
        let booked: Value = serde_json::from_slice(body(&answer)).context("a booking's answer")?;
        let token = booked["token"].as_str().context("a booking has a token")?;
        question.clear();
        let why = json!({ "reason": "changed_mind" }).to_string();
        post(&mut question, &format!("/rider/v1/bookings/{token}/cancel"), None, why.as_bytes());
        rider.exchange(&question, 1).await.context("the rider cancels")?;
        Ok(waited)
    }
}

impl Play for Offers {
    async fn round(&mut self, time: Duration, seed: u64) -> Result<Value> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let until = Instant::now() + time;
        let apart = APART / u32::try_from(self.places.len())?;
        let mut waits = Vec::new();
        for district in (0..self.places.len()).cycle() {
            let own = &self.places[district];
            let mut place = || own[rng.random_range(0..own.len())];
            let (pickup, dropoff) = (place(), place());
            let booking = BookingId(uuid::Builder::from_random_bytes(rng.random()).into_uuid());
            let next = Instant::now() + apart;
            waits.push(self.book(pickup, dropoff, booking).await?);
            if next >= until {
                break;
            }
            sleep(next.saturating_duration_since(Instant::now())).await;
        }
        waits.sort_unstable();
        let (p50, p99) = (at(&waits, 50), at(&waits, 99));
        Ok(
            json!({ "figure": at(&waits, self.percentile), "p50_ms": p50, "p99_ms": p99, "offers": waits.len() }),
        )
    }
}

/// When the offer of `booking` came; those of bookings before are passed over.
async fn offer_of(
    booking: BookingId,
    offers: &mut UnboundedReceiver<(BookingId, Instant)>,
    phones: &mut JoinSet<Result<()>>,
) -> Result<Instant> {
    loop {
        tokio::select! {
            Some((of, at)) = offers.recv() => if of == booking { return Ok(at) },
            Some(ended) = phones.join_next() => match ended {
                Ok(Ok(())) => bail!("a phone stopped"),
                Ok(Err(error)) => return Err(error.context("a phone")),
                Err(error) => return Err(error).context("a phone"),
            },
        }
    }
}

/// Beats, tells of offers, and takes note of what is withdrawn, as a phone does: its driver is not free before.
async fn listen(
    phone: Arc<Phone>,
    mut socket: Lane,
    tell: UnboundedSender<(BookingId, Instant)>,
) -> Result<()> {
    let mut beat = interval(BEAT_EVERY);
    let mut say = Vec::new();
    for number in 1.. {
        let heard = tokio::select! {
            heard = socket.hear() => heard?,
            _ = beat.tick() => {
                say.clear();
                frame(&mut say, &json_of(&Up::Beat(phone.beat(phone.near))));
                socket.say(&say).await?;
                continue;
            }
        };
        let now = Instant::now();
        let pushes = match serde_json::from_slice(text(&heard)).context("the socket's message")? {
            Down::Push(push) => vec![push],
            Down::Beat(answer) => answer.messages,
            Down::Reports(_) | Down::Positions(_) | Down::Problem(_) => Vec::new(),
        };
        for push in pushes {
            match push {
                Push::Offer { offer } => {
                    if tell.send((offer.booking, now)).is_err() {
                        return Ok(());
                    }
                }
                Push::Revoke { assignment, booking, reason } => {
                    let what = Happening::Released { booking, assignment, reason };
                    say.clear();
                    frame(&mut say, &json_of(&Up::Reports(phone.report(number, what))));
                    socket.say(&say).await?;
                }
                Push::Confirm { .. } | Push::Replace { .. } => bail!("nobody said yes"),
            }
        }
    }
    Ok(())
}
