//! `ondol load day`: a day of a city in the journal of a node that serves nobody, written by the node's own loop.
//!
//! ```text
//! some drivers begin shifts ─▶ riders book ─▶ the node plans and asks ─▶ drivers say yes, arrive, board, end ─▶ the next drivers
//! ```
//!
//! Everything goes through the same rules, plans and commits as through a door. HTTP and sockets are left out, and time: nobody
//! drives, so that a day takes minutes. Who has had their share stays on duty and is silent.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use indicatif::ProgressBar;
use ondol_core::booking::Payment;
use ondol_core::command::{Answer, Attach, Beat, Command, Happening, Report, Slot, ToDevice};
use ondol_core::fact::{Driver, Fare, PinCheck, ShiftStart, Step};
use ondol_core::ids::{AssignmentId, BookingId, DeviceId, DistrictId, ShiftId};
use ondol_core::shift::{Duty, Serialiser};
use ondol_core::units::Money;
use ondol_engine::Handle;
use ondol_engine::config::{Config, RoleName};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use uuid::Uuid;

use super::made_up::{Place, Quiet, ask};
use crate::output;

/// Drivers who work at the same time.
const AT_ONCE: usize = 1_000;
/// What a phone does by itself.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// Longest time without the end of a trip: an edge takes its district over first.
const NOTHING_ENDS: Duration = Duration::from_secs(120);
/// Most places where riders and drivers are.
const PLACES: usize = 4_000;

/// How much is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub(super) struct Size {
    /// Drivers with the app, of those whom the node's roster lists, who come to work and stay.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    shifts: u32,
    /// Bookings that they serve.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    bookings: u32,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Day {
    shifts: usize,
    bookings: u32,
    /// Of this node's own in its journal now.
    entries: u64,
}

/// Bookings under way, each with its rider's place among those who may wait. A place is free again when the trip ends.
type UnderWay = Arc<Mutex<BTreeMap<BookingId, OwnedSemaphorePermit>>>;

/// Has drivers of the roster serve bookings.
///
/// # Errors
///
/// If the node runs, has edges, has bookings already or no map, lists fewer drivers, or refuses something.
pub(super) async fn write(config: &Path, size: Size) -> anyhow::Result<()> {
    let quiet = Quiet::start(config, decides_alone).await?;
    let own: Vec<DistrictId> =
        quiet.station.config.districts.iter().map(|district| district.id.clone()).collect();
    let map = quiet.map()?;
    let places = Place::of_districts(map, map.junctions(PLACES), own.clone())?;
    let drivers = drivers(quiet.handle(), own.clone(), size.shifts).await?;
    let is_edge = quiet.station.config.node.role == RoleName::Edge;
    if is_edge {
        for district in own {
            ask(quiet.handle(), Command::TakeDistrict { district }).await?;
        }
    }
    let city = City { handle: quiet.handle().clone(), places, hears_central: !is_edge };
    let bar = ProgressBar::new(size.bookings.into());
    let (mut come, mut booked) = (0, 0);
    for group in drivers.chunks(AT_ONCE) {
        come += group.len();
        let until = share(size.bookings, come, drivers.len());
        city.play(group, booked..until, &bar).await?;
        booked = until;
    }
    bar.finish_and_clear();
    let written = Day { shifts: come, bookings: booked, entries: quiet.entries().await? };
    quiet.end().await?;
    output::json(&written)
}

/// A node that has edges would hand on what was made up, and needs them to know that it may dispatch.
fn decides_alone(config: &Config) -> anyhow::Result<()> {
    let has_edges =
        config.node.role != RoleName::Edge && config.districts.iter().any(|one| one.edge.is_some());
    ensure!(!has_edges, "districts: a day is made up at an edge, or at a node whose districts have no edges");
    Ok(())
}

/// How many bookings the first `come` of `all` drivers serve.
fn share(bookings: u32, come: usize, all: usize) -> u32 {
    let part = u64::from(bookings) * come as u64 / (all as u64).max(1);
    u32::try_from(part).unwrap_or(bookings)
}

