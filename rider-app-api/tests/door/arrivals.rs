//! Goal: a rider is told when the taxi comes and how far off that may be, as drives here have been lately.
//!
//! Method: one driver serves a hundred riders, each drive a quarter longer than the map says, every fifth a minute more.

use ondol_core::command::{Answer, Attach, Beat, Command, Happening, Held, Offer, Report, Slot, ToDevice};
use ondol_core::fact::{Fare, PinCheck, ShiftStart, Step};
use ondol_core::ids::{DeviceId, DistrictId, DriverId, ShiftId};
use ondol_core::position::Position;
use ondol_core::shift::{Duty, Serialiser};
use ondol_core::units::Money;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::Bench;
use crate::testbed::{START, district_at, place, wish};

const SHIFT: ShiftId = ShiftId(Uuid::from_u128(1));
const DEVICE: DeviceId = DeviceId(Uuid::from_u128(1));

/// The driver, at work.
struct Taxi {
    bench: Bench,
    driver: DriverId,
    district: DistrictId,
    session: String,
    riders: u128,
}

impl Taxi {
    async fn on_duty() -> Self {
        let bench = Bench::new().await;
        let district = district_at(place(0));
        let (driver, vehicle) = bench.list_driver(&district).await;
        let fleet = "blue".parse().unwrap();
        let serialiser = Serialiser::Device { device: DEVICE };
        let attach = Attach {
            shift: SHIFT,
            device: DEVICE,
            driver,
            district: district.clone(),
            start: ShiftStart { driver, vehicle, fleet, serialiser, at: START },
            attach_epoch: 1,
            slot: Slot::default(),
            duty: (1, Duty::Available),
            position: Some(place(0)),
            keeps_capsules: false,
        };
        let session = match bench.handle.request(Command::Attach(attach)).await.unwrap() {
            Answer::Attached { session } => session,
            other => panic!("{other:?}"),
        };
        Self { bench, driver, district, session, riders: 0 }
    }

    async fn beat(&self, position: Position, slot: Slot) -> Vec<ToDevice> {
        let beat = Beat {
            shift: SHIFT,
            device: DEVICE,
            district: self.district.clone(),
            session: Some(self.session.clone()),
            hears_central: true,
            position: Some(position),
            slot,
        };
        match self.bench.handle.request(Command::Beat(beat)).await.unwrap() {
            Answer::Beat(answer) => answer.messages,
            other => panic!("{other:?}"),
        }
    }

    async fn says(&self, offer: &Offer, what: Step) {
        let report = Report {
            shift: SHIFT,
            device: DEVICE,
            district: self.district.clone(),
            what: Happening::Step { booking: offer.booking, assignment: offer.assignment.clone(), what },
            at: self.bench.now(),
        };
        self.bench.handle.request(Command::Report(report)).await.unwrap();
    }

    /// Another rider asks, and the driver, who is at `from`, says yes. Returns the path of the rider's page.
    async fn takes_a_rider(&mut self, from: Position) -> (Offer, String) {
        self.riders += 1;
        self.beat(from, Slot::default()).await;
        self.bench.clock.advance_ms(5_000);
        let mut wish = wish(Uuid::from_u128(self.riders));
        wish["door"] = json!("web");
        let booked = self.bench.post("/rider/v1/bookings", &wish).await;
        let path = format!("/rider/v1/bookings/{}", booked.body["token"].as_str().unwrap());
        let messages = self.beat(from, Slot::default()).await;
        let offer = messages.into_iter().find_map(|message| match message {
            ToDevice::Offer(offer) => Some(*offer),
            _ => None,
        });
        let offer = offer.unwrap_or_else(|| panic!("{} is asked for rider {}", self.driver, self.riders));
        self.says(&offer, Step::Assigned).await;
        let (booking, assignment) = (offer.booking, offer.assignment.clone());
        let held = Held { booking, assignment, confirmed: true, boarded: false };
        self.beat(from, Slot { current: Some(held), next: None }).await;
        (offer, path)
    }

    async fn drives(&self, offer: &Offer) {
        let slow_ms = if self.riders.is_multiple_of(5) { 60_000 } else { 0 };
        self.bench.clock.advance_ms(u64::from(offer.eta_s) * 1_250 + slow_ms);
        self.says(offer, Step::Arrived).await;
        self.says(offer, Step::Boarded { pin: PinCheck::Verified }).await;
        let payment = ondol_core::booking::Payment::Cash;
        let fare = Fare { revision: 0, amount: Money(7_700), distance_m: 4_000, duration_s: 600, payment };
        self.says(offer, Step::Done { fare }).await;
    }
}

#[tokio::test]
async fn a_rider_is_told_how_far_off_the_time_may_be_once_a_hundred_drives_are_known() {
    let mut taxi = Taxi::on_duty().await;
    let vehicle = |view: Value| view["vehicle"].clone();
    for rider in 0..100 {
        let (offer, path) = taxi.takes_a_rider(place(rider % 20)).await;
        if rider == 0 {
            let told = vehicle(taxi.bench.get(&path).await.body);
            assert!(told["arrives_at"].is_string() && told.get("arrives_within_s").is_none(), "{told}");
        }
        taxi.drives(&offer).await;
    }
    let (_, path) = taxi.takes_a_rider(place(7)).await;
    let told = vehicle(taxi.bench.get(&path).await.body);
    let within_s = told["arrives_within_s"].as_u64().unwrap_or_else(|| panic!("{told}"));
    assert!((40..=62).contains(&within_s), "{told}");
}
