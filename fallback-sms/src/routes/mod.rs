//! The text door of a node: what the text process asks of it.
//!
//! The dialogue with a person is the text process's; here are only bookings, feature-phone drivers and the
//! texts that the node wants sent. A token speaks for its districts alone: what belongs to another is answered as if
//! it were not there. What is absent: moving a pickup after booking, and saved places.

mod bookings;
mod drivers;
mod notices;
mod places;
mod reports;
mod riders;
mod token;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRef, Path};
use axum::http::StatusCode;
use axum::routing::{get, post};
use ondol_core::ids::{BookingId, DistrictId};
use ondol_engine::Handle;
use ondol_engine::http::Problem;
use ondol_engine::identity::policy::{Caller, Decision, Object, Operation, allow};
use ondol_engine::identity::{Identity, TextClient};
use ondol_engine::vault::{E164, InvalidPhone};
use ondol_roads::{Districts, RoadMap};
use uuid::Uuid;

/// What the door is made of.
#[derive(Clone)]
pub struct TextDoor {
    /// The engine.
    pub handle: Handle,
    /// Who may enter.
    pub identity: Arc<Identity>,
    /// The map; without one there is no gazetteer and no booking by place.
    pub map: Option<Arc<RoadMap>>,
    /// The districts of the whole platform.
    pub districts: Arc<Districts>,
    /// Key of drivers' secrets: `Secrets::derive("driver-secret")`.
    pub secret_key: [u8; 32],
}

impl FromRef<TextDoor> for Arc<Identity> {
    fn from_ref(door: &TextDoor) -> Self {
        Self::clone(&door.identity)
    }
}

/// The whole API of the text door.
pub fn router(door: TextDoor) -> Router {
    Router::new()
        .route("/text/v1/places", get(places::find))
        .route("/text/v1/riders/{phone}", get(riders::facts))
        .route("/text/v1/bookings", post(bookings::book))
        .route("/text/v1/bookings/{id}/cancel", post(bookings::cancel))
        .route("/text/v1/bookings/{id}/pickup", post(bookings::move_pickup))
        .route("/text/v1/bookings/{id}/keep", post(bookings::keep))
        .route("/text/v1/drivers/{phone}/commands", post(drivers::command))
        .route("/text/v1/notices", get(notices::list))
        .route("/text/v1/notices/ack", post(notices::acknowledge))
        .route("/text/v1/reports", post(reports::keep))
        .route("/text/v1/token", post(token::renew))
        .with_state(door)
}

/// For whom a request speaks, and so what it may see and do.
#[derive(Debug, Clone)]
struct Reach(Caller);

impl Reach {
    fn of(TextClient(process): &TextClient) -> Self {
        Self(process.caller())
    }

    /// True if what belongs to `district` is there for the caller.
    fn covers(&self, district: &DistrictId) -> bool {
        let object = Object { district: Some(district), ..Object::default() };
        allow(&self.0, Operation::SpeakForTexts, &object) == Decision::Allowed
    }

    /// Lets through whoever speaks for all that the node serves: its outbox is read of all districts together.
    ///
    /// # Errors
    ///
    /// 403 `token_too_narrow`; 503 if the node cannot answer.
    async fn check_whole(&self, handle: &Handle) -> Result<(), Problem> {
        if served(handle).await?.iter().all(|district| self.covers(district)) {
            return Ok(());
        }
        Err(too_narrow("the texts of a node are of all its districts: bring a token for each of them"))
    }

    /// Lets through whoever speaks for some district of the node: a call for help is never turned away for want of
    /// a wider token.
    ///
    /// # Errors
    ///
    /// 403 `token_too_narrow`; 503 if the node cannot answer.
    async fn check_any(&self, handle: &Handle) -> Result<(), Problem> {
        if served(handle).await?.iter().any(|district| self.covers(district)) {
            return Ok(());
        }
        Err(too_narrow("this node serves none of the districts of the token"))
    }
}

async fn served(handle: &Handle) -> Result<Vec<DistrictId>, Problem> {
    Ok(handle.read(|node| node.config().districts.keys().cloned().collect()).await?)
}

fn too_narrow(detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "token_too_narrow", detail)
}

/// A number, as it stands in a path.
type PhonePath = Result<Path<String>, PathRejection>;
/// A booking's id, as it stands in a path.
type BookingPath = Result<Path<Uuid>, PathRejection>;

/// Reads the number of a path.
fn phone_of(path: PhonePath) -> Result<E164, Problem> {
    let Path(text) = path.map_err(|_| invalid_phone("a number in a path is text of UTF-8"))?;
    phone(&text)
}

/// Reads the booking of a path.
fn booking_of(path: BookingPath) -> Result<BookingId, Problem> {
    path.map(|Path(id)| BookingId(id)).map_err(|_| Problem::invalid("a booking's id is a UUID"))
}

/// Reads a number of a path or body.
fn phone(text: &str) -> Result<E164, Problem> {
    text.parse().map_err(|error: InvalidPhone| invalid_phone(&error.to_string()))
}

fn invalid_phone(detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_phone", detail)
}

/// 409 with one of the codes that the dialogue has its own words for.
fn conflict(code: &str, detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, detail)
}

/// The catalogue's language of a core one.
fn lang(lang: ondol_core::fact::Lang) -> ondol_messages::Lang {
    match lang {
        ondol_core::fact::Lang::Ko => ondol_messages::Lang::Ko,
        ondol_core::fact::Lang::En => ondol_messages::Lang::En,
    }
}
