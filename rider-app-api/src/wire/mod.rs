//! Wire types of the rider door. No session: a booking is reached by its unguessable token.
//!
//! | call | sends | answers |
//! |---|---|---|
//! | `GET /rider/v1/places?q=&near=LAT,LON&lang=` | – | [`PlacesAnswer`] |
//! | `GET /rider/v1/places?at=LAT,LON&lang=` | – | [`PlacesAnswer`]: what lies nearest to a pin |
//! | `POST /rider/v1/quotes` | [`QuoteRequest`] | [`QuoteAnswer`] |
//! | `POST /rider/v1/bookings` | [`BookRequest`] | [`BookingView`], 201; 200 if it was booked before |
//! | `GET /rider/v1/bookings/{token}` | – | [`BookingView`] |
//! | `GET /rider/v1/bookings/{token}/events` | – | SSE: `booking` events, each a [`BookingView`] |
//! | `POST /rider/v1/bookings/{token}/cancel` | [`CancelRequest`] | [`BookingView`] |
//! | `POST /rider/v1/bookings/{token}/keep` | [`KeepRequest`] | [`BookingView`] |
//! | `POST /rider/v1/bookings/{token}/attest` | [`AttestRequest`] | [`BookingView`] |
//! | `GET /rider/v1/map` | – | GeoJSON |
//! | `GET /rider/v1/endpoints` | – | [`EndpointsAnswer`] |
//!
//! A refusal is an RFC 9457 problem with a stable `code`. The request key is `booking_id`, made and saved by
//! the rider's device before it sends: the same key with the same body is the same booking at every node;
//! with another body it is refused (`key_reused`). A header `Idempotency-Key`, if sent, must equal it.

mod booking;
mod place;

pub use booking::{
    Accepted, AttestRequest, BookRequest, BookingView, CancelRequest, CancelledView, FareView, KeepRequest,
    ModeView, QuoteAnswer, QuoteRequest, QuoteView, RiderAsk, RiderDoor, Spot, Standing, VehicleView,
};
pub use place::{Endpoint, EndpointsAnswer, PlaceView, PlacesAnswer};

/// Longest label of a spot, in characters.
pub const LABEL_MAX_CHARS: usize = 120;
/// Longest name of a rider, in characters.
pub const NAME_MAX_CHARS: usize = 60;
/// Longest note to the driver, in characters.
pub const NOTE_MAX_CHARS: usize = 200;
/// Longest phone number as typed, in characters.
pub const PHONE_MAX_CHARS: usize = 24;
/// Longest search text, in characters.
pub const QUERY_MAX_CHARS: usize = 80;
/// Most places in one answer.
pub const PLACES_MAX: usize = 8;
/// Most nodes in the list of endpoints: an edge, its peers and its neighbours.
pub const ENDPOINTS_MAX: usize = 1 + 2 * ondol_engine::config::PEERS_MAX;
/// Most passengers of one booking.
pub const SEATS_MAX: u8 = 8;
/// How far ahead a taxi can be ordered, in milliseconds: 30 days.
pub const AHEAD_MAX_MS: u64 = 30 * 24 * 3_600_000;
