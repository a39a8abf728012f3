//! What commits beside entries: notices, answers given, subject keys; and what needs a person.

use ondol_core::command::{Notice, NoticeText, Recipient};
use ondol_core::ids::{BookingId, SubjectId};
use ondol_core::units::UtcMs;

use super::super::{Batch, KeyCursor, REPORTS_KEPT_MAX, Remembered, TextReport};
use super::fixture::{Db, NOW};
use super::{fixture, on_both};
use crate::vault::{Secrets, SubjectKey, Vault};

on_both!(
    a_notice_is_kept_once_until_it_is_acknowledged,
    numbers_of_notices_only_rise,
    a_notice_that_cannot_be_read_keeps_no_other_back,
    another_life_is_another_outbox,
    a_report_is_kept_until_somebody_takes_care,
    reports_are_bounded_and_danger_stays_longest,
    an_answer_is_remembered_for_its_key_and_body,
    keys_are_pulled_in_order_and_erased_for_good,
    a_key_cursor_moves_forward_within_a_life,
);

fn notice(id: &str, expires_ms: i64) -> Notice {
    Notice {
        id: id.into(),
        to: Recipient::Rider { booking: BookingId::from_number(1) },
        text: NoticeText::StillWanted { code: "ABCD".into() },
        urgent: true,
        expires_at: UtcMs(NOW.0 + expires_ms),
    }
}

async fn a_notice_is_kept_once_until_it_is_acknowledged(db: Db) {
    let notices = vec![notice("n1", 1_000), notice("n2", 10), notice("n1", 1_000), notice("n3", 1_000)];
    let batch = Batch { notices, ..Batch::default() };
    db.store.commit(&batch, NOW).await.unwrap();
    db.store.commit(&batch, NOW).await.unwrap();
    let ids = |found: Vec<super::super::OutboxNotice>| {
        found.into_iter().map(|row| row.notice.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(db.store.notices_after(0, 10, NOW).await.unwrap()), ["n1", "n2", "n3"]);
    let later = UtcMs(NOW.0 + 10);
    let open = db.store.notices_after(0, 10, later).await.unwrap();
    assert_eq!(open[0].notice, notice("n1", 1_000));
    assert_eq!(ids(db.store.notices_after(open[0].seq, 10, later).await.unwrap()), ["n3"]);
    assert_eq!(ids(db.store.notices_after(0, 1, later).await.unwrap()), ["n1"]);

    db.store.ack_notices(&["n1".into(), "unknown".into(), "n1".into()], later).await.unwrap();
    assert_eq!(ids(db.store.notices_after(0, 10, later).await.unwrap()), ["n3"]);
    db.store.commit(&batch, later).await.unwrap();
    assert_eq!(
        ids(db.store.notices_after(0, 10, later).await.unwrap()),
        ["n3"],
        "an old notice stays acknowledged"
    );
    db.store.tidy_outbox(UtcMs(NOW.0 + 8 * 24 * 3_600_000)).await.unwrap();
    assert!(db.store.notices_after(0, 10, NOW).await.unwrap().is_empty());
}

async fn numbers_of_notices_only_rise(db: Db) {
    let commit = |id: &'static str| {
        let store = db.store.clone();
        async move {
            let notices = vec![notice(id, 1_000)];
            store.commit(&Batch { notices, ..Batch::default() }, NOW).await.unwrap();
        }
    };
    commit("n1").await;
    commit("n2").await;
    let cursor = db.store.notices_after(0, 10, NOW).await.unwrap().last().unwrap().seq;
    // A quiet week: everything was told and is removed.
    db.store.tidy_outbox(UtcMs(NOW.0 + 8 * 24 * 3_600_000)).await.unwrap();
    commit("n3").await;
    let found = db.store.notices_after(cursor, 10, NOW).await.unwrap();
    assert_eq!(found.iter().map(|row| row.notice.id.as_str()).collect::<Vec<_>>(), ["n3"]);
}

