//! Operators' accounts and sessions at this node, and the bound on tries.

use std::sync::PoisonError;

use axum::http::{HeaderMap, HeaderValue, Method};
use ondol_core::ids::{FleetId, SubjectId};
use uuid::Uuid;

use super::AuthError;
use super::operator::{
    AccountRefusal, OPERATOR_SESSION_LIFE_MS, PASSWORD_MAX_BYTES, SignInRefusal, check_account,
    from_own_page, new_token, token_hash,
};
use super::policy::{Caller, Districts};
use super::state::Identity;
use super::store::{Account, Operator, StoreError};
use super::token::Role;

/// An operator who has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The operator.
    pub operator: Operator,
    /// The `Set-Cookie` header.
    pub set_cookie: HeaderValue,
}

/// What a new account is.
#[derive(Debug, Clone)]
pub struct NewOperator {
    /// What the person types to sign in.
    pub login: String,
    /// The password, in clear for this moment only.
    pub password: String,
    /// `operator`, `fleet_admin`, `auditor` or `sysadmin`.
    pub role: Role,
    /// The fleet; absent for those above fleets.
    pub fleet: Option<FleetId>,
    /// The districts.
    pub districts: Districts,
}

impl Identity {
    /// Makes an operator's account at this node.
    ///
    /// # Errors
    ///
    /// [`AccountRefusal`].
    pub async fn add_operator(&self, new: NewOperator) -> Result<SubjectId, AccountRefusal> {
        check_account(&new.login, &new.password)?;
        match (new.role, &new.fleet) {
            (Role::Operator | Role::Auditor, _) | (Role::FleetAdmin, Some(_)) | (Role::Sysadmin, None) => {}
            (Role::FleetAdmin, None) | (Role::Sysadmin, Some(_)) => return Err(AccountRefusal::Fleet),
            (Role::Rider | Role::Driver | Role::EdgeNode | Role::Text, _) => {
                return Err(AccountRefusal::Role);
            }
        }
        let password_hash = self.passwords.hash(&new.password).await?;
        let subject = SubjectId(Uuid::new_v4());
        let operator = Operator {
            subject,
            login: new.login,
            role: new.role,
            fleet: new.fleet,
            districts: new.districts,
        };
        self.store.add_operator(&Account { operator, password_hash }, self.now()).await?;
        Ok(subject)
    }

    /// Closes an account and ends its sessions; false if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn close_operator(&self, login: &str) -> Result<bool, StoreError> {
        let was_open = self.store.close_operator(login, self.now()).await;
        self.signed_in.forget();
        was_open
    }

    /// Gives an account another password and ends its sessions; false if there is none.
    ///
    /// # Errors
    ///
    /// [`AccountRefusal`].
    pub async fn set_password(&self, login: &str, password: &str) -> Result<bool, AccountRefusal> {
        check_account(login, password)?;
        let hash = self.passwords.hash(password).await?;
        let is_set = self.store.set_password(login, &hash, self.now()).await;
        self.signed_in.forget();
        Ok(is_set?)
    }

    /// Signs an operator in. `address` is the caller's, for the bound on tries.
    ///
    /// # Errors
    ///
    /// [`AuthError::SignIn`], [`AuthError::Store`].
    pub async fn sign_in(&self, login: &str, password: &str, address: &str) -> Result<SignedIn, AuthError> {
        let now = self.now();
        self.try_once(login, address)?;
        let account = self.store.account(login).await?;
        let stored = account.as_ref().map(|account| account.password_hash.clone());
        // Nothing longer can be a password; hashing it would only cost us.
        let fits = password.len() <= PASSWORD_MAX_BYTES;
        let matches = fits && self.passwords.check(password, stored).await?;
        let (Some(account), true) = (account, matches) else {
            self.tried_badly(login, address);
            return Err(SignInRefusal::Wrong.into());
        };
        self.tried_well(login, address);
        let token = new_token();
        let expires_at = now.plus_ms(OPERATOR_SESSION_LIFE_MS);
        self.store.add_session(&token_hash(&token), account.operator.subject, now, expires_at).await?;
        let set_cookie = self.cookie.set(&token, self.clock.0.speed());
        Ok(SignedIn { operator: account.operator, set_cookie })
    }

    /// Counts a try of `account` (an operator's login, a driver's number) from `address`.
    ///
    /// # Errors
    ///
    /// [`SignInRefusal::TooManyTries`] if there were too many before.
    pub fn try_once(&self, account: &str, address: &str) -> Result<(), SignInRefusal> {
        let ticks = self.clock.0.now().ticks;
        let account: String = account.chars().take(64).collect();
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let wait_ms = tries.wait_ms(&account, address, ticks);
        if wait_ms > 0 {
            return Err(SignInRefusal::TooManyTries { wait_ms });
        }
        tries.count(&account, address, ticks);
        Ok(())
    }

    /// Counts the last try as a failure.
    pub fn tried_badly(&self, account: &str, address: &str) {
        let ticks = self.clock.0.now().ticks;
        let account: String = account.chars().take(64).collect();
        self.tries.lock().unwrap_or_else(PoisonError::into_inner).failed(&account, address, ticks);
    }

    /// Takes the last try back: it was good.
    pub fn tried_well(&self, account: &str, address: &str) {
        let account: String = account.chars().take(64).collect();
        self.tries.lock().unwrap_or_else(PoisonError::into_inner).succeeded(&account, address);
    }

    /// The operator of a request, by its cookie; for changing requests also by its origin.
    ///
    /// # Errors
    ///
    /// [`AuthError`].
    pub async fn operator_of(&self, method: &Method, headers: &HeaderMap) -> Result<Operator, AuthError> {
        let token = self.cookie.read(headers).ok_or(AuthError::Missing)?;
        if !from_own_page(method, headers, &self.origins) {
            return Err(AuthError::Origin);
        }
        let (token_hash, now) = (token_hash(token), self.both_clocks());
        let seen = match self.signed_in.find(&token_hash, now) {
            Ok(operator) => return Ok(operator),
            Err(seen) => seen,
        };
        let found = self.store.session_operator(&token_hash, now.utc).await?;
        let (operator, expires_at) = found.ok_or(AuthError::SessionEnded)?;
        self.signed_in.keep(token_hash, operator.clone(), expires_at, seen, now);
        Ok(operator)
    }

    /// Ends the session of a request and returns the `Set-Cookie` header that takes the cookie away.
    ///
    /// # Errors
    ///
    /// [`AuthError`]; without a session there is nothing to end, which is no error.
    pub async fn sign_out(&self, method: &Method, headers: &HeaderMap) -> Result<HeaderValue, AuthError> {
        if !from_own_page(method, headers, &self.origins) {
            return Err(AuthError::Origin);
        }
        if let Some(token) = self.cookie.read(headers) {
            // Nobody empties what is kept by signing out with a token that is none.
            if self.store.end_session(&token_hash(token), self.now()).await? {
                self.signed_in.forget();
            }
        }
        Ok(self.cookie.clear())
    }

    /// True if a changing request, a sign-in or a socket comes from one of this node's own pages.
    #[must_use]
    pub fn is_own_page(&self, headers: &HeaderMap) -> bool {
        from_own_page(&Method::POST, headers, &self.origins)
    }
}

impl Operator {
    /// The operator as the policy sees one.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller { role: self.role, fleet: self.fleet.clone(), districts: self.districts.clone() }
    }
}
