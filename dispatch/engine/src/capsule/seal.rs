//! The form of a capsule, and its two locks: a node's signature inside, the recovery key outside.
//!
//! ```text
//! byte   0        the form, 1
//!        1 ..  9  which recovery key: the first bytes of its SHA-256
//!        9 .. 41  X25519 key made for this capsule alone
//!       41 ..     AES-256-GCM of: content (postcard) ‖ Ed25519 signature, 64 bytes; then its tag, 16 bytes
//! ```
//!
//! The signature is over `ondol-capsule-1`, the first 41 bytes and the content, so that nobody can seal a signed
//! content anew for another city. It stands inside: what is on the outside tells nothing, not even who signed. X25519,
//! HKDF, AES-GCM and Ed25519 are those of the library that tokens and the vault use.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ondol_core::capsule::{CAPSULE_MAX_CHARS, Capsule};
use ondol_core::ids::NodeId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::identity::SigningKey;
use crate::vault::{E164, RiderPersonal};

/// The form that this release writes. What it holds is pinned by a test: a release that changes it reads both.
const FORM: u8 = 1;
const NAMED: usize = 8;
const HEAD: usize = 1 + NAMED + 32;
const TAG: usize = 16;
const SIGNATURE: usize = 64;
/// Longest name that is kept, in bytes: a longer one is cut.
const NAME_MAX_BYTES: usize = 60;

/// The public half of a recovery key: seals. In text 43 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecoveryPublic([u8; 32]);

/// Text that is not the public half of a recovery key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the public half of a recovery key is 43 characters of base64url, as `ondol recovery key` prints it")]
pub struct InvalidRecoveryPublic;

/// A recovery key: opens. It is kept offline, and in a node only for a stated time.
pub struct RecoveryKey {
    private: PrivateKey,
    public: RecoveryPublic,
}

/// Why a capsule was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unopened {
    /// It was sealed to another key: another city's, or one made before.
    #[error("this capsule was sealed to another recovery key")]
    Foreign,
    /// It is not what a capsule is, or was altered.
    #[error("this capsule was altered or cut")]
    Unreadable,
    /// No trusted key of the node that it names has signed it.
    #[error("this capsule was signed by no node that is trusted here")]
    Forged,
}

impl Unopened {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Foreign => "capsule_foreign",
            Self::Unreadable => "capsule_unreadable",
            Self::Forged => "capsule_forged",
        }
    }

    /// True if another key, or a signer that is trusted later, may open it.
    #[must_use]
    pub fn may_be_mended(self) -> bool {
        match self {
            Self::Foreign | Self::Forged => true,
            Self::Unreadable => false,
        }
    }
}

/// What is sealed. Of the rider's personal text only what an operator needs to find the rider again.
#[derive(Serialize, Deserialize)]
struct Content {
    capsule: Capsule,
    name: Option<String>,
    phone: Option<E164>,
}

impl RecoveryPublic {
    fn name(&self) -> [u8; NAMED] {
        *digest(&SHA256, &self.0).as_ref().first_chunk().expect("a SHA-256 digest has 32 bytes")
    }

    /// Signs and seals a trip; `None` if it is longer than any of ours can be.
    ///
    /// # Panics
    ///
    /// If the system gives no randomness: nothing may run on then.
    #[must_use]
    pub fn seal(&self, signer: &SigningKey, mut capsule: Capsule, rider: &RiderPersonal) -> Option<String> {
        // Sealed text and number's hash follow from the clear ones, which are inside.
        (capsule.request.personal, capsule.request.phone) = (None, None);
        let name = rider.name.as_deref().map(|name| cut(name, NAME_MAX_BYTES).to_owned());
        let content = Content { capsule, name, phone: rider.phone.clone() };
        let mut inside = postcard::to_stdvec(&content).ok()?;
        let once = PrivateKey::generate(&X25519).expect("the system gives randomness");
        let mut sealed = vec![FORM];
        sealed.extend_from_slice(&self.name());
        sealed.extend_from_slice(once.compute_public_key().expect("a key that was just made").as_ref());
        let signature = signer.sign(&signed(&sealed, &inside));
        inside.extend_from_slice(&signature);
        let key = shared_key(&once, &self.0, &sealed)?;
        // The key is this capsule's alone, so that the nonce may be the same for all.
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key([0; 12]), Aad::from(&sealed), &mut inside)
            .ok()?;
        sealed.append(&mut inside);
        let text = URL_SAFE_NO_PAD.encode(sealed);
        (text.len() <= CAPSULE_MAX_CHARS).then_some(text)
    }
}

