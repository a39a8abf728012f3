//! What can go wrong with a map, each in one sentence that says what to do.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Longest detail quoted in a message, in characters; the rest of hostile input is cut.
const DETAIL_MAX_CHARS: usize = 160;

/// Why a map could not be imported, written or loaded.
#[derive(Debug, Error)]
pub enum MapError {
    /// The operating system would not give the file.
    #[error("{} cannot be read ({source}): check the path and its permissions", file.display())]
    Unreadable {
        /// The file or directory.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file has no content.
    #[error("{} is empty: fetch the extract again", file.display())]
    EmptyFile {
        /// The file.
        file: PathBuf,
    },
    /// The content is none of the formats that are read, whatever its name says.
    #[error(
        "{} is {looks_like}, not a map that Ondol reads: give an .osm.pbf, a gzipped OSM XML or an OSMnx .graphml[.gz]",
        file.display()
    )]
    UnknownFormat {
        /// The file.
        file: PathBuf,
        /// What the first bytes look like.
        looks_like: &'static str,
    },
    /// The format is known, but the content is broken or ends too early.
    #[error("{} is damaged or cut short ({detail}): fetch the extract again", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where and how.
        detail: String,
    },
    /// The file asks for more memory than an import may use.
    #[error("{} is too large ({what} beyond {limit}): cut out a smaller area first, for example with `osmium extract`", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The files are sound but hold no street that a taxi may use.
    #[error(
        "no drivable street in {files}: take an extract that holds highways (an OSM extract, not only places or borders)"
    )]
    NoRoads {
        /// The files, separated by commas.
        files: String,
    },
    /// Nothing to import.
    #[error("no file given: name at least one .osm.pbf, .osm.gz or .graphml[.gz]")]
    NoInput,
    /// The output cannot be written.
    #[error("{} cannot be written ({source}): choose another --out", dir.display())]
    Unwritable {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The output exists and holds something else; it is left alone.
    #[error("{} exists and is not a map directory: choose another --out or remove it yourself", dir.display())]
    NotOurs {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory is not a map, or a file in it is broken.
    #[error("{} is not a sound map directory ({detail}): make it with `ondol map import` or `ondol map generate`", dir.display())]
    BadMap {
        /// The directory.
        dir: PathBuf,
        /// Which file and why.
        detail: String,
    },
    /// The directory was written by a release with another layout.
    #[error("{} has map format {found}, this release reads {known}: import the map again", dir.display())]
    OtherFormat {
        /// The directory.
        dir: PathBuf,
        /// The version found.
        found: u32,
        /// The version this release reads and writes.
        known: u32,
    },
    /// A GeoJSON of districts that breaks a rule.
    #[error("{} is not a usable set of districts ({detail}): give polygons with `district` and `zone` properties", file.display())]
    BadDistricts {
        /// The file.
        file: PathBuf,
        /// Which rule.
        detail: String,
    },
}

impl MapError {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "map_unreadable",
            Self::EmptyFile { .. } => "map_empty",
            Self::UnknownFormat { .. } => "map_unknown_format",
            Self::Damaged { .. } => "map_damaged",
            Self::TooLarge { .. } => "map_too_large",
            Self::NoRoads { .. } => "map_no_roads",
            Self::NoInput => "map_no_input",
            Self::Unwritable { .. } => "map_unwritable",
            Self::NotOurs { .. } => "map_out_occupied",
            Self::BadMap { .. } => "map_bad_directory",
            Self::OtherFormat { .. } => "map_other_format",
            Self::BadDistricts { .. } => "map_bad_districts",
        }
    }

    pub(crate) fn unreadable(file: &Path, source: io::Error) -> Self {
        Self::Unreadable { file: file.to_owned(), source }
    }

    pub(crate) fn damaged(file: &Path, detail: impl std::fmt::Display) -> Self {
        Self::Damaged { file: file.to_owned(), detail: bounded(detail) }
    }

    pub(crate) fn too_large(file: &Path, what: &'static str, limit: u64) -> Self {
        Self::TooLarge { file: file.to_owned(), what, limit }
    }

    pub(crate) fn bad_map(dir: &Path, detail: impl std::fmt::Display) -> Self {
        Self::BadMap { dir: dir.to_owned(), detail: bounded(detail) }
    }
}

/// Why a book of speeds is not used or not kept.
#[derive(Debug, Error)]
pub enum SpeedsError {
    /// The operating system would not give the file.
    #[error("{} cannot be read ({source})", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The operating system would not take the file.
    #[error("{} cannot be written ({source})", file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is something else, or was cut short.
    #[error("{} is damaged or cut short ({detail})", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where and how.
        detail: String,
    },
    /// The file was written by a release with another layout.
    #[error("{} has format {found}, this release reads {known}", file.display())]
    OtherFormat {
        /// The file.
        file: PathBuf,
        /// The version found.
        found: u32,
        /// The version this release reads and writes.
        known: u32,
    },
    /// The streets are others, or are numbered otherwise.
    #[error("the speeds kept there were learnt on another map")]
    OtherMap,
}

/// Why there is no route.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum RouteError {
    /// The start is too far from any street.
    #[error("the start is not within {limit_m} m of a street on this map")]
    StartOffRoad {
        /// The bound in metres.
        limit_m: u32,
    },
    /// The end is too far from any street.
    #[error("the destination is not within {limit_m} m of a street on this map")]
    EndOffRoad {
        /// The bound in metres.
        limit_m: u32,
    },
    /// No street leads there. Does not happen on imported maps: only their largest connected part is kept.
    #[error("no street leads from the start to the destination")]
    NoWay,
}

impl RouteError {
    /// A stable word for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::StartOffRoad { .. } => "start_off_road",
            Self::EndOffRoad { .. } => "destination_off_road",
            Self::NoWay => "no_way",
        }
    }
}

fn bounded(detail: impl std::fmt::Display) -> String {
    detail.to_string().chars().filter(|c| !c.is_control()).take(DETAIL_MAX_CHARS).collect()
}
