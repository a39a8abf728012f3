//! What a driver may read about a rider, opened message by message.
//!
//! Name, labels and note go with the question. The number goes only with the confirmation, and only from
//! acceptance to boarding: afterwards the repeated confirmation comes without it. What the node itself asks of a driver
//! is worded here, too.

use std::collections::BTreeMap;

use ondol_core::booking::AssignmentRecord;
use ondol_core::command::{self, ToDevice};
use ondol_core::fact::{self, Sealed};
use ondol_core::ids::AssignmentId;
use ondol_device::wire::{AskedHome, RiderTexts};
use ondol_engine::Unavailable;
use ondol_engine::identity::Bearer;
use ondol_engine::vault::RiderPersonal;
use ondol_messages::{Catalogue, Lang};

use crate::state::DriverState;

/// The texts for each of `messages`, in their order.
///
/// # Errors
///
/// [`Unavailable`] if the node cannot look at its board now.
pub(crate) async fn texts(
    state: &DriverState,
    bearer: &Bearer,
    messages: &[ToDevice],
) -> Result<Vec<RiderTexts>, Unavailable> {
    let confirmed = confirmed(messages);
    let numbers =
        if confirmed.is_empty() { BTreeMap::new() } else { numbers(state, bearer, confirmed).await? };
    Ok(messages
        .iter()
        .map(|message| match message {
            ToDevice::Offer(offer) | ToDevice::Replace { offer, .. } => RiderTexts {
                capsule: offer.capsule.as_ref().and_then(|trip| state.recovery.seal(trip)),
                ..opened(state, offer.request.personal.as_ref())
            },
            ToDevice::Confirm { assignment } => {
                let personal = open(state, numbers.get(assignment));
                let phone = personal.phone.map(|phone| phone.as_str().to_owned());
                RiderTexts { phone, ..RiderTexts::default() }
            }
            ToDevice::Revoke { .. } => RiderTexts::default(),
        })
        .collect())
}

/// The wish to drive home, in the driver's language.
///
/// # Errors
///
/// [`Unavailable`] if the node cannot look at its board now.
pub(crate) async fn asked_home(
    state: &DriverState,
    bearer: &Bearer,
    asked: &command::AskedHome,
) -> Result<AskedHome, Unavailable> {
    let driver = bearer.driver;
    let lang = state.handle.read(move |node| node.board().driver(driver).map(|(_, driver)| driver.lang));
    let lang = match lang.await? {
        Some(fact::Lang::En) => Lang::En,
        Some(fact::Lang::Ko) | None => Lang::Ko,
    };
    let district = asked.district.as_str();
    let text = Catalogue::shared().text(lang, "driver-asked-home", &[("district", district)]);
    Ok(AskedHome::new(asked, text))
}

fn confirmed(messages: &[ToDevice]) -> Vec<AssignmentId> {
    messages
        .iter()
        .filter_map(|message| match message {
            ToDevice::Confirm { assignment } => Some(assignment.clone()),
            ToDevice::Offer(_) | ToDevice::Replace { .. } | ToDevice::Revoke { .. } => None,
        })
        .collect()
}

/// The sealed texts of those assignments of the bearer's shift whose rider has not boarded yet.
async fn numbers(
    state: &DriverState,
    bearer: &Bearer,
    assignments: Vec<AssignmentId>,
) -> Result<BTreeMap<AssignmentId, Sealed>, Unavailable> {
    let (district, driver, device) = (bearer.district.clone(), bearer.driver, bearer.device);
    state
        .handle
        .read(move |node| {
            let Some(board) = node.board().district(&district) else { return BTreeMap::new() };
            let shifts = board.shifts_of(driver).filter(|shift| shift.device() == Some(device));
            shifts
                .flat_map(|shift| board.bonds_of(shift.id))
                .filter(|(record, id)| {
                    assignments.contains(id) && record.assignments.get(*id).is_some_and(is_on_the_way)
                })
                .filter_map(|(record, id)| Some((id.clone(), record.request()?.personal.clone()?)))
                .collect()
        })
        .await
}

/// Accepted, and the rider neither in the vehicle nor given up.
fn is_on_the_way(bond: &AssignmentRecord) -> bool {
    bond.assigned_at.is_some() && bond.boarded.is_none() && bond.done.is_none() && bond.released.is_none()
}

fn opened(state: &DriverState, sealed: Option<&Sealed>) -> RiderTexts {
    let RiderPersonal { name, phone: _, note, pickup_label, dropoff_label } = open(state, sealed);
    RiderTexts { name, phone: None, pickup_label, dropoff_label, note, capsule: None }
}

/// Nothing, if nothing was sealed or the rider has had it erased.
fn open(state: &DriverState, sealed: Option<&Sealed>) -> RiderPersonal {
    sealed.and_then(|sealed| state.handle.vault().open(sealed)).unwrap_or_default()
}
