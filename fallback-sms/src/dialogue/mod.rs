//! The dialogue with one telephone number, pure: `(dialogue, event) → (dialogue, actions)`.
//!
//! ```text
//!            text            facts            places            booked
//!   Idle ──────────▶ Working ──────▶ Working ───────▶ Working ────────▶ Idle
//!                                        │ several          ▲
//!                                        ▼                  │ 1–4
//!                                     Asking ───────────────┘
//! ```
//!
//! *Working* waits for the node (one request at a time; texts that arrive meanwhile wait in the
//! inbox), *Asking* waits for the person and lapses after [`ASKING_MS`]. Whatever the node must do
//! has an id derived from the number and the dialogue, so that a step repeated after a crash is the
//! same step.
//!
//! What is absent: HTTP, storage, randomness and time (all come in), how a text is worded
//! ([`crate::reply`]), and whether a text may be sent at all ([`budget`]).

pub mod budget;
mod driver;
mod exchange;
mod ids;
mod listen;
mod place;
mod rider;

use ondol_messages::Lang;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::UtcMs;
use crate::grammar::{BookFields, Reading};
use crate::reply::Text;
use crate::wire::{AskKind, DriverCommand, Position, ReportKind, Spot};

pub use exchange::{NodeAnswer, NodeRequest};
pub use ids::Ids;

/// How long a question to a person stays open, in simulated milliseconds.
pub const ASKING_MS: u64 = 10 * 60_000;
/// Shortest time between two "not understood" to one number.
pub const PUZZLED_EVERY_MS: u64 = 10 * 60_000;
/// Texts in a row that nobody understands before we fall silent.
pub const PUZZLED_MAX: u8 = 5;
/// How long we then are silent to what we do not understand.
pub const SILENCE_MS: u64 = 6 * 3_600_000;
/// Most options in a list.
pub const OPTIONS_MAX: usize = 4;
/// Beyond this a new pickup needs an answered nonce, in metres.
pub const MOVE_FREELY_M: f64 = 300.0;
/// Within this a second text means the booking that is open, in metres.
pub const SAME_PICKUP_M: f64 = 50.0;

/// All that is remembered of one number. Stored after each step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dialogue {
    /// The language of the last text that showed one.
    pub lang: Option<Lang>,
    /// Whether texts may be sent.
    pub consent: Consent,
    /// What the number is known to be.
    pub party: Party,
    /// Dialogues so far; numbers the next one.
    pub count: u32,
    /// Where the dialogue stands.
    pub stage: Stage,
    /// When it got there.
    pub since: UtcMs,
    /// Texts in a row that nobody understood.
    pub puzzled: u8,
    /// When "not understood" may be said again, if it was said lately.
    pub puzzled_until: Option<UtcMs>,
}

impl Dialogue {
    /// Returns the dialogue with a number that never wrote before.
    #[must_use]
    pub fn new(now: UtcMs) -> Self {
        Self {
            lang: None,
            consent: Consent::Given,
            party: Party::Stranger,
            count: 0,
            stage: Stage::Idle,
            since: now,
            puzzled: 0,
            puzzled_until: None,
        }
    }

    /// Tells whether the dialogue waits for the node, so that the next text must wait.
    #[must_use]
    pub fn is_working(&self) -> bool {
        matches!(self.stage, Stage::Working(_))
    }
}

/// Whether a number wants texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Consent {
    /// It wrote first and has not said STOP.
    Given,
    /// It said STOP: it gets nothing until it asks for something again.
    Withdrawn,
}

/// What a number is known to be; budgets depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Party {
    /// Nothing is known.
    Stranger,
    /// It has or had a booking.
    Rider,
    /// A registered driver.
    Driver,
}

