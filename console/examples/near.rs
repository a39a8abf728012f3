//! A node with many free taxis behind its operators' door: our side of `cargo xtask bench --only nearest`.
//!
//! `cargo run --release -p ondol-console --example near -- DIR TAXIS` draws taxis and places where callers stand, evenly over a
//! square of 22 km, writes both to DIR for the peers, and lets all taxis begin their shifts at a node over SQLite, under its
//! own rules and its own clock. On its standard input it takes lines and answers each with a line of JSON:
//!
//! | line | what | answer |
//! |---|---|---|
//! | `door` | where the operators' door listens, what is asked there, and the cookie of an operator's session | `{"address", "path", "cookie"}` |
//! | `beat` | every phone says where it is: what it said a minute ago counts no more | `{"beats"}` |
//! | `inside SECONDS` | searches within the node's loop, without session, HTTP and JSON, one after the other | `{"figure"}` in a second |
//!
//! | file | a line, numbered from 0 |
//! |---|---|
//! | `taxis.csv` | `LAT,LON,X,Y`: degrees, and metres on a plane whose distances differ by 0.2 % at most |
//! | `asked.csv` | `LAT,LON,X,Y,RADIUS,CLEAR`: the least whole metres within which ten are, and 1 if the eleventh is clearly farther off than the tenth |
#![allow(clippy::print_stdout, reason = "a program that measures")]

#[path = "../../dispatch/testbed/taxi.rs"]
mod taxi;

use std::fmt::Write as _;
use std::io::BufRead as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::serve::ListenerExt as _;
use ondol_console::{ConsoleSetup, router};
use ondol_core::command::{Beat, Command, Slot};
use ondol_core::ids::{DeviceId, DistrictId, ShiftId};
use ondol_core::position::Position;
use ondol_core::travel::StraightLine;
use ondol_engine::Handle;
use ondol_engine::clock::RealClock;
use ondol_engine::config::Config;
use ondol_engine::identity::policy::Districts as Scope;
use ondol_engine::identity::{
    Identity, IdentityConfig, IdentityStore, NewOperator, Role, SigningKey, Standing, Transport,
};
use ondol_engine::run::{Setup, start};
use ondol_engine::store::Store;
use ondol_engine::vault::{Secrets, Vault};
use ondol_roads::{Bbox, Districts};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// The square: its south-western corner and its sides in degrees, 22 km each.
const CORNER: (f64, f64) = (37.45, 126.87);
const SIDES: (f64, f64) = (0.20, 0.25);
/// Metres of a degree of latitude, and of longitude in the square's middle.
const DEGREE_M: (f64, f64) = (111_195.0, 88_155.0);
/// Places where callers stand.
const ASKED: usize = 1_000;
/// How many taxis are asked for.
const MOST: usize = 10;
/// Taxis that begin at the same time: one commit serves many.
const AT_ONCE: usize = 1_000;
/// Searches between two looks at the time, and between two visits to the node's loop.
const IN_ONE_VISIT: usize = 500;
const LOGIN: &str = "operator";
const PASSWORD: &str = "warm floors for everybody";

type Done<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Done<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [dir, taxis] = &words[..] else { return Err("usage: near DIR TAXIS".into()) };
    let (dir, mut chance) = (Path::new(dir), Chance(1));
    let taxis: Vec<Position> = (0..taxis.parse()?).map(|_| chance.place()).collect();
    let asked: Vec<Position> = (0..ASKED).map(|_| chance.place()).collect();
    write(dir, &taxis, &asked)?;
    let node = Town::start(dir, &taxis).await?;
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["door"] => node.door(),
            ["beat"] => json!({ "beats": node.beat(&taxis).await? }),
            ["inside", seconds] => node.inside(&asked, Duration::from_secs_f64(seconds.parse()?)).await?,
            _ => return Err(format!("door | beat | inside SECONDS; not {line}").into()),
        };
        println!("{answer}");
    }
    Ok(())
}

/// SplitMix64: the same places each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    #[allow(clippy::cast_precision_loss, reason = "53 bits")]
    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn place(&mut self) -> Position {
        let (lat, lon) = (CORNER.0 + SIDES.0 * self.part(), CORNER.1 + SIDES.1 * self.part());
        Position::new(lat, lon).expect("a place in the square")
    }
}

/// Writes where taxis and callers are.
fn write(dir: &Path, taxis: &[Position], asked: &[Position]) -> Done<()> {
    let plane = |at: &Position| ((at.lon() - CORNER.1) * DEGREE_M.1, (at.lat() - CORNER.0) * DEGREE_M.0);
    let line = |at: &Position| {
        let (x, y) = plane(at);
        format!("{:.6},{:.6},{x:.2},{y:.2}", at.lat(), at.lon())
    };
    let mut text = String::new();
    taxis.iter().try_for_each(|at| writeln!(text, "{}", line(at)))?;
    std::fs::write(dir.join("taxis.csv"), text)?;
    let mut text = String::new();
    for at in asked {
        let mut distances: Vec<f64> = taxis.iter().map(|taxi| taxi.distance_m(*at)).collect();
        let eleventh = *distances.select_nth_unstable_by(MOST, f64::total_cmp).1;
        let tenth = distances[..MOST].iter().copied().fold(0.0, f64::max);
        // Redis keeps places to half a metre, and reckons with another earth.
        let (radius, is_clear) = ((tenth * 1.001 + 1.0).ceil(), eleventh - tenth > 3.0 + tenth * 0.01);
        writeln!(text, "{},{radius},{}", line(at), u8::from(is_clear))?;
    }
    std::fs::write(dir.join("asked.csv"), text)?;
    Ok(())
}

