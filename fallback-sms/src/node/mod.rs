//! The nodes that the text process works for.
//!
//! [`HttpNode`] talks to real ones, in order of preference; [`FakeNode`] is one in memory, for
//! tests and for trying the dialogue without a system.

mod endpoints;
mod fake;
mod http;

use std::future::Future;

use thiserror::Error;

use crate::clock::UtcMs;
use crate::dialogue::{NodeAnswer, NodeRequest};
use crate::wire::{AckRequest, NoticesAnswer, Report};

pub use endpoints::Endpoints;
pub use fake::{FakeDriver, FakeNode, Link};
pub use http::{Endpoint, HttpNode, HttpNodeConfig};

/// No node could be asked. The request stays and is asked again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no node answered: {0}")]
pub struct Unreachable(pub String);

/// An answer and who gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The answer.
    pub answer: NodeAnswer,
    /// The node's name.
    pub node: String,
}

/// What the text process asks of nodes.
pub trait NodeApi: Send + Sync + 'static {
    /// Asks the node called `prefer`, if any, then the others in their order, until one answers.
    fn ask(
        &self,
        request: &NodeRequest,
        prefer: Option<&str>,
        now: UtcMs,
    ) -> impl Future<Output = Result<Answered, Unreachable>> + Send;

    /// Names of the nodes whose outboxes are read, each on its own.
    fn sources(&self) -> Vec<String>;

    /// Reads the outbox of `source` behind `after`, waiting up to `wait_ms` of simulated time for something new.
    fn notices(
        &self,
        source: &str,
        after: i64,
        wait_ms: u64,
    ) -> impl Future<Output = Result<NoticesAnswer, Unreachable>> + Send;

    /// Tells `source` what became of its notices.
    fn acknowledge(
        &self,
        source: &str,
        request: &AckRequest,
    ) -> impl Future<Output = Result<(), Unreachable>> + Send;

    /// Tells the first node that answers what an operator must hear of.
    fn report(&self, report: &Report, now: UtcMs) -> impl Future<Output = Result<(), Unreachable>> + Send;
}
