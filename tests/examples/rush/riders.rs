//! Riders who book: each a new booking with a name and a number of its own, somewhere in the city.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use ondol_core::ids::BookingId;
use ondol_core::position::Position;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::lane::{Lane, Protocol, post};
use crate::{Caller, Crowd, places};

/// Addresses from which riders ask, in all.
pub(crate) const ADDRESSES: u8 = 128;

pub(crate) struct Riders {
    to: SocketAddr,
    places: Arc<Vec<Position>>,
    connections: u8,
    /// Riders who have asked, in all rounds: nobody has the number of another.
    asked: Arc<AtomicU32>,
}

impl Riders {
    pub(crate) fn open(address: &str, map: &str, connections: u8) -> Result<Self> {
        ensure!((1..=ADDRESSES).contains(&connections), "1 to {ADDRESSES} riders at a time");
        let places = Arc::new(places(map)?.into_iter().map(|(at, _)| at).collect());
        Ok(Self { to: address.parse()?, places, connections, asked: Arc::default() })
    }
}

impl Crowd for Riders {
    async fn callers(&mut self, seed: u64) -> Result<Vec<Caller>> {
        let mut callers = Vec::new();
        for number in 1..=self.connections {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(u64::from(number));
            let (places, asked) = (Arc::clone(&self.places), Arc::clone(&self.asked));
            let ask = move |out: &mut Vec<u8>| {
                let rider = asked.fetch_add(1, Ordering::Relaxed);
                let body = booking(&mut rng, &places, rider);
                post(out, "/rider/v1/bookings", None, body.as_bytes());
            };
            // A caller speaks from one address after the other, as riders do: a node bounds what one address may book.
            let share = (ADDRESSES / self.connections).max(1);
            let mut lanes = Vec::new();
            for place in 0..share {
                lanes.push(Lane::open(self.to, Protocol::Http, (number - 1) * share + place + 1).await?);
            }
            callers.push(Caller { lanes, ask: Box::new(ask), at_once: 1, worth: 1, apart: Duration::ZERO });
        }
        Ok(callers)
    }
}

fn booking(rng: &mut ChaCha8Rng, places: &[Position], rider: u32) -> String {
    let booking = BookingId(uuid::Builder::from_random_bytes(rng.random()).into_uuid());
    let pickup = places[rng.random_range(0..places.len())];
    let dropoff = places[rng.random_range(0..places.len())];
    wish(booking, pickup, dropoff, rider)
}

/// What rider number `rider` asks for.
pub(crate) fn wish(booking: BookingId, pickup: Position, dropoff: Position, rider: u32) -> String {
    json!({
        "booking_id": booking,
        "door": "app",
        "pickup": { "position": pickup, "label": "정문 앞" },
        "dropoff": { "position": dropoff },
        "name": "김하늘",
        // 010-0… is given to nobody in Korea.
        "phone": format!("+82100{rider:07}"),
        "lang": "ko",
    })
    .to_string()
}
