//! Riders and operators. Who writes texts is in `texts.rs`.

use ondol_core::booking::{CancelReason, Door, Needs, Party, Payment, Priority, Status};
use ondol_core::command::{Answer, Command, Refusal};
use ondol_core::fact::{Driver, Lang, Request};
use ondol_core::ids::{BookingId, DriverId, ShiftId, StandId, SubjectId};
use ondol_core::position::Position;
use rand::RngExt;

use super::device::{driver_numbers, vehicle};
use super::life::{CANCELS_AGAIN_MS, Ride, Wish};
use super::texts::{booking_by_text, driver_of_phone};
use super::{Ask, Caller, Event, World, booking_of, district_of, node_id, spot};
use crate::faults::clock::{Ms, true_utc};
use crate::faults::net::Place;

/// Time after which a rider's page tries the next node.
const RIDER_AGAIN_MS: Ms = 8_000;
/// A rider's page looks again after this time.
const PAGE_LOOKS_MS: Ms = 15_000;
/// An operator answers for this long for who begins a shift although bans are old.
const WAIVES_FOR_MS: Ms = 60_000;
/// Before that no node has lost anything.
const SHOWN_AGAIN_AFTER_MS: Ms = 60_000;

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
    /// When the text was written that asks, if it is one.
    pub(super) wrote_at: Option<Ms>,
    /// The node tried next.
    pub(super) tries: usize,
    /// What became of it, in a scenario.
    pub(crate) ride: Ride,
}

/// What a rider does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RiderDeed {
    /// Writes the text that asks.
    Write,
    /// A copy of that text arrives.
    Heard,
    /// Asks, until a node has acknowledged it.
    Book,
    /// Shows an acknowledged booking to another node.
    ShowAgain,
    /// Cancels, until a node has answered.
    Cancel,
    /// Says that the taxi is still wanted.
    Keep,
    /// Says that the trip which came back from a driver's phone is going on.
    Attest,
    /// Looks at the page, which shows whether either is being asked.
    Look,
    /// Has waited long enough.
    Leave,
}

/// What a rider's answer is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RiderAsk {
    Book,
    Cancel,
    Keep,
    Attest,
}

impl RiderPlace {
    pub(super) fn book(&self, booking: BookingId) -> Command {
        Command::Book {
            booking,
            district: district_of(self.edge),
            zone: format!("zone-{}", self.edge).parse().expect("a well-formed name"),
            request: self.request.clone(),
        }
    }
}

impl World {
    /// Lists drivers and stands that central does not know.
    pub(super) fn list_who_is_missing(&mut self) {
        let Some(central) = &self.nodes[0].node else { return };
        let known = |driver: &Driver| central.board().driver(driver.driver).is_some();
        let missing: Vec<_> = self.roster.iter().filter(|driver| !known(driver)).cloned().collect();
        for mut driver in missing {
            driver.banned = self.barred.contains(&driver.driver);
            self.asked(0, Ask::Command(Command::ListDriver(driver)), Caller::Operator);
        }
        self.list_stands();
    }