/// The node and its door.
struct Town {
    handle: Handle,
    district: DistrictId,
    address: SocketAddr,
    cookie: String,
}

impl Town {
    async fn start(dir: &Path, taxis: &[Position]) -> Done<Self> {
        let (min_lat, min_lon) = CORNER;
        let square = Bbox { min_lat, min_lon, max_lat: min_lat + SIDES.0, max_lon: min_lon + SIDES.1 };
        let districts = Arc::new(Districts::split(square, taxis, 1, 1));
        let district = districts.all()[0].id.clone();
        let zones: Vec<&str> = districts.all()[0].zones.iter().map(|zone| zone.id.as_str()).collect();
        let config: Config = format!(
            "[node]\nid = \"central\"\nrole = \"central\"\n[listen]\naddress = \"127.0.0.1:0\"\n[store]\n\
             url = \"sqlite://unused\"\n[keys]\nmaster = \"unused\"\nnode = \"unused\"\n[[districts]]\n\
             id = \"{district}\"\nzones = {}\n",
            json!(zones)
        )
        .parse()?;
        let file = dir.join("near.db");
        for end in ["", "-wal", "-shm"] {
            match std::fs::remove_file(format!("{}{end}", file.display())) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
        }
        let store = Store::open(&format!("sqlite://{}", file.display())).await?;
        let clock = Arc::new(RealClock::new(&config.clock));
        let identity = IdentityConfig {
            key: SigningKey::from_seed(&[1; 32]),
            node: config.node.id.clone(),
            standing: Standing::Central,
            known: Vec::new(),
            districts: Scope::All,
            origins: Vec::new(),
            transport: Transport::LoopbackHttp,
        };
        let identity = Identity::open(identity, IdentityStore::new(&store), clock.clone()).await?;
        let vault = Vault::new(&Secrets::from_bytes([7; 32]));
        let handle =
            start(Setup { config, clock, store, vault, travel: Arc::new(StraightLine) }).await?.handle;
        let operator = NewOperator {
            login: LOGIN.to_owned(),
            password: PASSWORD.to_owned(),
            role: Role::Operator,
            fleet: None,
            districts: Scope::All,
        };
        identity.add_operator(operator).await?;
        let cookie = identity.sign_in(LOGIN, PASSWORD, "127.0.0.1").await?.set_cookie;
        let cookie = cookie.to_str()?;
        let cookie = cookie.split_once(';').map_or(cookie, |(pair, _)| pair).to_owned();
        let identity = Arc::new(identity);
        let door = router(ConsoleSetup { handle: handle.clone(), identity, map: None, districts });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        // Answers are small; a system that will not send them at once sends them later.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        tokio::spawn(async move {
            axum::serve(listener, door.into_make_service_with_connect_info::<SocketAddr>()).await
        });
        let town = Self { handle, district, address, cookie };
        town.begin(taxis).await?;
        Ok(town)
    }

    fn door(&self) -> Value {
        let path = format!("/console/v1/districts/{}/taxis/near", self.district);
        json!({ "address": self.address.to_string(), "path": path, "cookie": self.cookie })
    }

    /// Every taxi is listed and begins its shift.
    async fn begin(&self, taxis: &[Position]) -> Done<()> {
        let now = self.handle.now().utc;
        let begins = |number, at| Command::Attach(taxi::attach(&self.district, number, at, now));
        for (first, some) in (0..).step_by(AT_ONCE).zip(taxis.chunks(AT_ONCE)) {
            let numbered = || (first..).zip(some.iter().copied());
            self.all(numbered().map(|(number, _)| Command::ListDriver(taxi::driver(&self.district, number))))
                .await?;
            self.all(numbered().map(|(number, at)| begins(number, at))).await?;
        }
        Ok(())
    }

    async fn beat(&self, taxis: &[Position]) -> Done<usize> {
        for (first, some) in (0..).step_by(AT_ONCE).zip(taxis.chunks(AT_ONCE)) {
            let beat = |(number, at)| {
                Command::Beat(Beat {
                    shift: ShiftId::from_number(number),
                    device: DeviceId::from_number(number),
                    district: self.district.clone(),
                    session: None,
                    hears_central: true,
                    position: Some(at),
                    slot: Slot::default(),
                })
            };
            self.all((first..).zip(some.iter().copied()).map(beat)).await?;
        }
        Ok(taxis.len())
    }

    /// Has the node carry out all of them at once.
    async fn all(&self, commands: impl Iterator<Item = Command>) -> Done<()> {
        let mut asked = JoinSet::new();
        for command in commands {
            let handle = self.handle.clone();
            asked.spawn(async move { handle.request(command).await });
        }
        while let Some(answered) = asked.join_next().await {
            answered??;
        }
        Ok(())
    }

    async fn inside(&self, asked: &[Position], time: Duration) -> Done<Value> {
        let (mut searches, mut took, mut next) = (0_u32, Duration::ZERO, asked.iter().copied().cycle());
        while took < time {
            let places: Vec<Position> = next.by_ref().take(IN_ONE_VISIT).collect();
            let district = self.district.clone();
            let visit = self.handle.read_at(move |node, now| {
                let begun = Instant::now();
                for at in places {
                    let found = std::hint::black_box(node.nearest_free(&district, at, MOST, now, |_| true));
                    assert_eq!(found.len(), MOST, "everybody is free and was heard a moment ago");
                }
                begun.elapsed()
            });
            took += visit.await?;
            searches += u32::try_from(IN_ONE_VISIT)?;
        }
        Ok(json!({ "figure": f64::from(searches) / took.as_secs_f64() }))
    }
}
