//! A text process over a carrier and a node in memory, which can be killed and started again.

use std::path::PathBuf;

use ondol_sms::carrier::MemoryCarrier;
use ondol_sms::clock::UtcMs;
use ondol_sms::dialogue::budget::Limits;
use ondol_sms::node::FakeNode;
use ondol_sms::process::{Desk, Rules};
use ondol_sms::store::{Key, Store};
use tempfile::TempDir;

use super::{MORNING, NONCE, settings};

pub struct Office {
    pub node: FakeNode,
    pub carrier: MemoryCarrier,
    pub desk: Desk<FakeNode, MemoryCarrier>,
    pub now: UtcMs,
    pub dir: TempDir,
    limits: Limits,
}

impl Office {
    pub async fn new(node: FakeNode, limits: Limits) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
        let carrier = MemoryCarrier::default();
        let desk = desk(&dir, &node, &carrier, limits).await;
        Self { node, carrier, desk, now: MORNING, dir, limits }
    }

    /// Kills the process and starts it again: only what is in the store, the carrier and the node is left.
    pub async fn restart(&mut self) -> usize {
        self.desk = desk(&self.dir, &self.node, &self.carrier, self.limits).await;
        self.desk.recover(self.now).await.unwrap()
    }

    pub fn later(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }

    /// A text arrives and everything is worked off.
    pub async fn text(&mut self, from: &str, body: &str) -> Vec<String> {
        self.later(1_000);
        self.carrier.deliver(from, body, self.now);
        self.work_off().await
    }

    /// Works until nothing moves, and returns what was sent to anybody.
    pub async fn work_off(&mut self) -> Vec<String> {
        let before = self.carrier.sent().len();
        self.desk.receive(self.now).await.unwrap();
        while self.desk.listen(self.now).await.unwrap() + self.desk.ask(self.now).await.unwrap() > 0 {}
        let _carrier_may_be_down = self.desk.send(self.now).await;
        self.desk.receipts(self.now).await.unwrap();
        self.carrier.sent().split_off(before).into_iter().map(|(_, text)| text).collect()
    }

    pub async fn read_notices(&mut self) -> Vec<String> {
        self.desk.read_notices("fake", self.now, 0).await.unwrap();
        self.work_off().await
    }

    pub async fn tell(&self) {
        self.desk.tell_outcomes("fake").await.unwrap();
        self.desk.tell_reports(self.now).await.unwrap();
    }
}

async fn desk(
    dir: &TempDir,
    node: &FakeNode,
    carrier: &MemoryCarrier,
    limits: Limits,
) -> Desk<FakeNode, MemoryCarrier> {
    let store =
        Store::open(&dir.path().join("text.sqlite"), Key::from_bytes([9; 32]), "mapo-text").await.unwrap();
    let mut rules = Rules::new(settings(), limits, vec!["+82".to_owned()]);
    rules.nonce = || NONCE;
    Desk::new(node.clone(), carrier.clone(), store, rules)
}
