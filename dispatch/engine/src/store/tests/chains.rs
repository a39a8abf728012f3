//! Chains: dense, unforked, and read as they were written.

use ondol_core::journal::{Head, Heads, Lane};

use super::super::{StoreError, Verified};
use super::fixture::{Db, NOW, batch, chain, series};
use super::{fixture, on_both};

on_both!(
    refuses_a_gap_and_a_fork,
    a_replaced_process_stops,
    a_database_that_lost_its_end_gets_no_hole,
    a_page_is_bounded_contiguous_and_urgent_first,
    payloads_stay_exact,
    tampering_is_found,
    history_is_found_by_key,
);

async fn refuses_a_gap_and_a_fork(db: Db) {
    let series = series("central", 9, "hanbuk", Lane::Bookings);
    let entries = chain(&series, Head::default(), 5, "{}");
    let gap = db.store.commit(&batch(&entries[1..]), NOW).await;
    assert!(matches!(gap, Err(StoreError::Gap { stored: 0, next: 2, .. })), "{gap:?}");
    db.store.commit(&batch(&entries[..3]), NOW).await.unwrap();
    let gap = db.store.commit(&batch(&entries[4..]), NOW).await;
    assert!(matches!(gap, Err(StoreError::Gap { stored: 3, next: 5, .. })), "{gap:?}");

    // Another history of the same numbers: seen against the stored head, and against the stored rows.
    let other = chain(&series, Head::default(), 5, "{\"other\":1}");
    let fork = db.store.commit(&batch(&other[3..4]), NOW).await;
    assert!(matches!(fork, Err(StoreError::Fork { seq: 4, .. })), "{fork:?}");
    let fork = db.store.commit(&batch(&other[..3]), NOW).await;
    assert!(matches!(fork, Err(StoreError::Fork { seq: 1, .. })), "{fork:?}");

    // The same again is harmless, also together with what is new.
    db.store.commit(&batch(&entries), NOW).await.unwrap();
    db.store.commit(&batch(&entries), NOW).await.unwrap();
    assert_eq!(db.store.heads().of(&series), entries[4].as_head());
    assert_eq!(db.reopened().await.heads(), db.store.heads());
    assert_eq!(db.store.verify().await.unwrap(), Verified { series: 1, entries: 5 });
}

async fn a_replaced_process_stops(db: Db) {
    let node = "central".parse().unwrap();
    let newer = db.reopened().await;
    let life = newer.next_life(&node, 0, NOW).await.unwrap();
    let entries = chain(&series("central", life, "hanbuk", Lane::Safety), Head::default(), 1, "{}");
    let refused = db.store.commit(&batch(&entries), NOW).await;
    assert!(matches!(refused, Err(StoreError::Superseded)), "{refused:?}");
    let refused = db.store.commit(&batch(&[]), NOW).await;
    assert!(matches!(refused, Err(StoreError::Superseded)), "even a proof of life: {refused:?}");
    newer.commit(&batch(&entries), NOW).await.unwrap();
    assert_eq!(newer.verify().await.unwrap().entries, 1);
}

/// A standby without the last entries takes over: the process still remembers them.
async fn a_database_that_lost_its_end_gets_no_hole(db: Db) {
    let (lost, other) =
        (series("central", 9, "hanbuk", Lane::Bookings), series("edge-a", 1, "hanbuk", Lane::Safety));
    let entries = chain(&lost, Head::default(), 6, "{}");
    db.store.commit(&batch(&entries[..5]), NOW).await.unwrap();
    db.tamper("DELETE FROM journal WHERE seq > 3").await;
    db.tamper(&format!("UPDATE series_head SET seq = 3, hash = '{}'", entries[2].hash)).await;
    let mut next = batch(&entries[5..]);
    next.entries.extend(chain(&other, Head::default(), 1, "{}"));
    let refused = db.store.commit(&next, NOW).await;
    assert!(matches!(refused, Err(StoreError::Receded { acknowledged: 5, stored: 3, .. })), "{refused:?}");
    db.tamper("DELETE FROM series_head").await;
    let refused = db.store.commit(&batch(&entries[5..]), NOW).await;
    assert!(matches!(refused, Err(StoreError::Receded { stored: 0, .. })), "{refused:?}");
    db.tamper(&format!(
        "INSERT INTO series_head (origin, incarnation, district, lane, seq, hash) \
         VALUES ('central', 9, 'hanbuk', 'bookings', 3, '{}')",
        entries[2].hash
    ))
    .await;
    // The next life starts on what is left, and what others hold of the rest goes on where it ends.
    let again = db.reopened().await;
    again.load().await.unwrap();
    again.next_life(&"central".parse().unwrap(), 9, NOW).await.unwrap();
    again.commit(&batch(&entries[3..5]), NOW).await.unwrap();
    assert_eq!(again.verify().await.unwrap(), Verified { series: 1, entries: 5 });
    assert!(!again.takes_back(NOW).await.unwrap());
    again.take_back_until(NOW.plus_ms(5)).await.unwrap();
    assert!(again.takes_back(NOW).await.unwrap() && !again.takes_back(NOW.plus_ms(5)).await.unwrap());
}

