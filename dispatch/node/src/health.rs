//! `/healthz`, `/readyz` and `/metrics`: for whoever watches the node.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::node::{Mode, ModeReason};
use ondol_engine::Handle;
use ondol_engine::http::{Fresh, rfc3339};
use serde::Serialize;

#[derive(Clone)]
struct Watch {
    handle: Handle,
    metrics: PrometheusHandle,
}

/// What a node says of itself.
#[derive(Debug, Serialize)]
struct Readiness {
    /// Requests are taken.
    ready: bool,
    /// `normal`, `degraded` or `healing`: the worst of its districts. A degraded node is ready.
    mode: Mode,
    districts: Vec<DistrictReadiness>,
    peers: Vec<PeerAge>,
}

#[derive(Debug, Serialize)]
struct DistrictReadiness {
    district: DistrictId,
    mode: Mode,
    reason: ModeReason,
    holder: NodeId,
    since: String,
}

#[derive(Debug, Serialize)]
struct PeerAge {
    peer: NodeId,
    /// Milliseconds since everything the peer held was here; absent if never since the start.
    level_ms: Option<u64>,
}

pub(crate) fn router(handle: Handle, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(show_metrics))
        .with_state(Watch { handle, metrics })
}

/// The process runs and its loop answers.
async fn healthz(State(watch): State<Watch>) -> StatusCode {
    if watch.handle.read(|_| ()).await.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn readyz(State(watch): State<Watch>) -> Response {
    let seen = watch.handle.read_at(|node, now| {
        let districts: Vec<_> = node
            .config()
            .districts
            .keys()
            .filter_map(|district| {
                let view = node.mode(district)?;
                let (mode, reason, holder) = (view.mode, view.reason, view.holder);
                Some(DistrictReadiness {
                    district: district.clone(),
                    mode,
                    reason,
                    holder,
                    since: rfc3339(view.since),
                })
            })
            .collect();
        let mut peers: Vec<NodeId> =
            node.config().districts.values().filter_map(|district| district.edge.clone()).collect();
        if let ondol_core::face::Role::Edge { central } = &node.config().role {
            peers = vec![central.clone()];
        }
        let peers = peers
            .into_iter()
            .map(|peer| PeerAge { level_ms: node.level_with_ms(&peer, now), peer })
            .collect();
        let mode = districts.iter().map(|district| district.mode).max().unwrap_or(Mode::Normal);
        (Readiness { ready: true, mode, districts, peers }, now)
    });
    match seen.await {
        Ok((body, now)) => {
            Json(Fresh::new(watch.handle.node_id().clone(), None, now.utc, body)).into_response()
        }
        Err(unavailable) => ondol_engine::http::Problem::from(unavailable).into_response(),
    }
}

/// What was counted, and how each district is dispatched at this moment.
async fn show_metrics(State(watch): State<Watch>) -> Response {
    let modes = watch.handle.read(|node| {
        let districts = node.config().districts.keys();
        let mode = |district: &DistrictId| Some((district.clone(), node.mode(district)?.mode));
        districts.filter_map(mode).collect::<Vec<_>>()
    });
    match modes.await {
        Ok(modes) => {
            let text = watch.metrics.render() + &modes_as_metrics(&modes) + &memory_as_metric();
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
        }
        Err(unavailable) => ondol_engine::http::Problem::from(unavailable).into_response(),
    }
}

/// The memory that this process has, under the name that everybody looks for; nothing where the system does not tell.
fn memory_as_metric() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    resident_bytes(&status).map_or_else(String::new, |bytes| {
        format!("# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {bytes}\n")
    })
}

/// `VmRSS:   1234 kB`, of which a kB is 1,024 bytes.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// One line for each district and mode: 1 for the mode that holds.
fn modes_as_metrics(modes: &[(DistrictId, Mode)]) -> String {
    let mut text = "# TYPE ondol_district_mode gauge\n".to_owned();
    for (district, holds) in modes {
        for (mode, name) in
            [(Mode::Normal, "normal"), (Mode::Degraded, "degraded"), (Mode::Healing, "healing")]
        {
            let value = u8::from(mode == *holds);
            text += &format!("ondol_district_mode{{district=\"{district}\",mode=\"{name}\"}} {value}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an alert on a takeover looks at.
    #[test]
    fn each_district_has_one_mode_that_holds() {
        let district = |name: &str| name.parse().unwrap();
        let modes = vec![(district("hanbuk"), Mode::Degraded), (district("hannam"), Mode::Normal)];
        let text = modes_as_metrics(&modes);
        for line in [
            "ondol_district_mode{district=\"hanbuk\",mode=\"degraded\"} 1",
            "ondol_district_mode{district=\"hanbuk\",mode=\"normal\"} 0",
            "ondol_district_mode{district=\"hannam\",mode=\"normal\"} 1",
        ] {
            assert_eq!(text.lines().filter(|said| *said == line).count(), 1, "{line}: {text}");
        }
        assert_eq!(text.lines().filter(|line| line.ends_with(" 1")).count(), 2);
    }

    #[test]
    fn memory_is_what_the_system_says_of_this_process() {
        assert_eq!(resident_bytes("VmPeak:\t  9 kB\nVmRSS:\t   2048 kB\nThreads:\t3\n"), Some(2_097_152));
        assert_eq!(resident_bytes("Threads:\t3\n"), None);
        let own = memory_as_metric();
        let value = own.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
        assert!(value.and_then(|value| value.parse::<u64>().ok()) > Some(1 << 20), "{own}");
    }
}
