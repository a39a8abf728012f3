//! From what an operator typed to the core's request: checked, bounded, personal text sealed.

use axum::http::StatusCode;
use ondol_core::booking::Door;
use ondol_core::command::Refusal;
use ondol_core::face::Role;
use ondol_core::fact::Request;
use ondol_core::ids::{DistrictId, NodeId, SubjectId, ZoneId};
use ondol_core::node::Node;
use ondol_engine::http::Problem;
use ondol_engine::vault::{E164, InvalidPhone, RiderPersonal, Vault};
use uuid::Uuid;

use crate::state::Inner;
use crate::wire::{
    AHEAD_MAX_MS, IntakeRequest, LABEL_MAX_CHARS, NAME_MAX_CHARS, NOTE_MAX_CHARS, PHONE_MAX_CHARS, SEATS_MAX,
};

/// A pickup time this far back still means now.
const PAST_MAX_MS: i64 = 60_000;

/// What of a wish is checked before anything is kept.
pub(crate) struct Checked {
    pub(crate) district: DistrictId,
    pub(crate) zone: ZoneId,
    pub(crate) digest: String,
    personal: RiderPersonal,
    phone: Option<E164>,
}

/// Checks a wish.
///
/// # Errors
///
/// The problem to answer with; nothing was kept.
pub(crate) fn check(wish: &IntakeRequest, state: &Inner) -> Result<Checked, Problem> {
    let phone = wish.phone.as_deref().map(phone).transpose()?;
    let dropoff_label = wish.dropoff.as_ref().and_then(|spot| spot.label.as_deref());
    let personal = RiderPersonal {
        name: line(wish.name.as_deref(), "name", NAME_MAX_CHARS)?,
        phone: phone.clone(),
        note: line(wish.note.as_deref(), "note", NOTE_MAX_CHARS)?,
        pickup_label: line(wish.pickup.label.as_deref(), "pickup.label", LABEL_MAX_CHARS)?,
        dropoff_label: line(dropoff_label, "dropoff.label", LABEL_MAX_CHARS)?,
    };
    if !(1..=SEATS_MAX).contains(&wish.seats) {
        return Err(out_of_range(format!("seats is {}, it must be 1 to {SEATS_MAX}", wish.seats)));
    }
    if let Some(at) = wish.pickup_at {
        let ahead_ms = at.0.since_ms(state.handle.now().utc);
        if !(-PAST_MAX_MS..=AHEAD_MAX_MS.cast_signed()).contains(&ahead_ms) {
            return Err(out_of_range("pickup_at must lie within the next 30 days"));
        }
    }
    if wish.booking_id.0.is_nil() {
        return Err(Problem::invalid("booking_id must be a random UUID"));
    }
    if let (Some(stand), Some(map)) = (&wish.stand, &state.map)
        && !map.stands().iter().any(|known| known.code == *stand)
    {
        return Err(Refusal::UnknownStand.into());
    }
    let (district, zone) = state.districts.locate(wish.pickup.position).ok_or_else(|| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "outside_service_area",
            "the pickup lies outside the service area; choose one inside",
        )
    })?;
    Ok(Checked { district, zone, digest: state.handle.vault().digest(wish), personal, phone })
}

/// Makes the core's request.
///
/// # Errors
///
/// The problem to answer with.
pub(crate) fn seal(
    wish: IntakeRequest,
    checked: Checked,
    text_home: Option<NodeId>,
    vault: &Vault,
) -> Result<Request, Problem> {
    let rider = SubjectId(Uuid::new_v4());
    let personal = if checked.personal == RiderPersonal::default() {
        None
    } else {
        Some(vault.seal(rider, &checked.personal).map_err(|error| Problem::internal(&error))?)
    };
    Ok(Request {
        door: Door::Phone,
        fleet: wish.fleet,
        pickup: wish.pickup.position,
        dropoff: wish.dropoff.map(|spot| spot.position),
        stand: wish.stand,
        seats: wish.seats,
        needs: wish.needs,
        priority: wish.priority,
        pickup_at: wish.pickup_at.map(|at| at.0),
        rider,
        // A caller who has given a number is told by text message.
        text_home: checked.phone.as_ref().and(text_home),
        phone: checked.phone.as_ref().map(|phone| vault.phone_key(phone)),
        personal,
        lang: wish.lang,
        payment: ondol_core::booking::Payment::Cash,
        quote: None,
        digest: checked.digest,
    })
}

/// The node whose text process tells riders of `district`: its edge, else this node.
pub(crate) fn text_home(node: &Node, district: &DistrictId) -> NodeId {
    let config = node.config();
    match &config.role {
        Role::Edge { .. } => config.id.clone(),
        Role::Central => {
            let edge = config.districts.get(district).and_then(|district| district.edge.clone());
            edge.unwrap_or_else(|| config.id.clone())
        }
    }
}

/// Reads a number.
///
/// # Errors
///
/// 422 `invalid_phone`.
pub(crate) fn phone(text: &str) -> Result<E164, Problem> {
    let invalid = |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_phone", detail);
    if text.chars().count() > PHONE_MAX_CHARS {
        return Err(invalid(format!("a number has at most {PHONE_MAX_CHARS} characters")));
    }
    text.parse().map_err(|error: InvalidPhone| invalid(error.to_string()))
}

/// One line of text, or nothing if it is blank.
///
/// # Errors
///
/// 422 `out_of_range` if it is too long; 400 if it has control characters.
pub(crate) fn line(text: Option<&str>, field: &str, max_chars: usize) -> Result<Option<String>, Problem> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > max_chars {
        return Err(out_of_range(format!("{field} has at most {max_chars} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(format!("{field} is one line of text")));
    }
    Ok(Some(text.to_owned()))
}

/// 422 `out_of_range`.
pub(crate) fn out_of_range(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "out_of_range", detail)
}
