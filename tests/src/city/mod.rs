//! A city that uses a running system: drivers, riders and operators, each a client of its own.
//!
//! They use the public APIs alone (HTTP, WebSocket, the spool folders of the text process), and write down what they
//! are told before they act on it ([`record`]). [`crate::checker`] compares that with the journals.
//!
//! | about | module |
//! |---|---|
//! | the configuration | [`config`] |
//! | simulated time | [`clock`] |
//! | streets, drives, places | [`geo`] |
//! | who wants a ride, and when | [`plan`], [`replay`] |
//! | where riders and drivers meet | [`street`] |
//! | drivers | [`driver`] |
//! | riders | [`rider`] |
//! | operators | [`operators`] |
//! | the mobile network | [`sms`] |
//! | a person at the terminal who takes part | [`visitor`] |
//! | what was told | [`record`] |
//! | bookings without a pause while processes die | [`crash`] |

pub mod clock;
pub mod config;
pub mod crash;
pub mod driver;
pub mod geo;
pub mod http;
pub mod operators;
pub mod plan;
pub mod record;
pub mod replay;
pub mod rider;
pub mod roster;
pub mod sms;
pub mod street;
pub mod visitor;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::position::Position;
use ondol_core::units::Ticks;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;

use clock::Clock;
use config::CityConfig;
use geo::City;
use http::Http;
use operators::Operators;
use plan::Wish;
use record::{DriverNote, Recorder, RiderNote, WatchLine};
use roster::{Listed, Roster};
use sms::Network;
use street::Street;
use visitor::Visitor;

/// Addresses that clients ask from.
const ADDRESSES: u8 = 100;
/// How often a bystander looks at central, on the wall.
const WATCH_EVERY: Duration = Duration::from_millis(100);
/// How often progress is told, on the wall.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// How long after its end the city may take to come to rest, in simulated milliseconds.
const REST_MAX_MS: u64 = 1_500_000;
/// How long a driver waits for a visitor, who has to read and type, in simulated milliseconds.
const VISITOR_WAIT_MS: u64 = 1_800_000;
/// How long nodes get to exchange the last entries, on the wall.
const EXCHANGE: Duration = Duration::from_secs(3);

/// Everything that people share.
pub struct World {
    /// The configuration.
    pub config: CityConfig,
    /// Time.
    pub clock: Clock,
    /// The map.
    pub city: City,
    /// Where people meet.
    pub street: Street,
    /// Drivers who look out for raised hands.
    pub lookouts: driver::lookout::Lookouts,
    /// Texts.
    pub network: Network,
    /// Operators.
    pub operators: Operators,
    /// The truth.
    pub recorder: Recorder,
    /// Somebody at a terminal, if there is one.
    pub visitor: Option<Visitor>,
    clients: Vec<Http>,
    central: NodeId,
    edges: Vec<(NodeId, DistrictId)>,
}

/// Plays the city of the configuration at `file` against a running system, until it sleeps.
///
/// # Errors
///
/// If something cannot be read or written, or nobody came to work. What a node answers is never an error here.
pub async fn run(file: &Path) -> Result<()> {
    let world = World::load(CityConfig::load(file)?)?;
    if let Some(config) = world.config.crash {
        return crash::run(Arc::new(world), config).await;
    }
    let (cabs, wishes) = people(&world)?;
    tell(&format!("{} drivers and {} wishes", cabs.len(), wishes.len()));
    let world = Arc::new(world);
    let mut background = JoinSet::new();
    background.spawn(carry_texts(Arc::clone(&world)));
    background.spawn(watch_central(Arc::clone(&world)));
    background.spawn(visitor::listen(Arc::clone(&world)));
    background.spawn(tell_progress(Arc::clone(&world)));
    let mut drivers = JoinSet::new();
    for (number, (at_ms, listed, at)) in (0..).zip(cabs) {
        let world = Arc::clone(&world);
        drivers.spawn(async move {
            world.clock.until(Ticks(at_ms)).await;
            driver::work(world, number, listed, at).await
        });
    }
    let mut riders = JoinSet::new();
    for wish in wishes {
        let world = Arc::clone(&world);
        riders.spawn(async move { rider::live(world, wish).await });
    }
    let rests_by = world.sleeps_at().plus_ms(REST_MAX_MS);
    let at_work = drivers.len();
    let mut absent = 0;
    while let Some(ended) = drivers.join_next().await {
        if let Err(error) = ended.context("a driver's task ended by a bug")? {
            tracing::warn!(error = format!("{error:#}"), "a driver stayed away");
            absent += 1;
        }
    }
    let everybody = async { while riders.join_next().await.is_some() {} };
    tokio::select! {
        () = everybody => {}
        () = world.clock.until(rests_by) => tracing::warn!("some riders were still awake at the end"),
    }
    tokio::time::sleep(EXCHANGE).await;
    background.abort_all();
    ensure!(!world.recorder.has_failed(), "a record could not be written: this run proves nothing");
    ensure!(absent < at_work, "no driver came to work");
    tell(&format!("the city sleeps; {} of {at_work} drivers came to work", at_work - absent));
    Ok(())
}

