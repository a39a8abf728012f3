//! A street of the generated city as a line in curved coordinates.

use super::terrain::Bank;
use crate::names::Names;
use crate::tags::RoadClass;

/// Which coordinate of a line changes along it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    /// `u` is fixed, the line leads away from the river.
    Away,
    /// `v` is fixed, the line leads east.
    East,
}

/// A street as a line in curved coordinates.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) bank: Bank,
    pub(crate) axis: Axis,
    pub(crate) fixed: f64,
    pub(crate) start: f64,
    pub(crate) end: f64,
    /// Where the line's ends lie if they were drawn to a junction of a bent street.
    pub(crate) pulled: [[f64; 2]; 2],
    /// How far the middle is bent aside, in metres.
    pub(crate) bend_m: f64,
    pub(crate) class: RoadClass,
    pub(crate) names: Names,
    /// Between these coordinates the line is part of the ring.
    pub(crate) ring: Option<[f64; 2]>,
    /// Junctions by coordinate.
    pub(crate) junctions: Vec<(f64, i64)>,
    pub(crate) one_way: Option<bool>,
}

impl Line {
    pub(crate) fn straight(
        bank: Bank,
        axis: Axis,
        fixed: f64,
        [start, end]: [f64; 2],
        class: RoadClass,
        names: Names,
    ) -> Self {
        Self {
            bank,
            axis,
            fixed,
            start,
            end,
            pulled: [[0.0; 2]; 2],
            bend_m: 0.0,
            class,
            names,
            ring: None,
            junctions: Vec::new(),
            one_way: None,
        }
    }

    pub(crate) fn is_avenue(&self) -> bool {
        self.class <= RoadClass::Secondary
    }

    /// Name and class at a coordinate.
    pub(crate) fn called(&self, coordinate: f64) -> (Names, RoadClass) {
        match self.ring {
            Some([from, to]) if (from..=to).contains(&coordinate) => {
                (Names::pair("온돌순환로", "Ondolsunhwan-ro"), RoadClass::Trunk)
            }
            _ => (self.names.clone(), self.class),
        }
    }
}
