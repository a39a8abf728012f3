//! The device: its timers, and what each input leads to.
//!
//! ```text
//!            Input, Now                  Persist ──▶ stored
//!   shell ───────────────▶ Device ─poll─▶              │
//!            handle_timeout               Send, Changed ◀─ only after it
//! ```
//!
//! The shell carries out outputs in the order in which [`Device::poll_output`] gives them. When the device is
//! restored from the last [`Output::Persist`] that was stored, it has told nobody anything that it no longer knows.

mod telling;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ondol_core::ids::NodeId;
use ondol_core::planted;
use ondol_core::position::Position;
use ondol_core::shift::Duty;
use ondol_core::units::{Now, Ticks};

use crate::attach::{Contacts, Situation, spread};
use crate::durable::{Durable, ENDPOINTS_MAX, Trip};
use crate::face::{Answer, Config, Input, Message, Output, Timing, WishRefusal};
use crate::outbox::Settled;
use crate::slot::Question;
use crate::wire::{AskedHome, Attach, BeatAnswer, Endpoint, Offer};

/// Refusals of a batch because of what one entry says.
const ABOUT_AN_ENTRY: [&str; 3] = ["out_of_range", "text_too_long", "time_far_off"];

/// The refusal of a message with a field that the node does not know.
const NOT_UNDERSTOOD: &str = "invalid_request";

/// A driver's device.
#[derive(Debug)]
pub struct Device {
    pub(crate) config: Config,
    pub(crate) durable: Durable,
    /// Questions shown to the driver; gone after a restart, because the session is.
    pub(crate) questions: Vec<Question>,
    pub(crate) session: Option<Session>,
    /// When an unconfirmed assignment is given up.
    pub(crate) give_up_at: Option<Ticks>,
    pub(crate) dirty: bool,
    pub(crate) changed: bool,
    position: Option<Position>,
    contacts: Contacts,
    started_at: Ticks,
    bound_since: Ticks,
    attach_again_at: Option<Ticks>,
    beat_at: BTreeMap<NodeId, Ticks>,
    central_silent_at: Option<Ticks>,
    reports_again_at: Option<Ticks>,
    /// A node refused a batch as a whole: entries go one by one until one has been taken in.
    one_by_one: bool,
    /// What the node of the session said last of where the driver should be.
    asked_home: Option<AskedHome>,
    /// A node corrected the times of what was told last.
    clock_is_off: bool,
    /// A node of a release before, which does not know capsules: it is attached to without them.
    without_capsules: BTreeSet<NodeId>,
    track_at: Ticks,
    /// The shift is over and everything is told: until when the device still listens.
    listens_until: Option<Ticks>,
    requests: u64,
    flights: BTreeMap<u64, Flight>,
    sends: Vec<Output>,
    outputs: VecDeque<Output>,
}

/// The session in force; volatile on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) node: NodeId,
    pub(crate) name: String,
}

/// A request under way.
#[derive(Debug)]
struct Flight {
    to: NodeId,
    of: Purpose,
    gives_up_at: Ticks,
}

#[derive(Debug, PartialEq, Eq)]
enum Purpose {
    /// Of this attach epoch.
    Attach(u64),
    /// With this session, or as a beacon.
    Beat(Option<String>),
    /// With the number of the only entry.
    Reports(Option<u64>),
    Positions,
}

impl Device {
    /// Starts a device, new ([`Durable::new`]) or from what was stored last. It attaches under a new epoch.
    #[must_use]
    pub fn new(durable: Durable, config: Config, now: Now) -> Self {
        let waits = durable.current.as_ref().is_some_and(|trip| trip.waits_unconfirmed());
        let mut device = Self {
            give_up_at: waits.then(|| now.ticks.plus_ms(config.timing.unconfirmed_ms)),
            beat_at: BTreeMap::new(),
            attach_again_at: durable.node.is_some().then_some(now.ticks),
            config,
            durable,
            questions: Vec::new(),
            session: None,
            dirty: true,
            changed: true,
            position: None,
            contacts: Contacts::default(),
            started_at: now.ticks,
            bound_since: now.ticks,
            central_silent_at: None,
            reports_again_at: None,
            one_by_one: false,
            asked_home: None,
            clock_is_off: false,
            without_capsules: BTreeSet::new(),
            track_at: now.ticks,
            listens_until: None,
            requests: 0,
            flights: BTreeMap::new(),
            sends: Vec::new(),
            outputs: VecDeque::new(),
        };
        device.schedule_beats(now.ticks);
        device.flush();
        device
    }