impl RecoveryKey {
    /// Returns the recovery key of its bytes.
    ///
    /// # Panics
    ///
    /// Never: every 32 bytes are an X25519 key.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let private = PrivateKey::from_private_key(&X25519, bytes).expect("every 32 bytes are an X25519 key");
        let public = private.compute_public_key().expect("a key in memory has a public half");
        let public = RecoveryPublic(public.as_ref().try_into().expect("an X25519 key has 32 bytes"));
        Self { private, public }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> RecoveryPublic {
        self.public
    }

    /// Opens a capsule; `is_signed_by` says whether a key of that node, trusted here, made a signature over bytes.
    ///
    /// # Errors
    ///
    /// [`Unopened`].
    pub fn open(
        &self,
        text: &str,
        is_signed_by: impl Fn(&NodeId, &[u8], &[u8]) -> bool,
    ) -> Result<(Capsule, RiderPersonal), Unopened> {
        if text.len() > CAPSULE_MAX_CHARS {
            return Err(Unopened::Unreadable);
        }
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| Unopened::Unreadable)?;
        if sealed.len() < HEAD + SIGNATURE + TAG || sealed[0] != FORM {
            return Err(Unopened::Unreadable);
        }
        let (head, inside) = sealed.split_at(HEAD);
        if head[1..=NAMED] != self.public.name() {
            return Err(Unopened::Foreign);
        }
        let mut inside = inside.to_vec();
        let key = shared_key(&self.private, &head[1 + NAMED..], head).ok_or(Unopened::Unreadable)?;
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let inside =
            key.open_in_place(nonce, Aad::from(head), &mut inside).map_err(|_| Unopened::Unreadable)?;
        let (content, signature) = inside.split_at(inside.len() - SIGNATURE);
        let (read, rest) = postcard::take_from_bytes::<Content>(content).map_err(|_| Unopened::Unreadable)?;
        if !rest.is_empty() {
            return Err(Unopened::Unreadable);
        }
        if !is_signed_by(&read.capsule.assignment.origin, &signed(head, content), signature) {
            return Err(Unopened::Forged);
        }
        Ok((read.capsule, RiderPersonal { name: read.name, phone: read.phone, ..RiderPersonal::default() }))
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecoveryKey").field(&self.public).finish()
    }
}

/// The bytes that a node signs.
fn signed(head: &[u8], content: &[u8]) -> Vec<u8> {
    [b"ondol-capsule-1".as_slice(), head, content].concat()
}

/// The key that both halves make; `None` for a public half that is no key.
fn shared_key(own: &PrivateKey, other: &[u8], head: &[u8]) -> Option<LessSafeKey> {
    let other = UnparsedPublicKey::new(&X25519, other);
    agree(own, other, (), |shared| {
        let secret = Salt::new(HKDF_SHA256, head).extract(shared);
        let info = [b"ondol-capsule-1".as_slice()];
        let key = secret.expand(&info, &AES_256_GCM).map_err(|_| ())?;
        Ok(LessSafeKey::new(UnboundKey::from(key)))
    })
    .ok()
}

/// The beginning of a text, at most `max` bytes long.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

impl FromStr for RecoveryPublic {
    type Err = InvalidRecoveryPublic;

    fn from_str(text: &str) -> Result<Self, InvalidRecoveryPublic> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidRecoveryPublic)?;
        bytes.try_into().map(Self).map_err(|_| InvalidRecoveryPublic)
    }
}

impl TryFrom<String> for RecoveryPublic {
    type Error = InvalidRecoveryPublic;

    fn try_from(text: String) -> Result<Self, InvalidRecoveryPublic> {
        text.parse()
    }
}

impl From<RecoveryPublic> for String {
    fn from(public: RecoveryPublic) -> Self {
        public.to_string()
    }
}

impl fmt::Display for RecoveryPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for RecoveryPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
