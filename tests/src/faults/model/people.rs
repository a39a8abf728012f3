//! Riders, feature-phone drivers and operators.

use std::collections::BTreeSet;

use ondol_core::booking::{CancelReason, Door, Needs, Party, Payment, Priority, Status};
use ondol_core::command::{
    Answer, Command, HomeAnswer, HomeCommand, HomeWish, Notice, NoticeText, Recipient, Refusal,
};
use ondol_core::fact::{Driver, Lang, Request};
use ondol_core::ids::{BookingId, CommandId, DriverId, ShiftId, SubjectId};
use ondol_core::units::Money;
use rand::RngExt;

use super::device::{driver_numbers, vehicle};
use super::{Ask, Caller, Event, NODES, PHONES, World, booking_of, district_of, node_id, spot};
use crate::faults::clock::Ms;
use crate::faults::net::Place;

/// Time after which a rider's page tries the next node.
const RIDER_AGAIN_MS: Ms = 8_000;
/// A rider's page looks again after this time.
const PAGE_LOOKS_MS: Ms = 15_000;
/// A text process tries a command again while its node does not answer.
const TEXT_AGAIN_MS: Ms = 5_000;

/// A rider with one booking.
pub(crate) struct RiderPlace {
    pub(crate) booking: BookingId,
    /// The edge of the pickup's district.
    pub(crate) edge: usize,
    pub(crate) request: Request,
    /// Central was away when the rider asked.
    pub(crate) made_degraded: bool,
    pub(crate) made: bool,
    pub(crate) acknowledged: bool,
    pub(crate) cancel_done: bool,
    /// The node tried next.
    tries: usize,
}

/// What a rider does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RiderDeed {
    /// Asks, until a node has acknowledged it.
    Book,
    /// Shows an acknowledged booking to another node.
    ShowAgain,
    /// Cancels, until a node has answered.
    Cancel,
    /// Says that the taxi is still wanted.
    Keep,
    /// Looks at the page, which shows whether that is being asked.
    Look,
}

/// What a rider's answer is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RiderAsk {
    Book,
    Cancel,
    Keep,
}

/// A driver with a feature phone, homed to an edge.
pub(crate) struct PhonePlace {
    driver: DriverId,
    pub(crate) edge: usize,
    /// Commands whose replies are awaited.
    awaits: BTreeSet<u64>,
    commands: u64,
    booking: Option<BookingId>,
}

/// What such a driver does.
#[derive(Debug, Clone)]
pub(crate) enum PhoneDeed {
    /// Writes a text.
    Write(HomeWish),
    /// The text process hands a text in, again while the node does not answer.
    HandIn { command: u64, wish: HomeWish },
}

impl World {
    pub(super) fn list_roster(&mut self) {
        let app = driver_numbers().map(|(edge, number)| (edge, number, None));
        let phones: Vec<_> =
            (0..PHONES).map(|phone| (1 + phone % 2, 0x200 + phone as u128, Some(1 + phone % 2))).collect();
        for (edge, number, home) in app.chain(phones).collect::<Vec<_>>() {
            let driver = Driver {
                driver: DriverId::from_number(number),
                subject: SubjectId::from_number(0x10_000 + number),
                fleet: "blue".parse().expect("a well-formed name"),
                district: district_of(edge),
                phone: None,
                personal: None,
                lang: Lang::Ko,
                secret_digest: String::new(),
                home: home.map(node_id),
                vehicle: vehicle(number),
                banned: false,
            };
            self.asked(0, Ask::Command(Command::ListDriver(driver)), Caller::Operator);
        }
        for edge in 1..NODES {
            let stand = Command::ListStand {
                stand: format!("{edge}").parse().expect("a well-formed name"),
                name_ko: "시청".into(),
                name_en: "City Hall".into(),
                position: spot(edge, 500),
                district: district_of(edge),
            };
            self.asked(0, Ask::Command(stand), Caller::Operator);
        }
    }

