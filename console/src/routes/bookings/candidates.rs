//! Shifts that an operator may ask by hand.

use ondol_core::fact::Sealed;
use ondol_core::node::Node;
use ondol_core::position::Position;
use ondol_core::shift::ShiftRecord;
use ondol_core::travel::{StraightLine, TravelTimes as _};
use ondol_core::units::Now;
use ondol_engine::identity::policy::{Caller, Operation};
use ondol_engine::vault::{DriverPersonal, Vault};
use ondol_roads::RoadMap;

use crate::view::{SeenBooking, sees, utc_of};
use crate::wire::{CANDIDATES_MAX, CandidateView};

/// A shift that could be asked, copied out of the loop.
pub(super) struct Near {
    pickup: Position,
    /// Where it is, if anybody knows.
    position: Option<Position>,
    driver: Option<Sealed>,
    view: CandidateView,
}

/// Free shifts that suit the booking, nearest by the straight line first and those last of which nobody knows where
/// they are, at most [`CANDIDATES_MAX`].
pub(super) fn near(node: &Node, booking: &SeenBooking, caller: &Caller, now: Now) -> Vec<Near> {
    let Some(request) = booking.record.request() else { return Vec::new() };
    if booking.record.status().is_closed() || booking.record.standing().is_some() {
        return Vec::new();
    }
    let suits = |shift: &ShiftRecord| {
        shift.start.as_ref().is_some_and(|start| {
            start.vehicle.seats >= request.seats
                && start.vehicle.needs.cover(request.needs)
                && request.fleet.as_ref().is_none_or(|fleet| *fleet == start.fleet)
                && sees(caller, Operation::AssignByHand, &booking.district, Some(&start.fleet))
        })
    };
    let placed = node.nearest_free(&booking.district, request.pickup, CANDIDATES_MAX, now, suits);
    let mut near: Vec<Near> = placed
        .iter()
        .filter_map(|found| copy(node, found.shift, Some(found.position), request.pickup, now))
        .collect();
    if near.len() < CANDIDATES_MAX {
        let anywhere = node.free_anywhere(&booking.district, now).filter(|shift| suits(shift));
        let anywhere = anywhere.filter_map(|shift| copy(node, shift, None, request.pickup, now));
        near.extend(anywhere.take(CANDIDATES_MAX - near.len()));
    }
    near
}

fn copy(
    node: &Node,
    shift: &ShiftRecord,
    position: Option<Position>,
    pickup: Position,
    now: Now,
) -> Option<Near> {
    let start = shift.start.as_ref()?;
    let contact = node.contacts().get(&shift.id);
    let view = CandidateView {
        shift: shift.id,
        plate: start.vehicle.plate.clone(),
        driver_name: None,
        driver_hidden: None,
        eta_s: None,
        heard_at: contact.map(|contact| utc_of(now, contact.heard_at).into()),
        by_text: shift.home().is_some(),
    };
    let driver = node.board().driver(start.driver).and_then(|(_, driver)| driver.personal.clone());
    Some(Near { pickup, position, driver, view })
}

/// The same with travel times, nearest by road first.
pub(super) fn by_road(near: Vec<Near>, map: Option<&RoadMap>, vault: &Vault) -> Vec<CandidateView> {
    let Some(pickup) = near.first().map(|near| near.pickup) else { return Vec::new() };
    let sources: Vec<Position> = near.iter().filter_map(|near| near.position).collect();
    let etas = match map {
        Some(map) => map.durations_to(pickup, &sources),
        None => StraightLine.durations_s(pickup, &sources),
    };
    let mut etas = etas.into_iter();
    let named = |near: Near| {
        let (driver, driver_hidden): (DriverPersonal, _) = vault.read_any(near.driver.as_ref());
        let eta_s = near.position.and_then(|_| etas.next().flatten());
        CandidateView { driver_name: driver.name, driver_hidden, eta_s, ..near.view }
    };
    let mut candidates: Vec<CandidateView> = near.into_iter().map(named).collect();
    candidates.sort_by_key(|candidate| (candidate.eta_s.is_none(), candidate.eta_s));
    candidates
}
