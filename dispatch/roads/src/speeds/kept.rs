//! A book on disk: its format and its map first, then its cells; postcard in gzip, which checks itself.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use super::SpeedBook;
use crate::error::SpeedsError;
use crate::store::{gunzip, gzip, write_whole};

/// Version of the layout.
const FORMAT: u32 = 1;
/// Most bytes of a format and a map's fingerprint.
const HEAD_MAX: u64 = 15;

impl SpeedBook {
    /// Keeps the book in `file`, in place of an older one, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`SpeedsError::Unwritable`]; an older file is as it was.
    pub fn write(&self, file: &Path) -> Result<(), SpeedsError> {
        let packed =
            postcard::to_stdvec(&(FORMAT, self)).map_err(io::Error::other).and_then(|bytes| gzip(&bytes));
        packed
            .and_then(|packed| write_whole(file, &packed))
            .map_err(|source| SpeedsError::Unwritable { file: file.to_owned(), source })
    }

    /// The book of the map with this fingerprint in `file`, of at most `limit` bytes.
    pub(crate) fn read(file: &Path, map: u64, limit: u64) -> Result<Self, SpeedsError> {
        let unreadable = |source| SpeedsError::Unreadable { file: file.to_owned(), source };
        let damaged = |why: &dyn std::fmt::Display| SpeedsError::Damaged {
            file: file.to_owned(),
            detail: why.to_string(),
        };
        let mut packed = Vec::new();
        let opened = File::open(file).map_err(unreadable)?;
        opened.take(limit).read_to_end(&mut packed).map_err(unreadable)?;
        let mut head = Vec::new();
        let begin = GzDecoder::new(&packed[..]).take(HEAD_MAX).read_to_end(&mut head);
        begin.map_err(|e| damaged(&e))?;
        let (found, rest) = postcard::take_from_bytes::<u32>(&head).map_err(|e| damaged(&e))?;
        if found != FORMAT {
            return Err(SpeedsError::OtherFormat { file: file.to_owned(), found, known: FORMAT });
        }
        let (of_map, _) = postcard::take_from_bytes::<u64>(rest).map_err(|e| damaged(&e))?;
        if of_map != map {
            return Err(SpeedsError::OtherMap);
        }
        let bytes = gunzip(&packed, limit).map_err(|e| damaged(&e))?;
        let (_, book): (u32, Self) = postcard::from_bytes(&bytes).map_err(|e| damaged(&e))?;
        Ok(book)
    }
}
