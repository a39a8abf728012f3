//! Reads a scenario's file, and says in a sentence which key is wrong.

use std::collections::BTreeMap;

use ondol_core::command::WAIVE_MAX_MS;

use super::file::{Scenario, Trouble};

/// What is wrong with a file, in a sentence that names the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {what}")]
pub struct Invalid {
    /// The key.
    pub key: String,
    /// What is wrong with it.
    pub what: String,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for a key that is unknown, missing, or has a value out of its range.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let invalid = |key: String, what: &str| Invalid {
            key: if key == "." { "the file".to_owned() } else { key },
            what: what.trim().replace('\n', " "),
        };
        let reader =
            toml::Deserializer::parse(text).map_err(|error| invalid(".".to_owned(), error.message()))?;
        let scenario: Self = serde_path_to_error::deserialize(reader)
            .map_err(|error| invalid(error.path().to_string(), error.inner().message()))?;
        scenario.check().map(|()| scenario)
    }

    fn check(&self) -> Result<(), Invalid> {
        let mut bounds = Bounds::default();
        let Self { time, town, drivers, riders, texts, chat_group: chat, must, .. } = self;
        bounds.number("scale", self.scale, 1e-4, 1.0);
        bounds.whole("time.duration_s", time.duration_s, 60, 3 * 86_400);
        bounds.whole("time.outage_from_s", time.outage_from_s, 60, time.duration_s);
        bounds.whole("time.outage_to_s", time.outage_to_s, time.outage_from_s + 1, time.duration_s);
        bounds.whole("town.districts", town.districts as u64, 1, 32);
        bounds.number("town.side_km", town.side_km, 0.5, 100.0);
        bounds.whole("town.stand_rows", u64::from(town.stand_rows), 1, 30);
        bounds.whole("drivers.number", u64::from(drivers.number), 1, 100_000);
        bounds.whole("drivers.shift_h", drivers.shift_h, 0, 24);
        bounds.number("drivers.by_text_share", drivers.by_text_share, 0.0, 1.0);
        bounds.span("drivers.answer_s", drivers.answer_s, 600);
        let answered = u64::from(drivers.yes_per_cent) + u64::from(drivers.no_per_cent);
        bounds.whole("drivers.yes_per_cent + no_per_cent", answered, 1, 100);
        bounds.whole("drivers.waits_for_rider_s", drivers.waits_for_rider_s, 0, 3_600);
        bounds.whole("drivers.moves_every_min", drivers.moves_every_min, 0, 1_440);
        bounds.whole("riders.demand", riders.demand.len() as u64, 1, 200);
        bounds.whole("riders.demand[0].from_s", riders.demand.first().map_or(0, |first| first.from_s), 0, 0);
        for (index, pair) in riders.demand.windows(2).enumerate() {
            let key = format!("riders.demand[{}].from_s", index + 1);
            bounds.whole(&key, pair[1].from_s, pair[0].from_s + 1, time.duration_s);
        }
        for (index, demand) in riders.demand.iter().enumerate() {
            bounds.number(&format!("riders.demand[{index}].per_hour"), demand.per_hour, 0.0, 1e6);
        }
        let districts = town.districts as u64;
        bounds.whole("riders.district_weights", riders.district_weights.len() as u64, districts, districts);
        let weights = riders.district_weights.iter().map(|weight| u64::from(*weight)).sum();
        bounds.whole("riders.district_weights", weights, 1, 1_000_000);
        let doors = riders.doors.weights().iter().map(|(_, weight)| u64::from(*weight)).sum();
        bounds.whole("riders.doors", doors, 1, 1_000_000);
        bounds.whole("riders.patience_s", riders.patience_s, 30, 86_400);
        bounds.whole("riders.again_s", riders.again_s, 1, 3_600);
        bounds.whole("riders.other_door_s", riders.other_door_s, 1, 86_400);
        bounds.whole("riders.medical_per_mille", u64::from(riders.medical_per_mille), 0, 1_000);
        bounds.whole("riders.ahead_per_mille", u64::from(riders.ahead_per_mille), 0, 1_000);
        bounds.span("riders.ahead_min", riders.ahead_min, 1_440);
        bounds.whole("riders.by_card_per_mille", u64::from(riders.by_card_per_mille), 0, 1_000);
        bounds.whole("riders.goes_silently_per_mille", u64::from(riders.goes_silently_per_mille), 0, 1_000);
        let elsewhere = riders.ends_elsewhere_per_mille.map_or(0, u64::from);
        bounds.whole("riders.ends_elsewhere_per_mille", elsewhere, 0, 1_000);
        let [shortest, mean, longest] = riders.ride_min;
        bounds.number("riders.ride_min, the shortest", shortest, 0.5, 600.0);
        bounds.number("riders.ride_min, the mean", mean, shortest, 600.0);
        bounds.number("riders.ride_min, the longest", longest, mean, 600.0);
        bounds.whole("riders.boarding_s", riders.boarding_s, 0, 3_600);
        bounds.whole("texts.sims", u64::from(texts.sims), 0, 1_000);
        bounds.number("texts.per_sim_per_min", texts.per_sim_per_min, 0.1, 1_000.0);
        bounds.whole("texts.links", u64::from(texts.links), 0, 100);
        bounds.number("texts.per_link_per_s", texts.per_link_per_s, 0.1, 1_000.0);
        bounds.span("texts.delay_s", texts.delay_s, 3_600);
        bounds.whole("texts.lost_per_mille", u64::from(texts.lost_per_mille), 0, 1_000);
        bounds.whole("texts.twice_per_mille", u64::from(texts.twice_per_mille), 0, 1_000);
        bounds.whole("timing.bans_fresh_s", self.timing.bans_fresh_s, 1, 30 * 86_400);
        bounds.whole("timing.text_offer_s", self.timing.text_offer_s, 10, 3_600);
        bounds.whole("timing.lend_after_s", self.timing.lend_after_s, 0, 86_400);
        bounds.whole("timing.ask_home_after_s", self.timing.ask_home_after_s.unwrap_or(0), 0, 86_400);
        bounds.whole("timing.hand_back_s", self.timing.hand_back_s, 10, 7_200);
        bounds.whole("chat_group.groups", u64::from(chat.groups), 1, 10_000);
        bounds.whole("chat_group.members", u64::from(chat.members), 0, u64::from(drivers.number));
        bounds.number("chat_group.relays_per_min", chat.relays_per_min, 0.0, 100_000.0);
        bounds.whole("chat_group.hangs_up_s", chat.hangs_up_s, 1, 86_400);
        bounds.number("chat_group.messages_per_ride", chat.messages_per_ride, 1.0, 100.0);
        bounds.span("chat_group.delay_s", chat.delay_s, 3_600);
        bounds.span("chat_group.answer_s", chat.answer_s, 3_600);
        bounds.whole("chat_group.yes_per_cent", u64::from(chat.yes_per_cent), 0, 100);
        bounds.number("chat_group.reach_min", chat.reach_min, 1.0, 600.0);
        bounds.number("must.served_ratio_least", must.served_ratio_least, 0.0, 1.0);
        bounds.whole("faults", self.faults.len() as u64, 1, 1_000);
        for (index, line) in self.faults.iter().enumerate() {
            bounds.whole(&format!("faults[{index}].at_s"), line.at_s, 1, time.duration_s);
            bounds.whole(&format!("faults[{index}].lasts_s"), line.lasts_s, 1, 30 * 86_400);
            bounds.trouble(&format!("faults[{index}].what"), &line.what, town.districts);
        }
        for (index, line) in self.orders.iter().flatten().enumerate() {
            let key = |field: &str| format!("orders[{index}].{field}");
            bounds.whole(&key("at_s"), line.at_s, 1, time.duration_s);
            bounds.whole(&key("waive_bans_h"), line.waive_bans_h, 0, WAIVE_MAX_MS / 3_600_000);
            bounds.named(&key("node"), &line.node, &[], town.districts);
        }
        bounds.first.map_or(Ok(()), Err)
    }
}

