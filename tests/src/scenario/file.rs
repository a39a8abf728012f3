//! A scenario as it stands in its file: every parameter with its unit, and what must hold.

use ondol_core::booking::Door;
use serde::Deserialize;

/// A scenario as people write it. Figures are those of life; [`Scenario::scale`] says which share of them is played.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// In a sentence.
    pub title: String,
    /// What happened.
    pub happened: String,
    /// Which figures are taken from where, and which are assumed or calibrated.
    pub figures: String,
    /// Share of cars, demand, texts and chat that is played, from 0 (exclusive) to 1.
    pub scale: f64,
    /// Why no more.
    pub scale_why: String,
    /// How long it lasts.
    pub time: Time,
    /// Where.
    pub town: Area,
    /// Who drives.
    pub drivers: Drivers,
    /// Who rides.
    pub riders: Riders,
    /// How texts travel.
    pub texts: Texts,
    /// Timers of the nodes that this town sets otherwise than they are shipped.
    pub timing: Timers,
    /// The baseline without a dispatcher.
    pub chat_group: ChatGroup,
    /// What fails when.
    pub faults: Vec<FaultLine>,
    /// What operators at edges decide, beside what they always do; nothing if absent.
    pub orders: Option<Vec<OrderLine>>,
    /// What must hold, beside what always must.
    pub must: Must,
}

/// Durations, from the start.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// How long riders ask.
    pub duration_s: u64,
    /// The outage begins: riders who ask from then on are counted.
    pub outage_from_s: u64,
    /// It ends.
    pub outage_to_s: u64,
}

/// Districts are squares in a row.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// How many, each with its edge.
    pub districts: usize,
    /// The side of each. With fewer cars the side shrinks, so that cars stand as densely.
    pub side_km: f64,
    /// Rows of stands in each, and stands in a row: where drivers with feature phones begin. They shrink with the side.
    pub stand_rows: u32,
}

/// Drivers, spread evenly over districts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drivers {
    /// Cars on duty all the time.
    pub number: u32,
    /// How long a driver with the app drives before the next one takes the car; 0 for all the time.
    pub shift_h: u64,
    /// Share that has feature phones and is homed to the edge.
    pub by_text_share: f64,
    /// Shortest and longest look at a question.
    pub answer_s: [u64; 2],
    /// Of 100 questions, answered yes.
    pub yes_per_cent: u32,
    /// Of 100 questions, answered no; the others are not answered.
    pub no_per_cent: u32,
    /// How long a driver waits for a rider who is not there.
    pub waits_for_rider_s: u64,
    /// A free driver drives somewhere else after this time on average; 0 for never.
    pub moves_every_min: u64,
}

/// Riders: a Poisson stream.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Riders {
    /// From when on how many ask in an hour; the first from 0.
    pub demand: Vec<Demand>,
    /// How often each district is asked for against the others, in their order.
    pub district_weights: Vec<u32>,
    /// How often each door is used against the others.
    pub doors: Doors,
    /// A rider goes when no car has come within this time.
    pub patience_s: u64,
    /// A rider who has no answer tries the next node after this time.
    pub again_s: u64,
    /// A rider who has no answer by telephone or text turns to the page after this time.
    pub other_door_s: u64,
    /// Of 1,000 riders, those who go first by the medical rule.
    pub medical_per_mille: u32,
    /// Of 1,000 riders, those who order ahead, and by how long at least and at most.
    pub ahead_per_mille: u32,
    /// By how long: at least and at most.
    pub ahead_min: [u64; 2],
    /// Of 1,000 riders, those who pay by card, which central charges.
    pub by_card_per_mille: u32,
    /// Of 1,000 riders whose patience is over, those who go without a word.
    pub goes_silently_per_mille: u32,
    /// Of 1,000 rides, those that end in the next district; none if absent.
    pub ends_elsewhere_per_mille: Option<u32>,
    /// Shortest, mean and longest ride.
    pub ride_min: [f64; 3],
    /// From the car's arrival until the rider sits.
    pub boarding_s: u64,
}

/// How many ask.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// From then on.
    pub from_s: u64,
    /// In an hour.
    pub per_hour: f64,
}

/// Weights of doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doors {
    /// The installed page.
    pub app: u32,
    /// The page in a browser.
    pub web: u32,
    /// A text.
    pub sms: u32,
    /// A call that an operator takes.
    pub phone: u32,
}

/// The lines of each edge to the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// Modems with a SIM.
    pub sims: u32,
    /// Texts in a minute, of each.
    pub per_sim_per_min: f64,
    /// Links to the carrier.
    pub links: u32,
    /// Texts in a second, of each.
    pub per_link_per_s: f64,
    /// Shortest and longest way of a text.
    pub delay_s: [u64; 2],
    /// Of 1,000 texts, lost.
    pub lost_per_mille: u32,
    /// Of 1,000 texts, delivered twice.
    pub twice_per_mille: u32,
}

/// What this town sets otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timers {
    /// Bans older than this admit no new driver.
    pub bans_fresh_s: u64,
    /// How long a driver may take to answer a question by text, both ways of the texts included.
    pub text_offer_s: u64,
    /// An edge that is cut off lends a booking that found nobody for so long to a neighbour; 0 for never.
    pub lend_after_s: u64,
    /// A free driver in another district, with whose edge nothing can be lent, is asked home after this time; 0 for never.
    /// As shipped if absent.
    pub ask_home_after_s: Option<u64>,
    /// A booking that central handed to an edge for such a driver comes back after this time.
    pub hand_back_s: u64,
}

