//! The master key: one file that central and its edges share.

use std::fmt;
use std::path::Path;

use aws_lc_rs::hmac;

use super::key_file::{KeyFileError, KeyKind, read_key, write_new_key};
use super::random_bytes;

/// The master key, from which every other key is derived.
#[derive(Clone)]
pub struct Secrets {
    master: [u8; 32],
}

impl Secrets {
    /// Makes a new master key.
    #[must_use]
    pub fn generate() -> Self {
        Self { master: random_bytes() }
    }

    /// Returns the secrets of a fixed key, for tests and seeded runs.
    #[must_use]
    pub fn from_bytes(master: [u8; 32]) -> Self {
        Self { master }
    }

    /// Reads the master key from a file of 64 hexadecimal digits that only its owner may read.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`] if the file is absent, malformed, another kind of key, or readable by others.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        Ok(Self { master: *read_key(path, KeyKind::Master)? })
    }

    /// Writes the master key to a new file that only its owner may read.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::File`] if the file is already there or cannot be written.
    pub fn write_new(&self, path: &Path) -> Result<(), KeyFileError> {
        write_new_key(path, KeyKind::Master, &self.master)
    }

    /// The key for one purpose; another purpose's tells nothing about it.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.master);
        let tag = hmac::sign(&key, format!("ondol-key/1 {purpose}").as_bytes());
        *tag.as_ref().first_chunk().expect("an HMAC-SHA-256 tag has 32 bytes")
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}
