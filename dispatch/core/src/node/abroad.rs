//! Free drivers in another district, whom nobody can use where they are: they are asked home.
//!
//! While edges hear one another, a taxi in the next district is lent that district's bookings. Once they do not, it waits
//! for riders of its own district only, who are far away, and riders beside it see nothing of it. What is said here is a
//! wish: nothing is written down, each beat's answer repeats it while it holds, and not to obey has no consequence.

use super::{Contact, Node};
use crate::command::{AskedHome, Beat};
use crate::ids::{DistrictId, ShiftId};
use crate::position::Position;
use crate::units::{Now, Ticks};

impl Node {
    /// Since when a device that is attached here has been free in another district, as of this beat. Who is at home
    /// again, or has a booking, begins anew.
    pub(super) fn abroad_since(&self, before: Option<&Contact>, beat: &Beat, now: Now) -> Option<Ticks> {
        let since = before.and_then(|contact| contact.abroad_since);
        let elsewhere = match beat.position {
            Some(position) => self.other_district_at(&beat.district, position).is_some(),
            // A beat without a fix says nothing of where it is.
            None => since.is_some(),
        };
        let is_free = beat.slot.current.is_none() && self.is_free(&beat.district, beat.shift);
        (elsewhere && is_free && self.is_cut_off(&beat.district)).then_some(since.unwrap_or(now.ticks))
    }

    /// What a driver is to be asked who has been in another district for long, if nothing can be lent to or from it.
    pub(super) fn asked_home(&self, district: &DistrictId, shift: ShiftId, now: Now) -> Option<AskedHome> {
        let after_ms = self.config.timing.ask_home_after_ms;
        let contact = self.contacts.get(&shift).filter(|contact| contact.keeps_capsules && after_ms > 0)?;
        contact.abroad_since.filter(|since| now.ticks.since_ms(*since) >= after_ms)?;
        let (position, _) = contact.position?;
        let elsewhere = self.other_district_at(district, position)?;
        if self.could_lend_with(&elsewhere, after_ms, now) {
            return None;
        }
        let stands = self.district(district)?.stands.values().map(|stand| stand.position);
        let towards = stands.min_by(|a, b| a.distance_m(position).total_cmp(&b.distance_m(position)));
        Some(AskedHome { district: district.clone(), towards })
    }

    fn other_district_at(&self, own: &DistrictId, position: Position) -> Option<DistrictId> {
        self.travel.district_at(position).filter(|district| district != own)
    }

    /// True if the driver takes bookings and has none, and is not being asked.
    fn is_free(&self, district: &DistrictId, shift: ShiftId) -> bool {
        let board = self.district(district);
        board.is_some_and(|board| board.shifts.get(&shift).is_some_and(|shift| board.is_free(shift)))
    }

    /// True if bookings of that district may be lent to this one, or the other way: its edge was heard within this time.
    fn could_lend_with(&self, district: &DistrictId, within_ms: u64, now: Now) -> bool {
        let lends = self.config.timing.lend_after_ms > 0;
        let mut edges = self.config.neighbours.iter().filter(|neighbour| neighbour.district == *district);
        lends && edges.any(|edge| now.ticks.since_ms(self.neighbour_heard_at(&edge.node)) < within_ms)
    }
}
