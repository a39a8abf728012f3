//! Goal: nothing that was acknowledged is lost, nothing is done twice, and limits hold.
//! Method: the text process's steps over a carrier and a node in memory, killed between any two steps.

#![allow(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

mod common;

use common::office::Office;
use common::{DRIVER, MORNING, RIDER, city};
use ondol_messages::Lang;
use ondol_sms::clock::UtcMs;
use ondol_sms::dialogue::budget::Limits;
use ondol_sms::node::Link;
use ondol_sms::wire::{Ask, AskKind, BookingState, Notice, NoticeOutcome, ReportKind};
use uuid::Uuid;

async fn office() -> Office {
    Office::new(city(), Limits::default()).await
}

fn notice(seq: i64, template: &str, args: &[(&str, &str)]) -> Notice {
    Notice {
        seq,
        id: Uuid::from_u128(u128::try_from(seq).unwrap()),
        to: RIDER.to_owned(),
        lang: Lang::Ko,
        template: template.to_owned(),
        args: args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        urgent: false,
        expires_at: UtcMs(MORNING.0 + 3_600_000),
        ask: None,
    }
}

fn outcomes(office: &Office) -> Vec<(u128, NoticeOutcome)> {
    office.node.outcomes().iter().map(|result| (result.id.as_u128(), result.outcome)).collect()
}

#[tokio::test]
async fn names_short_codes_and_foreign_numbers_are_never_answered() {
    let mut office = office().await;
    for from in ["KAKAO", "1588", "+14155550123", "", "+82"] {
        assert_eq!(office.text(from, "HELP").await, Vec::<String>::new(), "{from}");
    }
    assert_eq!(office.carrier.unsettled(), 0, "they are kept in the store, not in the spool");
}

#[tokio::test]
async fn a_booking_by_text() {
    let mut office = office().await;
    assert_eq!(
        office.text("010-1234-5678", "택시 서울역").await,
        ["접수 K001 서울역. PIN 4821. 배차되면 알려드립니다. 취소 C"]
    );
    assert_eq!(office.node.bookings()[0].0, RIDER);
    assert_eq!(office.carrier.sent()[0].0, RIDER);
}

#[tokio::test]
async fn texts_of_one_number_are_read_in_order() {
    let mut office = office().await;
    for text in ["택시 강남", "4", "?"] {
        office.later(1_000);
        office.carrier.deliver(RIDER, text, office.now);
    }
    let texts = office.work_off().await;
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[1].starts_with("접수 K001 강남구청"), "{texts:?}");
    assert!(texts[2].starts_with("K001 차를 찾는 중"), "{texts:?}");
}

#[tokio::test]
async fn the_same_text_delivered_twice_is_one_booking() {
    let mut office = office().await;
    office.carrier.deliver(RIDER, "택시 서울역", office.now);
    office.work_off().await;
    // The spool shows it again: we were killed between reading and deleting.
    office.carrier.deliver(RIDER, "택시 서울역", office.now);
    assert_eq!(office.work_off().await, Vec::<String>::new());
    assert_eq!(office.node.bookings().len(), 1);
    assert_eq!(office.carrier.unsettled(), 0);
}

/// 31 days: what is done is removed by then.
const MONTH_MS: u64 = 31 * 24 * 3_600_000;

#[tokio::test]
async fn a_booking_after_months_of_silence_is_a_new_one() {
    let mut office = office().await;
    for times in 1..=3 {
        // The very same words each time.
        assert_eq!(office.text(RIDER, "택시 서울역").await.len(), 1);
        let bookings = office.node.bookings();
        assert_eq!(bookings.len(), times, "each is a booking of its own");
        office
            .node
            .with_booking(bookings[times - 1].1.booking_id, |view| view.state = BookingState::Completed);
        office.later(MONTH_MS);
        office.desk.store().prune(office.now).await.unwrap();
    }
}

