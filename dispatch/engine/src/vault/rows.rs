//! Rows of a node's own tables, and digests of what people wished: under keys that only nodes of the platform have.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{PERSONAL_MAX, SealError, Vault, decrypt, encrypt, hex};

impl Vault {
    /// Encrypts a value of `table` that belongs to no person's journal and goes with its row.
    ///
    /// # Errors
    ///
    /// [`SealError`] if the value is too long or has no JSON form.
    pub fn seal_row<T: Serialize>(&self, table: &str, value: &T) -> Result<String, SealError> {
        let mut text = serde_json::to_vec(value).map_err(|_| SealError::NotJson)?;
        if text.len() > PERSONAL_MAX {
            return Err(SealError::TooLong);
        }
        let mut sealed = Vec::new();
        encrypt(&self.inner.rows, table.as_bytes(), &mut text, &mut sealed);
        Ok(STANDARD_NO_PAD.encode(sealed))
    }

    /// Decrypts what [`Vault::seal_row`] made for the same table; `None` if it was altered.
    #[must_use]
    pub fn open_row<T: DeserializeOwned>(&self, table: &str, sealed: &str) -> Option<T> {
        let bytes = STANDARD_NO_PAD.decode(sealed).ok()?;
        serde_json::from_slice(&decrypt(&self.inner.rows, table.as_bytes(), &bytes)?).ok()
    }

    /// Keyed digest of a wish, 64 hexadecimal digits: every node makes the same one, and nobody without the key finds
    /// the number or the words in it by trying all.
    ///
    /// # Panics
    ///
    /// Never on a wish of a door: it was JSON a moment ago.
    #[must_use]
    pub fn digest<T: Serialize>(&self, wish: &T) -> String {
        let text = serde_json::to_vec(wish).expect("a wish was JSON a moment ago");
        hex(hmac::sign(&self.inner.wish, &text).as_ref())
    }
}