    pub(super) fn list_roster(&mut self) {
        let app = driver_numbers(&self.town).into_iter().map(|(edge, number)| (edge, number, None));
        let phones = (0..self.town.phones).map(|phone| {
            let edge = self.town.district_of_phone(phone);
            (edge, driver_of_phone(phone), Some(edge))
        });
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
            self.roster.push(driver.clone());
            self.asked(0, Ask::Command(Command::ListDriver(driver)), Caller::Operator);
        }
        self.list_stands();
    }

    pub(super) fn list_stands(&mut self) {
        for edge in self.town.districts() {
            let board =
                self.nodes[0].node.as_ref().and_then(|node| node.board().district(&district_of(edge)));
            let missing = |stand: &StandId| board.is_none_or(|board| !board.stands.contains_key(stand));
            let stands = self.town.stands(edge).into_iter().filter(|(stand, _)| missing(stand));
            for (stand, position) in stands.collect::<Vec<_>>() {
                let (name_ko, name_en) = ("시청".into(), "City Hall".into());
                let listed =
                    Command::ListStand { stand, name_ko, name_en, position, district: district_of(edge) };
                self.asked(0, Ask::Command(listed), Caller::Operator);
            }
        }
    }

    pub(super) fn place_people(&mut self, safety_ms: Ms) {
        if self.town.life.is_some() {
            self.place_wishes();
            return self.place_phones();
        }
        let riders = self.people.random_range(20..32);
        // In half of the runs one district has most of the riders, so that it has something to lend.
        let busy = 1 + self.people.random_range(0..2_usize);
        let in_busy_per_cent = if self.chance(50) { 85 } else { 50 };
        for rider in 0..riders {
            let edge = if self.chance(in_busy_per_cent) { busy } else { 3 - busy };
            let door = [Door::App, Door::Web, Door::Sms, Door::Phone][self.people.random_range(0..4)];
            let request = self.any_request(rider, edge, door);
            let tries = self.people.random_range(0..2);
            let at = self.any_ms(30_000, safety_ms - 20_000);
            let deed = self.push_rider(edge, request, tries, at);
            self.agenda.at(at, Event::Rider { rider, deed });
        }
        self.place_phones();
        for _ in 0..12 {
            let at = self.any_ms(60_000, safety_ms);
            self.agenda.at(at, Event::Operator);
        }
    }

    /// Adds a rider who will ask at `at`, and returns how.
    fn push_rider(&mut self, edge: usize, request: Request, tries: usize, at: Ms) -> RiderDeed {
        let rider = self.riders.len();
        // Texts are taken by the text process of an edge; without one such riders ask as the others do.
        let by_text = request.door == Door::Sms && self.town.has_edges;
        let booking = if by_text { booking_by_text(rider, edge, at) } else { booking_of(rider) };
        self.rider_of.insert(booking, rider);
        self.riders.push(RiderPlace {
            booking,
            wrote_at: by_text.then_some(at),
            edge,
            request,
            made_degraded: false,
            made: false,
            acknowledged: false,
            cancel_done: false,
            tries,
            ride: Ride::default(),
        });
        if by_text { RiderDeed::Write } else { RiderDeed::Book }
    }

    /// Adds the rider of a wish.
    pub(super) fn place_rider(&mut self, rider: usize, wish: Wish) -> RiderDeed {
        let places = (wish.pickup, wish.dropoff);
        let priority = if wish.is_medical { Priority::Medical } else { Priority::Normal };
        let payment = if wish.by_card { Payment::Deferred } else { Payment::Cash };
        let mut request = self.request(rider, wish.district, wish.door, places, payment);
        request.priority = priority;
        request.pickup_at = (wish.ahead_ms > 0).then(|| true_utc(wish.wanted_at()));
        self.push_rider(wish.district, request, 0, wish.at)
    }

    fn any_request(&mut self, rider: usize, edge: usize, door: Door) -> Request {
        let at = self.people.random_range(0..1_024);
        let goes_to = self.people.random_range(0..1_024);
        let payment = if self.chance(50) { Payment::Cash } else { Payment::Deferred };
        self.request(rider, edge, door, (spot(edge, at), spot(edge, goes_to)), payment)
    }

    fn request(
        &self,
        rider: usize,
        edge: usize,
        door: Door,
        (pickup, dropoff): (Position, Position),
        payment: Payment,
    ) -> Request {
        let by_text = matches!(door, Door::Sms | Door::Phone) && self.town.has_edges;
        Request {
            door,
            fleet: None,
            pickup,
            dropoff: Some(dropoff),
            stand: None,
            seats: 1,
            needs: Needs::default(),
            priority: Priority::Normal,
            pickup_at: None,
            rider: SubjectId::from_number(0x4000_0000 + rider as u128),
            phone: None,
            personal: None,
            lang: Lang::Ko,
            payment,
            quote: None,
            // As the doors have it: texts are the edge's, and who has the page gets none.
            text_home: by_text.then(|| node_id(edge)),
            digest: format!("{rider}"),
        }
    }

    pub(super) fn rider_does(&mut self, rider: usize, deed: RiderDeed) {
        let now = self.agenda.now();
        let away = now < self.central_away_until;
        if self.has_left(rider, deed) {
            return;
        }
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
            RiderDeed::Attest => (false, RiderAsk::Attest),
            RiderDeed::Look => return self.rider_looks(rider),
            RiderDeed::Write => return self.rider_writes(rider),
            RiderDeed::Heard => return self.rider_heard(rider),
            RiderDeed::Leave => return self.rider_leaves(rider),
        };
        if of == RiderAsk::Book && self.town.life.is_some() && self.waits_for_telephone(rider) {
            self.agenda.after(RIDER_AGAIN_MS, Event::Rider { rider, deed });
            return;
        }
        let person = &mut self.riders[rider];
        let node = if person.tries % 2 == 1 && self.town.has_edges { person.edge } else { 0 };
        person.tries += 1;
        let booking = person.booking;
        let command = match of {
            RiderAsk::Book => person.book(booking),
            RiderAsk::Cancel => {
                Command::Cancel { booking, by: Party::Rider, reason: CancelReason::ChangedMind }
            }
            RiderAsk::Keep => Command::Keep { booking },
            RiderAsk::Attest => Command::Attest { booking },
        };
        self.ask(Place::Rider(rider), node, Ask::Command(command), Caller::Rider { rider, of });
        if again {
            let wait = match &self.town.life {
                Some(_) if deed == RiderDeed::Cancel => CANCELS_AGAIN_MS,
                Some(life) => life.rider_again_ms,
                None => RIDER_AGAIN_MS,
            };
            self.agenda.after(wait, Event::Rider { rider, deed });
        }
    }

    /// The page asks a node again and again while the rider waits.
    fn rider_looks(&mut self, rider: usize) {
        let person = &self.riders[rider];
        let (booking, edge) = (person.booking, person.edge);
        let node = if person.tries % 2 == 1 && self.town.has_edges { edge } else { 0 };
        let here = Place::Rider(rider);
        let now = self.agenda.now();
        let reached = !self.net.carry(here, Place::Node(node), now).is_empty()
            && !self.net.carry(Place::Node(node), here, now).is_empty()
            && !self.nodes[node].pause.lasts(now);
        self.riders[rider].tries += usize::from(!reached);
        let view = self.nodes[node].node.as_ref().filter(|_| reached);
        let closed = view
            .and_then(|node| node.board().booking(booking))
            .is_some_and(|(_, record)| record.status().is_closed());
        let asked = view.is_some_and(|node| node.asks_if_still_wanted(&district_of(edge), booking));
        // A page shows its booking again to a node that has lost it, and its rider is asked about a trip that the node
        // has from the driver alone.
        let record = view.map(|node| node.board().booking(booking).map(|(_, record)| record));
        let lost = matches!(record, Some(None));
        let unverified = record.flatten().is_some_and(|record| !closed && record.is_unverified());
        if asked && (self.healing || self.chance(50)) {
            self.agenda.after(2_000, Event::Rider { rider, deed: RiderDeed::Keep });
        }
        if lost && now > SHOWN_AGAIN_AFTER_MS {
            self.agenda.after(1_000, Event::Rider { rider, deed: RiderDeed::ShowAgain });
        }
        if unverified {
            self.agenda.after(1_000, Event::Rider { rider, deed: RiderDeed::Attest });
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
                let now = self.agenda.now();
                let first = !std::mem::replace(&mut self.riders[rider].acknowledged, true);
                self.riders[rider].ride.told_at.get_or_insert(now);
                if first && self.riders[rider].request.text_home.is_none() {
                    self.agenda.after(PAGE_LOOKS_MS, Event::Rider { rider, deed: RiderDeed::Look });
                }
                if self.riders[rider].ride.gone_at.is_some() {
                    return self.rider_leaves(rider);
                }
                if first && !self.healing && self.town.life.is_none() {
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
                // Who ordered ahead and reached nobody in time has waited for nothing.
                if refusal == Refusal::OutOfRange && self.has_come_too_late(rider) {
                    return self.rider_leaves(rider);
                }
                if !refusal.is_transient() {
                    self.checkers.break_promise("refused", format!("a sound booking was refused: {refusal}"));
                }
            }
            // The other node may know it: the page goes on trying.
            (RiderAsk::Cancel, Err(Refusal::UnknownBooking)) | (RiderAsk::Keep | RiderAsk::Attest, _) => {}
            (RiderAsk::Cancel, Ok(_) | Err(_)) => self.riders[rider].cancel_done = true,
        }
    }

    /// Central bars a driver of the district who has not begun a shift, and two drivers of it begin theirs.
    pub(super) fn bar_driver(&mut self, edge: usize) {
        let late = self.begin_late_shifts(edge);
        let Some(barred) = late.first() else { return };
        let listed = self.roster.iter().find(|driver| driver.driver == *barred);
        let Some(mut driver) = listed.cloned() else { return };
        driver.banned = true;
        self.barred.push(*barred);
        self.asked(0, Ask::Command(Command::ListDriver(driver)), Caller::Operator);
    }

    /// An operator gives `node` this order then.
    pub(crate) fn order_at(&mut self, at: Ms, node: usize, command: Command) {
        let ask = Box::new(Ask::Command(command));
        self.agenda.at(at, Event::Asked { node, ask, caller: Caller::Operator });
    }

    /// An operator assigns, recalls, declares a phone lost, takes a district or gives it back, or waives old bans.
    pub(super) fn operator_does(&mut self) {
        let edge = self.people.random_range(self.town.edges());
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
                .map(|(booking, shift)| Command::AssignByHand { booking, shift, told_eta_s: None }),
            35..65 => some(Status::Assigned).map(|booking| Command::Recall { booking }),
            65..75 => Some(Command::TakeDistrict { district }),
            75..88 => Some(Command::GiveBackDistrict { district }),
            88..90 => {
                let index = pick.checked_rem(shifts.len());
                index.map(|index| Command::EndShift { shift: shifts[index] })
            }
            90 => Some(Command::WaiveBans { district, for_ms: WAIVES_FOR_MS }),
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

    /// Faults are over: operators give districts back, and the office enters again whom central lost with its disk.
    pub(crate) fn operators_settle(&mut self) {
        self.list_who_is_missing();
        for edge in self.town.edges() {
            let command = Command::GiveBackDistrict { district: district_of(edge) };
            self.asked(edge, Ask::Command(command), Caller::Operator);
        }
        self.operators_call_phones();
    }

    /// What an edge that lost its disk believes of a feature-phone driver and what the driver knows may differ: an
    /// operator calls the driver.
    fn operators_call_phones(&mut self) {
        for edge in self.town.edges() {
            let district = district_of(edge);
            let board = self.nodes[edge].node.as_ref().and_then(|node| node.board().district(&district));
            let held = board.into_iter().flat_map(|board| {
                let homed = board.shifts.values().filter(|shift| shift.home().is_some());
                homed.filter_map(|shift| {
                    let (record, bond) = board.bonds_of(shift.id).next()?;
                    let boarded = record.assignments[bond].boarded.is_some();
                    let is_known = record.accepted.is_some();
                    Some((record.id, shift.id, shift.start.as_ref()?.driver, boarded, is_known))
                })
            });
            for (booking, shift, driver, boarded, is_known) in held.collect::<Vec<_>>() {
                let Some(phone) = self.phone_without(driver, booking) else { continue };
                if boarded {
                    self.phone_ends(phone);
                } else if !is_known {
                    // The wish went with the disks: nothing is left to recall, and the driver begins anew.
                    self.asked(edge, Ask::Command(Command::EndShift { shift }), Caller::Operator);
                } else {
                    self.asked(edge, Ask::Command(Command::Recall { booking }), Caller::Operator);
                }
            }
        }
    }
}
