//! Texts: the carrier, the text process beside each edge, and who writes: riders, and drivers with feature phones.
//!
//! The carrier is slow, delivers some texts twice, and in bad times loses some and lets others overtake each other. The
//! text process names texts and what they ask for by the rule that is shipped ([`ondol_core::text`]), takes each name
//! once, and hands in what it has read until its node answers. It reads the outboxes of both nodes of its district and
//! sends each notice once.

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::command::{
    Answer, Command, HomeAnswer, HomeCommand, HomeWish, Notice, NoticeText, Recipient, Refusal,
};
use ondol_core::ids::{AssignmentId, BookingId, CommandId, DriverId, StandId};
use ondol_core::position::Position;
use ondol_core::text::TextIds;
use ondol_core::units::{Money, UtcMs};
use rand::RngExt;

use super::people::{RiderAsk, RiderDeed};
use super::{Ask, Caller, Event, World};
use crate::faults::clock::Ms;
use crate::faults::net::{Place, TextWay};

/// A text process tries a command again while its node does not answer.
const TEXT_AGAIN_MS: Ms = 5_000;
/// The first telephone number of a driver; riders have the lower ones.
const PHONE_NUMBERS: usize = 10_000_000;
/// A driver thinks of a question to which no answer has come for so long.
const THINKS_OF_QUESTION_MS: Ms = 600_000;
/// A driver who has read no answer writes again.
const WRITE_AGAIN_MS: Ms = 90_000;

/// The text process beside an edge: all of it survives.
#[derive(Debug, Default)]
pub(crate) struct TextPlace {
    /// Names of the texts that were taken.
    inbox: BTreeSet<CommandId>,
    /// Names of the notices that were sent.
    sent: BTreeSet<String>,
    /// How far each node's outbox was read, in which of its lives.
    read: BTreeMap<usize, (u32, usize)>,
}

/// A driver with a feature phone, homed to an edge.
pub(crate) struct PhonePlace {
    driver: DriverId,
    pub(super) edge: usize,
    /// The stand where the driver waits.
    stand: StandId,
    /// Where the car is, in a scenario.
    pub(super) position: Position,
    /// Texts written so far.
    written: u64,
    /// Texts whose answers were not read yet.
    awaits: BTreeSet<u64>,
    pub(super) booking: Option<BookingId>,
    /// The question read last under each letter.
    questions: BTreeMap<char, AssignmentId>,
    /// The letter of the last question, and when it was read.
    asked: Option<(char, Ms)>,
}

/// One text of such a driver.
#[derive(Debug, Clone)]
pub(crate) struct DriverText {
    number: u64,
    sent_at: UtcMs,
    wish: HomeWish,
    /// The question that a yes answers.
    meant: Option<AssignmentId>,
}

/// What such a driver does, and what becomes of the texts.
#[derive(Debug, Clone)]
pub(crate) enum PhoneDeed {
    /// Writes a text.
    Write(HomeWish),
    /// Writes it again, unless its answer has been read.
    Again { number: u64, wish: HomeWish },
    /// A copy of it arrives at the text process.
    Heard(DriverText),
    /// The text process hands it in.
    HandIn { command: CommandId, text: DriverText },
    /// And again while the node does not answer.
    HandInAgain { command: CommandId },
    /// The answer is read.
    Read { number: u64, result: Result<HomeAnswer, Refusal> },
    /// A question is read.
    Asked { letter: char, assignment: AssignmentId },
}

impl World {
    pub(super) fn place_phones(&mut self) {
        for phone in 0..self.town.phones {
            let edge = self.town.district_of_phone(phone);
            let (stand, position) = self.town.stand_of_phone(phone);
            let wish = HomeWish::On { stand: Some(stand.clone()) };
            self.phones.push(PhonePlace {
                driver: DriverId::from_number(driver_of_phone(phone)),
                edge,
                stand,
                position,
                written: 0,
                awaits: BTreeSet::new(),
                booking: None,
                questions: BTreeMap::new(),
                asked: None,
            });
            let at = self.any_ms(8_000, 40_000);
            self.agenda.at(at, Event::Phone { phone, deed: PhoneDeed::Write(wish) });
        }
    }

    pub(super) fn rider_writes(&mut self, rider: usize) {
        let now = self.agenda.now();
        let person = &mut self.riders[rider];
        if person.ride.gone_at.is_some() {
            return;
        }
        if !person.made
            && let Some(life) = &self.town.life
        {
            self.agenda.after(life.other_door_ms, Event::Rider { rider, deed: RiderDeed::Book });
        }
        (person.made, person.made_degraded) = (true, now < self.central_away_until);
        let edge = person.edge;
        let copies = self.net.carry_text(edge, TextWay::In, now);
        let lost = copies.is_empty();
        for wait in copies {
            self.agenda.after(wait, Event::Rider { rider, deed: RiderDeed::Heard });
        }
        // What the carrier loses its centre tries again, later; where it passes nothing, again and again.
        if lost {
            let wait = self.any_ms(20_000, 120_000);
            let deed = if self.town.life.is_some() { RiderDeed::Write } else { RiderDeed::Heard };
            self.agenda.after(wait, Event::Rider { rider, deed });
        }
    }

