//! What the gazetteer knows: streets, house numbers, places, stations, exits, stands.

use serde::{Deserialize, Serialize};

use crate::names::Names;
use crate::point::Point;

/// What a found thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A street as a whole.
    Street,
    /// A house number.
    Address,
    /// A railway, underground or bus station, an airport, a ferry terminal.
    Station,
    /// A numbered exit of an underground station.
    Exit,
    /// A taxi stand.
    Stand,
    /// A town, district, neighbourhood or square.
    Place,
    /// A named building, shop, office, sight.
    Poi,
}

impl Kind {
    /// The word in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Street => "street",
            Self::Address => "address",
            Self::Station => "station",
            Self::Exit => "exit",
            Self::Stand => "stand",
            Self::Place => "place",
            Self::Poi => "poi",
        }
    }
}

/// A named point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) names: Names,
    pub(crate) point: Point,
    /// How likely somebody means it, 0 to 100.
    pub(crate) rank: u8,
    /// The number of an exit, the code of a stand.
    pub(crate) code: Option<String>,
    /// Cars that fit on a stand, if known.
    pub(crate) capacity: Option<u16>,
}

/// A house number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) street: String,
    pub(crate) number: String,
    pub(crate) city: Option<String>,
    pub(crate) point: Point,
}

/// Everything with a name or number that an import or the generator found; drivable streets come from the network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    pub(crate) places: Vec<Place>,
    pub(crate) addresses: Vec<Address>,
    /// Streets, drivable or not: a passenger may stand in a pedestrian zone.
    pub(crate) ways: Vec<(Names, Point)>,
}
