//! From a booking to a driver who is asked, on a node that does nothing else.

use anyhow::Result;

use super::super::contest::{Bound, Contest, Goal, Peer, Played, Side, Unit};
use super::super::facts::fdatasync_per_s;
use super::super::kit::{Kit, ours};
use super::super::node::{Node, Standing};
use crate::bench::DISK;

/// Drivers who listen: who was asked a moment ago is not needed again at once.
const DRIVERS: usize = 60;

/// What the disk allows: so many of its durable writes, and so many milliseconds for everything else.
struct Allowed {
    percentile: &'static str,
    writes: f64,
    more_ms: f64,
    /// The same in words.
    name: &'static str,
}

const ALLOWED: [Allowed; 2] = [
    Allowed { percentile: "50", writes: 3.0, more_ms: 2.0, name: "3 × fdatasync + 2 ms" },
    Allowed { percentile: "99", writes: 10.0, more_ms: 10.0, name: "10 × fdatasync + 10 ms" },
];

/// `offer`.
pub(super) fn open(kit: &Kit) -> Result<Vec<Contest>> {
    let contest = |allowed: &'static Allowed| {
        let dir = kit.dir.clone();
        let disk: Side = Box::new(move |_| Ok(allowed.by(fdatasync_per_s(&dir, DISK)?)));
        Contest {
            row: "offer",
            what: format!("from a booking to the offer on a driver's socket, idle, p{}", allowed.percentile),
            peer_name: allowed.name,
            unit: Unit::Milliseconds,
            goal: Goal::wished(Bound::RatioAtMost(1.0)),
            is_durable: true,
            peer: Peer::Plays(disk),
            ours: ours(drivers(kit, allowed.percentile)),
        }
    };
    Ok(ALLOWED.iter().map(contest).collect())
}

impl Allowed {
    /// The time that a disk allows which makes so many writes durable in a second.
    fn by(&self, writes_per_s: f64) -> Played {
        let write_ms = 1e3 / writes_per_s;
        Played { figure: self.writes * write_ms + self.more_ms, ..Played::default() }
    }
}

fn drivers(kit: &Kit, percentile: &str) -> Result<Side> {
    let name = format!("offer-{percentile}");
    let mut node = Node::make(kit, &name, Standing::Alone, None)?;
    let roster = node.list_drivers(DRIVERS)?.display().to_string();
    node.start()?;
    let (address, map) = (node.address.clone(), node.map.display().to_string());
    let args = ["offers", &address, &map, &roster, percentile];
    kit.rush(node, &format!("{name}-riders"), &args, kit.size(30, 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_allows_what_the_words_say() {
        let [half, most] = &ALLOWED;
        assert!((half.by(500.0).figure - 8.0).abs() < 1e-9, "three writes of 2 ms and 2 ms");
        assert!((most.by(500.0).figure - 30.0).abs() < 1e-9, "ten writes of 2 ms and 10 ms");
        for allowed in &ALLOWED {
            let words = format!("{} × fdatasync + {} ms", allowed.writes, allowed.more_ms);
            assert_eq!(allowed.name, words);
        }
    }
}
