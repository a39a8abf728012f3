//! Who was asked for a booking, and what came of it.

use ondol_core::booking::{AssignmentRecord, BookingRecord};
use ondol_core::ids::AssignmentId;
use ondol_core::node::Node;
use ondol_engine::identity::policy::Caller;

use crate::view::taxi;
use crate::wire::AssignmentView;

/// The bonds of a booking, the first asked first.
pub(super) fn assignments(node: &Node, caller: &Caller, record: &BookingRecord) -> Vec<AssignmentView> {
    let mut bonds: Vec<_> = record.assignments.iter().collect();
    bonds.sort_by_key(|(id, bond)| (bond.offered.as_ref().map(|(_, at, _)| *at), (*id).clone()));
    bonds.into_iter().map(|(id, bond)| view(node, caller, id, bond)).collect()
}

fn view(node: &Node, caller: &Caller, id: &AssignmentId, bond: &AssignmentRecord) -> AssignmentView {
    let (eta_s, offered_at) = match &bond.offered {
        Some((eta_s, at, _)) => (Some(*eta_s), Some((*at).into())),
        None => (None, None),
    };
    AssignmentView {
        assignment: id.clone(),
        shift: bond.shift,
        plate: taxi(node, caller, bond.shift).plate,
        eta_s,
        offered_at,
        assigned_at: bond.assigned_at.map(Into::into),
        arrived_at: bond.arrived_at.map(Into::into),
        boarded_at: bond.boarded.map(|(at, _)| at.into()),
        pin_check: bond.boarded.map(|(_, pin)| pin),
        done_at: bond.over_at().map(Into::into),
        closed: bond.closed.as_ref().map(|closed| closed.reason),
        released_at: bond.released.map(|(at, _)| at.into()),
        release: bond.released.map(|(_, release)| release),
    }
}