/// Where a dialogue stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Stage {
    /// Nothing is open.
    Idle,
    /// A person has a question to answer.
    Asking(Asking),
    /// The node has a request to answer.
    Working(Work),
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Asking {
    /// Where to be picked up? Any text is taken for the place.
    Where(Draft),
    /// Which of these? Or, with one option, is it this?
    Choose {
        /// What is being booked.
        draft: Draft,
        /// For which end of the ride.
        end: End,
        /// One to four places.
        options: Vec<Spot>,
    },
    /// There is an open booking: move it, a second taxi, or leave it?
    OpenAlready(Draft),
    /// Four digits that were sent to the number.
    Nonce {
        /// The digits.
        nonce: String,
        /// What they allow.
        then: Deed,
    },
    /// Is this booking still wanted?
    Wanted {
        /// The booking.
        booking_id: Uuid,
        /// Its four characters.
        code: String,
        /// Why it is asked.
        kind: AskKind,
    },
}

/// What waits for the node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// Who is this number? Then the text is carried out.
    LookUp {
        /// The text.
        reading: Reading,
        /// When the centre took it.
        sent_at: UtcMs,
        /// Names the text.
        message_id: Uuid,
    },
    /// Where is this place?
    Place {
        /// What is being booked.
        draft: Draft,
        /// Which end is looked up.
        end: End,
    },
    /// A booking, cancel, move or keep is on its way.
    Deed(Deed),
    /// A driver's command is on its way.
    Drive(DriverCommand),
}

/// An end of a ride.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// Where it begins.
    Pickup,
    /// Where it ends.
    Destination,
}

/// What a node is asked to do for a rider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Deed {
    /// A taxi.
    Book(Draft),
    /// No taxi any more.
    Cancel(OpenBooking),
    /// A taxi elsewhere.
    Move {
        /// What is moved.
        booking: OpenBooking,
        /// To where.
        pickup: Spot,
        /// Names the request.
        request_id: Uuid,
    },
    /// Still wanted.
    Keep(OpenBooking),
}

/// A booking in the making.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The number of this dialogue: the booking's id is made from it.
    pub dialogue: u32,
    /// What the text said.
    pub fields: BookFields,
    /// The pickup, once found.
    pub pickup: Option<Spot>,
    /// The destination, once found.
    pub destination: Option<Spot>,
    /// The moment of pickup, if not now.
    pub pickup_at: Option<UtcMs>,
    /// The text was doubtful: the place is confirmed before booking.
    pub doubtful: Doubt,
    /// Where to search first.
    pub near: Option<Position>,
    /// Bookings of the number that were open.
    pub open: Vec<OpenBooking>,
    /// When the centre took the first text.
    pub sent_at: UtcMs,
}

/// Whether a text said plainly that a taxi is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doubt {
    /// It did.
    Plain,
    /// Perhaps: ask.
    Doubtful,
}

/// As much of an open booking as the dialogue needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenBooking {
    /// Its id.
    pub booking_id: Uuid,
    /// Its four characters.
    pub code: String,
    /// Its pickup.
    pub pickup: Spot,
    /// Words for its state.
    pub status: Text,
}

/// What happens to a dialogue.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A text arrived.
    Heard {
        /// What it says.
        reading: Reading,
        /// When the centre took it.
        sent_at: UtcMs,
        /// Names the text: ids of what it causes are derived from it.
        message_id: Uuid,
    },
    /// The node answered what was asked of it.
    Answered(NodeAnswer),
    /// No node has answered for a while; it is tried further.
    Waiting,
    /// No node answered in time; it is given up.
    GaveUp,
    /// A node's notice is being sent to the number.
    Noticed {
        /// The language it is written in.
        lang: Lang,
        /// The question in it, if any: about which booking, its code, and why.
        ask: Option<(Uuid, String, AskKind)>,
    },
}

/// What a step causes, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send this text to the number.
    Say(Text),
    /// Ask the node; the dialogue is *Working* until it answers.
    Ask(NodeRequest),
    /// Let an operator know.
    Tell {
        /// What happened.
        kind: ReportKind,
        /// The person's words, at most 200 characters.
        text: String,
    },
}

/// What a step knows beside the dialogue.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The present.
    pub now: UtcMs,
    /// The number, E.164.
    pub phone: &'a str,
    /// Words and numbers of this depot.
    pub settings: &'a Settings,
    /// Makes ids.
    pub ids: &'a Ids,
    /// A fresh random number, 0 to 9999, for a nonce.
    pub nonce: u16,
}

