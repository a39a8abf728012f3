//! Rows for SQL: what the board says, and to each fleet its own.

use ondol_core::board::Board;
use ondol_core::booking::Status;
use ondol_core::command::Command;
use ondol_core::face::{Input, Output};
use ondol_core::fact::Request;
use ondol_core::node::Node;
use ondol_core::travel::StraightLine;
use ondol_core::units::{Now, Ticks, UtcMs};
use sqlx::any::AnyPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::super::{Batch, Rows};
use super::fixture::{Db, NOW};
use super::{fixture, on_both};
use crate::run::tests::bench::{book, config, district, request};
use crate::vault::{hex, random_bytes};

on_both!(rows_say_what_the_board_says, a_repeated_commit_changes_no_row);

/// A node with bookings 1 to 4, for the fleets `red`, `blue`, `red` and none, and what it wants stored.
fn booked() -> (Node, Batch) {
    let config = config().core(9, ondol_core::pin::PinKey([0; 32]));
    let now = Now { utc: NOW, ticks: Ticks(0) };
    let mut node = Node::new(config, Board::default(), std::sync::Arc::new(StraightLine), now);
    for (number, fleet) in [(1, Some("red")), (2, Some("blue")), (3, Some("red")), (4, None)] {
        let Command::Book { booking, district, zone, .. } = book(number) else { unreachable!() };
        let request = Request { fleet: fleet.map(|name| name.parse().unwrap()), ..request(number) };
        let command = Box::new(Command::Book { booking, district, zone, request });
        node.handle(Input::Command { request: 1, command }, now);
    }
    let mut batch = Batch::default();
    while let Some(output) = node.poll_output() {
        if let Output::Append(entry) = output {
            batch.entries.push(entry);
        }
    }
    batch.rows = Rows::of_board(node.board());
    (node, batch)
}

async fn rows_say_what_the_board_says(db: Db) {
    let (node, batch) = booked();
    assert!(db.store.projection_is_empty().await.unwrap());
    db.store.commit(&batch, NOW).await.unwrap();
    assert!(!db.store.projection_is_empty().await.unwrap());
    let red = "red".parse().unwrap();
    let found = db.store.bookings_of_fleet(&red, &district(), UtcMs(0), 10).await.unwrap();
    assert_eq!(found.len(), 2);
    for row in found {
        let (_, record) = node.board().booking(row.booking).unwrap();
        assert_eq!(row.status, record.status().as_str());
        assert_eq!(row.status, Status::Open.as_str());
        assert_eq!(row.fleet.as_ref(), Some(&red));
        assert_eq!(row.accepted_at, NOW);
    }
    assert!(db.store.bookings_of_fleet(&red, &district(), NOW.plus_ms(1), 10).await.unwrap().is_empty());
}

async fn a_repeated_commit_changes_no_row(db: Db) {
    let (_, batch) = booked();
    db.store.commit(&batch, NOW).await.unwrap();
    db.store.commit(&batch, NOW).await.unwrap();
    let blue = "blue".parse().unwrap();
    assert_eq!(db.store.bookings_of_fleet(&blue, &district(), UtcMs(0), 10).await.unwrap().len(), 1);
}

mod rls {
    mod db {
        use super::super::*;

        /// Even a statement of ours that forgets the fleet shows nothing of another one, to a role that is no superuser.
        #[tokio::test]
        async fn postgres_itself_keeps_fleets_apart() {
            let Some(db) = fixture::postgres().await else { return };
            db.store.commit(&booked().1, NOW).await.unwrap();
            let role = format!("fleet_reader_{}", hex(&random_bytes::<6>()));
            let writer = db.store.writer();
            for statement in [
                format!("CREATE ROLE {role} LOGIN PASSWORD 'x' NOSUPERUSER NOBYPASSRLS"),
                format!("GRANT SELECT, INSERT, UPDATE, DELETE ON booking, assignment, shift TO {role}"),
            ] {
                writer.execute(AssertSqlSafe(statement)).await.unwrap();
            }
            let (_, rest) = db.url.split_once('@').unwrap();
            let url = format!("postgres://{role}:x@{rest}");
            let pool = AnyPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
            let mut connection = pool.acquire().await.unwrap();
            let mut seen = Vec::new();
            for fleet in [None, Some("red"), Some("blue"), Some("green"), Some("*")] {
                let mut transaction = connection.begin().await.unwrap();
                if let Some(fleet) = fleet {
                    let set = sqlx::query("SELECT set_config('ondol.fleet', $1, true)").bind(fleet);
                    transaction.execute(set).await.unwrap();
                }
                let count =
                    sqlx::query("SELECT COUNT(*) AS n FROM booking").fetch_one(&mut *transaction).await;
                seen.push(count.unwrap().try_get::<i64, _>("n").unwrap());
                let changed = transaction.execute("UPDATE booking SET status = 'done'").await.unwrap();
                assert_eq!(changed.rows_affected(), seen[seen.len() - 1].unsigned_abs(), "{fleet:?}");
                transaction.rollback().await.unwrap();
            }
            assert_eq!(seen, [0, 2, 1, 0, 4], "no fleet, red, blue, green, the node itself");
            let foreign = "INSERT INTO booking (zone_id, booking, district, fleet_id, door, status, accepted_at) \
                           VALUES ('z', 'b', 'd', 'red', 'web', 'open', 1)";
            assert!(connection.execute(foreign).await.is_err(), "nobody writes for a fleet that is not set");
        }
    }
}
