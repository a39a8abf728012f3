//! Goal: nothing is told before it is durable, and nothing that was told is lost.
//! Method: the real loop and core on SQLite, on a clock that the test moves. A second connection that holds
//! SQLite's write lock stands in for a database that has frozen.

pub(crate) mod bench;

use std::collections::BTreeSet;
use std::time::Duration;

use ondol_core::booking::{CancelReason, Party, Status};
use ondol_core::command::{Answer, Command, Refusal};
use ondol_core::face::Change;
use ondol_core::hlc::Hlc;
use ondol_core::ids::{BookingId, SubjectId};
use ondol_core::journal::{Entry, Hash, Heads};
use sqlx::{Connection as _, Executor as _};
use tokio::task::JoinHandle;

use super::{PulledPage, QUEUE_MAX, RequestError, Unavailable};
use crate::clock::Clock as _;
use crate::store::StoreError;
use bench::{Bench, Started, book, district, status_of};

#[tokio::test]
async fn a_refusal_changes_nothing() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    let before = node.handle.read(|node| node.board().state_hash(&district())).await.unwrap();
    let cancel = Command::Cancel {
        booking: BookingId::from_number(1),
        by: Party::Rider,
        reason: CancelReason::ChangedMind,
    };
    let refused = node.handle.request(cancel).await;
    assert_eq!(refused, Err(RequestError::Refused(Refusal::UnknownBooking)));
    let after = node.handle.read(|node| node.board().state_hash(&district())).await.unwrap();
    assert_eq!(before, after);
    assert!(node.handle.store().heads().0.is_empty());
}

#[tokio::test]
async fn a_restart_finds_the_same_state_in_a_new_life() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    for number in 1..=20 {
        assert_eq!(node.handle.request(book(number)).await, Ok(Answer::Booked { repeat: false }));
    }
    let first_life = node.handle.incarnation();
    let hash = node.handle.read(|node| node.board().state_hash(&district())).await.unwrap();
    node.stop().await.unwrap();

    let node = bench.start().await;
    assert!(node.handle.incarnation() > first_life);
    let found = node.handle.read(|node| node.board().state_hash(&district())).await.unwrap();
    assert_eq!(found, hash);
    assert_eq!(node.handle.request(book(7)).await, Ok(Answer::Booked { repeat: true }));
    node.handle.store().verify().await.unwrap();
}

#[tokio::test]
async fn a_frozen_store_holds_every_answer_and_refuses_new_requests() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    node.handle.request(book(1)).await.unwrap();
    let mut changes = node.handle.changes();
    let mut lock = bench.lock().await;

    let held = tokio::spawn({
        let handle = node.handle.clone();
        async move { handle.request(book(2)).await }
    });
    node.handle.set_patience(Duration::ZERO);
    until(|| !node.handle.is_available()).await;
    assert_eq!(node.handle.request(book(3)).await, Err(RequestError::Unavailable));
    assert_eq!(node.handle.read(|_| ()).await, Err(Unavailable));
    assert!(!held.is_finished(), "an answer left before its entry was durable");
    assert!(changes.try_recv().is_err(), "a change was shown before it was durable");

    lock.execute("ROLLBACK").await.unwrap();
    assert_eq!(held.await.unwrap(), Ok(Answer::Booked { repeat: false }));
    node.handle.set_patience(Duration::MAX);
    assert_eq!(changes.recv().await, Ok(Change::Booking(district(), BookingId::from_number(2))));
    assert_eq!(status_of(&node.handle, 2).await, Some(Status::Open));
    assert_eq!(status_of(&node.handle, 3).await, None, "what was refused has not happened");
}

