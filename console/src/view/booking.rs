//! A booking as the board shows it.

use ondol_core::booking::{AssignmentRecord, BookingRecord, Status};
use ondol_core::fact::PinCheck;
use ondol_core::ids::{BookingId, DistrictId, FleetId, NodeId};
use ondol_core::node::Node;
use ondol_core::pin::booking_code;
use ondol_core::shift::Duty;
use ondol_core::units::{Now, UtcMs};
use ondol_engine::vault::{Hidden, RiderPersonal, Vault};

use super::SILENT_MS;
use crate::wire::{Attention, BookingRow, Spot, Standing, TaxiView};

/// A rider who has waited this long without a taxi needs a hand.
const WAITS_LONG_MS: i64 = 180_000;
/// A trip of a silent phone that has gone on for this long has ended somewhere.
const UNENDED_MS: i64 = 2 * 3_600_000;

/// What of a booking is copied out of the loop.
pub(crate) struct SeenBooking {
    pub(crate) district: DistrictId,
    pub(crate) record: BookingRecord,
    me: NodeId,
    attention: Vec<Attention>,
    plate: Option<String>,
    as_of: UtcMs,
}

/// The fleet a booking belongs to: that of its taxi, else the one its rider chose, else none yet.
pub(crate) fn object_fleet<'a>(node: &'a Node, record: &'a BookingRecord) -> Option<&'a FleetId> {
    let of_taxi = record.standing().and_then(|(_, bond)| {
        node.board().shift(bond.shift).and_then(|(_, shift)| shift.start.as_ref()).map(|start| &start.fleet)
    });
    of_taxi.or_else(|| record.request().and_then(|request| request.fleet.as_ref()))
}

/// Why a booking needs a hand, worst first.
pub(crate) fn attention(node: &Node, record: &BookingRecord, now: Now) -> Vec<Attention> {
    let status = record.status();
    let mut why = Vec::new();
    if record.assignments.values().filter(|bond| bond.boarded.is_some()).count() > 1 {
        why.push(Attention::TwoBoarded);
    }
    let standing = record.standing().map(|(_, bond)| bond);
    if status == Status::Boarded
        && standing.is_some_and(|bond| matches!(bond.boarded, Some((_, PinCheck::Unverified))))
    {
        why.push(Attention::Unverified);
    }
    if matches!(status, Status::Assigned | Status::Arrived)
        && let Some(bond) = standing
    {
        let has_app = node.board().shift(bond.shift).is_some_and(|(_, shift)| shift.device().is_some());
        let heard = node.contacts().get(&bond.shift).map(|contact| now.ticks.since_ms(contact.heard_at));
        if has_app && heard.is_none_or(|ago_ms| ago_ms > SILENT_MS) {
            why.push(Attention::ContactLost);
        }
    }
    if status == Status::Boarded && standing.is_some_and(|bond| is_unended(node, bond, now)) {
        why.push(Attention::TripUnended);
    }
    if matches!(status, Status::Open | Status::Offered)
        && let Some(accepted) = &record.accepted
    {
        let since = accepted.request.pickup_at.map_or(accepted.at, |at| at.max(accepted.at));
        if now.utc.since_ms(since) > WAITS_LONG_MS {
            why.push(Attention::WaitsLong);
        }
    }
    if record.accepted_by.len() > 1 && !status.is_closed() {
        why.push(Attention::TakenTwice);
    }
    why
}

/// True if the driver of a boarded trip can hardly end it any more: the shift was ended, or the trip has gone on for hours
/// and the phone is not heard.
fn is_unended(node: &Node, bond: &AssignmentRecord, now: Now) -> bool {
    let shift = node.board().shift(bond.shift).map(|(_, shift)| shift);
    let heard = node.contacts().get(&bond.shift).map(|contact| now.ticks.since_ms(contact.heard_at));
    let is_silent = heard.is_none_or(|ago_ms| ago_ms > SILENT_MS);
    let is_long = bond.boarded.is_some_and(|(at, _)| now.utc.since_ms(at) > UNENDED_MS);
    is_silent && (is_long || shift.and_then(|shift| shift.duty()) == Some(Duty::Ended))
}

impl SeenBooking {
    /// Copies a booking; `None` while only later facts have arrived.
    pub(crate) fn of(node: &Node, district: &DistrictId, record: &BookingRecord, now: Now) -> Option<Self> {
        record.accepted.as_ref()?;
        let me = node.config().id.clone();
        let owner = record.planned_by().filter(|owner| **owner != me);
        let behind_ms = owner.and_then(|owner| node.level_with_ms(owner, now)).unwrap_or(0);
        let plate = record.standing().and_then(|(_, bond)| {
            let (_, shift) = node.board().shift(bond.shift)?;
            shift.start.as_ref().map(|start| start.vehicle.plate.clone())
        });
        Some(Self {
            district: district.clone(),
            me,
            attention: attention(node, record, now),
            plate,
            as_of: UtcMs(now.utc.0 - behind_ms.cast_signed()),
            record: record.clone(),
        })
    }

    /// Finds and copies a booking.
    pub(crate) fn find(node: &Node, booking: BookingId, now: Now) -> Option<Self> {
        let (district, record) = node.board().booking(booking)?;
        Self::of(node, district, record, now)
    }

    /// The sealed text of the rider, or why it is empty although there was some.
    pub(crate) fn personal(&self, vault: &Vault) -> (RiderPersonal, Option<Hidden>) {
        vault.read_any(self.record.request().and_then(|request| request.personal.as_ref()))
    }

    /// The row; the phone number is masked here and nowhere else shown.
    pub(crate) fn row(&self, vault: &Vault) -> BookingRow {
        let record = &self.record;
        let accepted = record.accepted.as_ref().expect("copied only if it was accepted");
        let request = &accepted.request;
        let (personal, rider_hidden) = self.personal(vault);
        let status = record.status();
        let taxi = record.standing().map(|(_, bond)| TaxiView {
            shift: bond.shift,
            plate: self.plate.clone().unwrap_or_default(),
            arrives_at: bond
                .offered
                .as_ref()
                .filter(|_| status == Status::Assigned)
                .map(|(eta_s, at, _)| at.plus_ms(u64::from(*eta_s) * 1_000).into()),
        });
        let told_fare = record.told().and_then(|told| told.taxi.as_ref()?.fare.as_ref());
        let cancel = record.cancel.as_ref().filter(|_| status == Status::Cancelled);
        let owner = record.planned_by().cloned();
        BookingRow {
            booking: record.id,
            code: booking_code(record.id),
            door: request.door,
            status,
            attention: self.attention.clone(),
            district: self.district.clone(),
            zone: accepted.zone.clone(),
            pickup: Spot { label: personal.pickup_label, position: request.pickup },
            dropoff: request.dropoff.map(|position| Spot { label: personal.dropoff_label, position }),
            stand: request.stand.clone(),
            made_at: accepted.at.into(),
            pickup_at: request.pickup_at.map(Into::into),
            seats: request.seats,
            needs: request.needs,
            priority: request.priority,
            fleet: request.fleet.clone(),
            rider_name: personal.name,
            phone_masked: personal.phone.map(|phone| phone.masked()),
            rider_hidden,
            taxi,
            cancelled_by: cancel.map(|cancel| cancel.by),
            cancel_reason: cancel.map(|cancel| cancel.reason),
            fare: record.standing().and_then(|(_, bond)| bond.fare()).or(told_fare).map(|fare| fare.amount),
            standing: Standing {
                authority: owner.clone().unwrap_or_else(|| self.me.clone()),
                as_of: self.as_of.into(),
            },
            owner,
        }
    }
}
