//! Crashes: a batch is there whole or not at all, and what was acknowledged is there.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use futures_util::FutureExt as _;
use ondol_core::command::{Notice, NoticeText, Recipient};
use ondol_core::ids::BookingId;
use ondol_core::journal::{Head, Lane};
use ondol_core::units::UtcMs;
use proptest::prelude::*;

use super::super::{Batch, Store};
use super::fixture::{Db, NOW, batch, chain, series};
use super::{fixture, on_both};

on_both!(a_commit_given_up_half_way_is_whole_or_absent, a_killed_process_keeps_what_it_acknowledged);

async fn a_commit_given_up_half_way_is_whole_or_absent(db: Db) {
    let series = series("central", 9, "hanbuk", Lane::Bookings);
    let mut head = Head::default();
    let (mut whole, mut absent) = (0, 0);
    for polls in 0..60 {
        let entries = chain(&series, head, 20, "{}");
        let notices = vec![Notice {
            id: format!("n{polls}"),
            to: Recipient::Rider { booking: BookingId::from_number(1) },
            text: NoticeText::StillWanted { code: "ABCD".into() },
            urgent: false,
            expires_at: NOW.plus_ms(1_000),
        }];
        let batch = Batch { entries, notices, ..Batch::default() };
        {
            // The caller loses patience after a few steps: as with a lost connection, nobody knows what happened.
            let commit = db.store.commit(&batch, NOW);
            tokio::pin!(commit);
            for _ in 0..polls {
                if commit.as_mut().now_or_never().is_some() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let seen = db.reopened().await;
        let entries = seen.heads().of(&series).seq - head.seq;
        let notices = seen
            .notices_after(0, 500, NOW)
            .await
            .unwrap()
            .iter()
            .filter(|row| row.notice.id == batch.notices[0].id)
            .count();
        assert!(
            (entries, notices) == (0, 0) || (entries, notices) == (20, 1),
            "{entries} entries, {notices} notices"
        );
        if entries == 0 {
            absent += 1;
        } else {
            whole += 1;
        }
        db.store.commit(&batch, NOW).await.unwrap();
        head = db.store.heads().of(&series);
        assert_eq!(head, batch.entries[19].as_head());
    }
    eprintln!("given up 60 times: {whole} had happened, {absent} had not");
    assert_eq!(db.store.verify().await.unwrap().entries, 1_200);
    assert_eq!(db.store.notices_after(0, 500, NOW).await.unwrap().len(), 60);
}

/// A disk that refuses twice: SQLite takes the first transaction back by itself, and leaves the second one open. What is
/// acknowledged afterwards is on the disk, not in a transaction that nobody ends.
#[tokio::test]
async fn what_is_acknowledged_after_refused_writes_is_durable() {
    let db = fixture::sqlite().await;
    for (name, at, how) in [("first", 1, "ROLLBACK"), ("second", 2, "ABORT")] {
        db.tamper(&format!(
            "CREATE TRIGGER {name} BEFORE UPDATE ON alive WHEN NEW.at = {at} BEGIN SELECT RAISE({how}, 'full'); END"
        ))
        .await;
    }
    let series = series("central", 9, "hanbuk", Lane::Bookings);
    let entries = batch(&chain(&series, Head::default(), 3, "{}"));
    for refused_at in [1, 2] {
        assert!(db.store.commit(&entries, UtcMs(refused_at)).await.is_err());
    }
    db.store.commit(&entries, UtcMs(3)).await.unwrap();
    assert_eq!(db.reopened().await.heads().of(&series), entries.entries[2].as_head());
}

/// Names the store in the process that is killed.
const URL: &str = "ONDOL_TEST_CRASH_URL";

async fn a_killed_process_keeps_what_it_acknowledged(db: Db) {
    let url = db.url.clone();
    let acknowledged = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::crash::writer_that_is_killed", "--nocapture"])
            .env(URL, url)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut acknowledged = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            if let Some(seq) = line.unwrap().strip_prefix("acknowledged ") {
                acknowledged = seq.parse().unwrap();
                if acknowledged >= 200 {
                    break;
                }
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged
    })
    .await
    .unwrap();
    assert!(acknowledged >= 200, "the writer ended early, at {acknowledged}");
    let store = db.reopened().await;
    let stored = store.heads().of(&series("central", 9, "hanbuk", Lane::Bookings)).seq;
    eprintln!("acknowledged {acknowledged}, stored {stored}");
    assert!(stored >= acknowledged);
    assert_eq!(store.verify().await.unwrap().entries, stored);
}

/// The process that is killed: does nothing in an ordinary run.
#[tokio::test]
async fn writer_that_is_killed() {
    let Ok(url) = std::env::var(URL) else { return };
    let store = Store::open(&url).await.unwrap();
    store.next_life(&"central".parse().unwrap(), 0, NOW).await.unwrap();
    let series = series("central", 9, "hanbuk", Lane::Bookings);
    loop {
        let entries = chain(&series, store.heads().of(&series), 4, "{}");
        store.commit(&batch(&entries), NOW).await.unwrap();
        println!("acknowledged {}", entries[3].seq);
    }
}

mod both {
    mod db {
        use super::super::*;

        /// The same commits give the same pages on both databases, whatever the cursors and bounds.
        #[test]
        fn both_databases_give_the_same_pages() {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let Some(postgres) = runtime.block_on(fixture::postgres()) else { return };
            let sqlite = runtime.block_on(fixture::sqlite());
            let all: Vec<_> = [("a", 1, "hanbuk"), ("a", 2, "hanbuk"), ("b", 1, "hannam"), ("b", 1, "all")]
                .iter()
                .flat_map(|(origin, life, district)| {
                    Lane::ALL.map(|lane| series(origin, *life, district, lane))
                })
                .collect();
            for (i, series) in all.iter().enumerate() {
                let payload = "강".repeat(37 * i);
                let entries = chain(series, Head::default(), 5 + 11 * i as u64, &payload);
                for db in [&postgres, &sqlite] {
                    runtime.block_on(db.store.commit(&batch(&entries), NOW)).unwrap();
                }
            }
            assert_eq!(postgres.store.heads(), sqlite.store.heads());
            let cursor = proptest::collection::vec(0..150_u64, all.len());
            let wanted = (cursor, 0..300_usize, 0..200_000_usize, proptest::bool::ANY);
            proptest!(ProptestConfig::with_cases(60), |((cursors, limit, bytes, both) in wanted)| {
                let mut heads = ondol_core::journal::Heads::default();
                for (series, seq) in all.iter().zip(cursors) {
                    heads.0.insert(series.clone(), Head { seq, ..Head::default() });
                }
                let mut districts = vec!["hanbuk".parse().unwrap()];
                if both {
                    districts.push("hannam".parse().unwrap());
                }
                let read = |db: &Db| runtime.block_on(db.store.read_after(&heads, &districts, limit, bytes)).unwrap();
                prop_assert_eq!(read(&postgres), read(&sqlite));
            });
        }
    }
}
