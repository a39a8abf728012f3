//! Personal text, encrypted with a key per person.
//!
//! ```text
//! master key (a file that central and its edges share) ─┬─ wraps every subject's key (AES-256-GCM)
//!                                                       ├─ phone hash, link tokens, PINs, digests (HMAC-SHA-256)
//!                                                       ├─ rows of a node's own tables (AES-256-GCM)
//! subject's key (random) ── seals name, number, note ── Sealed { subject, text }
//! ```
//!
//! Journals carry only [`Sealed`]; deleting a subject's key deletes the text everywhere, and hash
//! chains stay whole. A new key is made durable before or with the first entry that uses it, because
//! the loop collects [`Vault::take_new_keys`] in every transaction. Two nodes that are cut off may each
//! make a key for the same subject; both are kept.

mod key_file;
mod personal;
mod phone;
mod rows;
mod secrets;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ondol_core::fact::{PhoneKey, Sealed};
use ondol_core::ids::{BookingId, SubjectId};
use ondol_core::pin::PinKey;
use ondol_core::units::UtcMs;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

pub use key_file::{KeyFileError, KeyKind};
pub(crate) use key_file::{read_key, write_new_key};
pub use personal::{DriverPersonal, RiderPersonal};
pub use phone::{E164, InvalidPhone};
pub use secrets::Secrets;

/// Longest personal text that is sealed, in bytes of JSON.
pub const PERSONAL_MAX: usize = 4 * 1024;

/// Most keys of one subject: one, plus one for each node that made its own while cut off.
const KEYS_PER_SUBJECT: usize = 8;

/// Digits of a link token that prove it, in bytes.
const LINK_PROOF: usize = 16;

/// Seals and opens personal text. Cheap to clone; all clones share the same keys.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    wrapping: LessSafeKey,
    phone: hmac::Key,
    link: hmac::Key,
    wish: hmac::Key,
    rows: LessSafeKey,
    pin: PinKey,
    driver_secret: [u8; 32],
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    of: BTreeMap<SubjectId, BTreeMap<KeyId, Held>>,
    /// Made here and not yet durable.
    new: Vec<SubjectKey>,
}

enum Held {
    Key(LessSafeKey),
    Erased,
}

/// Names one of a subject's keys: the first bytes of its hash.
type KeyId = [u8; 4];

/// A subject's key as stored and sent between nodes: wrapped, or gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectKey {
    /// Whose key.
    pub subject: SubjectId,
    /// Which of the subject's keys, 8 hexadecimal digits.
    pub key_id: String,
    /// The key, encrypted with the master key, base64; absent once erased.
    pub wrapped: Option<String>,
    /// When it was erased.
    pub erased_at: Option<UtcMs>,
}

/// Longest wrapped key: nonce, key and tag are 60 bytes, 80 characters in base64.
const WRAPPED_MAX: usize = 96;

impl SubjectKey {
    /// True if stores can hold it: a name of eight digits, and either a key or the moment of its deletion.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
        let is_named = self.key_id.len() == 8 && self.key_id.bytes().all(is_digit);
        is_named
            && match (&self.wrapped, self.erased_at) {
                (Some(wrapped), None) => wrapped.len() <= WRAPPED_MAX && wrapped.bytes().all(is_base64),
                (None, Some(at)) => at.0 >= 0,
                (Some(_), Some(_)) | (None, None) => false,
            }
    }
}

/// Why a person's sealed text is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum Hidden {
    /// The person's keys were deleted.
    #[error("this person's text was erased")]
    Erased,
    /// This node has no key for it, or it was altered.
    #[error("this person's text cannot be read here")]
    Unreadable,
}

/// Why a text was not sealed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealError {
    /// It is longer than [`PERSONAL_MAX`].
    #[error("personal text is longer than {PERSONAL_MAX} bytes")]
    TooLong,
    /// It has no JSON form.
    #[error("personal text has no JSON form")]
    NotJson,
    /// The subject asked to be forgotten.
    #[error("this person's key was erased")]
    Erased,
}