#[tokio::test]
async fn a_read_shows_nothing_that_a_crash_could_take_back() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    node.handle.request(book(1)).await.unwrap();
    node.handle.set_patience(Duration::MAX);
    let mut lock = bench.lock().await;
    // The booking and the look at it are taken together: the look waits for the booking's commit.
    let (booked, seen) = (node.handle.request(book(2)), status_of(&node.handle, 2));
    let both = async { tokio::join!(booked, seen) };
    tokio::pin!(both);
    for _ in 0..1_000 {
        assert!(futures_util::FutureExt::now_or_never(both.as_mut()).is_none());
        tokio::task::yield_now().await;
    }
    lock.execute("ROLLBACK").await.unwrap();
    assert_eq!(both.await, (Ok(Answer::Booked { repeat: false }), Some(Status::Open)));
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    node.handle.request(book(1)).await.unwrap();
    node.handle.set_patience(Duration::MAX);
    let mut lock = bench.lock().await;
    // On this single-threaded runtime the loop does not run between two sends.
    let mut waiting = Vec::new();
    let mut refused = 0;
    for _ in 0..QUEUE_MAX + 10 {
        let mut read = Box::pin(node.handle.read(|_| ()));
        match futures_util::FutureExt::now_or_never(read.as_mut()) {
            None => waiting.push(read),
            Some(answer) => {
                assert_eq!(answer, Err(Unavailable));
                refused += 1;
            }
        }
    }
    assert_eq!((waiting.len(), refused), (QUEUE_MAX, 10));
    lock.execute("ROLLBACK").await.unwrap();
    for read in waiting {
        read.await.unwrap();
    }
}

#[tokio::test]
async fn requests_that_wait_together_commit_together() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    node.handle.request(book(1)).await.unwrap();
    let before = *node.handle.commits().borrow();
    let requests: Vec<_> = (2..=301)
        .map(|number| {
            let handle = node.handle.clone();
            tokio::spawn(async move { handle.request(book(number)).await })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), Ok(Answer::Booked { repeat: false }));
    }
    let commits = *node.handle.commits().borrow() - before;
    eprintln!("300 bookings in {commits} commits");
    assert!(commits <= 10, "{commits}");
}

/// A city's phones say where they are thousands of times for each booking.
#[tokio::test]
async fn who_only_looks_fills_no_commit() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    let (mut lock, held) = held(&bench, &node).await;
    let before = *node.handle.commits().borrow();
    // On this single-threaded runtime all of them wait before the loop goes on.
    let mut waiting = Vec::new();
    for number in 3..2_003 {
        let handle = node.handle.clone();
        let mut one = Box::pin(async move {
            match number % 600 {
                0 => handle.request(book(number)).await == Ok(BOOKED),
                _ => handle.read(|_| ()).await.is_ok(),
            }
        });
        assert_eq!(futures_util::FutureExt::now_or_never(one.as_mut()), None);
        waiting.push(one);
    }
    lock.execute("ROLLBACK").await.unwrap();
    assert_eq!(held.await.unwrap(), Ok(BOOKED));
    for one in waiting {
        assert!(one.await);
    }
    assert_eq!(
        *node.handle.commits().borrow() - before,
        2,
        "the one that was held, and one for all who waited"
    );
}

/// Takes the store's lock and has a booking wait for it.
async fn held(
    bench: &Bench,
    node: &Started,
) -> (sqlx::AnyConnection, JoinHandle<Result<Answer, RequestError>>) {
    node.handle.request(book(1)).await.unwrap();
    let lock = bench.lock().await;
    let handle = node.handle.clone();
    let held = tokio::spawn(async move { handle.request(book(2)).await });
    node.handle.set_patience(Duration::ZERO);
    until(|| !node.handle.is_available()).await;
    node.handle.set_patience(Duration::MAX);
    (lock, held)
}

