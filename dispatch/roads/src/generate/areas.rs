//! Water, parks, and the two districts that the river parts.

use geo::{Coord, LineString, Polygon};
use ondol_core::ids::{DistrictId, ZoneId};

use super::streets::{Quarter, Streets};
use super::terrain::{Bank, Curved, HALF_M, Terrain};
use crate::districts::Districts;
use crate::overview::{Shape, ShapeKind};
use crate::point::Point;

/// Districts reach this far beyond the last street, in metres.
const MARGIN_M: f64 = 1_200.0;
/// Where zones of a district meet, in metres east.
const ZONE_BORDERS_M: [f64; 2] = [-1_350.0, 1_350.0];
/// Distance between the points of a bank, in metres.
const STEP_M: f64 = 100.0;

/// The river and the green meshes.
pub(crate) fn shapes(terrain: &Terrain, streets: &Streets) -> Vec<Shape> {
    let mut shapes = vec![Shape { kind: ShapeKind::Water, rings: vec![river(terrain)] }];
    for mesh in streets.meshes.iter().filter(|mesh| mesh.quarter == Quarter::Green) {
        let (u, v) = (inset(mesh.u, 0.04), inset(mesh.v, 0.06));
        let side = |from: (f64, f64), to: (f64, f64)| {
            (0..8).map(move |at| {
                let share = f64::from(at) / 8.0;
                (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
            })
        };
        let corners = [(u[0], v[0]), (u[1], v[0]), (u[1], v[1]), (u[0], v[1]), (u[0], v[0])];
        let mut ring: Vec<Point> = corners
            .windows(2)
            .flat_map(|pair| side(pair[0], pair[1]))
            .map(|(u, v)| terrain.point(terrain.flat(Curved { bank: mesh.bank, u, v })))
            .collect();
        ring.extend(ring.first().copied());
        shapes.push(Shape { kind: ShapeKind::Green, rings: vec![ring] });
    }
    shapes
}

/// `hanbuk` north of the middle of the river and `hannam` south of it, three zones each.
///
/// # Panics
///
/// Never: names are literals, and six zones of many corners are a set of districts.
pub(crate) fn districts(terrain: &Terrain) -> Districts {
    let edge = HALF_M + MARGIN_M;
    let borders = [-edge, ZONE_BORDERS_M[0], ZONE_BORDERS_M[1], edge];
    let mut zones = Vec::new();
    for (bank, district) in [(Bank::North, "hanbuk"), (Bank::South, "hannam")] {
        for (span, part) in borders.windows(2).zip(["west", "centre", "east"]) {
            let far = match bank {
                Bank::North => edge,
                Bank::South => -edge,
            };
            let middle = steps(span[0], span[1]).map(|x| [x, terrain.river_y(x)]);
            let ring = middle.chain([[span[1], far], [span[0], far]]).map(|flat| {
                let point = terrain.point(flat);
                Coord { x: point.lon(), y: point.lat() }
            });
            let id = |text: &str| ZoneId::new(text).expect("a literal of letters and a hyphen");
            zones.push((
                DistrictId::new(district).expect("a literal of letters"),
                id(&format!("{district}-{part}")),
                Polygon::new(LineString::new(ring.collect()), Vec::new()),
            ));
        }
    }
    Districts::of_zones(zones).expect("six zones with names of their own")
}

fn river(terrain: &Terrain) -> Vec<Point> {
    let edge = HALF_M + MARGIN_M;
    let bank = |x: f64, side: f64| terrain.point([x, terrain.river_y(x) + side * terrain.river_half_m(x)]);
    let mut ring: Vec<Point> = steps(-edge, edge).map(|x| bank(x, 1.0)).collect();
    let south: Vec<Point> = steps(-edge, edge).map(|x| bank(x, -1.0)).collect();
    ring.extend(south.into_iter().rev());
    ring.extend(ring.first().copied());
    ring
}

/// Values from `from` to `to` with both, at most [`STEP_M`] apart.
fn steps(from: f64, to: f64) -> impl Iterator<Item = f64> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a city is about 10 km wide")]
    let count = ((to - from) / STEP_M).ceil() as u32;
    (0..=count).map(move |at| from + (to - from) * f64::from(at) / f64::from(count))
}

fn inset([low, high]: [f64; 2], share: f64) -> [f64; 2] {
    let by = (high - low) * share;
    [low + by, high - by]
}