/// What a depot has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The language of texts to those who have shown none.
    pub lang: Lang,
    /// Where people reach an operator; at most 13 characters.
    pub operator_phone: String,
    /// Where people reach the police and an ambulance; at most 8 characters.
    pub emergency: String,
    /// Local time ahead of UTC, in minutes.
    pub utc_offset_min: i32,
}

/// Returns the dialogue after `event`, and what it causes.
#[must_use]
pub fn step(dialogue: Dialogue, event: Event, context: &Context<'_>) -> (Dialogue, Vec<Action>) {
    let mut step = Step { dialogue, actions: Vec::new(), context };
    match event {
        Event::Heard { reading, sent_at, message_id } => step.heard(reading, sent_at, message_id),
        Event::Answered(answer) => step.answered(answer),
        Event::Waiting => step.say("sms-waiting", &[]),
        Event::GaveUp => {
            if step.dialogue.is_working() {
                step.say_phone("sms-gave-up");
                step.rest();
            }
        }
        Event::Noticed { lang, ask } => step.noticed(lang, ask),
    }
    (step.dialogue, step.actions)
}

/// A step being taken. The parts of it live in the modules beside this one.
struct Step<'a> {
    dialogue: Dialogue,
    actions: Vec<Action>,
    context: &'a Context<'a>,
}

impl Step<'_> {
    fn say(&mut self, template: &str, args: &[(&str, &str)]) {
        self.actions.push(Action::Say(Text::new(template, args)));
    }

    fn say_phone(&mut self, template: &str) {
        let phone = self.context.settings.operator_phone.clone();
        self.say(template, &[("phone", &phone)]);
    }

    fn tell(&mut self, kind: ReportKind, text: &str) {
        self.actions.push(Action::Tell { kind, text: text.chars().take(200).collect() });
    }

    fn ask_person(&mut self, asking: Asking) {
        self.enter(Stage::Asking(asking));
    }

    fn ask_node(&mut self, request: NodeRequest, work: Work) {
        self.actions.push(Action::Ask(request));
        self.enter(Stage::Working(work));
    }

    fn rest(&mut self) {
        self.enter(Stage::Idle);
    }

    fn enter(&mut self, stage: Stage) {
        self.dialogue.stage = stage;
        self.dialogue.since = self.context.now;
    }

    fn lang(&self) -> Lang {
        self.dialogue.lang.unwrap_or(self.context.settings.lang)
    }

    /// Takes what the node answered to where the dialogue was; an answer nobody waits for is dropped.
    fn answered(&mut self, answer: NodeAnswer) {
        let Stage::Working(work) = std::mem::replace(&mut self.dialogue.stage, Stage::Idle) else { return };
        self.dialogue.since = self.context.now;
        match (work, answer) {
            (Work::LookUp { reading, sent_at, message_id }, NodeAnswer::Rider(facts)) => {
                self.known(&facts, reading, sent_at, message_id);
            }
            (Work::Place { draft, end }, NodeAnswer::Places(places)) => self.found(draft, end, places),
            (Work::Deed(deed), NodeAnswer::Booking(view)) => self.done(&deed, &view),
            (Work::Deed(deed), NodeAnswer::Refused(problem)) => self.undone(deed, &problem.code),
            (Work::Drive(command), NodeAnswer::Driver(answer)) => self.drove(&command, &answer),
            (Work::Drive(_), NodeAnswer::Refused(problem)) => self.not_driven(&problem.code),
            (Work::LookUp { .. } | Work::Place { .. } | Work::Deed(_) | Work::Drive(_), _) => {
                self.say_phone("sms-refused");
            }
        }
    }

    fn noticed(&mut self, lang: Lang, ask: Option<(Uuid, String, AskKind)>) {
        self.dialogue.lang.get_or_insert(lang);
        if self.dialogue.party == Party::Stranger {
            self.dialogue.party = Party::Rider;
        }
        if let Some((booking_id, code, kind)) = ask
            && !self.dialogue.is_working()
        {
            self.ask_person(Asking::Wanted { booking_id, code, kind });
        }
    }
}
