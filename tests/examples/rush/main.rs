//! Asks a server as fast as it answers, over many connections at once, and tells how many answers came in a second.
//!
//! One client drives both sides of a contest of `cargo xtask bench`: a node of ours over HTTP and sockets, and Redis over its
//! own protocol.
//!
//! ```text
//! rush bookings ADDRESS MAP CONNECTIONS            riders who book, each with a number of their own
//! rush beats ADDRESS MAP ROSTER CONNECTIONS [PER_S]  drivers who have signed in; each beat carries a position; with PER_S
//!                                                  no more in a second, all together
//! rush fixes ADDRESS MAP ROSTER CONNECTIONS BATCH  the same drivers hand in BATCH fixes of their track at a time
//! rush sockets ADDRESS MAP ROSTER CONNECTIONS BATCH  the same beats over each phone's socket, BATCH on the way at a time;
//!                                                  CONNECTIONS phones speak at a time, all sockets are open
//! rush offers ADDRESS MAP ROSTER PERCENTILE        the same drivers listen on their sockets while one rider after the other
//!                                                  books; the figure is this percentile of the milliseconds to the offer
//! rush near ADDRESS PATH COOKIE DIR CONNECTIONS    operators who ask who is free near places drawn in DIR
//! rush geosearch ADDRESS DIR CONNECTIONS           Redis, with the same taxis and places
//! rush geoadd ADDRESS DRIVERS CONNECTIONS BATCH    Redis, BATCH commands on the way at a time
//! ```
//!
//! After `ready` it takes lines `SECONDS SEED` on its standard input and answers each with
//! `{"figure": answers per second, "p50_ms": …, "p99_ms": …}` of one round, with what was found as `"check"` where both sides
//! must find the same. An answer that is no success ends it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that measures")]

mod drivers;
mod lane;
mod near;
mod offers;
mod redis;
mod riders;

use std::io::BufRead as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use drivers::{Drivers, Speech};
use lane::Lane;
use ondol_core::ids::DistrictId;
use ondol_core::position::Position;
use ondol_roads::RoadMap;
use serde_json::{Value, json};

/// Most places that are used.
const PLACES: usize = 4_000;

/// Writes the next question; asked again and again by one connection.
type Ask = Box<dyn FnMut(&mut Vec<u8>) + Send>;

/// Somebody who asks, over one connection after the other.
struct Caller {
    lanes: Vec<Lane>,
    ask: Ask,
    /// Questions on the way at a time.
    at_once: usize,
    /// What one answer counts for.
    worth: usize,
    /// Time between two questions at least.
    apart: Duration,
}

/// Opens the callers of a round, given its seed.
trait Crowd {
    async fn callers(&mut self, seed: u64) -> Result<Vec<Caller>>;

    /// What is found after the round, where both sides must find the same.
    async fn check(&mut self, _seed: u64) -> Result<Option<String>> {
        Ok(None)
    }
}

/// Plays a round that lasts so long, given its seed.
trait Play {
    async fn round(&mut self, time: Duration, seed: u64) -> Result<Value>;
}

