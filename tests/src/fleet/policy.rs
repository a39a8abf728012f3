//! What is planned with, and how often.

use std::fmt;
use std::str::FromStr;

use ondol_core::face::Timing;
use std::collections::BTreeSet;

use ondol_core::matching::{
    NearestPair, Plan, Policy, RollingAssignment, RollingRules, Snapshot, plan_exchanges,
};

use super::Options;
use super::chat::ChatGroup;

/// Seconds between two plans that follow from events.
const FLOOR_S: u32 = 2;
/// No pickup is further than this, in seconds, unless the rider says otherwise.
const REACH_S: u32 = 3_600;
/// Seconds of a batch.
const BATCH_S: u32 = 10;

/// A policy by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyName {
    /// The one in use: rolling assignment, planned anew on events.
    Ondol,
    /// The same as nodes play it: a taxi on its way is sent elsewhere only once a free one has taken over its rider, and
    /// nobody knows how long riders wait.
    Node,
    /// The nearest pair first, on events; what is planned stays.
    Nearest,
    /// Least cost of all who have come in ten seconds; what is planned stays.
    Batch10,
    /// A group of drivers in a messenger.
    ChatGroup,
}

/// The names on the command line.
const NAMES: [(&str, PolicyName); 5] = [
    ("ondol", PolicyName::Ondol),
    ("node", PolicyName::Node),
    ("nearest", PolicyName::Nearest),
    ("batch-10", PolicyName::Batch10),
    ("chat-group", PolicyName::ChatGroup),
];

impl FromStr for PolicyName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        let found = NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, policy)| *policy).ok_or_else(|| format!("{text:?} is none of {}", names.join(", ")))
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, policy)| policy == self).map_or("", |(name, _)| *name);
        f.write_str(name)
    }
}

/// A policy and its clock.
pub(super) struct Planner {
    name: PolicyName,
    policy: Box<dyn Policy>,
}

impl Planner {
    pub(super) fn new(options: &Options, vehicles: usize) -> Self {
        let policy: Box<dyn Policy> = match options.policy {
            PolicyName::Ondol => {
                let rules = RollingRules::default();
                let patience_s = options.max_wait_s.unwrap_or(rules.patience_s);
                Box::new(RollingAssignment { rules: RollingRules { patience_s, ..rules } })
            }
            PolicyName::Node => {
                let rules = RollingRules::giving_up_after(Timing::default().give_up_ms);
                Box::new(RollingAssignment { rules })
            }
            PolicyName::Batch10 => {
                let rules = RollingRules { busy_s: 0, idle_s: 0, ..RollingRules::default() };
                Box::new(RollingAssignment { rules })
            }
            PolicyName::Nearest => Box::new(NearestPair),
            PolicyName::ChatGroup => Box::new(ChatGroup::new(vehicles, options.seed)),
        };
        Self { name: options.policy, policy }
    }

    pub(super) fn plan(&self, snapshot: &mut Snapshot<'_>) -> Plan {
        // Here drivers answer at once: nobody is in question when the next plan is made.
        if self.exchanges() {
            plan_exchanges(self.policy.as_ref(), snapshot, &BTreeSet::new())
        } else {
            self.policy.plan(snapshot)
        }
    }

    /// True if every rider who has a taxi keeps one, and is told when it will come at the latest.
    pub(super) fn exchanges(&self) -> bool {
        self.name == PolicyName::Node
    }

    /// True if taxis that are on their way may be sent elsewhere.
    pub(super) fn replans(&self) -> bool {
        match self.name {
            PolicyName::Ondol | PolicyName::Node => true,
            PolicyName::Nearest | PolicyName::Batch10 | PolicyName::ChatGroup => false,
        }
    }

    /// True if plans count on riders to go when their patience is over.
    pub(super) fn knows_patience(&self) -> bool {
        self.name != PolicyName::Node
    }

    /// True if plans reckon with taxis that cannot set off at once.
    pub(super) fn looks_ahead(&self) -> bool {
        !matches!(self.name, PolicyName::Nearest | PolicyName::ChatGroup)
    }

    /// The longest drive to a pickup, in seconds.
    pub(super) fn reach_s(&self) -> u32 {
        if self.name == PolicyName::Node { Timing::default().reach_s } else { REACH_S }
    }

    /// True if a plan may leave something that the next one takes up although nothing has happened.
    pub(super) fn goes_on_by_itself(&self) -> bool {
        match self.name {
            PolicyName::ChatGroup => true,
            PolicyName::Ondol | PolicyName::Node | PolicyName::Nearest | PolicyName::Batch10 => false,
        }
    }

    /// When to plan if something has happened at `now_s`.
    pub(super) fn next_s(&self, last_s: Option<u32>, now_s: u32) -> u32 {
        match self.name {
            PolicyName::Ondol | PolicyName::Node | PolicyName::Nearest => {
                last_s.map_or(now_s, |last_s| now_s.max(last_s + FLOOR_S))
            }
            PolicyName::Batch10 => now_s.next_multiple_of(BATCH_S),
            PolicyName::ChatGroup => (now_s + 1).next_multiple_of(super::chat::POST_EVERY_S),
        }
    }
}
