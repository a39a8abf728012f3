//! Riders of a load: they come as chance has it, whether those before them were answered or not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ondol_core::ids::BookingId;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Load;
use super::figures::{Asked, Operation};
use crate::city::http::{Failed, Http, Proof};

/// Riders of one kind who wait for an answer at the same time; whoever comes then is not served, and counted.
const WAITING_MAX: usize = 4_096;

/// What a rider comes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    Book,
    Quote,
    Look,
}

impl Errand {
    const fn operation(self) -> Operation {
        match self {
            Self::Book => Operation::Booking,
            Self::Quote => Operation::Quote,
            Self::Look => Operation::Look,
        }
    }
}

/// Lets riders come until `until`, `per_s` in a second on average, and waits for the last answer.
pub(super) async fn come(load: Arc<Load>, errand: Errand, per_s: f64, until: Instant) {
    let mut rng = ChaCha8Rng::seed_from_u64(load.seed);
    rng.set_stream(match errand {
        Errand::Book => 11,
        Errand::Quote => 12,
        Errand::Look => 13,
    });
    let room = Arc::new(Semaphore::new(WAITING_MAX));
    let mut riders = JoinSet::new();
    let mut due = Instant::now();
    for number in 0_u32.. {
        // The gap between two of a Poisson stream; nobody comes where nobody is wanted.
        let gap_s = -(1.0 - rng.random::<f64>()).ln() / per_s;
        let Ok(gap) = Duration::try_from_secs_f64(gap_s) else { break };
        let Some(next) = due.checked_add(gap).filter(|next| *next < until) else { break };
        due = next;
        tokio::time::sleep_until(due.into()).await;
        let Some(question) = Question::of(&load, errand, number, &mut rng) else { continue };
        let asked = load.figures.ask(errand.operation(), due);
        match Arc::clone(&room).try_acquire_owned() {
            Ok(place) => {
                let load = Arc::clone(&load);
                riders.spawn(async move {
                    question.ask(&load, asked).await;
                    drop(place);
                });
            }
            Err(_) => load.figures.answer(asked, Err("not_sent")),
        }
        while riders.try_join_next().is_some() {}
    }
    while riders.join_next().await.is_some() {}
}

/// Cancels what no taxi came for. What was never answered cannot be: its rider has no token.
pub(super) async fn give_up(load: &Arc<Load>) {
    let mut riders = JoinSet::new();
    for ((booking, token), number) in load.ledger.open().into_iter().zip(0..) {
        let load = Arc::clone(load);
        riders.spawn(async move {
            let path = format!("/rider/v1/bookings/{token}/cancel");
            let body = json!({ "reason": "waited_too_long" });
            let cancelled = load.http(number).post(&load.node.url, &path, &Proof::None, &body).await;
            if let Err(error) = cancelled {
                tracing::warn!(%error, "a booking that nobody served was not cancelled");
            }
            load.ledger.given_up(booking);
        });
        if riders.len() >= WAITING_MAX / 64 {
            riders.join_next().await;
        }
    }
    while riders.join_next().await.is_some() {}
}

/// What one rider asks.
struct Question {
    http: Http,
    /// A booking, with the place of its district in the ledger.
    books: Option<(BookingId, usize)>,
    path: String,
    body: Option<Value>,
}

impl Question {
    /// Makes it; nothing if there is nothing to look at yet.
    fn of(load: &Load, errand: Errand, number: u32, rng: &mut ChaCha8Rng) -> Option<Self> {
        let http = load.http(rng.random());
        if errand == Errand::Look {
            let path = format!("/rider/v1/bookings/{}", load.ledger.any_token(rng)?);
            return Some(Self { http, books: None, path, body: None });
        }
        let (pickup, dropoff) = load.city.ride(rng);
        if errand == Errand::Quote {
            let body = json!({ "pickup": pickup, "dropoff": dropoff });
            return Some(Self { http, books: None, path: "/rider/v1/quotes".into(), body: Some(body) });
        }
        let booking = BookingId(uuid::Builder::from_random_bytes(rng.random()).into_uuid());
        let body = json!({
            "booking_id": booking,
            "door": "app",
            "pickup": { "position": pickup, "label": "정문 앞" },
            "dropoff": { "position": dropoff },
            "name": "김하늘",
            // 010-0… is given to nobody in Korea.
            "phone": format!("+82100{:07}", number % 10_000_000),
            "lang": "ko",
        });
        let district = load.city.edge_of(pickup)?;
        let path = "/rider/v1/bookings".to_owned();
        Some(Self { http, books: Some((booking, district)), path, body: Some(body) })
    }

    async fn ask(self, load: &Load, asked: Option<Asked>) {
        let Self { http, books, path, body } = self;
        if let Some((booking, district)) = books {
            load.ledger.wish(booking, district, asked);
        }
        let url = &load.node.url;
        let answer = match &body {
            Some(body) => http.post(url, &path, &Proof::None, body).await,
            None => http.get(url, &path, &Proof::None).await,
        };
        let answer = answer.and_then(|view| match books {
            Some((booking, _)) => {
                let said = |key: &str| view[key].as_str().map(str::to_owned);
                let told = said("token").zip(said("pin")).ok_or_else(Failed::not_understood)?;
                load.ledger.acknowledged(booking, told.0, told.1, &load.figures);
                Ok(())
            }
            None => Ok(()),
        });
        if let (Err(_), Some((booking, _))) = (&answer, books) {
            load.ledger.given_up(booking);
        }
        load.figures.answer(asked, answer.as_ref().copied().map_err(Failed::code));
    }
}
