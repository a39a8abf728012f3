//! What [`super::backlog`] and [`super::day`] share: a node that nobody else runs, and riders who do not exist.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use ondol_core::booking::Door;
use ondol_core::command::{Answer, Command};
use ondol_core::fact::Request;
use ondol_core::ids::{BookingId, DistrictId, SubjectId, ZoneId};
use ondol_core::node::Node;
use ondol_core::position::Position;
use ondol_engine::config::Config;
use ondol_engine::vault::RiderPersonal;
use ondol_engine::{Handle, RequestError};
use ondol_roads::RoadMap;
use uuid::Uuid;

use crate::serve::{self, Station};
use crate::served::{self, Served};

/// How often, and how long apart, a node is asked that cannot answer.
const TRIES: u32 = 60;
const AGAIN: Duration = Duration::from_secs(1);

/// A node that serves nobody: its loop runs in this process, and its store has no bookings yet.
pub(super) struct Quiet {
    pub(super) station: Station,
}

impl Quiet {
    /// Starts the node of `config`, whose configuration `may` have bookings made up for it.
    ///
    /// # Errors
    ///
    /// If it may not, it runs already, cannot be started or has bookings.
    pub(super) async fn start(
        config: &Path,
        may: impl FnOnce(&Config) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let read = Config::read(config)?;
        may_write(&read, may).await.with_context(|| config.display().to_string())?;
        let station = serve::start(config).await?;
        let quiet = Self { station };
        let has_bookings =
            |node: &Node| node.board().districts().any(|(_, board)| !board.bookings.is_empty());
        ensure!(
            !quiet.handle().read(has_bookings).await?,
            "the store has bookings: some are made up in a new one only, so that nobody is sent to a rider whom nobody knows"
        );
        Ok(quiet)
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.station.running.handle
    }

    /// The map, without which nobody knows where riders are.
    ///
    /// # Errors
    ///
    /// If none is configured.
    pub(super) fn map(&self) -> anyhow::Result<&RoadMap> {
        Ok(self.station.map.as_ref().context("map.dir: bookings are made up on a map")?)
    }

    /// How many entries of its own the node's journal has.
    ///
    /// # Errors
    ///
    /// If the loop has ended.
    pub(super) async fn entries(&self) -> anyhow::Result<u64> {
        let own = |node: &Node| {
            let heads = node.board().heads().0.iter();
            heads.filter(|(series, _)| series.origin == node.config().id).map(|(_, head)| head.seq).sum()
        };
        Ok(self.handle().read(own).await?)
    }

    /// Ends the node; all of it is in the store.
    ///
    /// # Errors
    ///
    /// If the store failed.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.handle().shut_down().await;
        self.station.running.task.await.context("the loop ended unexpectedly")??;
        Ok(())
    }
}

/// A node that runs is left alone.
pub(super) async fn may_write(
    config: &Config,
    may: impl FnOnce(&Config) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    may(config)?;
    match served::look(config).await? {
        Served::ByNobody => Ok(()),
        Served::ByNode => bail!("listen.address: a node runs at {}: stop it first", config.listen.address),
    }
}

/// Asks the node, and again if it cannot answer at the moment: a disk that others use keeps it waiting, and the same
/// request with the same ids is done once.
///
/// # Errors
///
/// If the node refuses, or cannot answer for [`TRIES`] times [`AGAIN`].
pub(super) async fn ask(handle: &Handle, command: Command) -> anyhow::Result<Answer> {
    for _ in 1..TRIES {
        match handle.request(command.clone()).await {
            Err(RequestError::Unavailable) => tokio::time::sleep(AGAIN).await,
            answer => return Ok(answer?),
        }
    }
    Ok(handle.request(command).await?)
}

/// Where somebody asks for a taxi.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) district: DistrictId,
    pub(super) zone: ZoneId,
    pub(super) at: Position,
}

impl Place {
    /// The first of `candidates` in each district that is listed, and those after it.
    ///
    /// # Errors
    ///
    /// If the map has no districts, or one of these has no place.
    pub(super) fn of_districts(
        map: &RoadMap,
        candidates: impl IntoIterator<Item = Position>,
        listed: impl IntoIterator<Item = DistrictId>,
    ) -> anyhow::Result<BTreeMap<DistrictId, Vec<Place>>> {
        let districts = map.districts().context("map.dir: the map has no districts")?;
        let mut found: BTreeMap<DistrictId, Vec<Place>> =
            listed.into_iter().map(|district| (district, Vec::new())).collect();
        for at in candidates {
            let Some((district, zone)) = districts.locate(at) else { continue };
            if let Some(places) = found.get_mut(&district) {
                places.push(Place { district, zone, at });
            }
        }
        if let Some((district, _)) = found.iter().find(|(_, places)| places.is_empty()) {
            bail!("map.dir: there is no place to ask from in {district}");
        }
        Ok(found)
    }

    /// Books as a rider with a number of their own, who is named nowhere else.
    ///
    /// # Errors
    ///
    /// If the node refuses.
    pub(super) async fn book(&self, handle: &Handle, booking: BookingId, number: u64) -> anyhow::Result<()> {
        let rider = SubjectId(Uuid::new_v4());
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
        ask(handle, Command::Book { booking, district, zone, request }).await.map(drop)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A configuration of `role` whose node listens at `address`; its store does not exist. With `edge`, the district has
    /// that one.
    pub(crate) fn config(role: &str, edge: Option<&str>, address: std::net::SocketAddr) -> Config {
        let peer = |id: &str| {
            format!("[[peers]]\nid = \"{id}\"\nurl = \"http://127.0.0.1:1\"\npublic_key = \"unused\"\n")
        };
        let has_edge = edge.map_or(String::new(), |edge| format!(", edge = \"{edge}\""));
        let (id, central, peers) = match (role, edge) {
            ("edge", Some(edge)) => (edge, "central = \"central\"", peer("central")),
            (_, Some(edge)) => ("central", "", peer(edge)),
            (_, None) => ("central", "", String::new()),
        };
        let text = format!(
            "districts = [{{ id = \"hanbuk\", zones = [\"hanbuk-1\"]{has_edge} }}]\n\
             [node]\nid = \"{id}\"\nrole = \"{role}\"\n{central}\n\
             [listen]\naddress = \"{address}\"\n\
             [store]\nurl = \"sqlite:///nowhere/node.db\"\n\
             [keys]\nmaster = \"unused\"\nnode = \"unused\"\n{peers}"
        );
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_node_that_runs_is_left_alone() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let config = config("edge", Some("edge-hanbuk"), listener.local_addr().unwrap());
        let runs = may_write(&config, |_| Ok(())).await.unwrap_err().to_string();
        assert!(runs.contains("a node runs"), "{runs}");
        drop(listener);
        may_write(&config, |_| Ok(())).await.unwrap();
        let refused = may_write(&config, |_| bail!("node.role: not this one")).await.unwrap_err().to_string();
        assert!(refused.contains("node.role"), "{refused}");
    }
}
