//! Files that hold one key of 32 bytes: the master key, which every node has, and the recovery key, which none has.
//!
//! ```text
//! master.key      <64 hexadecimal digits>
//! recovery.key    ondol-recovery-1 <64 hexadecimal digits>
//! ```
//!
//! Each kind has a form of its own, so that neither is taken for the other: a recovery key that is made from the
//! master key would lie on every node's disk.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use ondol_core::journal::Hash;
use thiserror::Error;
use zeroize::Zeroizing;

use super::hex;

/// Largest key file that is read, in bytes; ours have at most 82.
const FILE_MAX_BYTES: u64 = 1_024;
/// Stands before a recovery key.
const RECOVERY: &str = "ondol-recovery-1 ";

/// What a key file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// The master key.
    Master,
    /// The recovery key.
    Recovery,
}

impl KeyKind {
    fn tag(self) -> &'static str {
        match self {
            Self::Master => "",
            Self::Recovery => RECOVERY,
        }
    }

    /// As a sentence names it.
    fn name(self) -> &'static str {
        match self {
            Self::Master => "master key",
            Self::Recovery => "recovery key",
        }
    }
}

/// Why a key file is not used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// It could not be read or written.
    #[error("cannot use the key file {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It holds no key.
    #[error("the key file {path} must hold {}64 hexadecimal digits and nothing else", kind.tag())]
    Malformed {
        /// The file.
        path: String,
        /// What was looked for.
        kind: KeyKind,
    },
    /// It holds a key of the other kind.
    #[error("the key file {path} holds a {}, and a {} is asked for", found.name(), wanted.name())]
    OtherKind {
        /// The file.
        path: String,
        /// What it holds.
        found: KeyKind,
        /// What was looked for.
        wanted: KeyKind,
    },
    /// Others may read it.
    #[error("the key file {path} may be read by others: chmod 600 it")]
    Exposed {
        /// The file.
        path: String,
    },
}

/// Reads a key of `kind` from a file that only its owner may read.
pub(crate) fn read_key(path: &Path, kind: KeyKind) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let name = || path.display().to_string();
    let failed = |source| KeyFileError::File { path: name(), source };
    let file = fs::File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path: name() });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    let (found, digits) = match text.trim().strip_prefix(RECOVERY) {
        Some(digits) => (KeyKind::Recovery, digits),
        None => (KeyKind::Master, text.trim()),
    };
    let key: Hash = digits.parse().map_err(|_| KeyFileError::Malformed { path: name(), kind })?;
    if found == kind {
        Ok(Zeroizing::new(key.0))
    } else {
        Err(KeyFileError::OtherKind { path: name(), found, wanted: kind })
    }
}

/// Writes a key to a new file that only its owner may read.
pub(crate) fn write_new_key(path: &Path, kind: KeyKind, key: &[u8; 32]) -> Result<(), KeyFileError> {
    let digits = Zeroizing::new(hex(key));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            writeln!(file, "{}{}", kind.tag(), digits.as_str())?;
            file.sync_all()
        })
        .map_err(|source| KeyFileError::File { path: path.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_kind_of_key_is_taken_for_the_other() {
        let folder = tempfile::tempdir().unwrap();
        for (kind, other) in [(KeyKind::Master, KeyKind::Recovery), (KeyKind::Recovery, KeyKind::Master)] {
            let path = folder.path().join(kind.name());
            write_new_key(&path, kind, &[7; 32]).unwrap();
            assert!(
                matches!(write_new_key(&path, kind, &[8; 32]), Err(KeyFileError::File { .. })),
                "it is there"
            );
            assert_eq!(*read_key(&path, kind).unwrap(), [7; 32]);
            let refused = read_key(&path, other).unwrap_err().to_string();
            let said = format!("holds a {}, and a {} is asked for", kind.name(), other.name());
            assert!(refused.ends_with(&said), "{refused}");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(read_key(&path, kind), Err(KeyFileError::Exposed { .. })));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.key");
        let digits = "0a".repeat(32);
        for text in
            ["", "hello", &digits[1..], &format!("ondol-recovery-2 {digits}"), &format!("{digits} {digits}")]
        {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            for kind in [KeyKind::Master, KeyKind::Recovery] {
                let refused = read_key(&path, kind).unwrap_err();
                assert!(matches!(refused, KeyFileError::Malformed { .. }), "{text}: {refused}");
            }
        }
    }
}
