//! Bookings without a pause while processes are killed: every promise is written down, and looked for afterwards.
//!
//! Nobody drives here. Riders with the page and callers show their wish to node after node until one acknowledges it;
//! riders with texts send one and wait. [`crate::checker::crash`] looks for every acknowledged booking in the stores.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use ondol_core::booking::Door;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;

use super::config::CrashConfig;
use super::plan::{self, Wish};
use super::rider::{call, page, text};
use super::{World, carry_texts, tell, tell_progress, watch_central};

/// How long the last riders may take to get their answer, on the wall.
const ANSWERS: Duration = Duration::from_secs(90);
/// How long nodes get to exchange the last entries, on the wall.
const EXCHANGE: Duration = Duration::from_secs(5);

/// Books until enough have asked.
///
/// # Errors
///
/// If a record could not be written.
pub async fn run(world: Arc<World>, config: CrashConfig) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(world.config.seed);
    rng.set_stream(3);
    let mut background = JoinSet::new();
    background.spawn(carry_texts(Arc::clone(&world)));
    background.spawn(watch_central(Arc::clone(&world)));
    background.spawn(tell_progress(Arc::clone(&world)));
    let mut riders = JoinSet::new();
    let mut next = tokio::time::interval(Duration::from_secs_f64(1.0 / config.bookings_per_s));
    for number in 0..config.bookings {
        next.tick().await;
        let at_ms = world.clock.now().ticks.0;
        let wish = plan::wish(&world.city, number, at_ms, world.city.ride(&mut rng), &mut rng);
        let world = Arc::clone(&world);
        riders.spawn(async move { ask(&world, wish).await });
    }
    let everybody = async { while riders.join_next().await.is_some() {} };
    // Whoever has no answer by now was promised nothing.
    let _answered = tokio::time::timeout(ANSWERS, everybody).await;
    tokio::time::sleep(EXCHANGE).await;
    background.abort_all();
    anyhow::ensure!(!world.recorder.has_failed(), "a record could not be written: this run proves nothing");
    tell(&format!("{} bookings were asked for: {}", config.bookings, world.recorder.counts()));
    Ok(())
}

async fn ask(world: &World, mut wish: Wish) {
    match wish.door {
        Door::App | Door::Web => page::ask(world, &wish).await,
        Door::Phone => call::ask(world, &wish).await,
        Door::Sms => text::live(world, &wish).await,
        // Nobody drives by: the rider takes the page.
        Door::Street => {
            wish.door = Door::Web;
            page::ask(world, &wish).await;
        }
    }
}
