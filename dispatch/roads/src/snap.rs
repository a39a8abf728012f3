//! From any position to the nearest street.

use rstar::primitives::{GeomWithData, Line};
use rstar::{PointDistance, RTree};

use crate::network::Network;
use crate::point::{Plane, Point};

/// A position farther than this from every street is refused, in metres.
pub const SNAP_MAX_M: u32 = 1_000;

/// Index of the piece of line and of its segment.
type Piece = GeomWithData<Line<[f64; 2]>, (u32, u32)>;

/// A place on a street.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OnStreet {
    /// Index of the segment.
    pub(crate) segment: u32,
    /// Index of the point of its line before the place.
    pub(crate) after: u32,
    /// Share of the segment's length before the place, 0 to 1.
    pub(crate) share: f64,
    pub(crate) point: Point,
    /// Distance from the position asked for, in metres.
    pub(crate) distance_m: f64,
}

/// All pieces of all streets, in a tree.
pub(crate) struct Snapper {
    plane: Plane,
    pieces: RTree<Piece>,
}

impl Snapper {
    pub(crate) fn of(network: &Network, plane: Plane) -> Self {
        let mut pieces = Vec::new();
        for (number, segment) in (0_u32..).zip(&network.segments) {
            let line = network.line(segment);
            for (after, pair) in (0_u32..).zip(line.windows(2)) {
                pieces.push(Piece::new(Line::new(plane.flat(pair[0]), plane.flat(pair[1])), (number, after)));
            }
        }
        Self { plane, pieces: RTree::bulk_load(pieces) }
    }

    /// The nearest street within [`SNAP_MAX_M`].
    pub(crate) fn nearest(&self, network: &Network, point: Point) -> Option<OnStreet> {
        let flat = self.plane.flat(point);
        let piece = self.pieces.nearest_neighbor(&flat)?;
        on_street(network, &self.plane, piece, flat).filter(|place| place.distance_m <= f64::from(SNAP_MAX_M))
    }

    /// The nearest place on each of the nearest segments within `within_m`, at most `limit`.
    pub(crate) fn near(&self, network: &Network, point: Point, within_m: f64, limit: usize) -> Vec<OnStreet> {
        let flat = self.plane.flat(point);
        let mut places: Vec<OnStreet> = Vec::new();
        let pieces = self.pieces.nearest_neighbor_iter_with_distance_2(&flat);
        for (piece, _) in pieces.take_while(|(_, distance_2)| *distance_2 <= within_m * within_m) {
            if places.len() < limit && places.iter().all(|known| known.segment != piece.data.0) {
                places.extend(on_street(network, &self.plane, piece, flat));
            }
            if places.len() >= limit {
                break;
            }
        }
        places
    }

    /// The nearest segment within `within_m` for which `wanted` holds.
    pub(crate) fn nearest_where(
        &self,
        network: &Network,
        point: Point,
        within_m: f64,
        wanted: impl Fn(u32) -> bool,
    ) -> Option<OnStreet> {
        let flat = self.plane.flat(point);
        self.pieces
            .nearest_neighbor_iter_with_distance_2(&flat)
            .take_while(|(_, distance_2)| *distance_2 <= within_m * within_m)
            .find(|(piece, _)| wanted(piece.data.0))
            .and_then(|(piece, _)| on_street(network, &self.plane, piece, flat))
    }
}

fn on_street(network: &Network, plane: &Plane, piece: &Piece, flat: [f64; 2]) -> Option<OnStreet> {
    let (segment, after) = piece.data;
    let line = network.line(&network.segments[segment as usize]);
    let nearest = piece.geom().nearest_point(&flat);
    let share_of_piece = match piece.geom().length_2() {
        length_2 if length_2 > 0.0 => (nearest.distance_2(&piece.geom().from) / length_2).sqrt().min(1.0),
        _ => 0.0,
    };
    let lengths: Vec<f64> = line.windows(2).map(|pair| pair[0].distance_m(pair[1])).collect();
    let total: f64 = lengths.iter().sum();
    let before: f64 = lengths[..after as usize].iter().sum();
    let share = if total > 0.0 {
        ((before + share_of_piece * lengths[after as usize]) / total).clamp(0.0, 1.0)
    } else {
        0.0
    };
    Some(OnStreet {
        segment,
        after,
        share,
        point: plane.point(nearest)?,
        distance_m: nearest.distance_2(&flat).sqrt(),
    })
}
