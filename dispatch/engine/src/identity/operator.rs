//! Operators: accounts, passwords, sessions in a cookie.
//!
//! Accounts live in each node's own store, so that a console signs in while central is away. A session
//! token is 256 random bits; the store holds its SHA-256, and ending it takes effect with the next request.
//!
//! Absent so far: a second factor (TOTP), and accounts that travel from central to its edges by themselves.

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ondol_core::ids::NodeId;
use thiserror::Error;
use tokio::sync::Semaphore;

/// Life of an operator's session: a working day's shift.
pub const OPERATOR_SESSION_LIFE_MS: u64 = 12 * 60 * 60 * 1_000;
/// Shortest password, in characters.
pub const PASSWORD_MIN_CHARS: usize = 12;
/// Longest password, in bytes.
pub const PASSWORD_MAX_BYTES: usize = 256;
/// Longest login, in bytes.
pub const LOGIN_MAX_BYTES: usize = 64;
/// Passwords checked at once; each takes 19 MiB.
const HASHING_AT_ONCE: usize = 2;
/// Passwords waiting to be checked; beyond, a node asks to come back.
const HASHING_QUEUE_MAX: usize = 32;

/// Why nobody was signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignInRefusal {
    /// Name or password are wrong; which one is not told.
    #[error("name or password are wrong")]
    Wrong,
    /// Too many failures.
    #[error("too many tries; wait {} min", wait_ms.div_ceil(60_000))]
    TooManyTries {
        /// Time to wait.
        wait_ms: u64,
    },
    /// Too many are signing in at this moment.
    #[error("too many are signing in; try again shortly")]
    Crowded,
}

/// Why an account was not made or changed.
#[derive(Debug, Error)]
pub enum AccountRefusal {
    /// The login is not 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-` and `@`.
    #[error("a login is 1 to {LOGIN_MAX_BYTES} of a-z, 0-9, '.', '_', '-' and '@'")]
    Login,
    /// The password is too short, too long, or the login itself.
    #[error(
        "a password has at least {PASSWORD_MIN_CHARS} characters, at most {PASSWORD_MAX_BYTES} bytes, and is not the login"
    )]
    Password,
    /// The role has no account at a console.
    #[error("an account is an operator's, a fleet_admin's, an auditor's or a sysadmin's")]
    Role,
    /// A fleet_admin without a fleet, or a sysadmin with one.
    #[error("a fleet_admin has a fleet and a sysadmin has none")]
    Fleet,
    /// The store refused it.
    #[error(transparent)]
    Store(#[from] super::StoreError),
    /// The machine has no room to hash a password.
    #[error("the password could not be hashed")]
    Hash,
}

/// How a browser reaches the node, which decides the cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// By TLS: the cookie is `Secure` and has the `__Host-` prefix.
    Tls,
    /// By plain HTTP on the machine itself, as in the demo. The prefix would need `Secure`, which not every
    /// browser keeps for `http://127.0.0.1`.
    LoopbackHttp,
}

/// The session cookie of one node.
///
/// Browsers send cookies to every port of a host, so the name holds the node's: two nodes on one machine
/// do not sign each other's operators out.
#[derive(Debug, Clone)]
pub(super) struct Cookie {
    name: String,
    secure: &'static str,
}

impl Cookie {
    pub(super) fn new(node: &NodeId, transport: Transport) -> Self {
        match transport {
            Transport::Tls => Self { name: format!("__Host-ondol-{node}"), secure: "; Secure" },
            Transport::LoopbackHttp => Self { name: format!("ondol-{node}"), secure: "" },
        }
    }

    /// The header that gives a browser its session.
    pub(super) fn set(&self, token: &str, speed: f64) -> HeaderValue {
        // The browser counts wall time; the store, which decides, counts ours.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let max_age_s = (OPERATOR_SESSION_LIFE_MS as f64 / 1_000.0 / speed.max(f64::MIN_POSITIVE)) as u64;
        self.header(token, max_age_s)
    }

    /// The header that takes it away.
    pub(super) fn clear(&self) -> HeaderValue {
        self.header("", 0)
    }

    fn header(&self, token: &str, max_age_s: u64) -> HeaderValue {
        let Self { name, secure } = self;
        let text = format!("{name}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}");
        HeaderValue::from_str(&text).expect("names and base64url are header text")
    }

    /// The session token of a request. Two cookies of the name are none: one of them is not ours.
    pub(super) fn read<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let mut tokens = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.name)
            .map(|(_, token)| token);
        let token = tokens.next()?;
        if tokens.next().is_some() { None } else { Some(token) }
    }
}

/// True if a request may act on a cookie: reading always, changing only from one of our own pages.
pub(super) fn from_own_page(method: &Method, headers: &HeaderMap, origins: &[String]) -> bool {
    if matches!(*method, Method::GET | Method::HEAD) {
        return true;
    }
    let mut values = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (values.next(), values.next()) else { return false };
    origins.iter().any(|own| own.as_bytes() == origin.as_bytes())
}

/// Makes a token nobody can guess: 256 random bits in 43 characters of base64url.
///
/// # Panics
///
/// If the system gives no randomness: nothing may run on then.
#[must_use]
pub fn new_token() -> String {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).expect("the system gives randomness");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is kept of such a token: its SHA-256, base64url.
#[must_use]
pub fn token_hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}

