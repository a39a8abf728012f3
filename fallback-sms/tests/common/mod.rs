//! A person who texts, a node in memory, and what comes back.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "test helpers, of which each binary uses a part"
)]

pub mod http;
pub mod office;

use ondol_messages::Lang;
use ondol_sms::clock::UtcMs;
use ondol_sms::dialogue::{Action, Context, Dialogue, Event, Ids, NodeAnswer, Settings, step};
use ondol_sms::grammar::read;
use ondol_sms::node::FakeNode;
use ondol_sms::reply::{Sending, compose};
use ondol_sms::wire::{AskKind, Place, ReportKind};
use uuid::Uuid;

/// 2026-03-02T09:00:00+09:00.
pub const MORNING: UtcMs = UtcMs(1_772_409_600_000);
pub const RIDER: &str = "+821012345678";
pub const DRIVER: &str = "+821055550001";
/// What the random source gives: the nonce of every question.
pub const NONCE: u16 = 7_301;

pub fn city() -> FakeNode {
    FakeNode::new(vec![
        Place::named("강남역", 37.4979, 127.0276, None),
        Place::named("강남역 11번 출구", 37.4984, 127.0281, None),
        Place::named("강남역 1번 출구", 37.4975, 127.0292, None),
        Place::named("강남구청", 37.5172, 127.0473, None),
        Place::named("서울역", 37.5547, 126.9707, None),
        Place::named("시청 승강장", 37.5663, 126.9779, Some(12)),
        Place::named("City Hall", 37.5663, 126.9779, None),
        Place::named("Seoul Station", 37.5547, 126.9707, None),
    ])
}

pub fn settings() -> Settings {
    Settings {
        lang: Lang::Ko,
        operator_phone: "02-123-4567".to_owned(),
        emergency: "112/119".to_owned(),
        utc_offset_min: 540,
    }
}

/// One number's talk with the dialogue, over a node that answers at once.
pub struct Talk {
    pub node: FakeNode,
    pub phone: String,
    pub dialogue: Dialogue,
    pub now: UtcMs,
    pub told: Vec<(ReportKind, String)>,
    settings: Settings,
    ids: Ids,
    texts: u128,
}

impl Talk {
    pub fn new(node: &FakeNode, phone: &str) -> Self {
        Self {
            node: node.clone(),
            phone: phone.to_owned(),
            dialogue: Dialogue::new(MORNING),
            now: MORNING,
            told: Vec::new(),
            settings: settings(),
            ids: Ids::new([7; 32], "mapo-text"),
            texts: 0,
        }
    }

    /// Sends a text and returns what comes back.
    pub fn say(&mut self, text: &str) -> Vec<String> {
        self.texts += 1;
        self.now = self.now.plus_ms(1_000);
        let event =
            Event::Heard { reading: read(text), sent_at: self.now, message_id: Uuid::from_u128(self.texts) };
        self.feed(event)
    }

    /// The same text once more, as a centre that lost our answer sends it.
    pub fn say_again(&mut self, text: &str) -> Vec<String> {
        self.texts -= 1;
        self.now = UtcMs(self.now.0 - 1_000);
        self.say(text)
    }

    pub fn asked(&mut self, booking_id: Uuid, code: &str, kind: AskKind) {
        self.feed(Event::Noticed { lang: Lang::Ko, ask: Some((booking_id, code.to_owned(), kind)) });
    }

    pub fn later(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }

    fn feed(&mut self, event: Event) -> Vec<String> {
        let mut said = Vec::new();
        let mut next = Some(event);
        while let Some(event) = next.take() {
            let context = Context {
                now: self.now,
                phone: &self.phone,
                settings: &self.settings,
                ids: &self.ids,
                nonce: NONCE,
            };
            let (dialogue, actions) = step(self.dialogue.clone(), event, &context);
            // What is stored must come back the same.
            let stored = serde_json::to_string(&dialogue).unwrap();
            self.dialogue = serde_json::from_str(&stored).unwrap();
            assert_eq!(self.dialogue, dialogue);
            for action in actions {
                match action {
                    Action::Say(text) => {
                        let lang = self.dialogue.lang.unwrap_or(Lang::Ko);
                        said.push(compose(lang, &text, Sending::First).unwrap());
                    }
                    Action::Ask(request) => {
                        assert!(next.is_none(), "two requests at once");
                        next = Some(Event::Answered {
                            answer: self.node.answer(&request, self.now),
                            node: "fake".to_owned(),
                        });
                    }
                    Action::Tell { kind, text } => self.told.push((kind, text)),
                }
            }
        }
        said
    }

    /// An answer that nobody waits for.
    pub fn stray_answer(&mut self, answer: NodeAnswer) -> Vec<String> {
        self.feed(Event::Answered { answer, node: "fake".to_owned() })
    }
}
