//! Starting: the same board from the journal as from a snapshot, and lives that only rise.

use ondol_core::board::Board;
use ondol_core::journal::{Entry, Head, Lane};
use ondol_core::units::UtcMs;
use sqlx::Row as _;

use super::super::Store;
use super::fixture::{Db, NOW, batch, chain, series};
use super::{fixture, on_both};

on_both!(
    a_start_finds_the_same_board_with_and_without_a_snapshot,
    a_snapshot_that_is_of_no_use_is_passed_over,
    a_snapshot_of_another_release_is_passed_over,
    a_large_snapshot_is_written_in_parts,
    lives_only_rise,
);

fn apply(board: &mut Board, entries: &[Entry]) {
    for entry in entries {
        board.apply(entry).unwrap();
    }
}

async fn a_start_finds_the_same_board_with_and_without_a_snapshot(db: Db) {
    let series = series("central", 9, "hanbuk", Lane::Bookings);
    let entries = chain(&series, Head::default(), 30, "{}");
    let mut board = Board::default();
    for (i, part) in entries.chunks(10).enumerate() {
        db.store.commit(&batch(part), NOW).await.unwrap();
        apply(&mut board, part);
        if i < 2 {
            db.store.snapshot(board.clone(), UtcMs(NOW.0 + 1)).await.unwrap();
        }
    }
    let loaded = db.reopened().await.load().await.unwrap();
    assert_eq!((loaded.entries, loaded.entries_since_snapshot), (30, 10));
    assert_eq!(loaded.board.heads(), board.heads());
    assert_eq!(loaded.board.unknown_kinds(), 30);

    db.tamper("DELETE FROM snapshot").await;
    let loaded = db.reopened().await.load().await.unwrap();
    assert_eq!(loaded.entries_since_snapshot, 30);
    assert_eq!(loaded.board.heads(), board.heads());
}

async fn a_snapshot_that_is_of_no_use_is_passed_over(db: Db) {
    let series = series("central", 9, "hanbuk", Lane::Bookings);
    let entries = chain(&series, Head::default(), 4, "{}");
    db.store.commit(&batch(&entries[..3]), NOW).await.unwrap();
    let mut ahead = Board::default();
    apply(&mut ahead, &entries);
    db.store.snapshot(ahead, NOW).await.unwrap();
    let loaded = db.store.load().await.unwrap();
    assert_eq!((loaded.entries, loaded.entries_since_snapshot), (3, 3), "it knew what no journal holds");

    let mut right = Board::default();
    apply(&mut right, &entries[..2]);
    db.store.snapshot(right, NOW).await.unwrap();
    assert_eq!(db.store.load().await.unwrap().entries_since_snapshot, 1);
    db.tamper("UPDATE snapshot_part SET body = '{}'").await;
    assert_eq!(db.store.load().await.unwrap().entries_since_snapshot, 3, "it was damaged");
}

/// What the older release did not understand of the journal this one may: its board is of no use.
async fn a_snapshot_of_another_release_is_passed_over(db: Db) {
    let entries = chain(&series("central", 9, "hanbuk", Lane::Bookings), Head::default(), 4, "{}");
    db.store.commit(&batch(&entries), NOW).await.unwrap();
    let mut board = Board::default();
    apply(&mut board, &entries);
    db.store.snapshot(board.clone(), NOW).await.unwrap();
    assert_eq!(db.store.load().await.unwrap().entries_since_snapshot, 0);
    db.tamper("UPDATE snapshot SET release = '0.0.1'").await;
    assert_eq!(db.store.load().await.unwrap().entries_since_snapshot, 4);
    // This release writes its own in the same place.
    db.store.snapshot(board, NOW).await.unwrap();
    assert_eq!(db.store.load().await.unwrap().entries_since_snapshot, 0);
}

async fn a_large_snapshot_is_written_in_parts(db: Db) {
    let mut board = Board::default();
    let mut entries = Vec::new();
    for life in 1..5_000 {
        entries.extend(chain(&series("central", life, "hanbuk", Lane::Bookings), Head::default(), 1, "{}"));
    }
    db.store.commit(&batch(&entries), NOW).await.unwrap();
    apply(&mut board, &entries);
    // One that was not written to its end, and the leavings of an older one.
    db.tamper(
        "INSERT INTO snapshot_part (entries, part, body) VALUES (4999, 0, '{'), (4999, 7, '{'), (3, 0, '{')",
    )
    .await;
    db.store.snapshot(board.clone(), NOW).await.unwrap();
    let sizes = sqlx::query("SELECT entries, LENGTH(body) AS size FROM snapshot_part")
        .fetch_all(db.store.reader())
        .await
        .unwrap();
    let sizes: Vec<(i64, i64)> = sizes
        .iter()
        .map(|row| (row.try_get("entries").unwrap(), super::super::read::number(row, "size").unwrap()))
        .collect();
    assert!(sizes.len() >= 2, "{sizes:?}");
    assert!(sizes.iter().all(|(entries, size)| *entries == 4_999 && *size <= 256 * 1024), "{sizes:?}");
    let loaded = db.reopened().await.load().await.unwrap();
    assert_eq!(loaded.entries_since_snapshot, 0);
    assert_eq!(loaded.board.heads(), board.heads());
}

async fn lives_only_rise(db: Db) {
    let node = "edge-a".parse().unwrap();
    let first = db.store.next_life(&node, 0, NOW).await.unwrap();
    let second = db.reopened().await.next_life(&node, 0, NOW).await.unwrap();
    assert!(second > first);
    // A peer's journal knows of a life that this store, restored from a backup, has forgotten.
    let third = db.store.next_life(&node, second + 1_000_000, NOW).await.unwrap();
    assert_eq!(third, second + 1_000_001);
    // A fresh store without any memory still begins above lives that were counted from one.
    assert!(first > 1_000_000, "{first}");
}

#[tokio::test]
async fn reading_makes_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("absent.db");
    for query in ["", "?mode=rwc"] {
        let url = format!("sqlite://{}{query}", file.display());
        assert!(Store::open_to_read(&url).await.is_err(), "{url}");
        assert!(!file.exists(), "{url}");
    }
    let db = super::fixture::sqlite().await;
    let entries = chain(&series("central", 9, "hanbuk", Lane::Bookings), Head::default(), 3, "{}");
    db.store.commit(&batch(&entries), NOW).await.unwrap();
    let reading = Store::open_to_read(&db.url).await.unwrap();
    assert_eq!(reading.verify().await.unwrap().entries, 3, "beside the node that serves it");
    assert!(reading.rest().await.is_err(), "it cannot write");
    db.store.close().await;
    assert_eq!(Store::open_to_read(&db.url).await.unwrap().verify().await.unwrap().entries, 3);
}

#[tokio::test]
async fn refuses_what_is_no_store() {
    for url in ["", "mysql://x", "file.db", "http://x"] {
        assert!(Store::open(url).await.is_err(), "{url}");
    }
    let error = Store::open("sqlite:///no/such/folder/x.db").await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}
