//! What a run left behind: what clients wrote down, and every store's journal.
//!
//! ```text
//! RUN/load.toml                the city's configuration
//! RUN/load/*.jsonl             what clients wrote down (`record` of the configuration)
//! RUN/journals/NODE.jsonl      every entry of the node's store, one a line, as `ondol journal export` prints them
//! RUN/events.jsonl             what was done to the system: {"event":"central_killed","sim_ms":…,"harmed":["central"]};
//!                              events are central_killed and central_back; for all else harm, or clock_wrong, and then healed
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use ondol_core::board::Board;
use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::journal::Entry;
use ondol_core::units::UtcMs;
use serde::Deserialize;

use crate::city::config::CityConfig;
use crate::city::record::{self, DriverLine, RiderLine, TextLine, WatchLine};

/// Longest line of an exported journal, in bytes.
const LINE_MAX: usize = 256 << 10;

/// Everything that a run left behind.
#[derive(Debug, Default)]
pub struct Evidence {
    /// What riders wrote down.
    pub riders: Vec<RiderLine>,
    /// What drivers wrote down.
    pub drivers: Vec<DriverLine>,
    /// Texts.
    pub texts: Vec<TextLine>,
    /// Stores, by node.
    pub stores: BTreeMap<NodeId, Store>,
    /// When the city woke up.
    pub begun_at: Option<UtcMs>,
    /// When central was killed and when it was back; both absent in a run without an outage.
    pub away: Option<Away>,
    /// When else processes or their links were harmed.
    pub harms: Vec<Harm>,
}

/// How long processes, or the links between them, were harmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Harm {
    /// Which.
    pub nodes: Vec<String>,
    /// When.
    pub time: Away,
    /// Their civil clocks jumped: times that they wrote in that span may be wrong.
    pub is_clock_wrong: bool,
}

/// How long something was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// Since.
    pub from: UtcMs,
    /// Until; absent if it never came back.
    pub until: Option<UtcMs>,
}

impl Away {
    /// True if `at` lies in it.
    #[must_use]
    pub fn holds(&self, at: UtcMs) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// One node's store.
#[derive(Debug, Default)]
pub struct Store {
    /// Its entries, as it holds them.
    pub entries: Vec<Entry>,
    /// What they say.
    pub board: Board,
    /// What is wrong with them.
    pub troubles: Vec<String>,
}

/// What was done to the system.
#[derive(Debug, Clone, Deserialize)]
struct EventLine {
    event: String,
    /// Simulated UTC.
    sim_ms: UtcMs,
    #[serde(default)]
    harmed: Vec<String>,
}

impl Evidence {
    /// Reads what the run in `dir` left behind.
    ///
    /// # Errors
    ///
    /// If a file is there and cannot be read, or riders or drivers wrote nothing down.
    pub fn read(dir: &Path, config: &CityConfig) -> Result<Self> {
        let of = |name: &str| config.record.join(name);
        let riders: Vec<RiderLine> = record::read(&of("riders.jsonl"))?;
        let drivers: Vec<DriverLine> = record::read(&of("drivers.jsonl"))?;
        ensure!(
            !riders.is_empty() && (config.crash.is_some() || !drivers.is_empty()),
            "{}: nobody wrote anything down",
            config.record.display()
        );
        let watch: Vec<WatchLine> = record::read(&of("watch.jsonl"))?;
        let events: Vec<EventLine> = record::read(&dir.join("events.jsonl"))?;
        let mut stores = BTreeMap::new();
        let journals = dir.join("journals");
        if journals.is_dir() {
            for file in std::fs::read_dir(&journals)? {
                let file = file?.path();
                let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
                let node = NodeId::new(name).with_context(|| format!("{} names no node", file.display()))?;
                stores.insert(node, Store::read(&file)?);
            }
        }
        Ok(Self {
            begun_at: watch.first().map(|line| line.at),
            away: away_by_events(&events).or_else(|| away_by_watch(&watch)),
            harms: harms(&events),
            texts: record::read(&of("texts.jsonl"))?,
            riders,
            drivers,
            stores,
        })
    }

    /// Central's store.
    #[must_use]
    pub fn central(&self) -> Option<&Store> {
        self.stores.iter().find(|(node, _)| node.as_str() == "central").map(|(_, store)| store)
    }

