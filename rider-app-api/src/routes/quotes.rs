//! What would it cost?

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ondol_core::travel::{StraightLine, TravelTimes as _};
use ondol_engine::http::{Problem, StrictJson};
use ondol_roads::{Leg, RouteError};

use crate::input::outside;
use crate::state::{Inner, RiderState};
use crate::wire::{AHEAD_MAX_MS, QuoteAnswer, QuoteRequest, QuoteView, Standing};

/// Mean detour factor of streets against the straight line, where there is no map.
const DETOUR: f64 = 1.4;

/// `POST /rider/v1/quotes`: by the quickest way and the tariff in force here.
pub(crate) async fn quote(
    State(state): State<RiderState>,
    StrictJson(wish): StrictJson<QuoteRequest>,
) -> Result<Json<QuoteAnswer>, Problem> {
    let now = state.handle.now().utc;
    let at = wish.pickup_at.map_or(now, |at| at.0);
    if at.since_ms(now) > AHEAD_MAX_MS.cast_signed() {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "out_of_range",
            "pickup_at must lie within the next 30 days",
        ));
    }
    state.districts.locate(wish.pickup).ok_or_else(outside)?;
    let leg = leg(&state, &wish)?;
    let quote = state.tariff.quote(leg.distance_m, leg.duration_s, at);
    Ok(Json(QuoteAnswer {
        distance_m: leg.distance_m,
        duration_s: leg.duration_s,
        quote: QuoteView { fare: quote.fare, tariff: quote.tariff },
        currency: "KRW".to_owned(),
        standing: Standing { authority: state.handle.node_id().clone(), as_of: now.into() },
    }))
}

fn leg(state: &Inner, wish: &QuoteRequest) -> Result<Leg, Problem> {
    match &state.map {
        Some(map) => map.leg(wish.pickup, wish.dropoff).map_err(|error| {
            let code = match error {
                RouteError::StartOffRoad { .. } | RouteError::EndOffRoad { .. } => "off_road",
                RouteError::NoWay => "no_route",
            };
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, error.to_string())
        }),
        None => {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 28,000 km")]
            let distance_m = (wish.pickup.distance_m(wish.dropoff) * DETOUR).round() as u32;
            let duration_s =
                StraightLine.durations_s(wish.dropoff, &[wish.pickup]).first().copied().flatten();
            Ok(Leg { distance_m, duration_s: duration_s.expect("a straight line always leads there") })
        }
    }
}