async fn a_notice_that_cannot_be_read_keeps_no_other_back(db: Db) {
    let notices = vec![notice("n1", 1_000), notice("n2", 1_000)];
    db.store.commit(&Batch { notices, ..Batch::default() }, NOW).await.unwrap();
    db.tamper("UPDATE outbox SET body = '{\"of\":\"another release\"}' WHERE id = 'n1'").await;
    // Not even if a page holds one notice only.
    assert!(db.store.notices_after(0, 1, NOW).await.unwrap().is_empty());
    let found = db.store.notices_after(0, 1, NOW).await.unwrap();
    assert_eq!(found.iter().map(|row| row.notice.id.as_str()).collect::<Vec<_>>(), ["n2"]);
}

async fn another_life_is_another_outbox(db: Db) {
    let node = "central".parse().unwrap();
    let name = db.store.outbox_name(&node);
    assert!(name.starts_with("central/"), "{name}");
    assert_eq!(name, db.store.outbox_name(&node));
    let restarted = db.reopened().await;
    restarted.next_life(&node, 0, NOW).await.unwrap();
    assert_ne!(restarted.outbox_name(&node), name);
}

fn report(number: u128, urgent: bool) -> TextReport {
    TextReport {
        id: uuid::Uuid::from_u128(number),
        kind: if urgent { "sos" } else { "not_understood" }.into(),
        urgent,
        sealed: format!("sealed {number}"),
        at: NOW,
    }
}

async fn a_report_is_kept_until_somebody_takes_care(db: Db) {
    let later = |ms| UtcMs(NOW.0 + ms);
    db.store.keep_report(&report(1, false), NOW).await.unwrap();
    db.store.keep_report(&report(2, true), later(1)).await.unwrap();
    db.store.keep_report(&report(3, false), later(2)).await.unwrap();
    db.store.keep_report(&report(2, true), later(3)).await.unwrap();
    let reopened = db.reopened().await;
    assert_eq!(reopened.open_reports().await.unwrap(), [report(2, true), report(3, false), report(1, false)]);
    assert!(db.store.care_for_report(report(2, true).id, "operator", later(4)).await.unwrap());
    assert!(!db.store.care_for_report(report(2, true).id, "another", later(5)).await.unwrap());
    assert!(!db.store.care_for_report(report(9, true).id, "operator", later(5)).await.unwrap());
    db.store.keep_report(&report(2, true), later(6)).await.unwrap();
    assert_eq!(db.store.open_report(report(2, true).id).await.unwrap(), None, "told again, still cared for");
    assert_eq!(db.store.open_report(report(1, false).id).await.unwrap(), Some(report(1, false)));
    let week = 7 * 24 * 3_600_000;
    db.store.keep_report(&report(4, true), later(week + 1)).await.unwrap();
    assert_eq!(db.store.open_reports().await.unwrap(), [report(4, true), report(3, false)]);
}

async fn reports_are_bounded_and_danger_stays_longest(db: Db) {
    db.store.keep_report(&report(1, true), NOW).await.unwrap();
    let last = REPORTS_KEPT_MAX + 50;
    let many = format!(
        "INSERT INTO text_report (id, kind, urgent, sealed, at, heard_at) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last}) \
         SELECT CAST(i AS text), 'not_understood', 0, '', {now}, {now} FROM n",
        now = NOW.0 + 1
    );
    db.tamper(&many).await;
    db.store.keep_report(&report(2, false), UtcMs(NOW.0 + 2)).await.unwrap();
    let count =
        sqlx::query("SELECT COUNT(*) AS n FROM text_report").fetch_one(db.store.reader()).await.unwrap();
    let count: i64 = sqlx::Row::try_get(&count, "n").unwrap();
    assert_eq!(usize::try_from(count).unwrap(), REPORTS_KEPT_MAX);
    for kept in [report(1, true), report(2, false)] {
        assert_eq!(db.store.open_report(kept.id).await.unwrap(), Some(kept));
    }
}

