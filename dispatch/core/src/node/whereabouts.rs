//! Where shifts are, and whether a question would reach them.

use super::Node;
use crate::ids::{DistrictId, ShiftId};
use crate::position::Position;
use crate::shift::{Serialiser, ShiftRecord};
use crate::units::Now;

/// A fix that is older than this says nothing of where a taxi is.
const POSITION_FRESH_MS: u64 = 60_000;

impl Node {
    /// True if a question would reach the driver, and the phone holds nothing: an app driver must be attached here and
    /// heard lately, or be so at the edge that tells central of it; for a feature-phone driver the journal says all.
    pub(super) fn can_hear_a_question(&self, shift: &ShiftRecord, district: &DistrictId, now: Now) -> bool {
        match shift.start.as_ref().map(|start| &start.serialiser) {
            Some(Serialiser::Device { .. }) => {
                let hears_here = self.contacts.get(&shift.id).is_some_and(|contact| {
                    let heard = now.ticks.since_ms(contact.heard_at) <= self.config.timing.offer_contact_ms;
                    heard && self.is_attached_here(district, shift.id) && contact.slot.iter().next().is_none()
                });
                hears_here || self.relaying_edge(district, shift, now).is_some()
            }
            Some(Serialiser::Home { .. }) => true,
            None => false,
        }
    }

    /// Where a shift is: an app driver by a fix that is not too old, else at the stand whose queue it waits in; a
    /// feature-phone driver where the last text left it. `None` if nobody can say.
    #[must_use]
    pub fn place_of(&self, shift: &ShiftRecord, district: &DistrictId, now: Now) -> Option<Position> {
        match shift.start.as_ref()?.serialiser {
            Serialiser::Device { .. } => {
                let here = self.contacts.get(&shift.id).and_then(|contact| contact.position);
                let seen = here.into_iter().chain(self.relayed_place(district, shift.id));
                let fresh = seen.filter(|(_, at)| now.ticks.since_ms(*at) <= POSITION_FRESH_MS);
                let last = fresh.max_by_key(|(_, at)| *at);
                last.map(|(position, _)| position).or_else(|| self.place_of_stand(shift, district))
            }
            Serialiser::Home { .. } => self.last_known_place(shift, district),
        }
    }

    pub(super) fn place_of_stand(&self, shift: &ShiftRecord, district: &DistrictId) -> Option<Position> {
        let (stand, _) = shift.waits_at()?;
        self.district(district)?.stands.get(stand).map(|stand| stand.position)
    }

    pub(super) fn last_known_place_of(&self, district: &DistrictId, shift: ShiftId) -> Option<Position> {
        self.last_known_place(self.district(district)?.shifts.get(&shift)?, district)
    }

    /// Where a feature-phone driver is thought to be: at the stand, else where the last trip ended, else at the
    /// first stand of the district.
    pub(super) fn last_known_place(&self, shift: &ShiftRecord, district: &DistrictId) -> Option<Position> {
        let board = self.district(district)?;
        self.place_of_stand(shift, district)
            .or_else(|| self.last_seen.get(&shift.id).copied())
            .or_else(|| board.stands.values().next().map(|stand| stand.position))
    }
}
