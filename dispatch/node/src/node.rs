//! `ondol node`: keys, enrolment, accounts and the roster of one node.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::units::UtcMs;
use ondol_engine::clock::{Clock as _, RealClock};
use ondol_engine::config::{Config, RoleName};
use ondol_engine::identity::{Issuer, SigningKey, TEXT_LIFE_MS, enrol_token, text_token, token_id};
use ondol_engine::peer::enrol_at;
use ondol_engine::vault::Secrets;

use crate::{output, secret};
use orders::OrderCommand;

mod orders;
mod roster;

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
    /// Add and change drivers, stands and operators' accounts from a file, whether the node runs or not.
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
        /// A file with the token; `-` reads standard input.
        #[arg(long)]
        token_file: PathBuf,
    },
    /// Tell the running node: bar a driver, erase a person, distrust a stolen edge, and the like.
    #[command(flatten)]
    Order(OrderCommand),
    /// Print a token for the text process beside this node, good for 30 days.
    TextToken {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
        /// A district that it may speak for, once for each; all of the node's if absent.
        #[arg(long)]
        district: Vec<DistrictId>,
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
            check_edge(&config, node, district)?;
            output::line(&enrol_token(&issuer, node, district, now))
        }
        NodeCommand::Roster { config, file, json } => roster::run(config, file, *json).await,
        NodeCommand::Join { config, token_file } => join(config, &secret::read(token_file)?).await,
        NodeCommand::Order(command) => orders::run(command).await,
        NodeCommand::TextToken { config, district } => {
            let (config, issuer, now) = issuer(config)?;
            let token = text_token(&issuer, districts(&config, district)?, TEXT_LIFE_MS, now);
            output::line(&token)?;
            let id = token_id(&token).context("we read our own token")?;
            output::remark(&format!(
                "its id, for `ondol node revoke --token-id`, also once it was renewed: {id}"
            ))
        }
    }
}

/// A token for a district that central does not serve, or for another edge than the configured one, helps nobody.
fn check_edge(config: &Config, node: &NodeId, district: &DistrictId) -> anyhow::Result<()> {
    districts(config, std::slice::from_ref(district))?;
    let edge =
        config.districts.iter().find(|known| known.id == *district).and_then(|known| known.edge.as_ref());
    match edge {
        Some(edge) if edge == node => Ok(()),
        Some(edge) => bail!("--node: the edge of {district} is {edge} by the configuration, not {node}"),
        None => bail!(
            "--district: {district} has no edge in the configuration: add edge = \"{node}\" there first"
        ),
    }
}

/// The districts that were asked for, each one of the node's; all of them if none was.
fn districts(config: &Config, wanted: &[DistrictId]) -> anyhow::Result<Vec<DistrictId>> {
    let own: Vec<DistrictId> = config.districts.iter().map(|district| district.id.clone()).collect();
    if let Some(unknown) = wanted.iter().find(|district| !own.contains(district)) {
        let names: Vec<&str> = own.iter().map(DistrictId::as_str).collect();
        bail!("--district: {} serves no district {unknown}; it serves {}", config.node.id, names.join(", "));
    }
    Ok(if wanted.is_empty() { own } else { wanted.to_vec() })
}

/// A node's key and the present by its clock; its store is not touched, so that it may go on running.
pub(crate) fn issuer(file: &Path) -> anyhow::Result<(Config, Issuer, UtcMs)> {
    let config = Config::read(file)?;
    let key = SigningKey::load(&config.keys.node)
        .context("keys.node")
        .with_context(|| file.display().to_string())?;
    let issuer = Issuer::new(config.node.id.clone(), key);
    let now = RealClock::new(&config.clock).now().utc;
    Ok((config, issuer, now))
}

async fn join(file: &Path, token: &str) -> anyhow::Result<()> {
    let (config, issuer, _) = issuer(file)?;
    let central = config.node.central.as_ref().context("node.central: central itself joins nobody")?;
    let peer =
        config.peers.iter().find(|peer| peer.id == *central).context("peers: central is not listed")?;
    let answered = enrol_at(&peer.url, token, issuer.key()).await?;
    if answered.public.to_string() != peer.public_key {
        bail!(
            "central answers with the key {}, and peers lists another: put this one there",
            answered.public
        );
    }
    output::line(&format!("{central} trusts the key of {}; start it", config.node.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_for_districts_and_edges_of_the_configuration() {
        let config: Config = include_str!("../sample-central.toml").parse().unwrap();
        let check = |node: &str, district: &str| {
            check_edge(&config, &node.parse().unwrap(), &district.parse().unwrap()).map_err(|e| e.to_string())
        };
        assert_eq!(check("edge-hanbuk", "hanbuk"), Ok(()));
        let unknown = check("edge-hanbuk", "nowhere").unwrap_err();
        assert!(unknown.contains("no district nowhere") && unknown.contains("hanbuk, hannam"), "{unknown}");
        assert!(check("edge-hanbuk", "hannam").unwrap_err().contains("edge-hannam"));
        let hannam: DistrictId = "hannam".parse().unwrap();
        assert_eq!(districts(&config, std::slice::from_ref(&hannam)).unwrap(), [hannam]);
        assert_eq!(districts(&config, &[]).unwrap().len(), 2);
    }
}
