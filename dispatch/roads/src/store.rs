//! The map directory on disk.
//!
//! | file | content |
//! |---|---|
//! | `meta.json` | format, sources, attribution, counts, box |
//! | `roads.bin` | the street network, postcard in gzip (which checks itself) |
//! | `gazetteer.bin` | names and numbers, likewise |
//! | `map.geojson.gz` | what the console draws |
//! | `districts.geojson` | districts and zones, if given |
//!
//! A directory appears whole or not at all: it is written beside its place and renamed. Where a map stood
//! before, there is a moment without one; a running node has long read its own into memory.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::build::BuiltMap;
use crate::districts::Districts;
use crate::error::MapError;
use crate::gazetteer::GazetteerData;
use crate::meta::{FORMAT, Meta};
use crate::network::Network;

const META: &str = "meta.json";
const ROADS: &str = "roads.bin";
const GAZETTEER: &str = "gazetteer.bin";
const OVERVIEW: &str = "map.geojson.gz";
const DISTRICTS: &str = "districts.geojson";

/// Largest unpacked file of a map, in bytes.
const UNPACKED_MAX: u64 = 4 << 30;
/// Largest `meta.json`, in bytes.
const META_MAX: u64 = 1 << 20;

/// A map directory as it was read.
pub(crate) struct Stored {
    pub(crate) meta: Meta,
    pub(crate) network: Network,
    pub(crate) gazetteer: GazetteerData,
    pub(crate) districts: Option<Districts>,
    /// GeoJSON in gzip.
    pub(crate) overview_gz: Vec<u8>,
}

impl BuiltMap {
    /// Writes the map to `out`, in place of a map that is there already.
    ///
    /// # Errors
    ///
    /// [`MapError::NotOurs`] if `out` is something else than a map, [`MapError::Unwritable`]; `out` is as before.
    pub fn write(&self, out: &Path) -> Result<(), MapError> {
        let unwritable = |source| MapError::Unwritable { dir: out.to_owned(), source };
        let whole = std::path::absolute(out).map_err(unwritable)?;
        if whole.file_name().is_none() || !may_replace(&whole).map_err(unwritable)? {
            return Err(MapError::NotOurs { dir: out.to_owned() });
        }
        let out = whole.as_path();
        let fresh = beside(out, "new");
        let written = self.write_files(&fresh).and_then(|()| put_in_place(&fresh, out));
        if written.is_err() {
            let _ = fs::remove_dir_all(&fresh);
        }
        written.map_err(unwritable)
    }

    fn write_files(&self, dir: &Path) -> io::Result<()> {
        if let Some(parent) = dir.parent() {
            fs::create_dir_all(parent)?;
        }
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        fs::create_dir(dir)?;
        write_file(&dir.join(ROADS), &pack(&self.network)?)?;
        write_file(&dir.join(GAZETTEER), &pack(&self.gazetteer)?)?;
        write_file(&dir.join(OVERVIEW), &gzip(&self.overview)?)?;
        if let Some(districts) = &self.districts {
            write_file(&dir.join(DISTRICTS), &districts.to_geojson())?;
        }
        write_file(&dir.join(META), &serde_json::to_vec_pretty(&self.meta).map_err(io::Error::other)?)
    }
}

/// Writes one file, whole or not at all.
pub(crate) fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = std::path::absolute(file)?;
    let fresh = beside(&file, "new");
    let written = write_file(&fresh, bytes).and_then(|()| fs::rename(&fresh, &file));
    if written.is_err() {
        // What was begun is of no use; that it may stay is no second failure.
        let _ = fs::remove_file(&fresh);
    }
    written?;
    let Some(parent) = file.parent() else { return Ok(()) };
    File::open(parent)?.sync_all()
}

