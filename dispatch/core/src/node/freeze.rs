//! What central does not plan while it does not hear the edge, because the edge may plan it.
//!
//! | booking | planned by central | else |
//! |---|---|---|
//! | came to central after its lease ran out | yes | no edge adopts it |
//! | central's, sent to the edge before | while most drivers have answered central all along | its rider is asked |
//! | the edge's, handed over for one driver | likewise, after `hand_back_ms` | its rider is asked |
//! | the edge's | no | its rider is asked |
//!
//! A rider who still wants a taxi, or an operator, brings a booking back to central at once.

use crate::planted;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::aged::waits;
use super::lease::{Side, with_app};
use super::owner::Heir;
use super::{Change, Node};
use crate::authority::{CentralMode, EdgeMode};
use crate::board::DistrictBoard;
use crate::booking::{BookingRecord, Status};
use crate::command::{Answer, Refusal};
use crate::ids::{BookingId, DistrictId, ShiftId};
use crate::units::{Now, Ticks};

/// Most rolls that are remembered. In a long cut each start and end of a shift makes another: those between the oldest,
/// which the edge counts if it has heard nothing since, and the newest ones are then kept as one.
const ROLLS_MAX: usize = 32;

/// The drivers whom the edge counts if a renewal that was sent then is the last that it has got.
pub(super) struct Roll {
    /// When it was sent last.
    sent_at: Ticks,
    /// Drivers with the app who were on duty; of several rolls kept as one, those on each.
    on_each: BTreeSet<ShiftId>,
    /// How many were on duty; of several rolls kept as one, on the longest.
    length: usize,
}

impl Roll {
    fn new(roll: BTreeSet<ShiftId>, sent_at: Ticks) -> Self {
        Self { sent_at, length: roll.len(), on_each: roll }
    }

    fn is(&self, roll: &BTreeSet<ShiftId>) -> bool {
        self.on_each == *roll && self.length == roll.len()
    }

    fn join(&mut self, later: Self) {
        self.sent_at = self.sent_at.max(later.sent_at);
        self.on_each.retain(|shift| later.on_each.contains(shift));
        self.length = self.length.max(later.length);
    }

    /// True if most of the drivers answer, whichever of the rolls that are kept as one it is.
    pub(super) fn most(&self, answers: impl Fn(ShiftId) -> bool) -> bool {
        self.on_each.iter().filter(|shift| answers(**shift)).count() * 2 > self.length
    }
}

/// What central does not plan in a district.
pub(super) struct Freezer {
    /// Drivers with the app who were on duty at the last renewal that was answered, and at those sent since: the edge
    /// counts those of one of them.
    pub(super) rolls: VecDeque<Roll>,
    /// When most of them last did not answer central while it held the lease.
    pub(super) lacking_at: Ticks,
    /// When that was looked at last.
    pub(super) looked_at: Ticks,
    /// Most did not answer at some moment since: from then on the edge may have adopted.
    pub(super) lost: bool,
    /// Bookings that came to central apart, or came back to it: no edge adopts them.
    apart: BTreeSet<BookingId>,
    frozen: BTreeMap<BookingId, Frozen>,
}

/// A booking that is not planned here.
#[derive(Debug, Clone, Copy)]
struct Frozen {
    /// Since when its rider waits for nothing.
    since: Ticks,
    /// When the rider was asked.
    asked_at: Option<Ticks>,
}

impl Freezer {
    /// Nothing is known of the lease yet: whatever the journal says may have been adopted.
    pub(super) fn start(board: Option<&DistrictBoard>, now: Ticks) -> Self {
        Self {
            rolls: VecDeque::from([Roll::new(board.map(with_app).unwrap_or_default(), now)]),
            lacking_at: now,
            looked_at: now,
            lost: false,
            apart: BTreeSet::new(),
            frozen: BTreeMap::new(),
        }
    }

    /// A renewal leaves, and the edge will count these drivers if it arrives.
    pub(super) fn renewal_sent(&mut self, roll: BTreeSet<ShiftId>, now: Ticks) {
        match self.rolls.back_mut() {
            Some(last) if last.is(&roll) => last.sent_at = now,
            Some(_) | None => self.rolls.push_back(Roll::new(roll, now)),
        }
        if self.rolls.len() > ROLLS_MAX
            && let Some(third) = self.rolls.remove(2)
        {
            self.rolls[1].join(third);
        }
    }

