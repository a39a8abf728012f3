//! The board: what all journals together say. Built by applying entries, in any order that keeps each
//! series' own order; every such order gives the same state hash.

use crate::planted;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::authority::Epoch;
use crate::booking::BookingRecord;
use crate::command::HomeAnswer;
use crate::fact::{Driver, Fact, PhoneKey, Rest, SetAside, TakeCause, UnreadableFact};
use crate::hlc::Hlc;
use crate::ids::{AssignmentId, BookingId, CommandId, DistrictId, DriverId, NodeId, ShiftId, StandId};
use crate::journal::{ChainBreak, Entry, Hash, Head, Heads, PAYLOAD_MAX, Series};
use crate::position::Position;
use crate::shift::ShiftRecord;
use crate::units::UtcMs;

mod index;
mod join;
mod saved;
#[cfg(test)]
pub(crate) mod town;

use index::Index;

/// Everything that journals say, by district.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "saved::Saved", into = "saved::Saved")]
pub struct Board {
    heads: Heads,
    districts: BTreeMap<DistrictId, DistrictBoard>,
    unknown_kinds: u64,
    /// The greatest stamp of each node: where its clock goes on after a restart.
    stamps: BTreeMap<NodeId, Hlc>,
}

/// One district's bookings, shifts, roster and authority.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DistrictBoard {
    /// Bookings by id.
    pub bookings: BTreeMap<BookingId, BookingRecord>,
    /// Shifts by id.
    pub shifts: BTreeMap<ShiftId, ShiftRecord>,
    /// Drivers by id, with the stamp of the change that stands.
    pub drivers: BTreeMap<DriverId, (Hlc, Driver)>,
    /// Stands by code.
    pub stands: BTreeMap<StandId, Stand>,
    /// Feature-phone drivers' last texts that were acted upon, oldest first, at most [`TEXTS_MAX`] of each driver.
    pub texts: BTreeMap<DriverId, Vec<TextAnswer>>,
    /// Who was granted, took and gave back the district.
    pub authority: Authority,
    /// What staff has decided about entries that do not go in.
    pub set_aside: BTreeSet<SetAside>,
    /// Until when drivers may begin shifts at the edge although its bans are old, with the stamp of the decision.
    pub bans_waived: Option<(Hlc, UtcMs)>,
    #[serde(skip)]
    index: Index,
}

/// Texts of one driver that are remembered with their answers, so that a repeated one acts once.
pub const TEXTS_MAX: usize = 32;

/// A feature-phone driver's text that was acted upon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextAnswer {
    /// Stamp of the entry.
    pub hlc: Hlc,
    /// Names the text.
    pub command: CommandId,
    /// What the driver was told.
    pub answer: HomeAnswer,
}

/// A stand as listed; of two listings the greater stands, which is the later one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stand {
    /// Stamp of the change that stands.
    pub hlc: Hlc,
    /// Its name, in Korean.
    pub name_ko: String,
    /// Its name, in English.
    pub name_en: String,
    /// Where it is.
    pub position: Position,
}

/// Who was granted, took and gave back a district; the greatest epoch of each stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Authority {
    /// Central's last grant.
    pub granted: Epoch,
    /// The edge's last takeover, with its cause.
    pub taken: Option<(Epoch, TakeCause)>,
    /// The edge's last return, named by the grant it returned to.
    pub returned: Epoch,
}

impl Authority {
    /// The greatest epoch of all.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.granted.max(self.taken.map_or(Epoch::default(), |(epoch, _)| epoch)).max(self.returned)
    }

    /// True if the edge took the district and has not given it back since.
    #[must_use]
    pub fn edge_holds(&self) -> bool {
        self.taken.is_some_and(|(taken, _)| taken > self.returned)
    }
}

/// What an entry touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// A booking.
    Booking(BookingId),
    /// A shift.
    Shift(ShiftId),
    /// Who dispatches.
    Authority,
    /// A driver's listing.
    Roster,
    /// A stand.
    Stand(StandId),
    /// Nothing that is shown: a series was opened, or the kind belongs to a later release.
    Nothing,
}

