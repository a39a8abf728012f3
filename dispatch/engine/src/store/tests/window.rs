//! A window of the journal tells the same of the work in it as the whole journal.

use ondol_core::board::Board;
use ondol_core::booking::{Needs, Payment};
use ondol_core::fact::{Fact, Fare, PinCheck, Release, ShiftStart, Step, Vehicle, district_wide};
use ondol_core::fairness::{Duties, Fairness, Span, fairness};
use ondol_core::hlc::Hlc;
use ondol_core::ids::{AssignmentId, BookingId, DeviceId, DistrictId, DriverId, ShiftId, VehicleId};
use ondol_core::journal::{ChainBreak, Entry, Hash, Heads, Lane};
use ondol_core::matching::Reasons;
use ondol_core::shift::{Duty, Serialiser};
use ondol_core::units::{Money, UtcMs};

use super::super::{StoreError, WINDOW_ENTRIES_MAX, WindowError};
use super::fixture::{Db, NOW, batch, series};
use super::{fixture, on_both};

on_both!(
    a_window_says_what_the_whole_journal_says,
    a_window_that_holds_too_much_is_made_shorter_and_says_so,
    an_entry_that_was_altered_is_not_reckoned_with,
);

const DISTRICT: &str = "hanbuk";

/// So many minutes after the last moment of every window.
fn minute(minutes: i64) -> UtcMs {
    UtcMs(NOW.0 + minutes * 60_000)
}

fn shift(number: u128) -> ShiftId {
    ShiftId::from_number(number)
}

/// What central and an edge write, in any order, each with the moment at which it is written.
#[derive(Default)]
struct Days {
    facts: Vec<(UtcMs, &'static str, Fact)>,
    bonds: u64,
}

impl Days {
    fn write(&mut self, node: &'static str, at: UtcMs, fact: Fact) {
        self.facts.push((at, node, fact));
    }

    fn begin(&mut self, number: u128, fleet: &str, at: UtcMs) {
        let vehicle = VehicleId::from_number(number);
        let start = ShiftStart {
            driver: DriverId::from_number(number),
            vehicle: Vehicle {
                vehicle, plate: format!("서울 {number}"), seats: 4, needs: Needs::default()
            },
            fleet: fleet.parse().unwrap(),
            serialiser: Serialiser::Device { device: DeviceId::from_number(number) },
            at,
        };
        self.write("central", at, Fact::ShiftStarted { shift: shift(number), start });
    }

    fn duty(&mut self, of: u128, number: u64, duty: Duty, at: UtcMs) {
        self.write("central", at, Fact::DutyChanged { shift: shift(of), number, duty, at });
    }

    /// Asks a shift while another comes into question too; the driver declines, or carries the rider for ten minutes and tells
    /// it so many minutes late.
    fn ask(&mut self, of: u128, other: u128, at: UtcMs, serves: Option<u64>) {
        self.bonds += 1;
        let (booking, shift, origin) = (BookingId::from_number(self.bonds.into()), shift(of), "central");
        let assignment =
            AssignmentId { origin: origin.parse().unwrap(), incarnation: 1, counter: self.bonds };
        let why = Reasons { others: vec![(self::shift(other), 50)], ..Reasons::alone("least_wait") };
        let asked = assignment.clone();
        self.write(origin, at, Fact::Offered { booking, assignment: asked, shift, eta_s: 60, why, at });
        let (amount, payment) = (Money(6_000), Payment::Cash);
        let fare = Fare { revision: 0, amount, distance_m: 3_000, duration_s: 600, payment };
        let steps = match serves {
            None => vec![(0, Step::Released { reason: Release::Declined })],
            Some(_) => vec![
                (0, Step::Assigned),
                (1, Step::Boarded { pin: PinCheck::Verified }),
                (11, Step::Done { fare }),
            ],
        };
        for (after_min, what) in steps {
            let at = at.plus_ms(after_min * 60_000);
            let assignment = assignment.clone();
            // An edge hears of it: its journal is another series.
            let written_at = at.plus_ms(serves.unwrap_or(0) * 60_000);
            self.write("edge-a", written_at, Fact::Stepped { booking, assignment, shift, what, at });
        }
    }

    /// Four days: shifts of all lengths, a question every forty minutes, and phones that tell some trips three hours late.
    fn made() -> Self {
        let mut days = Self::default();
        days.begin(1, "hanbit", minute(-96 * 60));
        days.begin(2, "onnuri", minute(-95 * 60));
        days.duty(1, 1, Duty::Paused, minute(-94 * 60));
        // Breaks that began and ended long before a window, in shifts that go on.
        days.duty(2, 1, Duty::Paused, minute(-93 * 60));
        days.duty(2, 2, Duty::Available, minute(-90 * 60));
        days.duty(1, 2, Duty::Available, minute(-70 * 60));
        days.begin(4, "onnuri", minute(-60 * 60));
        days.duty(4, 1, Duty::Ended, minute(-50 * 60));
        for n in 0..100 {
            let serves = [Some(0), None, Some(180)];
            days.ask(1, 3, minute(-70 * 60 + n * 40), serves[usize::try_from(n % 3).unwrap()]);
        }
        days.begin(3, "hanbit", minute(-100));
        days.ask(3, 1, minute(-90), Some(0));
        days.write("central", minute(30), Fact::Opened { predecessor: None });
        days
    }

