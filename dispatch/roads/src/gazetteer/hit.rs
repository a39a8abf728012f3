//! What a search or a position gives.

use serde::Serialize;

use super::place::Kind;

/// Something found.
///
/// JSON: `{"name", "kind", "lat", "lon", "score"}`, as `ondol map search --json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// Its name in the language it was asked for.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Latitude in degrees.
    pub lat: f64,
    /// Longitude in degrees.
    pub lon: f64,
    /// How well it fits, 0 to 1.
    pub score: f64,
    /// What the signs say, for screens in the local language.
    #[serde(skip)]
    pub name_local: String,
    /// In English, if known.
    #[serde(skip)]
    pub name_en: Option<String>,
    /// Code of a stand (`12`) or number of an exit.
    #[serde(skip)]
    pub code: Option<String>,
    /// The town or neighbourhood it lies in, if mapped: tells things of one name apart.
    #[serde(skip)]
    pub town: Option<String>,
}
