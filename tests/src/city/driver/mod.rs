//! Drivers: with the app, or with any phone.

pub mod app;
pub mod entry;
pub mod key;
pub mod link;
pub mod lookout;
pub mod phone;

use std::sync::Arc;

use anyhow::Result;
use ondol_core::position::Position;

use super::World;
use super::roster::Listed;

/// Works one shift.
///
/// # Errors
///
/// If the driver never got to work.
pub async fn work(world: Arc<World>, number: u32, listed: Listed, at: Position) -> Result<()> {
    // Not everybody comes at the same second.
    world.clock.pass(u64::from(number % 50) * 300).await;
    if listed.home.is_some() {
        phone::work(world, number, listed, at).await
    } else {
        app::work(world, number, listed, at).await
    }
}
