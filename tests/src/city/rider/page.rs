//! A rider with the page: as an installed app, or by a guest's link.
//!
//! The page keeps the booking before it sends it and shows the same key to the next node when one does not answer,
//! whether the booking was acknowledged before or not.

use ondol_core::booking::Door;
use ondol_core::fact::Lang;
use ondol_core::ids::BookingId;
use ondol_core::units::Ticks;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use uuid::Uuid;

use super::{FOLLOW_EVERY_MS, Stage, lived, ride};
use crate::city::World;
use crate::city::http::{Failed, Http, Proof};
use crate::city::plan::Wish;
use crate::city::record::RiderNote;

/// A node that did not answer is passed over this long, unless no other is left.
const REST_MS: u64 = 15_000;
/// Wait before all nodes are tried again.
const AGAIN_MS: u64 = 5_000;

/// The page on one rider's phone.
struct Page<'w> {
    world: &'w World,
    wish: &'w Wish,
    http: Http,
    booking: BookingId,
    body: Value,
    /// Nodes in the order to try, each with when it may be tried again.
    nodes: Vec<(String, Ticks)>,
    token: Option<String>,
    plate: Option<String>,
}

/// Lives one wish.
pub async fn live(world: &World, wish: &Wish) {
    Page::open(world, wish).live().await;
}

/// Asks until somebody answers, and looks no further.
pub async fn ask(world: &World, wish: &Wish) {
    // What was answered is written down.
    let _view = Page::open(world, wish).book_until(Ticks(u64::MAX)).await;
}

fn body(wish: &Wish, booking: BookingId) -> Value {
    json!({
        "booking_id": booking,
        "door": if wish.door == Door::App { "app" } else { "web" },
        "pickup": { "position": wish.pickup },
        "dropoff": { "position": wish.dropoff },
        "lang": match wish.lang { Lang::Ko => "ko", Lang::En => "en" },
    })
}

impl<'w> Page<'w> {
    /// Opens the page; the booking is kept before it is sent.
    fn open(world: &'w World, wish: &'w Wish) -> Self {
        let booking = BookingId(Uuid::new_v4());
        world.tell(wish, RiderNote::Asked { door: wish.door, booking: Some(booking), pickup: wish.pickup });
        Self {
            http: world.http(wish.number),
            booking,
            body: body(wish, booking),
            nodes: world.urls_at(wish.pickup).into_iter().map(|url| (url, Ticks(0))).collect(),
            token: None,
            plate: None,
            world,
            wish,
        }
    }

    async fn live(&mut self) {
        let (rider, mut street) = unbounded_channel();
        let begun_at = self.world.clock.now().ticks;
        let gives_up_at = begun_at.plus_ms(self.world.config.demand.patience_s * 1_000);
        let Some(view) = self.book_until(gives_up_at).await else { return };
        let said = |key: &str| view[key].as_str().unwrap_or_default().to_owned();
        let (code, pin) = (said("code"), said("pin"));
        let places = (self.wish.pickup, self.wish.dropoff);
        self.world.street.wait(self.wish.number, (&code, &pin), places, rider);
        loop {
            tokio::select! {
                Some(event) = street.recv() => {
                    if lived(self.world, self.wish, event) == Stage::Riding {
                        ride(self.world, self.wish, &mut street).await;
                    }
                    break;
                }
                () = self.world.clock.pass(FOLLOW_EVERY_MS) => {
                    if self.follow(gives_up_at).await == Stage::Over {
                        break;
                    }
                }
            }
        }
        self.world.street.leave(self.wish.number);
        if let Ok(event) = street.try_recv() {
            // Somebody stopped for the rider at the very last moment.
            if lived(self.world, self.wish, event) == Stage::Riding {
                ride(self.world, self.wish, &mut street).await;
            }
        }
        self.look_back().await;
    }

