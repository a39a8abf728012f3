//! One node of one district on a store in a folder of its own.

use std::sync::Arc;

use ondol_core::booking::{Door, Status};
use ondol_core::command::Command;
use ondol_core::fact::Request;
use ondol_core::ids::{BookingId, DistrictId, SubjectId};
use ondol_core::position::Position;
use ondol_core::travel::StraightLine;
use ondol_core::units::UtcMs;

use crate::clock::{ManualClock, SharedClock};
use crate::config::Config;
use crate::run::{Handle, Running, Setup, start};
use crate::store::{Store, StoreError};
use crate::vault::{Secrets, Vault};

const CONFIG: &str = r#"
districts = [{ id = "hanbuk", zones = ["hanbuk-1"] }]
[node]
id = "central"
role = "standalone"
[listen]
address = "127.0.0.1:0"
[store]
url = "unused: the test opens its own"
[keys]
master = "unused"
node = "unused"
"#;

pub(crate) struct Bench {
    pub(crate) url: String,
    pub(crate) clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

/// A node that runs.
pub(crate) struct Started {
    pub(crate) handle: Handle,
    running: Running,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("node.db").display());
        Self { url, clock: ManualClock::at(UtcMs(1_665_815_400_000)), _folder: folder }
    }

    pub(crate) async fn start(&self) -> Started {
        let clock: SharedClock = Arc::<ManualClock>::clone(&self.clock);
        let setup = Setup {
            config: config(),
            clock,
            store: Store::open(&self.url).await.unwrap(),
            vault: Vault::new(&Secrets::from_bytes([3; 32])),
            travel: Arc::new(StraightLine),
        };
        let running = start(setup).await.unwrap();
        Started { handle: running.handle.clone(), running }
    }
}

impl Started {
    /// Ends the node in order.
    pub(crate) async fn stop(self) -> Result<(), StoreError> {
        self.handle.shut_down().await;
        self.ended().await
    }

    /// Waits for the loop to end by itself.
    pub(crate) async fn ended(self) -> Result<(), StoreError> {
        self.running.task.await.unwrap()
    }
}

pub(crate) fn config() -> Config {
    CONFIG.parse().unwrap()
}

pub(crate) fn district() -> DistrictId {
    "hanbuk".parse().unwrap()
}

pub(crate) fn book(number: u128) -> Command {
    Command::Book {
        booking: BookingId::from_number(number),
        district: district(),
        zone: "hanbuk-1".parse().unwrap(),
        request: request(number),
    }
}

pub(crate) fn request(number: u128) -> Request {
    let pickup = Position::new(37.5665, 126.978).unwrap();
    let digest = number.to_string();
    Request { digest, ..Request::plain(Door::Web, pickup, SubjectId::from_number(number)) }
}

pub(crate) async fn status_of(handle: &Handle, number: u128) -> Option<Status> {
    let booking = BookingId::from_number(number);
    let look =
        move |node: &ondol_core::node::Node| node.board().booking(booking).map(|(_, record)| record.status());
    handle.read(look).await.unwrap()
}