/// When, in milliseconds of the city's own time, who comes to work where.
type Coming = (u64, Listed, Position);

/// Who works from when and where, and who wants a ride.
fn people(world: &World) -> Result<(Vec<Coming>, Vec<Wish>)> {
    let roster = Roster::read(&world.config.roster)?;
    let demand = world.config.demand;
    let mut rng = ChaCha8Rng::seed_from_u64(world.config.seed);
    if let Some(replay) = &world.config.replay {
        let window = (world.clock.epoch().0.div_euclid(1_000), world.config.duration_s);
        let most = demand.wishes.max(480);
        let recorded = replay::read(replay, &world.city, world.config.seed, window, most)?;
        tell(&format!("of the recording were left out: {:?}", recorded.skipped));
        let mut listed = roster.drivers;
        let mut cabs = Vec::new();
        for (at_ms, position) in recorded.cabs.into_iter().take(demand.shifts_max) {
            // A cab works where it starts, if somebody of that district is free; else somebody from elsewhere comes.
            let home = world.city.edge_of(position).map(|place| world.district(place).clone());
            let found = listed.iter().position(|driver| Some(&driver.district) == home.as_ref());
            if listed.is_empty() {
                break;
            }
            cabs.push((at_ms, listed.swap_remove(found.unwrap_or(0)), position));
        }
        return Ok((cabs, recorded.wishes));
    }
    let cabs = roster.drivers.into_iter().take(demand.shifts_max).map(|listed| {
        let at = world.city.somewhere(Some(&listed.district), &mut rng);
        (0, listed, at)
    });
    let cabs = cabs.collect();
    let wishes = plan::made_up(&world.city, world.config.seed, world.config.duration_s, demand.wishes);
    Ok((cabs, wishes))
}

impl World {
    fn load(config: CityConfig) -> Result<Self> {
        let city = City::load(&config.map, config.edges.len())?;
        let roster = Roster::read(&config.roster)?;
        let account = roster.operators.into_iter().next().context("nobody takes calls")?;
        let districts = city.map().districts().context("the map has no districts")?;
        let name = |text: &str| NodeId::new(text).with_context(|| format!("{text:?} names no node"));
        let edges = districts.all().iter().take(config.edges.len());
        let edges: Result<Vec<_>> =
            edges.map(|one| Ok((name(&format!("edge-{}", one.id))?, one.id.clone()))).collect();
        let recorder = Recorder::open(&config.record)
            .with_context(|| format!("record folder {}", config.record.display()))?;
        let network =
            Network::open(&config.spool).with_context(|| format!("spool {}", config.spool.display()))?;
        let visitor = config.visitor.as_deref().map(Visitor::open).transpose().context("visitor")?;
        // The last to be made: the city's own time begins with it.
        let clock = Clock::start(&config.clock)?;
        Ok(Self {
            clients: http::clients(clock.patience(4_000), ADDRESSES)?,
            central: name("central")?,
            edges: edges?,
            street: Street::default(),
            lookouts: driver::lookout::Lookouts::default(),
            operators: Operators::new(account),
            network,
            recorder,
            visitor,
            clock,
            city,
            config,
        })
    }

