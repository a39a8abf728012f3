//! What drivers with the app say about central: the edge asks for witnesses, central for drivers who still answer it.
//!
//! Both sides count the same drivers, those on duty when the lease was last renewed; while central does not know which
//! renewal arrived last, it counts those of each. A driver counts for the edge only after so long that the last sign of
//! life that central had of that driver has aged. Of two halves that exclude each
//! other only one can be the greater, so central goes on or the edge adopts, never both.

use super::freeze::Roll;
use super::lease::Side;
use super::{Contact, Node};
use crate::authority::{CentralMode, Witnesses};
use crate::ids::DistrictId;
use crate::planted;
use crate::units::{Now, Ticks};

/// A device that says it cannot reach central says so one beat after it last could.
pub(super) const BEAT_MS: u64 = 5_000;

impl Node {
    /// What the on-duty drivers with the app whom this edge hears say about central.
    pub(super) fn witnesses(&self, district: &DistrictId, now: Now) -> Witnesses {
        let (Some(board), Some(Side::Edge(side))) = (self.district(district), self.sides.get(district))
        else {
            return Witnesses::default();
        };
        let timing = &self.config.timing.lease;
        let mut witnesses = Witnesses { on_roll: side.roll.len(), ..Witnesses::default() };
        for (shift, contact) in &self.contacts {
            let silent_ms = now.ticks.since_ms(contact.heard_at);
            if silent_ms > timing.heard_ms {
                continue;
            }
            if board.shifts.get(shift).is_some_and(|shift| shift.is_on_duty() && shift.home().is_none()) {
                witnesses.heard += 1;
                witnesses.cut_off += usize::from(!contact.hears_central);
            }
            let says_so = silent_ms <= timing.answers_ms
                && contact.cut_off_since.is_some_and(|since| now.ticks.since_ms(since) >= timing.cut_off_ms);
            witnesses.on_roll_cut_off += usize::from(says_so && side.roll.contains(shift));
        }
        witnesses
    }

    /// Notes whether most drivers answer central now, and says whether they have all along: then no edge can have had
    /// enough witnesses against it.
    pub(super) fn most_drivers_answer(&mut self, district: &DistrictId, now: Now) -> bool {
        let timing = self.config.timing.lease;
        // A node whose disk is dead does not count as reachable: drivers say then that they cannot reach it.
        let alive = self.is_alive(now);
        let Some(Side::Central(side)) = self.sides.get_mut(district) else { return false };
        let freezer = &mut side.freezer;
        let holds = side.lease.mode() == CentralMode::Holder;
        if holds {
            freezer.lost = false;
        }
        // Which of these the edge counts is not known until a renewal is answered, so most of each must answer.
        let contact_of = |shift| self.contacts.get(&shift);
        let answers_here =
            |shift| contact_of(shift).is_some_and(|contact| answers(contact, timing.answers_ms, now.ticks));
        let most_answer = |roll: &Roll| roll.most(answers_here);
        let rolls = &freezer.rolls;
        let most = planted!(
            "newest-roll-alone",
            rolls.iter().all(most_answer),
            rolls.back().is_some_and(most_answer)
        );
        // What a process that stood still finds in its mail when it goes on says nothing of the meantime.
        let stood_still = now.ticks.since_ms(freezer.looked_at) > BEAT_MS;
        freezer.looked_at = now.ticks;
        if !alive || stood_still || !most {
            freezer.lost |= planted!("frozen-thaws", !holds, false);
            freezer.lacking_at = now.ticks;
        }
        !freezer.lost && now.ticks.since_ms(freezer.lacking_at) > timing.heard_ms + BEAT_MS
    }
}

/// True if the driver is attached here, was heard within two beats, and hears this node.
fn answers(contact: &Contact, answers_ms: u64, now: Ticks) -> bool {
    contact.is_attached() && contact.hears_central && now.since_ms(contact.heard_at) <= answers_ms
}