/// Looks at values in turn, and keeps the first that is out of its range.
#[derive(Default)]
struct Bounds {
    first: Option<Invalid>,
}

impl Bounds {
    fn wrong(&mut self, key: &str, what: String) {
        self.first.get_or_insert_with(|| Invalid { key: key.to_owned(), what });
    }

    fn whole(&mut self, key: &str, value: u64, least: u64, most: u64) {
        if !(least..=most).contains(&value) {
            self.wrong(key, format!("{value} is not between {least} and {most}"));
        }
    }

    fn number(&mut self, key: &str, value: f64, least: f64, most: f64) {
        if !(least..=most).contains(&value) {
            self.wrong(key, format!("{value} is not between {least} and {most}"));
        }
    }

    fn span(&mut self, key: &str, [from, to]: [u64; 2], most: u64) {
        self.whole(key, to, from + 1, most);
    }

    fn trouble(&mut self, key: &str, what: &Trouble, districts: usize) {
        let (node, edges_only) = match what {
            Trouble::Crash { node }
            | Trouble::Isolate { node }
            | Trouble::Pause { node }
            | Trouble::StallDisk { node }
            | Trouble::DiskFails { node }
            | Trouble::CutRiders { node } => (node, false),
            Trouble::Restore { node, age_s } => {
                self.whole(&format!("{key}.age_s"), *age_s, 1, 86_400);
                (node, false)
            }
            Trouble::CutDevices { node, of, share, .. } => {
                self.phones(key, of, *share, districts);
                (node, false)
            }
            Trouble::RestartPhones { of, share } => return self.phones(key, of, *share, districts),
            Trouble::WipeAll { liars_per_cent } => {
                return self.whole(&format!("{key}.liars_per_cent"), u64::from(*liars_per_cent), 0, 100);
            }
            Trouble::CutPeers { node, .. } | Trouble::Flap { node } | Trouble::CutTexts { node, .. } => {
                (node, true)
            }
            Trouble::Lose { per_mille } | Trouble::Repeat { per_mille } => {
                return self.whole(&format!("{key}.per_mille"), u64::from(*per_mille), 1, 1_000);
            }
            Trouble::Delay { by_ms } => return self.whole(&format!("{key}.by_ms"), *by_ms, 1, 600_000),
            Trouble::LateLinks { by_s } => return self.whole(&format!("{key}.by_s"), *by_s, 1, 86_400),
            Trouble::CutTelephone {} => return,
        };
        let others: &[&str] = if edges_only { &[] } else { &["central", "all"] };
        self.named(&format!("{key}.node"), node, others, districts);
    }

