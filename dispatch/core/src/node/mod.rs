//! One node of the platform: central, or the edge of a district. The same code runs both.
//!
//! Everything that must survive is a fact in a journal; what stands here beside the board (contacts, open
//! questions, the lease) is learnt anew after a restart.
//!
//! | about | file |
//! |---|---|
//! | riders and operators | `booking.rs` |
//! | who drives, decided by an operator | `by_hand.rs` |
//! | driver devices: their bond with a node | `device.rs` |
//! | driver devices: what they report | `report.rs` |
//! | driver devices: trips that come back from capsules | `restore.rs` |
//! | feature-phone drivers | `home.rs` |
//! | free shifts by place | `free.rs` |
//! | who is asked | `plan.rs` |
//! | who is asked to take over from a taxi on its way | `exchange.rs` |
//! | questions: put, sent until answered, ended | `questions.rs` |
//! | who is asked home | `abroad.rs` |
//! | drivers who reach only the edge, planned by central | `relay.rs` |
//! | where shifts are, and whether they hear a question | `whereabouts.rs` |
//! | what each change of a booking causes | `react.rs`; who is called off: `call_off.rs` |
//! | what riders are told by text, and by whom | `tell.rs` |
//! | central's and the edge's side of a district | `lease.rs` |
//! | how a district is dispatched, as screens show it | `mode.rs` |
//! | who plans a booking, and hands it over | `owner.rs` |
//! | whom central lists and bars, and bans that are old | `roster.rs` |
//! | what another node may tell | `peer.rs` |
//! | series that do not go in | `quarantine.rs` |
//! | what drivers say about central | `witness.rs` |
//! | what central does not plan while the edge may | `freeze.rs` |
//! | what waited while the node was down | `aged.rs` |
//! | bookings that edges lend one another | `lend.rs`, `borrow.rs`; how they talk of it: `loans.rs` |
//! | riders for whom nobody here may look for a taxi | `unheard.rs` |

use crate::planted;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::board::{ApplyError, Board, DistrictBoard};
use crate::command::{Answer, Command, HomeAnswer, Refusal, Slot};
use crate::face::{Change, Input, NodeConfig, Output};
use crate::fact::{Fact, SCHEMA_VERSION, district_wide};
use crate::hlc;
use crate::ids::{
    AssignmentId, BookingId, CommandId, DeviceId, DistrictId, DriverId, NodeId, ShiftId, ZoneId,
};
use crate::journal::{Entry, Hash, Head, Series};
use crate::matching::{Policy, RollingAssignment, RollingRules};
use crate::near::Live;
use crate::position::Position;
use crate::stand::StandWatch;
use crate::travel::TravelTimes;
use crate::units::{Now, Ticks, UtcMs};

mod abroad;
mod aged;
mod booking;
mod borrow;
mod by_hand;
mod call_off;
mod device;
mod exchange;
mod forgotten;
mod free;
mod freeze;
mod home;
mod lease;
mod lend;
mod loans;
mod mode;
mod owner;
mod peer;
mod plan;
mod quarantine;
mod questions;
mod react;
mod relay;
mod report;
mod restore;
mod roster;
mod tell;
mod unheard;
mod whereabouts;
mod witness;

pub use free::NearShift;
pub use mode::{Mode, ModeReason, ModeView};
pub use quarantine::{Poison, Stuck};

use call_off::StandsSince;
use lease::Side;
use loans::Loans;
use tell::Untold;

/// Time between two rounds of housekeeping.
const SWEEP_EVERY_MS: u64 = 1_000;
/// Bookings that may be open in one district; more are refused.
const OPEN_BOOKINGS_MAX: usize = 20_000;

