//! A city's whole load at once, on a running system and through its public APIs.
//!
//! Drivers are reference devices over sockets of their own, who sign in, beat, report, hand in their tracks, say yes and
//! drive. Riders see fares, book and look, and come whether the node keeps up or not (an open loop): each wait counts from
//! the moment at which the question was due.
//!
//! ```text
//! everybody signs in ─▶ minutes that count ─▶ trips end, riders without a taxi cancel, shifts end ─▶ Report
//! ```
//!
//! | about | module |
//! |---|---|
//! | how much, and what must hold | [`options`] |
//! | one driver | `phone` |
//! | riders, as they come | `riders` |
//! | bookings, and who was free when | [`ledger`] |
//! | what was asked, and how long it took | [`figures`], [`histogram`] |
//! | the table, and what was held | [`report`] |
//!
//! What is absent: texts and telephone, operators, riders' live streams (they look by single requests), drivers who say
//! no, phones that are switched off. Riders ask one node; drivers speak with every node that it names.

pub mod figures;
pub mod histogram;
pub mod ledger;
mod node;
pub mod options;
mod phone;
pub mod report;
mod riders;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ondol_core::ids::DistrictId;
use ondol_core::position::Position;
use ondol_core::tariff::Tariff;
use ondol_device::Timing;
use ondol_device::wire::Endpoint;
use ondol_roads::RoadMap;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::city::clock::Clock;
use crate::city::driver::entry;
use crate::city::driver::link::Credentials;
use crate::city::geo::City;
use crate::city::http::{self, Failed, Http};
use crate::city::roster::{Listed, Roster};

use figures::Figures;
use ledger::Ledger;
use node::Driven;
use options::Pace;
use phone::Phone;
use riders::Errand;

pub use options::{Bounds, Options, Wanted};
pub use report::Report;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Addresses that clients on the node's own machine ask from.
const ADDRESSES: u8 = 100;
/// Drivers who sign in at the same time.
const ARRIVE_AT_ONCE: usize = 64;
/// How long all of them may take: so long for each, and never less than this.
const ARRIVE_EACH: Duration = Duration::from_millis(60);
const ARRIVE_AT_LEAST: Duration = Duration::from_secs(60);
/// Files that this process opens beside its phones' sockets: requests of riders, and of drivers who sign in.
const FILES_BESIDE: u32 = 500;
/// How often it is looked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often progress is told and memory looked at.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// How long trips under way may take to end, beyond the length of one.
const REST: Duration = Duration::from_secs(30);

/// What everybody of a load shares.
struct Load {
    node: Driven,
    clock: Clock,
    city: City,
    tariff: Tariff,
    timing: Timing,
    pace: Pace,
    seed: u64,
    figures: Figures,
    ledger: Ledger,
    clients: Vec<Http>,
    /// Where the phones of a district may turn: asked by the first of them.
    endpoints: tokio::sync::Mutex<BTreeMap<DistrictId, Vec<Endpoint>>>,
    come: AtomicU32,
    /// Drivers who were not let in, by the node's code.
    away: Mutex<BTreeMap<String, u32>>,
    over: AtomicBool,
}

/// Drives a node until the time is up; `tell` gets a line now and then.
///
/// # Errors
///
/// If something cannot be read, the options contradict each other or the roster, or drivers cannot come to work. That
/// something was refused or slow is no error here: it stands in the report.
pub async fn run(options: &Options, tell: impl Fn(&str)) -> Result<Report> {
    let (load, drivers) = Load::prepare(options).await?;
    let load = Arc::new(load);
    let begun = Instant::now();
    let crowd = tokio::spawn(work(Arc::clone(&load), drivers));
    if let Err(error) = load.wait_for_all(options.wanted.shifts, &tell).await {
        crowd.abort();
        return Err(error);
    }
    tell(&format!("{} drivers came to work in {} s", options.wanted.shifts, begun.elapsed().as_secs()));
    let memory = load.play(options, &tell).await;
    let rests_by = Instant::now() + Duration::from_secs(options.trip_s.into()) + REST;
    while Instant::now() < rests_by && !load.ledger.open().is_empty() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    riders::give_up(&load).await;
    load.over.store(true, Ordering::Relaxed);
    crowd.await.context("the drivers' task ended by a bug")?;
    Ok(Report::of(options, &load.figures.all(), load.ledger.counts(), memory))
}

