//! `ondol node`: keys, enrolment, accounts and the roster of one node.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::units::UtcMs;
use ondol_engine::clock::{Clock as _, RealClock};
use ondol_engine::config::{Config, RoleName};
use ondol_engine::identity::{Issuer, SigningKey, TEXT_LIFE_MS, enrol_token, text_token};
use ondol_engine::peer::enrol_at;
use ondol_engine::roster::{Entered, ListedStand, RosterFile, enter_stands};
use ondol_engine::store::Store;
use ondol_engine::vault::Secrets;
use ondol_roads::RoadMap;

use crate::{output, serve};
use orders::OrderCommand;

mod orders;

/// Largest roster file, in bytes.
const ROSTER_MAX: u64 = 64 << 20;

#[derive(Subcommand)]
pub(crate) enum NodeCommand {
    /// Make the key file that central and its edges share.
    Master {
        /// The file to write.
        #[arg(long)]
        key: PathBuf,
    },
    /// Make or read a node's signing key, and print its public half.
    Enrol {
        /// The key file.
        #[arg(long)]
        key: PathBuf,
    },
    /// Print a single-use token with which a new edge is admitted within 15 minutes.
    Token {
        /// Central's configuration.
        #[arg(long)]
        config: PathBuf,
        /// The new edge's name.
        #[arg(long)]
        node: NodeId,
        /// Its district.
        #[arg(long)]
        district: DistrictId,
    },
    /// Enter drivers, stands and operators' accounts from a file; while the node is stopped.
    Roster {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
        /// The roster file (JSON).
        file: PathBuf,
        /// Print the counts as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Have this edge's key trusted by central, with the token that central's staff printed for it.
    Join {
        /// The edge's configuration.
        #[arg(long)]
        config: PathBuf,
        /// The token.
        #[arg(long)]
        token: String,
    },
    /// Tell the running node: bar a driver, erase a person, distrust a stolen edge, and the like.
    #[command(flatten)]
    Order(OrderCommand),
    /// Print a token for the text process beside this node, good for 30 days.
    TextToken {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
    },
}

pub(crate) async fn run(command: &NodeCommand) -> anyhow::Result<()> {
    match command {
        NodeCommand::Master { key } => {
            Secrets::generate().write_new(key)?;
            output::line(&format!(
                "{}: made; copy it to every node of this platform, and to nobody else",
                key.display()
            ))
        }
        NodeCommand::Enrol { key } => output::line(&SigningKey::load_or_create(key)?.public().to_string()),
        NodeCommand::Token { config, node, district } => {
            let (config, issuer, now) = issuer(config)?;
            if config.node.role == RoleName::Edge {
                bail!("only central admits nodes: give central's configuration");
            }
            output::line(&enrol_token(&issuer, node, district, now))
        }
        NodeCommand::Roster { config, file, json } => roster(config, file, *json).await,
        NodeCommand::Join { config, token } => join(config, token).await,
        NodeCommand::Order(command) => orders::run(command).await,
        NodeCommand::TextToken { config } => {
            let (config, issuer, now) = issuer(config)?;
            let districts = config.districts.iter().map(|district| district.id.clone()).collect();
            output::line(&text_token(&issuer, districts, TEXT_LIFE_MS, now))
        }
    }
}

/// A node's key and the present by its clock; its store is not touched, so that it may go on running.
fn issuer(file: &Path) -> anyhow::Result<(Config, Issuer, UtcMs)> {
    let config = Config::read(file)?;
    let key = SigningKey::load(&config.keys.node).context("keys.node")?;
    let issuer = Issuer::new(config.node.id.clone(), key);
    let now = RealClock::new(&config.clock).now().utc;
    Ok((config, issuer, now))
}

async fn join(file: &Path, token: &str) -> anyhow::Result<()> {
    let config = Config::read(file)?;
    let key = SigningKey::load(&config.keys.node).context("keys.node")?;
    let central = config.node.central.as_ref().context("node.central: central itself joins nobody")?;
    let peer =
        config.peers.iter().find(|peer| peer.id == *central).context("peers: central is not listed")?;
    let answered = enrol_at(&peer.url, token, &key).await?;
    if answered.public.to_string() != peer.public_key {
        bail!(
            "central answers with the key {}, and peers lists another: put this one there",
            answered.public
        );
    }
    output::line(&format!("{central} trusts the key of {}; start it", config.node.id))
}

/// Wall time after which a node that said nothing does not run.
const SILENT_MS: f64 = 5_000.0;

/// A second process would end the one that serves the store.
async fn refuse_while_served(config: &Config) -> anyhow::Result<()> {
    let clock = RealClock::new(&config.clock);
    // A store that is not there yet is served by nobody.
    let Ok(store) = Store::open_to_read(&config.store.url).await else { return Ok(()) };
    let Ok(Some(served_at)) = store.served_at().await else { return Ok(()) };
    #[allow(clippy::cast_possible_truncation, reason = "a clock runs at most a thousand times faster")]
    let fresh_ms = (SILENT_MS * clock.speed()) as i64;
    if clock.now().utc.since_ms(served_at) <= fresh_ms {
        bail!(
            "node {} is running: stop it first, or use `ondol node bar`, `admit` and `erase`",
            config.node.id
        );
    }
    Ok(())
}

async fn roster(config: &Path, file: &Path, json: bool) -> anyhow::Result<()> {
    let roster = read(file)?;
    refuse_while_served(&Config::read(config)?).await?;
    let station = serve::start(config).await?;
    let handle = &station.running.handle;
    let is_central = station.config.node.role != RoleName::Edge;
    if !is_central && !roster.drivers.is_empty() {
        bail!("drivers are listed at central and reach this edge from there; give this edge operators only");
    }
    let mut entered = Entered::default();
    if is_central && let Some(map) = &station.map {
        entered.stands = enter_stands(handle, stands(map)).await?;
    }
    let secret_key = station.secrets.derive("driver-secret");
    let rest = roster.enter(handle, &station.identity, &secret_key).await?;
    entered.drivers = rest.drivers;
    entered.operators = rest.operators;
    handle.shut_down().await;
    station.running.task.await.context("the loop ended unexpectedly")??;
    if json {
        return output::json(&entered);
    }
    let Entered { drivers, stands, operators } = entered;
    output::line(&format!("{drivers} drivers, {stands} stands and {operators} operators are new or changed"))
}

fn read(file: &Path) -> anyhow::Result<RosterFile> {
    let name = || file.display().to_string();
    let length = std::fs::metadata(file).with_context(name)?.len();
    if length > ROSTER_MAX {
        bail!("{}: larger than {ROSTER_MAX} bytes; split it", name());
    }
    let bytes = std::fs::read(file).with_context(name)?;
    serde_json::from_slice(&bytes).with_context(name)
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
