//! Find a place by name, or say what lies at a pin.

use axum::Json;
use axum::extract::{Query, State, rejection::QueryRejection};
use ondol_core::fact::Lang;
use ondol_core::ids::StandId;
use ondol_core::position::Position;
use ondol_engine::http::{Problem, lat_lon};
use ondol_roads::{Hit, Kind};
use serde::Deserialize;

use crate::state::{Inner, RiderState};
use crate::wire::{PLACES_MAX, PlaceView, PlacesAnswer, QUERY_MAX_CHARS};

/// What is looked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Find {
    q: Option<String>,
    near: Option<String>,
    at: Option<String>,
    #[serde(default = "korean")]
    lang: Lang,
}

fn korean() -> Lang {
    Lang::Ko
}

/// `GET /rider/v1/places`: with `q` by name, with `at` what lies there.
pub(crate) async fn find(
    State(state): State<RiderState>,
    query: Result<Query<Find>, QueryRejection>,
) -> Result<Json<PlacesAnswer>, Problem> {
    let Query(find) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    let Some(map) = &state.map else { return Ok(Json(PlacesAnswer { places: Vec::new() })) };
    let hits = match (&find.q, &find.at) {
        (Some(text), None) => {
            let text = text.trim();
            if text.chars().count() > QUERY_MAX_CHARS {
                return Err(Problem::invalid(format!("q has at most {QUERY_MAX_CHARS} characters")));
            }
            let near = find.near.as_deref().map(|near| lat_lon(near, "near")).transpose()?;
            if text.is_empty() { Vec::new() } else { map.search(text, near, PLACES_MAX) }
        }
        (None, Some(at)) => {
            let at = lat_lon(at, "at")?;
            // The pin keeps its own position: the name only says what is there.
            map.reverse(at).map(|hit| Hit { lat: at.lat(), lon: at.lon(), ..hit }).into_iter().collect()
        }
        _ => return Err(Problem::invalid("give q to search by name, or at to name a position")),
    };
    let places = hits.into_iter().filter_map(|hit| place(&state, hit, find.lang)).collect();
    Ok(Json(PlacesAnswer { places }))
}

fn place(state: &Inner, hit: Hit, lang: Lang) -> Option<PlaceView> {
    let position = Position::new(hit.lat, hit.lon).ok()?;
    let stand = match hit.kind {
        Kind::Stand => hit.code.as_deref().and_then(|code| StandId::new(&code.to_ascii_lowercase()).ok()),
        _ => None,
    };
    let name = match lang {
        Lang::Ko => hit.name_local,
        Lang::En => hit.name_en.unwrap_or(hit.name_local),
    };
    let district = state.districts.locate(position).map(|(district, _)| district);
    let served = district.is_some();
    Some(PlaceView { name, kind: hit.kind.as_str().to_owned(), position, stand, served, district })
}