/// A driver with the district's place in the ledger, and where the shift begins.
type Coming = (Listed, usize, Position);

/// Lets the drivers come, some at a time, and waits until all have gone home. They come over the time between two tracks
/// at least, so that phones do not speak in chorus.
async fn work(load: Arc<Load>, drivers: Vec<Coming>) {
    let room = Arc::new(Semaphore::new(ARRIVE_AT_ONCE));
    let apart = Duration::from_millis(load.timing.track_every_ms)
        / u32::try_from(drivers.len()).unwrap_or(u32::MAX).max(1);
    let mut next = tokio::time::interval(apart.max(Duration::from_nanos(1)));
    let mut at_work = JoinSet::new();
    for (number, (listed, district, at)) in (0..).zip(drivers) {
        next.tick().await;
        let arriving = Arc::clone(&room).acquire_owned().await.expect("nobody closes the semaphore");
        let load = Arc::clone(&load);
        at_work.spawn(async move {
            match Phone::sign_in(Arc::clone(&load), number, &listed, (district, at), arriving).await {
                Ok(phone) => phone.work().await,
                Err(error) => load.stays_away(&error),
            }
        });
    }
    while at_work.join_next().await.is_some() {}
}

impl Load {
    async fn prepare(options: &Options) -> Result<(Self, Vec<Coming>)> {
        let Options { wanted, seed, trip_s, .. } = *options;
        let timing = Timing { beat_every_ms: wanted.beat_every_ms()?, ..Timing::default() };
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        enough_files(&limits, wanted.shifts)?;
        let clients = clients(&options.node)?;
        let node = Driven::meet(&options.node, &clients[0]).await?;
        let map = RoadMap::load(&options.map).with_context(|| format!("--map {}", options.map.display()))?;
        let districts: Vec<DistrictId> = map
            .districts()
            .map(|districts| districts.all().iter().map(|one| one.id.clone()).collect())
            .with_context(|| format!("--map {}: it has no districts", options.map.display()))?;
        let city = City::of(map, districts.len())?;
        let roster = Roster::read(&options.roster)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let with_app = roster.drivers.into_iter().filter(|listed| listed.home.is_none());
        let placed = with_app.filter_map(|listed| {
            let place = districts.iter().position(|known| *known == listed.district)?;
            let at = city.somewhere(Some(&listed.district), &mut rng);
            Some((listed, place, at))
        });
        let drivers: Vec<Coming> = placed.take(usize::try_from(wanted.shifts)?).collect();
        ensure!(
            drivers.len() == usize::try_from(wanted.shifts)?,
            "--shifts {}: the roster lists {} drivers with the app in the map's districts",
            wanted.shifts,
            drivers.len()
        );
        let load = Self {
            node,
            clock: Clock::of_the_wall()?,
            city,
            tariff: Tariff::seoul(),
            timing,
            pace: Pace::of(trip_s),
            seed,
            figures: Figures::default(),
            ledger: Ledger::new(districts.len()),
            clients,
            endpoints: tokio::sync::Mutex::default(),
            come: AtomicU32::new(0),
            away: Mutex::default(),
            over: AtomicBool::new(false),
        };
        Ok((load, drivers))
    }

    /// A client for somebody.
    fn http(&self, number: u32) -> Http {
        let place = usize::try_from(number).unwrap_or(0) % self.clients.len();
        self.clients[place].clone()
    }

    async fn endpoints(
        &self,
        listed: &Listed,
        http: &Http,
        credentials: &Credentials,
    ) -> Result<Vec<Endpoint>, Failed> {
        let mut known = self.endpoints.lock().await;
        if let Some(nodes) = known.get(&listed.district) {
            return Ok(nodes.clone());
        }
        let node = (&self.node.id, self.node.url.as_str());
        let nodes = entry::endpoints(http, node, credentials, self.clock.now().utc).await?;
        known.insert(listed.district.clone(), nodes.clone());
        Ok(nodes)
    }

    fn has_come(&self) {
        self.come.fetch_add(1, Ordering::Relaxed);
    }

    fn stays_away(&self, error: &Failed) {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        *away.entry(error.to_string()).or_default() += 1;
    }