    /// Takes in what happened.
    ///
    /// # Errors
    ///
    /// [`WishRefusal`] if the driver's wish is refused; nothing else is.
    pub fn handle(&mut self, input: Input, now: Now) -> Result<(), WishRefusal> {
        let result = match input {
            Input::Wish(wish) => self.wish(wish, now),
            Input::Fix(position) => {
                self.position = Some(position);
                self.durable.outbox.track(position, now.utc);
                Ok(())
            }
            Input::Answer { request, answer } => {
                self.answered(request, answer, now);
                Ok(())
            }
            Input::Push { from, push } => {
                self.push(&from, push, now);
                Ok(())
            }
            Input::Endpoints(endpoints) => {
                self.learn(endpoints, now);
                Ok(())
            }
        };
        self.go_on(now);
        result
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.is_asleep(now.ticks) {
            return;
        }
        self.lapse_questions(now);
        if self.give_up_at.is_some_and(|at| at <= now.ticks) {
            self.give_up_unconfirmed(now);
        }
        self.flights.retain(|_, flight| now.ticks < flight.gives_up_at);
        if self.reports_again_at.is_some_and(|at| at <= now.ticks) {
            self.reports_again_at = None;
        }
        if self.central_silent_at.is_some_and(|at| at <= now.ticks) {
            self.central_silent_at = None;
            self.hurry_edges(now.ticks);
        }
        self.send_beats(now);
        self.go_on(now);
    }