    /// The entries of both nodes: stamps rise.
    fn entries(mut self) -> Vec<Entry> {
        self.facts.sort_by_key(|(at, _, _)| *at);
        let mut heads = Heads::default();
        let entry = |(at, node, fact): (UtcMs, &str, Fact)| {
            let series = series(node, 1, DISTRICT, Lane::Bookings);
            let head = heads.of(&series);
            let mut entry = Entry {
                series,
                seq: head.seq + 1,
                zone: district_wide(),
                hlc: Hlc { wall_ms: at.0, logical: 0 },
                kind: fact.kind().to_owned(),
                schema_version: 1,
                key: fact.key(),
                payload: fact.write(),
                prev_hash: head.hash,
                hash: Hash::default(),
            };
            entry.hash = entry.compute_hash();
            heads.0.insert(entry.series.clone(), entry.as_head());
            entry
        };
        self.facts.into_iter().map(entry).collect()
    }
}

/// What a whole journal says of the work in `span`.
fn reckoned(entries: &[Entry], span: Span) -> Fairness {
    let (mut board, mut duties) = (Board::default(), Duties::default());
    for entry in entries {
        duties.note(&Fact::read(entry).unwrap().unwrap());
        board.apply(entry).unwrap();
    }
    fairness(&board, &duties, span)
}

fn districts() -> Vec<DistrictId> {
    vec![DISTRICT.parse().unwrap()]
}

/// Every shift: those that had ended are looked up in vain.
fn shifts() -> Vec<(DistrictId, ShiftId)> {
    (1..=4).map(|number| (DISTRICT.parse().unwrap(), shift(number))).collect()
}

async fn a_window_says_what_the_whole_journal_says(db: Db) {
    let entries = Days::made().entries();
    db.store.commit(&batch(&entries), NOW).await.unwrap();
    let mut rides = 0;
    for from_h in (1..=72).step_by(5) {
        let span = Span { from: minute(-from_h * 60), to: NOW };
        let window = db.store.window(&districts(), span, shifts(), WINDOW_ENTRIES_MAX).await.unwrap();
        let seen = fairness(&window.board, &window.duties, window.span);
        assert_eq!(seen, reckoned(&entries, span), "the last {from_h} hours");
        assert_eq!((window.span, window.entries_left_out, window.shifts_left_out), (span, 0, 0));
        rides = seen.fleets.iter().map(|fleet| fleet.share.rides).sum();
    }
    assert!(rides > 50, "the longest window has {rides} rides");
    let (elsewhere, span) = (["elsewhere".parse().unwrap()], Span { from: minute(-60), to: NOW });
    let nobodys = db.store.window(&elsewhere, span, Vec::new(), WINDOW_ENTRIES_MAX).await.unwrap();
    assert_eq!(nobodys.board.districts().count(), 0, "another district's work");
}

async fn a_window_that_holds_too_much_is_made_shorter_and_says_so(db: Db) {
    let entries = Days::made().entries();
    db.store.commit(&batch(&entries), NOW).await.unwrap();
    let asked = Span { from: minute(-64 * 60), to: NOW };
    let part = db.store.window(&districts(), asked, shifts(), 120).await.unwrap();
    assert_eq!(part.span, Span { from: minute(-16 * 60), to: NOW }, "half of a half");
    assert!((100..300).contains(&part.entries_left_out), "{}", part.entries_left_out);
    assert_eq!(fairness(&part.board, &part.duties, part.span), reckoned(&entries, part.span));
    let full = db.store.window(&districts(), asked, shifts(), 5).await;
    assert!(matches!(full, Err(WindowError::TooFull(5))), "{full:?}");
}

async fn an_entry_that_was_altered_is_not_reckoned_with(db: Db) {
    db.store.commit(&batch(&Days::made().entries()), NOW).await.unwrap();
    let span = Span { from: minute(-120), to: NOW };
    db.store.window(&districts(), span, shifts(), WINDOW_ENTRIES_MAX).await.unwrap();
    db.tamper("UPDATE journal SET payload = REPLACE(payload, '\"amount\":6000', '\"amount\":9000')").await;
    let seen = db.store.window(&districts(), span, shifts(), WINDOW_ENTRIES_MAX).await;
    let altered = matches!(seen, Err(WindowError::Store(StoreError::Damaged(ChainBreak::Altered { .. }))));
    assert!(altered, "{seen:?}");
}
