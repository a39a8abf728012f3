//! From the board to the screen: what is copied out of the loop, and whose things a caller sees.

mod booking;
mod district;
mod rule;
mod shift;

pub(crate) use booking::{SeenBooking, attention, object_fleet};
pub(crate) use district::districts;
pub(crate) use rule::rule;
pub(crate) use shift::{SeenShift, taxi};

use ondol_core::ids::{DistrictId, FleetId};
use ondol_core::units::{Now, Ticks, UtcMs};
use ondol_engine::identity::policy::{Caller, Decision, Object, Operation, allow};

/// An assigned taxi that is silent this long needs a hand; a position this old is shown as old.
pub(crate) const SILENT_MS: u64 = 60_000;

/// True if `caller` sees something of this district and fleet.
pub(crate) fn sees(
    caller: &Caller,
    operation: Operation,
    district: &DistrictId,
    fleet: Option<&FleetId>,
) -> bool {
    let object = Object { district: Some(district), fleet, ..Object::default() };
    allow(caller, operation, &object) == Decision::Allowed
}

/// The civil moment of a tick.
pub(crate) fn utc_of(now: Now, at: Ticks) -> UtcMs {
    UtcMs(now.utc.0 - now.ticks.since_ms(at).cast_signed())
}
