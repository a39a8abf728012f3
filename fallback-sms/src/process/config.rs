//! The configuration file of the text process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use ondol_engine::identity::is_sheltered;
use ondol_messages::Lang;
use reqwest::Url;
use serde::Deserialize;

use crate::clock::ClockConfig;
use crate::dialogue::Settings;
use crate::dialogue::budget::Limits;
use crate::reply::euc_kr_bytes;

/// The configuration, TOML. Paths are relative to the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Must be `text`.
    pub role: String,
    /// Name of this text node; part of its bookings' ids, so it never changes.
    pub name: String,
    /// Where `/healthz`, `/readyz` and `/metrics` are served.
    pub listen: SocketAddr,
    /// The SQLite file.
    pub store: PathBuf,
    /// The key that seals the store; made at the first start.
    pub key_file: PathBuf,
    /// The node token of role `text`.
    pub node_token_file: PathBuf,
    /// How often folders are looked at, in milliseconds on the wall.
    #[serde(default = "default_poll_ms")]
    pub poll_ms: u64,
    /// How long a node's answer is waited for, in simulated milliseconds.
    #[serde(default = "default_answer_within_ms")]
    pub answer_within_ms: u64,
    /// Simulated time.
    #[serde(default)]
    pub clock: ClockConfig,
    /// The nodes to work for, preferred first: the edge, then central.
    pub nodes: Vec<NodeConfig>,
    /// How texts come and go.
    pub carrier: CarrierConfig,
    /// Words and numbers of this depot.
    pub words: Words,
    /// How many texts may leave.
    #[serde(default)]
    pub budgets: Limits,
}

/// A node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Its name.
    pub name: String,
    /// Its base address; `http://` only on this machine.
    #[serde(deserialize_with = "url")]
    pub url: Url,
}

/// A carrier.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CarrierConfig {
    /// The spool folders of gammu-smsd.
    Gammu {
        /// The folder with `inbox`, `outbox`, `sent`, `error` and `quarantine`.
        spool: PathBuf,
    },
}

/// Words and numbers of a depot.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// The language of texts to those who have shown none.
    #[serde(default = "default_lang")]
    pub lang: Lang,
    /// Where people reach an operator; at most 13 characters.
    pub operator_phone: String,
    /// Where people reach the police and an ambulance; at most 8 characters.
    #[serde(default = "default_emergency")]
    pub emergency: String,
    /// Local time ahead of UTC, in minutes.
    #[serde(default = "default_utc_offset_min")]
    pub utc_offset_min: i32,
    /// Calling codes of the countries whose numbers are answered.
    #[serde(default = "default_countries")]
    pub countries: Vec<String>,
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    ///
    /// One sentence that names the key that is wrong.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("configuration {} cannot be read", path.display()))?;
        let mut config: Self =
            toml::from_str(&text).with_context(|| format!("configuration {} is wrong", path.display()))?;
        config.check().with_context(|| format!("configuration {} is wrong", path.display()))?;
        let base = path.parent().unwrap_or(Path::new("."));
        config.store = base.join(&config.store);
        config.key_file = base.join(&config.key_file);
        config.node_token_file = base.join(&config.node_token_file);
        match &mut config.carrier {
            CarrierConfig::Gammu { spool } => *spool = base.join(&*spool),
        }
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        let name_fine = (1..=32).contains(&self.name.len())
            && self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        ensure!(self.role == "text", "role must be \"text\" for this command");
        ensure!(name_fine, "name must be 1 to 32 of a-z, 0-9 and -");
        ensure!((10..=60_000).contains(&self.poll_ms), "poll_ms must be 10 to 60000");
        ensure!((100..=60_000).contains(&self.answer_within_ms), "answer_within_ms must be 100 to 60000");
        ensure!((1..=8).contains(&self.nodes.len()), "nodes must list 1 to 8 nodes");
        for (index, node) in self.nodes.iter().enumerate() {
            // The token and everything people write would be read on the way.
            ensure!(
                is_sheltered(node.url.as_str()),
                "nodes[{index}].url is neither https nor this machine: put TLS before that node"
            );
            let twin = self.nodes[..index].iter().any(|other| other.name == node.name);
            ensure!(!twin, "nodes[{index}].name stands twice");
        }
        let words = &self.words;
        let short = |text: &str, most: usize| !text.is_empty() && euc_kr_bytes(text) <= most;
        ensure!(short(&words.operator_phone, 13), "words.operator_phone must be 1 to 13 characters");
        ensure!(short(&words.emergency, 8), "words.emergency must be 1 to 8 characters");
        ensure!((-720..=840).contains(&words.utc_offset_min), "words.utc_offset_min must be -720 to 840");
        let code_fine = |code: &String| {
            code.strip_prefix('+').is_some_and(|digits| {
                (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
            })
        };
        ensure!(
            !words.countries.is_empty() && words.countries.iter().all(code_fine),
            "words.countries must list calling codes such as \"+82\""
        );
        Ok(())
    }
}