    /// True once shifts end.
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    async fn wait_for_all(&self, shifts: u32, tell: impl Fn(&str)) -> Result<()> {
        let limit = (ARRIVE_EACH * shifts).max(ARRIVE_AT_LEAST);
        let (begun, mut told) = (Instant::now(), Instant::now());
        loop {
            let come = self.come.load(Ordering::Relaxed);
            let away = self.away.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some((why, number)) = away.first_key_value() {
                bail!("{number} drivers could not sign in: {why}");
            }
            if come == shifts {
                return Ok(());
            }
            ensure!(
                begun.elapsed() < limit,
                "{come} of {shifts} drivers came to work in {} s",
                limit.as_secs()
            );
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                tell(&format!("{come} of {shifts} drivers have come"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Lets riders come for the time that counts; returns what memory the node had meanwhile.
    async fn play(self: &Arc<Self>, options: &Options, tell: impl Fn(&str)) -> report::Memory {
        let Wanted { bookings_per_s, quotes_per_s, .. } = options.wanted;
        let mut memory = report::Memory::default();
        memory.note(self.node.memory_bytes(&self.clients[0]).await);
        self.figures.count(true);
        let begun = Instant::now();
        let until = begun + options.time;
        let errands = [
            (Errand::Book, bookings_per_s),
            (Errand::Quote, quotes_per_s / 2.0),
            (Errand::Look, quotes_per_s / 2.0),
        ];
        let mut riders: JoinSet<()> = errands
            .into_iter()
            .map(|(errand, per_s)| riders::come(Arc::clone(self), errand, per_s, until))
            .collect();
        let mut before = BTreeMap::new();
        loop {
            let next = (Instant::now() + TELL_EVERY).min(until);
            tokio::time::sleep_until(next.into()).await;
            if next == until {
                break;
            }
            let now = self.figures.all();
            memory.note(self.node.memory_bytes(&self.clients[0]).await);
            tell(&report::progress(begun.elapsed(), TELL_EVERY, &before, &now, &memory));
            before = now;
        }
        self.figures.count(false);
        while riders.join_next().await.is_some() {}
        memory.note(self.node.memory_bytes(&self.clients[0]).await);
        memory
    }
}

/// Clients: on this machine from many addresses, because a node bounds what one address may ask and a city is not one
/// household. Elsewhere they have one, and a node that nobody told otherwise refuses what is too much for it.
fn clients(node: &str) -> Result<Vec<Http>> {
    let url = reqwest::Url::parse(node).with_context(|| format!("--node {node}: no URL"))?;
    ensure!(
        url.scheme() == "http",
        "--node {node}: say http://… ; a proxy that ends TLS has an address without"
    );
    let host = url.host_str().with_context(|| format!("--node {node}: it names no host"))?;
    let is_here =
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4() && ip.is_loopback());
    if is_here {
        return Ok(http::clients(PATIENCE, ADDRESSES)?);
    }
    Ok(vec![Http::new(PATIENCE, IpAddr::V4(Ipv4Addr::UNSPECIFIED))?])
}

/// Each phone has a socket. The node needs as many, which cannot be seen from here.
fn enough_files(limits: &str, shifts: u32) -> Result<()> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    // Where the system does not tell, or there is no bound, it will say when there are too many.
    let most: Option<u32> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    let needed = shifts.saturating_add(FILES_BESIDE);
    match most {
        Some(most) if most < needed => {
            bail!(
                "--shifts {shifts}: {needed} files are needed and this process may open {most}: see `ulimit -n`"
            )
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_without_a_file_each_are_refused_before_anybody_comes() {
        let limits =
            "Limit           Soft Limit  Hard Limit  Units\nMax open files  20000       20000       files\n";
        let error = enough_files(limits, 24_000).unwrap_err().to_string();
        assert!(error.contains("--shifts 24000") && error.contains("may open 20000"), "{error}");
        assert!(enough_files(limits, 19_000).is_ok());
        assert!(enough_files("Max open files  unlimited  unlimited  files\n", 24_000).is_ok());
    }

    #[test]
    fn a_node_is_asked_from_many_addresses_on_its_own_machine_alone() {
        let count =
            |node: &str| clients(node).map(|clients| clients.len()).map_err(|error| error.to_string());
        assert_eq!(count("http://127.0.0.1:7400"), Ok(100));
        assert_eq!(count("http://192.0.2.7:7400"), Ok(1));
        for bad in ["7400", "https://taxi.example"] {
            assert!(count(bad).unwrap_err().contains("--node"), "{bad}");
        }
    }
}
