//! Goal: an operator hears of whoever is in danger, wherever operators look, and once everywhere.
//! Method: a text process over two nodes in memory, of which one can be cut off.

#![allow(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

mod common;

use common::{DRIVER, MORNING, NONCE, RIDER, city, settings};
use ondol_messages::Lang;
use ondol_sms::carrier::MemoryCarrier;
use ondol_sms::clock::UtcMs;
use ondol_sms::dialogue::NodeRequest;
use ondol_sms::dialogue::budget::Limits;
use ondol_sms::node::{Answered, FakeNode, Link, NodeApi, Unreachable};
use ondol_sms::process::{Desk, Rules};
use ondol_sms::store::{Key, Store};
use ondol_sms::wire::{AckRequest, NoticesAnswer, Report, ReportKind};
use tempfile::TempDir;

/// The edge serves; central only hears reports.
#[derive(Clone)]
struct Two {
    edge: FakeNode,
    central: FakeNode,
}

impl Two {
    fn named(&self, source: &str) -> &FakeNode {
        if source == "edge" { &self.edge } else { &self.central }
    }
}

impl NodeApi for Two {
    async fn ask(
        &self,
        request: &NodeRequest,
        prefer: Option<&str>,
        now: UtcMs,
    ) -> Result<Answered, Unreachable> {
        let answered = self.edge.ask(request, prefer, now).await?;
        Ok(Answered { node: "edge".to_owned(), ..answered })
    }

    fn sources(&self) -> Vec<String> {
        vec!["central".to_owned(), "edge".to_owned()]
    }

    async fn notices(
        &self,
        source: &str,
        outbox: &str,
        after: i64,
        wait_ms: u64,
    ) -> Result<NoticesAnswer, Unreachable> {
        self.named(source).notices(source, outbox, after, wait_ms).await
    }

    async fn acknowledge(&self, source: &str, request: &AckRequest) -> Result<(), Unreachable> {
        self.named(source).acknowledge(source, request).await
    }

    async fn report(&self, source: &str, report: &Report) -> Result<(), Unreachable> {
        self.named(source).report(source, report).await
    }
}

struct Office {
    nodes: Two,
    carrier: MemoryCarrier,
    desk: Desk<Two, MemoryCarrier>,
    now: UtcMs,
    _dir: TempDir,
}

impl Office {
    async fn new() -> Self {
        let nodes = Two { edge: city(), central: city() };
        nodes.edge.add_driver(DRIVER, Lang::Ko);
        let (carrier, dir) = (MemoryCarrier::default(), TempDir::new().unwrap());
        let file = dir.path().join("text.sqlite");
        let store = Store::open(&file, Key::from_bytes([9; 32]), "mapo-text").await.unwrap();
        let mut rules = Rules::new(settings(), Limits::default(), vec!["+82".to_owned()]);
        rules.nonce = || NONCE;
        let desk = Desk::new(nodes.clone(), carrier.clone(), store, rules);
        Self { nodes, carrier, desk, now: MORNING, _dir: dir }
    }

    async fn text(&mut self, from: &str, body: &str) {
        self.now = self.now.plus_ms(1_000);
        self.carrier.deliver(from, body, self.now);
        self.desk.receive(self.now).await.unwrap();
        while self.desk.listen(self.now).await.unwrap() + self.desk.ask(self.now).await.unwrap() > 0 {}
    }

    /// What each node has been told: the edge, central.
    fn told(&self) -> (Vec<ReportKind>, Vec<ReportKind>) {
        let kinds = |node: &FakeNode| node.reports().iter().map(|report| report.kind).collect();
        (kinds(&self.nodes.edge), kinds(&self.nodes.central))
    }
}

#[tokio::test]
async fn danger_is_told_to_every_node_and_once() {
    let mut office = Office::new().await;
    office.nodes.central.set_cut(Link::Cut);
    office.text(RIDER, "SOS").await;
    office.text(DRIVER, "X 타이어 펑크").await;
    assert!(office.desk.tell_reports(office.now).await.is_err(), "central is still to be told");
    let both = vec![ReportKind::Sos, ReportKind::Problem];
    assert_eq!(office.told(), (both.clone(), vec![]));
    office.nodes.central.set_cut(Link::Up);
    for _ in 0..3 {
        office.desk.tell_reports(office.now).await.unwrap();
        assert_eq!(office.told(), (both.clone(), both.clone()));
    }
    assert_eq!(office.desk.store().backlog().await.unwrap().untold, 0);
}

#[tokio::test]
async fn a_node_that_was_away_for_a_day_hears_nothing_stale() {
    let mut office = Office::new().await;
    office.nodes.central.set_cut(Link::Cut);
    office.text(RIDER, "SOS").await;
    office.desk.tell_reports(office.now).await.unwrap_err();
    office.now = office.now.plus_ms(25 * 3_600_000);
    // What nobody has heard is told, however old.
    office.nodes.edge.set_cut(Link::Cut);
    office.text("+821033334444", "SOS").await;
    office.now = office.now.plus_ms(25 * 3_600_000);
    office.desk.tell_reports(office.now).await.unwrap_err();
    office.nodes.edge.set_cut(Link::Up);
    office.desk.tell_reports(office.now).await.unwrap_err();
    assert_eq!(office.told(), (vec![ReportKind::Sos, ReportKind::Sos], vec![]));
    assert_eq!(office.desk.store().backlog().await.unwrap().untold, 0);
}

#[tokio::test]
async fn what_is_no_danger_is_told_to_the_node_that_knows_the_person() {
    let mut office = Office::new().await;
    office.text(RIDER, "STOP").await;
    office.desk.tell_reports(office.now).await.unwrap();
    assert_eq!(office.told(), (vec![], vec![ReportKind::Stopped]), "a stranger: the first that answers");
    office.text(RIDER, "택시 서울역").await;
    office.text(RIDER, "STOP").await;
    office.desk.tell_reports(office.now).await.unwrap();
    let central = vec![ReportKind::Stopped, ReportKind::Resumed];
    assert_eq!(office.told(), (vec![ReportKind::Stopped], central));
}
