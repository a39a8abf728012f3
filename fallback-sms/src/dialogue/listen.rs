//! A text arrives: what it means here and now.

use uuid::Uuid;

use super::{
    ASKING_MS, Asking, Consent, DANGER_MAX, DANGER_WINDOW_MS, Deed, Dialogue, End, FLOODED_EVERY_MS,
    NodeRequest, PUZZLED_EVERY_MS, PUZZLED_MAX, Party, SILENCE_MS, Stage, Step, Work, rider,
};
use crate::clock::UtcMs;
use crate::grammar::{BookFields, DriverIntent, Intent, PlaceWord, Reading, ReadingProblem};
use crate::wire::{Proof, ReportKind};

impl Step<'_> {
    pub(super) fn heard(&mut self, reading: Reading, sent_at: UtcMs, message_id: Uuid) {
        if let Some(lang) = reading.lang {
            self.dialogue.lang = Some(lang);
        }
        if reading.intent == Intent::Sos {
            self.sos(&reading);
            return;
        }
        if self.dialogue.consent == Consent::Withdrawn {
            if matches!(reading.intent, Intent::Unknown | Intent::Digits(_) | Intent::Stop) {
                return;
            }
            self.dialogue.consent = Consent::Given;
            self.tell(ReportKind::Resumed, "");
        }
        let asking = self.take_question();
        if reading.intent != Intent::Unknown {
            self.dialogue.puzzled = 0;
        }
        match (&reading.intent, asking) {
            (Intent::Digits(digits), Some(asking)) => {
                let digits = digits.clone();
                self.reply_to(asking, &digits);
            }
            (Intent::Digits(_), None) => self.stray_digits(),
            (Intent::Unknown, Some(Asking::Where(draft))) => {
                let named = crate::grammar::read(&format!("TAXI {}", reading.text));
                let Intent::Book(BookFields { pickup, .. }) = named.intent else {
                    return self.puzzled(&reading);
                };
                self.look_for(draft, End::Pickup, pickup);
            }
            // A slip of the thumb or a call for help does not take the question away.
            (Intent::Unknown, Some(asking)) => {
                self.puzzled(&reading);
                self.ask_person(asking);
            }
            (Intent::Help, Some(asking)) => {
                self.help();
                self.ask_person(asking);
            }
            (Intent::Unknown, None) => self.puzzled(&reading),
            (Intent::Stop, _) => {
                self.dialogue.consent = Consent::Withdrawn;
                self.say("sms-stopped", &[]);
                self.tell(ReportKind::Stopped, "");
                self.rest();
            }
            (Intent::Help, None) => self.help(),
            (Intent::Sos, _) => self.sos(&reading),
            (Intent::Driver(command), _) => {
                let command = command.clone();
                self.command(command, reading, sent_at, message_id);
            }
            (Intent::Book(_) | Intent::Cancel { .. } | Intent::Status, _) => {
                self.look_up(reading, sent_at, message_id);
            }
        }
    }

    /// Takes the open question out of the dialogue, unless it has lapsed.
    fn take_question(&mut self) -> Option<Asking> {
        let Dialogue { stage, since, .. } = &mut self.dialogue;
        match std::mem::replace(stage, Stage::Idle) {
            Stage::Asking(asking) if self.context.now.since_ms(*since) < ASKING_MS => Some(asking),
            Stage::Asking(_) | Stage::Idle => None,
            // The desk holds texts back while the node works; should one slip through, the work is dropped.
            Stage::Working(_) => None,
        }
    }

    fn sos(&mut self, reading: &Reading) {
        let emergency = self.context.settings.emergency.clone();
        self.say("sms-sos", &[("emergency", &emergency)]);
        let now = self.context.now;
        let lately = self.dialogue.danger.filter(|(since, _)| now.since_ms(*since) < DANGER_WINDOW_MS);
        let (since, told) = lately.unwrap_or((now, 0));
        if told < DANGER_MAX {
            self.dialogue.danger = Some((since, told + 1));
            self.tell(ReportKind::Sos, &reading.text);
        }
    }

    /// Says once that more is not read; a number that said STOP is not told even that.
    pub(super) fn flooded(&mut self) {
        let may_say = self.dialogue.flooded_until.is_none_or(|until| self.context.now >= until);
        if may_say && self.dialogue.consent == Consent::Given {
            self.dialogue.flooded_until = Some(self.context.now.plus_ms(FLOODED_EVERY_MS));
            self.say("sms-too-many", &[]);
        }
    }

    fn help(&mut self) {
        match self.dialogue.party {
            Party::Driver => self.say("sms-driver-help", &[]),
            Party::Rider | Party::Stranger => self.say_phone("sms-help"),
        }
    }

    fn stray_digits(&mut self) {
        match self.dialogue.party {
            Party::Driver => self.say("sms-offer-letter", &[]),
            Party::Rider | Party::Stranger => self.say_puzzled(),
        }
    }

    /// Answers what nobody understands, but seldom: the other side may be a machine that answers, too.
    fn puzzled(&mut self, reading: &Reading) {
        self.dialogue.puzzled = self.dialogue.puzzled.saturating_add(1);
        if self.dialogue.puzzled == PUZZLED_MAX {
            self.tell(ReportKind::LoopStopped, "");
        }
        if self.dialogue.puzzled >= PUZZLED_MAX {
            self.dialogue.puzzled_until = Some(self.context.now.plus_ms(SILENCE_MS));
        }
        if self.dialogue.party != Party::Stranger && self.dialogue.puzzled < PUZZLED_MAX {
            self.tell(ReportKind::NotUnderstood, &reading.text);
        }
        self.say_puzzled();
    }

    fn say_puzzled(&mut self) {
        if self.dialogue.puzzled_until.is_none_or(|until| self.context.now >= until) {
            self.dialogue.puzzled_until = Some(self.context.now.plus_ms(PUZZLED_EVERY_MS));
            self.say("sms-not-understood", &[]);
        }
    }

    fn look_up(&mut self, reading: Reading, sent_at: UtcMs, message_id: Uuid) {
        if matches!(reading.intent, Intent::Book(_)) {
            if reading.has(ReadingProblem::BadTime) {
                return self.say("sms-bad-time", &[]);
            }
            if reading.has(ReadingProblem::BadPassengers) {
                return self.say("sms-bad-passengers", &[]);
            }
            if reading.has(ReadingProblem::BadStand) || reading.has(ReadingProblem::PlaceTooLong) {
                return self.say("sms-place-unknown", &[]);
            }
        }
        let request = NodeRequest::Rider { phone: self.context.phone.to_owned() };
        self.ask_node(request, Work::LookUp { reading, sent_at, message_id });
    }

    /// Carries a driver's command out, after a look at who this is if it is not known.
    fn command(&mut self, command: DriverIntent, reading: Reading, sent_at: UtcMs, message_id: Uuid) {
        match self.dialogue.party {
            Party::Driver => self.drive(&command, reading.driver_code, sent_at, message_id),
            Party::Stranger | Party::Rider => self.look_up(reading, sent_at, message_id),
        }
    }

    fn reply_to(&mut self, asking: Asking, digits: &str) {
        let choice: Option<usize> = if digits.len() == 1 { digits.parse().ok() } else { None };
        match (asking, choice) {
            (Asking::Choose { draft, end, options }, Some(choice)) => {
                self.chosen(draft, end, options, choice);
            }
            (Asking::OpenAlready(draft), Some(1)) => self.move_instead(draft),
            (Asking::OpenAlready(draft), Some(2)) => self.second(draft),
            (Asking::OpenAlready(draft), Some(_)) => {
                let code = draft.open.last().map(|open| open.code.clone()).unwrap_or_default();
                self.say("sms-kept", &[("code", &code)]);
            }
            (Asking::Nonce { nonce, then }, _) if nonce == digits => self.deed(then, Proof::Nonce),
            (Asking::Nonce { .. }, _) => self.say("sms-nonce-wrong", &[]),
            (Asking::Wanted { booking_id, code, .. }, Some(1)) => {
                self.deed(Deed::Keep(rider::bare_booking(booking_id, code)), Proof::Number);
            }
            (Asking::Wanted { booking_id, code, .. }, Some(2)) => {
                self.deed(Deed::Cancel(rider::bare_booking(booking_id, code)), Proof::Number);
            }
            (Asking::Where(draft), _) => {
                // A bare number after "where?" is a stand's.
                let place = digits.parse().map_or(PlaceWord::Missing, PlaceWord::Stand);
                self.look_for(draft, End::Pickup, place);
            }
            (asking @ (Asking::Choose { .. } | Asking::OpenAlready(_) | Asking::Wanted { .. }), _) => {
                self.say_puzzled();
                self.ask_person(asking);
            }
        }
    }
}