    pub(super) fn place_people(&mut self, safety_ms: Ms) {
        let riders = self.people.random_range(20..32);
        for rider in 0..riders {
            let edge = 1 + self.people.random_range(0..2_usize);
            let door = [Door::App, Door::Web, Door::Sms, Door::Phone][self.people.random_range(0..4)];
            let request = self.any_request(rider, edge, door);
            let tries = self.people.random_range(0..2);
            self.riders.push(RiderPlace {
                booking: booking_of(rider),
                edge,
                request,
                made_degraded: false,
                made: false,
                acknowledged: false,
                cancel_done: false,
                tries,
            });
            let at = self.any_ms(30_000, safety_ms - 20_000);
            self.agenda.at(at, Event::Rider { rider, deed: RiderDeed::Book });
        }
        for phone in 0..PHONES {
            let edge = 1 + phone % 2;
            let driver = DriverId::from_number(0x200 + phone as u128);
            self.phones.push(PhonePlace {
                driver,
                edge,
                awaits: BTreeSet::new(),
                commands: 0,
                booking: None,
            });
            let at = self.any_ms(8_000, 40_000);
            self.agenda.at(at, Event::Phone { phone, deed: PhoneDeed::Write(on_duty(edge)) });
        }
        for _ in 0..12 {
            let at = self.any_ms(60_000, safety_ms);
            self.agenda.at(at, Event::Operator);
        }
    }

    fn any_request(&mut self, rider: usize, edge: usize, door: Door) -> Request {
        let at = self.people.random_range(0..1_024);
        let goes_to = self.people.random_range(0..1_024);
        let payment = if self.chance(50) { Payment::Cash } else { Payment::Deferred };
        Request {
            door,
            fleet: None,
            pickup: spot(edge, at),
            dropoff: Some(spot(edge, goes_to)),
            stand: None,
            seats: 1,
            needs: Needs::default(),
            priority: Priority::Normal,
            pickup_at: None,
            rider: SubjectId::from_number(0x20_000 + rider as u128),
            phone: None,
            personal: None,
            lang: Lang::Ko,
            payment,
            quote: None,
            // As the doors have it: texts are the edge's, and who has the page gets none.
            text_home: matches!(door, Door::Sms | Door::Phone).then(|| node_id(edge)),
            digest: format!("{rider}"),
        }
    }

    pub(super) fn rider_does(&mut self, rider: usize, deed: RiderDeed) {
        let now = self.agenda.now();
        let away = now < self.central_away_until;
        let person = &mut self.riders[rider];
        if deed == RiderDeed::Book && !person.made {
            (person.made, person.made_degraded) = (true, away);
        }
        let (again, of) = match deed {
            RiderDeed::Book if person.acknowledged => return,
            RiderDeed::Cancel if person.cancel_done => return,
            RiderDeed::Book => (true, RiderAsk::Book),
            RiderDeed::Cancel => (true, RiderAsk::Cancel),
            RiderDeed::ShowAgain => (false, RiderAsk::Book),
            RiderDeed::Keep => (false, RiderAsk::Keep),
            RiderDeed::Look => return self.rider_looks(rider),
        };
        let node = [0, person.edge][person.tries % 2];
        person.tries += 1;
        let booking = person.booking;
        let command = match of {
            RiderAsk::Book => Command::Book {
                booking,
                district: district_of(person.edge),
                zone: format!("zone-{}", person.edge).parse().expect("a well-formed name"),
                request: person.request.clone(),
            },
            RiderAsk::Cancel => {
                Command::Cancel { booking, by: Party::Rider, reason: CancelReason::ChangedMind }
            }
            RiderAsk::Keep => Command::Keep { booking },
        };
        self.ask(Place::Rider(rider), node, Ask::Command(command), Caller::Rider { rider, of });
        if again {
            self.agenda.after(RIDER_AGAIN_MS, Event::Rider { rider, deed });
        }
    }

    /// The page asks a node again and again while the rider waits.
    fn rider_looks(&mut self, rider: usize) {
        let person = &self.riders[rider];
        let (booking, edge) = (person.booking, person.edge);
        let node = [0, edge][person.tries % 2];
        let here = Place::Rider(rider);
        let now = self.agenda.now();
        let reached = !self.net.carry(here, Place::Node(node), now).is_empty()
            && !self.net.carry(Place::Node(node), here, now).is_empty()
            && now >= self.nodes[node].paused_until;
        self.riders[rider].tries += usize::from(!reached);
        let view = self.nodes[node].node.as_ref().filter(|_| reached);
        let closed = view
            .and_then(|node| node.board().booking(booking))
            .is_some_and(|(_, record)| record.status().is_closed());
        let asked = view.is_some_and(|node| node.asks_if_still_wanted(&district_of(edge), booking));
        if asked && (self.healing || self.chance(50)) {
            self.agenda.after(2_000, Event::Rider { rider, deed: RiderDeed::Keep });
        }
        if !closed {
            self.agenda.after(PAGE_LOOKS_MS, Event::Rider { rider, deed: RiderDeed::Look });
        }
    }