    /// A client for somebody.
    #[must_use]
    pub fn http(&self, number: u32) -> Http {
        let place = usize::try_from(number).unwrap_or(0) % self.clients.len();
        self.clients[place].clone()
    }

    /// Central's name, as people know it from their app.
    #[must_use]
    pub fn central(&self) -> &NodeId {
        &self.central
    }

    /// The district at `place` in the list of edges.
    #[must_use]
    pub fn district(&self, place: usize) -> &DistrictId {
        &self.edges[place.min(self.edges.len() - 1)].1
    }

    /// The nodes that serve a district: central, then its edge.
    #[must_use]
    pub fn nodes_of(&self, district: &DistrictId) -> Vec<(NodeId, String)> {
        let central = (self.central.clone(), self.config.central.clone());
        let edges = self.edges.iter().zip(&self.config.edges);
        let edge =
            edges.filter(|((_, of), _)| of == district).map(|((node, _), url)| (node.clone(), url.clone()));
        std::iter::once(central).chain(edge).collect()
    }

    /// Their addresses.
    #[must_use]
    pub fn urls_of(&self, district: &DistrictId) -> Vec<String> {
        self.nodes_of(district).into_iter().map(|(_, url)| url).collect()
    }

    /// The addresses of the nodes that serve a place: central, then its edge.
    #[must_use]
    pub fn urls_at(&self, position: Position) -> Vec<String> {
        let edge = self.city.edge_of(position).and_then(|place| self.config.edges.get(place));
        std::iter::once(&self.config.central).chain(edge).cloned().collect()
    }

    /// When the city goes to sleep.
    #[must_use]
    pub fn sleeps_at(&self) -> Ticks {
        Ticks(self.config.duration_s * 1_000)
    }

    /// True once the city sleeps.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.clock.now().ticks >= self.sleeps_at()
    }

    /// Waits until the city sleeps and a little longer, when nothing more should happen to a closed booking.
    pub async fn wait_for_the_end(&self) {
        self.clock.until(self.sleeps_at().plus_ms(120_000)).await;
    }

    /// Asks the visitor for the PIN of a booking that nobody of the city made; false if the driver need not wait on.
    #[must_use]
    pub fn ask_visitor(&self, code: &str, plate: &str, waited_ms: u64) -> bool {
        let Some(visitor) = &self.visitor else { return false };
        let waits = self.street.is_visitors(code) && waited_ms < VISITOR_WAIT_MS;
        if waits {
            visitor.ask(code, plate);
        }
        waits
    }

    /// Writes a rider's line.
    pub fn tell(&self, wish: &Wish, note: RiderNote) {
        self.recorder.rider(self.clock.now().utc, wish.number, note);
    }

    /// Writes a driver's line.
    pub fn record(&self, driver: &str, note: DriverNote) {
        self.recorder.driver(self.clock.now().utc, driver, note);
    }
}

async fn carry_texts(world: Arc<World>) {
    world.network.carry(world.clock, &world.recorder).await;
}

/// A bystander who notes when central falls silent and when it is back.
async fn watch_central(world: Arc<World>) {
    let mut last = None;
    let mut look = tokio::time::interval(WATCH_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let client = world.http(u32::MAX);
    loop {
        look.tick().await;
        let at = world.clock.now().utc;
        let answer = client.get(&world.config.central, "/healthz", &http::Proof::None).await;
        let central_answers = !matches!(answer, Err(http::Failed::Unreachable { .. }));
        if last != Some(central_answers) {
            last = Some(central_answers);
            world.recorder.watch(&WatchLine { at, central_answers });
        }
    }
}

async fn tell_progress(world: Arc<World>) {
    let mut look = tokio::time::interval(TELL_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let minutes = world.clock.now().ticks.0 / 60_000;
        tell(&format!("minute {minutes}: {}", world.recorder.counts()));
    }
}

/// Says something to whoever watches.
#[allow(clippy::print_stdout, reason = "progress is what this command prints")]
fn tell(words: &str) {
    println!("{words}");
}