    /// The renewal that was sent then has arrived: no earlier one counts any more.
    pub(super) fn renewal_answered(&mut self, sent_at: Ticks) {
        while self.rolls.len() > 1 && self.rolls.front().is_some_and(|first| first.sent_at < sent_at) {
            self.rolls.pop_front();
        }
    }

    pub(super) fn holds(&self, booking: BookingId) -> bool {
        self.frozen.contains_key(&booking)
    }
}

impl Node {
    /// Looks again at what central may plan. Done before every plan, so that nothing frozen is ever offered.
    pub(super) fn freeze(&mut self, district: &DistrictId, now: Now) {
        let most_answer = self.most_drivers_answer(district, now);
        let Some(board) = self.board.district(district) else { return };
        let Some(Side::Central(side)) = self.sides.get_mut(district) else { return };
        let mode = side.lease.mode();
        let freezer = &mut side.freezer;
        if mode == CentralMode::Holder {
            freezer.frozen.clear();
            freezer.apart.clear();
            return;
        }
        let goes_on = planted!("not-frozen", most_answer && mode == CentralMode::Uncertain, true);
        let before = std::mem::take(&mut freezer.frozen);
        for record in board.open_bookings().filter(|record| record.status() != Status::Boarded) {
            let Some((owner, _)) = &record.owner else { continue };
            let own = owner.node == self.config.id;
            if freezer.apart.contains(&record.id) || (own && goes_on) {
                continue;
            }
            let mut frozen =
                before.get(&record.id).copied().unwrap_or(Frozen { since: now.ticks, asked_at: None });
            // An edge that is heard serves its bookings itself.
            if mode == CentralMode::Healing {
                frozen.since = now.ticks;
            }
            freezer.frozen.insert(record.id, frozen);
            // Nobody is looked for meanwhile: the search begins anew once it may.
            self.waits_since.remove(&record.id);
        }
        freezer.apart.retain(|booking| board.is_open(*booking));
        if goes_on {
            self.take_back_handed_over(district, now);
        }
    }

    /// Notes that a booking came to this node apart.
    pub(super) fn note_apart(&mut self, district: &DistrictId, booking: BookingId) {
        if let Some(Side::Central(side)) = self.sides.get_mut(district) {
            side.freezer.apart.insert(booking);
            side.freezer.frozen.remove(&booking);
        }
    }

    /// What the edge was handed for one driver and has not reported taken: it has given it back since, because it
    /// does not hear central either, and no edge takes over while most drivers answer here.
    fn take_back_handed_over(&mut self, district: &DistrictId, now: Now) {
        let hand_back_ms = self.config.timing.hand_back_ms;
        let back = self.frozen_where(district, |record, frozen| {
            let handed = record.owner.as_ref().is_some_and(|(_, wanted)| wanted.is_some());
            handed && waits(record) && now.ticks.since_ms(frozen.since) > hand_back_ms
        });
        // It is central's as it was before, and not apart: the edge, which gave it back, may yet adopt it.
        for booking in back {
            if let Some(Side::Central(side)) = self.sides.get_mut(district) {
                side.freezer.frozen.remove(&booking);
            }
            let (me, epoch) = (self.config.id.clone(), self.sides[district].epoch());
            self.pass_on(district, booking, Heir { node: me, apart: false, wanted: None }, epoch, now);
        }
    }

    /// An operator takes everything back that the unheard edge may plan.
    pub(super) fn take_back(&mut self, district: &DistrictId, now: Now) {
        let all = self.frozen_where(district, |_, _| true);
        self.bring_back(district, all, now);
        self.dirty.insert(district.clone());
    }

    /// Central plans what its edge owns and does not get on with, once its rider has said that a taxi is still wanted.
    fn take_over_stuck(&mut self, district: &DistrictId, booking: BookingId, now: Now) {
        let known = self.district(district).and_then(|board| board.bookings.get(&booking));
        let is_stuck = known.is_some_and(|record| record.status() == Status::Open && !self.owns(record));
        if is_stuck && self.central_mode(district) == Some(CentralMode::Holder) {
            let (me, epoch) = (self.config.id.clone(), self.sides[district].epoch());
            self.hand_over(district, booking, me, epoch, None, now);
        }
    }

