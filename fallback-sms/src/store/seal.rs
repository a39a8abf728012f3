//! Sealing: a stolen depot box betrays no number and no text.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

/// The text node's key. Without its file the store cannot be read.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

const NONCE_LEN: usize = 12;

impl Key {
    /// Returns the key made of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the key file, making one with a fresh key if there is none (readable by its owner only).
    ///
    /// # Errors
    ///
    /// If the file cannot be read or made, or does not hold 64 hexadecimal digits.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(text.trim())
                .with_context(|| format!("key_file {} must hold 64 hexadecimal digits", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(error).with_context(|| format!("key_file {} cannot be read", path.display())),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(key))
    }

    fn make(path: &Path) -> anyhow::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key).context("the system gives no random bytes")?;
        let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("key_file {} cannot be made", path.display()))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(Self(key))
    }

    /// Returns the key for one purpose.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Seals `value` for the table `table`: nonce, ciphertext, tag.
    ///
    /// # Errors
    ///
    /// If it cannot be written as JSON.
    pub(super) fn seal<T: Serialize>(&self, table: &str, value: &T) -> anyhow::Result<Vec<u8>> {
        let mut text = serde_json::to_vec(value)?;
        let nonce = self
            .cipher(table)?
            .seal_in_place_append_tag(Aad::from(table.as_bytes()), &mut text)
            .context("sealing failed")?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// Opens what [`Key::seal`] made.
    ///
    /// # Errors
    ///
    /// If another key or another table's row is tried, or the row was changed.
    pub(super) fn open<T: DeserializeOwned>(&self, table: &str, sealed: &[u8]) -> anyhow::Result<T> {
        let refused =
            || anyhow::anyhow!("a row of {table} cannot be opened: is key_file the one it was written with?");
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let mut text = text.to_vec();
        let plain = self
            .cipher(table)?
            .open_in_place(nonce, Aad::from(table.as_bytes()), &mut text)
            .map_err(|_| refused())?;
        Ok(serde_json::from_slice(plain)?)
    }

    fn cipher(&self, table: &str) -> anyhow::Result<RandomizedNonceKey> {
        RandomizedNonceKey::new(&AES_256_GCM, &self.derive(table)).context("the cipher refuses its key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_row_or_another_key_or_table_does_not_open() {
        let key = Key::from_bytes([1; 32]);
        let sealed = key.seal("inbox", &"+821012345678").unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"1234"));
        assert_eq!(key.open::<String>("inbox", &sealed).unwrap(), "+821012345678");
        assert!(key.open::<String>("outbox", &sealed).is_err());
        assert!(Key::from_bytes([2; 32]).open::<String>("inbox", &sealed).is_err());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.open::<String>("inbox", &changed).is_err(), "byte {index}");
        }
        assert!(key.open::<String>("inbox", &sealed[..5]).is_err());
    }

    #[test]
    fn a_key_file_is_made_once_and_must_be_whole() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("text.key");
        let made = Key::from_file(&path).unwrap();
        assert_eq!(Key::from_file(&path).unwrap().0, made.0);
        std::fs::write(&path, "abc").unwrap();
        assert!(Key::from_file(&path).unwrap_err().to_string().contains("64 hexadecimal digits"));
    }
}
