//! An edge asks central to trust its key.

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::identity::{EnrolAnswer, EnrolRefusal, EnrolRequest, KnownKey, SigningKey, central_key};

const WITHIN: Duration = Duration::from_secs(20);

/// Why central does not trust the key.
#[derive(Debug, Error)]
pub enum EnrolError {
    /// Central could not be asked.
    #[error("central could not be asked: {0}")]
    Http(#[from] reqwest::Error),
    /// Central says no.
    #[error("central says: {0}")]
    Refused(String),
    /// Somebody else answered.
    #[error("the answer is not central's: {0}")]
    Forged(#[from] EnrolRefusal),
}

/// Has `key` trusted by central at `url`, with a token that central's staff printed; returns central's key.
///
/// # Errors
///
/// [`EnrolError`], in one sentence.
pub async fn enrol_at(url: &str, token: &str, key: &SigningKey) -> Result<KnownKey, EnrolError> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(WITHIN)
        .build()?;
    let request = EnrolRequest::make(token.to_owned(), key);
    let url = format!("{}/sync/v1/enrol", url.trim_end_matches('/'));
    let response = client.post(url).json(&request).send().await?;
    if !response.status().is_success() {
        #[derive(Deserialize)]
        struct Refused {
            detail: String,
        }
        let status = response.status();
        let told = response.json::<Refused>().await;
        return Err(EnrolError::Refused(told.map_or_else(|_| status.to_string(), |told| told.detail)));
    }
    let answer: EnrolAnswer = response.json().await?;
    Ok(central_key(token, key.public(), &answer)?)
}
