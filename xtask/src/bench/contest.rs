//! One operation, done in turns by a peer and by us, and what came of it.
//!
//! ```text
//! round 1: peer, ours   round 2: peer, ours   …   ─▶ the median of the rounds' ratios, against the goal
//! ```
//!
//! What disturbs a shared machine for a while disturbs both sides of a round, so the ratio stays where the figures do not.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Microseconds,
    PerSecond,
    Mebibytes,
}

impl Unit {
    /// Returns how it is written behind a number.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Unit::Milliseconds => "ms",
            Unit::Microseconds => "µs",
            Unit::PerSecond => "/s",
            Unit::Mebibytes => "MiB",
        }
    }
}

/// What has to hold; a ratio is ours against the peer's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    /// For times.
    RatioAtMost(f64),
    /// For rates.
    RatioAtLeast(f64),
    /// For times and memory that nobody else is measured for.
    OursAtMost(f64),
}

/// What is aimed at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Goal {
    pub(super) bound: Bound,
    /// Whether missing it fails the command.
    pub(super) is_firm: bool,
    /// A further aim, in the measure of the bound.
    pub(super) stretch: Option<f64>,
}

impl Goal {
    /// A goal whose missing is told and no more.
    pub(super) const fn wished(bound: Bound) -> Goal {
        Goal { bound, is_firm: false, stretch: None }
    }

    /// A goal whose missing fails the command.
    pub(super) const fn firm(bound: Bound, stretch: Option<f64>) -> Goal {
        Goal { bound, is_firm: true, stretch }
    }
}

/// What one side did in one round.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Played {
    /// In the contest's unit.
    pub(super) figure: f64,
    /// What was found, where both must find the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) check: Option<String>,
    /// What else was seen, by name with unit.
    #[serde(flatten)]
    pub(super) beside: BTreeMap<String, f64>,
}

/// Plays one round, given its number from 0.
pub(super) type Side = Box<dyn FnMut(u32) -> Result<Played>>;

/// Why a side cannot play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Missing {
    pub(super) why: String,
    /// How to get it.
    pub(super) remedy: String,
}

/// Who else does the operation.
pub(super) enum Peer {
    /// Nobody is measured: the goal is one of ours alone.
    Nobody,
    Plays(Side),
    Missing(Missing),
}

impl Peer {
    /// A peer that was opened, or why it could not be and how to get it.
    pub(super) fn of(opened: Result<Side>, remedy: &str) -> Peer {
        match opened {
            Ok(side) => Peer::Plays(side),
            Err(error) => Peer::Missing(Missing { why: format!("{error:#}"), remedy: remedy.to_owned() }),
        }
    }
}

/// An operation with the two that do it.
pub(super) struct Contest {
    /// What `--only` names.
    pub(super) row: &'static str,
    /// What is done, in the table.
    pub(super) what: String,
    /// Who else does it, in the table.
    pub(super) peer_name: &'static str,
    pub(super) unit: Unit,
    pub(super) goal: Goal,
    /// Whether figures depend on how fast the disk makes a write durable.
    pub(super) is_durable: bool,
    pub(super) peer: Peer,
    pub(super) ours: Result<Side, Missing>,
}

/// One round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Round {
    pub(super) theirs: Option<Played>,
    pub(super) ours: Played,
    /// Writes of 4 KiB that the disk made durable in a second, just before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fdatasync_per_s: Option<f64>,
}

impl Round {
    fn ratio(&self) -> Option<f64> {
        self.theirs.as_ref().map(|theirs| self.ours.figure / theirs.figure)
    }

    /// Whether both found the same, where they must.
    fn agrees(&self) -> bool {
        self.theirs.as_ref().is_none_or(|theirs| theirs.check == self.ours.check)
    }
}

/// What came of a contest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// The further aim as well.
    MetStretch,
    Met,
    Missed,
    /// There is a figure of ours and none to hold against it.
    PeerMissing,
    /// The two found different things: no figure of theirs counts.
    Differs,
    /// There is no figure of ours.
    NotMeasured,
}

/// A contest that was played.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) row: &'static str,
    pub(super) what: String,
    pub(super) peer_name: &'static str,
    pub(super) unit: Unit,
    pub(super) goal: Goal,
    pub(super) rounds: Vec<Round>,
    /// Why the peer or we did not play.
    pub(super) missing: Option<Missing>,
    pub(super) verdict: Verdict,
}

impl Outcome {
    /// Returns the middle of our figures.
    pub(super) fn ours(&self) -> Option<f64> {
        median(self.rounds.iter().map(|round| round.ours.figure))
    }

    /// Returns the middle of the peer's figures.
    pub(super) fn theirs(&self) -> Option<f64> {
        median(self.rounds.iter().filter_map(|round| Some(round.theirs.as_ref()?.figure)))
    }