    fn bring_back(&mut self, district: &DistrictId, bookings: Vec<BookingId>, now: Now) {
        for booking in bookings {
            let (me, epoch) = (self.config.id.clone(), self.sides[district].epoch());
            self.note_apart(district, booking);
            self.hand_over(district, booking, me, epoch, None, now);
        }
    }

    fn frozen_where(
        &self,
        district: &DistrictId,
        wanted: impl Fn(&BookingRecord, &Frozen) -> bool,
    ) -> Vec<BookingId> {
        let (Some(board), Some(Side::Central(side))) = (self.district(district), self.sides.get(district))
        else {
            return Vec::new();
        };
        let frozen = side.freezer.frozen.iter();
        frozen
            .filter(|(booking, frozen)| board.bookings.get(booking).is_some_and(|r| wanted(r, frozen)))
            .map(|(booking, _)| *booking)
            .collect()
    }

    /// The rider of a booking that nobody may be planning still wants a taxi: the node that was told plans it.
    pub(super) fn keep(&mut self, booking: BookingId, now: Now) -> Result<Answer, Refusal> {
        let (district, record) = self.find(booking)?;
        if record.status().is_closed() {
            return Err(Refusal::Closed);
        }
        let (owned, waiting, here) = (self.owns(record), waits(record), record.is_here());
        self.is_wanted_again(&district, booking);
        self.sweep_lease(&district, now);
        if let Some(lender) = self.loans.asked_in(booking).cloned() {
            self.take_back_lent(&lender, booking, now);
            self.take_over_stuck(&lender, booking, now);
            return Ok(Answer::Done);
        }
        let takes = match &self.sides[&district] {
            Side::Central(side) => side.freezer.holds(booking),
            Side::Edge(side) => side.lease.mode() == EdgeMode::Active && !owned && waiting && here,
        };
        if takes {
            self.bring_back(&district, vec![booking], now);
            self.changed(Change::Booking(district, booking));
        }
        Ok(Answer::Done)
    }

    /// Asks riders who have waited for nothing for long whether they still want a taxi. Central asks although the
    /// rider's texts are the edge's: the edge is not heard.
    pub(super) fn ask_riders_of_frozen(&mut self, district: &DistrictId, now: Now) {
        let ask_again_ms = self.config.timing.ask_again_ms;
        let due = self.frozen_where(district, |record, frozen| {
            frozen.asked_at.is_none()
                && now.ticks.since_ms(frozen.since) >= ask_again_ms
                && waits(record)
                && self.is_due(record, now)
        });
        for booking in due {
            if let Some(Side::Central(side)) = self.sides.get_mut(district)
                && let Some(frozen) = side.freezer.frozen.get_mut(&booking)
            {
                frozen.asked_at = Some(now.ticks);
            }
            self.still_wanted(district, booking, format!("{booking}/still-wanted"), now);
        }
    }

    /// Bookings whose riders did not answer for so long that nobody waits any more.
    pub(super) fn unanswered(&self, district: &DistrictId, now: Now) -> Vec<BookingId> {
        let give_up_ms = self.config.timing.give_up_ms;
        self.frozen_where(district, |record, frozen| {
            waits(record) && frozen.asked_at.is_some_and(|at| now.ticks.since_ms(at) > give_up_ms)
        })
    }

    /// True if the rider has been asked whether a taxi is still wanted and has not answered: pages show the question,
    /// and [`crate::command::Command::Keep`] answers it.
    #[must_use]
    pub fn asks_if_still_wanted(&self, district: &DistrictId, booking: BookingId) -> bool {
        let record = self.district(district).and_then(|board| board.bookings.get(&booking));
        // Of an aged booking that another node owns, that node's rider is asked there.
        let is_aged_here = self.is_aged(booking) && record.is_some_and(|record| self.owns(record));
        if is_aged_here || self.loans.has_asked(booking) {
            return true;
        }
        match self.sides.get(district) {
            Some(Side::Central(side)) => {
                side.freezer.frozen.get(&booking).is_some_and(|frozen| frozen.asked_at.is_some())
            }
            Some(Side::Edge(_)) | None => false,
        }
    }

    /// True if this node does not plan the booking because another may.
    #[must_use]
    pub fn is_frozen(&self, district: &DistrictId, booking: BookingId) -> bool {
        match self.sides.get(district) {
            Some(Side::Central(side)) => side.freezer.holds(booking),
            Some(Side::Edge(_)) | None => false,
        }
    }
}
