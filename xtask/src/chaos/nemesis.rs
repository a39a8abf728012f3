//! What goes wrong in a run, and when: drawn from its seed before anything starts.
//!
//! ```text
//! minute 0      3            8                14           17         20
//!        calm   small fault  central is away  small fault  calm, end
//!                            and a small fault in its middle
//! ```
//!
//! One outage a run, so that takeover and heal can be measured; every kind of fault comes in turn, so that twenty runs
//! hold each several times.

use std::fmt;

use crate::chance::Chance;

/// How long a run is, in simulated minutes.
pub(crate) const MINUTES: u32 = 22;

/// How central is put away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outage {
    /// Central and its PostgreSQL are killed (kill -9).
    Killed,
    /// Its PostgreSQL alone is killed.
    DatabaseKilled,
    /// Its PostgreSQL is stopped (SIGSTOP) and goes on later as if nothing had happened.
    DatabasePaused,
    /// Central is stopped (SIGSTOP) and goes on later as if nothing had happened.
    Paused,
    /// Connections to and from it open, and nothing passes.
    HalfOpen,
    /// Connections to and from it are refused.
    Refused,
    /// It hears everybody, and nobody hears it.
    Mute,
}

impl Outage {
    pub(crate) const ALL: [Outage; 7] = [
        Outage::Killed,
        Outage::Mute,
        Outage::DatabasePaused,
        Outage::HalfOpen,
        Outage::Paused,
        Outage::DatabaseKilled,
        Outage::Refused,
    ];
}

/// A smaller fault; edges are named by their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Small {
    /// An edge is killed (kill -9) and started again.
    EdgeKilled,
    /// An edge is stopped (SIGSTOP) and goes on.
    EdgePaused,
    /// An edge's disk takes nothing more: every write past the start of a file fails.
    EdgeDiskFull,
    /// An edge is put back to a copy of its store that is a minute old.
    EdgeRestored,
    /// An edge's civil clock jumps ahead or back.
    EdgeClock,
    /// Central's civil clock jumps ahead or back.
    CentralClock,
    /// Central is killed (kill -9) and started at once.
    CentralKilled,
    /// The text process is killed (kill -9) and started again.
    TextKilled,
    /// What central sends an edge does not arrive; the other way is open.
    LinkDown,
    /// What an edge sends central does not arrive; the other way is open.
    LinkUp,
    /// Riders and drivers cannot reach an edge.
    DoorCut,
    /// Everything between nodes is slow.
    SlowLinks,
    /// Riders, drivers and the text process reach nodes slowly.
    SlowDoors,
}

impl Small {
    pub(crate) const ALL: [Small; 13] = [
        Small::EdgeKilled,
        Small::LinkDown,
        Small::TextKilled,
        Small::EdgeRestored,
        Small::SlowLinks,
        Small::EdgePaused,
        Small::CentralClock,
        Small::LinkUp,
        Small::EdgeDiskFull,
        Small::DoorCut,
        Small::CentralKilled,
        Small::EdgeClock,
        Small::SlowDoors,
    ];

    /// False if it needs central: it is not played while central is away.
    const fn suits_outage(self) -> bool {
        match self {
            // What only this edge knows would be lost with its disk; that is no fault that a design can mend.
            Small::EdgeRestored
            | Small::CentralKilled
            | Small::CentralClock
            | Small::LinkDown
            | Small::LinkUp => false,
            Small::EdgeKilled
            | Small::EdgePaused
            | Small::EdgeDiskFull
            | Small::EdgeClock
            | Small::TextKilled
            | Small::DoorCut
            | Small::SlowLinks
            | Small::SlowDoors => true,
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outage::Killed => "central and PostgreSQL killed",
            Outage::DatabaseKilled => "PostgreSQL killed",
            Outage::DatabasePaused => "PostgreSQL stopped for a while",
            Outage::Paused => "central stopped for a while",
            Outage::HalfOpen => "central half-open",
            Outage::Refused => "central refused",
            Outage::Mute => "central mute",
        })
    }
}