impl Words {
    /// The part that the dialogue needs.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            lang: self.lang,
            operator_phone: self.operator_phone.clone(),
            emergency: self.emergency.clone(),
            utc_offset_min: self.utc_offset_min,
        }
    }
}

fn url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text)
        .map_err(|error| serde::de::Error::custom(format!("url {text:?} is no address: {error}")))
}

fn default_poll_ms() -> u64 {
    250
}

fn default_answer_within_ms() -> u64 {
    3_000
}

fn default_lang() -> Lang {
    Lang::Ko
}

fn default_emergency() -> String {
    "112/119".to_owned()
}

fn default_utc_offset_min() -> i32 {
    540
}

fn default_countries() -> Vec<String> {
    vec!["+82".to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../sample.toml");

    fn load(text: &str) -> Result<Config, String> {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("text.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_wrong_configuration_names_its_key() {
        for (from, to, key) in [
            ("role = \"text\"", "role = \"edge\"", "role"),
            ("name = \"hanbuk-text\"", "name = \"Hanbuk Text\"", "name"),
            ("poll_ms = 250", "poll_ms = 1", "poll_ms"),
            ("poll_ms = 250", "poll = 250", "poll"),
            ("url = \"http://127.0.0.1:8081/\"", "url = \"ftp://127.0.0.1/\"", "nodes[0].url"),
            ("http://127.0.0.1:8081/", "http://edge.taxi.example/", "nodes[0].url"),
            ("http://127.0.0.1:8081/", "http://127.0.0.1.taxi.example/", "nodes[0].url"),
            ("http://127.0.0.1:8081/", "http://127.0.0.1@taxi.example/", "nodes[0].url"),
            ("https://central.taxi.example/", "http://10.0.0.1:7300/", "nodes[1].url"),
            ("name = \"central\"", "name = \"edge-hanbuk\"", "nodes[1].name"),
            ("operator_phone = \"02-123-4567\"", "operator_phone = \"02-123-4567-890123\"", "operator_phone"),
            ("countries = [\"+82\"]", "countries = [\"82\"]", "countries"),
            ("kind = \"gammu\"", "kind = \"pigeon\"", "pigeon"),
            ("listen = \"127.0.0.1:7401\"", "", "listen"),
        ] {
            assert!(SAMPLE.contains(from), "{from}");
            let error = load(&SAMPLE.replace(from, to)).unwrap_err();
            assert!(error.contains(key), "{to:?}: {error}");
        }
    }

    #[test]
    fn the_sample_is_right_and_its_paths_are_beside_it() {
        let config = load(SAMPLE).unwrap();
        assert!(config.store.is_absolute());
        assert_eq!(config.nodes.len(), 2);
        assert_eq!(config.budgets, Limits::default());
    }
}