    /// A name of edges, or one of these others.
    fn named(&mut self, key: &str, node: &str, others: &[&str], districts: usize) {
        let names_edges =
            !nodes_named(node, districts).is_empty() && !nodes_named(node, districts).contains(&0);
        if !names_edges && !others.contains(&node) {
            let others: String = others.iter().map(|other| format!("{other}, ")).collect();
            self.wrong(key, format!("{node} is not one of {others}edges, edge-1 to edge-{districts}"));
        }
    }

    /// A share of the phones of all drivers, or of one district's.
    fn phones(&mut self, key: &str, of: &str, share: f64, districts: usize) {
        if of != "all" && !matches!(nodes_named(of, districts)[..], [district] if district > 0) {
            self.wrong(&format!("{key}.of"), format!("{of} is not one of all, edge-1 to edge-{districts}"));
        }
        self.number(&format!("{key}.share"), share, 0.0, 1.0);
    }
}

/// The nodes that a name in a file means, by number; none if nothing bears it.
pub(super) fn nodes_named(name: &str, districts: usize) -> Vec<usize> {
    match name {
        "central" => vec![0],
        "edges" => (1..=districts).collect(),
        "all" => (0..=districts).collect(),
        other => {
            let named: BTreeMap<String, usize> = (1..=districts).map(|n| (format!("edge-{n}"), n)).collect();
            named.get(other).copied().into_iter().collect()
        }
    }
}
