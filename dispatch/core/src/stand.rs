//! Stands: who joins and leaves a queue, read off the positions of taxis that wait.
//!
//! ```text
//!             3 fixes within JOIN_M, standing still
//!   in no queue ──────────────────────────────────▶ in the queue ⟲ a break, silence, one bad fix
//!               ◀──────────────────────────────────
//!             3 fixes beyond LEAVE_M, or the driver's word
//! ```
//!
//! The order of a queue is the order of joining and stands in the journal ([`DistrictBoard::queue`]), so it survives
//! an outage. A single wrong fix changes nothing: a peer's drivers fell from place 17 to 35 by one.

use std::collections::BTreeMap;

use crate::board::{DistrictBoard, Stand};
use crate::ids::{ShiftId, StandId};
use crate::position::Position;
use crate::shift::{Duty, ShiftRecord};

/// A taxi within this distance of a stand may join its queue.
pub const JOIN_M: f64 = 60.0;
/// A taxi beyond this distance of its stand may be leaving it: long queues reach round the corner.
pub const LEAVE_M: f64 = 150.0;
/// Fixes in a row that must agree.
pub const FIXES: u8 = 3;
/// Fixes further than this from the first of them are of a taxi that drives past, not of one that waits.
pub const STILL_M: f64 = 25.0;

/// What the positions say about a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StandChange {
    /// The taxi waits at a stand: it joins at the end of the queue.
    Join(StandId),
    /// The taxi has driven away from its stand.
    Leave,
}

/// Watches one shift's positions. Kept in memory only: after a restart three new fixes are needed, the place is not lost.
#[derive(Debug, Clone, Default)]
pub struct StandWatch {
    /// Where the shift waits as far as this watch knows.
    waited_at: Option<StandId>,
    /// The stand that the driver left by hand: it is not joined again before the taxi has driven away.
    left_by_hand: Option<StandId>,
    /// What the last fixes agree on, and how many they are.
    trend: Option<(Trend, u8)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Trend {
    /// It stands still near this stand, first seen here.
    Waits(StandId, Position),
    /// It is away from this stand.
    Away(StandId),
}

impl StandWatch {
    /// Takes in one position of `shift` and says what changes. The change is to be on the board before the next
    /// position: whatever `shift` says else was done by hand.
    ///
    /// A driver on a break keeps the place wherever the taxi goes; the fixes after the break decide.
    /// Not to be asked while the shift is bound: a taxi with a rider, held up beside a stand, does not wait there.
    /// Begin with a new watch after the bond.
    pub fn observe(
        &mut self,
        shift: &ShiftRecord,
        position: Position,
        stands: &BTreeMap<StandId, Stand>,
    ) -> Option<StandChange> {
        let waits_at = shift.waits_at().map(|(stand, _)| stand);
        self.notice_hand(waits_at);
        if shift.duty() != Some(Duty::Available) {
            self.trend = None;
            return None;
        }
        let watched = waits_at.or(self.left_by_hand.as_ref()).cloned();
        let next = match watched {
            // A stand that is no longer listed has no queue to wait in.
            Some(stand) => stands
                .get(&stand)
                .is_none_or(|listed| listed.position.distance_m(position) > LEAVE_M)
                .then_some(Trend::Away(stand)),
            None => self.waits(position, stands),
        };
        let count = match (&self.trend, &next) {
            (Some((trend, count)), Some(next)) if trend == next => count + 1,
            (_, _) => 1,
        };
        self.trend = next.map(|trend| (trend, count));
        if count < FIXES { None } else { self.settle(waits_at.is_some()) }
    }

    /// Notes that the driver left a queue or changed it by hand since the last fix.
    fn notice_hand(&mut self, waits_at: Option<&StandId>) {
        if self.waited_at.as_ref() != waits_at {
            let before = std::mem::replace(&mut self.waited_at, waits_at.cloned());
            self.left_by_hand = before.filter(|_| waits_at.is_none());
            self.trend = None;
        }
    }

    /// The nearest stand in reach, if the fixes so far stay in one place.
    fn waits(&self, position: Position, stands: &BTreeMap<StandId, Stand>) -> Option<Trend> {
        let (_, nearest) = stands
            .iter()
            .map(|(id, stand)| (stand.position.distance_m(position), id))
            .filter(|(distance_m, _)| *distance_m <= JOIN_M)
            .min_by(|a, b| a.0.total_cmp(&b.0))?;
        let first = match &self.trend {
            Some((Trend::Waits(stand, first), _))
                if stand == nearest && first.distance_m(position) <= STILL_M =>
            {
                *first
            }
            _ => position,
        };
        Some(Trend::Waits(nearest.clone(), first))
    }

