//! From a scenario's file to what is played: cars, riders, lines and faults, all drawn from the seed.

use std::ops::Range;

use ondol_core::command::Command;
use ondol_core::face::Timing;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::bounds::nodes_named;
use super::file::{FaultLine, Scenario, Trouble};
use crate::faults::carrier::Carrier;
use crate::faults::clock::Ms;
use crate::faults::model::life::{Car, Life, Wish, at};
use crate::faults::model::{Town, district_of};
use crate::faults::schedule::{Fault, Schedule};

/// How bookings are dispatched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dispatch {
    /// Central and an edge in each district.
    Edges,
    /// Central alone.
    CentralOnly,
}

/// Streams of the seed that are not the simulator's own.
const DEMAND: u64 = 11;
const CARS: u64 = 12;
const SHARES: u64 = 13;
const HAND_OVERS: u64 = 15;
const ENDS: u64 = 16;

impl Scenario {
    /// What is played in a district in which everything is smaller by the scale, and as dense.
    pub(super) fn side_m(&self) -> f64 {
        self.town.side_km * 1_000.0 * self.scale.sqrt()
    }

    /// Cars that are played; at least one.
    pub(super) fn cars(&self) -> usize {
        scaled(self.drivers.number, self.scale).max(1)
    }

    /// Rows of stands: with the side they shrink, so that stands lie as densely.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 30")]
    fn stand_rows(&self) -> u32 {
        ((f64::from(self.town.stand_rows) * self.scale.sqrt()).round() as u32).max(1)
    }

    /// The people of the town, the same in every way of dispatching.
    pub(super) fn life(&self, seed: u64) -> Life {
        let (drivers, riders) = (&self.drivers, &self.riders);
        Life {
            cars: self.place_cars(seed),
            hand_overs: self.draw_hand_overs(seed),
            wishes: self.draw_wishes(seed),
            side_m: self.side_m(),
            stand_rows: self.stand_rows(),
            answer_ms: span_ms(drivers.answer_s),
            yes_per_cent: drivers.yes_per_cent,
            no_per_cent: drivers.no_per_cent,
            boarding_ms: riders.boarding_s * 1_000,
            waits_for_rider_ms: drivers.waits_for_rider_s * 1_000,
            moves_every_ms: drivers.moves_every_min * 60_000,
            other_door_ms: riders.other_door_s * 1_000,
            rider_again_ms: riders.again_s * 1_000,
        }
    }

    /// The town as it is dispatched in one way.
    pub(super) fn town(&self, seed: u64, way: Dispatch) -> Town {
        let life = self.life(seed);
        let cars = life.cars.len();
        let turns = 1 + life.hand_overs.iter().map(Vec::len).max().unwrap_or(0);
        let phones = match way {
            Dispatch::Edges => scaled(u32::try_from(cars).unwrap_or(u32::MAX), self.drivers.by_text_share),
            // Without edges there is no way but the app.
            Dispatch::CentralOnly => 0,
        };
        let shipped = Timing::default();
        let ask_home_after_ms = self.timing.ask_home_after_s.map_or(shipped.ask_home_after_ms, |s| s * 1_000);
        let timing = Timing {
            ask_home_after_ms,
            bans_fresh_ms: self.timing.bans_fresh_s * 1_000,
            text_offer_ttl_ms: self.timing.text_offer_s * 1_000,
            lend_after_ms: self.timing.lend_after_s * 1_000,
            hand_back_ms: self.timing.hand_back_s * 1_000,
            ..shipped
        };
        Town {
            districts: self.town.districts,
            has_edges: way == Dispatch::Edges,
            devices: (cars - phones) * turns,
            app_cars: cars - phones,
            phones,
            timing,
            pull_every_ms: 500..1_500,
            life: Some(Life { hand_overs: life.hand_overs[..cars - phones].to_vec(), ..life }),
        }
    }

    fn place_cars(&self, seed: u64) -> Vec<Car> {
        let mut rng = stream(seed, CARS);
        let side_m = self.side_m();
        let place = |number: usize| {
            let district = 1 + number % self.town.districts;
            Car { district, position: at(district, side_m, rng.random::<f64>(), rng.random::<f64>()) }
        };
        (0..self.cars()).map(place).collect()
    }

    /// When the driver of each car gives it to the next one: drivers begin at all hours.
    fn draw_hand_overs(&self, seed: u64) -> Vec<Vec<Ms>> {
        let mut rng = stream(seed, HAND_OVERS);
        let (end, shift_ms) = (self.time.duration_s * 1_000, self.drivers.shift_h * 3_600_000);
        let mut moments = |_| match shift_ms {
            0 => Vec::new(),
            shift_ms => {
                let first = rng.random_range(0..shift_ms);
                (0..).map(|turn| first + turn * shift_ms).take_while(|at| *at < end).collect()
            }
        };
        (0..self.cars()).map(&mut moments).collect()
    }

