//! Drivers' positions as Redis keeps them: one sorted set of places, an entry a driver.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::lane::{Lane, Protocol};
use crate::{Caller, Crowd};

/// A box of 22 km: degrees of latitude and longitude.
const LAT: std::ops::Range<f64> = 37.45..37.65;
const LON: std::ops::Range<f64> = 126.87..127.12;

pub(crate) struct Redis {
    to: SocketAddr,
    drivers: u32,
    connections: u8,
    batch: usize,
}

impl Redis {
    pub(crate) fn open(address: &str, drivers: u32, connections: u8, batch: usize) -> Result<Self> {
        Ok(Self { to: address.parse()?, drivers, connections, batch })
    }
}

impl Crowd for Redis {
    async fn callers(&mut self, seed: u64) -> Result<Vec<Caller>> {
        let mut callers = Vec::new();
        for number in 1..=self.connections {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(u64::from(number));
            let drivers = self.drivers;
            let ask = move |out: &mut Vec<u8>| {
                let (lat, lon) = (rng.random_range(LAT), rng.random_range(LON));
                let driver = rng.random_range(0..drivers);
                command(
                    out,
                    &[
                        "GEOADD",
                        "drivers",
                        &format!("{lon:.6}"),
                        &format!("{lat:.6}"),
                        &format!("d:{driver}"),
                    ],
                );
            };
            let lane = Lane::open(self.to, Protocol::Redis, number).await?;
            callers.push(Caller {
                lanes: vec![lane],
                ask: Box::new(ask),
                at_once: self.batch,
                worth: 1,
                apart: Duration::ZERO,
            });
        }
        Ok(callers)
    }
}

/// Writes a command.
pub(crate) fn command(out: &mut Vec<u8>, words: &[&str]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}
