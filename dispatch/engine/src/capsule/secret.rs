//! The recovery key as bytes: in its file, and in the order that carries it into a node.

use std::fmt;
use std::path::Path;

use ondol_core::journal::Hash;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::seal::RecoveryKey;
use crate::vault::{KeyFileError, KeyKind, random_bytes, read_key, write_new_key};

/// The bytes of a recovery key; in JSON 64 hexadecimal digits. Shows nothing of itself, and is wiped from memory when
/// it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoverySecret(Zeroizing<[u8; 32]>);

impl RecoverySecret {
    /// Makes a new one.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_bytes(random_bytes())
    }

    /// Returns the one of fixed bytes, for tests and seeded runs.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads it from its file, which only its owner may read.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`], also for the file of a master key: every node has that one.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        Ok(Self(read_key(path, KeyKind::Recovery)?))
    }

    /// Writes it to a new file that only its owner may read.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::File`] if the file is already there or cannot be written.
    pub fn write_new(&self, path: &Path) -> Result<(), KeyFileError> {
        write_new_key(path, KeyKind::Recovery, &self.0)
    }

    /// The key that opens.
    #[must_use]
    pub fn key(&self) -> RecoveryKey {
        RecoveryKey::from_bytes(&self.0)
    }
}

impl fmt::Debug for RecoverySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoverySecret(…)")
    }
}

impl Serialize for RecoverySecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(Hash(*self.0).to_string()))
    }
}

impl<'de> Deserialize<'de> for RecoverySecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes: Hash = digits
            .parse()
            .map_err(|_| serde::de::Error::custom("a recovery key is 64 hexadecimal digits"))?;
        Ok(Self::from_bytes(bytes.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sent_and_never_shown() {
        let secret = RecoverySecret::from_bytes([0xab; 32]);
        let sent = serde_json::to_string(&secret).unwrap();
        assert_eq!(serde_json::from_str::<RecoverySecret>(&sent).unwrap(), secret);
        let order = crate::control::Order::LoadRecovery { key: secret.clone(), minutes: 1 };
        for shown in [format!("{secret:?}"), format!("{order:?}"), format!("{:?}", secret.key())] {
            assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
        }
        for bad in ["\"ab\"", "7", "null"] {
            assert!(serde_json::from_str::<RecoverySecret>(bad).is_err(), "{bad}");
        }
    }
}