    /// Everything that any store holds, together.
    #[must_use]
    pub fn union(&self) -> Board {
        let mut union = Board::default();
        for store in self.stores.values() {
            for entry in &store.entries {
                // What breaks a chain is told by its own store; here the rest counts.
                let _applied = union.apply(entry);
            }
        }
        union
    }
}

impl Store {
    /// Reads an exported journal.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or a line is no entry.
    pub fn read(file: &Path) -> Result<Self> {
        let name = || file.display().to_string();
        let mut reader = BufReader::new(File::open(file).with_context(name)?);
        let mut entries = Vec::new();
        let mut line = String::new();
        while reader.read_line(&mut line).with_context(name)? > 0 {
            let number = entries.len() + 1;
            ensure!(line.len() <= LINE_MAX, "{} line {number}: longer than {LINE_MAX} bytes", name());
            let entry = serde_json::from_str(&line).with_context(|| format!("{} line {number}", name()))?;
            entries.push(entry);
            line.clear();
        }
        Ok(Self::of(entries))
    }

    /// Takes entries that are read already.
    #[must_use]
    pub fn of(entries: Vec<Entry>) -> Self {
        let mut board = Board::default();
        let mut troubles = Vec::new();
        for entry in &entries {
            if let Err(error) = board.apply(entry) {
                troubles.push(error.to_string());
            }
        }
        Self { entries, board, troubles }
    }

    /// Districts that the store knows.
    pub fn districts(&self) -> impl Iterator<Item = &DistrictId> {
        self.board.districts().map(|(district, _)| district)
    }
}

fn away_by_events(events: &[EventLine]) -> Option<Away> {
    let at = |name: &str| events.iter().find(|line| line.event == name).map(|line| line.sim_ms);
    at("central_killed").map(|from| Away { from, until: at("central_back") })
}

/// Each harm with the next `healed` of the same processes.
fn harms(events: &[EventLine]) -> Vec<Harm> {
    let begun = events.iter().enumerate().filter(|(_, line)| ["harm", "clock_wrong"].contains(&&*line.event));
    let harms = begun.map(|(n, begin)| {
        let healed = events[n..].iter().find(|line| line.event == "healed" && line.harmed == begin.harmed);
        let time = Away { from: begin.sim_ms, until: healed.map(|line| line.sim_ms) };
        Harm { nodes: begin.harmed.clone(), time, is_clock_wrong: begin.event == "clock_wrong" }
    });
    harms.collect()
}

/// Without events: what a bystander saw, once central had answered at all. A moment's silence is no outage.
fn away_by_watch(watch: &[WatchLine]) -> Option<Away> {
    const MOMENT_MS: i64 = 60_000;
    let first = watch.iter().position(|line| line.central_answers)?;
    let silences = watch[first..].iter().enumerate().filter(|(_, line)| !line.central_answers);
    let silences = silences.map(|(n, line)| {
        let until = watch[first + n + 1..].iter().find(|line| line.central_answers).map(|line| line.at);
        Away { from: line.at, until }
    });
    silences.into_iter().find(|away| away.until.is_none_or(|until| until.since_ms(away.from) > MOMENT_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harm_lasts_until_the_same_processes_are_healed() {
        let lines = r#"[
            {"event": "harm", "sim_ms": 1, "harmed": ["edge-a"]},
            {"event": "central_killed", "sim_ms": 2, "harmed": ["central"]},
            {"event": "clock_wrong", "sim_ms": 3, "harmed": ["central", "edge-b"]},
            {"event": "healed", "sim_ms": 4, "harmed": ["edge-a"]},
            {"event": "harm", "sim_ms": 5, "harmed": ["edge-a"]}
        ]"#;
        let harm = |node: &[&str], from, until: Option<i64>, is_clock_wrong| Harm {
            nodes: node.iter().map(ToString::to_string).collect(),
            time: Away { from: UtcMs(from), until: until.map(UtcMs) },
            is_clock_wrong,
        };
        let lines: Vec<EventLine> = serde_json::from_str(lines).unwrap();
        assert_eq!(
            harms(&lines),
            [
                harm(&["edge-a"], 1, Some(4), false),
                harm(&["central", "edge-b"], 3, None, true),
                harm(&["edge-a"], 5, None, false)
            ]
        );
    }
}