    pub(super) fn rider_answered(
        &mut self,
        rider: usize,
        of: RiderAsk,
        node: usize,
        result: Result<Answer, Refusal>,
    ) {
        match (of, result) {
            (RiderAsk::Book, Ok(_)) => {
                self.checkers.acknowledged(self.riders[rider].booking, node);
                let first = !std::mem::replace(&mut self.riders[rider].acknowledged, true);
                if first && self.riders[rider].request.text_home.is_none() {
                    self.agenda.after(PAGE_LOOKS_MS, Event::Rider { rider, deed: RiderDeed::Look });
                }
                if first && !self.healing {
                    let deeds = [(15, RiderDeed::Cancel, 120_000), (20, RiderDeed::ShowAgain, 60_000)];
                    for (per_cent, deed, within) in deeds {
                        let wait = self.any_ms(1_000, within);
                        if self.chance(per_cent) {
                            self.agenda.after(wait, Event::Rider { rider, deed });
                        }
                    }
                }
            }
            (RiderAsk::Book, Err(refusal)) => {
                self.counts.refused += 1;
                if !refusal.is_transient() {
                    self.checkers.break_promise("refused", format!("a sound booking was refused: {refusal}"));
                }
            }
            // The other node may know it: the page goes on trying.
            (RiderAsk::Cancel, Err(Refusal::UnknownBooking)) | (RiderAsk::Keep, _) => {}
            (RiderAsk::Cancel, Ok(_) | Err(_)) => self.riders[rider].cancel_done = true,
        }
    }

    /// A notice is durable: the text process sends it.
    pub(super) fn notified(&mut self, node: usize, notice: Notice) {
        match (notice.to, notice.text) {
            (Recipient::Rider { booking }, NoticeText::StillWanted { .. }) => {
                let by_text =
                    |rider: &RiderPlace| rider.booking == booking && rider.request.text_home.is_some();
                let rider = self.riders.iter().position(by_text);
                if let Some(rider) = rider
                    && (self.healing || self.chance(80))
                {
                    let wait = self.any_ms(2_000, 20_000);
                    self.agenda.after(wait, Event::Rider { rider, deed: RiderDeed::Keep });
                }
            }
            (Recipient::Driver { driver }, NoticeText::DriverOffer { letter, .. }) => {
                let phone = self.phones.iter().position(|phone| phone.driver == driver && phone.edge == node);
                let Some(phone) = phone else { return };
                let roll = if self.healing { 0 } else { self.people.random_range(0..100) };
                let wait = self.any_ms(2_000, 20_000);
                let wish = match roll {
                    0..85 => HomeWish::Accept { letter },
                    85..95 => HomeWish::Decline { letter },
                    _ => return,
                };
                self.agenda.after(wait, Event::Phone { phone, deed: PhoneDeed::Write(wish) });
            }
            (Recipient::Rider { .. } | Recipient::Driver { .. }, _) => {}
        }
    }

    pub(super) fn phone_does(&mut self, phone: usize, deed: PhoneDeed) {
        match deed {
            PhoneDeed::Write(wish) => {
                self.phones[phone].commands += 1;
                let command = self.phones[phone].commands;
                self.phones[phone].awaits.insert(command);
                // Carriers are slow, and deliver some texts twice.
                let copies = if self.chance(10) { 2 } else { 1 };
                for _ in 0..copies {
                    let wait = self.any_ms(500, 4_000);
                    let deed = PhoneDeed::HandIn { command, wish: wish.clone() };
                    self.agenda.after(wait, Event::Phone { phone, deed });
                }
            }
            PhoneDeed::HandIn { command, wish } => {
                let place = &self.phones[phone];
                let what = HomeCommand {
                    command: CommandId::from_number((0x30_000 + phone as u128) << 32 | u128::from(command)),
                    driver: place.driver,
                    what: wish.clone(),
                };
                let edge = place.edge;
                self.asked(edge, Ask::Command(Command::Home(what)), Caller::Phone { phone, command });
                if self.phones[phone].awaits.contains(&command) {
                    let deed = PhoneDeed::HandIn { command, wish };
                    self.agenda.after(TEXT_AGAIN_MS, Event::Phone { phone, deed });
                }
            }
        }
    }