    fn draw_wishes(&self, seed: u64) -> Vec<Wish> {
        let (mut rng, mut ends) = (stream(seed, DEMAND), stream(seed, ENDS));
        let end = self.time.duration_s * 1_000;
        let (mut now, mut wishes) = (0, Vec::new());
        while now < end {
            let demand = self.riders.demand.iter().rev().find(|demand| demand.from_s * 1_000 <= now);
            let per_hour = demand.map_or(0.0, |demand| demand.per_hour) * self.scale;
            let changes = self.riders.demand.iter().map(|demand| demand.from_s * 1_000);
            let until = changes.filter(|at| *at > now).min().unwrap_or(end).min(end);
            // The gap between two of a Poisson stream; where the rate changes it is drawn anew.
            let next = now + exponential_ms(3_600_000.0 / per_hour.max(1e-9), &mut rng);
            if next < until {
                let wish = self.ends_elsewhere(self.draw_wish(next, &mut rng), &mut ends);
                // What is ordered for after the end is no part of the story.
                wishes.extend((wish.wanted_at() < end).then_some(wish));
            }
            now = next.min(until).max(now + 1);
        }
        wishes
    }

    /// Some rides end in the next district; they are drawn apart, so that all else is the same without them.
    fn ends_elsewhere(&self, wish: Wish, rng: &mut ChaCha8Rng) -> Wish {
        let per_mille = self.riders.ends_elsewhere_per_mille.unwrap_or(0);
        let (roll, north, east) = (rng.random_range(0..1_000), rng.random::<f64>(), rng.random::<f64>());
        if roll >= per_mille {
            return wish;
        }
        let dropoff = at(wish.district % self.town.districts + 1, self.side_m(), north, east);
        Wish { dropoff, ..wish }
    }

    fn draw_wish(&self, at_ms: Ms, rng: &mut ChaCha8Rng) -> Wish {
        let riders = &self.riders;
        let district = 1 + weighted(&riders.district_weights, rng);
        let doors = riders.doors.weights();
        let door = doors[weighted(&doors.map(|(_, weight)| weight), rng)].0;
        let side_m = self.side_m();
        let mut place = || at(district, side_m, rng.random::<f64>(), rng.random::<f64>());
        let (pickup, dropoff) = (place(), place());
        let [shortest_ms, mean_ms, longest_ms] = riders.ride_min.map(|minutes| minutes * 60_000.0);
        let ride_ms = as_ms(shortest_ms) + exponential_ms(mean_ms - shortest_ms, rng);
        let mut one_of = |per_mille: u32| rng.random_range(0..1_000) < per_mille;
        let (is_medical, by_card) = (one_of(riders.medical_per_mille), one_of(riders.by_card_per_mille));
        let (is_ahead, goes_silently) =
            (one_of(riders.ahead_per_mille), one_of(riders.goes_silently_per_mille));
        let ahead_ms = rng.random_range(span_ms(riders.ahead_min.map(|minutes| minutes * 60)));
        Wish {
            at: at_ms,
            ahead_ms: if is_ahead { ahead_ms } else { 0 },
            by_card,
            goes_silently,
            district,
            pickup,
            dropoff,
            ride_ms: ride_ms.min(as_ms(longest_ms)),
            door,
            is_medical,
            patience_ms: riders.patience_s * 1_000,
        }
    }

    /// The lines of an edge's texts.
    pub(super) fn carrier(&self) -> Carrier {
        let texts = &self.texts;
        let sims = (0..texts.sims).map(|_| 60_000.0 / texts.per_sim_per_min);
        let links = (0..texts.links).map(|_| 1_000.0 / texts.per_link_per_s);
        let lines = sims.chain(links).map(|every_ms| as_ms(every_ms / self.scale).max(1));
        Carrier::new(lines, span_ms(texts.delay_s), texts.lost_per_mille, texts.twice_per_mille)
    }

    /// What operators at edges decide, and when, as far as the town has edges.
    pub(super) fn orders(&self, town: &Town) -> Vec<(Ms, usize, Command)> {
        let lines = self.orders.iter().flatten();
        let each = lines.flat_map(|line| {
            let named = nodes_named(&line.node, self.town.districts);
            let edges = named.into_iter().filter(|edge| town.edges().contains(edge));
            edges.map(|edge| {
                let for_ms = line.waive_bans_h * 3_600_000;
                (line.at_s * 1_000, edge, Command::WaiveBans { district: district_of(edge), for_ms })
            })
        });
        each.collect()
    }