impl fmt::Display for Small {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Small::EdgeKilled => "edge killed",
            Small::EdgePaused => "edge stopped for a while",
            Small::EdgeDiskFull => "edge's disk full",
            Small::EdgeRestored => "edge restored from a copy",
            Small::EdgeClock => "edge's clock stepped",
            Small::CentralClock => "central's clock stepped",
            Small::CentralKilled => "central killed",
            Small::TextKilled => "text process killed",
            Small::LinkDown => "one-way cut, central to edge",
            Small::LinkUp => "one-way cut, edge to central",
            Small::DoorCut => "edge's door cut",
            Small::SlowLinks => "slow links between nodes",
            Small::SlowDoors => "slow doors",
        })
    }
}

/// A small fault with its time, in simulated seconds from the start, and the numbers that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Harm {
    pub(crate) what: Small,
    /// Of the two edges, which.
    pub(crate) edge: usize,
    pub(crate) from_s: u64,
    pub(crate) for_s: u64,
    /// By how many seconds of the wall a clock jumps.
    pub(crate) step_s: i64,
    /// By how many milliseconds of the wall a piece is late.
    pub(crate) late_ms: u32,
}

/// What goes wrong in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nemesis {
    pub(crate) outage: Outage,
    pub(crate) away_from_s: u64,
    pub(crate) away_until_s: u64,
    /// Before, within and after the outage.
    pub(crate) harms: [Harm; 3],
}

impl Nemesis {
    /// Draws run number `run` of a series that began with `seed`.
    pub(crate) fn of(seed: u64, run: u32) -> Nemesis {
        let mut chance = Chance::new(seed.wrapping_mul(1_000_003).wrapping_add(u64::from(run)));
        let turn = usize::try_from(run).expect("a u32 fits");
        let away_from_s = chance.between(480, 540);
        let away_until_s = away_from_s + chance.between(300, 360);
        // Two of the thirteen a run from one deck, and for the outage the next that suits it from another.
        let outside = |place: usize| Small::ALL[(turn * 2 + place) % Small::ALL.len()];
        let suits: Vec<Small> = Small::ALL.into_iter().filter(|small| small.suits_outage()).collect();
        let mut harm = |what: Small, from_s: u64| Harm {
            what,
            edge: chance.below(2),
            from_s,
            for_s: chance.between(30, 90),
            step_s: [-40, -5, 5, 40][chance.below(4)],
            late_ms: u32::try_from(chance.between(20, 150)).expect("a small number"),
        };
        Nemesis {
            outage: Outage::ALL[turn % Outage::ALL.len()],
            away_from_s,
            away_until_s,
            harms: [
                harm(outside(0), 180),
                harm(suits[turn % suits.len()], away_from_s + 120),
                harm(outside(1), away_until_s + 150),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_nemesis_and_twenty_runs_hold_every_fault() {
        let runs: Vec<Nemesis> = (0..20).map(|run| Nemesis::of(1, run)).collect();
        assert_eq!(runs, (0..20).map(|run| Nemesis::of(1, run)).collect::<Vec<_>>());
        assert_ne!(runs, (0..20).map(|run| Nemesis::of(2, run)).collect::<Vec<_>>());
        for outage in Outage::ALL {
            assert!(runs.iter().filter(|run| run.outage == outage).count() >= 2, "{outage}");
        }
        for small in Small::ALL {
            let times = runs.iter().flat_map(|run| run.harms).filter(|harm| harm.what == small).count();
            assert!(times >= 3, "{small}: {times}");
        }
    }

    #[test]
    fn faults_follow_each_other_and_the_end_is_calm() {
        for run in 0..200 {
            let Nemesis { away_from_s, away_until_s, harms: [before, within, after], .. } =
                Nemesis::of(7, run);
            assert!(before.from_s + before.for_s + 60 < away_from_s);
            assert!(within.from_s > away_from_s && within.from_s + within.for_s + 60 < away_until_s);
            assert!(within.what.suits_outage());
            assert!(after.from_s > away_until_s);
            assert!(after.from_s + after.for_s + 120 < u64::from(MINUTES) * 60);
        }
    }
}