#[tokio::test]
async fn what_is_asked_during_a_commit_is_handled_meanwhile_and_told_with_the_next() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    let (mut lock, held) = held(&bench, &node).await;
    let before = *node.handle.commits().borrow();
    let handle = node.handle.clone();
    let next = tokio::spawn(async move { handle.request(book(3)).await });
    let handle = node.handle.clone();
    let look = tokio::spawn(async move { status_of(&handle, 3).await });
    tokio::task::yield_now().await;
    until(|| node.handle.waiting() == 0).await;
    assert!(!held.is_finished() && !next.is_finished() && !look.is_finished(), "nothing is durable");
    lock.execute("ROLLBACK").await.unwrap();
    assert_eq!(held.await.unwrap(), Ok(BOOKED));
    assert_eq!(next.await.unwrap(), Ok(BOOKED));
    assert_eq!(*node.handle.commits().borrow() - before, 2);
    assert_eq!(look.await.unwrap(), Some(Status::Open));
    node.stop().await.unwrap();
    let node = bench.start().await;
    assert_eq!(status_of(&node.handle, 3).await, Some(Status::Open), "what was told is durable");
}

#[tokio::test]
async fn an_erasure_that_is_asked_during_a_commit_waits_for_its_own() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    let (mut lock, held) = held(&bench, &node).await;
    let before = *node.handle.commits().borrow();
    let handle = node.handle.clone();
    let erased = tokio::spawn(async move { handle.erase(SubjectId::from_number(5)).await });
    tokio::task::yield_now().await;
    until(|| node.handle.waiting() == 0).await;
    lock.execute("ROLLBACK").await.unwrap();
    erased.await.unwrap().unwrap();
    assert_eq!(*node.handle.commits().borrow() - before, 2);
    assert_eq!(held.await.unwrap(), Ok(BOOKED));
}

/// What an edge told half a minute ahead of the clock: whatever is handled after it is stamped after it.
fn told_by(edge: &str, ahead_ms: i64) -> Entry {
    let mut told = Entry {
        series: format!("{edge}/1/hanbuk/bookings").parse().unwrap(),
        seq: 1,
        zone: "hanbuk-1".parse().unwrap(),
        hlc: Hlc { wall_ms: ahead_ms, logical: 0 },
        kind: "of_a_later_release".into(),
        schema_version: 1,
        key: String::new(),
        payload: "{}".into(),
        prev_hash: Hash::default(),
        hash: Hash::default(),
    };
    told.hash = told.compute_hash();
    told
}

#[tokio::test]
async fn what_somebody_waits_for_goes_before_what_peers_tell() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    let (now_ms, handle) = (bench.clock.now().utc.0, &node.handle);
    let page = |edge: &str, entry: Entry| {
        let page = PulledPage::of(edge.parse().unwrap(), vec![entry], Heads::default(), handle.now().ticks);
        handle.page(page)
    };
    // On this single-threaded runtime all wait, the pages first, before the loop runs. The second rider comes when the
    // first page is stored.
    let ahead = told_by("edge-c", now_ms + 30_000);
    let late = async {
        page("edge-a", told_by("edge-a", now_ms)).await.unwrap();
        handle.request(book(2)).await
    };
    let second = page("edge-b", told_by("edge-b", now_ms));
    let last = page("edge-c", ahead.clone());
    let (late, second, last, booked) = tokio::join!(late, second, last, handle.request(book(1)));
    assert_eq!((late, second, last, booked), (Ok(BOOKED), Ok(()), Ok(()), Ok(BOOKED)));
    assert_eq!(handle.store().heads().of(&ahead.series).seq, 1);
    for number in [1, 2] {
        let key = BookingId::from_number(number).to_string();
        let history = handle.store().history(&district(), &key, 10).await.unwrap();
        assert_eq!(history.len(), 1);
        assert!(history[0].hlc.wall_ms < now_ms + 30_000, "rider {number} waited for the pages");
    }
}

const BOOKED: Answer = Answer::Booked { repeat: false };