async fn an_answer_is_remembered_for_its_key_and_body(db: Db) {
    let until = UtcMs(NOW.0 + 1_000);
    let recall = |digest: &'static str, now| db.store.recall("rider", "key", digest, now);
    assert_eq!(recall("d1", NOW).await.unwrap(), Remembered::New);
    db.store.remember("rider", "key", "d1", "first", NOW, until).await.unwrap();
    db.store.remember("rider", "key", "d1", "second", NOW, until).await.unwrap();
    assert_eq!(recall("d1", NOW).await.unwrap(), Remembered::Answered("first".into()));
    assert_eq!(recall("d2", NOW).await.unwrap(), Remembered::OtherRequest);
    assert_eq!(db.store.recall("operator", "key", "d1", NOW).await.unwrap(), Remembered::New);
    assert_eq!(recall("d1", until).await.unwrap(), Remembered::New, "answers are forgotten");
    db.store.remember("rider", "key", "d2", "third", until, UtcMs(until.0 + 1)).await.unwrap();
    assert_eq!(recall("d2", until).await.unwrap(), Remembered::Answered("third".into()));
}

async fn keys_are_pulled_in_order_and_erased_for_good(db: Db) {
    let vault = Vault::new(&Secrets::from_bytes([1; 32]));
    let seal = |number| vault.seal(SubjectId::from_number(number), &"name").unwrap();
    let commit = |keys: Vec<SubjectKey>| {
        let store = db.store.clone();
        async move { store.commit(&Batch { keys, ..Batch::default() }, NOW).await.unwrap() }
    };
    let sealed = [seal(1), seal(2), seal(3)];
    let made = vault.take_new_keys();
    commit(made.clone()).await;
    commit(made.clone()).await;
    let (first, at) = db.store.keys_after(0, 2).await.unwrap();
    let (rest, end) = db.store.keys_after(at, 2).await.unwrap();
    assert_eq!(first.into_iter().chain(rest).collect::<Vec<_>>(), made);

    // The tombstone comes after, is pulled like a key, and an old copy of the key does not come back.
    vault.erase(SubjectId::from_number(2), NOW);
    commit(vault.take_new_keys()).await;
    let (tombstones, _) = db.store.keys_after(end, 10).await.unwrap();
    assert_eq!(
        tombstones.iter().map(|key| (key.subject, key.wrapped.is_some())).collect::<Vec<_>>(),
        [(SubjectId::from_number(2), false)]
    );
    commit(made).await;
    // A node that was cut off made a key of its own for the same person: it goes too.
    let cut_off = Vault::new(&Secrets::from_bytes([1; 32]));
    cut_off.seal(SubjectId::from_number(2), &"name").unwrap();
    commit(cut_off.take_new_keys()).await;

    let restarted = Vault::new(&Secrets::from_bytes([1; 32]));
    let loaded = db.reopened().await.load().await.unwrap();
    assert!(loaded.keys.iter().all(|key| key.subject != SubjectId::from_number(2) || key.wrapped.is_none()));
    restarted.learn(&loaded.keys);
    let opened: Vec<_> = sealed.iter().map(|sealed| restarted.open::<String>(sealed).is_some()).collect();
    assert_eq!(opened, [true, false, true]);
}

async fn a_key_cursor_moves_forward_within_a_life(db: Db) {
    let peer: ondol_core::ids::NodeId = "edge-a".parse().unwrap();
    assert_eq!(db.store.key_cursor(&peer).await.unwrap(), KeyCursor::default());
    for (incarnation, seq, expected) in [(5, 10, 10), (5, 7, 10), (6, 2, 2)] {
        let key_cursors = vec![(peer.clone(), KeyCursor { incarnation, seq })];
        db.store.commit(&Batch { key_cursors, ..Batch::default() }, NOW).await.unwrap();
        assert_eq!(db.store.key_cursor(&peer).await.unwrap(), KeyCursor { incarnation, seq: expected });
    }
}
