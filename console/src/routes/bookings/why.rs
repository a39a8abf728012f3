//! Who was asked for a booking, when and why.

use ondol_core::booking::{AssignmentRecord, BookingRecord};
use ondol_core::ids::{AssignmentId, ShiftId};
use ondol_core::node::Node;

use crate::wire::{AssignmentView, OtherView};

/// The bonds of a booking, the first asked first.
pub(super) fn assignments(node: &Node, record: &BookingRecord) -> Vec<AssignmentView> {
    let mut bonds: Vec<_> = record.assignments.iter().collect();
    bonds.sort_by_key(|(id, bond)| (bond.offered.as_ref().map(|(_, at, _)| *at), (*id).clone()));
    bonds.into_iter().map(|(id, bond)| view(node, id, bond)).collect()
}

fn view(node: &Node, id: &AssignmentId, bond: &AssignmentRecord) -> AssignmentView {
    let (eta_s, offered_at, why) = match &bond.offered {
        Some((eta_s, at, why)) => (Some(*eta_s), Some((*at).into()), Some(why)),
        None => (None, None, None),
    };
    let others = why.map_or(&[][..], |why| &why.others);
    AssignmentView {
        assignment: id.clone(),
        shift: bond.shift,
        plate: plate(node, bond.shift),
        eta_s,
        rule: why.map(|why| why.rule.clone()),
        instead_of: bond.instead_of().cloned(),
        others: others
            .iter()
            .map(|(shift, eta_s)| OtherView { shift: *shift, plate: plate(node, *shift), eta_s: *eta_s })
            .collect(),
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

fn plate(node: &Node, shift: ShiftId) -> Option<String> {
    let (_, record) = node.board().shift(shift)?;
    record.start.as_ref().map(|start| start.vehicle.plate.clone())
}