    /// Returns the middle of the rounds' ratios, which is not the ratio of the middles.
    pub(super) fn ratio(&self) -> Option<f64> {
        median(self.rounds.iter().filter_map(Round::ratio))
    }

    /// Returns the middle of the disk's rates.
    pub(super) fn fdatasync_per_s(&self) -> Option<f64> {
        median(self.rounds.iter().filter_map(|round| round.fdatasync_per_s))
    }

    /// Returns the middle of what else was seen on our side, by name.
    pub(super) fn beside(&self) -> BTreeMap<&str, f64> {
        let names = self.rounds.iter().flat_map(|round| round.ours.beside.keys());
        names
            .filter_map(|name| {
                let seen = self.rounds.iter().filter_map(|round| round.ours.beside.get(name).copied());
                Some((name.as_str(), median(seen)?))
            })
            .collect()
    }

    /// Tells whether the command fails because of it.
    pub(super) fn is_failure(&self) -> bool {
        match self.verdict {
            Verdict::MetStretch | Verdict::Met | Verdict::PeerMissing | Verdict::NotMeasured => false,
            Verdict::Missed => self.goal.is_firm,
            Verdict::Differs => true,
        }
    }
}

/// Plays `rounds` rounds in turns. A peer that fails on the way is missing from then on; if we fail, there is no figure.
///
/// `disk` measures the disk where it matters.
pub(super) fn play(mut contest: Contest, rounds: u32, mut disk: impl FnMut() -> Result<f64>) -> Outcome {
    let mut played = Vec::new();
    let mut missing = None;
    match &mut contest.ours {
        Err(why) => missing = Some(why.clone()),
        Ok(ours) => {
            for number in 0..rounds {
                let round = one(number, &mut contest.peer, ours, contest.is_durable.then_some(&mut disk));
                match round {
                    Ok(round) => played.push(round),
                    Err(error) => {
                        played.clear();
                        missing = Some(Missing {
                            why: format!("{error:#}"),
                            remedy: "run it alone with --only".into(),
                        });
                        break;
                    }
                }
            }
        }
    }
    if let Peer::Missing(why) = &contest.peer
        && missing.is_none()
    {
        missing = Some(why.clone());
        played.iter_mut().for_each(|round| round.theirs = None); // rounds before it failed would be others than ours
    }
    let Contest { row, what, peer_name, unit, goal, .. } = contest;
    let mut outcome =
        Outcome { row, what, peer_name, unit, goal, rounds: played, missing, verdict: Verdict::NotMeasured };
    outcome.verdict = judge(&outcome);
    outcome
}

fn one(
    number: u32,
    peer: &mut Peer,
    ours: &mut Side,
    disk: Option<&mut impl FnMut() -> Result<f64>>,
) -> Result<Round> {
    let fdatasync_per_s = disk.map(|measure| measure()).transpose()?;
    let theirs = match peer {
        Peer::Plays(side) => match side(number).and_then(sane) {
            Ok(played) => Some(played),
            Err(error) => {
                let why = format!("it failed in round {}: {error:#}", number + 1);
                *peer = Peer::Missing(Missing { why, remedy: "run it alone with --only".into() });
                None
            }
        },
        Peer::Nobody | Peer::Missing(_) => None,
    };
    Ok(Round { theirs, ours: ours(number).and_then(sane)?, fdatasync_per_s })
}

/// Refuses a figure with which nothing can be compared.
fn sane(played: Played) -> Result<Played> {
    if played.figure.is_finite() && played.figure > 0.0 {
        Ok(played)
    } else {
        bail!("{} is no figure", played.figure)
    }
}

fn judge(outcome: &Outcome) -> Verdict {
    let Some(ours) = outcome.ours() else { return Verdict::NotMeasured };
    if !outcome.rounds.iter().all(Round::agrees) {
        return Verdict::Differs;
    }
    let Goal { bound, stretch, .. } = outcome.goal;
    let (seen, limit, is_upper) = match bound {
        Bound::RatioAtMost(limit) => (outcome.ratio(), limit, true),
        Bound::RatioAtLeast(limit) => (outcome.ratio(), limit, false),
        Bound::OursAtMost(limit) => (Some(ours), limit, true),
    };
    let Some(seen) = seen else { return Verdict::PeerMissing };
    let holds = |limit: f64| if is_upper { seen <= limit } else { seen >= limit };
    match (holds(limit), stretch) {
        (true, Some(further)) if holds(further) => Verdict::MetStretch,
        (true, _) => Verdict::Met,
        (false, _) => Verdict::Missed,
    }
}

/// Returns the middle value; of an even number the mean of the two in the middle.
pub(super) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied()?;
    Some(if values.len() % 2 == 1 { upper } else { f64::midpoint(values[values.len() / 2 - 1], upper) })
}

#[cfg(test)]
mod tests;