impl Vault {
    /// Returns an empty vault under `secrets`.
    #[must_use]
    pub fn new(secrets: &Secrets) -> Self {
        let key = |purpose| hmac::Key::new(hmac::HMAC_SHA256, &secrets.derive(purpose));
        let inner = Inner {
            wrapping: aead_key(&secrets.derive("subject-keys")),
            phone: key("phone"),
            link: key("link"),
            wish: key("wish"),
            rows: aead_key(&secrets.derive("rows")),
            pin: PinKey(secrets.derive("pin")),
            driver_secret: secrets.derive("driver-secret"),
            keys: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Encrypts `value` for `subject`, making the subject's key if there is none.
    ///
    /// # Errors
    ///
    /// [`SealError`] if the text is too long, has no JSON form, or its subject was erased.
    pub fn seal<T: Serialize>(&self, subject: SubjectId, value: &T) -> Result<Sealed, SealError> {
        let mut text = serde_json::to_vec(value).map_err(|_| SealError::NotJson)?;
        if text.len() > PERSONAL_MAX {
            return Err(SealError::TooLong);
        }
        let mut keys = self.keys();
        if keys.live(subject).is_none() {
            if keys.of.get(&subject).is_some_and(|held| !held.is_empty()) {
                return Err(SealError::Erased);
            }
            let (key_id, bytes) = new_key();
            keys.new.push(self.wrap(subject, key_id, &bytes));
            keys.of.entry(subject).or_default().insert(key_id, Held::Key(aead_key(&bytes)));
        }
        let (key_id, key) = keys.live(subject).expect("it was there or has just been made");
        let mut sealed = key_id.to_vec();
        encrypt(key, subject.0.as_bytes(), &mut text, &mut sealed);
        Ok(Sealed { subject, text: STANDARD_NO_PAD.encode(sealed) })
    }

    /// Decrypts; `None` if the key is unknown or erased, or the text was altered.
    #[must_use]
    pub fn open<T: DeserializeOwned>(&self, sealed: &Sealed) -> Option<T> {
        self.read(sealed).ok()
    }

    /// Decrypts what is to be shown to a person, who is told why if it cannot be.
    ///
    /// # Errors
    ///
    /// [`Hidden`].
    pub fn read<T: DeserializeOwned>(&self, sealed: &Sealed) -> Result<T, Hidden> {
        let keys = self.keys();
        let held = keys.of.get(&sealed.subject).ok_or(Hidden::Unreadable)?;
        if held.values().any(|held| matches!(held, Held::Erased)) {
            return Err(Hidden::Erased);
        }
        let decrypted = STANDARD_NO_PAD.decode(&sealed.text).ok().and_then(|bytes| {
            let (key_id, rest) = bytes.split_first_chunk::<4>()?;
            let Held::Key(key) = held.get(key_id)? else { return None };
            serde_json::from_slice(&decrypt(key, sealed.subject.0.as_bytes(), rest)?).ok()
        });
        decrypted.ok_or(Hidden::Unreadable)
    }

    /// The same where nothing may have been sealed: then the text is `T`'s empty one, and nothing is hidden.
    #[must_use]
    pub fn read_any<T: DeserializeOwned + Default>(&self, sealed: Option<&Sealed>) -> (T, Option<Hidden>) {
        match sealed.map(|sealed| self.read(sealed)) {
            Some(Ok(text)) => (text, None),
            Some(Err(hidden)) => (T::default(), Some(hidden)),
            None => (T::default(), None),
        }
    }

    /// Deletes a subject's keys. The tombstones are among [`Self::take_new_keys`], to be made durable and sent to
    /// peers; doors call [`crate::Handle::erase`], which sees to that.
    pub(crate) fn erase(&self, subject: SubjectId, at: UtcMs) {
        let mut keys = self.keys();
        let held = keys.of.entry(subject).or_default();
        if held.is_empty() {
            // Nothing to delete here, but a key made elsewhere must not be adopted later under another name.
            held.insert(KeyId::default(), Held::Erased);
        }
        let tombstones: Vec<_> = held
            .iter_mut()
            .map(|(key_id, held)| {
                *held = Held::Erased;
                SubjectKey { subject, key_id: hex(key_id), wrapped: None, erased_at: Some(at) }
            })
            .collect();
        keys.new.retain(|key| key.subject != subject);
        keys.new.extend(tombstones);
    }

    /// Takes over keys that the store or a peer holds. An erased key stays erased; keys that the master key
    /// does not open are left out, and their number is returned.
    pub fn learn(&self, learned: &[SubjectKey]) -> usize {
        let mut refused = 0;
        for key in learned {
            refused += usize::from(self.learn_one(key).is_none());
        }
        refused
    }

    fn learn_one(&self, key: &SubjectKey) -> Option<()> {
        if !key.is_well_formed() {
            return None;
        }
        let key_id = u32::from_str_radix(&key.key_id, 16).ok()?.to_be_bytes();
        let learned = match &key.wrapped {
            Some(wrapped) => {
                let wrapped = STANDARD_NO_PAD.decode(wrapped).ok()?;
                let bytes: [u8; 32] =
                    decrypt(&self.inner.wrapping, key.subject.0.as_bytes(), &wrapped)?.try_into().ok()?;
                // A key under another one's name would take that one's place.
                if name_of(&bytes) != key_id {
                    return None;
                }
                Held::Key(aead_key(&bytes))
            }
            None => Held::Erased,
        };
        let mut keys = self.keys();
        let held = keys.of.entry(key.subject).or_default();
        let erased =
            matches!(learned, Held::Erased) || held.values().any(|held| matches!(held, Held::Erased));
        if held.len() >= KEYS_PER_SUBJECT && !held.contains_key(&key_id) {
            return None;
        }
        held.insert(key_id, learned);
        if erased {
            held.values_mut().for_each(|held| *held = Held::Erased);
        }
        Some(())
    }

    /// Keys and tombstones that are not yet durable. Whoever takes them must store them.
    #[must_use]
    pub fn take_new_keys(&self) -> Vec<SubjectKey> {
        std::mem::take(&mut self.keys().new)
    }

    /// Keyed hash of a number: finds it without holding it.
    #[must_use]
    pub fn phone_key(&self, phone: &E164) -> PhoneKey {
        PhoneKey(hex(hmac::sign(&self.inner.phone, phone.as_str().as_bytes()).as_ref()))
    }

    /// The unguessable name under which a guest follows a booking; every node makes the same one.
    #[must_use]
    pub fn link_token(&self, booking: BookingId) -> String {
        let proof = hmac::sign(&self.inner.link, booking.0.as_bytes());
        let mut token = booking.0.as_bytes().to_vec();
        token.extend_from_slice(&proof.as_ref()[..LINK_PROOF]);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The booking that `token` opens; `None` for any text that [`Vault::link_token`] did not make.
    #[must_use]
    pub fn booking_of_link(&self, token: &str) -> Option<BookingId> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (id, proof) = bytes.split_first_chunk::<16>()?;
        let expected = hmac::sign(&self.inner.link, id);
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..LINK_PROOF], proof).ok()?;
        Some(BookingId(Uuid::from_bytes(*id)))
    }