async fn a_page_is_bounded_contiguous_and_urgent_first(db: Db) {
    let (bookings, safety) =
        (series("a", 1, "hanbuk", Lane::Bookings), series("z", 1, "hanbuk", Lane::Safety));
    let (roster, elsewhere) = (series("a", 1, "all", Lane::Roster), series("a", 1, "hannam", Lane::Safety));
    for (series, count) in [(&bookings, 1_200), (&safety, 2), (&roster, 3), (&elsewhere, 4)] {
        let payload = format!("\"{}\"", "x".repeat(100));
        db.store.commit(&batch(&chain(series, Head::default(), count, &payload)), NOW).await.unwrap();
    }
    let hanbuk = ["hanbuk".parse().unwrap()];
    let mut cursors = Heads::default();
    let mut lanes = Vec::new();
    let mut pages = 0;
    loop {
        let page = db.store.read_after(&cursors, &hanbuk, 500, 1 << 20).await.unwrap();
        assert!(page.entries.len() <= 500);
        assert!(!page.heads.0.contains_key(&elsewhere), "another district is nobody's business");
        for entry in &page.entries {
            entry.continues(cursors.of(&entry.series)).unwrap();
            cursors.0.insert(entry.series.clone(), entry.as_head());
            lanes.push(entry.series.lane);
        }
        pages += 1;
        if !page.more {
            assert_eq!(cursors, page.heads);
            break;
        }
    }
    assert_eq!((pages, lanes.len()), (3, 1_205));
    assert!(lanes.is_sorted(), "urgent lanes come first");

    let by_bytes = db.store.read_after(&Heads::default(), &hanbuk, 500, 2_000).await.unwrap();
    assert!(by_bytes.more && (1..=4).contains(&by_bytes.entries.len()), "{}", by_bytes.entries.len());
    let one_at_least = db.store.read_after(&Heads::default(), &hanbuk, 500, 1).await.unwrap();
    assert_eq!(one_at_least.entries.len(), 1, "an entry larger than the bound still travels");
    let nothing = db.store.read_after(&cursors, &hanbuk, 500, 1 << 20).await.unwrap();
    assert!(nothing.entries.is_empty() && !nothing.more);
    let none_wanted = db.store.read_after(&Heads::default(), &hanbuk, 0, 1 << 20).await.unwrap();
    assert!(none_wanted.entries.is_empty() && none_wanted.more);
}

async fn payloads_stay_exact(db: Db) {
    let odd = [
        "{ \"spaces\" :  1.50 }",
        "\"\\u0000\\ud83d\\ude95\"",
        "{\"note\":\"강남역 11번 출구 'x' \\\"y\\\"\\n\"}",
        "[1e400, -0, 9007199254740993]",
        "$1; DROP TABLE journal; --",
        "\u{feff}\u{10ffff}\t\r\n",
        "",
    ];
    let series = series("central", 9, "hanbuk", Lane::Bookings);
    let mut head = Head::default();
    let mut written = Vec::new();
    for payload in odd {
        let entries = chain(&series, head, 1, payload);
        head = entries[0].as_head();
        db.store.commit(&batch(&entries), NOW).await.unwrap();
        written.extend(entries);
    }
    let page =
        db.store.read_after(&Heads::default(), &["hanbuk".parse().unwrap()], 100, 1 << 20).await.unwrap();
    assert_eq!(page.entries, written);
    assert_eq!(db.store.verify().await.unwrap().entries, odd.len() as u64);
}

async fn tampering_is_found(db: Db) {
    let series = series("central", 9, "hanbuk", Lane::Bookings);
    db.store.commit(&batch(&chain(&series, Head::default(), 6, "{\"fare\":12400}")), NOW).await.unwrap();
    db.tamper("UPDATE journal SET payload = '{\"fare\":12500}' WHERE seq = 4").await;
    let found = db.store.verify().await.unwrap_err();
    assert!(matches!(&found, StoreError::Damaged(chain) if chain.to_string().contains("entry 4")), "{found}");
    assert!(db.reopened().await.load().await.is_err(), "a node does not start on a damaged journal");

    db.tamper("UPDATE journal SET payload = '{\"fare\":12400}' WHERE seq = 4").await;
    assert!(db.store.verify().await.is_ok());
    db.tamper("DELETE FROM journal WHERE seq = 6").await;
    assert!(db.store.verify().await.unwrap_err().to_string().contains("lacks entry 6"), "a cut tail");
    db.tamper("DELETE FROM journal WHERE seq = 3").await;
    let hole = db.store.verify().await.unwrap_err();
    assert!(hole.to_string().contains("jumps from 2 to 4"), "{hole}");
    let page = db.store.read_after(&Heads::default(), &["hanbuk".parse().unwrap()], 100, 1 << 20).await;
    let refused = page.expect_err("a hole is never skipped").to_string();
    assert!(refused.contains("lacks entry 3"), "{refused}");
}

async fn history_is_found_by_key(db: Db) {
    let series = series("central", 9, "hanbuk", Lane::Bookings);
    db.store.commit(&batch(&chain(&series, Head::default(), 7, "{}")), NOW).await.unwrap();
    let hanbuk = "hanbuk".parse().unwrap();
    let history = db.store.history(&hanbuk, "thing-1", 10).await.unwrap();
    assert_eq!(history.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2, 5]);
    assert!(db.store.history(&hanbuk, "", 10).await.unwrap().is_empty());
    assert!(db.store.history(&"hannam".parse().unwrap(), "thing-1", 10).await.unwrap().is_empty());
}
