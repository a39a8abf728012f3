//! From the board to what the text process sees.

use axum::http::StatusCode;
use ondol_core::booking::{BookingRecord, CancelReason, Party, Status};
use ondol_core::face::Role;
use ondol_core::ids::{BookingId, DistrictId};
use ondol_core::node::{Mode as CoreMode, Node};
use ondol_core::pin::booking_code;
use ondol_core::position::Position as CorePosition;
use ondol_core::units::Now;
use ondol_engine::http::Problem;
use ondol_engine::vault::RiderPersonal;

use super::places::called;
use super::{Reach, TextDoor};
use crate::clock::UtcMs;
use crate::wire::{
    self, Accepted, BookingState, BookingView, Mode, Position, Spot, Standing, VehicleView, code,
};

/// What of a booking is copied out of the loop.
pub(super) struct Seen {
    pub(super) record: BookingRecord,
    district: DistrictId,
    pin: String,
    plate: Option<String>,
    standing: Standing,
}

/// Reads a booking of this number.
///
/// # Errors
///
/// `booking_unknown` if it is not there, is another number's or is beyond `reach`, see [`unknown_here`].
pub(super) async fn booking(
    door: &TextDoor,
    reach: &Reach,
    id: BookingId,
    phone: &str,
) -> Result<Seen, Problem> {
    let number = super::phone(phone)?;
    let key = door.handle.vault().phone_key(&number);
    let seen = door.handle.read_at(move |node, now| look(node, id, now)).await?;
    seen.filter(|seen| reach.covers(&seen.district))
        .filter(|seen| seen.record.request().is_some_and(|request| request.phone.as_ref() == Some(&key)))
        .ok_or_else(|| {
            unknown_here(door.handle.role(), code::BOOKING_UNKNOWN, "this number has no such booking")
        })
}

/// An edge knows the people and bookings of its own district, so it answers 421 and the text process asks on; central
/// knows them all, and its 404 is final.
pub(super) fn unknown_here(role: &Role, code: &str, detail: &str) -> Problem {
    let status = match role {
        Role::Edge { .. } => StatusCode::MISDIRECTED_REQUEST,
        Role::Central => StatusCode::NOT_FOUND,
    };
    Problem::new(status, code, detail)
}

/// Copies a booking out of the loop; `None` if it is not known here.
pub(super) fn look(node: &Node, id: BookingId, now: Now) -> Option<Seen> {
    let (district, record) = node.board().booking(id)?;
    record.accepted.as_ref()?;
    let plate = record.standing().and_then(|(_, bond)| {
        let (_, shift) = node.board().shift(bond.shift)?;
        shift.start.as_ref().map(|start| start.vehicle.plate.clone())
    });
    // Of a taxi of the district that has the booking on loan, what that district tells.
    let told = record.told().and_then(|told| told.taxi.as_ref());
    let plate = plate.or_else(|| told.map(|taxi| taxi.plate.clone()));
    let owner = record.planned_by().unwrap_or(&node.config().id);
    let mode = node.mode(district)?;
    Some(Seen {
        pin: node.pin(id),
        plate,
        standing: standing(owner.as_str(), now, mode.mode),
        record: record.clone(),
        district: district.clone(),
    })
}

/// Who says something, and how the district is run.
pub(super) fn standing(authority: &str, now: Now, mode: CoreMode) -> Standing {
    let mode = match mode {
        CoreMode::Normal => Mode::Normal,
        CoreMode::Degraded => Mode::Degraded,
        CoreMode::Healing => Mode::Healing,
    };
    Standing { authority: authority.to_owned(), as_of: UtcMs(now.utc.0), mode }
}

impl Seen {
    /// The booking as its rider may see it.
    pub(super) fn view(&self, door: &TextDoor) -> Option<BookingView> {
        let request = self.record.request()?;
        let (personal, _): (RiderPersonal, _) = door.handle.vault().read_any(request.personal.as_ref());
        let told = self.record.told().and_then(|told| told.taxi.as_ref()).map(|taxi| taxi.eta_s);
        let here = self.record.standing().map(|(_, bond)| bond.eta_s());
        let eta_s = here.or(told).filter(|eta_s| *eta_s < u32::MAX);
        Some(BookingView {
            booking_id: self.record.id.0,
            code: booking_code(self.record.id),
            pin: self.pin.clone(),
            state: state(&self.record),
            pickup: Spot {
                name: called(door.map.as_deref(), personal.pickup_label, request.pickup),
                position: wire_position(request.pickup),
                stand_code: request.stand.as_ref().and_then(|stand| stand.as_str().parse().ok()),
            },
            pickup_at: request.pickup_at.map(|at| UtcMs(at.0)),
            vehicle: self.plate.clone().map(|plate| VehicleView { plate, eta_s }),
            accepted: Accepted::AcceptedLocal,
            standing: self.standing.clone(),
        })
    }
}

fn state(record: &BookingRecord) -> BookingState {
    match record.status() {
        Status::Open | Status::Offered => BookingState::Open,
        Status::Assigned => BookingState::Assigned,
        Status::Arrived => BookingState::Arrived,
        Status::Boarded => BookingState::Boarded,
        Status::Done => BookingState::Completed,
        Status::Cancelled => {
            let nobody = record
                .cancel
                .as_ref()
                .is_some_and(|cancel| cancel.by == Party::System && cancel.reason == CancelReason::NoTaxi);
            if nobody { BookingState::Unserved } else { BookingState::Cancelled }
        }
    }
}

/// A booking that was just changed, as the rider sees it now.
///
/// # Errors
///
/// 503 if the node cannot answer.
pub(super) async fn after(door: &TextDoor, id: BookingId) -> Result<axum::Json<BookingView>, Problem> {
    let seen = door.handle.read_at(move |node, now| look(node, id, now)).await?;
    seen.and_then(|seen| seen.view(door))
        .map(axum::Json)
        .ok_or_else(|| Problem::internal(&"a booking vanished after it was changed"))
}

pub(super) fn wire_position(position: CorePosition) -> Position {
    Position { lat: position.lat(), lon: position.lon() }
}

/// A position from outside.
///
/// # Errors
///
/// 400 if it is not on the earth.
pub(super) fn core_position(position: wire::Position) -> Result<CorePosition, Problem> {
    CorePosition::new(position.lat, position.lon).map_err(|error| Problem::invalid(error.to_string()))
}