/// The first drivers with the app whom the node lists, of each district in turn.
async fn drivers(handle: &Handle, own: Vec<DistrictId>, count: u32) -> anyhow::Result<Vec<Driver>> {
    let listed = handle.read(move |node| {
        let in_district = |district: &DistrictId| {
            let board = node.board().district(district);
            let listed = board.into_iter().flat_map(|board| board.drivers.values()).map(|(_, driver)| driver);
            listed.filter(|driver| driver.home.is_none() && !driver.banned).cloned().collect::<Vec<_>>()
        };
        own.iter().map(in_district).collect::<Vec<_>>()
    });
    let mut listed: Vec<_> = listed.await?.into_iter().map(Vec::into_iter).collect();
    let (mut chosen, count) = (Vec::new(), usize::try_from(count)?);
    while chosen.len() < count {
        let before = chosen.len();
        chosen.extend(listed.iter_mut().filter_map(Iterator::next));
        ensure!(chosen.len() > before, "--shifts {count}: the roster lists {before} drivers with the app");
    }
    chosen.truncate(count);
    Ok(chosen)
}

/// Where all of it happens.
struct City {
    handle: Handle,
    places: BTreeMap<DistrictId, Vec<Place>>,
    /// What phones say of central: they cannot reach it while an edge writes its day.
    hears_central: bool,
}

impl City {
    /// Lets `drivers` come and serve these bookings, half as many at a time as there are drivers.
    async fn play(
        &self,
        drivers: &[Driver],
        bookings: std::ops::Range<u32>,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let under_way = UnderWay::default();
        let mut at_work = JoinSet::new();
        for (number, driver) in drivers.iter().enumerate() {
            let phone = Phone::of(driver, self.place(&driver.district, number)?.clone(), self.hears_central);
            at_work.spawn(phone.work(self.handle.clone(), Arc::clone(&under_way)));
        }
        let most = drivers.len().div_ceil(2);
        let room = Arc::new(Semaphore::new(most));
        let mut riders = JoinSet::new();
        for number in bookings {
            let driver = &drivers[usize::try_from(number)? % drivers.len()];
            let place = self.place(&driver.district, usize::try_from(number)?)?.clone();
            let permit = waited(Arc::clone(&room).acquire_owned(), &mut at_work).await??;
            let booking = BookingId(Uuid::new_v4());
            under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(booking, permit);
            let handle = self.handle.clone();
            riders.spawn(async move { place.book(&handle, booking, number.into()).await });
            while let Some(rider) = riders.try_join_next() {
                rider.context("a rider ended unexpectedly")??;
            }
            bar.inc(1);
        }
        while let Some(rider) = riders.join_next().await {
            rider.context("a rider ended unexpectedly")??;
        }
        let _all = waited(room.acquire_many(u32::try_from(most)?), &mut at_work).await??;
        at_work.shutdown().await;
        Ok(())
    }

    fn place(&self, district: &DistrictId, number: usize) -> anyhow::Result<&Place> {
        let places = self.places.get(district).context("a driver's district is configured")?;
        // A stride that shares nothing with how many there are: neighbours in the list are neighbours in the city.
        Ok(&places[number.wrapping_mul(7_919) % places.len()])
    }
}