/// A node.
pub struct Node {
    config: NodeConfig,
    travel: Arc<dyn TravelTimes + Send + Sync>,
    policy: Box<dyn Policy>,
    board: Board,
    clock: hlc::Clock,
    outputs: VecDeque<Output>,
    /// Counts assignments and sessions of this life.
    counter: u64,
    started_at: Ticks,
    committed_at: Option<Ticks>,
    swept_at: Ticks,
    contacts: BTreeMap<ShiftId, Contact>,
    free: BTreeMap<DistrictId, Live<ShiftId>>,
    questions: BTreeMap<AssignmentId, Question>,
    /// Bonds that an operator wants back, until the device has let go.
    recalled: BTreeMap<AssignmentId, ShiftId>,
    sides: BTreeMap<DistrictId, Side>,
    /// Since when each open booking waits for somebody to be found, as far as this life has seen it.
    waits_since: BTreeMap<BookingId, Ticks>,
    /// Bookings that waited while the node was down, until their riders have answered.
    aged: aged::Aged,
    dirty: BTreeSet<DistrictId>,
    planned_at: BTreeMap<DistrictId, Ticks>,
    /// When a booking was last handed over for a shift that another node asks.
    handed_over_at: BTreeMap<(BookingId, ShiftId), Ticks>,
    /// When a plan last looked for exchanges.
    exchanged_at: BTreeMap<DistrictId, Ticks>,
    /// The question that each letter named last in this life, for each feature-phone driver.
    letters: BTreeMap<(ShiftId, char), AssignmentId>,
    /// Wrong PINs texted for a bond.
    pin_tries: BTreeMap<AssignmentId, u8>,
    /// What feature-phone drivers' last texts were answered in this life, refusals too; at most
    /// [`crate::board::TEXTS_MAX`] of each driver.
    home_said: BTreeMap<DriverId, VecDeque<HomeSaid>>,
    /// Where a feature-phone driver was last known to be: the stand left, or where the last trip ended.
    last_seen: BTreeMap<ShiftId, Position>,
    /// The last question to each feature-phone driver that ended without a yes: a late one is told so.
    over: BTreeMap<ShiftId, AssignmentId>,
    /// When each peer was last heard to hold nothing that this node lacks.
    level_at: BTreeMap<NodeId, Ticks>,
    /// Series of which the next entry does not go in.
    stuck: BTreeMap<Series, Stuck>,
    /// While a page is taken in: bookings that it changed, whose riders are told once all of it is in.
    untold: Option<Untold>,
    stands_since: StandsSince,
    /// What this life knows of its neighbours.
    loans: Loans,
}

/// What a node has heard of a shift lately. Never journalled.
#[derive(Debug, Clone)]
pub struct Contact {
    /// The device.
    pub device: DeviceId,
    /// When it last said something.
    pub heard_at: Ticks,
    /// Where it was last seen, and when.
    pub position: Option<(Position, Ticks)>,
    /// It hears central.
    pub hears_central: bool,
    /// Since when it has said without a break that it does not.
    cut_off_since: Option<Ticks>,
    /// What its slot holds.
    pub slot: Slot,
    /// The last time in which it was not heard: from when until when.
    gap: Option<(Ticks, Ticks)>,
    /// Watches whether it waits at a stand.
    stand: StandWatch,
    /// Since when it has been free in another district while this node dispatches alone.
    abroad_since: Option<Ticks>,
    /// It keeps capsules.
    keeps_capsules: bool,
    /// Its session with this node.
    session: Option<device::Session>,
}

impl Contact {
    /// True if the device has a session with this node.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        self.session.is_some()
    }
}

/// A question of this node's to a driver.
#[derive(Debug, Clone)]
struct Question {
    district: DistrictId,
    booking: BookingId,
    shift: ShiftId,
    /// When the driver may no longer say yes.
    lapses_at: Ticks,
    /// When the booking may be offered to somebody else although this driver has not answered.
    gives_way_at: Ticks,
    /// Withdrawn: the device is asked to forget it.
    withdrawn: Option<crate::fact::Release>,
}

/// What a feature-phone driver's text was answered.
type HomeSaid = (CommandId, Result<HomeAnswer, Refusal>);

impl Node {
    /// Starts a node on what its journal says.
    #[must_use]
    pub fn new(
        config: NodeConfig,
        board: Board,
        travel: Arc<dyn TravelTimes + Send + Sync>,
        now: Now,
    ) -> Self {
        let sides = config
            .districts
            .iter()
            .map(|(id, district)| (id.clone(), Side::start(&config, id, district, &board, now)))
            .collect();
        let rules = RollingRules::giving_up_after(config.timing.give_up_ms);
        let mut node = Self {
            travel,
            policy: Box::new(RollingAssignment { rules }),
            clock: clock_after(&config.id, &board, now),
            aged: aged::at_start(&config, &board, now),
            loans: Loans::start(&config, &board),
            config,
            board,
            outputs: VecDeque::new(),
            counter: 0,
            started_at: now.ticks,
            committed_at: None,
            swept_at: now.ticks,
            contacts: BTreeMap::new(),
            free: BTreeMap::new(),
            questions: BTreeMap::new(),
            recalled: BTreeMap::new(),
            sides,
            waits_since: BTreeMap::new(),
            dirty: BTreeSet::new(),
            planned_at: BTreeMap::new(),
            handed_over_at: BTreeMap::new(),
            exchanged_at: BTreeMap::new(),
            letters: BTreeMap::new(),
            pin_tries: BTreeMap::new(),
            home_said: BTreeMap::new(),
            last_seen: BTreeMap::new(),
            over: BTreeMap::new(),
            level_at: BTreeMap::new(),
            stands_since: StandsSince::new(),
            stuck: BTreeMap::new(),
            untold: None,
        };
        node.keep_free_shifts();
        node.release_stale_home_questions(now);
        node.note_all_standing(now);
        node
    }