    /// Asks again and again; the booking, unless it was refused or nobody answered in time.
    async fn book_until(&mut self, gives_up_at: Ticks) -> Option<Value> {
        loop {
            match self.book().await {
                Ok(view) => return Some(view),
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

    /// Asks node after node; `Err(None)` if none answered.
    async fn book(&mut self) -> Result<Value, Option<String>> {
        for n in self.order() {
            let url = self.nodes[n].0.clone();
            match self.http.post(&url, "/rider/v1/bookings", &Proof::None, &self.body).await {
                Ok(view) => {
                    self.token = view["token"].as_str().map(str::to_owned).or(self.token.take());
                    let code = view["code"].as_str().unwrap_or_default().to_owned();
                    let note = RiderNote::Acknowledged { booking: Some(self.booking), code, node: url };
                    self.world.tell(self.wish, note);
                    return Ok(view);
                }
                Err(Failed::Refused { retry: false, code, .. }) => return Err(Some(code)),
                Err(Failed::Refused { retry: true, .. } | Failed::Unreachable { .. }) => self.rest(n),
            }
        }
        Err(None)
    }

    /// Looks how things stand, and gives up when it has taken too long.
    async fn follow(&mut self, gives_up_at: Ticks) -> Stage {
        let Some(view) = self.look().await else { return Stage::Waiting };
        let plate = view["vehicle"]["plate"].as_str().map(str::to_owned);
        if let Some(plate) = plate.filter(|plate| self.plate.as_ref() != Some(plate)) {
            self.plate = Some(plate.clone());
            self.world.tell(self.wish, RiderNote::Assigned { plate });
        }
        match view["status"].as_str() {
            Some("cancelled") => {
                let by = view["cancelled"]["by"].as_str().unwrap_or("unknown").to_owned();
                self.world.tell(self.wish, RiderNote::Cancelled { by });
                Stage::Over
            }
            // The node has it that the rider rides: so it is, or the street will tell.
            Some("done") => Stage::Over,
            Some("open" | "offered") if self.world.clock.now().ticks >= gives_up_at => self.cancel().await,
            _ => Stage::Waiting,
        }
    }

    /// The booking at the first node that answers; one that does not know it is shown it again.
    async fn look(&mut self) -> Option<Value> {
        let token = self.token.clone()?;
        for n in self.order() {
            let url = self.nodes[n].0.clone();
            match self.http.get(&url, &format!("/rider/v1/bookings/{token}"), &Proof::None).await {
                Ok(view) => return Some(view),
                Err(Failed::Refused { status: 404, .. }) => {
                    let again = self.http.post(&url, "/rider/v1/bookings", &Proof::None, &self.body).await;
                    if let Ok(view) = again {
                        let code = view["code"].as_str().unwrap_or_default().to_owned();
                        let note = RiderNote::Acknowledged { booking: Some(self.booking), code, node: url };
                        self.world.tell(self.wish, note);
                        return Some(view);
                    }
                    self.rest(n);
                }
                Err(Failed::Refused { .. } | Failed::Unreachable { .. }) => self.rest(n),
            }
        }
        None
    }

    async fn cancel(&mut self) -> Stage {
        let Some(token) = self.token.clone() else { return Stage::Waiting };
        let body = json!({ "reason": "waited_too_long" });
        for n in self.order() {
            let url = self.nodes[n].0.clone();
            match self
                .http
                .post(&url, &format!("/rider/v1/bookings/{token}/cancel"), &Proof::None, &body)
                .await
            {
                Ok(view) if view["status"] == "cancelled" => {
                    self.world.tell(self.wish, RiderNote::Cancelled { by: "rider".into() });
                    return Stage::Over;
                }
                Ok(_) => return Stage::Waiting,
                Err(Failed::Refused { .. } | Failed::Unreachable { .. }) => self.rest(n),
            }
        }
        Stage::Waiting
    }

    /// When everything is over: what do the nodes say?
    async fn look_back(&mut self) {
        let Some(token) = self.token.clone() else { return };
        self.world.wait_for_the_end().await;
        for n in self.order() {
            let url = self.nodes[n].0.clone();
            let status = match self.http.get(&url, &format!("/rider/v1/bookings/{token}"), &Proof::None).await
            {
                Ok(view) => view["status"].as_str().unwrap_or("unknown").to_owned(),
                Err(Failed::Refused { status: 404, .. }) => "unknown".to_owned(),
                Err(Failed::Refused { .. } | Failed::Unreachable { .. }) => continue,
            };
            return self.world.tell(self.wish, RiderNote::Last { status, node: url });
        }
    }

    /// Nodes in the order to try: those that were silent just now last.
    fn order(&self) -> Vec<usize> {
        let now = self.world.clock.now().ticks;
        let (awake, resting): (Vec<usize>, Vec<usize>) =
            (0..self.nodes.len()).partition(|n| self.nodes[*n].1 <= now);
        awake.into_iter().chain(resting).collect()
    }

    fn rest(&mut self, n: usize) {
        self.nodes[n].1 = self.world.clock.now().ticks.plus_ms(REST_MS);
    }
}
