//! From a wish as it came to the core's request: checked, bounded, personal text sealed.

use axum::http::StatusCode;
use ondol_core::booking::{Door, Priority};
use ondol_core::fact::{Quote, Request};
use ondol_core::ids::{DistrictId, SubjectId, ZoneId};
use ondol_engine::http::Problem;
use ondol_engine::vault::{E164, RiderPersonal, Vault};
use uuid::Uuid;

use crate::state::Inner;
use crate::wire::{
    AHEAD_MAX_MS, BookRequest, LABEL_MAX_CHARS, NAME_MAX_CHARS, NOTE_MAX_CHARS, PHONE_MAX_CHARS, RiderDoor,
    SEATS_MAX,
};

/// Longest name of a tariff in a quote, in bytes.
const TARIFF_MAX: usize = 64;
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
pub(crate) fn check(wish: &BookRequest, state: &Inner) -> Result<Checked, Problem> {
    let phone = match &wish.phone {
        Some(text) => Some(phone(text)?),
        None => None,
    };
    let personal = RiderPersonal {
        name: line(wish.name.as_deref(), "name", NAME_MAX_CHARS)?,
        phone: phone.clone(),
        note: line(wish.note.as_deref(), "note", NOTE_MAX_CHARS)?,
        pickup_label: line(wish.pickup.label.as_deref(), "pickup.label", LABEL_MAX_CHARS)?,
        dropoff_label: match &wish.dropoff {
            Some(dropoff) => line(dropoff.label.as_deref(), "dropoff.label", LABEL_MAX_CHARS)?,
            None => None,
        },
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
    if let Some(quote) = &wish.quote
        && (quote.tariff.len() > TARIFF_MAX || quote.fare.0 < 0)
    {
        return Err(Problem::invalid("quote must be sent back as it was given"));
    }
    if wish.booking_id.0.is_nil() {
        return Err(Problem::invalid("booking_id must be a random UUID"));
    }
    if let (Some(stand), Some(map)) = (&wish.stand, &state.map)
        && !map.stands().iter().any(|known| known.code == *stand)
    {
        return Err(ondol_core::command::Refusal::UnknownStand.into());
    }
    let (district, zone) = state.districts.locate(wish.pickup.position).ok_or_else(outside)?;
    Ok(Checked { district, zone, digest: state.handle.vault().digest(wish), personal, phone })
}

/// Makes the core's request: the rider gets a name that tells nothing, and a key that seals the personal text.
///
/// # Errors
///
/// The problem to answer with.
pub(crate) fn seal(wish: BookRequest, checked: Checked, vault: &Vault) -> Result<Request, Problem> {
    let rider = SubjectId(Uuid::new_v4());
    let personal = if checked.personal == RiderPersonal::default() {
        None
    } else {
        Some(vault.seal(rider, &checked.personal).map_err(|error| Problem::internal(&error))?)
    };
    Ok(Request {
        door: match wish.door {
            RiderDoor::App => Door::App,
            RiderDoor::Web => Door::Web,
        },
        fleet: wish.fleet,
        pickup: wish.pickup.position,
        dropoff: wish.dropoff.map(|spot| spot.position),
        stand: wish.stand,
        seats: wish.seats,
        needs: wish.needs,
        priority: Priority::Normal,
        pickup_at: wish.pickup_at.map(|at| at.0),
        rider,
        phone: checked.phone.as_ref().map(|phone| vault.phone_key(phone)),
        personal,
        lang: wish.lang,
        payment: wish.payment,
        quote: wish.quote.map(|quote| Quote { fare: quote.fare, tariff: quote.tariff }),
        text_home: None,
        digest: checked.digest,
    })
}

/// One line of personal text, or nothing if it is blank.
fn line(text: Option<&str>, field: &str, max_chars: usize) -> Result<Option<String>, Problem> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > max_chars {
        return Err(out_of_range(format!("{field} has at most {max_chars} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(format!("{field} is one line of text")));
    }
    Ok(Some(text.to_owned()))
}

fn phone(text: &str) -> Result<E164, Problem> {
    let invalid = |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_phone", detail);
    if text.chars().count() > PHONE_MAX_CHARS {
        return Err(invalid(format!("phone has at most {PHONE_MAX_CHARS} characters")));
    }
    text.parse().map_err(|error: ondol_engine::vault::InvalidPhone| invalid(error.to_string()))
}

fn out_of_range(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "out_of_range", detail)
}

/// 422 `outside_service_area`.
pub(crate) fn outside() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "outside_service_area",
        "the pickup lies outside the service area; choose one inside",
    )
}
