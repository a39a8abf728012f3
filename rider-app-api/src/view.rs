//! From the board to what a rider sees.

use std::sync::Arc;

use ondol_core::booking::{BookingRecord, Status};
use ondol_core::fact::Sealed;
use ondol_core::ids::{BookingId, DistrictId, NodeId};
use ondol_core::node::{Contact, ModeView, Node};
use ondol_core::pin::booking_code;
use ondol_core::position::Position;
use ondol_core::units::{Now, Ticks, UtcMs};
use ondol_engine::http::Problem;
use ondol_engine::vault::{DriverPersonal, RiderPersonal, Vault};
use ondol_roads::RoadMap;
use ondol_roads::speeds::EtaModel;

use crate::arrivals::Arrivals;
use crate::state::Inner;
use crate::wire::{
    Accepted, BookingView, CancelledView, FareView, ModeView as WireMode, QuoteView, RiderAsk, Spot,
    Standing, VehicleView,
};

/// A position older than this says nothing about when the taxi comes.
const POSITION_FRESH_MS: u64 = 60_000;

/// What of a booking is copied out of the loop.
pub(crate) struct Seen {
    me: NodeId,
    now: Now,
    district: DistrictId,
    record: BookingRecord,
    mode: ModeView,
    pin: String,
    ask: Option<RiderAsk>,
    taxi: Option<Taxi>,
    /// How long drives to riders take here, if enough are known.
    drives: Option<Arc<EtaModel>>,
    /// Milliseconds since the owner was heard to know nothing more than this node; absent if this node is the owner.
    behind_ms: Option<Option<u64>>,
}

struct Taxi {
    plate: String,
    driver: Option<Sealed>,
    heard_at: Option<Ticks>,
    position: Option<(Position, Ticks)>,
}

/// Reads a booking.
///
/// # Errors
///
/// 404 `unknown_booking` if this node has not heard of it (another may have); 503 if the node cannot answer.
pub(crate) async fn show(state: &Inner, booking: BookingId) -> Result<BookingView, Problem> {
    let arrivals = Arc::clone(&state.arrivals);
    let seen = state.handle.read_at(move |node, now| look(node, booking, &arrivals, now)).await?;
    let seen = seen.ok_or(ondol_core::command::Refusal::UnknownBooking)?;
    Ok(seen.view(state.handle.vault(), state.map.as_deref()))
}

fn look(node: &Node, booking: BookingId, arrivals: &Arrivals, now: Now) -> Option<Seen> {
    let (district, record) = node.board().booking(booking)?;
    record.accepted.as_ref()?;
    let me = node.config().id.clone();
    let owner = record.planned_by();
    let behind_ms = owner.filter(|owner| **owner != me).map(|owner| node.level_with_ms(owner, now));
    let taxi = record.standing().and_then(|(_, bond)| {
        let (_, shift) = node.board().shift(bond.shift)?;
        let start = shift.start.as_ref()?;
        let contact: Option<&Contact> = node.contacts().get(&bond.shift);
        Some(Taxi {
            plate: start.vehicle.plate.clone(),
            driver: node.board().driver(start.driver).and_then(|(_, driver)| driver.personal.clone()),
            heard_at: contact.map(|contact| contact.heard_at),
            position: contact.and_then(|contact| contact.position),
        })
    });
    // Of a taxi of the district that has the booking on loan this node knows what that district tells.
    let told = record.told().and_then(|told| told.taxi.as_ref());
    let taxi = taxi.or_else(|| {
        let plate = told?.plate.clone();
        Some(Taxi { plate, driver: None, heard_at: None, position: None })
    });
    Some(Seen {
        me,
        now,
        district: district.clone(),
        record: record.clone(),
        mode: node.mode(district)?,
        pin: node.pin(booking),
        ask: asked(node, district, record),
        drives: taxi.as_ref().and_then(|_| arrivals.seen_at(node, now)),
        taxi,
        behind_ms,
    })
}

fn asked(node: &Node, district: &DistrictId, record: &BookingRecord) -> Option<RiderAsk> {
    match record.status() {
        Status::Open | Status::Offered => {
            node.asks_if_still_wanted(district, record.id).then_some(RiderAsk::StillWanted)
        }
        Status::Assigned | Status::Arrived | Status::Boarded => {
            record.is_unverified().then_some(RiderAsk::TripGoingOn)
        }
        Status::Done | Status::Cancelled => None,
    }
}

