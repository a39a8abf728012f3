//! The baseline without a dispatcher: people pass what riders want on to a group of drivers in a messenger.
//!
//! Riders reach the office by telephone, and hang up if nobody answers in time; the office passes on one ride after the
//! other, oldest first, at the speed at which people type. Every member hears it after a while; the first who is free, near enough, willing and quick has
//! the ride. Who answers before having read that answer sets out as well: that is a second car for one rider.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::file::Scenario;
use super::make::{span_ms, stream};
use super::report::Figures;
use crate::faults::clock::Ms;
use crate::faults::model::life::{Car, Life, Wish, drive_ms};

/// Stream of the seed.
const CHAT: u64 = 14;

/// A member of the group.
struct Member {
    car: Car,
    free_at: Ms,
}

/// Plays one group over those who want a car in the outage in its part of the town.
pub(super) fn play(scenario: &Scenario, seed: u64) -> Figures {
    let scenario = &part_of(scenario);
    let life = &scenario.life(seed);
    let mut rng = stream(seed, CHAT);
    let chat = &scenario.chat_group;
    let (from, to) = (scenario.time.outage_from_s * 1_000, scenario.time.outage_to_s * 1_000);
    let mut members: Vec<Member> =
        life.cars.iter().take(chat.members as usize).map(|car| Member { car: *car, free_at: from }).collect();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "minutes")]
    let relay_ms = match chat.relays_per_min {
        rate if rate > 0.0 => (60_000.0 * chat.messages_per_ride / rate) as Ms,
        _ => return figures(&[], life, (from, to), 0),
    };
    let mut waiting: Vec<&Wish> =
        life.wishes.iter().filter(|wish| (from..to).contains(&wish.wanted_at())).collect();
    waiting.sort_by_key(|wish| std::cmp::Reverse(wish.wanted_at()));
    let (mut office_free_at, mut twice) = (from, 0);
    let mut came = Vec::new();
    while let Some(wish) = waiting.pop() {
        let relayed_at = office_free_at.max(wish.wanted_at());
        let leaves_at = wish.wanted_at() + wish.patience_ms;
        // Who is not put through hangs up.
        if relayed_at >= to || relayed_at >= wish.wanted_at() + chat.hangs_up_s * 1_000 {
            continue;
        }
        office_free_at = relayed_at + relay_ms;
        let (first, others) = ask(scenario, wish, relayed_at, &mut members, &mut rng);
        twice += u64::from(others > 0);
        let Some((answered_at, member)) = first else { continue };
        let arrives_at = answered_at + drive_ms(members[member].car.position, wish.pickup);
        let is_there = arrives_at <= leaves_at;
        let busy_ms = if is_there { life.boarding_ms + wish.ride_ms } else { life.waits_for_rider_ms };
        members[member].free_at = arrives_at + busy_ms;
        members[member].car.position = if is_there { wish.dropoff } else { wish.pickup };
        if is_there {
            came.push((wish, arrives_at - wish.wanted_at()));
        }
    }
    figures(&came, life, (from, to), twice)
}

/// The part of the town that one group serves, as one district.
fn part_of(scenario: &Scenario) -> Scenario {
    let mut part = scenario.clone();
    part.scale = 1.0 / f64::from(scenario.chat_group.groups);
    #[allow(clippy::cast_precision_loss, reason = "few districts")]
    let districts = scenario.town.districts as f64;
    part.town.side_km *= districts.sqrt();
    (part.town.districts, part.riders.district_weights) = (1, vec![1]);
    part
}

/// Who answers first and when; and how many more set out before they have read that somebody has.
fn ask(
    scenario: &Scenario,
    wish: &Wish,
    relayed_at: Ms,
    members: &mut [Member],
    rng: &mut ChaCha8Rng,
) -> (Option<(Ms, usize)>, usize) {
    let chat = &scenario.chat_group;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "minutes")]
    let reach_ms = (chat.reach_min * 60_000.0) as Ms;
    let mut answers = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let heard_at = relayed_at + rng.random_range(span_ms(chat.delay_s));
        let answers_at = heard_at + rng.random_range(span_ms(chat.answer_s));
        let wants = rng.random_range(0..100) < chat.yes_per_cent;
        // A car goes where it stands by then.
        let is_near = drive_ms(member.car.position, wish.pickup) <= reach_ms;
        if wants && is_near && member.free_at <= heard_at {
            answers.push((answers_at, index));
        }
    }
    answers.sort_unstable();
    let Some((first_at, first)) = answers.first().copied() else { return (None, 0) };
    let mut others = 0;
    for (at, index) in &answers[1..] {
        // Until the first answer has come to this driver.
        let knows_at = first_at + rng.random_range(span_ms(chat.delay_s));
        if *at < knows_at {
            others += 1;
            members[*index].free_at = members[*index].free_at.max(knows_at);
        }
    }
    (Some((first_at, first)), others)
}

fn figures(came: &[(&Wish, Ms)], life: &Life, (from, to): (Ms, Ms), twice: u64) -> Figures {
    let made = life.wishes.iter().filter(|wish| (from..to).contains(&wish.wanted_at()));
    let (made, medical) =
        made.fold((0, 0), |(all, medical), wish| (all + 1, medical + u64::from(wish.is_medical)));
    let mut figures = Figures::default();
    figures.in_outage.made = made;
    figures.in_outage.acknowledged = came.len() as u64;
    figures.in_outage.served = came.len() as u64;
    figures.in_outage.medical_made = medical;
    figures.in_outage.medical_served = came.iter().filter(|(wish, _)| wish.is_medical).count() as u64;
    figures.in_outage.note_waits(
        came.iter().map(|(_, wait)| *wait).collect(),
        came.iter().filter(|(wish, _)| wish.is_medical).map(|(_, wait)| *wait).collect(),
    );
    figures.duplicate_dispatches = twice;
    figures
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::known;
    use super::*;

    /// Served of asked, over some seeds.
    #[allow(clippy::cast_precision_loss, reason = "counts of a run")]
    fn share(scenario: &Scenario) -> f64 {
        let all: Vec<_> = (1..=5).map(|seed| play(scenario, seed).in_outage).collect();
        let sum =
            |count: fn(&super::super::report::InOutage) -> u64| all.iter().map(count).sum::<u64>() as f64;
        sum(|figures| figures.served) / sum(|figures| figures.made)
    }

    fn koeln() -> Scenario {
        let known = known().iter().find(|known| known.name == "koeln-15h").expect("it is brought along");
        Scenario::read(known.text).expect("it is sound")
    }

    #[test]
    fn the_group_of_cologne_serves_what_it_served() {
        let share = share(&koeln());
        assert!((0.44..=0.50).contains(&share), "800 of 1,700 were served, here {share}");
    }

    #[test]
    fn a_group_that_nobody_writes_to_serves_nobody_and_faster_people_serve_more() {
        let mut scenario = koeln();
        let usual = share(&scenario);
        scenario.chat_group.relays_per_min *= 1.5;
        assert!(share(&scenario) > usual);
        scenario.chat_group.relays_per_min = 0.0;
        assert_eq!(play(&scenario, 1).in_outage.served, 0);
    }
}
