//! Riders: each with one wish and one door, patient for a while.

pub mod call;
pub mod page;
pub mod text;

use std::sync::Arc;

use ondol_core::booking::Door;
use ondol_core::units::Ticks;
use tokio::sync::mpsc::UnboundedReceiver;

use super::World;
use super::driver::lookout::Hail;
use super::plan::Wish;
use super::record::RiderNote;
use super::street::Lived;

/// How often a rider asks how things stand, in simulated milliseconds.
pub const FOLLOW_EVERY_MS: u64 = 15_000;
/// How often somebody in the street raises a hand again, and how long.
const HAND_EVERY_MS: u64 = 20_000;
const HAND_FOR_MS: u64 = 300_000;
/// Longest trip: a rider who boarded is followed no longer.
pub const TRIP_MAX_MS: u64 = 3_600_000;

/// Lives one wish to its end.
pub async fn live(world: Arc<World>, wish: Wish) {
    world.clock.until(Ticks(wish.at_ms)).await;
    match wish.door {
        Door::App | Door::Web => page::live(&world, &wish).await,
        Door::Sms => text::live(&world, &wish).await,
        Door::Phone => call::live(&world, &wish).await,
        Door::Street => raise_hand(&world, &wish).await,
    }
}

/// Nobody is asked: a free driver who comes by stops, or the rider walks.
async fn raise_hand(world: &World, wish: &Wish) {
    let hail = Hail { wish: wish.number, pickup: wish.pickup, dropoff: wish.dropoff };
    let gives_up_at = world.clock.now().ticks.plus_ms(HAND_FOR_MS);
    while world.clock.now().ticks < gives_up_at && !world.lookouts.raise_hand(&hail) {
        world.clock.pass(HAND_EVERY_MS).await;
    }
}

/// What has happened in the street, written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// No taxi yet.
    Waiting,
    /// In the taxi.
    Riding,
    /// Out of it, or given up.
    Over,
}

/// Takes in what happened in the street.
pub fn lived(world: &World, wish: &Wish, event: Lived) -> Stage {
    match event {
        Lived::Boarded { plate, booking } => {
            world.tell(wish, RiderNote::Boarded { plate, booking });
            Stage::Riding
        }
        Lived::Ended => {
            world.tell(wish, RiderNote::Ended {});
            Stage::Over
        }
        // A rider of the city says what its node told it: another rider has the same code.
        Lived::WrongPin => Stage::Waiting,
    }
}

/// Waits for the trip's end.
pub async fn ride(world: &World, wish: &Wish, street: &mut UnboundedReceiver<Lived>) {
    let ends_at = world.clock.now().ticks.plus_ms(TRIP_MAX_MS);
    loop {
        tokio::select! {
            Some(event) = street.recv() => {
                if lived(world, wish, event) == Stage::Over {
                    return;
                }
            }
            () = world.clock.until(ends_at) => return,
        }
    }
}
