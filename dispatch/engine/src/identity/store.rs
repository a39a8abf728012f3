//! Tables of identity, the same in PostgreSQL and SQLite (`migrations/*/0100_identity.sql`).
//!
//! Absent: anything secret in clear. Passwords are argon2id strings, session tokens are SHA-256 digests.

use std::collections::BTreeSet;

use ondol_core::ids::{DistrictId, FleetId, NodeId, SubjectId};
use ondol_core::units::UtcMs;
use sqlx::AnyPool;
use thiserror::Error;
use uuid::Uuid;

use super::policy::Districts;
use super::token::{KnownKey, Role, Standing};
use crate::store::Store;

/// Most keys of nodes and most revocations that are read at start.
const ROWS_MAX: i64 = 100_000;

/// The tables of identity in a node's store.
#[derive(Debug, Clone)]
pub struct IdentityStore {
    writer: AnyPool,
    reader: AnyPool,
}

/// Why the store did not do it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database did not answer as it should.
    #[error("the identity store does not answer: {0}")]
    Database(#[from] sqlx::Error),
    /// A row holds what we never write.
    #[error("the identity store holds an unreadable {what}")]
    Unreadable {
        /// What was being read.
        what: &'static str,
    },
    /// The login is taken.
    #[error("there is already an account of that name")]
    LoginTaken,
}

/// An operator's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The person.
    pub subject: SubjectId,
    /// What the person types to sign in.
    pub login: String,
    /// `operator`, `fleet_admin`, `auditor` or `sysadmin`.
    pub role: Role,
    /// The fleet; absent for those above fleets.
    pub fleet: Option<FleetId>,
    /// The districts.
    pub districts: Districts,
}

/// An account as stored.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) operator: Operator,
    pub(super) password_hash: String,
}

/// What is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RevocationKind {
    Driver,
    Token,
}

impl RevocationKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Driver => "driver",
            Self::Token => "token",
        }
    }
}

/// A revocation as stored.
#[derive(Debug, Clone)]
pub(super) struct Revocation {
    pub(super) kind: RevocationKind,
    pub(super) value: String,
    pub(super) at: UtcMs,
    pub(super) expires_at: UtcMs,
    pub(super) by: String,
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    subject: String,
    login: String,
    password_hash: String,
    role: String,
    fleet_id: Option<String>,
    districts: Option<String>,
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    #[sqlx(flatten)]
    account: AccountRow,
    expires_at: i64,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    node: String,
    public_key: String,
    standing: String,
    district: Option<String>,
}