    /// The next output.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Device::handle_timeout`] has something to do; none once the shift has been over for long.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Ticks> {
        let timers = [self.give_up_at, self.attach_again_at, self.central_silent_at, self.reports_again_at];
        let flights = self.flights.values().map(|flight| flight.gives_up_at);
        let questions = self.questions.iter().map(|question| question.lapses_at);
        timers
            .into_iter()
            .flatten()
            .chain(self.beat_at.values().copied())
            .chain(flights)
            .chain(questions)
            .min()
            .filter(|at| self.listens_until.is_none_or(|until| *at < until))
    }

    /// Everything that survives a restart.
    #[must_use]
    pub fn durable(&self) -> &Durable {
        &self.durable
    }

    /// Questions that the driver may answer, each with the tick at which it lapses.
    pub fn offers(&self) -> impl Iterator<Item = (&Offer, Ticks)> {
        self.questions.iter().map(|question| (&*question.offer, question.lapses_at))
    }

    /// The trip being served.
    #[must_use]
    pub fn trip(&self) -> Option<&Trip> {
        self.durable.current.as_ref()
    }

    /// As long as the driver is asked to drive home, and free to.
    #[must_use]
    pub fn asked_home(&self) -> Option<&AskedHome> {
        self.asked_home.as_ref().filter(|_| self.durable.current.is_none())
    }

    /// The node whose session is in force.
    #[must_use]
    pub fn attached_to(&self) -> Option<&NodeId> {
        self.session.as_ref().map(|session| &session.node)
    }

    /// True if central answered, alive, within the last 10 s.
    #[must_use]
    pub fn hears_central(&self, now: Ticks) -> bool {
        self.contacts.hears_central(&self.durable.endpoints, &self.timing(), now)
    }

    /// True if the phone's clock is so wrong that nodes set their own time under what it tells.
    #[must_use]
    pub fn clock_is_off(&self) -> bool {
        self.clock_is_off
    }

    /// True once the shift is over and everything that happened is told: the phone may be switched off.
    ///
    /// While it is not, the device goes on with a beat now and then: a node that has lost its disk asks it how its last
    /// trips ended, and perhaps nobody else knows.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let Durable { duty, outbox, current, .. } = &self.durable;
        duty.duty == Duty::Ended && outbox.unsent() == 0 && current.is_none()
    }

    /// True once the shift has been over for so long that nobody asks any more.
    fn is_asleep(&self, now: Ticks) -> bool {
        self.listens_until.is_some_and(|until| until <= now)
    }

    /// The timers in force: after the shift beats are rare, and a node that answers each of them is heard.
    fn timing(&self) -> Timing {
        let timing = self.config.timing;
        if self.listens_until.is_none() {
            return timing;
        }
        Timing {
            beat_every_ms: timing.beat_off_duty_ms,
            beat_cut_off_ms: timing.beat_off_duty_ms,
            hears_ms: timing.hears_ms + timing.beat_off_duty_ms,
            switch_ms: timing.switch_ms + timing.beat_off_duty_ms,
            ..timing
        }
    }

    fn answered(&mut self, request: u64, answer: Answer, now: Now) {
        let Some(flight) = self.flights.remove(&request) else { return };
        match (flight.of, answer) {
            (Purpose::Attach(epoch), answer) if epoch == self.durable.attach_epoch => {
                self.attach_answered(flight.to, answer, now);
            }
            (Purpose::Beat(session), Answer::Beat(answer)) => self.beat_answered(session, answer, now),
            (Purpose::Reports(_), Answer::Reports(answer)) => {
                self.one_by_one = false;
                self.changed |= self.clock_is_off == answer.corrected.is_empty();
                self.clock_is_off = !answer.corrected.is_empty();
                let before = self.durable.outbox.unsent();
                if self.durable.outbox.settle(&answer.results) == Settled::AttachAnew {
                    self.lose_session(now.ticks);
                }
                if self.durable.outbox.unsent() < before {
                    self.touch();
                } else {
                    self.reports_again_at = Some(now.ticks.plus_ms(self.config.timing.beat_every_ms));
                }
            }
            // One entry that no node can take must not keep the others back for ever.
            (Purpose::Reports(only), Answer::Refused(problem))
                if !problem.retry && ABOUT_AN_ENTRY.contains(&problem.code.as_str()) =>
            {
                self.one_by_one = true;
                if let Some(number) = only {
                    self.durable.outbox.drop_refused(number);
                    self.touch();
                }
            }
            (Purpose::Reports(_), Answer::Refused(problem)) => {
                if problem.code == "stale_attach" || problem.code == "unknown_shift" {
                    self.lose_session(now.ticks);
                }
                self.reports_again_at = Some(now.ticks.plus_ms(self.config.timing.beat_every_ms));
            }
            (Purpose::Reports(_), _) => {
                self.reports_again_at = Some(now.ticks.plus_ms(self.config.timing.beat_cut_off_ms));
            }
            (Purpose::Positions, Answer::Positions(answer)) => {
                self.durable.outbox.settle_fixes(&answer.stored);
            }
            (Purpose::Attach(_) | Purpose::Beat(_) | Purpose::Positions, _) => {}
        }
    }

    fn attach_answered(&mut self, node: NodeId, answer: Answer, now: Now) {
        let timing = self.config.timing;
        match answer {
            Answer::Attached(attached) => {
                self.session = Some(Session { node, name: attached.session });
                self.attach_again_at = None;
                self.changed = true;
                self.tell_trips_again();
            }
            // An older request of ours came later than a newer one: the next number settles it.
            Answer::Refused(problem) if problem.code == "stale_attach" => {
                self.attach_again_at = Some(now.ticks.plus_ms(timing.beat_cut_off_ms));
            }
            Answer::Refused(problem) if problem.code == "shift_ended" => {
                self.end_shift(now);
                self.attach_again_at = Some(now.ticks);
            }
            Answer::Refused(problem)
                if problem.code == NOT_UNDERSTOOD && !self.without_capsules.contains(&node) =>
            {
                self.without_capsules.insert(node);
                self.attach_again_at = Some(now.ticks);
            }
            Answer::Refused(problem) if !problem.retry => {
                let until = now.ticks.plus_ms(timing.refused_ms);
                self.contacts.refused(&node, until);
                self.attach_again_at = Some(until);
            }
            Answer::Refused(_) | Answer::Failed => {
                self.attach_again_at = Some(now.ticks.plus_ms(timing.beat_cut_off_ms));
            }
            Answer::Beat(_) | Answer::Reports(_) | Answer::Positions(_) => {}
        }
    }

    fn beat_answered(&mut self, session: Option<String>, answer: BeatAnswer, now: Now) {
        let timing = self.timing();
        self.contacts.answered(&answer, &timing, now.ticks);
        self.central_silent_at =
            self.contacts.central_falls_silent_at(&self.durable.endpoints, &timing, now.ticks);
        let still_ours = session.is_some() && session == self.session.as_ref().map(|s| s.name.clone());
        if still_ours && !answer.attached {
            self.lose_session(now.ticks);
        } else if still_ours {
            self.changed |= self.asked_home != answer.asked_home;
            self.asked_home = answer.asked_home;
        }
        for push in answer.messages {
            self.push(&answer.node, push, now);
        }
    }

    /// The node no longer knows the session: attach anew at once, and no question of the old session counts.
    pub(crate) fn lose_session(&mut self, now: Ticks) {
        self.session = None;
        self.asked_home = None;
        self.attach_again_at = Some(now);
    }

    fn learn(&mut self, mut endpoints: Vec<Endpoint>, now: Now) {
        endpoints.truncate(ENDPOINTS_MAX);
        self.without_capsules.clear();
        if endpoints.is_empty() || endpoints == self.durable.endpoints {
            return;
        }
        self.durable.endpoints = endpoints;
        self.touch();
        self.schedule_beats(now.ticks);
    }

    /// Attaches where it should, hands in what waits, and gives out what has changed.
    fn go_on(&mut self, now: Now) {
        self.listens_until = if self.is_finished() {
            let until = now.ticks.plus_ms(self.config.timing.listens_off_duty_ms);
            Some(*self.listens_until.get_or_insert(until))
        } else {
            None
        };
        if !self.is_asleep(now.ticks) {
            self.choose_node(now);
            self.hand_in(now);
        }
        self.flush();
    }

    fn choose_node(&mut self, now: Now) {
        let timing = self.timing();
        let situation = Situation {
            endpoints: &self.durable.endpoints,
            bound: self.durable.node.as_ref().map(|node| (node, self.bound_since)),
            started_at: self.started_at,
            idle: self.durable.current.is_none() && self.questions.is_empty(),
            jitter_ms: spread(self.config.seed, self.durable.attach_epoch, timing.return_jitter_ms),
        };
        if let Some(node) = self.contacts.choose(&situation, &timing, now.ticks) {
            self.bound_since = now.ticks;
            self.attach(node, now);
        } else if let (Some(at), Some(node)) = (self.attach_again_at, self.durable.node.clone())
            && at <= now.ticks
        {
            self.attach(node, now);
        }
    }

    fn attach(&mut self, node: NodeId, now: Now) {
        self.void_questions(now);
        self.session = None;
        self.asked_home = None;
        self.durable.attach_epoch += 1;
        self.durable.node = Some(node.clone());
        self.attach_again_at = Some(now.ticks.plus_ms(self.config.timing.answer_ms));
        self.touch();
        let attach = Attach {
            shift: self.durable.shift,
            device: self.durable.device,
            started_at: self.durable.started_at,
            attach_epoch: self.durable.attach_epoch,
            slot: self.durable.slot(),
            duty: self.durable.duty,
            position: self.position,
            capsules: (!self.without_capsules.contains(&node)).then(|| self.durable.capsules()),
        };
        let purpose = Purpose::Attach(self.durable.attach_epoch);
        self.send(node, Message::Attach(attach), purpose, self.config.timing.answer_ms, now.ticks);
    }

    fn send(&mut self, to: NodeId, message: Message, of: Purpose, wait_ms: u64, now: Ticks) {
        self.requests += 1;
        let request = self.requests;
        self.flights.insert(request, Flight { to: to.clone(), of, gives_up_at: now.plus_ms(wait_ms) });
        self.sends.push(Output::Send { to, request, message: Box::new(message) });
    }

    /// Notes that the durable part, and with it what the driver sees, has changed.
    pub(crate) fn touch(&mut self) {
        self.dirty = true;
        self.changed = true;
    }

    /// Stores first, then sends.
    fn flush(&mut self) {
        let stored = std::mem::take(&mut self.dirty).then(|| Output::Persist(Box::new(self.durable.clone())));
        let sends = self.sends.drain(..);
        planted!(
            "device-sends-before-storing",
            self.outputs.extend(stored.into_iter().chain(sends)),
            self.outputs.extend(sends.chain(stored))
        );
        if std::mem::take(&mut self.changed) {
            self.outputs.push_back(Output::Changed);
        }
    }
}