/// Reads the map directory `dir`.
pub(crate) fn read(dir: &Path) -> Result<Stored, MapError> {
    let meta: Meta = {
        let bytes = read_file(dir, META, META_MAX)?;
        let value: serde_json::Value = serde_json::from_slice(&bytes)
            .map_err(|e| MapError::bad_map(dir, format_args!("{META}: {e}")))?;
        let found = value["format"].as_u64().and_then(|found| u32::try_from(found).ok());
        match found {
            Some(FORMAT) => {}
            Some(found) => return Err(MapError::OtherFormat { dir: dir.to_owned(), found, known: FORMAT }),
            None => return Err(MapError::bad_map(dir, format_args!("{META} has no format"))),
        }
        serde_json::from_value(value).map_err(|e| MapError::bad_map(dir, format_args!("{META}: {e}")))?
    };
    let network: Network = unpack(dir, ROADS)?;
    network.check().map_err(|why| MapError::bad_map(dir, format_args!("{ROADS}: {why}")))?;
    let gazetteer: GazetteerData = unpack(dir, GAZETTEER)?;
    gazetteer.check().map_err(|why| MapError::bad_map(dir, format_args!("{GAZETTEER}: {why}")))?;
    let overview_gz = read_file(dir, OVERVIEW, UNPACKED_MAX)?;
    let districts = dir.join(DISTRICTS);
    let districts = if districts.exists() { Some(Districts::read(&districts)?) } else { None };
    Ok(Stored { meta, network, gazetteer, districts, overview_gz })
}

/// Packs bytes with gzip.
pub(crate) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Unpacks gzip, at most `limit` bytes.
pub(crate) fn gunzip(bytes: &[u8], limit: u64) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    let length = GzDecoder::new(bytes).take(limit + 1).read_to_end(&mut unpacked)?;
    if length as u64 > limit {
        Err(io::Error::other(format!("more than {limit} bytes unpacked")))
    } else {
        Ok(unpacked)
    }
}

fn pack<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    gzip(&postcard::to_stdvec(value).map_err(io::Error::other)?)
}

fn unpack<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<T, MapError> {
    let packed = read_file(dir, name, UNPACKED_MAX)?;
    let bytes =
        gunzip(&packed, UNPACKED_MAX).map_err(|e| MapError::bad_map(dir, format_args!("{name}: {e}")))?;
    postcard::from_bytes(&bytes).map_err(|e| MapError::bad_map(dir, format_args!("{name}: {e}")))
}

fn read_file(dir: &Path, name: &str, limit: u64) -> Result<Vec<u8>, MapError> {
    let path = dir.join(name);
    let mut bytes = Vec::new();
    match File::open(&path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)) {
        Ok(length) if length as u64 > limit => {
            Err(MapError::bad_map(dir, format_args!("{name} is larger than {limit} bytes")))
        }
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(MapError::bad_map(dir, format_args!("{name} is missing")))
        }
        Err(error) => Err(MapError::unreadable(&path, error)),
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Whether `out` is free, empty, or an older map.
fn may_replace(out: &Path) -> io::Result<bool> {
    match fs::read_dir(out) {
        Ok(mut entries) => {
            Ok(entries.next().is_none() || (out.join(META).is_file() && out.join(ROADS).is_file()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory && out.exists() => Ok(false),
        Err(error) => Err(error),
    }
}

fn put_in_place(fresh: &Path, out: &Path) -> io::Result<()> {
    let old = beside(out, "old");
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    if out.exists() {
        fs::rename(out, &old)?;
    }
    if let Err(error) = fs::rename(fresh, out) {
        // The older map comes back rather than none.
        let _ = fs::rename(&old, out);
        return Err(error);
    }
    if let Some(parent) = out.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(parent)?.sync_all()?;
    }
    if old.exists() { fs::remove_dir_all(&old) } else { Ok(()) }
}

/// A hidden directory beside `out` on the same file system.
fn beside(out: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(out.file_name().unwrap_or(out.as_os_str()));
    name.push(format!(".{suffix}-{}", std::process::id()));
    out.with_file_name(name)
}
