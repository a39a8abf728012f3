//! Goal: a row that cannot be read, a value that is too long, a store that hiccups or a flood of strangers stops
//! nobody else, and is told.
//! Method: the text process's steps over a carrier and a node in memory; rows are damaged as a bad disk does.

#![allow(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

mod common;

use common::office::Office;
use common::{DRIVER, RIDER, city};
use ondol_messages::Lang;
use ondol_sms::dialogue::budget::Limits;
use ondol_sms::node::Link;
use ondol_sms::store::{Key, Store};
use ondol_sms::wire::{BookingState, Notice, ReportKind, VehicleView};
use sqlx::sqlite::SqlitePoolOptions;
use uuid::Uuid;

const OTHER: &str = "+821022223333";
const BOOKED: &str = "접수 K001 서울역. PIN 4821. 배차되면 알려드립니다. 취소 C";

async fn office() -> Office {
    Office::new(city(), Limits::default()).await
}

/// Makes every row of `table` unreadable.
async fn damage(office: &Office, table: &str) {
    let damaged = run(office, &format!("UPDATE {table} SET sealed = zeroblob(60)")).await;
    assert!(damaged > 0, "{table} held nothing to damage");
}

/// Runs a statement beside the process and returns how many rows it changed.
async fn run(office: &Office, statement: &str) -> u64 {
    let file = format!("sqlite://{}", office.dir.path().join("text.sqlite").display());
    let pool = SqlitePoolOptions::new().max_connections(1).connect(&file).await.unwrap();
    let changed = sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&pool).await.unwrap();
    pool.close().await;
    changed.rows_affected()
}

async fn told(office: &Office) -> Vec<ReportKind> {
    office.tell().await;
    office.node.reports().iter().map(|report| report.kind).collect()
}

#[tokio::test]
async fn a_text_that_cannot_be_read_keeps_no_other_back() {
    let mut office = office().await;
    office.carrier.deliver(RIDER, "택시 서울역", office.now);
    office.desk.receive(office.now).await.unwrap();
    damage(&office, "inbox").await;
    assert_eq!(office.text(OTHER, "도움").await.len(), 1);
    assert_eq!(office.text(RIDER, "택시 서울역").await, [BOOKED], "nor the next of the same number");
    assert_eq!(told(&office).await, [ReportKind::SetAside]);
    assert_eq!(office.desk.store().backlog().await.unwrap().set_aside, 1);
}

#[tokio::test]
async fn a_dialogue_that_cannot_be_read_begins_anew() {
    let mut office = office().await;
    office.text(OTHER, "STOP").await;
    office.text(RIDER, "택시 서울역").await;
    damage(&office, "dialogue").await;
    assert!(office.text(RIDER, "?").await[0].starts_with("K001"));
    assert_eq!(office.text(OTHER, "hm").await, Vec::<String>::new(), "STOP still stands");
    assert_eq!(told(&office).await, [ReportKind::Stopped, ReportKind::SetAside]);
}

