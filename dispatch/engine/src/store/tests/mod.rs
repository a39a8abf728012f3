//! Goal: what was committed stays, exactly and once, whatever fails; both databases behave the same.
//! Method: every story runs on SQLite, and on PostgreSQL in a database of its own if `ONDOL_TEST_DATABASE_URL`
//! names a server (`cargo xtask postgres` starts one); without it those tests say so and pass over.

mod chains;
mod crash;
mod fixture;
mod keys;
mod notices;
mod rows;
mod silent;
mod starts;
mod window;

/// Runs each story on both databases.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $story() {
                super::$story(super::fixture::sqlite().await).await;
            })+
        }
        mod db {
            $(#[tokio::test]
            async fn $story() {
                if let Some(db) = super::fixture::postgres().await {
                    super::$story(db).await;
                }
            })+
        }
    };
}
use on_both;
