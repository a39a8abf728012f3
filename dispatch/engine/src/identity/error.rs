//! What a door answers to whoever may not enter.

use axum::http::StatusCode;
use thiserror::Error;

use super::operator::SignInRefusal;
use super::pass::PassRefusal;
use super::store::StoreError;
use super::token::TokenRefusal;

/// Why a request was not let in. The answer is the same for every kind of bad token.
#[derive(Debug, Error)]
pub enum AuthError {
    /// No token, session or cookie came with it.
    #[error("sign in first")]
    Missing,
    /// What came is not good.
    #[error("the token is not valid here; sign in again")]
    Token(#[from] TokenRefusal),
    /// The pass or the proof is not good.
    #[error("{}", pass_words(.0))]
    Pass(#[from] PassRefusal),
    /// The session has ended.
    #[error("the session has ended; sign in again")]
    SessionEnded,
    /// Name or password are wrong, or too many tries.
    #[error("{0}")]
    SignIn(#[from] SignInRefusal),
    /// The request comes from a page that is not ours.
    #[error("the request comes from another site; open the console by its own address")]
    Origin,
    /// The role never does this.
    #[error("your role does not do this")]
    Forbidden,
    /// The thing is not the caller's to know of.
    #[error("there is no such thing")]
    Hidden,
    /// The store does not answer; nothing is let in meanwhile.
    #[error("sign-in is not possible at the moment; try again shortly")]
    Store(#[from] StoreError),
}

impl AuthError {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Missing | Self::Token(_) | Self::SessionEnded => StatusCode::UNAUTHORIZED,
            Self::Pass(PassRefusal::Crowded) | Self::SignIn(SignInRefusal::Crowded) | Self::Store(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Pass(_) | Self::SignIn(SignInRefusal::Wrong) => StatusCode::UNAUTHORIZED,
            Self::SignIn(SignInRefusal::TooManyTries { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Origin | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Hidden => StatusCode::NOT_FOUND,
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "sign_in_needed",
            Self::Token(_) => "token_refused",
            Self::Pass(PassRefusal::Crowded) | Self::SignIn(SignInRefusal::Crowded) => "crowded",
            Self::Pass(PassRefusal::Token(_)) => "pass_refused",
            Self::Pass(PassRefusal::Replayed) => "proof_replayed",
            Self::Pass(_) => "proof_refused",
            Self::SessionEnded => "session_ended",
            Self::SignIn(SignInRefusal::Wrong) => "wrong_credentials",
            Self::SignIn(SignInRefusal::TooManyTries { .. }) => "too_many_tries",
            Self::Origin => "foreign_origin",
            Self::Forbidden => "not_your_role",
            Self::Hidden => "not_found",
            Self::Store(_) => "unavailable",
        }
    }

    /// Milliseconds after which the same request may succeed, if it ever may.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        match self {
            Self::Pass(PassRefusal::Crowded) | Self::SignIn(SignInRefusal::Crowded) | Self::Store(_) => {
                Some(2_000)
            }
            Self::SignIn(SignInRefusal::TooManyTries { wait_ms }) => Some(*wait_ms),
            Self::Missing
            | Self::Token(_)
            | Self::Pass(_)
            | Self::SessionEnded
            | Self::SignIn(SignInRefusal::Wrong)
            | Self::Origin
            | Self::Forbidden
            | Self::Hidden => None,
        }
    }
}

fn pass_words(refusal: &PassRefusal) -> &'static str {
    match refusal {
        PassRefusal::Token(_) => "the shift pass is not valid here; sign in again",
        PassRefusal::OtherKey | PassRefusal::Signature => "the proof does not match the shift pass",
        PassRefusal::NotNow => "the proof is not of this minute; set the phone's clock and try again",
        PassRefusal::Replayed => "the proof was used before; make a new one",
        PassRefusal::Crowded => "too many sign-ins at the moment; try again shortly",
    }
}