    /// The faults, as far as what they hit exists in the town.
    pub(super) fn schedule(&self, seed: u64, town: &Town) -> Schedule {
        let mut rng = stream(seed, SHARES);
        let mut faults = Vec::new();
        for FaultLine { at_s, lasts_s, what } in &self.faults {
            for fault in self.faults_of(what, town, &mut rng) {
                faults.push((at_s * 1_000, lasts_s * 1_000, fault));
            }
        }
        faults.sort_by_key(|(at, ..)| *at);
        Schedule { faults }
    }

    fn faults_of(&self, what: &Trouble, town: &Town, rng: &mut ChaCha8Rng) -> Vec<Fault> {
        let nodes = |name: &str| -> Vec<usize> {
            let named = nodes_named(name, self.town.districts);
            named.into_iter().filter(|node| town.nodes().contains(node)).collect()
        };
        let each = |name: &str, fault: &dyn Fn(usize) -> Fault| nodes(name).into_iter().map(fault).collect();
        match what {
            Trouble::Crash { node } => each(node, &|node| Fault::CrashNode { node }),
            Trouble::Isolate { node } => each(node, &|node| Fault::Isolate { node }),
            Trouble::Pause { node } => each(node, &|node| Fault::PauseNode { node }),
            Trouble::StallDisk { node } => each(node, &|node| Fault::StallDisk { node }),
            Trouble::DiskFails { node } => each(node, &|node| Fault::FailDisk { node }),
            Trouble::Restore { node, age_s } => {
                each(node, &|node| Fault::RestoreNode { node, age_ms: age_s * 1_000, before_return: false })
            }
            Trouble::CutPeers { node, from_central, to_central } => {
                each(node, &|edge| Fault::CutPeers { edge, down: *from_central, up: *to_central })
            }
            Trouble::Flap { node } => each(node, &|edge| Fault::Flap { edge }),
            Trouble::WipeAll { liars_per_cent } => {
                vec![Fault::WipeAll { liars_per_cent: *liars_per_cent }]
            }
            Trouble::RestartPhones { of, share } => {
                let phones = self.phones_of(of, *share, town, rng).into_iter();
                phones.map(|device| Fault::CrashDevice { device, after_outputs: 0 }).collect()
            }
            Trouble::CutDevices { node, of, share, from_devices, to_devices } => {
                let devices = self.phones_of(of, *share, town, rng);
                each(node, &|node| {
                    let devices = devices.clone();
                    Fault::CutDevices { node, devices, up: *from_devices, down: *to_devices }
                })
            }
            Trouble::CutRiders { node } => each(node, &|node| Fault::CutRiders { node }),
            Trouble::CutTexts { node, inward, outward } => {
                each(node, &|edge| Fault::CutTexts { edge, inward: *inward, outward: *outward })
            }
            Trouble::CutTelephone {} => vec![Fault::CutTelephone],
            Trouble::LateLinks { by_s } => vec![Fault::LateLinks { ms: by_s * 1_000 }],
            Trouble::Lose { per_mille } => vec![Fault::Lose { per_mille: *per_mille }],
            Trouble::Repeat { per_mille } => vec![Fault::Repeat { per_mille: *per_mille }],
            Trouble::Delay { by_ms } => vec![Fault::Delay { ms: *by_ms }],
        }
    }

    /// A share of the phones of `all` drivers, or of those of one district.
    fn phones_of(&self, of: &str, share: f64, town: &Town, rng: &mut ChaCha8Rng) -> Vec<usize> {
        // A car's drivers have it together.
        let drawn: Vec<bool> = (0..self.cars()).map(|_| rng.random::<f64>() < share).collect();
        let districts = nodes_named(of, self.town.districts);
        let is_of = |device: &usize| districts.contains(&town.district_of_device(*device));
        (0..town.devices).filter(|device| drawn[*device % town.app_cars]).filter(is_of).collect()
    }
}

/// A stream of the seed.
pub(super) fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

/// The share of a number that is played, rounded.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the number itself")]
pub(super) fn scaled(number: u32, scale: f64) -> usize {
    (f64::from(number) * scale).round() as usize
}

/// A span of seconds in milliseconds.
pub(super) fn span_ms([from, to]: [u64; 2]) -> Range<Ms> {
    from * 1_000..to * 1_000
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most days, never negative")]
fn as_ms(ms: f64) -> Ms {
    ms.round() as Ms
}

/// A duration of this mean: what lies between two events that know nothing of each other.
fn exponential_ms(mean_ms: f64, rng: &mut ChaCha8Rng) -> Ms {
    as_ms((-(1.0 - rng.random::<f64>()).ln() * mean_ms).min(1e12))
}

/// Which of these weights is drawn.
fn weighted(weights: &[u32], rng: &mut ChaCha8Rng) -> usize {
    let mut roll = rng.random_range(0..weights.iter().sum::<u32>());
    for (index, weight) in weights.iter().enumerate() {
        match roll.checked_sub(*weight) {
            Some(left) => roll = left,
            None => return index,
        }
    }
    unreachable!("a roll is below the sum of all weights")
}
