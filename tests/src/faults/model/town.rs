//! Who there is in a run: districts, drivers, and how people act.

use std::ops::Range;

use ondol_core::face::Timing;
use ondol_core::ids::StandId;
use ondol_core::position::Position;

use super::life::Life;
use super::spot;
use crate::faults::clock::Ms;

/// A booking for which nobody is found ends sooner in a seed than in a town, so that runs are short.
const GIVE_UP_MS: u64 = 600_000;
/// Bans age sooner in a seed than in a town, so that they do within a run.
const BANS_FRESH_MS: u64 = 90_000;
/// Bookings are lent, and given back, sooner than in a town, so that it happens often in a run.
const LEND_AFTER_MS: u64 = 15_000;
const LEND_BACK_AFTER_MS: u64 = 40_000;
/// Drivers are asked home sooner, so that some are.
const ASK_HOME_AFTER_MS: u64 = 8_000;
/// Bookings age sooner, so that some have when a node starts again.
const AGED_MS: u64 = 120_000;
/// The spot of a seed's stands.
pub(super) const STAND_AT: u32 = 500;

/// What a run is made of.
#[derive(Debug, Clone)]
pub(crate) struct Town {
    /// Districts, from 1.
    pub(crate) districts: usize,
    /// Each district has its edge; without edges central serves all of them alone.
    pub(crate) has_edges: bool,
    /// Phones with the app. Where people live, each car has one after the other: the drivers who take turns in it.
    pub(crate) devices: usize,
    /// Cars whose drivers have the app.
    pub(crate) app_cars: usize,
    /// Feature-phone drivers, homed at the edge of their district.
    pub(crate) phones: usize,
    /// The timers of every node.
    pub(crate) timing: Timing,
    /// Shortest and longest time from one pull of a peer's journal to the next.
    pub(crate) pull_every_ms: Range<Ms>,
    /// How people live; without it they are in a hurry and do everything by chance.
    pub(crate) life: Option<Life>,
}

impl Town {
    /// The town of a seed: small, and in a hurry.
    pub(crate) fn small() -> Self {
        let timing = Timing {
            give_up_ms: GIVE_UP_MS,
            bans_fresh_ms: BANS_FRESH_MS,
            aged_ms: AGED_MS,
            lend_after_ms: LEND_AFTER_MS,
            lend_back_after_ms: LEND_BACK_AFTER_MS,
            ask_home_after_ms: ASK_HOME_AFTER_MS,
            ..Timing::default()
        };
        Self {
            districts: 2,
            has_edges: true,
            devices: 8,
            app_cars: 8,
            phones: 3,
            timing,
            pull_every_ms: 200..900,
            life: None,
        }
    }

    /// Central and every edge, by number; central is 0.
    pub(crate) fn nodes(&self) -> Range<usize> {
        0..self.edges().end
    }

    /// Every edge, which has the number of its district.
    pub(crate) fn edges(&self) -> Range<usize> {
        if self.has_edges { self.districts() } else { 1..1 }
    }

    pub(crate) fn districts(&self) -> Range<usize> {
        1..self.districts + 1
    }

    /// The nodes that serve a district: central, and its edge if it has one.
    pub(crate) fn nodes_of(&self, district: usize) -> impl Iterator<Item = usize> + use<> {
        std::iter::once(0).chain(self.has_edges.then_some(district))
    }

    /// The district of a driver with the app.
    pub(crate) fn district_of_device(&self, device: usize) -> usize {
        match &self.life {
            Some(life) => life.cars[device % self.app_cars].district,
            None => 1 + device % self.districts,
        }
    }

    /// The district of a feature-phone driver.
    pub(crate) fn district_of_phone(&self, phone: usize) -> usize {
        match &self.life {
            Some(life) => life.cars[self.app_cars + phone].district,
            None => 1 + phone % self.districts,
        }
    }

    /// The stands of a district.
    pub(super) fn stands(&self, district: usize) -> Vec<(StandId, Position)> {
        let named = |number: usize| format!("{number}").parse().expect("a well-formed name");
        let Some(life) = &self.life else { return vec![(named(district), spot(district, STAND_AT))] };
        let stands = life.stands_of(district).enumerate();
        stands.map(|(index, place)| (named(district * 1_000 + index), place)).collect()
    }

    /// The stand where a feature-phone driver begins: the one nearest to the car.
    pub(super) fn stand_of_phone(&self, phone: usize) -> (StandId, Position) {
        let stands = self.stands(self.district_of_phone(phone)).into_iter();
        let car = self.life.as_ref().map(|life| life.cars[self.app_cars + phone].position);
        let away_m = |place: Position| car.map_or(0.0, |car| car.distance_m(place));
        let nearest = stands.min_by(|(_, a), (_, b)| away_m(*a).total_cmp(&away_m(*b)));
        nearest.expect("each district has a stand")
    }
}
