//! `ondol load backlog`: what an edge has to hand on after a long outage, written by the edge's own loop.
//!
//! Riders book and cancel through the same rules and commits as through a door; only HTTP is left out, so that days
//! of an outage take minutes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use ondol_core::booking::{CancelReason, Door, Party};
use ondol_core::command::Command;
use ondol_core::fact::Request;
use ondol_core::ids::{BookingId, DistrictId, SubjectId, ZoneId};
use ondol_core::node::Node;
use ondol_core::position::Position;
use ondol_engine::Handle;
use ondol_engine::config::{Config, RoleName};
use ondol_engine::vault::RiderPersonal;
use serde::Serialize;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::served::{self, Served};
use crate::{output, serve};

/// Riders who ask at the same time.
const AT_ONCE: u64 = 64;

/// What was written.
#[derive(Debug, Serialize)]
struct Backlog {
    bookings: u64,
    /// Of this node's own in its journal now.
    entries: u64,
}

/// Writes bookings until the journal of the node holds `entries` of its own.
///
/// # Errors
///
/// If the node runs, is no edge, has bookings already or no map, or refuses a booking.
pub(super) async fn write(config: &Path, entries: u64) -> anyhow::Result<()> {
    may_write(&Config::read(config)?).await.with_context(|| config.display().to_string())?;
    let station = serve::start(config).await?;
    let handle = station.running.handle.clone();
    if handle.read(|node| node.board().districts().any(|(_, board)| !board.bookings.is_empty())).await? {
        bail!(
            "the store has bookings: a backlog is written into a new one only, so that nobody is sent to a rider whom nobody knows"
        );
    }
    let map = station.map.as_ref().context("map.dir: a backlog needs a map")?;
    let districts = map.districts().context("map.dir: the map has no districts")?;
    let own = &station.config.districts.first().context("districts: none is configured")?.id;
    let stands = map.stands().into_iter().map(|stand| stand.position);
    let placed = stands.filter_map(|at| Some((districts.locate(at)?, at)));
    let place = placed.filter(|((district, _), _)| district == own).map(|((_, zone), at)| (zone, at)).next();
    let (zone, at) = place.context("map.dir: the district has no stand to ask from")?;
    let place = Arc::new(Place { district: own.clone(), zone, at });
    let bar = ProgressBar::new(entries);
    let asked = Arc::new(AtomicU64::new(0));
    while held(&handle).await? < entries {
        let mut riders = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (handle, asked, place) = (handle.clone(), Arc::clone(&asked), Arc::clone(&place));
            riders.spawn(async move { place.book_and_cancel(&handle, &asked).await });
        }
        while let Some(rider) = riders.join_next().await {
            rider.context("a rider ended unexpectedly")??;
        }
        bar.set_position(held(&handle).await?);
    }
    bar.finish_and_clear();
    let written = Backlog { bookings: asked.load(Ordering::Relaxed), entries: held(&handle).await? };
    handle.shut_down().await;
    station.running.task.await.context("the loop ended unexpectedly")??;
    output::json(&written)
}

/// A node that runs is left alone, and so is central, whose bookings are real ones.
async fn may_write(config: &Config) -> anyhow::Result<()> {
    if config.node.role != RoleName::Edge {
        bail!("node.role: a backlog is an edge's");
    }
    match served::look(config).await? {
        Served::ByNobody => Ok(()),
        Served::ByNode => bail!("listen.address: a node runs at {}: stop it first", config.listen.address),
    }
}

async fn held(handle: &Handle) -> anyhow::Result<u64> {
    let own = |node: &Node| {
        let heads = node.board().heads().0.iter();
        heads.filter(|(series, _)| series.origin == node.config().id).map(|(_, head)| head.seq).sum()
    };
    Ok(handle.read(own).await?)
}

/// Where all of them ask for a taxi.
struct Place {
    district: DistrictId,
    zone: ZoneId,
    at: Position,
}

impl Place {
    async fn book_and_cancel(&self, handle: &Handle, asked: &AtomicU64) -> anyhow::Result<()> {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let (rider, booking) = (SubjectId(Uuid::new_v4()), BookingId(Uuid::new_v4()));
        // 010-0… is given to nobody in Korea.
        let phone = format!("+82100{number:07}").parse().context("a made-up number is one")?;
        let personal = RiderPersonal { phone: Some(phone), ..RiderPersonal::default() };
        let request = Request {
            phone: personal.phone.as_ref().map(|phone| handle.vault().phone_key(phone)),
            personal: Some(handle.vault().seal(rider, &personal)?),
            digest: booking.to_string(),
            ..Request::plain(Door::Web, self.at, rider)
        };
        let (district, zone) = (self.district.clone(), self.zone.clone());
        handle.request(Command::Book { booking, district, zone, request }).await?;
        let (by, reason) = (Party::Rider, CancelReason::ChangedMind);
        handle.request(Command::Cancel { booking, by, reason }).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration of `role` whose node listens at `address`; its store does not exist.
    fn config(role: &str, address: std::net::SocketAddr) -> Config {
        let (edge, central, peers) = match role {
            "edge" => (
                ", edge = \"edge-hanbuk\"",
                "central = \"central\"",
                "[[peers]]\nid = \"central\"\nurl = \"http://127.0.0.1:1\"\npublic_key = \"unused\"\n",
            ),
            _ => ("", "", ""),
        };
        let text = format!(
            "districts = [{{ id = \"hanbuk\", zones = [\"hanbuk-1\"]{edge} }}]\n\
             [node]\nid = \"edge-hanbuk\"\nrole = \"{role}\"\n{central}\n\
             [listen]\naddress = \"{address}\"\n\
             [store]\nurl = \"sqlite:///nowhere/edge.db\"\n\
             [keys]\nmaster = \"unused\"\nnode = \"unused\"\n{peers}"
        );
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_backlog_is_written_for_an_edge_that_does_not_run_alone() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let runs = may_write(&config("edge", address)).await.unwrap_err().to_string();
        assert!(runs.contains("a node runs"), "{runs}");
        drop(listener);
        may_write(&config("edge", address)).await.unwrap();
        let central = may_write(&config("standalone", address)).await.unwrap_err().to_string();
        assert!(central.contains("node.role"), "{central}");
    }
}
