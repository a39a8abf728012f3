//! Riders to taxis at the least cost: the solver that nodes plan with, against the best sparse one that we know.

use std::process::Command;

use anyhow::{Result, anyhow};
use serde_json::Value;

use super::super::contest::{Bound, Contest, Goal, Peer, Unit};
use super::super::kit::{Kit, ROUND, ours};
use super::super::talk::Talker;

/// What the peer is made of.
const PACKAGES: [&str; 2] = ["lap", "numpy"];
const REMEDY: &str = "pip install lap numpy";
/// Taxis that each rider may get.
const PER_RIDER: u32 = 20;

pub(super) fn open(kit: &Kit) -> Result<Vec<Contest>> {
    let large = Size { riders: 2_000, repeats: kit.size(9, 3) };
    let small = Size { riders: 100, repeats: kit.size(99, 9) };
    Ok(vec![
        large.contest(kit, "2,000 × 2,000", Goal::firm(Bound::RatioAtMost(1.0), Some(0.5))),
        small.contest(kit, "100 × 100", Goal::wished(Bound::OursAtMost(0.5))),
    ])
}

struct Size {
    riders: u32,
    /// Solved so often in a round; the median counts.
    repeats: u32,
}

impl Size {
    fn contest(&self, kit: &Kit, size: &str, goal: Goal) -> Contest {
        let (dir, repeats, riders) = (kit.dir.clone(), self.repeats, self.riders);
        // Each round has a table of its own.
        let file = move |round: u32| dir.join(format!("assign-{riders}-{round}.txt")).display().to_string();
        let (peer, ours) = match self.drawn(kit, &file) {
            Err(error) => (Err(anyhow!("our program draws the tables")), ours(Err(error))),
            Ok(solver) => {
                let theirs = file.clone();
                let peer = self.lapmod(kit);
                let peer =
                    peer.map(|peer| Kit::side(peer, move |round| format!("{repeats} {}", theirs(round))));
                (peer, Ok(Kit::side(solver, move |round| format!("solve {} {repeats}", file(round)))))
            }
        };
        Contest {
            row: "assignment",
            what: format!("{size}, {PER_RIDER} arcs a row, equal cost"),
            peer_name: "`lap.lapmod`",
            unit: Unit::Milliseconds,
            goal,
            is_durable: false,
            peer: Peer::of(peer, REMEDY),
            ours,
        }
    }

    /// Our program, after it has drawn the tables of all rounds.
    fn drawn(&self, kit: &Kit, file: &impl Fn(u32) -> String) -> Result<Talker> {
        let program = kit.example("ondol-sim", "assign")?;
        let mut talker = kit.talk(&format!("assign-{}", self.riders), &mut Command::new(program))?;
        for round in 0..kit.rounds() {
            let order = format!("draw {} {} {PER_RIDER} {}", file(round), self.riders, round + 1);
            talker.ask::<Value>(&order, ROUND)?;
        }
        Ok(talker)
    }

    fn lapmod(&self, kit: &Kit) -> Result<Talker> {
        kit.talk(&format!("lapmod-{}", self.riders), &mut kit.python(&PACKAGES, "lapmod.py")?)
    }
}
