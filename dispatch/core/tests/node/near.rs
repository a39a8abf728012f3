//! Goal: who is free near a place is found without looking at everybody, and it is the same drivers in the same order,
//! whatever happens: they move, come and go, are silent, are asked, drive and are free again, and nodes restart.
//!
//! Method: random histories of central and an edge. The world compares after every step (`world/near.rs`).

use ondol_core::command::{Command, Happening, HomeWish};
use ondol_core::fact::{Fare, PinCheck, Release, Request, Step};
use ondol_core::ids::AssignmentId;
use ondol_core::shift::Duty;
use ondol_core::units::Money;
use proptest::prelude::*;

use crate::roster::{at, plain};
use crate::world::{CENTRAL, EDGE, World};

/// Drivers with the app; 5 takes a wheelchair.
const APP: u8 = 6;
/// A second phone of the driver with shift 1, on the other side of a cut.
const SECOND: u128 = 6;
/// The one without.
const BY_TEXT: u128 = 50;

/// One thing that happens: what, and numbers to draw details from.
type Draw = (u8, u8, u8);

struct Story {
    world: World,
    /// Counts bookings, texts, changes of duty and attaches.
    count: u64,
}

impl Story {
    fn happens(&mut self, (what, who, detail): Draw) {
        self.count += 1;
        let shift = u128::from(who % APP) + 1;
        let name = if detail.is_multiple_of(2) { CENTRAL } else { EDGE };
        self.world.move_to(f64::from(detail) / 1e4);
        // What is refused changes nothing; what matters is looked at after each step, refused or not.
        match what % 12 {
            0 | 1 => {
                let driver = if shift == SECOND { 1 } else { shift };
                drop(self.world.attach_as(name, shift, driver, self.count));
            }
            2 => self.world.pass_relayed_ms(1_000, &[shift], &[]),
            3 => self.world.pass_relayed_ms(6_000, &[], &[shift]),
            4 => self.world.pass_relayed_ms(1_000 * u64::from(detail % 70), &[], &[]),
            5 => {
                let duty = [Duty::Available, Duty::Paused, Duty::Ended][usize::from(detail % 9).min(2)];
                drop(self.world.report(name, shift, Happening::Duty { number: self.count, duty }));
            }
            6 => {
                let dropoff = Some(at(f64::from(who) / 1e4));
                let request = Request { pickup: at(f64::from(detail) / 1e4), dropoff, ..plain() };
                drop(self.world.book_as(name, self.count.into(), request));
            }
            7 | 8 => self.drives(name, detail),
            9 => {
                let stand = Some("7".parse().unwrap()).filter(|_| detail.is_multiple_of(3));
                drop(self.world.report(name, shift, Happening::Stand { stand }));
            }
            10 => self.texts(detail),
            11.. => match detail % 8 {
                0 => self.world.restart(CENTRAL),
                1 => self.world.restart(EDGE),
                2 => self.world.has_fix = !self.world.has_fix,
                // "6" comes before the stand that there is, "8" after it.
                _ => self.lists_stand(["6", "7", "8"][usize::from(who % 3)], f64::from(detail) / 1e4),
            },
        }
    }

    /// The driver of a bond tells the next step of it, or gives it back.
    fn drives(&mut self, name: &str, detail: u8) {
        let board = self.world.node(name).board().district(&World::district());
        let bonds = board.into_iter().flat_map(|board| board.open_bookings());
        let bonds = bonds.flat_map(|record| record.assignments.iter().map(move |bond| (record, bond)));
        let live = bonds.filter(|(_, (_, bond))| bond.binds() || bond.is_question());
        let Some((record, (id, bond))) = live.last() else { return };
        let (booking, assignment, shift) = (record.id, id.clone(), bond.shift);
        let what = match (bond.binds(), bond.boarded.is_some()) {
            _ if detail.is_multiple_of(7) => Step::Released { reason: Release::Declined },
            (false, _) => Step::Assigned,
            (true, false) => Step::Boarded { pin: PinCheck::Verified },
            (true, true) => Step::Done { fare: fare() },
        };
        if shift.0.as_u128() <= u128::from(APP) {
            drop(self.world.report(name, shift.0.as_u128(), Happening::Step { booking, assignment, what }));
        } else {
            self.texts_of_trip(&what, &assignment);
        }
    }

    fn texts_of_trip(&mut self, what: &Step, assignment: &AssignmentId) {
        let wish = match what {
            Step::Assigned => HomeWish::Accept { letter: assignment.letter() },
            Step::Boarded { .. } => HomeWish::Boarded { pin: "0000".into() },
            Step::Done { fare } => HomeWish::Ended { amount: fare.amount },
            Step::Released { .. } | Step::Arrived => HomeWish::Decline { letter: assignment.letter() },
        };
        // A third wrong PIN is let through.
        for _ in 0..3 {
            self.count += 1;
            drop(self.world.home(EDGE, BY_TEXT, self.count.into(), wish.clone()));
        }
    }

    fn texts(&mut self, detail: u8) {
        let stand = ["6", "7", "8"][usize::from(detail / 8 % 3)].parse().unwrap();
        let wish = match detail % 8 {
            0 => HomeWish::Off,
            1 => HomeWish::Pause,
            2 => HomeWish::On { stand: Some(stand) },
            3..=5 => HomeWish::On { stand: None },
            6.. => HomeWish::At { stand },
        };
        drop(self.world.home(EDGE, BY_TEXT, self.count.into(), wish));
    }

    fn lists_stand(&mut self, stand: &str, east: f64) {
        let listing = Command::ListStand {
            stand: stand.parse().unwrap(),
            name_ko: "시청".into(),
            name_en: "City Hall".into(),
            position: at(east),
            district: World::district(),
        };
        self.world.command(CENTRAL, listing).unwrap();
    }
}

fn fare() -> Fare {
    let payment = ondol_core::booking::Payment::Cash;
    Fare { revision: 0, amount: Money(7_700), distance_m: 4_000, duration_s: 600, payment }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn who_is_near_is_who_is_found_by_looking_at_everybody(
        draws in prop::collection::vec(any::<Draw>(), 20..120),
    ) {
        let mut story = Story { world: World::with_edge(), count: 0 };
        story.world.settle();
        for draw in draws {
            story.happens(draw);
        }
    }
}