    pub(super) fn phone_answered(&mut self, phone: usize, command: u64, result: Result<Answer, Refusal>) {
        if !self.phones[phone].awaits.remove(&command) {
            return;
        }
        let edge = self.phones[phone].edge;
        let wait = self.any_ms(4_000, 30_000);
        let roll = if self.healing { 99 } else { self.people.random_range(0..100) };
        let next = match result {
            Ok(Answer::Home(HomeAnswer::Assigned { booking })) => {
                self.phones[phone].booking = Some(booking);
                Some(if roll < 5 { HomeWish::Problem } else { HomeWish::Arrived })
            }
            Ok(Answer::Home(HomeAnswer::Arrived)) => self.phones[phone].booking.map(|booking| {
                let pin = if roll < 10 { "none".into() } else { self.pin_key.pin(booking) };
                HomeWish::Boarded { pin }
            }),
            Ok(Answer::Home(HomeAnswer::WrongPin { .. })) => {
                self.phones[phone].booking.map(|booking| HomeWish::Boarded { pin: self.pin_key.pin(booking) })
            }
            Ok(Answer::Home(HomeAnswer::Boarded { .. })) => Some(HomeWish::Ended { amount: Money(7_000) }),
            Ok(Answer::Home(HomeAnswer::Ended { .. } | HomeAnswer::GivenBack)) => {
                self.phones[phone].booking = None;
                Some(HomeWish::At { stand: stand(edge) })
            }
            // The edge has not got the roster yet.
            Err(Refusal::UnknownDriver | Refusal::UnknownStand) => Some(on_duty(edge)),
            Ok(_) | Err(_) => None,
        };
        if let Some(wish) = next {
            self.agenda.after(wait, Event::Phone { phone, deed: PhoneDeed::Write(wish) });
        }
    }

    /// An operator assigns, recalls, declares a phone lost, takes a district or gives it back.
    pub(super) fn operator_does(&mut self) {
        let edge = self.people.random_range(1..NODES);
        let node = [0, edge][self.people.random_range(0..2)];
        let roll = self.people.random_range(0..100);
        let district = district_of(edge);
        let pick = self.people.random_range(0..1_000_usize);
        let Some(board) = self.nodes[node].node.as_ref().and_then(|n| n.board().district(&district)) else {
            return;
        };
        let some = |of: Status| -> Option<BookingId> {
            let all: Vec<_> = board.open_bookings().filter(|record| record.status() == of).collect();
            all.get(pick.checked_rem(all.len())?).map(|record| record.id)
        };
        let shifts: Vec<ShiftId> = board.shifts.keys().copied().collect();
        let command = match roll {
            0..35 => some(Status::Open)
                .zip(pick.checked_rem(shifts.len()).map(|index| shifts[index]))
                .map(|(booking, shift)| Command::AssignByHand { booking, shift }),
            35..65 => some(Status::Assigned).map(|booking| Command::Recall { booking }),
            65..75 => Some(Command::TakeDistrict { district }),
            75..88 => Some(Command::GiveBackDistrict { district }),
            88..90 => {
                let index = pick.checked_rem(shifts.len());
                index.map(|index| Command::EndShift { shift: shifts[index] })
            }
            _ => some(Status::Boarded).map(|booking| Command::Cancel {
                booking,
                by: Party::Operator,
                reason: CancelReason::Other,
            }),
        };
        if let Some(command) = command {
            self.asked(node, Ask::Command(command), Caller::Operator);
        }
    }

    /// Faults are over: operators give districts back.
    pub(crate) fn operators_settle(&mut self) {
        for edge in 1..NODES {
            let command = Command::GiveBackDistrict { district: district_of(edge) };
            self.asked(edge, Ask::Command(command), Caller::Operator);
        }
    }
}

fn stand(edge: usize) -> ondol_core::ids::StandId {
    format!("{edge}").parse().expect("a well-formed name")
}

fn on_duty(edge: usize) -> HomeWish {
    HomeWish::On { stand: Some(stand(edge)) }
}