    pub(super) fn rider_heard(&mut self, rider: usize) {
        let person = &self.riders[rider];
        let (edge, sent_at) = (person.edge, person.wrote_at.expect("only who writes is heard"));
        let (from, ids) = (number_of(rider), ids_of(edge));
        let message = ids.of_text(&from, sent_utc(sent_at), "TAXI");
        if !self.texts[edge].inbox.insert(CommandId(message)) {
            return;
        }
        let booking = BookingId(ids.booking(&from, message));
        if self.riders[rider].acknowledged {
            let command = self.riders[rider].book(booking);
            self.asked(edge, Ask::Command(command), Caller::Rider { rider, of: RiderAsk::Book });
            return;
        }
        self.riders[rider].booking = booking;
        self.rider_of.insert(booking, rider);
        self.rider_does(rider, RiderDeed::Book);
    }

    /// Text processes read what has become durable in a node's outbox.
    pub(super) fn read_outbox(&mut self, node: usize) {
        let now = self.agenda.now();
        let place = &self.nodes[node];
        let (life, reads) = (place.life, place.node.is_some() && !place.pause.lasts(now));
        let mut again = !reads;
        let edges = if node == 0 { self.town.edges() } else { node..node + 1 };
        for edge in edges.filter(|_| reads) {
            let (here, there) = (Place::Node(edge), Place::Node(node));
            if node == 0
                && (self.net.carry(here, there, now).is_empty()
                    || self.net.carry(there, here, now).is_empty())
            {
                again = true;
                continue;
            }
            let (of_life, from) = self.texts[edge].read.get(&node).copied().unwrap_or_default();
            let from = if of_life == life { from } else { 0 };
            let disk = &self.nodes[node].disk;
            let news: Vec<Notice> = disk.notices_from(from).cloned().collect();
            let read = (life, disk.notices());
            self.texts[edge].read.insert(node, read);
            for notice in news {
                if self.is_for(edge, &notice) && self.texts[edge].sent.insert(notice.id.clone()) {
                    self.send_notice(edge, notice);
                }
            }
        }
        if again {
            self.agenda.after(3_000, Event::Outbox { node });
        }
    }

    fn is_for(&self, edge: usize, notice: &Notice) -> bool {
        match notice.to {
            Recipient::Rider { booking } => {
                self.rider_of(booking).is_some_and(|rider| self.riders[rider].edge == edge)
            }
            Recipient::Driver { driver } => {
                self.phones.iter().any(|phone| phone.driver == driver && phone.edge == edge)
            }
        }
    }

    pub(super) fn send_notice(&mut self, edge: usize, notice: Notice) {
        let now = self.agenda.now();
        match (notice.to, notice.text) {
            (Recipient::Rider { booking }, NoticeText::StillWanted { .. }) => {
                let by_text = |rider: &usize| self.riders[*rider].request.text_home.is_some();
                let rider = self.rider_of(booking).filter(by_text);
                if let Some(rider) = rider
                    && (self.healing || self.chance(80))
                {
                    let wait = self.any_ms(2_000, 20_000);
                    self.agenda.after(wait, Event::Rider { rider, deed: RiderDeed::Keep });
                }
            }
            (Recipient::Driver { driver }, NoticeText::DriverOffer { letter, .. }) => {
                let phone = self.phones.iter().position(|phone| phone.driver == driver && phone.edge == edge);
                let assignment = notice.id.strip_suffix("/offer").and_then(|id| id.parse().ok());
                let (Some(phone), Some(assignment)) = (phone, assignment) else { return };
                self.checkers.asked_by_text(&assignment);
                for wait in self.net.carry_text(edge, TextWay::Out, now) {
                    let deed = PhoneDeed::Asked { letter, assignment: assignment.clone() };
                    self.agenda.after(wait, Event::Phone { phone, deed });
                }
            }
            // What else is told takes its time on the carrier's line, and changes nothing that anybody does.
            (Recipient::Rider { .. } | Recipient::Driver { .. }, _) => self.net.take_line(edge, now),
        }
    }