    /// The trend has held long enough.
    fn settle(&mut self, in_queue: bool) -> Option<StandChange> {
        match self.trend.take()?.0 {
            Trend::Waits(stand, _) => {
                self.waited_at = Some(stand.clone());
                Some(StandChange::Join(stand))
            }
            Trend::Away(_) if in_queue => {
                self.waited_at = None;
                Some(StandChange::Leave)
            }
            Trend::Away(_) => {
                self.left_by_hand = None;
                None
            }
        }
    }
}

/// A shift's place in a queue, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The stand.
    pub stand: StandId,
    /// The place; drivers on a break keep theirs and are counted.
    pub place: usize,
    /// How many wait.
    pub of: usize,
}

/// The place of `shift`, if it waits at a stand.
#[must_use]
pub fn place(district: &DistrictBoard, shift: ShiftId) -> Option<Place> {
    let (stand, _) = district.shifts.get(&shift)?.waits_at()?;
    let queue = district.queue(stand);
    let ahead = queue.iter().position(|waiting| *waiting == shift)?;
    Some(Place { stand: stand.clone(), place: ahead + 1, of: queue.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::Needs;
    use crate::fact::{ShiftStart, Vehicle};
    use crate::hlc::Hlc;
    use crate::ids::{DeviceId, DriverId, VehicleId};
    use crate::shift::Serialiser;
    use crate::units::UtcMs;

    fn stand_id(name: &str) -> StandId {
        name.parse().unwrap()
    }

    /// Stand `a` at 0 m and `b` 1,000 m to the north of it.
    fn stands() -> BTreeMap<StandId, Stand> {
        [("a", 0.0), ("b", 1_000.0)]
            .map(|(name, north_m)| {
                let (name_ko, name_en) = ("승차장".to_owned(), "Stand".to_owned());
                (stand_id(name), Stand { hlc: Hlc::default(), name_ko, name_en, position: at(north_m) })
            })
            .into()
    }

    fn at(north_m: f64) -> Position {
        Position::new(37.5 + north_m / 111_195.0, 127.0).unwrap()
    }

    fn shift() -> ShiftRecord {
        let mut shift = ShiftRecord::unknown(ShiftId::from_number(1));
        shift.start = Some(ShiftStart {
            driver: DriverId::from_number(1),
            vehicle: Vehicle {
                vehicle: VehicleId::from_number(1),
                plate: "서울 31바 1234".into(),
                seats: 4,
                needs: Needs::default(),
            },
            fleet: "f".parse().unwrap(),
            serialiser: Serialiser::Device { device: DeviceId::from_number(1) },
            at: UtcMs(0),
        });
        shift
    }

    /// A shift whose journal says what the watch said.
    struct Taxi {
        shift: ShiftRecord,
        watch: StandWatch,
        stands: BTreeMap<StandId, Stand>,
        fixes: i64,
    }

    impl Taxi {
        fn new() -> Self {
            Self { shift: shift(), watch: StandWatch::default(), stands: stands(), fixes: 0 }
        }

        fn set(&mut self, stand: Option<&str>) {
            let hlc = Hlc { wall_ms: self.fixes, logical: 1 };
            self.shift.stand = Some((hlc, stand.map(stand_id), UtcMs(self.fixes)));
        }

        fn duty(&mut self, duty: Duty) {
            self.fixes += 1;
            self.shift.duty = Some((u64::try_from(self.fixes).unwrap(), duty, UtcMs(self.fixes)));
        }

        /// Drives through fixes given in metres north of stand `a`; returns what changed at which of them.
        fn drive(&mut self, fixes_m: &[f64]) -> Vec<(usize, String)> {
            let mut changes = Vec::new();
            for (i, north_m) in fixes_m.iter().enumerate() {
                self.fixes += 1;
                match self.watch.observe(&self.shift, at(*north_m), &self.stands) {
                    Some(StandChange::Join(stand)) => {
                        self.set(Some(stand.as_str()));
                        changes.push((i, stand.to_string()));
                    }
                    Some(StandChange::Leave) => {
                        self.set(None);
                        changes.push((i, "-".to_owned()));
                    }
                    None => (),
                }
            }
            changes
        }
    }

    fn waiting_at_a() -> Taxi {
        let mut taxi = Taxi::new();
        taxi.drive(&[0.0, 0.0, 0.0]);
        assert!(taxi.shift.waits_at().is_some());
        taxi
    }

    #[test]
    fn who_does_not_join() {
        for (fixes_m, why) in [
            (&[0.0, 0.0][..], "two fixes are too few"),
            (&[0.0, 0.0, 300.0, 0.0, 0.0], "a fix elsewhere begins the count again"),
            (&[61.0, 61.0, 61.0, 61.0], "too far"),
            (&[-55.0, -20.0, 15.0, 50.0], "it drives past"),
            (&[0.0, 1_000.0, 0.0, 1_000.0, 0.0], "no two fixes agree"),
        ] {
            assert_eq!(Taxi::new().drive(fixes_m), [], "{why}");
        }
    }

    #[test]
    fn three_fixes_join_once() {
        assert_eq!(Taxi::new().drive(&[400.0, 50.0, 40.0, 55.0, 0.0, 0.0, 0.0]), [(3, "a".to_owned())]);
        // It rolls in and stops: the count begins where it stands.
        assert_eq!(Taxi::new().drive(&[-55.0, -20.0, 10.0, 12.0, 12.0]), [(4, "a".to_owned())]);
    }

    #[test]
    fn bad_fixes_do_not_cost_the_place() {
        for (fixes_m, why) in [
            (&[9_000.0][..], "one"),
            (&[9_000.0, 9_000.0, 0.0, 9_000.0, 9_000.0, 149.0, 9_000.0], "any number, never three in a row"),
            (&[100.0, 120.0, 140.0, 149.0], "the tail of a long queue"),
        ] {
            let mut taxi = waiting_at_a();
            let since = taxi.shift.stand.clone();
            assert_eq!(taxi.drive(fixes_m), [], "{why}");
            assert_eq!(taxi.drive(&[0.0; 9]), [], "{why}: it does not join again");
            assert_eq!(taxi.shift.stand, since, "{why}");
        }
    }

    #[test]
    fn three_fixes_away_leave_and_the_next_stand_takes_it() {
        let mut taxi = waiting_at_a();
        assert_eq!(
            taxi.drive(&[151.0, 500.0, 900.0, 1_000.0, 1_000.0, 1_000.0]),
            [(2, "-".to_owned()), (5, "b".to_owned())]
        );
        // Back at the first stand it joins again, at the end.
        assert_eq!(taxi.drive(&[0.0; 6]), [(2, "-".to_owned()), (5, "a".to_owned())]);
    }

    #[test]
    fn a_break_keeps_the_place_and_the_fixes_after_it_decide() {
        let mut taxi = waiting_at_a();
        taxi.duty(Duty::Paused);
        assert_eq!(taxi.drive(&[700.0; 9]), []);
        taxi.duty(Duty::Available);
        assert_eq!(taxi.drive(&[700.0, 700.0, 0.0, 0.0]), []);
        taxi.duty(Duty::Paused);
        taxi.drive(&[700.0; 9]);
        taxi.duty(Duty::Available);
        assert_eq!(taxi.drive(&[700.0; 3]), [(2, "-".to_owned())]);
        taxi.duty(Duty::Ended);
        assert_eq!(taxi.drive(&[0.0; 9]), []);
    }

    #[test]
    fn who_leaves_by_hand_is_not_put_back_before_driving_away() {
        let mut taxi = waiting_at_a();
        taxi.set(None);
        assert_eq!(taxi.drive(&[0.0; 9]), []);
        assert_eq!(taxi.drive(&[500.0, 500.0, 0.0, 0.0, 0.0, 0.0]), [], "two fixes away are too few");
        assert_eq!(taxi.drive(&[500.0, 500.0, 500.0, 0.0, 0.0, 0.0]), [(5, "a".to_owned())]);
    }

    #[test]
    fn a_hand_that_joins_is_checked_by_the_fixes() {
        let mut taxi = Taxi::new();
        taxi.drive(&[0.0, 0.0]);
        taxi.set(Some("b"));
        assert_eq!(taxi.drive(&[0.0, 0.0]), []);
        assert_eq!(taxi.drive(&[0.0]), [(0, "-".to_owned())]);
        taxi.set(Some("b"));
        assert_eq!(taxi.drive(&[1_000.0; 9]), []);
    }

    #[test]
    fn a_restarted_watch_keeps_the_place() {
        let mut taxi = waiting_at_a();
        taxi.watch = StandWatch::default();
        assert_eq!(taxi.drive(&[9_000.0, 9_000.0, 0.0, 0.0, 0.0]), []);
        // A stand taken off the list has no queue.
        taxi.stands.remove(&stand_id("a"));
        assert_eq!(taxi.drive(&[0.0; 3]), [(2, "-".to_owned())]);
    }

    #[test]
    fn places_count_from_one_and_bad_fixes_change_none() {
        let mut district = DistrictBoard::default();
        district.stands = stands();
        for number in 1..=35_u32 {
            let mut waiting = shift();
            waiting.id = ShiftId::from_number(number.into());
            waiting.stand = Some((Hlc::default(), Some(stand_id("a")), UtcMs(number.into())));
            district.shifts.insert(waiting.id, waiting);
        }
        district.rebuild_index();
        let seventeenth = ShiftId::from_number(17);
        let expected = Place { stand: stand_id("a"), place: 17, of: 35 };
        assert_eq!(place(&district, seventeenth), Some(expected.clone()));
        let change =
            StandWatch::default().observe(&district.shifts[&seventeenth], at(9_000.0), &district.stands);
        assert_eq!(change, None);
        assert_eq!(place(&district, seventeenth), Some(expected));
        district.shifts.get_mut(&seventeenth).unwrap().stand = None;
        district.rebuild_index();
        assert_eq!(place(&district, seventeenth), None);
        assert_eq!(place(&district, ShiftId::from_number(18)).unwrap().place, 17);
        assert_eq!(place(&district, ShiftId::from_number(99)), None);
    }
}
