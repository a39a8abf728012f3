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
mod listen;
mod place;
mod rider;
mod state;

use ondol_messages::Lang;
use uuid::Uuid;

use crate::clock::UtcMs;
use crate::grammar::Reading;
use crate::reply::Text;
use crate::wire::{AskKind, ReportKind};

pub use exchange::{NodeAnswer, NodeRequest};
/// Names of texts and of what they ask for.
pub use ondol_core::text::TextIds as Ids;
pub use state::{Asking, Consent, Deed, Dialogue, Doubt, Draft, End, OpenBooking, Party, Stage, Work};

/// How long a question to a person stays open, in simulated milliseconds.
pub const ASKING_MS: u64 = 10 * 60_000;
/// Shortest time between two "not understood" to one number.
pub const PUZZLED_EVERY_MS: u64 = 10 * 60_000;
/// Texts in a row that nobody understands before we fall silent.
pub const PUZZLED_MAX: u8 = 5;
/// How long we then are silent to what we do not understand.
pub const SILENCE_MS: u64 = 6 * 3_600_000;
/// Most SOS of one number that operators are told of in [`DANGER_WINDOW_MS`]: enough to say where one is, too few to
/// hide somebody else's.
pub const DANGER_MAX: u8 = 5;
/// The time in which they are counted.
pub const DANGER_WINDOW_MS: u64 = 10 * 60_000;
/// Shortest time between two "too many messages" to one number.
pub const FLOODED_EVERY_MS: u64 = 10 * 60_000;
/// Most options in a list.
pub const OPTIONS_MAX: usize = 4;
/// Beyond this a new pickup needs an answered nonce, in metres.
pub const MOVE_FREELY_M: f64 = 300.0;
/// Within this a second text means the booking that is open, in metres.
pub const SAME_PICKUP_M: f64 = 50.0;

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
    /// A node answered what was asked of it.
    Answered {
        /// The answer.
        answer: NodeAnswer,
        /// The node's name.
        node: String,
    },
    /// No node has answered for a while; it is tried further.
    Waiting,
    /// No node answered in time; it is given up.
    GaveUp,
    /// A step could not be taken and was undone: the number is told to call, and the dialogue rests.
    Broke,
    /// The number writes faster than it is read; what it just wrote is left unread.
    Flooded,
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
        Event::Answered { answer, node } => step.answered(answer, node),
        Event::Waiting => step.say("sms-waiting", &[]),
        Event::GaveUp => {
            if step.dialogue.is_working() {
                step.say_phone("sms-gave-up");
                step.rest();
            }
        }
        Event::Broke => {
            step.say_phone("sms-refused");
            step.rest();
        }
        Event::Flooded => step.flooded(),
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
    fn answered(&mut self, answer: NodeAnswer, node: String) {
        let Stage::Working(work) = std::mem::replace(&mut self.dialogue.stage, Stage::Idle) else { return };
        self.dialogue.since = self.context.now;
        let knows_the_number = match &answer {
            NodeAnswer::Booking(_) | NodeAnswer::Driver(_) => true,
            NodeAnswer::Rider(facts) => facts.driver.is_some() || !facts.open.is_empty(),
            NodeAnswer::Places(_) | NodeAnswer::Refused(_) => false,
        };
        if knows_the_number {
            self.dialogue.home = Some(node);
        }
        match (work, answer) {
            (Work::LookUp { reading, sent_at, message_id }, NodeAnswer::Rider(facts)) => {
                self.known(&facts, reading, sent_at, message_id);
            }
            (Work::Place { draft, end }, NodeAnswer::Places(places)) => self.found(draft, end, places),
            (Work::Deed(deed), NodeAnswer::Booking(view)) => self.done(&deed, &view),
            (Work::Deed(deed), NodeAnswer::Refused(problem)) => self.undone(deed, &problem.code),
            (Work::Drive(command), NodeAnswer::Driver(answer)) => self.drove(&command, &answer),
            (Work::Drive(command), NodeAnswer::Refused(problem)) => self.not_driven(&command, &problem.code),
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