    /// Takes in what the shell brings. What it causes is fetched with [`Self::poll_output`].
    pub fn handle(&mut self, input: Input, now: Now) {
        match input {
            Input::Command { request, command } => {
                // What is due comes first: an answer knows of it.
                self.plan_if_due(now);
                let result = self.command(*command, now);
                self.outputs.push_back(Output::Reply { request, result: Box::new(result) });
            }
            Input::Page { from, entries, heads, asked_at } => {
                self.page(&from, &entries, &heads, asked_at, now);
            }
            Input::LeftOut { series, why } => self.note_stuck(&series, why, now),
            Input::Committed => self.committed_at = Some(now.ticks),
        }
        self.plan_if_due(now);
    }

    /// Does what has become due.
    pub fn handle_timeout(&mut self, now: Now) {
        if now.ticks >= self.swept_at.plus_ms(SWEEP_EVERY_MS) {
            self.swept_at = now.ticks;
            self.sweep(now);
        }
        self.plan_if_due(now);
    }

    /// The next thing to carry out, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Ticks {
        let sweep = self.swept_at.plus_ms(SWEEP_EVERY_MS);
        let plan = self.dirty.iter().map(|district| self.plan_due_at(district)).min();
        plan.map_or(sweep, |plan| plan.min(sweep))
    }

    /// What the journals say.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Who the node is.
    #[must_use]
    pub fn config(&self) -> &NodeConfig {
        &self.config
    }

    /// What has been heard of shifts lately.
    #[must_use]
    pub fn contacts(&self) -> &BTreeMap<ShiftId, Contact> {
        &self.contacts
    }

    /// The PIN of a booking, for its rider alone.
    #[must_use]
    pub fn pin(&self, booking: BookingId) -> String {
        self.config.pin_key.pin(booking)
    }

    /// Milliseconds since `peer` was last heard to hold nothing that this node lacks; `None` if never in this life.
    #[must_use]
    pub fn level_with_ms(&self, peer: &NodeId, now: Now) -> Option<u64> {
        self.level_at.get(peer).map(|at| now.ticks.since_ms(*at))
    }

    /// True if something was made durable lately: a node whose disk is dead does not count as reachable.
    #[must_use]
    pub fn is_alive(&self, now: Now) -> bool {
        self.committed_at.is_some_and(|at| now.ticks.since_ms(at) <= self.config.timing.lease.commit_fresh_ms)
    }

    fn command(&mut self, command: Command, now: Now) -> Result<Answer, Refusal> {
        match command {
            Command::Book { booking, district, zone, request } => {
                self.book(booking, &district, zone, request, now)
            }
            Command::Cancel { booking, by, reason } => self.cancel(booking, by, reason, now),
            Command::Keep { booking } => self.keep(booking, now),
            Command::Attest { booking } => self.attest(booking, now),
            Command::AssignByHand { booking, shift, told_eta_s } => {
                self.assign_by_hand(booking, shift, told_eta_s, now)
            }
            Command::Recall { booking } => self.recall(booking, now),
            Command::CloseTrip { booking, reason, fare } => self.close_trip(booking, reason, fare, now),
            Command::EndShift { shift } => self.end_shift(shift, now),
            Command::TakeDistrict { district } => self.take_by_hand(&district, now),
            Command::GiveBackDistrict { district } => self.give_back(&district),
            Command::WaiveBans { district, for_ms } => self.waive_bans(&district, for_ms, now),
            Command::SetAside { series } => self.set_aside(series, now),
            Command::ListDriver(driver) => self.list_driver(driver, now),
            Command::RelistDriver(driver) => self.relist_driver(driver, now),
            Command::BarDriver { driver, banned } => self.bar_driver(driver, banned, now),
            Command::ListStand { stand, name_ko, name_en, position, district } => {
                let fact =
                    Fact::StandListed { stand, name_ko, name_en, position, district: district.clone() };
                self.list(&district, fact, now)
            }
            Command::Attach(attach) => self.attach(attach, now),
            Command::Restore(restore) => self.restore(*restore, now),
            Command::Beat(beat) => self.beat(beat, now),
            Command::Report(report) => self.report(report, now),
            Command::Home(command) => self.home(command, now),
            Command::Relay(relay) => self.hear_relay(relay, now),
            Command::Borrow(call) => self.hear_call(call, now),
            Command::Lent(answer) => self.hear_answer(answer, now),
            Command::Renew(renewal) => self.renew(renewal, now),
            Command::Renewed(answer) => {
                self.check_term(&answer.district, answer.epoch)?;
                self.renewed(answer, now)
            }
        }
    }

    fn serves(&self, district: &DistrictId) -> Result<(), Refusal> {
        if self.config.districts.contains_key(district) { Ok(()) } else { Err(Refusal::OtherDistrict) }
    }

    fn district(&self, district: &DistrictId) -> Option<&DistrictBoard> {
        self.board.district(district)
    }

    /// Writes a fact of this node's.
    fn append(&mut self, district: &DistrictId, zone: ZoneId, fact: Fact, now: Now) {
        let series = Series {
            origin: self.config.id.clone(),
            incarnation: self.config.incarnation,
            district: district.clone(),
            lane: fact.lane(),
        };
        if self.board.head(&series) == Head::default() {
            let predecessor = self.predecessor(&series);
            self.write(series.clone(), district_wide(), Fact::Opened { predecessor }, now);
        }
        self.write(series, zone, fact, now);
    }

    /// The life before this one in the same district and lane, as far as this journal knows.
    fn predecessor(&self, series: &Series) -> Option<(u32, Head)> {
        self.board
            .heads()
            .0
            .iter()
            .filter(|(other, _)| {
                other.origin == series.origin
                    && other.district == series.district
                    && other.lane == series.lane
                    && other.incarnation < series.incarnation
            })
            .map(|(other, head)| (other.incarnation, *head))
            .max_by_key(|(incarnation, _)| *incarnation)
    }

    fn write(&mut self, series: Series, zone: ZoneId, fact: Fact, now: Now) {
        let head = self.board.head(&series);
        let mut entry = Entry {
            series,
            seq: head.seq + 1,
            zone,
            hlc: self.clock.stamp(now.utc),
            kind: fact.kind().to_owned(),
            schema_version: SCHEMA_VERSION,
            key: fact.key(),
            payload: fact.write(),
            prev_hash: head.hash,
            hash: Hash::default(),
        };
        entry.hash = entry.compute_hash();
        self.take_in(entry, now).expect("an entry made on the head continues its series");
    }

    /// Applies an entry, has it made durable, and does what follows from it.
    fn take_in(&mut self, entry: Entry, now: Now) -> Result<(), ApplyError> {
        let district = entry.series.district.clone();
        let booking: Option<BookingId> = entry.key.parse().ok();
        let before = booking.and_then(|id| self.glance(&district, id));
        let touched = self.board.apply(&entry)?;
        let written_at = UtcMs(entry.hlc.wall_ms);
        if entry.series.origin == self.config.id {
            self.clock.resume(entry.hlc);
        } else {
            self.clock.observe(entry.hlc, now.utc);
        }
        self.outputs.push_back(Output::Append(entry));
        self.react(&district, &touched, before, written_at, now);
        Ok(())
    }

    fn changed(&mut self, change: Change) {
        if self
            .outputs
            .iter()
            .rev()
            .take(8)
            .any(|out| matches!(out, Output::Changed(last) if *last == change))
        {
            return;
        }
        self.outputs.push_back(Output::Changed(change));
    }

    fn next_count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn sweep(&mut self, now: Now) {
        let districts: Vec<DistrictId> = self.config.districts.keys().cloned().collect();
        for district in &districts {
            self.sweep_lease(district, now);
            self.sweep_questions(district, now);
            self.sweep_call_offs(district, now);
            self.sweep_bookings(district, now);
            self.sweep_loans(district, now);
            self.sweep_relay(district, now);
            self.release_forgotten_trips(district, now);
            planted!("given-way-stays", self.end_given_way(district, now), ());
            self.dirty.insert(district.clone());
        }
        self.forget_old_contacts(now);
        self.forget_aged();
        self.forget_handed_over(now);
    }
}

/// The clock of a node that starts on `board`: past everything it wrote, and past what others wrote and can be believed.
fn clock_after(own: &NodeId, board: &Board, now: Now) -> hlc::Clock {
    let mut clock = hlc::Clock::default();
    for (node, stamp) in board.stamps() {
        if node == own {
            clock.resume(stamp);
        } else {
            clock.observe(stamp, now.utc);
        }
    }
    clock
}
