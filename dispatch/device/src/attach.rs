//! Which node the device binds itself to. The device alone decides; nodes only answer.
//!
//! ```text
//! central ── silent 20 s, another answers ─────────────────▶ edge
//! central ── silent 10 s, the edge says that it holds ─────▶ edge      at once
//! edge    ── central heard without a break for 60 s (+ jitter), nothing under way,
//!            the edge does not hold the district ──────────▶ central
//! ```

use std::collections::BTreeMap;

use ondol_core::ids::NodeId;
use ondol_core::units::Ticks;

use crate::face::Timing;
use crate::wire::{BeatAnswer, Endpoint, EndpointRole};

/// What the device has heard of the nodes it knows.
#[derive(Debug, Clone, Default)]
pub struct Contacts {
    heard: BTreeMap<NodeId, Heard>,
}

#[derive(Debug, Clone, Default)]
struct Heard {
    /// Last answer of a node that could still write to its disk.
    alive_at: Option<Ticks>,
    /// Since when such answers have come without a break.
    stable_since: Option<Ticks>,
    /// Who holds the district, in its last answer.
    holder: Option<NodeId>,
    /// It refused to attach this device; not asked again before.
    refused_until: Option<Ticks>,
}

/// What matters for the choice besides the contacts.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Nodes the device knows, best first.
    pub endpoints: &'a [Endpoint],
    /// The node it is bound to or is binding itself to, and since when.
    pub bound: Option<(&'a NodeId, Ticks)>,
    /// When the device was started.
    pub started_at: Ticks,
    /// Nothing is in the slot and no question is open.
    pub idle: bool,
    /// This device's own delay before it returns to central, so that not all return at once.
    pub jitter_ms: u64,
}

impl Contacts {
    /// Notes a node's answer. An answer of a node that cannot write counts as none.
    pub fn answered(&mut self, answer: &BeatAnswer, timing: &Timing, now: Ticks) {
        if !answer.alive {
            return;
        }
        let heard = self.heard.entry(answer.node.clone()).or_default();
        let unbroken = heard.alive_at.is_some_and(|at| now.since_ms(at) <= timing.hears_ms);
        if !unbroken {
            heard.stable_since = Some(now);
        }
        heard.alive_at = Some(now);
        heard.holder = Some(answer.holder.clone());
    }

    /// Notes that a node will not attach this device for now.
    pub fn refused(&mut self, node: &NodeId, until: Ticks) {
        self.heard.entry(node.clone()).or_default().refused_until = Some(until);
    }

    /// True if `node` answered, alive, within the last 10 s.
    #[must_use]
    pub fn hears(&self, node: &NodeId, timing: &Timing, now: Ticks) -> bool {
        self.silence_ms(node, now).is_some_and(|ms| ms <= timing.hears_ms)
    }

    /// True if some central node of `endpoints` is heard.
    #[must_use]
    pub fn hears_central(&self, endpoints: &[Endpoint], timing: &Timing, now: Ticks) -> bool {
        of_role(endpoints, EndpointRole::Central).any(|node| self.hears(node, timing, now))
    }

    /// The tick at which the last central node falls silent, unless it has.
    #[must_use]
    pub fn central_falls_silent_at(
        &self,
        endpoints: &[Endpoint],
        timing: &Timing,
        now: Ticks,
    ) -> Option<Ticks> {
        let last =
            of_role(endpoints, EndpointRole::Central).filter_map(|n| self.heard.get(n)?.alive_at).max()?;
        Some(last.plus_ms(timing.hears_ms + 1)).filter(|at| *at > now)
    }