/// Groups in a messenger, each for its part of the town: somebody passes on what riders want, and the first driver to
/// answer has it. One group is played whole, because the speed of people cannot be scaled.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatGroup {
    /// How many such groups the town has.
    pub groups: u32,
    /// Drivers in each.
    pub members: u32,
    /// Messages that its people pass on in a minute.
    pub relays_per_min: f64,
    /// A caller whom nobody answers hangs up after this time.
    pub hangs_up_s: u64,
    /// Messages that one ride takes.
    pub messages_per_ride: f64,
    /// Shortest and longest way of a message.
    pub delay_s: [u64; 2],
    /// Shortest and longest time until a driver who is free has read it and answers.
    pub answer_s: [u64; 2],
    /// Of 100 messages that a free driver reads, answered.
    pub yes_per_cent: u32,
    /// Drivers farther away do not answer.
    pub reach_min: f64,
}

/// Something fails.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultLine {
    /// From then on.
    pub at_s: u64,
    /// For so long.
    pub lasts_s: u64,
    /// What.
    pub what: Trouble,
}

/// An operator decides something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderLine {
    /// Then.
    pub at_s: u64,
    /// At `edges`, or one of them.
    pub node: String,
    /// Drivers may begin shifts for so many hours although bans are old.
    pub waive_bans_h: u64,
}

/// A kind of fault, in the words of files. Nodes are `central`, `edge-1`, …, or `edges` for all of them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[allow(missing_docs, reason = "each field says what it is by its name and unit")]
pub enum Trouble {
    /// The process dies and starts again at the end.
    Crash { node: String },
    /// Nobody reaches it, nor it anybody.
    Isolate { node: String },
    /// The process stands still.
    Pause { node: String },
    /// Its disk finishes no write.
    StallDisk { node: String },
    /// Its disk refuses writes.
    DiskFails { node: String },
    /// Its disk is lost, and a copy takes its place.
    Restore { node: String, age_s: u64 },
    /// Central and every edge lose their disks, and start on empty ones at the end. The recovery key is loaded then; of 100
    /// phones that attach from then on, so many bring a forged, stolen or outdated capsule as well.
    WipeAll { liars_per_cent: u32 },
    /// A share of the phones of `all` drivers, or of those of one district (`edge-1`), dies and starts again at the end.
    RestartPhones { of: String, share: f64 },
    /// Its link to central, each way.
    CutPeers { node: String, from_central: bool, to_central: bool },
    /// Its link to central goes up and down every 7 s.
    Flap { node: String },
    /// A share of the phones of `all` drivers, or of those of one district (`edge-1`), does not reach it, each way.
    CutDevices { node: String, of: String, share: f64, from_devices: bool, to_devices: bool },
    /// Riders' pages do not reach it.
    CutRiders { node: String },
    /// Texts do not pass at an edge, each way.
    CutTexts { node: String, inward: bool, outward: bool },
    /// Calls are not heard.
    CutTelephone {},
    /// Central is cut off, and its links to edges come back later than the others.
    LateLinks { by_s: u64 },
    /// Messages are lost.
    Lose { per_mille: u32 },
    /// Messages come twice.
    Repeat { per_mille: u32 },
    /// Messages come late.
    Delay { by_ms: u64 },
}

/// What must hold. No booking lost, no driver doubled, nobody charged twice, no boarded trip taken away and journals
/// that agree in the end must hold always.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Must {
    /// Served of those who asked in the outage, against the same without the outage.
    pub served_ratio_least: f64,
    /// Served of all who asked in the outage.
    pub served_share_least: Option<f64>,
    /// How much more of them than the chat group serves.
    pub above_chat_group_least: Option<f64>,
    /// Until a node shows that something is wrong.
    pub detect_s_most: Option<f64>,
    /// Until the first edge has taken its district.
    pub takeover_s_most: Option<f64>,
    /// Until an edge asks the first driver.
    pub first_edge_offer_s_most: Option<f64>,
    /// From the end of the outage until every district is in normal mode for good.
    pub heal_s_most: Option<f64>,
    /// Takeovers of all edges together.
    pub takeovers_most: Option<u64>,
    /// Bookings for which two drivers were bound at a time.
    pub duplicate_dispatches_most: Option<u64>,
    /// Until 95 of 100 riders who asked in the outage were told that the booking is taken.
    pub told_p95_s_most: Option<f64>,
    /// Until a car came to 95 of 100 of them who were served.
    pub wait_p95_s_most: Option<f64>,
    /// Served of those who asked in half an hour after the outage, against the same without it.
    pub after_ratio_least: Option<f64>,
    /// Of the bookings that were open when the outage began, those that the district's edge knew a minute later.
    pub known_at_edge_least: Option<f64>,
    /// Of the trips under way on phones that reached a node after every disk was lost, those that came back.
    pub trips_back_least: Option<f64>,
    /// Until 95 of 100 of them were back, from when nodes had started again.
    pub trips_back_p95_s_most: Option<f64>,
    /// How many trips that must be at least, so that their share says something.
    pub trips_online_least: Option<u64>,
    /// False capsules of each kind (forged, of another phone, outdated) that phones must have brought.
    pub lies_of_each_kind_least: Option<u64>,
    /// Of the rides of that time by card, those that central has charged in the end.
    pub charged_least: Option<f64>,
    /// Cars that came to a rider who had gone, against those who were served.
    pub dead_runs_per_served_most: Option<f64>,
    /// The same half of medical rides, against the others'.
    pub medical_wait_p50_against_others_most: Option<f64>,
}

impl Doors {
    pub(super) fn weights(self) -> [(Door, u32); 4] {
        [(Door::App, self.app), (Door::Web, self.web), (Door::Sms, self.sms), (Door::Phone, self.phone)]
    }
}
