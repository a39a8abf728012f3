//! The ground: a river through the middle, and curved coordinates on either bank.
//!
//! **Units**: flat metres east and north of the city's centre.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::point::{Plane, Point};

/// The city reaches this far from its centre, in metres.
pub(crate) const HALF_M: f64 = 4_000.0;
/// Where the city lies: open sea west of Incheon.
const CENTRE: (f64, f64) = (37.40, 125.75);

/// A bank of the river.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bank {
    North,
    South,
}

/// A place in curved coordinates: `u` from west (0) to east (1), `v` from the river (0) to the edge (1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Curved {
    pub(crate) bank: Bank,
    pub(crate) u: f64,
    pub(crate) v: f64,
}

/// The lie of the land.
#[derive(Debug, Clone)]
pub(crate) struct Terrain {
    plane: Plane,
    phases: [f64; 6],
    /// How much avenues wind, 0.6 to 1.2.
    winding: f64,
}

impl Terrain {
    pub(crate) fn new(rng: &mut ChaCha8Rng) -> Self {
        let phases = std::array::from_fn(|_| rng.random_range(0.0..std::f64::consts::TAU));
        Self { plane: Plane::around(CENTRE.0, CENTRE.1), phases, winding: rng.random_range(0.6..1.2) }
    }

    /// The middle of the river at `x`.
    pub(crate) fn river_y(&self, x: f64) -> f64 {
        400.0 * (x / 2_300.0 + self.phases[0]).sin() + 120.0 * (x / 1_150.0 + self.phases[1]).sin()
    }

    /// Half the river's width at `x`.
    pub(crate) fn river_half_m(&self, x: f64) -> f64 {
        180.0 + 45.0 * (x / 1_700.0 + self.phases[2]).sin()
    }

    /// Flat metres of a place in curved coordinates.
    pub(crate) fn flat(&self, place: Curved) -> [f64; 2] {
        let x = -HALF_M + 2.0 * HALF_M * place.u;
        let side = match place.bank {
            Bank::North => 1.0,
            Bank::South => -1.0,
        };
        // The riverside road keeps 35 m from the water.
        let shore = self.river_y(x) + side * (self.river_half_m(x) + 35.0);
        let y = shore + place.v * (side * HALF_M - shore);
        // Winding grows from nothing at the river, so that bridges run straight.
        let grown = (place.v * 2.5).min(1.0) * self.winding;
        let edge = (place.u * (1.0 - place.u) * 8.0).min(1.0);
        let east = grown
            * edge
            * (170.0 * (y / 1_250.0 + x / 4_000.0 + self.phases[3]).sin()
                + 90.0 * ((x + y) / 900.0 + self.phases[4]).sin());
        let north = grown
            * (1.0 - place.v).min(0.5)
            * 2.0
            * 150.0
            * (x / 1_250.0 + y / 3_000.0 + self.phases[5]).sin();
        [x + east, y + north]
    }

    /// The point at flat metres.
    ///
    /// # Panics
    ///
    /// Never: the city and its surroundings lie far from the poles.
    pub(crate) fn point(&self, flat: [f64; 2]) -> Point {
        self.plane.point(flat).expect("the city lies far from the poles")
    }
}

/// Distance between flat places in metres.
pub(crate) fn apart_m(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}