    /// The node to bind to now, if that means a change.
    #[must_use]
    pub fn choose(&self, situation: &Situation<'_>, timing: &Timing, now: Ticks) -> Option<NodeId> {
        let central_heard = self.hears_central(situation.endpoints, timing, now);
        let takes = |node: &NodeId| !self.is_refusing(node, now);
        let heard = |role| {
            of_role(situation.endpoints, role).find(|node| self.hears(node, timing, now) && takes(node))
        };
        let central = heard(EndpointRole::Central);
        let edge = heard(EndpointRole::Edge);
        let edge_in_charge = edge.filter(|edge| !central_heard && self.holds(edge));

        let Some((bound, since)) = situation.bound else {
            let waited = now.since_ms(situation.started_at) >= timing.switch_ms;
            return central.or(edge_in_charge).or(edge.filter(|_| waited)).cloned();
        };
        if let Some(edge) = edge_in_charge
            && edge != bound
        {
            return Some(edge.clone());
        }
        let silence_ms = self.silence_ms(bound, now).unwrap_or(u64::MAX).min(now.since_ms(since));
        if silence_ms >= timing.switch_ms || !takes(bound) {
            return central.into_iter().chain(edge).find(|node| *node != bound).cloned();
        }
        central
            .filter(|central| *central != bound && self.may_return(central, bound, situation, timing, now))
            .cloned()
    }

    fn may_return(
        &self,
        central: &NodeId,
        edge: &NodeId,
        situation: &Situation<'_>,
        timing: &Timing,
        now: Ticks,
    ) -> bool {
        let stable = self
            .heard
            .get(central)
            .and_then(|heard| heard.stable_since)
            .is_some_and(|since| now.since_ms(since) >= timing.return_stable_ms + situation.jitter_ms);
        stable && situation.idle && !self.holds(edge)
    }

    /// True if `node` said of itself that it holds the district.
    fn holds(&self, node: &NodeId) -> bool {
        self.heard.get(node).is_some_and(|heard| heard.holder.as_ref() == Some(node))
    }

    fn is_refusing(&self, node: &NodeId, now: Ticks) -> bool {
        self.heard.get(node).and_then(|heard| heard.refused_until).is_some_and(|until| now < until)
    }

    fn silence_ms(&self, node: &NodeId, now: Ticks) -> Option<u64> {
        self.heard.get(node)?.alive_at.map(|at| now.since_ms(at))
    }
}

fn of_role(endpoints: &[Endpoint], role: EndpointRole) -> impl Iterator<Item = &NodeId> {
    endpoints.iter().filter(move |endpoint| endpoint.role == role).map(|endpoint| &endpoint.node)
}