/// Why an entry was not applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApplyError {
    /// It does not continue its series.
    #[error(transparent)]
    Chain(#[from] ChainBreak),
    /// Its kind is known and its content is not.
    #[error(transparent)]
    Unreadable(#[from] UnreadableFact),
    /// Its kind belongs into another lane.
    #[error("entry {seq} of {series} is a {kind}, which has no place in that lane")]
    WrongLane {
        /// The series.
        series: Series,
        /// Its number.
        seq: u64,
        /// Its kind.
        kind: String,
    },
    /// Its payload is larger than any that we write.
    #[error("entry {seq} of {series} is larger than {PAYLOAD_MAX} bytes")]
    TooLarge {
        /// The series.
        series: Series,
        /// Its number.
        seq: u64,
    },
}

/// The fact of an entry that stands where it may; `None` if its kind is of a later release.
fn readable(entry: &Entry) -> Result<Option<Fact>, ApplyError> {
    let (series, seq) = (entry.series.clone(), entry.seq);
    if entry.payload.len() > PAYLOAD_MAX {
        return Err(ApplyError::TooLarge { series, seq });
    }
    let fact = Fact::read(entry)?;
    if fact.as_ref().is_some_and(|fact| !fact.may_stand_in(entry.series.lane)) {
        return Err(ApplyError::WrongLane { series, seq, kind: entry.kind.clone() });
    }
    Ok(fact)
}

impl Board {
    /// Applies an entry of any origin.
    ///
    /// An entry that is already held changes nothing and touches [`Touched::Nothing`]. An entry that cannot be read and
    /// that staff has set aside is passed over like one of a later release.
    ///
    /// # Errors
    ///
    /// [`ApplyError`] if it does not continue its series or cannot be read; the board is unchanged.
    pub fn apply(&mut self, entry: &Entry) -> Result<Touched, ApplyError> {
        if entry.seq <= self.heads.of(&entry.series).seq {
            return Ok(Touched::Nothing);
        }
        entry.continues(self.heads.of(&entry.series))?;
        let fact = match readable(entry) {
            Err(ApplyError::Unreadable(_) | ApplyError::WrongLane { .. })
                if self.is_set_aside(&entry.series, entry.seq) =>
            {
                None
            }
            read => read?,
        };
        Ok(self.take(entry, fact))
    }

    /// True if staff has set the entry aside.
    #[must_use]
    pub fn is_set_aside(&self, series: &Series, seq: u64) -> bool {
        self.set_aside(series).any(|decision| decision.seq == seq)
    }

    /// The series' next entry, if staff has decided that it is passed over and that what follows goes in.
    #[must_use]
    pub fn next_passed_over(&self, series: &Series) -> Option<u64> {
        let next = self.heads.of(series).seq + 1;
        let mut decisions = self.set_aside(series);
        decisions.any(|decision| decision.seq == next && decision.rest == Rest::GoesIn).then_some(next)
    }

    fn set_aside<'a>(&'a self, series: &'a Series) -> impl Iterator<Item = &'a SetAside> {
        let district = self.districts.get(&series.district);
        let decisions = district.into_iter().flat_map(|district| &district.set_aside);
        decisions.filter(move |decision| decision.series == *series)
    }

    /// True if whoever holds `held` has everything in `wanted` that concerns `district` or the whole platform, but for
    /// series that end for it at an entry which was set aside with all behind it.
    #[must_use]
    pub fn covers(&self, held: &Heads, wanted: &Heads, district: &DistrictId) -> bool {
        held.behind(wanted, district).all(|series| {
            let next = held.of(series).seq.saturating_add(1);
            self.set_aside(series).any(|it| it.seq == next && it.rest == Rest::StaysOut)
        })
    }

    /// Applies an entry of this node's own store.
    ///
    /// What was stored under an older release as of an unknown kind may turn out unreadable to this one. That must
    /// not keep the node down: such an entry is passed over, and counted with those of unknown kinds.
    ///
    /// # Errors
    ///
    /// [`ChainBreak`] if it does not continue its series; the board is unchanged.
    pub fn apply_stored(&mut self, entry: &Entry) -> Result<Touched, ChainBreak> {
        if entry.seq <= self.heads.of(&entry.series).seq {
            return Ok(Touched::Nothing);
        }
        entry.continues(self.heads.of(&entry.series))?;
        Ok(self.take(entry, readable(entry).unwrap_or(None)))
    }

    fn take(&mut self, entry: &Entry, fact: Option<Fact>) -> Touched {
        self.heads.0.insert(entry.series.clone(), entry.as_head());
        let stamp = self.stamps.entry(entry.series.origin.clone()).or_default();
        *stamp = entry.hlc.max(*stamp);
        let Some(fact) = fact else {
            self.unknown_kinds += 1;
            return Touched::Nothing;
        };
        self.districts.entry(entry.series.district.clone()).or_default().join(entry, fact)
    }

    /// The greatest stamp of each node whose entries are held.
    pub fn stamps(&self) -> impl Iterator<Item = (&NodeId, Hlc)> {
        self.stamps.iter().map(|(node, stamp)| (node, *stamp))
    }

    /// The heads of all series held.
    #[must_use]
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// The head of one series.
    #[must_use]
    pub fn head(&self, series: &Series) -> Head {
        self.heads.of(series)
    }

    /// The highest incarnation of `node` in any journal held here; 0 if none.
    #[must_use]
    pub fn last_incarnation(&self, node: &NodeId) -> u32 {
        self.heads
            .0
            .keys()
            .filter(|series| series.origin == *node)
            .map(|series| series.incarnation)
            .max()
            .unwrap_or(0)
    }

    /// Entries that were stored and forwarded but not understood.
    #[must_use]
    pub fn unknown_kinds(&self) -> u64 {
        self.unknown_kinds
    }

    /// One district.
    #[must_use]
    pub fn district(&self, district: &DistrictId) -> Option<&DistrictBoard> {
        self.districts.get(district)
    }

    /// All districts.
    pub fn districts(&self) -> impl Iterator<Item = (&DistrictId, &DistrictBoard)> {
        self.districts.iter()
    }

    /// A booking and its district, wherever it is. The district that has it comes before one that has lent it or given
    /// it back, and any that took it in before one in which there is only talk of it.
    #[must_use]
    pub fn booking(&self, booking: BookingId) -> Option<(&DistrictId, &BookingRecord)> {
        self.booking_in(booking, |_| true)
    }

    /// The same, among some districts.
    pub fn booking_in(
        &self,
        booking: BookingId,
        is_meant: impl Fn(&DistrictId) -> bool,
    ) -> Option<(&DistrictId, &BookingRecord)> {
        let meant = self.districts.iter().filter(|(id, _)| is_meant(id));
        meant
            .filter_map(|(id, district)| district.bookings.get(&booking).map(|record| (id, record)))
            .min_by_key(|(_, record)| (record.accepted.is_none(), !record.is_here(), record.is_borrowed()))
    }

    /// True if a list of the bookings of all districts has the booking in `district`: it is in no other that is known here
    /// to have it.
    #[must_use]
    pub fn is_listed_in(&self, district: &DistrictId, booking: BookingId) -> bool {
        self.booking(booking).is_some_and(|(listed, _)| listed == district)
    }

    /// A shift and its district, wherever it is.
    #[must_use]
    pub fn shift(&self, shift: ShiftId) -> Option<(&DistrictId, &ShiftRecord)> {
        self.districts
            .iter()
            .find_map(|(id, district)| district.shifts.get(&shift).map(|record| (id, record)))
    }

    /// A driver and the driver's district: where listed last, for a driver who changed districts is listed in both.
    #[must_use]
    pub fn driver(&self, driver: DriverId) -> Option<(&DistrictId, &Driver)> {
        self.listings(driver).max_by_key(|(_, (stamp, _))| *stamp).map(|(id, (_, driver))| (id, driver))
    }

    /// Every listing of a driver with its district and stamp.
    pub(crate) fn listings(&self, driver: DriverId) -> impl Iterator<Item = (&DistrictId, &(Hlc, Driver))> {
        self.districts.iter().filter_map(move |(id, district)| Some((id, district.drivers.get(&driver)?)))
    }

    /// The driver whose number has this hash. If the number has changed hands, the last listed of those who are not
    /// barred: barring somebody lists them anew and does not give an old number back.
    #[must_use]
    pub fn driver_by_phone(&self, phone: &PhoneKey) -> Option<(&DistrictId, &Driver)> {
        self.districts
            .iter()
            .flat_map(|(id, district)| {
                let drivers = district.index.drivers_of_phone.get(phone).into_iter().flatten();
                drivers.filter_map(|driver| district.drivers.get(driver)).map(move |listed| (listed, id))
            })
            .max_by_key(|((stamp, driver), _)| (!driver.banned, *stamp))
            .map(|((_, driver), id)| (id, driver))
    }

    /// SHA-256 over everything that all nodes must agree on in `district`.
    ///
    /// # Panics
    ///
    /// Never: records are plain JSON.
    #[must_use]
    pub fn state_hash(&self, district: &DistrictId) -> Hash {
        let mut hasher = Sha256::new();
        if let Some(district) = self.districts.get(district) {
            hasher.update(serde_json::to_vec(district).expect("records are plain JSON"));
        }
        Hash(hasher.finalize().into())
    }
}

impl DistrictBoard {
    /// Bookings that are not closed.
    pub fn open_bookings(&self) -> impl Iterator<Item = &BookingRecord> {
        self.index.open.iter().filter_map(|id| self.bookings.get(id))
    }

    /// Bookings with a loan that is still to be talked about.
    pub fn open_loans(&self) -> impl Iterator<Item = &BookingRecord> {
        self.index.loans.iter().filter_map(|id| self.bookings.get(id))
    }

    /// True if the booking is known and not closed.
    #[must_use]
    pub fn is_open(&self, booking: BookingId) -> bool {
        self.index.open.contains(&booking)
    }

    /// How many bookings are not closed.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.index.open.len()
    }

    /// Shifts that have begun and not ended.
    pub fn on_duty(&self) -> impl Iterator<Item = &ShiftRecord> {
        self.index.on_duty.iter().filter_map(|id| self.shifts.get(id))
    }

    /// Every booking of a phone number, by id.
    pub fn bookings_of_phone(&self, phone: &PhoneKey) -> impl Iterator<Item = &BookingRecord> {
        self.index.bookings_of_phone.get(phone).into_iter().flatten().filter_map(|id| self.bookings.get(id))
    }

    /// Bookings with a live bond or open question for `shift`, with the bond.
    pub fn bonds_of(&self, shift: ShiftId) -> impl Iterator<Item = (&BookingRecord, &AssignmentId)> {
        self.index
            .bonds
            .get(&shift)
            .into_iter()
            .flatten()
            .filter_map(|(booking, assignment)| self.bookings.get(booking).map(|record| (record, assignment)))
    }

    /// The last trip of `shift` that an operator closed and of which the driver has not told the end.
    #[must_use]
    pub fn closed_trip_of(&self, shift: ShiftId) -> Option<(&BookingRecord, &AssignmentId)> {
        let trips = self.index.closed.get(&shift).into_iter().flatten();
        let trips = trips.filter_map(|(booking, id)| self.bookings.get(booking).map(|record| (record, id)));
        trips.max_by_key(|(record, id)| record.assignments[*id].boarded.map(|(at, _)| at))
    }

    /// Shifts of which an operator closed a trip and the driver has not told the end.
    pub fn with_closed_trip(&self) -> impl Iterator<Item = &ShiftRecord> {
        self.index.closed.keys().filter_map(|id| self.shifts.get(id))
    }

    /// How many bonds `shift` speaks of for which nobody is known to have asked it.
    #[must_use]
    pub fn claims_of(&self, shift: ShiftId) -> usize {
        self.index.claims.get(&shift).map_or(0, BTreeSet::len)
    }

    /// Shifts of `driver` that are on duty: one, unless the driver began others on both sides of a cut.
    pub fn shifts_of(&self, driver: DriverId) -> impl Iterator<Item = &ShiftRecord> {
        self.index.shifts_of_driver.get(&driver).into_iter().flatten().filter_map(|id| self.shifts.get(id))
    }

    /// The shift of `driver` that stands, if any is on duty: of several the latest started.
    #[must_use]
    pub fn shift_of(&self, driver: DriverId) -> Option<&ShiftRecord> {
        self.shifts_of(driver).max_by_key(|shift| (shift.start.as_ref().map(|start| start.at), shift.id))
    }

    /// True if a question may go to `shift`: it is the one of its driver that stands, and neither it nor another
    /// one of that driver has a bond or a question.
    #[must_use]
    pub fn may_be_asked(&self, shift: &ShiftRecord) -> bool {
        let Some(driver) = shift.start.as_ref().map(|start| start.driver) else { return false };
        let holds_nothing = |shift: &ShiftRecord| self.bonds_of(shift.id).next().is_none();
        self.shift_of(driver).is_some_and(|stands| stands.id == shift.id)
            && planted!(
                "asked-on-another-phone",
                self.shifts_of(driver).all(holds_nothing),
                holds_nothing(shift)
            )
    }

    /// True if the driver of `shift` takes bookings and has neither a trip nor a question.
    #[must_use]
    pub fn is_free(&self, shift: &ShiftRecord) -> bool {
        shift.is_available() && self.bonds_of(shift.id).next().is_none()
    }

    /// Shifts on duty whose driver has another one that stands, with that one.
    pub fn beside_another(&self) -> impl Iterator<Item = (ShiftId, &ShiftRecord)> {
        let several = self.index.shifts_of_driver.iter().filter(|(_, shifts)| shifts.len() > 1);
        let standing = several.filter_map(|(driver, shifts)| Some((shifts, self.shift_of(*driver)?)));
        standing.flat_map(|(shifts, stands)| {
            let others = shifts.iter().copied().filter(|shift| *shift != stands.id);
            others.map(move |shift| (shift, stands))
        })
    }

    /// Shifts that give way: their driver has another one that stands, and they hold nothing any more.
    #[must_use]
    pub fn given_way(&self) -> Vec<ShiftId> {
        let beside = self.beside_another().map(|(shift, _)| shift);
        beside.filter(|shift| self.bonds_of(*shift).next().is_none()).collect()
    }

    /// Shifts waiting at `stand`, first in the queue first.
    #[must_use]
    pub fn queue(&self, stand: &StandId) -> Vec<ShiftId> {
        self.index.queue(stand).collect()
    }

    /// Shifts that were ended while they held a bond or a question.
    pub fn ended_with_bonds(&self) -> impl Iterator<Item = &ShiftRecord> {
        self.index.ended_with_bonds.iter().filter_map(|id| self.shifts.get(id))
    }
}