    pub(super) fn phone_does(&mut self, phone: usize, deed: PhoneDeed) {
        match deed {
            PhoneDeed::Write(wish) => self.phone_writes(phone, wish),
            PhoneDeed::Again { number, wish } => {
                // Nobody says yes to a question from an hour ago.
                let late = match &wish {
                    HomeWish::Accept { letter } => !self.asked_lately(phone, *letter),
                    HomeWish::Decline { .. } => true,
                    _ => false,
                };
                if !self.phones[phone].awaits.remove(&number) {
                    return;
                }
                if !late {
                    self.phone_writes(phone, wish);
                } else if matches!(wish, HomeWish::Accept { .. }) {
                    // Who hears nothing after a yes has no trip, whatever there was before.
                    self.phones[phone].booking = None;
                }
            }
            PhoneDeed::Heard(text) => {
                let place = &self.phones[phone];
                let (from, ids) = (number_of(PHONE_NUMBERS + phone), ids_of(place.edge));
                let body = format!("{:?}", text.wish);
                let message = ids.of_text(&from, text.sent_at, &body);
                if self.texts[self.phones[phone].edge].inbox.insert(CommandId(message)) {
                    let command = CommandId(ids.of_message(&from, message));
                    self.phone_does(phone, PhoneDeed::HandIn { command, text });
                }
            }
            PhoneDeed::HandIn { command, text } => {
                let place = &self.phones[phone];
                let (driver, edge) = (place.driver, place.edge);
                let what = HomeCommand { command, driver, what: text.wish.clone() };
                let caller = Caller::Phone { phone, command, number: text.number };
                self.handed_in.insert(command, text);
                self.asked(edge, Ask::Command(Command::Home(what)), caller);
                let deed = PhoneDeed::HandInAgain { command };
                self.agenda.after(TEXT_AGAIN_MS, Event::Phone { phone, deed });
            }
            PhoneDeed::HandInAgain { command } => {
                if let Some(text) = self.handed_in.get(&command).cloned() {
                    self.phone_does(phone, PhoneDeed::HandIn { command, text });
                }
            }
            PhoneDeed::Read { number, result } => self.phone_reads(phone, number, result),
            PhoneDeed::Asked { letter, assignment } => {
                let place = &mut self.phones[phone];
                place.questions.insert(letter, assignment);
                place.asked = Some((letter, self.agenda.now()));
                if self.town.life.is_some() {
                    return self.phone_decides(phone, letter);
                }
                let roll = if self.healing { 0 } else { self.people.random_range(0..100) };
                let wait = self.any_ms(2_000, 20_000);
                let wish = match roll {
                    0..85 => HomeWish::Accept { letter },
                    85..95 => HomeWish::Decline { letter },
                    _ => return,
                };
                self.agenda.after(wait, Event::Phone { phone, deed: PhoneDeed::Write(wish) });
            }
        }
    }

    /// True if the driver still thinks of that question, and says yes once more where no answer has come.
    fn asked_lately(&self, phone: usize, letter: char) -> bool {
        let asked = self.phones[phone].asked.filter(|(last, _)| *last == letter);
        let lives = self.town.life.is_some();
        lives && asked.is_some_and(|(_, at)| self.agenda.now() < at + THINKS_OF_QUESTION_MS)
    }

    /// A driver who has time answers a question; one who is driving somebody does not.
    fn phone_decides(&mut self, phone: usize, letter: char) {
        if self.phones[phone].booking.is_some() {
            return;
        }
        if let Some((wait, yes)) = self.driver_decides() {
            let wish = if yes { HomeWish::Accept { letter } } else { HomeWish::Decline { letter } };
            self.agenda.after(wait, Event::Phone { phone, deed: PhoneDeed::Write(wish) });
        }
    }

    fn phone_writes(&mut self, phone: usize, wish: HomeWish) {
        let now = self.agenda.now();
        if let (HomeWish::Ended { .. }, Some(booking)) = (&wish, self.phones[phone].booking)
            && self.town.life.is_some()
            && let Some(dropoff) = self.brought(booking, self.car_of_phone(phone))
        {
            self.phones[phone].position = dropoff;
        }
        let place = &mut self.phones[phone];
        place.written += 1;
        let number = place.written;
        place.awaits.insert(number);
        let meant = match &wish {
            HomeWish::Accept { letter } => place.questions.get(letter).cloned(),
            _ => None,
        };
        let text = DriverText { number, sent_at: sent_utc(now), wish: wish.clone(), meant };
        for wait in self.net.carry_text(self.phones[phone].edge, TextWay::In, now) {
            self.agenda.after(wait, Event::Phone { phone, deed: PhoneDeed::Heard(text.clone()) });
        }
        let deed = PhoneDeed::Again { number, wish };
        self.agenda.after(WRITE_AGAIN_MS, Event::Phone { phone, deed });
    }