impl IdentityStore {
    /// Returns the tables of identity in `store`.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self { writer: store.writer().clone(), reader: store.reader().clone() }
    }

    pub(super) async fn add_operator(&self, account: &Account, now: UtcMs) -> Result<(), StoreError> {
        let operator = &account.operator;
        let districts = match &operator.districts {
            Districts::All => None,
            Districts::Some(list) => {
                Some(serde_json::to_string(list).expect("a list of names is plain JSON"))
            }
        };
        let result = sqlx::query(
            "INSERT INTO operator (subject, login, password_hash, role, fleet_id, districts, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(operator.subject.to_string())
        .bind(&operator.login)
        .bind(&account.password_hash)
        .bind(operator.role.as_str())
        .bind(operator.fleet.as_ref().map(FleetId::as_str))
        .bind(districts)
        .bind(now.0)
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(StoreError::from);
        match result {
            Err(StoreError::Database(sqlx::Error::Database(error))) if error.is_unique_violation() => {
                Err(StoreError::LoginTaken)
            }
            result => result,
        }
    }

    /// The open account of that login.
    pub(super) async fn account(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query_as::<_, AccountRow>(
            "SELECT subject, login, password_hash, role, fleet_id, districts FROM operator \
             WHERE login = $1 AND closed_at IS NULL",
        )
        .bind(login)
        .fetch_optional(&self.reader)
        .await?;
        row.map(Account::try_from).transpose()
    }

    /// Closes an account and ends its sessions in one step.
    pub(super) async fn close_operator(&self, login: &str, now: UtcMs) -> Result<bool, StoreError> {
        let closed = sqlx::query("UPDATE operator SET closed_at = $1 WHERE login = $2 AND closed_at IS NULL")
            .bind(now.0)
            .bind(login)
            .execute(&self.writer)
            .await?
            .rows_affected();
        // A session without an open account is no session (`session_operator`), so nothing can slip between.
        Ok(closed > 0)
    }

    pub(super) async fn set_password(&self, login: &str, hash: &str, now: UtcMs) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let changed =
            sqlx::query("UPDATE operator SET password_hash = $1 WHERE login = $2 AND closed_at IS NULL")
                .bind(hash)
                .bind(login)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
        // Whoever signed in with the old password signs in anew.
        sqlx::query(
            "UPDATE operator_session SET ended_at = $1 WHERE ended_at IS NULL \
             AND subject IN (SELECT subject FROM operator WHERE login = $2)",
        )
        .bind(now.0)
        .bind(login)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(changed > 0)
    }

    pub(super) async fn add_session(
        &self,
        token_hash: &str,
        subject: SubjectId,
        now: UtcMs,
        expires_at: UtcMs,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO operator_session (token_hash, subject, created_at, expires_at) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(token_hash)
        .bind(subject.to_string())
        .bind(now.0)
        .bind(expires_at.0)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// The operator of a session that is in force, and when it expires.
    pub(super) async fn session_operator(
        &self,
        token_hash: &str,
        now: UtcMs,
    ) -> Result<Option<(Operator, UtcMs)>, StoreError> {
        let row = sqlx::query_as::<_, SessionRow>(
            "SELECT o.subject, o.login, o.password_hash, o.role, o.fleet_id, o.districts, s.expires_at \
             FROM operator_session s JOIN operator o ON o.subject = s.subject \
             WHERE s.token_hash = $1 AND s.ended_at IS NULL AND s.expires_at > $2 \
             AND o.closed_at IS NULL",
        )
        .bind(token_hash)
        .bind(now.0)
        .fetch_optional(&self.reader)
        .await?;
        row.map(|row| {
            let account = Account::try_from(row.account)?;
            Ok((account.operator, UtcMs(row.expires_at)))
        })
        .transpose()
    }

    /// Ends a session; false if none of that token was in force.
    pub(super) async fn end_session(&self, token_hash: &str, now: UtcMs) -> Result<bool, StoreError> {
        let ended = sqlx::query(
            "UPDATE operator_session SET ended_at = $1 WHERE token_hash = $2 AND ended_at IS NULL",
        )
        .bind(now.0)
        .bind(token_hash)
        .execute(&self.writer)
        .await?
        .rows_affected();
        Ok(ended > 0)
    }

    /// Forgets sessions, revocations and enrolments that ended long ago.
    pub(super) async fn forget_before(&self, before: UtcMs) -> Result<(), StoreError> {
        for statement in [
            "DELETE FROM operator_session WHERE expires_at < $1",
            "DELETE FROM revocation WHERE expires_at < $1",
            "DELETE FROM enrolment_used WHERE expires_at < $1",
        ] {
            sqlx::query(statement).bind(before.0).execute(&self.writer).await?;
        }
        Ok(())
    }

    pub(super) async fn revoke(&self, revocation: &Revocation) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO revocation (kind, value, revoked_at, expires_at, revoked_by) \
             VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (kind, value) DO UPDATE SET \
             revoked_at = excluded.revoked_at, expires_at = excluded.expires_at, \
             revoked_by = excluded.revoked_by",
        )
        .bind(revocation.kind.as_str())
        .bind(&revocation.value)
        .bind(revocation.at.0)
        .bind(revocation.expires_at.0)
        .bind(&revocation.by)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    pub(super) async fn revocations(&self) -> Result<Vec<Revocation>, StoreError> {
        let rows: Vec<(String, String, i64, i64, String)> = sqlx::query_as(
            "SELECT kind, value, revoked_at, expires_at, revoked_by FROM revocation \
             ORDER BY revoked_at DESC LIMIT $1",
        )
        .bind(ROWS_MAX)
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter()
            .map(|(kind, value, at, expires_at, by)| {
                let kind = match kind.as_str() {
                    "driver" => RevocationKind::Driver,
                    "token" => RevocationKind::Token,
                    _ => return Err(StoreError::Unreadable { what: "revocation" }),
                };
                Ok(Revocation { kind, value, at: UtcMs(at), expires_at: UtcMs(expires_at), by })
            })
            .collect()
    }

    pub(super) async fn node_keys(&self) -> Result<Vec<KnownKey>, StoreError> {
        let rows = sqlx::query_as::<_, KeyRow>(
            "SELECT node, public_key, standing, district FROM node_key WHERE revoked_at IS NULL \
             ORDER BY added_at LIMIT $1",
        )
        .bind(ROWS_MAX)
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(KnownKey::try_from).collect()
    }

    pub(super) async fn revoke_node_key(&self, key: &KnownKey, now: UtcMs) -> Result<(), StoreError> {
        self.add_node_key(key, now).await?;
        sqlx::query("UPDATE node_key SET revoked_at = $1 WHERE kid = $2 AND revoked_at IS NULL")
            .bind(now.0)
            .bind(key.public.thumbprint().as_str())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    pub(super) async fn add_node_key(&self, key: &KnownKey, now: UtcMs) -> Result<(), StoreError> {
        let (standing, district) = match &key.standing {
            Standing::Central => ("central", None),
            Standing::Edge(district) => ("edge", Some(district.as_str())),
        };
        sqlx::query(
            "INSERT INTO node_key (kid, node, public_key, standing, district, added_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kid) DO NOTHING",
        )
        .bind(key.public.thumbprint().as_str())
        .bind(key.node.as_str())
        .bind(key.public.to_string())
        .bind(standing)
        .bind(district)
        .bind(now.0)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Names of keys that are trusted no longer, whatever the configuration says.
    pub(super) async fn revoked_node_keys(&self) -> Result<BTreeSet<String>, StoreError> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT kid FROM node_key WHERE revoked_at IS NOT NULL LIMIT $1")
                .bind(ROWS_MAX)
                .fetch_all(&self.reader)
                .await?;
        Ok(rows.into_iter().map(|(kid,)| kid).collect())
    }

    /// Uses an enrolment up; false if it had been used before.
    pub(super) async fn use_enrolment(
        &self,
        jti: Uuid,
        node: &NodeId,
        now: UtcMs,
        expires_at: UtcMs,
    ) -> Result<bool, StoreError> {
        let added = sqlx::query(
            "INSERT INTO enrolment_used (jti, node, used_at, expires_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (jti) DO NOTHING",
        )
        .bind(jti.to_string())
        .bind(node.as_str())
        .bind(now.0)
        .bind(expires_at.0)
        .execute(&self.writer)
        .await?
        .rows_affected();
        Ok(added == 1)
    }
}

