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
}

/// A node as the text process sees it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct NodeVitals {
    /// Its name.
    pub name: String,
    /// Whether it answered.
    pub answers: bool,
}

pub(super) type SharedVitals = Arc<Mutex<Vitals>>;

impl Vitals {
    pub(super) fn set_carrier(&mut self, health: Health) {
        self.carrier_waiting = health.waiting_out;
        self.quarantined = health.quarantined;
        self.carrier_trouble = health.trouble;
    }

    pub(super) fn set_node(&mut self, name: &str, answers: bool) {
        match self.nodes.iter_mut().find(|node| node.name == name) {
            Some(node) => node.answers = answers,
            None => self.nodes.push(NodeVitals { name: name.to_owned(), answers }),
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

/// Ready means that texts are taken and answered, if only with "we are reaching dispatch": a node may be away.
async fn ready(State(vitals): State<SharedVitals>) -> impl IntoResponse {
    let vitals = snapshot(&vitals);
    let status =
        if vitals.carrier_trouble.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(vitals))
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
    let up = vitals.nodes.iter().filter(|node| node.answers).count();
    gauge("nodes_answering", "Nodes whose outbox could be read at the last try.", size(up));
    text
}

fn snapshot(vitals: &SharedVitals) -> Vitals {
    vitals.lock().expect("no holder of this lock panics: it is held for a copy").clone()
}
