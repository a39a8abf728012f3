//! The master key: one file that central and its edges share.

use std::fmt;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aws_lc_rs::hmac;
use thiserror::Error;

use super::{hex, random_bytes};

/// The master key, from which every other key is derived.
#[derive(Clone)]
pub struct Secrets {
    master: [u8; 32],
}

/// Why the file of the master key is not used.
#[derive(Debug, Error)]
pub enum SecretsError {
    /// It could not be read or written.
    #[error("cannot use the key file {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not 64 hexadecimal digits.
    #[error("the key file {path} must hold 64 hexadecimal digits and nothing else")]
    Malformed {
        /// The file.
        path: String,
    },
    /// Others may read it.
    #[error("the key file {path} may be read by others: chmod 600 it")]
    Exposed {
        /// The file.
        path: String,
    },
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
    /// [`SecretsError`] if the file is absent, malformed, or readable by others.
    pub fn read(path: &Path) -> Result<Self, SecretsError> {
        let name = || path.display().to_string();
        let file = |source| SecretsError::File { path: name(), source };
        let text = std::fs::read_to_string(path).map_err(file)?;
        if std::fs::metadata(path).map_err(file)?.permissions().mode() & 0o077 != 0 {
            return Err(SecretsError::Exposed { path: name() });
        }
        let hash: ondol_core::journal::Hash =
            text.trim().parse().map_err(|_| SecretsError::Malformed { path: name() })?;
        Ok(Self { master: hash.0 })
    }

    /// Writes the master key to a new file that only its owner may read.
    ///
    /// # Errors
    ///
    /// [`SecretsError::File`] if the file is already there or cannot be written.
    pub fn write_new(&self, path: &Path) -> Result<(), SecretsError> {
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| {
                writeln!(file, "{}", hex(&self.master))?;
                file.sync_all()
            })
            .map_err(|source| SecretsError::File { path: path.display().to_string(), source })
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
