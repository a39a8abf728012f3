//! Telling formats apart by their first bytes.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::error::MapError;

/// Bytes looked at.
const HEAD: usize = 4096;

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Pbf,
    OsmXml,
    GraphMl,
}

impl Format {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pbf => "osm_pbf",
            Self::OsmXml => "osm_xml",
            Self::GraphMl => "osmnx_graphml",
        }
    }
}

/// Opens `file` for reading, through gzip if it is gzipped.
pub(crate) fn open(file: &Path) -> Result<Box<dyn BufRead>, MapError> {
    let mut plain =
        BufReader::with_capacity(1 << 16, File::open(file).map_err(|e| MapError::unreadable(file, e))?);
    let head = plain.fill_buf().map_err(|e| MapError::unreadable(file, e))?;
    if head.is_empty() {
        return Err(MapError::EmptyFile { file: file.to_owned() });
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(plain))))
    } else {
        Ok(Box::new(plain))
    }
}

/// What `file` holds.
pub(crate) fn format(file: &Path) -> Result<Format, MapError> {
    let mut head = Vec::new();
    let packed = first_bytes(file)?;
    if let Err(error) = open(file)?.take(HEAD as u64).read_to_end(&mut head) {
        return Err(MapError::damaged(file, format_args!("gzip: {error}")));
    }
    let unknown = |looks_like| Err(MapError::UnknownFormat { file: file.to_owned(), looks_like });
    if head.is_empty() {
        return Err(MapError::EmptyFile { file: file.to_owned() });
    }
    if is_pbf(&head) {
        // A gzipped PBF is refused: blobs inside are packed already, and the reader wants to seek.
        return if packed.starts_with(&[0x1f, 0x8b]) {
            unknown("a gzipped PBF (unpack it with gunzip)")
        } else {
            Ok(Format::Pbf)
        };
    }
    let text = String::from_utf8_lossy(&head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('<') {
        return if text.contains("<osm") {
            Ok(Format::OsmXml)
        } else if text.contains("<graphml") {
            Ok(Format::GraphMl)
        } else {
            unknown("XML of another kind")
        };
    }
    unknown(match &packed[..] {
        [b'P', b'K', ..] => "a zip archive",
        [b'B', b'Z', b'h', ..] => "bzip2 (unpack it with bunzip2)",
        [0xfd, b'7', b'z', b'X', ..] => "xz (unpack it with unxz)",
        _ if text.starts_with('{') || text.starts_with('[') => "JSON",
        _ if head.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | 32..) && *b != 127) => "text",
        _ => "binary data of another kind",
    })
}

fn first_bytes(file: &Path) -> Result<[u8; 4], MapError> {
    let mut packed = Vec::new();
    let opened = File::open(file).map_err(|e| MapError::unreadable(file, e))?;
    opened.take(4).read_to_end(&mut packed).map_err(|e| MapError::unreadable(file, e))?;
    packed.resize(4, 0);
    Ok([packed[0], packed[1], packed[2], packed[3]])
}

/// A PBF begins with the length of a header that names its type.
fn is_pbf(head: &[u8]) -> bool {
    head.len() > 15 && head[0] == 0 && head[4] == 0x0a && head[6..].starts_with(b"OSMHeader")
}
