//! Ed25519 keys of nodes and devices, and the names they go by.
//!
//! A key's name (`kid`) is its RFC 7638 thumbprint, so that a name cannot be claimed for another key.
//! Private keys live in files that only their owner can read and are never printed.

use std::fmt;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, VerificationAlgorithm as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use ondol_core::ids::DeviceId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Largest key file that is read, in bytes; ours have about 120.
const FILE_MAX_BYTES: u64 = 4_096;
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// The RFC 7638 thumbprint of a public key: 43 characters of base64url.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Thumbprint(String);

impl Thumbprint {
    /// The thumbprint as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public key; in text the 43 characters of base64url that a JWK calls `x`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

/// Text that is not a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a public key is 43 characters of base64url, as `ondol node enrol --key FILE` prints it")]
pub struct InvalidPublicKey;

impl PublicKey {
    /// The key's name.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        // RFC 7638: the required members in lexicographic order, without spaces.
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{self}"}}"#);
        Thumbprint(URL_SAFE_NO_PAD.encode(digest(&SHA256, jwk.as_bytes())))
    }

    /// The device that this key makes: half of the key's digest, so that nobody can name another's.
    ///
    /// # Panics
    ///
    /// Never: a digest has 32 bytes.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        let digest = digest(&SHA256, format!("ondol-device/1 {self}").as_bytes());
        let half = digest.as_ref().first_chunk().expect("a digest has 32 bytes");
        DeviceId(uuid::Builder::from_custom_bytes(*half).into_uuid())
    }

    /// True if `signature` over `message` was made with this key.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        ED25519.verify_sig(&self.0, message, signature).is_ok()
    }

    pub(super) fn decoding(&self) -> DecodingKey {
        DecodingKey::from_ed_der(&self.0)
    }
}

impl FromStr for PublicKey {
    type Err = InvalidPublicKey;
    fn from_str(text: &str) -> Result<Self, InvalidPublicKey> {
        if text.len() != 43 {
            return Err(InvalidPublicKey);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidPublicKey)?;
        Ok(Self(bytes.try_into().map_err(|_| InvalidPublicKey)?))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = InvalidPublicKey;
    fn try_from(text: String) -> Result<Self, InvalidPublicKey> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

/// A private key. It shows only its public half.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
    encoding: EncodingKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public).finish()
    }
}

/// Why a key file could not be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// It could not be read or written.
    #[error("cannot use the key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner may open it.
    #[error(
        "the key file {0} is open to others: run `chmod 600` on it, and make a new key if anybody may have read it"
    )]
    Open(PathBuf),
    /// It holds no Ed25519 key.
    #[error("the key file {0} holds no Ed25519 private key in PKCS#8 PEM")]
    Unreadable(PathBuf),
}

impl SigningKey {
    /// Makes a new key.
    ///
    /// # Panics
    ///
    /// If the system gives no randomness: nothing may run on then.
    #[must_use]
    pub fn generate() -> Self {
        Self::of(Ed25519KeyPair::generate().expect("the system gives randomness"))
    }

    /// Returns the key of a 32-byte seed, for seeded runs and simulated devices.
    ///
    /// # Panics
    ///
    /// Never: every 32 bytes are a seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::of(Ed25519KeyPair::from_seed_unchecked(seed).expect("every 32 bytes are a seed"))
    }

    /// Reads the key file at `path`, or makes it if there is none.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`]; a file that exists is never replaced.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyFileError> {
        match Self::load(path) {
            Err(KeyFileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Self::create(path)
            }
            result => result,
        }
    }

    /// Reads the key file at `path`.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`] if it is absent, open to others, or not an Ed25519 key.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let failed = |source| KeyFileError::Io { path: path.into(), source };
        let file = fs::File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
            return Err(KeyFileError::Open(path.into()));
        }
        let mut text = String::new();
        file.take(FILE_MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
        Self::from_pem(&text).ok_or_else(|| KeyFileError::Unreadable(path.into()))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The key's name.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        self.public.thumbprint()
    }

    /// Signs `message`; 64 bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    pub(super) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }

    /// Writes a new key beside its place and moves it there, so that a crash leaves a whole key or none.
    fn create(path: &Path) -> Result<Self, KeyFileError> {
        let failed = |source| KeyFileError::Io { path: path.into(), source };
        let key = Self::generate();
        let part = path.with_extension(format!("part-{}", std::process::id()));
        let write = || {
            let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&part)?;
            file.write_all(key.to_pem().as_bytes())?;
            file.sync_all()?;
            // A link, unlike a rename, fails if another process was first.
            fs::hard_link(&part, path)
        };
        let written = write();
        // The name beside it has served; if it cannot be removed, the key is in place all the same.
        let _removed = fs::remove_file(&part);
        match written {
            Ok(()) => Ok(key),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
            Err(error) => Err(failed(error)),
        }
    }

    fn of(pair: Ed25519KeyPair) -> Self {
        let public = pair.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes");
        let der = pair.to_pkcs8().expect("a key in memory can be written as PKCS#8");
        let encoding = EncodingKey::from_ed_der(der.as_ref());
        Self { pair, public: PublicKey(public), encoding }
    }

    fn to_pem(&self) -> String {
        // Version 1, without the public half, is what other tools read.
        let der = self.pair.to_pkcs8v1().expect("a key in memory can be written as PKCS#8");
        format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", STANDARD.encode(der.as_ref()))
    }

    fn from_pem(text: &str) -> Option<Self> {
        let body = text.trim().strip_prefix(PEM_BEGIN)?.strip_suffix(PEM_END)?;
        let der = STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()?;
        Some(Self::of(Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_text_that_is_no_public_key() {
        let good = SigningKey::from_seed(&[7; 32]).public().to_string();
        assert_eq!(good.parse::<PublicKey>().unwrap().to_string(), good);
        for bad in ["", &good[1..], &format!("{good}="), &good.replace(&good[..1], "+"), &"가".repeat(43)] {
            assert_eq!(bad.parse::<PublicKey>(), Err(InvalidPublicKey), "{bad}");
        }
    }

    /// RFC 8037, appendix A.3.
    #[test]
    fn thumbprint_is_the_one_of_the_standard() {
        let key: PublicKey = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".parse().unwrap();
        assert_eq!(key.thumbprint().as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_survives_its_file_and_refuses_to_be_read_by_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        let made = SigningKey::load_or_create(&path).unwrap();
        let read = SigningKey::load_or_create(&path).unwrap();
        assert_eq!(made.public(), read.public());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside the key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(SigningKey::load_or_create(&path), Err(KeyFileError::Open(_))));
    }

    #[test]
    fn a_broken_file_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        for text in ["", "hello", &format!("{PEM_BEGIN}\nAAAA\n{PEM_END}\n"), &"x".repeat(10_000)] {
            let mut file =
                fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            assert!(
                matches!(SigningKey::load_or_create(&path), Err(KeyFileError::Unreadable(_))),
                "{text:.20}"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = SigningKey::from_seed(&[9; 32]);
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.public()));
    }
}
