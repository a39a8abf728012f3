//! Operators at the consoles: one session at each node, opened when it is needed.

use std::collections::HashMap;

use serde_json::json;
use tokio::sync::Mutex;

use super::http::{Http, Proof};
use super::roster::Operator;

/// The people who take calls, and their sessions.
#[derive(Debug)]
pub struct Operators {
    account: Operator,
    sessions: Mutex<HashMap<String, String>>,
}

impl Operators {
    /// Returns operators who share one account; nobody is signed in.
    #[must_use]
    pub fn new(account: Operator) -> Self {
        Self { account, sessions: Mutex::default() }
    }

    /// Signs in at `url` unless somebody has; `None` if the console does not answer or refuses.
    pub async fn at(&self, url: &str, http: &Http) -> Option<Proof> {
        // Held while signing in: a hundred calls at once are one sign-in.
        let mut sessions = self.sessions.lock().await;
        if let Some(cookie) = sessions.get(url) {
            return Some(Proof::Cookie(cookie.clone()));
        }
        let body = json!({ "account": self.account.login, "password": self.account.password });
        match http.sign_in(url, "/console/v1/session", &body).await {
            Ok(cookie) => {
                sessions.insert(url.to_owned(), cookie.clone());
                Some(Proof::Cookie(cookie))
            }
            Err(error) => {
                tracing::debug!(url, %error, "an operator cannot sign in");
                None
            }
        }
    }

    /// The session at `url` is over.
    pub fn forget(&self, url: &str) {
        if let Ok(mut sessions) = self.sessions.try_lock() {
            sessions.remove(url);
        }
    }
}