#[tokio::test]
async fn a_stop_is_kept_for_good() {
    let mut office = office().await;
    assert_eq!(office.text(RIDER, "STOP").await.len(), 1);
    office.later(MONTH_MS);
    office.desk.store().prune(office.now).await.unwrap();
    let expires_at = office.now.plus_ms(3_600_000);
    office.node.notify(Notice { expires_at, ..notice(1, "sms-cancelled", &[("code", "K001")]) });
    assert_eq!(office.read_notices().await, Vec::<String>::new());
    assert_eq!(office.text(RIDER, "you there?").await, Vec::<String>::new());
    assert_eq!(office.text(RIDER, "HELP").await.len(), 1, "until it asks for something again");
    let expires_at = office.now.plus_ms(3_600_000);
    office.node.notify(Notice { expires_at, ..notice(2, "sms-cancelled", &[("code", "K001")]) });
    assert_eq!(office.read_notices().await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_made_durable_stays_with_the_carrier() {
    let mut office = office().await;
    office.carrier.deliver(RIDER, "택시 서울역", office.now);
    office.desk.store().close().await;
    assert!(office.desk.receive(office.now).await.is_err());
    assert_eq!(office.carrier.unsettled(), 1);
    office.restart().await;
    assert_eq!(office.work_off().await.len(), 1);
    assert_eq!(office.node.bookings().len(), 1);
}

/// Runs a booking with a kill after step number `kill_after`; returns the texts that left.
async fn booking_with_a_kill_after(kill_after: usize) -> (Office, Vec<String>) {
    let mut office = office().await;
    office.carrier.deliver(RIDER, "택시 서울역", office.now);
    for step in 0.. {
        match step % 7 {
            0 => drop(office.desk.receive(office.now).await.unwrap()),
            1 | 3 => drop(office.desk.listen(office.now).await.unwrap()),
            2 | 4 | 5 => drop(office.desk.ask(office.now).await.unwrap()),
            _ => drop(office.desk.send(office.now).await.unwrap()),
        }
        if step == kill_after {
            break;
        }
    }
    office.restart().await;
    office.work_off().await;
    let texts = office.carrier.sent().into_iter().map(|(_, text)| text).collect();
    (office, texts)
}

#[tokio::test]
async fn a_kill_between_any_two_steps_loses_and_doubles_nothing() {
    for kill_after in 0..14 {
        let (office, texts) = booking_with_a_kill_after(kill_after).await;
        assert_eq!(office.node.bookings().len(), 1, "killed after step {kill_after}");
        assert_eq!(
            texts,
            ["접수 K001 서울역. PIN 4821. 배차되면 알려드립니다. 취소 C"],
            "killed after step {kill_after}"
        );
    }
}

#[tokio::test]
async fn a_submission_cut_off_is_repeated_with_the_same_code() {
    let mut office = office().await;
    office.carrier.deliver(RIDER, "택시 서울역", office.now);
    office.desk.receive(office.now).await.unwrap();
    while office.desk.listen(office.now).await.unwrap() + office.desk.ask(office.now).await.unwrap() > 0 {}
    // Killed after the text was marked as being submitted: nobody knows whether the carrier had it.
    office.desk.store().start_submitting(office.now, 10).await.unwrap();
    assert_eq!(office.restart().await, 1);
    assert_eq!(office.work_off().await, ["[재]접수 K001 서울역. PIN 4821. 배차되면 알려드립니다. 취소 C"]);
    assert_eq!(office.restart().await, 0);
}

#[tokio::test]
async fn a_carrier_that_is_down_gets_the_text_later() {
    let mut office = office().await;
    office.carrier.set_down(Link::Cut);
    assert_eq!(office.text(RIDER, "도움").await, Vec::<String>::new());
    office.carrier.set_down(Link::Up);
    let texts = office.work_off().await;
    assert!(texts[0].starts_with("[재]택시 <곳>"), "{texts:?}");
    // What is worth nothing any more is not sent.
    office.carrier.set_down(Link::Cut);
    office.text(RIDER, "도움").await;
    office.later(10 * 60_000);
    office.carrier.set_down(Link::Up);
    assert_eq!(office.work_off().await, Vec::<String>::new());
}

#[tokio::test]
async fn while_no_node_answers_the_rider_is_told_once_and_served_after() {
    let mut office = office().await;
    office.node.set_cut(Link::Cut);
    assert_eq!(office.text(RIDER, "택시 서울역").await, Vec::<String>::new());
    let mut told = Vec::new();
    for _ in 0..12 {
        office.later(10_000);
        told.extend(office.work_off().await);
    }
    assert_eq!(told, ["지금 배차실과 연결 중입니다. 연결되는 대로 답장을 드리겠습니다."]);
    office.restart().await;
    office.node.set_cut(Link::Up);
    office.desk.store().hurry_requests(office.now).await.unwrap();
    assert_eq!(office.work_off().await, ["접수 K001 서울역. PIN 4821. 배차되면 알려드립니다. 취소 C"]);
}

#[tokio::test]
async fn a_text_is_answered_within_180_s_even_if_no_node_is_left() {
    let mut office = office().await;
    office.node.set_cut(Link::Cut);
    office.text(RIDER, "택시 서울역").await;
    let mut told = Vec::new();
    for _ in 0..18 {
        office.later(10_000);
        told.extend(office.work_off().await);
    }
    assert_eq!(
        told.last().map(String::as_str),
        Some("죄송합니다. 접수하지 못했습니다. 02-123-4567 번으로 전화해 주세요.")
    );
    assert_eq!(told.len(), 2);
    office.node.set_cut(Link::Up);
    assert_eq!(office.text(RIDER, "택시 서울역").await.len(), 1, "the number can go on");
    assert_eq!(office.node.bookings().len(), 1);
}

#[tokio::test]
async fn notices_that_cannot_be_sent_are_refused_with_the_reason() {
    let mut office = office().await;
    office.text("+821000000009", "STOP").await;
    office.node.notify(notice(1, "sms-free-money", &[]));
    office.node.notify(notice(2, "sms-cancelled", &[("code", "K0011")]));
    office
        .node
        .notify(Notice { to: "+14155550123".to_owned(), ..notice(3, "sms-cancelled", &[("code", "K001")]) });
    office
        .node
        .notify(Notice { to: "+821000000009".to_owned(), ..notice(4, "sms-cancelled", &[("code", "K001")]) });
    office.node.notify(Notice { expires_at: MORNING, ..notice(5, "sms-cancelled", &[("code", "K001")]) });
    assert_eq!(office.read_notices().await, Vec::<String>::new());
    office.tell().await;
    use NoticeOutcome::{Expired, Refused};
    assert_eq!(outcomes(&office), [(1, Refused), (2, Refused), (3, Refused), (4, Refused), (5, Expired)]);
}

#[tokio::test]
async fn a_notice_is_sent_once_and_its_node_hears_of_it() {
    let mut office = office().await;
    let assigned = [("code", "K001"), ("plate", "서울33바1234"), ("minutes", "5"), ("pin", "4821")];
    office.node.notify(notice(1, "sms-assigned", &assigned));
    assert_eq!(office.read_notices().await, ["배차 K001: 서울33바1234 약 5분. 탈 때 PIN 4821"]);
    assert_eq!(office.read_notices().await, Vec::<String>::new());
    // The other node shows the same notice under another number of its own.
    office.node.notify(Notice { seq: 2, ..notice(1, "sms-assigned", &assigned) });
    office.restart().await;
    assert_eq!(office.read_notices().await, Vec::<String>::new());
    office.tell().await;
    assert_eq!(
        outcomes(&office),
        [(1, NoticeOutcome::Taken), (1, NoticeOutcome::Sent), (1, NoticeOutcome::Taken)]
    );
    office.tell().await;
    assert_eq!(office.node.outcomes().len(), 3, "told once");
}

#[tokio::test]
async fn a_node_that_was_restored_is_read_from_its_start() {
    let mut office = office().await;
    for seq in 1..=5 {
        office.node.notify(notice(seq, "sms-cancelled", &[("code", "K001")]));
    }
    assert_eq!(office.read_notices().await.len(), 5);
    office.node.restore();
    office
        .node
        .notify(Notice { id: Uuid::from_u128(99), ..notice(1, "sms-handed-back", &[("code", "K001")]) });
    assert_eq!(office.read_notices().await, Vec::<String>::new(), "the new outbox is noticed");
    assert_eq!(office.read_notices().await.len(), 1);
    office.restart().await;
    assert_eq!(office.read_notices().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_notice_names_the_depots_own_number() {
    let mut office = office().await;
    office.node.notify(notice(1, "sms-unserved", &[("code", "K001")]));
    assert_eq!(office.read_notices().await, ["K001 차를 찾지 못했습니다. 죄송합니다. 문의 02-123-4567"]);
}

#[tokio::test]
async fn a_question_in_a_notice_is_answered_by_number() {
    let mut office = office().await;
    office.text(RIDER, "택시 서울역").await;
    let booking_id = office.node.bookings()[0].1.booking_id;
    let ask = Some(Ask { booking_id, kind: AskKind::StillWanted });
    office
        .node
        .notify(Notice { ask, ..notice(1, "sms-still-wanted", &[("code", "K001"), ("place", "서울역")]) });
    assert_eq!(office.read_notices().await, ["예약 K001 서울역 아직 필요하세요? 1 예, 2 취소"]);
    assert_eq!(office.text(RIDER, "2").await, ["K001 예약이 취소되었습니다."]);
    assert_eq!(office.node.bookings()[0].1.state, BookingState::Cancelled);
}

#[tokio::test]
async fn an_offer_without_an_answer_goes_to_an_operator() {
    let mut office = office().await;
    office.node.add_driver(DRIVER, Lang::Ko);
    let offer = [("letter", "K"), ("pickup", "서울역"), ("minutes", "4")];
    let urgent =
        |seq| Notice { to: DRIVER.to_owned(), urgent: true, ..notice(seq, "sms-offer-open", &offer) };
    office.node.notify(urgent(1));
    assert_eq!(office.read_notices().await, ["K 서울역 4분. 수락 1K 거절 2K"]);
    office.later(44_000);
    assert_eq!(office.desk.watch(office.now).await.unwrap(), 0);
    office.later(1_000);
    assert_eq!(office.desk.watch(office.now).await.unwrap(), 1);
    assert_eq!(office.desk.watch(office.now).await.unwrap(), 0, "once");
    // What is urgent and asks nothing waits for no answer.
    let assigned = [("code", "K001"), ("plate", "서울33바1234"), ("minutes", "5"), ("pin", "4821")];
    office.node.notify(Notice { urgent: true, ..notice(3, "sms-assigned", &assigned) });
    assert_eq!(office.read_notices().await.len(), 1);
    office.later(60_000);
    assert_eq!(office.desk.watch(office.now).await.unwrap(), 0);
    // One that is answered is not.
    office.node.notify(urgent(4));
    office.read_notices().await;
    office.text(DRIVER, "?").await;
    office.later(60_000);
    assert_eq!(office.desk.watch(office.now).await.unwrap(), 0);
    office.tell().await;
    assert!(outcomes(&office).contains(&(1, NoticeOutcome::Unanswered)));
    assert!(!outcomes(&office).contains(&(4, NoticeOutcome::Unanswered)));
}

#[tokio::test]
async fn limits_hold_under_a_flood_of_ten_thousand() {
    let mut office = office().await;
    let limits = Limits::default();
    for index in 0..10_000 {
        if index % 1_000 == 0 {
            office.later(6_000);
        }
        let from = format!("+8210{:08}", 10_000_000 + (index * 7_919) % 1_000);
        office.carrier.deliver(&from, &format!("HELP {index}"), UtcMs(office.now.0 + index));
        if index % 100 == 99 {
            office.work_off().await;
        }
    }
    for _ in 0..100 {
        office.work_off().await;
    }
    assert_eq!(office.carrier.unsettled(), 0, "all were taken");
    let sent = office.carrier.sent();
    let most = usize::try_from(limits.minute * 2).unwrap();
    assert!(sent.len() <= most, "{} texts left in a minute of flood", sent.len());
    office.tell().await;
    let spent = office.node.reports().iter().filter(|r| r.kind == ReportKind::BudgetSpent).count();
    assert!((1..=3).contains(&spent), "{spent} alarms");
    // A rider who books in the flood still gets the acknowledgement.
    let texts = office.text("+821077777777", "택시 서울역").await;
    assert_eq!(texts, ["접수 K001 서울역. PIN 4821. 배차되면 알려드립니다. 취소 C"]);
}

#[tokio::test]
async fn one_number_is_not_read_without_end() {
    let mut office = office().await;
    for _ in 0..200 {
        office.text(RIDER, "?").await;
    }
    assert_eq!(office.node.calls().len(), usize::try_from(Limits::default().heard_10min).unwrap());
    // Six answers, and once that more is not read.
    assert!(office.carrier.sent().len() <= 7);
    assert_eq!(office.text(RIDER, "SOS").await.len(), 1, "danger is always read");
    office.tell().await;
    assert!(
        office.node.reports().iter().any(|report| report.kind == ReportKind::Sos && report.phone == RIDER)
    );
}

#[tokio::test]
async fn the_store_holds_no_number_and_no_text_in_clear() {
    let mut office = office().await;
    office.text(RIDER, "택시 서울역 -> 강남역").await;
    office.text(RIDER, "SOS help me").await;
    let mut files = 0;
    for entry in std::fs::read_dir(office.dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        files += 1;
        for clear in ["1012345678", "서울역", "강남역", "help me", "4821"] {
            let found = bytes.windows(clear.len()).any(|window| window == clear.as_bytes());
            assert!(!found, "{clear:?} stands in the store in clear");
        }
    }
    assert!(files >= 2, "the store and its log were looked at");
}