/// A number below `bound` that follows from `seed` and `count` alone (splitmix64), 0 if `bound` is 0.
#[must_use]
pub fn spread(seed: u64, count: u64, bound: u64) -> u64 {
    let mut x = seed.wrapping_add(count.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)).checked_rem(bound).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ondol_core::authority::Epoch;

    fn node(name: &str) -> NodeId {
        name.parse().unwrap()
    }

    fn endpoints() -> Vec<Endpoint> {
        [("central", EndpointRole::Central), ("edge-a", EndpointRole::Edge)]
            .map(|(name, role)| Endpoint { node: node(name), role, url: String::new() })
            .to_vec()
    }

    fn answer(from: &str, holder: &str, alive: bool) -> BeatAnswer {
        BeatAnswer {
            node: node(from),
            alive,
            holder: node(holder),
            epoch: Epoch::default(),
            attached: false,
            messages: vec![],
            asked_home: None,
        }
    }

    /// Answers every 5 s over `seconds`, then the choice at its end.
    struct Story {
        contacts: Contacts,
        now: Ticks,
    }

    impl Story {
        fn new() -> Self {
            Self { contacts: Contacts::default(), now: Ticks(0) }
        }

        fn pass(mut self, seconds: u64, answers: &[BeatAnswer]) -> Self {
            for _ in 0..seconds / 5 {
                self.now = self.now.plus_ms(5_000);
                answers.iter().for_each(|a| self.contacts.answered(a, &Timing::default(), self.now));
            }
            self
        }

        fn choose(&self, bound: Option<&str>, idle: bool) -> Option<String> {
            let bound = bound.map(node);
            let situation = Situation {
                endpoints: &endpoints(),
                bound: bound.as_ref().map(|node| (node, Ticks(0))),
                started_at: Ticks(0),
                idle,
                jitter_ms: 0,
            };
            self.contacts.choose(&situation, &Timing::default(), self.now).map(|node| node.to_string())
        }
    }

    #[test]
    fn who_is_chosen() {
        let central = answer("central", "central", true);
        let dead_disk = answer("central", "central", false);
        let edge = answer("edge-a", "central", true);
        let edge_holds = answer("edge-a", "edge-a", true);
        let start = Story::new;
        let choose = |story: Story, bound, idle| story.choose(bound, idle);
        let only = std::slice::from_ref;
        // Unbound: central at once, an edge in charge at once, another edge after 20 s.
        assert_eq!(choose(start().pass(5, &[central.clone(), edge.clone()]), None, true).unwrap(), "central");
        assert_eq!(choose(start().pass(5, only(&edge_holds)), None, true).unwrap(), "edge-a");
        assert_eq!(choose(start().pass(15, only(&edge)), None, true), None);
        assert_eq!(choose(start().pass(20, only(&edge)), None, true).unwrap(), "edge-a");
        // Bound to central: stays while it answers, whatever the edge says.
        let both = [central.clone(), edge_holds.clone()];
        assert_eq!(choose(start().pass(60, &both), Some("central"), true), None);
        // Central silent: 20 s without a takeover, at once with one; a dead disk is silence.
        let before = || start().pass(30, &[central.clone(), edge.clone()]);
        assert_eq!(choose(before().pass(15, only(&edge)), Some("central"), true), None);
        assert_eq!(choose(before().pass(20, only(&edge)), Some("central"), true).unwrap(), "edge-a");
        assert_eq!(choose(before().pass(10, only(&edge_holds)), Some("central"), true), None);
        let with_trip = before().pass(15, &[dead_disk, edge_holds]);
        assert_eq!(choose(with_trip, Some("central"), false).unwrap(), "edge-a");
        // Nobody answers: stays.
        assert_eq!(choose(before().pass(100, &[]), Some("central"), true), None);
        // Back to central: 60 s without a break, idle, and the edge has given the district back.
        let back = [central.clone(), edge.clone()];
        assert_eq!(choose(start().pass(60, &back), Some("edge-a"), true), None);
        assert_eq!(choose(start().pass(65, &back), Some("edge-a"), true).unwrap(), "central");
        assert_eq!(choose(start().pass(65, &back), Some("edge-a"), false), None);
        assert_eq!(choose(start().pass(65, &both), Some("edge-a"), true), None);
        let broken = start().pass(60, &back).pass(15, only(&edge)).pass(30, &back);
        assert_eq!(choose(broken, Some("edge-a"), true), None);
        // The edge fell silent: central without the wait.
        assert_eq!(choose(start().pass(20, only(&central)), Some("edge-a"), false).unwrap(), "central");
    }

    #[test]
    fn a_node_that_refuses_is_left_alone_for_a_while() {
        let both = [answer("central", "central", true), answer("edge-a", "central", true)];
        let mut story = Story::new().pass(5, &both);
        story.contacts.refused(&node("central"), Ticks(30_000));
        assert_eq!(story.choose(Some("central"), true).unwrap(), "edge-a");
        assert_eq!(story.choose(None, true), None);
        let story = story.pass(25, &both);
        assert_eq!(story.choose(None, true).unwrap(), "central");
    }

    #[test]
    fn delays_are_spread_and_repeatable() {
        let all: std::collections::BTreeSet<u64> = (0..100).map(|seed| spread(seed, 3, 20_000)).collect();
        assert!(all.len() > 90 && all.iter().all(|ms| *ms < 20_000));
        assert_eq!(spread(7, 3, 20_000), spread(7, 3, 20_000));
        assert_eq!(spread(7, 3, 0), 0);
    }
}
