//! Matching: which shift is asked for which booking, and why.
//!
//! A [`Policy`] gets a snapshot and returns a plan with its reasons; it changes nothing itself.
//!
//! | about | file |
//! |---|---|
//! | what a plan is made from, and what it says | `snapshot`, `plan` |
//! | the rule in use: riders together wait least, planned anew until a shift is close | `rolling` |
//! | taxis on their way are exchanged, and every rider keeps one | `exchange` |
//! | who comes into question: near by straight line, then by road | `candidates` |
//! | the exact solver | `solver` |
//! | the yardstick: nearest pair first | `nearest` |

mod candidates;
mod exchange;
mod nearest;
mod plan;
mod rolling;
mod snapshot;
mod solver;
#[cfg(test)]
mod testing;

pub use exchange::{EXCHANGES_MAX, LATER_MAX_MS, plan_exchanges};
pub use nearest::NearestPair;
pub use plan::{Ask, Plan, Reasons, Unmatched};
pub use rolling::{RollingAssignment, RollingRules};
pub use snapshot::{FreeShift, OpenBooking, Snapshot};
pub use solver::{COST_MAX, CostTable, Solver};

/// A rule that turns a snapshot into a plan.
pub trait Policy: Send {
    /// Plans. The same snapshot gives the same plan.
    fn plan(&self, snapshot: &Snapshot<'_>) -> Plan;
}
