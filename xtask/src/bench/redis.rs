//! Redis as a peer.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::kit::Kit;
use crate::postgres::free_port;
use crate::run::{LOOK_EVERY, Stop};
use crate::setup::{self, Need};
use crate::supervise::{Program, Supervisor};

/// How to get it.
pub(super) const REMEDY: &str = "apt-get install redis-server";
/// How long Redis may take until it listens.
const READY: Duration = Duration::from_secs(20);

/// Starts a server in its best case, for nothing is kept on a disk; it lives as long as what is returned with its address.
///
/// # Errors
///
/// If it cannot be installed or does not listen.
pub(super) fn start(kit: &Kit, name: &str) -> Result<(Supervisor, String)> {
    setup::ensure(&[Need::Redis])?;
    let port = free_port()?.to_string();
    let mut supervisor = Supervisor::new(&kit.dir.join(format!("{name}-redis")), Stop::default())?;
    let args = [
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--protected-mode",
        "no",
        "--save",
        "",
        "--appendonly",
        "no",
    ];
    supervisor.start(Program {
        name: "redis".to_owned(),
        path: "redis-server".into(),
        args: args.map(str::to_owned).to_vec(),
        env: Vec::new(),
        has_end: false,
    })?;
    let (address, begun) = (format!("127.0.0.1:{port}"), Instant::now());
    while TcpStream::connect(&address).is_err() {
        supervisor.check()?;
        ensure!(begun.elapsed() < READY, "redis-server does not listen");
        std::thread::sleep(LOOK_EVERY);
    }
    Ok((supervisor, address))
}