impl<C: Crowd> Play for C {
    async fn round(&mut self, time: Duration, seed: u64) -> Result<Value> {
        let mut seen = all_ask(self.callers(seed).await?, time).await?;
        if let Some(check) = self.check(seed).await? {
            seen["check"] = check.into();
        }
        Ok(seen)
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // One thread: the server has the other cores.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match words[..] {
            ["bookings", address, map, connections] => {
                play(riders::Riders::open(address, map, connections.parse()?)?).await
            }
            ["beats", address, map, roster, connections] => {
                report(address, map, roster, connections, Speech::Beats(None)).await
            }
            ["beats", address, map, roster, connections, per_s] => {
                report(address, map, roster, connections, Speech::Beats(Some(per_s.parse()?))).await
            }
            ["fixes", address, map, roster, connections, batch] => {
                report(address, map, roster, connections, Speech::Fixes(batch.parse()?)).await
            }
            ["sockets", address, map, roster, connections, batch] => {
                report(address, map, roster, connections, Speech::Sockets(batch.parse()?)).await
            }
            ["offers", address, map, roster, percentile] => {
                play(offers::Offers::open(address, map, roster, percentile.parse()?).await?).await
            }
            ["near", address, path, cookie, dir, connections] => {
                play(near::Nearest::at_node(address, path, cookie, dir, connections.parse()?)?).await
            }
            ["geosearch", address, dir, connections] => {
                play(near::Nearest::at_redis(address, dir, connections.parse()?).await?).await
            }
            ["geoadd", address, drivers, connections, batch] => {
                play(redis::Redis::open(address, drivers.parse()?, connections.parse()?, batch.parse()?)?)
                    .await
            }
            _ => bail!("rush bookings | beats | fixes | sockets | offers | near | geosearch | geoadd …; not {words:?}"),
        }
    })
}

async fn report(address: &str, map: &str, roster: &str, connections: &str, speech: Speech) -> Result<()> {
    play(Drivers::sign_in(address, map, roster, connections.parse()?, speech).await?).await
}

/// Places where people are found, each with its district.
fn places(map: &str) -> Result<Vec<(Position, DistrictId)>> {
    let map = RoadMap::load(Path::new(map))?;
    let districts = map.districts().context("the map has no districts")?;
    let placed = map.junctions(PLACES).into_iter().filter_map(|at| Some((at, districts.locate(at)?.0)));
    let places: Vec<(Position, DistrictId)> = placed.collect();
    ensure!(places.len() > 1, "the map has no junctions in its districts");
    Ok(places)
}

async fn play(mut crowd: impl Play) -> Result<()> {
    println!("ready");
    // Read apart: phones go on beating between rounds.
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || std::io::stdin().lock().lines().try_for_each(|line| tell.send(line)));
    while let Some(line) = told.recv().await {
        let line = line?;
        let (seconds, seed) = line.split_once(' ').with_context(|| format!("SECONDS SEED, not {line}"))?;
        println!("{}", crowd.round(Duration::from_secs_f64(seconds.parse()?), seed.parse()?).await?);
    }
    Ok(())
}

async fn all_ask(callers: Vec<Caller>, time: Duration) -> Result<Value> {
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in callers {
        tasks.spawn(keep_asking(caller, begun + time));
    }
    let (mut answers, mut waits) = (0_usize, Vec::new());
    while let Some(done) = tasks.join_next().await {
        let (count, mut waited) = done.context("a caller ended unexpectedly")??;
        answers += count;
        waits.append(&mut waited);
    }
    let took_s = begun.elapsed().as_secs_f64();
    waits.sort_unstable();
    #[allow(clippy::cast_precision_loss, reason = "counts of one round")]
    let rate = answers as f64 / took_s;
    Ok(json!({ "figure": rate, "p50_ms": at(&waits, 50), "p99_ms": at(&waits, 99) }))
}

/// The percentile of sorted waits, in milliseconds.
fn at(sorted: &[Duration], percentile: usize) -> f64 {
    let place = (sorted.len().max(1) - 1) * percentile / 100;
    sorted.get(place).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
}

async fn keep_asking(mut caller: Caller, until: Instant) -> Result<(usize, Vec<Duration>)> {
    let (mut answers, mut waits, mut questions) = (0, Vec::new(), Vec::new());
    let (mut next, mut due) = (0, Instant::now());
    while Instant::now() < until {
        tokio::time::sleep_until(due.into()).await;
        due += caller.apart;
        questions.clear();
        for _ in 0..caller.at_once {
            (caller.ask)(&mut questions);
        }
        let asked = Instant::now();
        caller.lanes[next].exchange(&questions, caller.at_once).await?;
        next = (next + 1) % caller.lanes.len();
        waits.push(asked.elapsed());
        answers += caller.at_once * caller.worth;
    }
    Ok((answers, waits))
}
