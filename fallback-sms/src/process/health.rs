//! How the text process is, for supervisors and Prometheus.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use crate::carrier::Health;
use crate::store::Backlog;

/// What is known of the process, refreshed by its loop.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Vitals {
    /// What waits.
    pub backlog: Backlog,
    /// Nodes whose outbox could be read at the last try.
    pub nodes: Vec<NodeVitals>,
    /// Texts that the carrier has still to send.
    pub carrier_waiting: usize,
    /// Files set aside.
    pub quarantined: usize,
    /// Why the carrier cannot work, if so.
    pub carrier_trouble: Option<String>,
    /// What is left of the token, in simulated milliseconds, as far as it says.
    pub token_left_ms: Option<i64>,
}

/// A node as the text process sees it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct NodeVitals {
    /// Its name.
    pub name: String,
    /// Whether it answered.
    pub answers: bool,
    /// Whether it refuses our token.
    pub refuses_us: bool,
}

/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;

pub(super) type SharedVitals = Arc<Mutex<Vitals>>;

impl Vitals {
    pub(super) fn set_carrier(&mut self, health: Health) {
        self.carrier_waiting = health.waiting_out;
        self.quarantined = health.quarantined;
        self.carrier_trouble = health.trouble;
    }

    pub(super) fn set_node(&mut self, vitals: NodeVitals) {
        match self.nodes.iter_mut().find(|node| node.name == vitals.name) {
            Some(node) => *node = vitals,
            None => self.nodes.push(vitals),
        }
    }

    /// Why texts are not taken or can reach no node, if so.
    fn trouble(&self) -> Option<&'static str> {
        let refused = !self.nodes.is_empty() && self.nodes.iter().all(|node| node.refuses_us);
        if self.carrier_trouble.is_some() {
            Some("the carrier cannot work")
        } else if self.token_left_ms.is_some_and(|left_ms| left_ms <= 0) {
            Some("the token has ended: make a new one with `ondol node text-token`")
        } else if refused {
            Some("every node refuses the token: make a new one with `ondol node text-token`")
        } else {
            None
        }
    }
}

pub(super) fn routes(vitals: SharedVitals) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(vitals)
}

#[derive(Serialize)]
struct Readiness {
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'static str>,
    #[serde(flatten)]
    vitals: Vitals,
}

/// Ready means that texts are taken and answered, if only with "we are reaching dispatch": a node may be away. With a
/// token that no node takes it is not ready, because that does not mend itself.
async fn ready(State(vitals): State<SharedVitals>) -> impl IntoResponse {
    let vitals = snapshot(&vitals);
    let trouble = vitals.trouble();
    let status = if trouble.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { trouble, vitals }))
}

async fn metrics(State(vitals): State<SharedVitals>) -> String {
    let vitals = snapshot(&vitals);
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, value: i64| {
        text.push_str(&format!(
            "# HELP ondol_text_{name} {help}\n# TYPE ondol_text_{name} gauge\nondol_text_{name} {value}\n"
        ));
    };
    let size = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    gauge("inbox_waiting", "Texts heard and not read.", vitals.backlog.inbox);
    gauge("outbox_waiting", "Texts to be submitted to the carrier.", vitals.backlog.outbox);
    gauge("requests_waiting", "Requests that no node has answered.", vitals.backlog.requests);
    gauge("untold_waiting", "Outcomes and reports that no node has taken.", vitals.backlog.untold);
    gauge("carrier_waiting", "Texts that the carrier has still to send.", size(vitals.carrier_waiting));
    gauge("quarantined_files", "Spool files that could not be read.", size(vitals.quarantined));
    gauge("set_aside_rows", "Rows of the store that could not be read.", vitals.backlog.set_aside);
    let up = vitals.nodes.iter().filter(|node| node.answers).count();
    gauge("nodes_answering", "Nodes whose outbox could be read at the last try.", size(up));
    let refusing = vitals.nodes.iter().filter(|node| node.refuses_us).count();
    gauge("nodes_refusing", "Nodes that refused the token at the last try.", size(refusing));
    if let Some(left_ms) = vitals.token_left_ms {
        gauge("token_days_left", "Whole days until the token ends.", left_ms.div_euclid(DAY_MS));
    }
    text
}

fn snapshot(vitals: &SharedVitals) -> Vitals {
    vitals.lock().expect("no holder of this lock panics: it is held for a copy").clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(refuses_us: bool) -> NodeVitals {
        NodeVitals { name: format!("node {refuses_us}"), answers: !refuses_us, refuses_us }
    }

    async fn readiness(vitals: Vitals) -> StatusCode {
        ready(State(Arc::new(Mutex::new(vitals)))).await.into_response().status()
    }

    #[tokio::test]
    async fn a_token_that_no_node_takes_is_not_ready() {
        let vitals =
            |nodes: Vec<NodeVitals>, token_left_ms| Vitals { nodes, token_left_ms, ..Vitals::default() };
        assert_eq!(readiness(vitals(vec![], None)).await, StatusCode::OK, "nobody was asked yet");
        assert_eq!(readiness(vitals(vec![node(false), node(true)], Some(1))).await, StatusCode::OK);
        assert_eq!(readiness(vitals(vec![node(true)], Some(1))).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(readiness(vitals(vec![node(false)], Some(0))).await, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn the_days_that_the_token_has_left_are_a_metric() {
        let left = Vitals { token_left_ms: Some(10 * DAY_MS - 1), ..Vitals::default() };
        let text = metrics(State(Arc::new(Mutex::new(left)))).await;
        assert!(text.contains("\nondol_text_token_days_left 9\n"), "{text}");
    }
}