/// Waits for the end of trips, unless a driver fails or none ends for too long.
async fn waited<T>(
    free: impl Future<Output = T>,
    at_work: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<T> {
    tokio::select! {
        biased;
        Some(ended) = at_work.join_next() => match ended.context("a driver ended unexpectedly")? {
            Ok(()) => bail!("the node lets a driver go"),
            Err(error) => Err(error.context("a driver")),
        },
        free = timeout(NOTHING_ENDS, free) => {
            free.with_context(|| format!("no trip ended for {} s", NOTHING_ENDS.as_secs()))
        }
    }
}

/// A driver's phone.
struct Phone {
    driver: Driver,
    shift: ShiftId,
    device: DeviceId,
    place: Place,
    hears_central: bool,
}

impl Phone {
    fn of(driver: &Driver, place: Place, hears_central: bool) -> Self {
        let (shift, device) = (ShiftId(Uuid::new_v4()), DeviceId(Uuid::new_v4()));
        Self { driver: driver.clone(), shift, device, place, hears_central }
    }

    /// Begins the shift, says yes to everything and drives nowhere, for as long as the task runs.
    async fn work(self, handle: Handle, under_way: UnderWay) -> anyhow::Result<()> {
        let mut messages = handle.device(self.device);
        let Answer::Attached { session } = ask(&handle, Command::Attach(self.attach(&handle))).await? else {
            bail!("an attach is answered otherwise");
        };
        let mut beat = interval(BEAT_EVERY);
        loop {
            let told = tokio::select! {
                told = messages.recv() => told.into_iter().collect(),
                _ = beat.tick() => self.beat(&handle, session.clone()).await?,
            };
            for message in told {
                let ToDevice::Offer(offer) = message else { continue };
                // The beat's answer repeats what the push told.
                let is_wanted =
                    |booking| under_way.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&booking);
                if is_wanted(offer.booking) {
                    self.drive(&handle, offer.booking, &offer.assignment).await?;
                    under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&offer.booking);
                }
            }
        }
    }

    fn attach(&self, handle: &Handle) -> Attach {
        let start = ShiftStart {
            driver: self.driver.driver,
            vehicle: self.driver.vehicle.clone(),
            fleet: self.driver.fleet.clone(),
            serialiser: Serialiser::Device { device: self.device },
            at: handle.now().utc,
        };
        Attach {
            shift: self.shift,
            device: self.device,
            driver: self.driver.driver,
            district: self.driver.district.clone(),
            start,
            attach_epoch: 1,
            slot: Slot::default(),
            duty: (1, Duty::Available),
            position: Some(self.place.at),
            keeps_capsules: false,
        }
    }

    async fn beat(&self, handle: &Handle, session: String) -> anyhow::Result<Vec<ToDevice>> {
        let beat = Beat {
            shift: self.shift,
            device: self.device,
            district: self.driver.district.clone(),
            session: Some(session),
            hears_central: self.hears_central,
            position: Some(self.place.at),
            slot: Slot::default(),
        };
        match ask(handle, Command::Beat(beat)).await? {
            Answer::Beat(answer) => Ok(answer.messages),
            other => bail!("a beat is answered with {other:?}"),
        }
    }

    async fn drive(
        &self,
        handle: &Handle,
        booking: BookingId,
        assignment: &AssignmentId,
    ) -> anyhow::Result<()> {
        let fare = Fare {
            revision: 0,
            amount: Money(4_800),
            distance_m: 1_600,
            duration_s: 300,
            payment: Payment::Cash,
        };
        let pin = PinCheck::Unverified;
        for what in [Step::Assigned, Step::Arrived, Step::Boarded { pin }, Step::Done { fare }] {
            let report = Report {
                shift: self.shift,
                device: self.device,
                district: self.driver.district.clone(),
                what: Happening::Step { booking, assignment: assignment.clone(), what },
                at: handle.now().utc,
            };
            ask(handle, Command::Report(report)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::tests::config;
    use super::*;

    #[test]
    fn a_day_is_made_up_where_no_other_node_would_hear_of_it_as_news() {
        let address = "127.0.0.1:1".parse().unwrap();
        for (role, edge) in [("edge", Some("edge-hanbuk")), ("central", None), ("standalone", None)] {
            decides_alone(&config(role, edge, address)).unwrap();
        }
        let error = decides_alone(&config("central", Some("edge-hanbuk"), address)).unwrap_err().to_string();
        assert!(error.contains("districts"), "{error}");
    }

    #[test]
    fn everybody_has_a_share_and_all_bookings_are_served() {
        let until: Vec<u32> = [1_000, 2_000, 2_400].map(|come| share(10_000, come, 2_400)).to_vec();
        assert_eq!(until, [4_166, 8_333, 10_000]);
        assert_eq!(share(1, 1, 2), 0);
        assert_eq!(share(1, 2, 2), 1);
    }
}