/// Checks what a new account says.
pub(super) fn check_account(login: &str, password: &str) -> Result<(), AccountRefusal> {
    let well_formed = (1..=LOGIN_MAX_BYTES).contains(&login.len())
        && login.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'@'));
    if !well_formed {
        return Err(AccountRefusal::Login);
    }
    let long_enough = password.chars().count() >= PASSWORD_MIN_CHARS && password.len() <= PASSWORD_MAX_BYTES;
    if long_enough && password != login { Ok(()) } else { Err(AccountRefusal::Password) }
}

/// Hashes and checks passwords away from the threads that serve requests, a few at a time.
#[derive(Debug)]
pub(super) struct Passwords {
    running: Semaphore,
    waiting: Semaphore,
    /// A hash of nothing, so that an unknown name takes as long as a wrong password.
    decoy: String,
}

impl Passwords {
    pub(super) fn new() -> Self {
        let decoy = hash(new_token().as_bytes()).expect("a fresh password can be hashed");
        Self { running: Semaphore::new(HASHING_AT_ONCE), waiting: Semaphore::new(HASHING_QUEUE_MAX), decoy }
    }

    pub(super) async fn hash(&self, password: &str) -> Result<String, AccountRefusal> {
        let password = password.to_owned();
        self.run(move || hash(password.as_bytes()))
            .await
            .map_err(|_| AccountRefusal::Hash)?
            .ok_or(AccountRefusal::Hash)
    }

    /// True if `password` is the one of `stored`; takes as long, and is false, if there is none stored.
    pub(super) async fn check(&self, password: &str, stored: Option<String>) -> Result<bool, SignInRefusal> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let password = password.to_owned();
        let matches =
            self.run(move || argon2().verify_password(password.as_bytes(), stored.as_str()).is_ok()).await?;
        Ok(matches && known)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SignInRefusal> {
        let _place = self.waiting.try_acquire().map_err(|_| SignInRefusal::Crowded)?;
        let _turn = self.running.acquire().await.map_err(|_| SignInRefusal::Crowded)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| SignInRefusal::Crowded)
    }
}

/// Argon2id with 19 MiB, two passes, one lane. **Source**: OWASP Password Storage Cheat Sheet.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

fn hash(password: &[u8]) -> Option<String> {
    argon2().hash_password(password).ok().map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn accounts_that_are_refused() {
        for (login, password) in [
            ("", "long enough password"),
            ("Kim", "long enough password"),
            ("a b", "long enough password"),
            ("김", "long enough password"),
            ("kim", "short"),
            ("kim", ""),
            ("kim-operator-seoul", "kim-operator-seoul"),
        ] {
            assert!(check_account(login, password).is_err(), "{login:?} {password:?}");
        }
        assert!(check_account(&"x".repeat(65), "long enough password").is_err());
        assert!(check_account("kim", &"x".repeat(257)).is_err());
        assert!(check_account("kim", "열두 글자가 넘는 비밀번호").is_ok());
    }

    #[test]
    fn changing_requests_come_from_an_own_page() {
        let own = vec!["http://127.0.0.1:8080".to_owned()];
        for (origin, good) in [
            (Some("http://127.0.0.1:8080"), true),
            (Some("http://127.0.0.1:8081"), false),
            (Some("https://127.0.0.1:8080"), false),
            (Some("http://127.0.0.1:8080.evil.example"), false),
            (Some("null"), false),
            (Some(""), false),
            (None, false),
        ] {
            let headers = headers(&origin.map(|o| (header::ORIGIN, o)).into_iter().collect::<Vec<_>>());
            assert_eq!(from_own_page(&Method::POST, &headers, &own), good, "{origin:?}");
            assert!(from_own_page(&Method::GET, &headers, &own));
        }
    }

    #[test]
    fn the_cookie_is_strict_and_found_among_others() {
        let node: NodeId = "edge-a".parse().unwrap();
        let plain = Cookie::new(&node, Transport::LoopbackHttp);
        let tls = Cookie::new(&node, Transport::Tls);
        let set = tls.set("token", 1.0);
        assert_eq!(
            set.to_str().unwrap(),
            "__Host-ondol-edge-a=token; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(!plain.set("token", 1.0).to_str().unwrap().contains("Secure"));
        assert!(plain.clear().to_str().unwrap().contains("Max-Age=0"));
        let sent = headers(&[(header::COOKIE, "a=1; ondol-edge-a=token; ondol-central=other")]);
        assert_eq!(plain.read(&sent), Some("token"));
        assert_eq!(tls.read(&sent), None, "the plain name is not taken for the protected one");
        let twice = headers(&[(header::COOKIE, "ondol-edge-a=one; ondol-edge-a=two")]);
        assert_eq!(plain.read(&twice), None);
    }

    #[tokio::test]
    async fn a_password_is_recognised_and_an_unknown_account_never() {
        let passwords = Passwords::new();
        let stored = passwords.hash("correct horse battery").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(passwords.check("correct horse battery", Some(stored.clone())).await, Ok(true));
        assert_eq!(passwords.check("wrong horse battery", Some(stored)).await, Ok(false));
        assert_eq!(passwords.check("anything at all", None).await, Ok(false));
        assert_eq!(passwords.check("anything at all", Some("not a hash".into())).await, Ok(false));
    }
}