#[tokio::test]
async fn a_request_that_cannot_be_read_keeps_no_other_back() {
    let mut office = office().await;
    office.node.set_cut(Link::Cut);
    office.text(RIDER, "택시 서울역").await;
    damage(&office, "request").await;
    office.node.set_cut(Link::Up);
    office.later(60_000);
    assert!(office.text(OTHER, "?").await[0].starts_with("열린 예약이 없습니다"));
    assert_eq!(office.text(RIDER, "택시 서울역").await, [BOOKED]);
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_keeps_no_other_back() {
    let mut office = office().await;
    office.carrier.set_down(Link::Cut);
    office.text(RIDER, "도움").await;
    damage(&office, "outbox").await;
    office.carrier.set_down(Link::Up);
    assert_eq!(office.text(OTHER, "도움").await.len(), 1);
    assert_eq!(office.restart().await, 0);
}

#[tokio::test]
async fn a_report_that_cannot_be_read_keeps_no_other_back() {
    let mut office = office().await;
    office.text(RIDER, "SOS").await;
    damage(&office, "report").await;
    office.text(OTHER, "SOS").await;
    office.tell().await;
    assert_eq!(told(&office).await, [ReportKind::Sos, ReportKind::SetAside]);
    assert_eq!(office.node.reports()[0].phone, OTHER);
}

#[tokio::test]
async fn a_wrong_key_file_leaves_the_store_as_it_is() {
    let mut office = office().await;
    office.text(RIDER, "택시 서울역").await;
    let file = office.dir.path().join("text.sqlite");
    let error = Store::open(&file, Key::from_bytes([8; 32]), "mapo-text").await.unwrap_err();
    assert!(error.to_string().contains("key_file"), "{error}");
    assert_eq!(office.restart().await, 0);
    assert!(office.text(RIDER, "?").await[0].starts_with("K001"));
}

#[tokio::test]
async fn a_long_plate_is_cut_and_what_cannot_be_made_is_answered_with_please_call() {
    let mut office = office().await;
    office.text(RIDER, "택시 서울역").await;
    let booking = office.node.bookings()[0].1.booking_id;
    office.node.with_booking(booking, |view| {
        view.state = BookingState::Assigned;
        view.vehicle = Some(VehicleView { plate: "서울특별시33바1234".to_owned(), eta_s: Some(300) });
    });
    assert_eq!(office.text(RIDER, "?").await, ["배차 K001: …시33바1234 약 5분. 탈 때 PIN 4821"]);
    office.node.with_booking(booking, |view| view.code = "K0001".to_owned());
    let call = ["지금은 처리할 수 없습니다. 02-123-4567 번으로 전화해 주세요."];
    assert_eq!(office.text(RIDER, "?").await, call);
    office.node.with_booking(booking, |view| view.code = "K001".to_owned());
    assert!(office.text(RIDER, "?").await[0].starts_with("배차 K001"), "the dialogue goes on");
    assert_eq!(told(&office).await, [ReportKind::SetAside]);
}

#[tokio::test]
async fn a_submission_that_a_failing_store_cut_off_is_taken_up_in_the_next_round() {
    let mut office = office().await;
    office.carrier.deliver(RIDER, "택시 서울역", office.now);
    office.desk.receive(office.now).await.unwrap();
    while office.desk.listen(office.now).await.unwrap() + office.desk.ask(office.now).await.unwrap() > 0 {}
    // What the store does before its next write fails; the process lives on.
    office.desk.store().start_submitting(office.now, 10).await.unwrap();
    assert_eq!(office.work_off().await, [format!("[재]{BOOKED}")]);
    assert_eq!(office.work_off().await, Vec::<String>::new());
}

/// SQLite takes back a transaction by itself when the disk refuses a write; the process goes on once it has room.
#[tokio::test]
async fn a_text_that_came_while_the_disk_was_full_is_heard_afterwards() {
    let mut office = office().await;
    let full = "CREATE TRIGGER full BEFORE INSERT ON inbox BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
    run(&office, full).await;
    office.carrier.deliver(RIDER, "택시 서울역", office.now);
    let heard = office.desk.receive(office.now).await;
    assert!(heard.is_err() && office.carrier.sent().is_empty());
    run(&office, "DROP TRIGGER full").await;
    assert_eq!(office.work_off().await, [BOOKED]);
}

#[tokio::test]
async fn an_sos_does_not_wait_for_a_node() {
    let mut office = office().await;
    office.node.set_cut(Link::Cut);
    assert_eq!(office.text(RIDER, "택시 서울역").await, Vec::<String>::new());
    assert_eq!(
        office.text(RIDER, "SOS 서울역 앞").await,
        ["SOS를 상담원에게 알리는 중입니다. 위급하면 바로 112/119 번에 전화하세요."]
    );
    office.node.set_cut(Link::Up);
    office.later(10_000);
    assert_eq!(office.work_off().await, [BOOKED], "and what waited goes on");
    assert_eq!(told(&office).await, [ReportKind::Sos]);
}

#[tokio::test]
async fn strangers_who_pump_leave_offers_acknowledgements_and_sos_alone() {
    let limits = Limits { minute: 100_000, prefix_10min: 100_000, ..Limits::default() };
    let mut office = Office::new(city(), limits).await;
    office.node.add_driver(DRIVER, Lang::Ko);
    for index in 0..3_000 {
        office.carrier.deliver(&format!("+8210{:08}", 20_000_000 + index * 7_919), "HELP", office.now);
        if index % 100 == 99 {
            office.work_off().await;
        }
    }
    while !office.work_off().await.is_empty() {}
    assert_eq!(office.carrier.sent().len(), usize::try_from(limits.strangers_day).unwrap());
    assert_eq!(office.text(RIDER, "SOS").await.len(), 1);
    assert_eq!(office.text(OTHER, "택시 서울역").await, [BOOKED]);
    let args = [("letter", "K"), ("pickup", "서울역"), ("minutes", "4")];
    office.node.notify(Notice {
        seq: 1,
        id: Uuid::from_u128(1),
        to: DRIVER.to_owned(),
        lang: Lang::Ko,
        template: "sms-offer-open".to_owned(),
        args: args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        urgent: true,
        expires_at: office.now.plus_ms(60_000),
        ask: None,
    });
    assert_eq!(office.read_notices().await, ["K 서울역 4분. 수락 1K 거절 2K"]);
    assert_eq!(told(&office).await, [ReportKind::BudgetSpent, ReportKind::Sos]);
}

#[tokio::test]
async fn whoever_writes_too_fast_is_told_once() {
    let mut office = office().await;
    let most = usize::try_from(Limits::default().heard_10min).unwrap();
    for _ in 0..most {
        office.text(RIDER, "?").await;
    }
    assert_eq!(office.text(RIDER, "?").await, ["문자가 너무 많습니다. 잠시 후 다시 보내 주세요."]);
    for _ in 0..20 {
        assert_eq!(office.text(RIDER, "?").await, Vec::<String>::new());
    }
    assert_eq!(office.node.calls().len(), most);
}
