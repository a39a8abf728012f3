//! `ondol node roster`: drivers, stands and operators' accounts from a file.

use std::path::Path;

use anyhow::{Context as _, bail};
use ondol_engine::clock::{Clock as _, RealClock};
use ondol_engine::config::{Config, RoleName};
use ondol_engine::control::{Order, send_order};
use ondol_engine::roster::{Entered, ListedStand, RosterFile, enter_stands};
use ondol_roads::RoadMap;

use super::issuer;
use crate::served::{self, Served};
use crate::{output, serve};

/// Largest roster file, in bytes.
const ROSTER_MAX: u64 = 64 << 20;
/// Drivers or stands in one order: a row has at most 1 KiB.
const PART_ROWS: usize = 40;
/// Accounts in one order: hashing a password is slow on purpose.
const PART_ACCOUNTS: usize = 10;

pub(super) async fn run(file: &Path, roster_file: &Path, json: bool) -> anyhow::Result<()> {
    let roster = read(roster_file)?;
    let config = Config::read(file)?;
    let is_central = config.node.role != RoleName::Edge;
    if !is_central && !roster.drivers.is_empty() {
        bail!("drivers are listed at central and reach this edge from there; give this edge operators only");
    }
    let named = || roster_file.display().to_string();
    let entered = match served::look(&config).await.with_context(|| file.display().to_string())? {
        Served::ByNode => tell(file, roster).await.with_context(named)?,
        Served::ByNobody => enter(file, &roster).await.with_context(named)?,
    };
    if json {
        return output::json(&entered);
    }
    let Entered { drivers, stands, operators } = entered;
    output::line(&format!("{drivers} drivers, {stands} stands and {operators} operators are new or changed"))
}

/// Enters the roster into the store of a node that does not run.
async fn enter(config: &Path, roster: &RosterFile) -> anyhow::Result<Entered> {
    let station = serve::start(config).await?;
    let handle = &station.running.handle;
    let mut entered = Entered::default();
    if station.config.node.role != RoleName::Edge
        && let Some(map) = &station.map
    {
        add(&mut entered, Entered { stands: enter_stands(handle, stands(map)).await?, ..Entered::default() });
    }
    let secret_key = station.secrets.derive("driver-secret");
    add(&mut entered, roster.enter(handle, &station.identity, &secret_key).await?);
    handle.shut_down().await;
    station.running.task.await.context("the loop ended unexpectedly")??;
    Ok(entered)
}

/// Has the node that runs enter the roster, a few rows with each order. What was entered before a row that the node
/// refuses stays; the same file may be handed in again.
async fn tell(file: &Path, roster: RosterFile) -> anyhow::Result<Entered> {
    let (config, issuer, _) = issuer(file)?;
    let clock = RealClock::new(&config.clock);
    let mut entered = Entered::default();
    let mut orders = parts(roster);
    if config.node.role != RoleName::Edge
        && let Some(dir) = &config.map.dir
    {
        let stands = stands(&RoadMap::load(dir).context("map.dir")?);
        orders.extend(stands.chunks(PART_ROWS).map(|stands| Order::Stands { stands: stands.to_vec() }));
    }
    for order in orders {
        let now = clock.now().utc;
        let done = send_order(&order, config.listen.address, &issuer, config.clock.speed, now).await?;
        let Some(part) = done.entered else {
            bail!(
                "the node does not say what it entered; is it of another release? Hand the same file in again"
            );
        };
        add(&mut entered, part);
    }
    Ok(entered)
}

/// Cuts a roster into orders that a node takes in one body and answers in a few seconds.
fn parts(roster: RosterFile) -> Vec<Order> {
    let RosterFile { drivers, operators } = roster;
    let drivers = drivers.chunks(PART_ROWS).enumerate().map(|(n, drivers)| Order::Roster {
        first: n * PART_ROWS,
        roster: RosterFile { drivers: drivers.to_vec(), operators: Vec::new() },
    });
    let operators = operators.chunks(PART_ACCOUNTS).enumerate().map(|(n, operators)| Order::Roster {
        first: n * PART_ACCOUNTS,
        roster: RosterFile { drivers: Vec::new(), operators: operators.to_vec() },
    });
    drivers.chain(operators).collect()
}

fn add(sum: &mut Entered, entered: Entered) {
    sum.drivers += entered.drivers;
    sum.stands += entered.stands;
    sum.operators += entered.operators;
}

fn read(file: &Path) -> anyhow::Result<RosterFile> {
    let name = || format!("cannot read the roster {}", file.display());
    let length = std::fs::metadata(file).with_context(name)?.len();
    if length > ROSTER_MAX {
        bail!("{}: larger than {ROSTER_MAX} bytes; split it", file.display());
    }
    let bytes = std::fs::read(file).with_context(name)?;
    RosterFile::from_json(&bytes).with_context(|| file.display().to_string())
}

/// The map's stands, each in its district; those in no district are nobody's.
fn stands(map: &RoadMap) -> Vec<ListedStand> {
    let Some(districts) = map.districts() else { return Vec::new() };
    map.stands()
        .into_iter()
        .filter_map(|stand| {
            let (district, _) = districts.locate(stand.position)?;
            Some(ListedStand {
                stand: stand.code,
                name_en: stand.name_en.unwrap_or_else(|| stand.name.clone()),
                name_ko: stand.name,
                position: stand.position,
                district,
            })
        })
        .collect()
}
