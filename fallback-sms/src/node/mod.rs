//! The nodes that the text process works for.
//!
//! [`HttpNode`] talks to real ones, in order of preference; [`FakeNode`] is one in memory, for
//! tests and for trying the dialogue without a system.

mod endpoints;
mod fake;
mod http;
mod token;

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

    /// Reads the outbox of `source` behind `after`, waiting up to `wait_ms` of simulated time for something new. A node
    /// whose outbox is not called `outbox` any more answers at once.
    fn notices(
        &self,
        source: &str,
        outbox: &str,
        after: i64,
        wait_ms: u64,
    ) -> impl Future<Output = Result<NoticesAnswer, Unreachable>> + Send;

    /// Tells `source` what became of its notices.
    fn acknowledge(
        &self,
        source: &str,
        request: &AckRequest,
    ) -> impl Future<Output = Result<(), Unreachable>> + Send;

    /// Tells `source` what an operator must hear of.
    fn report(&self, source: &str, report: &Report) -> impl Future<Output = Result<(), Unreachable>> + Send;

    /// True if `source` has refused our token at the last try.
    fn refuses_us(&self, _source: &str) -> bool {
        false
    }

    /// When the token ends, as far as it says.
    fn token_ends_at(&self) -> Option<UtcMs> {
        None
    }

    /// Has the token renewed by the node that signed it.
    fn renew_token(&self, _now: UtcMs) -> impl Future<Output = anyhow::Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}