#[tokio::test]
async fn a_replaced_process_stops_and_says_so() {
    let bench = Bench::new().await;
    let old = bench.start().await;
    old.handle.request(book(1)).await.unwrap();
    let new = bench.start().await;
    new.handle.request(book(2)).await.unwrap();
    assert_eq!(old.handle.request(book(3)).await, Err(RequestError::Unavailable));
    let old_handle = old.handle.clone();
    assert!(matches!(old.ended().await, Err(StoreError::Superseded)));
    assert!(!old_handle.is_available());
    assert_eq!(status_of(&new.handle, 3).await, None);
    assert_eq!(new.handle.store().verify().await.unwrap().series, 2);
}

#[tokio::test]
async fn an_idle_node_proves_every_two_seconds_that_its_store_writes() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    node.handle.request(book(1)).await.unwrap();
    let mut commits = node.handle.commits();
    for _ in 0..3 {
        commits.borrow_and_update();
        bench.clock.advance_ms(2_000);
        commits.changed().await.unwrap();
    }
    assert!(node.handle.read_at(|node, now| node.is_alive(now)).await.unwrap());
    let row: (i64,) =
        sqlx::query_as("SELECT at FROM alive").fetch_one(node.handle.store().reader()).await.unwrap();
    assert_eq!(row.0, bench.clock.now().utc.0);
}

#[tokio::test]
async fn personal_text_opens_after_a_restart_until_it_is_erased() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    let rider = SubjectId::from_number(5);
    let sealed = node.handle.vault().seal(rider, &"010-1234-5678").unwrap();
    node.handle.request(book(1)).await.unwrap();
    node.stop().await.unwrap();

    let node = bench.start().await;
    assert_eq!(node.handle.vault().open::<String>(&sealed).as_deref(), Some("010-1234-5678"));
    node.handle.erase(rider).await.unwrap();
    node.stop().await.unwrap();
    let node = bench.start().await;
    assert_eq!(node.handle.vault().open::<String>(&sealed), None);
}

#[tokio::test]
async fn a_database_that_lost_its_end_ends_this_life_and_the_next_takes_back_what_edges_hold() {
    let bench = Bench::new().await;
    let node = bench.start().await;
    node.handle.request(book(1)).await.unwrap();
    let store = node.handle.store().clone();
    assert!(store.served_at().await.unwrap().is_some(), "it is served");
    for statement in [
        "DELETE FROM journal WHERE seq > 1",
        "UPDATE series_head SET seq = 1, hash = (SELECT hash FROM journal)",
    ] {
        sqlx::query(statement).execute(store.writer()).await.unwrap();
    }
    assert_eq!(node.handle.request(book(2)).await, Err(RequestError::Unavailable));
    let ended = node.ended().await;
    assert!(matches!(ended, Err(StoreError::Receded { stored: 1, .. })), "{ended:?}");
    assert!(store.takes_back(bench.clock.now().utc).await.unwrap());
    let node = bench.start().await;
    assert_eq!(status_of(&node.handle, 2).await, None, "it was never acknowledged");
    node.handle.request(book(2)).await.unwrap();
    node.handle.store().verify().await.unwrap();
    node.stop().await.unwrap();
    assert_eq!(store.served_at().await.unwrap(), None, "it has stopped in order");
}

#[tokio::test]
async fn assignments_of_two_lives_never_share_a_name() {
    let bench = Bench::new().await;
    let mut origins = BTreeSet::new();
    for number in 1..=3 {
        let node = bench.start().await;
        node.handle.request(book(number)).await.unwrap();
        origins.extend(node.handle.store().heads().0.into_keys());
        node.stop().await.unwrap();
    }
    assert_eq!(origins.len(), 3, "each life writes series of its own: {origins:?}");
}

/// Lets other tasks run until `condition` holds.
async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the condition came true in time");
}

impl Bench {
    /// Takes SQLite's write lock, as a backup that hangs would.
    async fn lock(&self) -> sqlx::AnyConnection {
        let mut lock = sqlx::AnyConnection::connect(&self.url).await.unwrap();
        lock.execute("BEGIN IMMEDIATE").await.unwrap();
        lock
    }
}