    /// The node has answered: the text process tells the driver.
    pub(super) fn phone_answered(
        &mut self,
        phone: usize,
        command: CommandId,
        number: u64,
        result: Result<Answer, Refusal>,
    ) {
        let node = self.nodes[self.phones[phone].edge].node.as_ref();
        let texts = node.into_iter().flat_map(|node| node.board().districts());
        let mut texts = texts.flat_map(|(_, board)| board.texts.values().flatten());
        let remembered = texts.any(|text| text.command == command);
        self.checkers.text_answered(command, remembered, &result);
        let Some(text) = self.handed_in.remove(&command) else { return };
        let result = result.map(|answer| match answer {
            Answer::Home(answer) => answer,
            other => unreachable!("a driver's text is not answered by {other:?}"),
        });
        if let (Some(asked), Ok(HomeAnswer::Assigned { booking })) = (&text.meant, &result) {
            let life = self.nodes[self.phones[phone].edge].life;
            self.checkers.agreed(asked, life, *booking);
        }
        let now = self.agenda.now();
        for wait in self.net.carry_text(self.phones[phone].edge, TextWay::Out, now) {
            let deed = PhoneDeed::Read { number, result: result.clone() };
            self.agenda.after(wait, Event::Phone { phone, deed });
        }
    }

    /// The phone of `driver`, if that is one, and its driver does not know of the booking.
    pub(super) fn phone_without(&self, driver: DriverId, booking: BookingId) -> Option<usize> {
        let is_it = |phone: &PhonePlace| phone.driver == driver && phone.awaits.is_empty();
        self.phones.iter().position(|phone| is_it(phone) && phone.booking != Some(booking))
    }

    /// An operator has called: the trip of which the edge still knows is over.
    pub(super) fn phone_ends(&mut self, phone: usize) {
        self.phone_writes(phone, HomeWish::Ended { amount: Money(7_000) });
    }

    fn phone_reads(&mut self, phone: usize, number: u64, result: Result<HomeAnswer, Refusal>) {
        if !self.phones[phone].awaits.remove(&number) {
            return;
        }
        let stand = self.phones[phone].stand.clone();
        let wait = self.any_ms(4_000, 30_000);
        let roll = if self.healing { 99 } else { self.people.random_range(0..100) };
        let next = match result {
            Ok(HomeAnswer::Assigned { booking }) => {
                self.phones[phone].booking = Some(booking);
                Some(if roll < 5 { HomeWish::Problem } else { HomeWish::Arrived })
            }
            Ok(HomeAnswer::Arrived) => self.phones[phone].booking.map(|booking| {
                let pin = if roll < 10 { "none".into() } else { self.pin_key.pin(booking) };
                HomeWish::Boarded { pin }
            }),
            Ok(HomeAnswer::WrongPin { .. }) => {
                self.phones[phone].booking.map(|booking| HomeWish::Boarded { pin: self.pin_key.pin(booking) })
            }
            Ok(HomeAnswer::Boarded { .. }) => Some(HomeWish::Ended { amount: Money(7_000) }),
            Ok(HomeAnswer::Ended { .. } | HomeAnswer::GivenBack) => {
                self.phones[phone].booking = None;
                Some(HomeWish::At { stand })
            }
            // The edge has not got the roster yet.
            Err(Refusal::UnknownDriver | Refusal::UnknownStand) => Some(HomeWish::On { stand: Some(stand) }),
            // The edge knows of no trip, whoever ended it.
            Err(_) => {
                self.phones[phone].booking = None;
                None
            }
            Ok(_) => None,
        };
        let next = match next {
            Some(wish) if self.town.life.is_some() => self.phone_goes_on(phone, wish),
            next => next.map(|wish| (wait, wish)),
        };
        if let Some((wait, wish)) = next {
            self.agenda.after(wait, Event::Phone { phone, deed: PhoneDeed::Write(wish) });
        }
    }
}

/// The booking that a rider's text asks for.
pub(super) fn booking_by_text(rider: usize, edge: usize, wrote_at: Ms) -> BookingId {
    let (from, ids) = (number_of(rider), ids_of(edge));
    BookingId(ids.booking(&from, ids.of_text(&from, sent_utc(wrote_at), "TAXI")))
}

/// The number in the id of a feature-phone driver.
pub(super) fn driver_of_phone(phone: usize) -> u128 {
    0x800_0000 + phone as u128
}

fn ids_of(edge: usize) -> TextIds {
    TextIds::new([7; 32], &format!("text-{edge}"))
}

fn number_of(person: usize) -> String {
    format!("+8210{person:08}")
}

/// The moment at which the carrier's centre takes a text: it counts seconds.
fn sent_utc(now: Ms) -> UtcMs {
    UtcMs(i64::try_from(now / 1_000 * 1_000).expect("a run is short"))
}
