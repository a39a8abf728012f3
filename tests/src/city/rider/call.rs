//! A rider who calls, and the operator who takes the call at whichever console answers.

use ondol_core::booking::Door;
use ondol_core::fact::Lang;
use ondol_core::ids::BookingId;
use ondol_core::units::Ticks;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use uuid::Uuid;

use super::{FOLLOW_EVERY_MS, Stage, lived, ride};
use crate::city::World;
use crate::city::http::{Failed, Http};
use crate::city::plan::Wish;
use crate::city::record::RiderNote;

/// A caller who got through to nobody calls again after this.
const AGAIN_MS: u64 = 10_000;

/// Lives one wish.
pub async fn live(world: &World, wish: &Wish) {
    Call::begin(world, wish).live().await;
}

/// Calls until somebody takes the booking, and looks no further.
pub async fn ask(world: &World, wish: &Wish) {
    // What was answered is written down.
    let _answer = Call::begin(world, wish).take_until(Ticks(u64::MAX)).await;
}

struct Call<'w> {
    world: &'w World,
    wish: &'w Wish,
    http: Http,
    booking: BookingId,
}

impl<'w> Call<'w> {
    fn begin(world: &'w World, wish: &'w Wish) -> Self {
        let booking = BookingId(Uuid::new_v4());
        world.tell(wish, RiderNote::Asked { door: Door::Phone, booking: Some(booking), pickup: wish.pickup });
        Self { http: world.http(wish.number), booking, world, wish }
    }

    /// Calls again and again; the answer, unless it was refused or nobody took the call in time.
    async fn take_until(&self, gives_up_at: Ticks) -> Option<Value> {
        loop {
            match self.take().await {
                Ok(answer) => return Some(answer),
                Err(Some(code)) => {
                    self.world.tell(self.wish, RiderNote::Refused { code });
                    return None;
                }
                Err(None) if self.world.clock.now().ticks >= gives_up_at => {
                    self.world.tell(self.wish, RiderNote::Unanswered {});
                    return None;
                }
                Err(None) => self.world.clock.pass(AGAIN_MS).await,
            }
        }
    }

    async fn live(&self) {
        let gives_up_at = self.world.clock.now().ticks.plus_ms(self.world.config.demand.patience_s * 1_000);
        let Some(answer) = self.take_until(gives_up_at).await else { return };
        let code = answer["row"]["code"].as_str().unwrap_or_default();
        let pin = answer["pin"].as_str().unwrap_or_default();
        let (rider, mut street) = unbounded_channel();
        let places = (self.wish.pickup, self.wish.dropoff);
        self.world.street.wait(self.wish.number, (code, pin), places, rider);
        let mut plate: Option<String> = None;
        loop {
            tokio::select! {
                Some(event) = street.recv() => {
                    if lived(self.world, self.wish, event) == Stage::Riding {
                        ride(self.world, self.wish, &mut street).await;
                    }
                    break;
                }
                () = self.world.clock.pass(FOLLOW_EVERY_MS * 2) => {
                    let Some(row) = self.look().await else { continue };
                    let seen = row["taxi"]["plate"].as_str().map(str::to_owned);
                    if let Some(seen) = seen.filter(|seen| plate.as_ref() != Some(seen)) {
                        plate = Some(seen.clone());
                        self.world.tell(self.wish, RiderNote::Assigned { plate: seen });
                    }
                    match row["status"].as_str() {
                        Some("cancelled") => {
                            let by = row["cancelled_by"].as_str().unwrap_or("unknown").to_owned();
                            self.world.tell(self.wish, RiderNote::Cancelled { by });
                            break;
                        }
                        Some("done") => break,
                        Some("open" | "offered")
                            if self.world.clock.now().ticks >= gives_up_at && self.cancel().await =>
                        {
                            self.world.tell(self.wish, RiderNote::Cancelled { by: "operator".into() });
                            break;
                        }
                        _ => {}
                    }
                }
            }
        }
        self.world.street.leave(self.wish.number);
        if let Ok(event) = street.try_recv()
            && lived(self.world, self.wish, event) == Stage::Riding
        {
            ride(self.world, self.wish, &mut street).await;
        }
        self.look_back().await;
    }

    /// The operator looks the caller up and takes the booking; `Err(None)` if no console answers.
    async fn take(&self) -> Result<Value, Option<String>> {
        // 010-09xx-xxxx: given to nobody.
        let phone = format!("010-09{:02}-{:04}", self.wish.number / 10_000 % 100, self.wish.number % 10_000);
        let body = json!({
            "booking_id": self.booking,
            "phone": phone,
            "pickup": { "position": self.wish.pickup },
            "dropoff": { "position": self.wish.dropoff },
            "lang": match self.wish.lang { Lang::Ko => "ko", Lang::En => "en" },
        });
        for url in self.world.urls_at(self.wish.pickup) {
            let Some(proof) = self.world.operators.at(&url, &self.http).await else { continue };
            // A console whose look-up fails is not asked to book either.
            match self.http.get(&url, &format!("/console/v1/callers/{phone}"), &proof).await {
                Ok(_) => {}
                Err(Failed::Refused { status: 401, .. }) => {
                    self.world.operators.forget(&url);
                    continue;
                }
                Err(Failed::Refused { .. } | Failed::Unreachable { .. }) => continue,
            }
            match self.http.post(&url, "/console/v1/bookings", &proof, &body).await {
                Ok(answer) => {
                    let code = answer["row"]["code"].as_str().unwrap_or_default().to_owned();
                    let note = RiderNote::Acknowledged { booking: Some(self.booking), code, node: url };
                    self.world.tell(self.wish, note);
                    return Ok(answer);
                }
                Err(Failed::Refused { retry: false, code, .. }) => return Err(Some(code)),
                Err(Failed::Refused { retry: true, .. } | Failed::Unreachable { .. }) => {}
            }
        }
        Err(None)
    }

    /// The booking at the first console that knows it.
    async fn look(&self) -> Option<Value> {
        self.look_anywhere().await.map(|(detail, _)| detail["row"].clone())
    }

    async fn look_anywhere(&self) -> Option<(Value, String)> {
        for url in self.world.urls_at(self.wish.pickup) {
            let Some(proof) = self.world.operators.at(&url, &self.http).await else { continue };
            match self.http.get(&url, &format!("/console/v1/bookings/{}", self.booking), &proof).await {
                Ok(detail) => return Some((detail, url)),
                Err(Failed::Refused { status: 401, .. }) => self.world.operators.forget(&url),
                Err(Failed::Refused { .. } | Failed::Unreachable { .. }) => {}
            }
        }
        None
    }

    async fn cancel(&self) -> bool {
        let body = json!({ "reason": "waited_too_long" });
        for url in self.world.urls_at(self.wish.pickup) {
            let Some(proof) = self.world.operators.at(&url, &self.http).await else { continue };
            let path = format!("/console/v1/bookings/{}/cancel", self.booking);
            if let Ok(row) = self.http.post(&url, &path, &proof, &body).await {
                return row["status"] == "cancelled";
            }
        }
        false
    }

    async fn look_back(&self) {
        self.world.wait_for_the_end().await;
        let (status, node) = match self.look_anywhere().await {
            Some((detail, url)) => (detail["row"]["status"].as_str().unwrap_or("unknown").to_owned(), url),
            None => ("unknown".to_owned(), "nobody".to_owned()),
        };
        self.world.tell(self.wish, RiderNote::Last { status, node });
    }
}
