//! Who asks where the nearest taxis are: operators at a node, or clients of Redis that ask within the least radius that
//! suffices. Taxis and places were drawn by `console/examples/near.rs`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use crate::lane::{Lane, Protocol, body, get, items};
use crate::redis::command;
use crate::{Caller, Crowd};

/// How many are asked for.
const MOST: &str = "10";
/// Places of each round at which it is told who was found.
const CHECKED: usize = 20;
/// Commands on the way at a time while Redis learns where taxis are.
const PIPELINE: usize = 500;

/// Callers of one round after the other.
pub(crate) struct Nearest {
    to: SocketAddr,
    connections: u8,
    asked: Arc<Vec<Asked>>,
    of: Arc<Of>,
}

/// Who is asked.
enum Of {
    Node { path: String, cookie: String },
    Redis,
}

/// A place where a caller stands.
struct Asked {
    lat: String,
    lon: String,
    radius_m: String,
    /// It is clear who the ten nearest are.
    is_clear: bool,
}

impl Nearest {
    /// Asks at this path of a node's door.
    pub(crate) fn at_node(
        address: &str,
        path: &str,
        cookie: &str,
        dir: &str,
        connections: u8,
    ) -> Result<Self> {
        let of = Of::Node { path: path.to_owned(), cookie: cookie.to_owned() };
        Self::open(address, of, dir, connections)
    }

    /// Tells Redis where taxis are, and asks there.
    pub(crate) async fn at_redis(address: &str, dir: &str, connections: u8) -> Result<Self> {
        let mut lane = Lane::open(address.parse()?, Protocol::Redis, 1).await?;
        let taxis: Vec<(usize, Vec<String>)> = lines(dir, "taxis.csv")?.into_iter().enumerate().collect();
        for some in taxis.chunks(PIPELINE) {
            let mut questions = Vec::new();
            for (number, words) in some {
                let [lat, lon, ..] = &words[..] else {
                    anyhow::bail!("taxis.csv: no place in line {number}")
                };
                command(&mut questions, &["GEOADD", "taxis", lon, lat, &number.to_string()]);
            }
            lane.exchange(&questions, some.len()).await?;
        }
        Self::open(address, Of::Redis, dir, connections)
    }

    fn open(address: &str, of: Of, dir: &str, connections: u8) -> Result<Self> {
        let asked = lines(dir, "asked.csv")?.into_iter().map(|words| match &words[..] {
            [lat, lon, _x, _y, radius_m, is_clear] => Ok(Asked {
                lat: lat.clone(),
                lon: lon.clone(),
                radius_m: radius_m.clone(),
                is_clear: is_clear == "1",
            }),
            _ => anyhow::bail!("asked.csv: no place: {words:?}"),
        });
        let asked: Vec<Asked> = asked.collect::<Result<_>>()?;
        ensure!(asked.iter().any(|asked| asked.is_clear), "nowhere is it clear who is nearest");
        Ok(Self { to: address.parse()?, connections, asked: Arc::new(asked), of: Arc::new(of) })
    }
}

fn lines(dir: &str, file: &str) -> Result<Vec<Vec<String>>> {
    let file = Path::new(dir).join(file);
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    Ok(text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect())
}

impl Of {
    fn protocol(&self) -> Protocol {
        match self {
            Of::Node { .. } => Protocol::Http,
            Of::Redis => Protocol::Redis,
        }
    }

    fn ask(&self, out: &mut Vec<u8>, asked: &Asked) {
        let Asked { lat, lon, radius_m, .. } = asked;
        match self {
            Of::Node { path, cookie } => get(out, &format!("{path}?at={lat},{lon}&most={MOST}"), cookie),
            Of::Redis => command(
                out,
                &[
                    "GEOSEARCH",
                    "taxis",
                    "FROMLONLAT",
                    lon,
                    lat,
                    "BYRADIUS",
                    radius_m,
                    "m",
                    "ASC",
                    "COUNT",
                    MOST,
                ],
            ),
        }
    }

    /// The numbers of the taxis in an answer, in order.
    fn found(&self, answer: &[u8]) -> Result<Vec<u128>> {
        let mut found: Vec<u128> = match self {
            Of::Node { .. } => {
                let view: serde_json::Value = serde_json::from_slice(body(answer))?;
                let taxis = view["taxis"].as_array().context("an answer has taxis")?;
                let number = |taxi: &serde_json::Value| -> Result<u128> {
                    Ok(taxi["shift"].as_str().context("a taxi has a shift")?.parse::<Uuid>()?.as_u128())
                };
                taxis.iter().map(number).collect::<Result<_>>()?
            }
            Of::Redis => {
                let number = |item: &[u8]| Ok(std::str::from_utf8(item)?.parse()?);
                items(answer)?.into_iter().map(number).collect::<Result<_>>()?
            }
        };
        found.sort_unstable();
        Ok(found)
    }
}

impl Crowd for Nearest {
    async fn callers(&mut self, seed: u64) -> Result<Vec<Caller>> {
        let mut callers = Vec::new();
        for number in 1..=self.connections {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(u64::from(number));
            let (asked, of) = (Arc::clone(&self.asked), Arc::clone(&self.of));
            let ask = move |out: &mut Vec<u8>| of.ask(out, &asked[rng.random_range(0..asked.len())]);
            let lane = Lane::open(self.to, self.of.protocol(), number).await?;
            callers.push(Caller {
                lanes: vec![lane],
                ask: Box::new(ask),
                at_once: 1,
                worth: 1,
                apart: Duration::ZERO,
            });
        }
        Ok(callers)
    }

    async fn check(&mut self, seed: u64) -> Result<Option<String>> {
        let clear: Vec<&Asked> = self.asked.iter().filter(|asked| asked.is_clear).collect();
        let first = usize::try_from(seed.saturating_sub(1))? * CHECKED;
        let mut lane = Lane::open(self.to, self.of.protocol(), 1).await?;
        let mut told = Vec::new();
        for number in first..first + CHECKED {
            let mut question = Vec::new();
            self.of.ask(&mut question, clear[number % clear.len()]);
            let found = self.of.found(&lane.exchange(&question, 1).await?)?;
            told.push(found.iter().map(u128::to_string).collect::<Vec<_>>().join(" "));
        }
        Ok(Some(told.join(";")))
    }
}
