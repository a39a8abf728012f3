//! What a load has to know of the node that it drives.

use anyhow::{Context as _, Result, anyhow, ensure};
use ondol_core::ids::NodeId;

use crate::city::http::{Http, Proof};

/// The node's own word for the memory that it has: the usual name, in bytes.
const MEMORY: &str = "process_resident_memory_bytes";

/// The node that is driven.
#[derive(Debug, Clone)]
pub(super) struct Driven {
    pub(super) url: String,
    pub(super) id: NodeId,
}

impl Driven {
    /// Asks the node at `url` who it is.
    ///
    /// # Errors
    ///
    /// If nobody answers there, or it is not ready.
    pub(super) async fn meet(url: &str, http: &Http) -> Result<Self> {
        let url = url.trim_end_matches('/').to_owned();
        let ready = http.get(&url, "/readyz", &Proof::None).await;
        let ready = ready.map_err(|error| anyhow!("--node {url}: no node answers there ({error})"))?;
        ensure!(ready["ready"] == true, "--node {url}: the node is not ready");
        let id = ready["authority"]["node"].as_str().and_then(|id| NodeId::new(id).ok());
        let id = id.with_context(|| format!("--node {url}: what answers there is no node"))?;
        Ok(Self { url, id })
    }

    /// The memory that the node says it has, in bytes; nothing if it does not say so.
    pub(super) async fn memory_bytes(&self, http: &Http) -> Option<u64> {
        let text = http.text(&self.url, "/metrics").await.ok()?;
        value_of(&text, MEMORY)
    }
}

fn value_of(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(of, _)| *of == name)?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let text = "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes_max 9\n\
                    process_resident_memory_bytes 1048576\n";
        assert_eq!(value_of(text, MEMORY), Some(1_048_576));
        assert_eq!(value_of("ondol_entries_total 3\n", MEMORY), None);
    }
}
