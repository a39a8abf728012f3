//! Starting: the same board from the journal as from a snapshot, and lives that only rise.

use ondol_core::board::Board;
use ondol_core::journal::{Entry, Head, Lane};
use ondol_core::units::UtcMs;

use super::super::Store;
use super::fixture::{Db, NOW, batch, chain, series};
use super::{fixture, on_both};

on_both!(
    a_start_finds_the_same_board_with_and_without_a_snapshot,
    a_snapshot_that_is_of_no_use_is_passed_over,
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
    db.tamper("UPDATE snapshot SET board = '{}'").await;
    assert_eq!(db.store.load().await.unwrap().entries_since_snapshot, 3, "it was damaged");
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
async fn refuses_what_is_no_store() {
    for url in ["", "mysql://x", "file.db", "http://x"] {
        assert!(Store::open(url).await.is_err(), "{url}");
    }
    let error = Store::open("sqlite:///no/such/folder/x.db").await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}
