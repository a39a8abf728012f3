//! What an edge does while it dispatches alone: the checkers `settled` and `home`.

use ondol_core::board::DistrictBoard;
use ondol_core::face::Role;
use ondol_core::ids::{DistrictId, ShiftId};
use ondol_core::node::{Contact, Node};
use ondol_core::shift::ShiftRecord;
use ondol_core::travel::TravelTimes;

use super::{Checkers, holds};

impl Checkers {
    /// After a takeover an edge asks nobody before most drivers have attached, or the time for it is over.
    pub(super) fn settled(&mut self, node: &Node, board: &DistrictBoard, district: &DistrictId) {
        let is_edge = node.config().role != Role::Central;
        let Some(taken_at) = self.taken_at.get(district).filter(|_| is_edge && holds(node, district)) else {
            return;
        };
        let waited_ms = self.now - taken_at;
        let shifts = board.on_duty().filter(|shift| shift.home().is_none());
        let attached = |shift: &ShiftRecord| node.contacts().get(&shift.id).is_some_and(Contact::is_attached);
        let (here, away): (Vec<_>, Vec<_>) = shifts.partition(|shift| attached(shift));
        // The node's elapsed clock may run a little fast.
        if waited_ms < node.config().timing.lease.settle_ms * 97 / 100 && here.len() < 4 * away.len() {
            let what = format!(
                "{} offers {waited_ms} ms after it took {district}, with {} drivers attached and {} away",
                node.config().id,
                here.len(),
                away.len()
            );
            self.break_promise("settled", what);
        }
    }

    /// A node asks the driver of a shift home.
    pub(crate) fn asked_home(
        &mut self,
        node: &Node,
        district: &DistrictId,
        shift: ShiftId,
        map: &impl TravelTimes,
    ) {
        let (me, board) = (&node.config().id, node.board().district(district));
        let bond = board.and_then(|board| board.bonds_of(shift).next()).map(|(_, id)| id);
        let known = node.contacts().get(&shift).and_then(|contact| contact.position);
        let place = known.and_then(|(position, _)| map.district_at(position));
        let is_alone = node.config().role != Role::Central && holds(node, district);
        if !is_alone || bond.is_some() || place.is_none() || place.as_ref() == Some(district) {
            let what = format!(
                "{me} (alone: {is_alone}) asks {shift} home to {district} from {place:?}, bound by {bond:?}"
            );
            self.break_promise("home", what);
        }
    }
}
