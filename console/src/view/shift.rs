//! A shift as the board shows it.

use ondol_core::board::DistrictBoard;
use ondol_core::fact::Sealed;
use ondol_core::ids::{BookingId, DistrictId, ShiftId};
use ondol_core::node::Node;
use ondol_core::shift::{Duty, ShiftRecord};
use ondol_core::units::Now;
use ondol_engine::identity::policy::{Caller, Operation};
use ondol_engine::vault::{DriverPersonal, Vault};

use super::{sees, utc_of};
use crate::wire::{DutyState, ShiftRow, TaxiRef};

/// What of a shift is copied out of the loop.
pub(crate) struct SeenShift {
    row: ShiftRow,
    driver: Option<Sealed>,
}

/// What a shift is doing, and for which booking.
fn state_of(board: &DistrictBoard, shift: &ShiftRecord) -> (DutyState, Option<BookingId>) {
    let mut state = match shift.duty() {
        Some(Duty::Available) => DutyState::Free,
        Some(Duty::Paused) => DutyState::Paused,
        Some(Duty::Ended) | None => DutyState::Ended,
    };
    let mut serves = None;
    let rank = |state: DutyState| match state {
        DutyState::OnTrip => 3,
        DutyState::Assigned => 2,
        DutyState::Asked => 1,
        DutyState::Free | DutyState::Paused | DutyState::Ended => 0,
    };
    for (record, assignment) in board.bonds_of(shift.id) {
        let Some(bond) = record.assignments.get(assignment) else { continue };
        let doing = match (bond.boarded.is_some(), bond.binds()) {
            (true, _) => DutyState::OnTrip,
            (false, true) => DutyState::Assigned,
            (false, false) => DutyState::Asked,
        };
        if rank(doing) > rank(state) {
            (state, serves) = (doing, Some(record.id));
        }
    }
    (state, serves)
}

/// A shift that a booking names, as `caller` may know it: of another fleet's nothing is told but that there was one.
pub(crate) fn taxi(node: &Node, caller: &Caller, shift: ShiftId) -> TaxiRef {
    let Some((district, record)) = node.board().shift(shift) else {
        return TaxiRef { shift: Some(shift), ..TaxiRef::default() };
    };
    let start = record.start.as_ref();
    let fleet = start.map(|start| start.fleet.clone());
    if !sees(caller, Operation::SeeBoard, district, fleet.as_ref()) {
        return TaxiRef::default();
    }
    TaxiRef { shift: Some(shift), plate: start.map(|start| start.vehicle.plate.clone()), fleet }
}

impl SeenShift {
    /// Copies a shift; `None` while only later facts have arrived.
    pub(crate) fn of(node: &Node, district: &DistrictId, shift: &ShiftRecord, now: Now) -> Option<Self> {
        let start = shift.start.as_ref()?;
        let board = node.board().district(district)?;
        let (state, booking) = state_of(board, shift);
        let contact = node.contacts().get(&shift.id);
        let row = ShiftRow {
            shift: shift.id,
            driver: start.driver,
            driver_name: None,
            driver_hidden: None,
            plate: start.vehicle.plate.clone(),
            fleet: start.fleet.clone(),
            district: district.clone(),
            state,
            booking,
            position: contact.and_then(|contact| contact.position).map(|(position, _)| position),
            heard_at: contact.map(|contact| utc_of(now, contact.heard_at).into()),
            attached_to: shift.attached.as_ref().map(|(_, node)| node.clone()),
            by_text: shift.home().is_some(),
            stand: shift.waits_at().map(|(stand, _)| stand.clone()),
        };
        let driver = node.board().driver(start.driver).and_then(|(_, driver)| driver.personal.clone());
        Some(Self { row, driver })
    }

    /// Finds and copies a shift.
    pub(crate) fn find(node: &Node, shift: ShiftId, now: Now) -> Option<Self> {
        let (district, record) = node.board().shift(shift)?;
        Self::of(node, district, record, now)
    }

    /// The row, with the driver's name opened.
    pub(crate) fn row(self, vault: &Vault) -> ShiftRow {
        let (driver, driver_hidden): (DriverPersonal, _) = vault.read_any(self.driver.as_ref());
        ShiftRow { driver_name: driver.name, driver_hidden, ..self.row }
    }
}
