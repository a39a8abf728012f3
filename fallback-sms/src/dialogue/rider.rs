//! A rider's wishes: book, cancel, move, keep, and how things stand.

use uuid::Uuid;

use super::{
    Asking, Deed, Doubt, Draft, End, MOVE_FREELY_M, NodeRequest, OpenBooking, Party, SAME_PICKUP_M, Step,
    Work, place,
};
use crate::clock::UtcMs;
use crate::grammar::{BookFields, Intent, PlaceWord, Reading, ReadingProblem, TimeOfDay};
use crate::reply::Text;
use crate::wire::{
    BookRequest, BookingState, BookingView, CancelRequest, KeepRequest, Mode, MoveRequest, Position, Proof,
    RiderFacts, Source, Spot, code,
};

impl Step<'_> {
    /// The node said who this is: the text that waited is carried out.
    pub(super) fn known(&mut self, facts: &RiderFacts, reading: Reading, sent_at: UtcMs, message_id: Uuid) {
        if self.dialogue.lang.is_none() {
            self.dialogue.lang = facts.driver.as_ref().map(|driver| driver.lang).or(facts.lang);
        }
        self.dialogue.party = match (&facts.driver, facts.open.is_empty()) {
            (Some(_), _) => Party::Driver,
            (None, false) => Party::Rider,
            (None, true) => self.dialogue.party,
        };
        match reading.intent.clone() {
            Intent::Book(fields) => self.start(facts, fields, &reading, sent_at, message_id),
            Intent::Cancel { code } => self.cancel(&facts.open, code.as_deref()),
            Intent::Status => self.status(facts, sent_at, message_id),
            Intent::Driver(command) => {
                self.known_driver(facts.driver.as_ref(), &command, reading, sent_at, message_id);
            }
            Intent::Help | Intent::Sos | Intent::Stop | Intent::Digits(_) | Intent::Unknown => {}
        }
    }

    fn start(
        &mut self,
        facts: &RiderFacts,
        fields: BookFields,
        reading: &Reading,
        sent_at: UtcMs,
        message_id: Uuid,
    ) {
        let doubtful =
            reading.has(ReadingProblem::KeywordGlued) || reading.has(ReadingProblem::KeywordMissing);
        let draft = Draft {
            message_id,
            pickup_at: fields.at.map(|at| self.next_moment(at)),
            pickup: None,
            destination: None,
            doubtful: if doubtful { Doubt::Doubtful } else { Doubt::Plain },
            near: facts.near,
            open: facts.open.iter().map(|view| self.open_booking(view)).collect(),
            sent_at,
            fields,
        };
        self.with_saved(draft, facts);
    }

    /// Puts saved places in for their words, then looks for the rest.
    fn with_saved(&mut self, mut draft: Draft, facts: &RiderFacts) {
        let saved = |alias: &str| {
            facts.saved.iter().find(|saved| saved.alias == alias).map(|saved| place::spot(&saved.place))
        };
        match &draft.fields.destination {
            Some(PlaceWord::Home) => draft.destination = saved("home"),
            Some(PlaceWord::Work) => draft.destination = saved("work"),
            Some(PlaceWord::Missing | PlaceWord::Last | PlaceWord::Stand(_) | PlaceWord::Named(_)) | None => {
            }
        }
        let (spot, unknown) = match &draft.fields.pickup {
            PlaceWord::Home => (saved("home"), "sms-home-unknown"),
            PlaceWord::Work => (saved("work"), "sms-work-unknown"),
            PlaceWord::Missing | PlaceWord::Last => match facts.last_pickup.as_ref().map(place::spot) {
                Some(last) => return self.confirm(draft, last),
                None => (None, "sms-ask-place"),
            },
            PlaceWord::Stand(_) | PlaceWord::Named(_) => {
                let word = draft.fields.pickup.clone();
                return self.look_for(draft, End::Pickup, word);
            }
        };
        match (spot, unknown) {
            (Some(spot), _) => {
                draft.pickup = Some(spot);
                self.proceed(draft);
            }
            (None, "sms-ask-place") => {
                self.say("sms-ask-place", &[]);
                self.ask_person(Asking::Where(draft));
            }
            (None, unknown) => self.say_phone(unknown),
        }
    }

    /// Takes a draft to its next end, and then to the node.
    pub(super) fn proceed(&mut self, draft: Draft) {
        let Some(pickup) = draft.pickup.clone() else {
            let word = draft.fields.pickup.clone();
            return self.look_for(draft, End::Pickup, word);
        };
        if draft.destination.is_none()
            && let Some(word @ (PlaceWord::Stand(_) | PlaceWord::Named(_))) = draft.fields.destination.clone()
        {
            return self.look_for(draft, End::Destination, word);
        }
        let same = |open: &&OpenBooking| near(open.pickup.position, pickup.position, SAME_PICKUP_M);
        if let Some(open) = draft.open.iter().find(same) {
            let status = open.status.clone();
            self.say_text(status);
        } else if let Some(open) = draft.open.last() {
            self.say("sms-open-already", &[("code", &open.code.clone())]);
            self.ask_person(Asking::OpenAlready(draft));
        } else {
            self.deed(Deed::Book(draft), Proof::Number);
        }
    }

    /// The rider would rather move the open booking.
    pub(super) fn move_instead(&mut self, draft: Draft) {
        let (Some(booking), Some(pickup)) = (draft.open.last().cloned(), draft.pickup) else {
            return self.say_phone("sms-refused");
        };
        let request_id = self.context.ids.of_move(booking.booking_id, draft.message_id);
        let is_near = near(booking.pickup.position, pickup.position, MOVE_FREELY_M);
        let deed = Deed::Move { booking, pickup, request_id };
        if is_near { self.deed(deed, Proof::Number) } else { self.ask_nonce(deed) }
    }

    /// The rider wants one more taxi.
    pub(super) fn second(&mut self, draft: Draft) {
        self.ask_nonce(Deed::Book(draft));
    }

    fn ask_nonce(&mut self, then: Deed) {
        let nonce = format!("{:04}", self.context.nonce % 10_000);
        match &then {
            Deed::Book(_) => self.say("sms-nonce-second", &[("nonce", &nonce)]),
            Deed::Cancel(booking) => {
                self.say("sms-nonce-cancel", &[("code", &booking.code.clone()), ("nonce", &nonce)]);
            }
            Deed::Move { booking, .. } => {
                self.say("sms-nonce-move", &[("code", &booking.code.clone()), ("nonce", &nonce)]);
            }
            Deed::Keep(_) => {}
        }
        self.ask_person(Asking::Nonce { nonce, then });
    }

    /// Sends a deed to the node.
    pub(super) fn deed(&mut self, deed: Deed, proof: Proof) {
        let phone = self.context.phone.to_owned();
        let request = match &deed {
            Deed::Book(draft) => match self.book_request(draft, proof) {
                Some(request) => NodeRequest::Book(Box::new(request)),
                None => return self.say_phone("sms-refused"),
            },
            Deed::Cancel(booking) => {
                let attempt = u32::from(proof == Proof::Nonce);
                let request_id = self.context.ids.of_booking("cancel", booking.booking_id, attempt);
                NodeRequest::Cancel {
                    booking_id: booking.booking_id,
                    request: CancelRequest { request_id, phone, proof },
                }
            }
            Deed::Move { booking, pickup, request_id } => NodeRequest::Move {
                booking_id: booking.booking_id,
                request: Box::new(MoveRequest {
                    request_id: *request_id,
                    phone,
                    pickup: pickup.clone(),
                    proof,
                }),
            },
            Deed::Keep(booking) => NodeRequest::Keep {
                booking_id: booking.booking_id,
                request: KeepRequest {
                    request_id: self.context.ids.of_booking("keep", booking.booking_id, 0),
                    phone,
                },
            },
        };
        self.ask_node(request, Work::Deed(deed));
    }

    fn book_request(&self, draft: &Draft, proof: Proof) -> Option<BookRequest> {
        Some(BookRequest {
            booking_id: self.context.ids.booking(self.context.phone, draft.message_id),
            phone: self.context.phone.to_owned(),
            pickup: draft.pickup.clone()?,
            destination: draft.destination.clone(),
            passengers: draft.fields.passengers.unwrap_or(1),
            pickup_at: draft.pickup_at,
            lang: self.lang(),
            source: Source::Sms,
            proof,
            asked_at: draft.sent_at,
        })
    }

    /// The node did it.
    pub(super) fn done(&mut self, deed: &Deed, view: &BookingView) {
        if self.dialogue.party == Party::Stranger {
            self.dialogue.party = Party::Rider;
        }
        match deed {
            Deed::Book(_) => {
                let text = match (view.pickup_at, view.state) {
                    (None, BookingState::Open) => {
                        let template = match view.standing.mode {
                            Mode::Normal | Mode::Healing => "sms-booked",
                            Mode::Degraded => "sms-booked-apart",
                        };
                        Text::new(
                            template,
                            &[("code", &view.code), ("pin", &view.pin), ("place", &view.pickup.name)],
                        )
                    }
                    (Some(at), BookingState::Open) => self.later("sms-booked-later", view, at),
                    _ => self.status_text(view),
                };
                self.say_text(text);
            }
            Deed::Cancel(_) => self.say("sms-cancelled", &[("code", &view.code)]),
            Deed::Move { .. } => {
                self.say("sms-moved", &[("code", &view.code), ("place", &view.pickup.name)]);
            }
            Deed::Keep(_) => self.say("sms-kept", &[("code", &view.code)]),
        }
    }

    /// The node said no.
    pub(super) fn undone(&mut self, deed: Deed, refusal: &str) {
        let booking_code = match &deed {
            Deed::Cancel(booking) | Deed::Move { booking, .. } | Deed::Keep(booking) => booking.code.clone(),
            Deed::Book(draft) => draft.open.last().map(|open| open.code.clone()).unwrap_or_default(),
        };
        match refusal {
            code::PROOF_NEEDED => self.ask_nonce(deed),
            code::OPEN_BOOKING => match deed {
                Deed::Book(draft) => self.second(draft),
                Deed::Cancel(_) | Deed::Move { .. } | Deed::Keep(_) => self.say_phone("sms-refused"),
            },
            code::ALREADY_BOARDED => {
                let phone = self.context.settings.operator_phone.clone();
                self.say("sms-already-boarded", &[("code", &booking_code), ("phone", &phone)]);
            }
            code::BOOKING_UNKNOWN => self.say("sms-booking-unknown", &[]),
            code::OUTSIDE_SERVICE_AREA | code::OTHER_DISTRICT => self.say_phone("sms-outside-area"),
            code::NUMBER_BLOCKED => self.say_phone("sms-blocked"),
            _ => self.say_phone("sms-refused"),
        }
    }

    /// Cancels the booking of that code, or the newest one.
    fn cancel(&mut self, open: &[BookingView], wanted: Option<&str>) {
        let found = match wanted {
            Some(wanted) => open.iter().find(|view| view.code == wanted),
            None => open.last(),
        };
        match (found, wanted) {
            (Some(view), _) => self.deed(Deed::Cancel(self.open_booking(view)), Proof::Number),
            (None, Some(_)) => self.say("sms-booking-unknown", &[]),
            (None, None) => self.say("sms-status-none", &[]),
        }
    }

    fn status(&mut self, facts: &RiderFacts, sent_at: UtcMs, message_id: Uuid) {
        match (facts.open.last(), &facts.driver) {
            (_, Some(driver))
                if facts.open.is_empty() || driver.state != crate::wire::ShiftState::OffDuty =>
            {
                self.drive_status(sent_at, message_id);
            }
            (Some(view), _) => {
                let text = self.status_text(view);
                self.say_text(text);
            }
            (None, _) => self.say("sms-status-none", &[]),
        }
    }

    pub(super) fn say_text(&mut self, text: Text) {
        self.actions.push(super::Action::Say(text));
    }

    fn open_booking(&self, view: &BookingView) -> OpenBooking {
        OpenBooking {
            booking_id: view.booking_id,
            code: view.code.clone(),
            pickup: view.pickup.clone(),
            status: self.status_text(view),
        }
    }

    fn status_text(&self, view: &BookingView) -> Text {
        let code = ("code", view.code.as_str());
        let pin = ("pin", view.pin.as_str());
        let plate = view.vehicle.as_ref().map_or("-", |vehicle| vehicle.plate.as_str());
        let minutes = minutes(view.vehicle.as_ref().and_then(|vehicle| vehicle.eta_s));
        match view.state {
            BookingState::Open => match view.pickup_at {
                Some(at) => self.later("sms-status-later", view, at),
                None => Text::new("sms-status-open", &[code, pin, ("place", &view.pickup.name)]),
            },
            BookingState::Assigned => {
                Text::new("sms-assigned", &[code, pin, ("plate", plate), ("minutes", &minutes)])
            }
            BookingState::Arrived => Text::new("sms-arrived", &[code, pin, ("plate", plate)]),
            BookingState::Boarded => Text::new("sms-boarded", &[code]),
            BookingState::Completed | BookingState::Cancelled => Text::new("sms-status-none", &[]),
            BookingState::Unserved => {
                Text::new("sms-unserved", &[code, ("phone", &self.context.settings.operator_phone)])
            }
        }
    }

    fn later(&self, template: &str, view: &BookingView, at: UtcMs) -> Text {
        let minute_of_day =
            (at.0.div_euclid(60_000) + i64::from(self.context.settings.utc_offset_min)).rem_euclid(1440);
        let time = format!("{:02}:{:02}", minute_of_day / 60, minute_of_day % 60);
        let args =
            [("code", view.code.as_str()), ("pin", &view.pin), ("time", &time), ("place", &view.pickup.name)];
        Text::new(template, &args)
    }

    /// The next moment at which clocks here show `at`.
    fn next_moment(&self, at: TimeOfDay) -> UtcMs {
        const DAY_MS: i64 = 24 * 3_600_000;
        let offset_ms = i64::from(self.context.settings.utc_offset_min) * 60_000;
        let local_ms = self.context.now.0 + offset_ms;
        let wanted_ms = i64::from(at.hour) * 3_600_000 + i64::from(at.minute) * 60_000;
        let today_ms = local_ms - local_ms.rem_euclid(DAY_MS) + wanted_ms;
        let next_ms = if today_ms > local_ms { today_ms } else { today_ms + DAY_MS };
        UtcMs(next_ms - offset_ms)
    }
}

/// A booking of which only the id and the code are known.
pub(super) fn bare_booking(booking_id: Uuid, code: String) -> OpenBooking {
    OpenBooking {
        booking_id,
        code,
        pickup: Spot { name: String::new(), position: Position { lat: 0.0, lon: 0.0 }, stand_code: None },
        status: Text::new("sms-status-none", &[]),
    }
}

fn near(a: Position, b: Position, within_m: f64) -> bool {
    a.distance_m(b) <= within_m
}

/// Whole minutes, rounded up, at most 999; `?` if nobody knows.
fn minutes(eta_s: Option<u32>) -> String {
    eta_s.map_or_else(|| "?".to_owned(), |eta_s| eta_s.div_ceil(60).clamp(1, 999).to_string())
}
