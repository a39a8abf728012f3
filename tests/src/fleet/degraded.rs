//! What is out of order in a town: districts that do not hear one another, and messages that are slow or get lost.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::csv::{BadFile, text};

/// Longest time in a file, in seconds.
const LONGEST_S: u32 = 864_000;

/// What is out of order; what a file does not name is in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Degraded {
    /// Districts dispatch apart from one another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// A rider for whom no taxi was found for so many seconds is lent to a neighbouring district; none is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lend_after_s: Option<u32>,
    /// How long messages take.
    #[serde(default)]
    pub delay_s: Delays,
    /// The share of messages that get lost, from 0 to 0.9.
    #[serde(default)]
    pub loss: f64,
    /// Seconds after which a message that was not answered is sent again.
    #[serde(default = "default_offer_timeout_s")]
    pub offer_timeout_s: u32,
    /// Chooses the districts, and how long each message takes.
    #[serde(default)]
    pub seed: u64,
}

/// Districts that dispatch apart, from one time to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// How many there are: nodes that lie together.
    pub cells: usize,
    /// From this second on.
    pub from_s: u32,
    /// Until before this second.
    pub to_s: u32,
}

/// The least and the longest time that messages take, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delays {
    /// From a rider to the dispatch.
    #[serde(default)]
    pub request: [u32; 2],
    /// From a driver to the dispatch.
    #[serde(default)]
    pub status: [u32; 2],
    /// From the dispatch to a driver.
    #[serde(default)]
    pub offer: [u32; 2],
}

/// Twice the longest time that a text takes in the files that come with a town.
const fn default_offer_timeout_s() -> u32 {
    120
}

impl Degraded {
    /// Reads a JSON file for a town of so many nodes.
    ///
    /// # Errors
    ///
    /// [`BadFile`] with what cannot be, and where.
    pub fn read(path: &Path, nodes: usize) -> Result<Self, BadFile> {
        let complaint = |line: usize, what: String| BadFile::Line { path: path.to_owned(), line, what };
        let degraded: Self =
            serde_json::from_str(&text(path)?).map_err(|error| complaint(error.line(), error.to_string()))?;
        match degraded.complaint(nodes) {
            Some(what) => Err(complaint(1, what)),
            None => Ok(degraded),
        }
    }

    /// What cannot be, and what is expected.
    fn complaint(&self, nodes: usize) -> Option<String> {
        let Delays { request, status, offer } = self.delay_s;
        let delays = [("request", request), ("status", status), ("offer", offer)];
        let bad = delays.iter().find(|(_, [least, longest])| least > longest || *longest > LONGEST_S);
        if let Some((name, [least, longest])) = bad {
            return Some(format!(
                "delay_s.{name} is [{least},{longest}]; expected [least,longest] in seconds, at most {LONGEST_S}"
            ));
        }
        if !(0.0..=0.9).contains(&self.loss) {
            return Some(format!("loss is {}; expected a share from 0 to 0.9", self.loss));
        }
        if !(1..=LONGEST_S).contains(&self.offer_timeout_s) {
            return Some(format!("offer_timeout_s is {}; expected 1 to {LONGEST_S}", self.offer_timeout_s));
        }
        if self.lend_after_s.is_some_and(|after_s| !(1..=LONGEST_S).contains(&after_s)) {
            return Some(format!("lend_after_s is out of range; expected 1 to {LONGEST_S}, or leave it out"));
        }
        let Partition { cells, from_s, to_s } = self.partition?;
        if cells == 0 || cells > nodes {
            return Some(format!("partition.cells is {cells}; expected 1 to the number of nodes, {nodes}"));
        }
        (from_s >= to_s).then(|| format!("the partition ends at {to_s} s, but begins at {from_s} s"))
    }
}