impl Seen {
    fn view(self, vault: &Vault, map: Option<&RoadMap>) -> BookingView {
        let record = &self.record;
        let accepted = record.accepted.as_ref().expect("looked at only if it was accepted");
        let request = &accepted.request;
        let (personal, hidden): (RiderPersonal, _) = vault.read_any(request.personal.as_ref());
        let status = record.status();
        let bond = record.standing().map(|(_, bond)| bond);
        let told_fare = record.told().and_then(|told| told.taxi.as_ref()?.fare.as_ref());
        let as_of = match self.behind_ms {
            None => self.now.utc,
            Some(Some(behind_ms)) => UtcMs(self.now.utc.0 - behind_ms.cast_signed()),
            Some(None) => accepted.at,
        };
        BookingView {
            booking: record.id,
            token: vault.link_token(record.id),
            code: booking_code(record.id),
            pin: self.pin.clone(),
            status,
            accepted: replication(record, &self.me),
            district: self.district.clone(),
            mode: WireMode { mode: self.mode.mode, since: self.mode.since.into() },
            made_at: accepted.at.into(),
            pickup: Spot { label: personal.pickup_label, position: request.pickup },
            dropoff: request.dropoff.map(|position| Spot { label: personal.dropoff_label, position }),
            hidden,
            pickup_at: request.pickup_at.map(Into::into),
            seats: request.seats,
            quote: request
                .quote
                .as_ref()
                .map(|quote| QuoteView { fare: quote.fare, tariff: quote.tariff.clone() }),
            vehicle: self.vehicle(status, vault, map),
            fare: bond.and_then(|bond| bond.fare()).or(told_fare).map(|fare| FareView {
                amount: fare.amount,
                distance_m: fare.distance_m,
                duration_s: fare.duration_s,
                payment: fare.payment,
            }),
            cancelled: record
                .cancel
                .as_ref()
                .filter(|_| status == Status::Cancelled)
                .map(|cancel| CancelledView { by: cancel.by, reason: cancel.reason, at: cancel.at.into() }),
            told_at: self.now.utc.into(),
            ask: self.ask,
            standing: Standing {
                authority: record.planned_by().unwrap_or(&self.me).clone(),
                as_of: as_of.into(),
            },
        }
    }

    /// The taxi; where it is, only while it serves this rider.
    fn vehicle(&self, status: Status, vault: &Vault, map: Option<&RoadMap>) -> Option<VehicleView> {
        let taxi = self.taxi.as_ref()?;
        let (driver, driver_hidden): (DriverPersonal, _) = vault.read_any(taxi.driver.as_ref());
        let serves = matches!(status, Status::Assigned | Status::Arrived | Status::Boarded);
        let arrival = (status == Status::Assigned).then(|| self.arrival(taxi, map)).flatten();
        Some(VehicleView {
            plate: taxi.plate.clone(),
            driver_name: driver.name,
            driver_hidden,
            arrives_at: arrival.map(|(at, _)| at.into()),
            arrives_within_s: arrival.and_then(|(_, within_s)| within_s),
            position: taxi.position.filter(|_| serves).map(|(position, _)| position),
            heard_at: taxi.heard_at.filter(|_| serves).map(|heard_at| self.utc_of(heard_at).into()),
        })
    }

    /// When it comes, and within how many seconds of that nine of ten such taxis came, if enough are known.
    ///
    /// By road from where it is; without a fresh position, as it was planned at the offer.
    fn arrival(&self, taxi: &Taxi, map: Option<&RoadMap>) -> Option<(UtcMs, Option<u32>)> {
        let (from, drive_s) = self.drive(taxi, map)?;
        let told = self.drives.as_ref().map(|drives| drives.tell(drive_s));
        let expected_s = told.map_or(drive_s, |told| told.expected_s);
        Some((from.plus_ms(u64::from(expected_s) * 1_000), told.map(|told| told.most_within_s)))
    }

    /// The drive to the pickup by the map: since when, and how many seconds.
    fn drive(&self, taxi: &Taxi, map: Option<&RoadMap>) -> Option<(UtcMs, u32)> {
        let pickup = self.record.request()?.pickup;
        let fresh = taxi.position.filter(|(_, at)| self.now.ticks.since_ms(*at) <= POSITION_FRESH_MS);
        let by_road = fresh.zip(map).and_then(|((position, at), map)| {
            let drive_s = map.durations_to(pickup, &[position]).first().copied().flatten()?;
            Some((self.utc_of(at), drive_s))
        });
        by_road.or_else(|| {
            let here = self.record.standing().and_then(|(_, bond)| bond.offered.as_ref());
            let told = self.record.told().and_then(|told| told.taxi.as_ref());
            let (eta_s, asked_at) = match here {
                Some((eta_s, asked_at, _)) => (*eta_s, *asked_at),
                None => told.map(|taxi| (taxi.eta_s, taxi.asked_at))?,
            };
            Some((asked_at, eta_s))
        })
    }

    fn utc_of(&self, at: Ticks) -> UtcMs {
        UtcMs(self.now.utc.0 - self.now.ticks.since_ms(at).cast_signed())
    }
}

/// A booking is known to be durable at another node if that node took it in too, if it is told of here
/// although it was taken in there, or if that node has acted on it. Devices name their own bonds, in incarnation 0.
fn replication(record: &BookingRecord, me: &NodeId) -> Accepted {
    let first = record.accepted.as_ref().map(|accepted| &accepted.node);
    let acted_elsewhere = record.assignments.keys().any(|id| id.incarnation > 0 && Some(&id.origin) != first);
    if record.accepted_by.len() > 1 || first.is_some_and(|node| node != me) || acted_elsewhere {
        Accepted::AcceptedReplicated
    } else {
        Accepted::AcceptedLocal
    }
}
