use super::*;
use crate::board::town::{BOARDED, Town, bond, booking, done, minute, released, request};
use crate::booking::Needs;
use crate::fact::{ShiftStart, Vehicle};
use crate::ids::{DeviceId, VehicleId};
use crate::matching::Reasons;
use crate::shift::Serialiser;

/// From the first minute to the end of the second hour.
const SPAN: Span = Span { from: UtcMs(0), to: UtcMs(120 * 60_000) };

fn shift(number: u128) -> ShiftId {
    ShiftId::from_number(number)
}

fn duty(number: u64, of: u128, duty: Duty, at: UtcMs) -> Fact {
    Fact::DutyChanged { shift: shift(of), number, duty, at }
}

struct Day {
    town: Town,
    duties: Duties,
}

impl Day {
    fn new() -> Self {
        Self { town: Town::new(), duties: Duties::default() }
    }

    fn write(&mut self, at: UtcMs, fact: &Fact) {
        self.duties.note(fact);
        self.town.write("c", at, fact);
    }

    /// Driver `number` of a fleet begins the shift of the same number.
    fn begin(&mut self, number: u128, fleet: &str, at: UtcMs) {
        let start = ShiftStart {
            driver: DriverId::from_number(number),
            vehicle: Vehicle {
                vehicle: VehicleId::from_number(number),
                plate: format!("서울 {number}"),
                seats: 4,
                needs: Needs::default(),
            },
            fleet: fleet.parse().unwrap(),
            serialiser: Serialiser::Device { device: DeviceId::from_number(number) },
            at,
        };
        self.write(at, &Fact::ShiftStarted { shift: shift(number), start });
    }

    /// Booking and bond `number` are asked of a shift `eta_s` away, while others come into question too.
    fn ask(&mut self, number: u128, of: u128, eta_s: u32, others: &[(u128, u32)], at: UtcMs) {
        self.town.accept("c", number, at, request(None, 0.0));
        let others = others.iter().map(|(of, eta_s)| (shift(*of), *eta_s)).collect();
        let why = Reasons { others, ..Reasons::alone("nearest") };
        let assignment = bond(&format!("c{number}"));
        let fact = Fact::Offered { booking: booking(number), assignment, shift: shift(of), eta_s, why, at };
        self.write(at, &fact);
    }

    fn step(&mut self, number: u128, of: u128, what: crate::fact::Step, at: UtcMs) {
        let assignment = bond(&format!("c{number}"));
        self.write(at, &Fact::Stepped { booking: booking(number), assignment, shift: shift(of), what, at });
    }

    fn fairness(&self) -> Fairness {
        fairness(&self.town.board, &self.duties, SPAN)
    }

    fn driver(&self, number: u128) -> Share {
        let of = DriverId::from_number(number);
        self.fairness().drivers.iter().find(|driver| driver.driver == of).expect("has a share").share
    }
}

#[test]
fn time_on_duty_is_idle_on_the_way_or_with_riders_and_breaks_are_none_of_it() {
    let mut day = Day::new();
    day.begin(1, "hanbit", minute(-10));
    day.write(minute(30), &duty(1, 1, Duty::Paused, minute(30)));
    day.write(minute(45), &duty(2, 1, Duty::Available, minute(45)));
    day.ask(1, 1, 300, &[], minute(50));
    day.step(1, 1, crate::fact::Step::Assigned, minute(50));
    day.step(1, 1, BOARDED, minute(55));
    day.step(1, 1, done(), minute(75));
    day.write(minute(90), &duty(3, 1, Duty::Ended, minute(90)));
    let share = day.driver(1);
    assert_eq!(share.available_s, (30 + 45) * 60, "the ten minutes before the span do not count");
    assert_eq!((share.to_pickup_s, share.with_rider_s, share.idle_s), (300, 1_200, 3_000));
    assert_eq!((share.asked, share.taken, share.rides, share.takings), (1, 1, 1, 4_800));
    assert_eq!(share.takings_per_h(), Some(3_840));
    assert_eq!(share.idle_share(), Some(3_000.0 / 4_500.0));
}

#[test]
fn who_was_nearest_and_passed_over_is_counted_for_the_fleet_that_lost() {
    let mut day = Day::new();
    day.begin(1, "hanbit", minute(0));
    day.begin(2, "onnuri", minute(0));
    day.ask(1, 1, 300, &[(2, 200)], minute(1));
    day.ask(2, 1, 300, &[(2, 300)], minute(2));
    day.ask(3, 2, 100, &[(1, 400)], minute(3));
    let fairness = day.fairness();
    let of = |fleet: usize| {
        let share = &fairness.fleets[fleet].share;
        (share.asked, share.nearest, share.passed_over)
    };
    assert_eq!(of(0), (2, 1, 0), "hanbit; as near is not nearer");
    assert_eq!(of(1), (1, 2, 1), "onnuri was nearer once and not asked");
    assert_eq!(fairness.rules, BTreeMap::from([("nearest".to_owned(), 3)]));
}

#[test]
fn who_was_given_another_booking_at_that_moment_was_not_passed_over() {
    let mut day = Day::new();
    day.begin(1, "hanbit", minute(0));
    day.begin(2, "onnuri", minute(0));
    day.ask(1, 1, 300, &[(2, 200)], minute(1));
    day.ask(2, 2, 100, &[(1, 400)], minute(1));
    let onnuri = &day.fairness().fleets[1].share;
    assert_eq!((onnuri.nearest, onnuri.passed_over), (2, 0));
}

#[test]
fn time_that_the_journal_does_not_know_yet_is_nobodys() {
    let mut day = Day::new();
    day.begin(1, "hanbit", minute(0));
    day.begin(2, "hanbit", minute(30));
    let share = day.driver(1);
    assert_eq!((share.available_s, share.idle_s), (30 * 60, 30 * 60), "not until the end of the span");
    assert_eq!(day.fairness().to, minute(30).plus_ms(1));
}

#[test]
fn answers_are_told_apart_and_what_lies_outside_the_span_is_of_another_day() {
    let mut day = Day::new();
    day.begin(1, "hanbit", minute(0));
    day.begin(2, "hanbit", minute(121));
    for (number, at, release) in [
        (1, 1, Release::Declined),
        (2, 2, Release::Lapsed),
        (3, 3, Release::Withdrawn),
        (4, 130, Release::Declined),
    ] {
        day.ask(number, 1, 60, &[], minute(at));
        day.step(number, 1, released(release), minute(at + 1));
    }
    let share = day.driver(1);
    assert_eq!((share.asked, share.taken, share.declined, share.unanswered), (3, 0, 1, 1));
    let fairness = day.fairness();
    assert_eq!(fairness.fleets[0].drivers, 1, "who began after the span had no part of it");
    assert_eq!(fairness.gini_takings, None, "nobody earned anything");
}

#[test]
fn takings_that_are_alike_have_no_spread_and_one_who_earns_all_has_most() {
    assert_eq!(gini(vec![5, 5, 5, 5]), Some(0.0));
    assert_eq!(gini(vec![0, 0, 0, 8]), Some(0.75));
    assert_eq!(gini(vec![1, 3]), Some(0.25));
    assert_eq!((gini(vec![]), gini(vec![0, 0])), (None, None));
}
