//! Reading map files: what they are is told by their content, never by their name.

mod bounded;
mod collect;
mod graphml;
mod near;
mod osm_xml;
mod pbf;
mod places;
mod relation;
mod restrictions;
mod segments;
mod sniff;
mod water;

use std::path::{Path, PathBuf};

pub(crate) use places::exit_names;
pub(crate) use restrictions::Bans;
pub(crate) use segments::{RawSegment, times_ms};

use crate::build::{self, BuiltMap, Ingredients};
use crate::districts::Districts;
use crate::error::MapError;
use crate::meta::{ImportReport, Source};
use collect::Raw;
use sniff::Format;

/// Most files of one import.
const FILES_MAX: usize = 64;

/// Words for a progress line, in the order they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A file is being read.
    Reading(PathBuf),
    /// Streets are being joined at their junctions.
    Joining,
    /// Names, numbers and stands are being collected.
    Naming,
    /// The order of the contraction hierarchy is being computed.
    Ordering,
    /// The directory is being written.
    Writing(PathBuf),
}

/// Imports `files` into the map directory `out`, replacing a map that is there already.
///
/// Several files are merged: what they share is taken once. `districts` becomes `districts.geojson`.
/// Nothing is written unless everything was read.
///
/// # Errors
///
/// [`MapError`], with `out` as it was.
pub fn import(
    files: &[PathBuf],
    out: &Path,
    districts: Option<&Districts>,
    progress: &mut dyn FnMut(Progress),
) -> Result<ImportReport, MapError> {
    let built = import_in_memory(files, districts, progress)?;
    progress(Progress::Writing(out.to_owned()));
    built.write(out)?;
    Ok(built.meta.report())
}

/// Imports `files` without writing anything.
///
/// # Errors
///
/// [`MapError`] as for [`import`].
pub fn import_in_memory(
    files: &[PathBuf],
    districts: Option<&Districts>,
    progress: &mut dyn FnMut(Progress),
) -> Result<BuiltMap, MapError> {
    let Some(first) = files.first() else {
        return Err(MapError::NoInput);
    };
    if files.len() > FILES_MAX {
        return Err(MapError::too_large(first, "files", FILES_MAX as u64));
    }
    let mut raw = Raw::default();
    let mut sources = Vec::new();
    for file in files {
        progress(Progress::Reading(file.clone()));
        sources.push(read(file, &mut raw)?);
    }
    progress(Progress::Joining);
    raw.settle();
    let (segments, ways) = segments::segments(&raw);
    if segments.is_empty() {
        return Err(MapError::NoRoads { files: list(files) });
    }
    let bans = restrictions::bans(&raw, &segments, &ways);
    progress(Progress::Naming);
    let places = places::places(&raw);
    let shapes = water::shapes(&raw);
    drop(raw);
    progress(Progress::Ordering);
    build::build(Ingredients { segments, bans, places, shapes, districts: districts.cloned(), sources })
        .ok_or_else(|| MapError::NoRoads { files: list(files) })
}

fn read(file: &Path, raw: &mut Raw) -> Result<Source, MapError> {
    let format = sniff::format(file)?;
    match format {
        Format::Pbf => pbf::read(file, raw)?,
        Format::OsmXml => osm_xml::read(file, raw)?,
        Format::GraphMl => graphml::read(file, raw)?,
    }
    let name =
        file.file_name().map(|name| name.to_string_lossy().chars().take(200).collect()).unwrap_or_default();
    Ok(Source { file: name, format: format.as_str().to_owned() })
}

fn list(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().take(4).map(|file| file.display().to_string()).collect();
    let more = if files.len() > names.len() { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
}