    /// The secret for boarding PINs.
    #[must_use]
    pub fn pin_key(&self) -> &PinKey {
        &self.inner.pin
    }

    /// The key for [`crate::identity::driver_secret_digest`].
    #[must_use]
    pub fn driver_secret_key(&self) -> &[u8; 32] {
        &self.inner.driver_secret
    }

    fn wrap(&self, subject: SubjectId, key_id: KeyId, bytes: &[u8; 32]) -> SubjectKey {
        let mut wrapped = Vec::new();
        encrypt(&self.inner.wrapping, subject.0.as_bytes(), &mut bytes.to_vec(), &mut wrapped);
        let wrapped = Some(STANDARD_NO_PAD.encode(wrapped));
        SubjectKey { subject, key_id: hex(&key_id), wrapped, erased_at: None }
    }

    /// A panic elsewhere cannot leave the map half changed: every change is one insertion.
    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.inner.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Keys {
    fn live(&self, subject: SubjectId) -> Option<(KeyId, &LessSafeKey)> {
        self.of.get(&subject)?.iter().find_map(|(key_id, held)| match held {
            Held::Key(key) => Some((*key_id, key)),
            Held::Erased => None,
        })
    }
}

fn new_key() -> (KeyId, [u8; 32]) {
    let bytes: [u8; 32] = random_bytes();
    (name_of(&bytes), bytes)
}

fn name_of(key: &[u8; 32]) -> KeyId {
    let hash = digest::digest(&digest::SHA256, key);
    *hash.as_ref().first_chunk().expect("a SHA-256 digest has 32 bytes")
}

fn aead_key(bytes: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256 keys have 32 bytes"))
}

/// Appends `nonce ‖ ciphertext ‖ tag` to `out`; whose it is, is authenticated with it.
fn encrypt(key: &LessSafeKey, whose: &[u8], text: &mut Vec<u8>, out: &mut Vec<u8>) {
    let nonce: [u8; NONCE_LEN] = random_bytes();
    out.extend_from_slice(&nonce);
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(whose), text)
        .expect("texts are far below AES-GCM's limit of 64 GiB");
    out.append(text);
}

fn decrypt(key: &LessSafeKey, whose: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>()?;
    let mut text = text.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length = key.open_in_place(nonce, Aad::from(whose), &mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

/// Random bytes of the operating system.
///
/// # Panics
///
/// If the operating system has no randomness to give: nothing safe can be done without.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
