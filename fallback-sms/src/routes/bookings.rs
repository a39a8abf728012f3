//! `/text/v1/bookings`: what a number may do to its own bookings.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ondol_core::booking::{CancelReason, Door, Needs, Party, Payment, Priority, Status};
use ondol_core::command::{Command, Refusal};
use ondol_core::face::Role;
use ondol_core::fact::{Lang, Request};
use ondol_core::ids::{BookingId, SubjectId};
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::TextClient;
use ondol_engine::vault::RiderPersonal;
use uuid::Uuid;

use super::{BookingPath, Reach, TextDoor, booking_of, conflict, view};
use crate::wire::{
    BookRequest, BookingView, CancelRequest, KeepRequest, MoveRequest, NAME_MAX_CHARS, Proof, Source, code,
};

/// Most passengers of one booking.
const PASSENGERS_MAX: u8 = 8;

pub(super) async fn book(
    State(door): State<TextDoor>,
    client: TextClient,
    StrictJson(wish): StrictJson<BookRequest>,
) -> Result<Json<BookingView>, Problem> {
    let reach = Reach::of(&client);
    let booking = BookingId(wish.booking_id);
    let number = super::phone(&wish.phone)?;
    let key = door.handle.vault().phone_key(&number);
    let pickup = view::core_position(wish.pickup.position)?;
    let dropoff = wish.destination.as_ref().map(|spot| view::core_position(spot.position)).transpose()?;
    if !(1..=PASSENGERS_MAX).contains(&wish.passengers) {
        return Err(Refusal::OutOfRange.into());
    }
    let located = door.districts.locate(pickup).filter(|(district, _)| reach.covers(district));
    let (district, zone) = located.ok_or_else(|| {
        let detail = "the pickup lies outside the service area; choose one inside";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::OUTSIDE_SERVICE_AREA, detail)
    })?;
    let (home, mine) = (district.clone(), key.clone());
    let (served, known, has_open) = door
        .handle
        .read(move |node| {
            let known = node.board().booking(booking).is_some_and(|(_, record)| record.accepted.is_some());
            let has_open = node
                .board()
                .districts()
                .filter(|(district, _)| reach.covers(district))
                .flat_map(|(_, district)| district.bookings_of_phone(&mine))
                .any(|record| !record.status().is_closed());
            (node.config().districts.contains_key(&home), known, has_open)
        })
        .await?;
    if !served {
        // Another node serves that district: the text process asks it next.
        let detail = "the pickup lies in a district of another node";
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "other_district", detail));
    }
    if has_open && !known && wish.proof != Proof::Nonce {
        return Err(conflict(code::OPEN_BOOKING, "this number has an open booking"));
    }
    let digest = door.handle.vault().digest(&wish);
    let personal = RiderPersonal {
        phone: Some(number),
        pickup_label: label(&wish.pickup.name),
        dropoff_label: wish.destination.as_ref().and_then(|spot| label(&spot.name)),
        ..RiderPersonal::default()
    };
    let rider = SubjectId(Uuid::new_v4());
    // A repeated request is answered from what is held: nothing is sealed for it again.
    let sealed = if known {
        None
    } else {
        Some(door.handle.vault().seal(rider, &personal).map_err(|error| Problem::internal(&error))?)
    };
    let is_edge = matches!(door.handle.role(), Role::Edge { .. });
    let request = Request {
        door: match wish.source {
            Source::Sms => Door::Sms,
            Source::Phone => Door::Phone,
        },
        fleet: None,
        pickup,
        dropoff,
        stand: wish
            .pickup
            .stand_code
            .map(|stand| stand.to_string().parse())
            .transpose()
            .map_err(|_| Refusal::UnknownStand)?,
        seats: wish.passengers,
        needs: Needs::default(),
        priority: Priority::Normal,
        pickup_at: wish.pickup_at.map(|at| ondol_core::units::UtcMs(at.0)),
        rider,
        phone: Some(key),
        personal: sealed,
        lang: match wish.lang {
            ondol_messages::Lang::Ko => Lang::Ko,
            ondol_messages::Lang::En => Lang::En,
        },
        payment: Payment::Cash,
        quote: None,
        text_home: Some(text_home(&door, &district, is_edge).await?),
        digest,
    };
    door.handle.request(Command::Book { booking, district, zone, request }).await?;
    view::after(&door, booking).await
}

/// Who tells the rider by text: the edge of the district, which hears of everything while central is away.
async fn text_home(
    door: &TextDoor,
    district: &ondol_core::ids::DistrictId,
    is_edge: bool,
) -> Result<ondol_core::ids::NodeId, Problem> {
    if is_edge {
        return Ok(door.handle.node_id().clone());
    }
    let district = district.clone();
    let edge = door
        .handle
        .read(move |node| node.config().districts.get(&district).and_then(|district| district.edge.clone()))
        .await?;
    Ok(edge.unwrap_or_else(|| door.handle.node_id().clone()))
}

pub(super) async fn cancel(
    State(door): State<TextDoor>,
    client: TextClient,
    id: BookingPath,
    StrictJson(wish): StrictJson<CancelRequest>,
) -> Result<Json<BookingView>, Problem> {
    let booking = booking_of(id)?;
    let seen = view::booking(&door, &Reach::of(&client), booking, &wish.phone).await?;
    let has_car = matches!(seen.record.status(), Status::Assigned | Status::Arrived);
    if has_car && wish.proof != Proof::Nonce {
        return Err(conflict(
            code::PROOF_NEEDED,
            "a car is on its way: answer the number that was sent to you",
        ));
    }
    let command = Command::Cancel { booking, by: Party::Rider, reason: CancelReason::ChangedMind };
    door.handle.request(command).await?;
    view::after(&door, booking).await
}

/// A pickup cannot be moved yet: the rider is told so and books anew.
pub(super) async fn move_pickup(
    State(door): State<TextDoor>,
    client: TextClient,
    id: BookingPath,
    StrictJson(wish): StrictJson<MoveRequest>,
) -> Result<Json<BookingView>, Problem> {
    view::booking(&door, &Reach::of(&client), booking_of(id)?, &wish.phone).await?;
    Err(conflict("pickup_fixed", "the pickup of a booking cannot be moved: cancel it and book again"))
}

pub(super) async fn keep(
    State(door): State<TextDoor>,
    client: TextClient,
    id: BookingPath,
    StrictJson(wish): StrictJson<KeepRequest>,
) -> Result<Json<BookingView>, Problem> {
    let booking = booking_of(id)?;
    view::booking(&door, &Reach::of(&client), booking, &wish.phone).await?;
    door.handle.request(Command::Keep { booking }).await?;
    view::after(&door, booking).await
}

fn label(name: &str) -> Option<String> {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(NAME_MAX_CHARS).collect();
    (!name.is_empty()).then_some(name)
}