impl TryFrom<AccountRow> for Account {
    type Error = StoreError;
    fn try_from(row: AccountRow) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "operator" };
        let districts = match row.districts {
            None => Districts::All,
            Some(list) => {
                let list: Vec<DistrictId> = serde_json::from_str(&list).map_err(|_| unreadable())?;
                Districts::Some(list)
            }
        };
        let operator = Operator {
            subject: row.subject.parse().map_err(|_| unreadable())?,
            login: row.login,
            role: Role::named(&row.role).ok_or_else(unreadable)?,
            fleet: row.fleet_id.map(|fleet| fleet.parse()).transpose().map_err(|_| unreadable())?,
            districts,
        };
        Ok(Self { operator, password_hash: row.password_hash })
    }
}

impl TryFrom<KeyRow> for KnownKey {
    type Error = StoreError;
    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "node key" };
        let standing = match (row.standing.as_str(), row.district) {
            ("central", None) => Standing::Central,
            ("edge", Some(district)) => Standing::Edge(district.parse().map_err(|_| unreadable())?),
            _ => return Err(unreadable()),
        };
        Ok(Self {
            node: row.node.parse().map_err(|_| unreadable())?,
            public: row.public_key.parse().map_err(|_| unreadable())?,
            standing,
        })
    }
}
