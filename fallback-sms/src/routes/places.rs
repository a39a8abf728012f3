//! `GET /text/v1/places`: the gazetteer, for what people type.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use ondol_core::position::Position;
use ondol_engine::http::Problem;
use ondol_engine::identity::TextClient;
use ondol_roads::{Hit, RoadMap, SEARCH_TEXT_MAX};
use serde::Deserialize;

use super::{TextDoor, view};
use crate::wire::{NAME_MAX_CHARS, PLACES_MAX, Place, PlacesAnswer};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    q: Option<String>,
    near: Option<String>,
    stand: Option<u16>,
    limit: Option<usize>,
}

pub(super) async fn find(
    State(door): State<TextDoor>,
    TextClient(_): TextClient,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<PlacesAnswer>, Problem> {
    let Query(wanted) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    let Some(map) = &door.map else { return Ok(Json(PlacesAnswer { places: Vec::new() })) };
    let limit = wanted.limit.unwrap_or(PLACES_MAX).min(PLACES_MAX);
    let places = match (wanted.stand, wanted.q) {
        (Some(code), _) => stand(map, code).into_iter().collect(),
        (None, Some(text)) if text.chars().count() <= SEARCH_TEXT_MAX => {
            let near = wanted.near.as_deref().map(near).transpose()?;
            map.search(&text, near, limit).into_iter().map(|hit| place(map, hit)).collect()
        }
        (None, Some(_)) => {
            return Err(Problem::invalid(format!("q has at most {SEARCH_TEXT_MAX} characters")));
        }
        (None, None) => return Err(Problem::invalid("say q=TEXT or stand=NUMBER")),
    };
    Ok(Json(PlacesAnswer { places }))
}

fn near(text: &str) -> Result<Position, Problem> {
    let malformed = || Problem::invalid("near is LAT,LON in degrees, such as 37.4979,127.0276");
    let (lat, lon) = text.split_once(',').ok_or_else(malformed)?;
    let (lat, lon) = (lat.parse().map_err(|_| malformed())?, lon.parse().map_err(|_| malformed())?);
    Position::new(lat, lon).map_err(|_| malformed())
}

pub(super) fn stand(map: &RoadMap, code: u16) -> Option<Place> {
    let stand = map.stands().into_iter().find(|stand| stand.code.as_str() == code.to_string())?;
    Some(Place {
        name: shortened(&stand.name),
        detail: None,
        kind: "stand".to_owned(),
        position: view::wire_position(stand.position),
        stand_code: Some(code),
        score: 1.0,
    })
}

fn place(map: &RoadMap, hit: Hit) -> Place {
    let position = crate::wire::Position { lat: hit.lat, lon: hit.lon };
    let stand_code = (hit.kind == ondol_roads::Kind::Stand)
        .then(|| {
            let near = Position::new(hit.lat, hit.lon).ok()?;
            let stand = map.stands().into_iter().find(|stand| stand.position.distance_m(near) < 1.0)?;
            stand.code.as_str().parse().ok()
        })
        .flatten();
    Place {
        name: shortened(&hit.name),
        detail: None,
        kind: hit.kind.as_str().to_owned(),
        position,
        stand_code,
        score: hit.score,
    }
}

/// What the rider called a place; the map's name for it where there was no word, or it was erased since.
pub(super) fn called(map: Option<&RoadMap>, label: Option<String>, position: Position) -> String {
    label.unwrap_or_else(|| name_at(map, position))
}

/// What people call a place; its position where the map has no name near it.
pub(super) fn name_at(map: Option<&RoadMap>, position: Position) -> String {
    let hit = map.and_then(|map| map.reverse(position));
    hit.map_or_else(|| format!("{:.5},{:.5}", position.lat(), position.lon()), |hit| shortened(&hit.name))
}

fn shortened(name: &str) -> String {
    name.chars().take(NAME_MAX_CHARS).collect()
}
