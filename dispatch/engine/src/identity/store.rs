//! Tables of identity, the same in PostgreSQL and SQLite (`migrations/*/0100_identity.sql`).
//!
//! Absent: anything secret in clear. Passwords are argon2id strings, session tokens are SHA-256 digests.

use ondol_core::ids::{DistrictId, FleetId, NodeId, SubjectId};
use ondol_core::units::UtcMs;
use sqlx::{PgPool, SqlitePool};
use thiserror::Error;
use uuid::Uuid;

use super::policy::Districts;
use super::token::{KnownKey, Role, Standing};

/// Most keys of nodes and most revocations that are read at start.
const ROWS_MAX: i64 = 100_000;

/// The store of identity: a pool of either database, already migrated.
#[derive(Debug, Clone)]
pub enum IdentityStore {
    /// Central's.
    Postgres(PgPool),
    /// An edge's.
    Sqlite(SqlitePool),
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
struct KeyRow {
    node: String,
    public_key: String,
    standing: String,
    district: Option<String>,
}

/// Runs the same statement on either pool: both databases read `$1` as the first argument.
macro_rules! on {
    ($store:expr, $pool:ident => $query:expr) => {
        match $store {
            IdentityStore::Postgres($pool) => $query.map_err(StoreError::from),
            IdentityStore::Sqlite($pool) => $query.map_err(StoreError::from),
        }
    };
}

impl IdentityStore {
    pub(super) async fn add_operator(&self, account: &Account, now: UtcMs) -> Result<(), StoreError> {
        let operator = &account.operator;
        let districts = match &operator.districts {
            Districts::All => None,
            Districts::Some(list) => {
                Some(serde_json::to_string(list).expect("a list of names is plain JSON"))
            }
        };
        let result = on!(self, pool => sqlx::query(
            "insert into operator (subject, login, password_hash, role, fleet_id, districts, created_at_ms) \
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(operator.subject.to_string())
        .bind(&operator.login)
        .bind(&account.password_hash)
        .bind(operator.role.as_str())
        .bind(operator.fleet.as_ref().map(FleetId::as_str))
        .bind(districts)
        .bind(now.0)
        .execute(pool)
        .await
        .map(drop));
        match result {
            Err(StoreError::Database(sqlx::Error::Database(error))) if error.is_unique_violation() => {
                Err(StoreError::LoginTaken)
            }
            result => result,
        }
    }

    /// The open account of that login.
    pub(super) async fn account(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let row = on!(self, pool => sqlx::query_as::<_, AccountRow>(
            "select subject, login, password_hash, role, fleet_id, districts from operator \
             where login = $1 and closed_at_ms is null",
        )
        .bind(login)
        .fetch_optional(pool)
        .await)?;
        row.map(Account::try_from).transpose()
    }

    /// Closes an account and ends its sessions in one step.
    pub(super) async fn close_operator(&self, login: &str, now: UtcMs) -> Result<bool, StoreError> {
        let closed = on!(self, pool => sqlx::query(
            "update operator set closed_at_ms = $1 where login = $2 and closed_at_ms is null",
        )
        .bind(now.0)
        .bind(login)
        .execute(pool)
        .await
        .map(|done| done.rows_affected()))?;
        // A session without an open account is no session (`session_operator`), so nothing can slip between.
        Ok(closed > 0)
    }

    pub(super) async fn set_password(&self, login: &str, hash: &str, now: UtcMs) -> Result<bool, StoreError> {
        let changed = on!(self, pool => sqlx::query(
            "update operator set password_hash = $1 where login = $2 and closed_at_ms is null",
        )
        .bind(hash)
        .bind(login)
        .execute(pool)
        .await
        .map(|done| done.rows_affected()))?;
        // Whoever signed in with the old password signs in anew.
        on!(self, pool => sqlx::query(
            "update operator_session set ended_at_ms = $1 where ended_at_ms is null \
             and subject in (select subject from operator where login = $2)",
        )
        .bind(now.0)
        .bind(login)
        .execute(pool)
        .await
        .map(drop))?;
        Ok(changed > 0)
    }

    pub(super) async fn add_session(
        &self,
        token_hash: &str,
        subject: SubjectId,
        now: UtcMs,
        expires_at: UtcMs,
    ) -> Result<(), StoreError> {
        on!(self, pool => sqlx::query(
            "insert into operator_session (token_hash, subject, created_at_ms, expires_at_ms) \
             values ($1, $2, $3, $4)",
        )
        .bind(token_hash)
        .bind(subject.to_string())
        .bind(now.0)
        .bind(expires_at.0)
        .execute(pool)
        .await
        .map(drop))
    }

    /// The operator of a session that is in force.
    pub(super) async fn session_operator(
        &self,
        token_hash: &str,
        now: UtcMs,
    ) -> Result<Option<Operator>, StoreError> {
        let row = on!(self, pool => sqlx::query_as::<_, AccountRow>(
            "select o.subject, o.login, o.password_hash, o.role, o.fleet_id, o.districts \
             from operator_session s join operator o on o.subject = s.subject \
             where s.token_hash = $1 and s.ended_at_ms is null and s.expires_at_ms > $2 \
             and o.closed_at_ms is null",
        )
        .bind(token_hash)
        .bind(now.0)
        .fetch_optional(pool)
        .await)?;
        row.map(|row| Account::try_from(row).map(|account| account.operator)).transpose()
    }

    pub(super) async fn end_session(&self, token_hash: &str, now: UtcMs) -> Result<(), StoreError> {
        on!(self, pool => sqlx::query(
            "update operator_session set ended_at_ms = $1 where token_hash = $2 and ended_at_ms is null",
        )
        .bind(now.0)
        .bind(token_hash)
        .execute(pool)
        .await
        .map(drop))
    }

    /// Forgets sessions, revocations and enrolments that ended long ago.
    pub(super) async fn forget_before(&self, before: UtcMs) -> Result<(), StoreError> {
        for statement in [
            "delete from operator_session where expires_at_ms < $1",
            "delete from revocation where expires_at_ms < $1",
            "delete from enrolment_used where expires_at_ms < $1",
        ] {
            on!(self, pool => sqlx::query(statement).bind(before.0).execute(pool).await.map(drop))?;
        }
        Ok(())
    }

    pub(super) async fn revoke(&self, revocation: &Revocation) -> Result<(), StoreError> {
        on!(self, pool => sqlx::query(
            "insert into revocation (kind, value, revoked_at_ms, expires_at_ms, revoked_by) \
             values ($1, $2, $3, $4, $5) \
             on conflict (kind, value) do update set \
             revoked_at_ms = excluded.revoked_at_ms, expires_at_ms = excluded.expires_at_ms, \
             revoked_by = excluded.revoked_by",
        )
        .bind(revocation.kind.as_str())
        .bind(&revocation.value)
        .bind(revocation.at.0)
        .bind(revocation.expires_at.0)
        .bind(&revocation.by)
        .execute(pool)
        .await
        .map(drop))
    }

    pub(super) async fn revocations(&self) -> Result<Vec<Revocation>, StoreError> {
        let rows: Vec<(String, String, i64, i64, String)> = on!(self, pool => sqlx::query_as(
            "select kind, value, revoked_at_ms, expires_at_ms, revoked_by from revocation \
             order by revoked_at_ms desc limit $1",
        )
        .bind(ROWS_MAX)
        .fetch_all(pool)
        .await)?;
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
        let rows = on!(self, pool => sqlx::query_as::<_, KeyRow>(
            "select node, public_key, standing, district from node_key where revoked_at_ms is null \
             order by added_at_ms limit $1",
        )
        .bind(ROWS_MAX)
        .fetch_all(pool)
        .await)?;
        rows.into_iter().map(KnownKey::try_from).collect()
    }

    pub(super) async fn add_node_key(&self, key: &KnownKey, now: UtcMs) -> Result<(), StoreError> {
        let (standing, district) = match &key.standing {
            Standing::Central => ("central", None),
            Standing::Edge(district) => ("edge", Some(district.as_str())),
        };
        on!(self, pool => sqlx::query(
            "insert into node_key (kid, node, public_key, standing, district, added_at_ms) \
             values ($1, $2, $3, $4, $5, $6) on conflict (kid) do nothing",
        )
        .bind(key.public.thumbprint().as_str())
        .bind(key.node.as_str())
        .bind(key.public.to_string())
        .bind(standing)
        .bind(district)
        .bind(now.0)
        .execute(pool)
        .await
        .map(drop))
    }

    /// Uses an enrolment up; false if it had been used before.
    pub(super) async fn use_enrolment(
        &self,
        jti: Uuid,
        node: &NodeId,
        now: UtcMs,
        expires_at: UtcMs,
    ) -> Result<bool, StoreError> {
        let added = on!(self, pool => sqlx::query(
            "insert into enrolment_used (jti, node, used_at_ms, expires_at_ms) values ($1, $2, $3, $4) \
             on conflict (jti) do nothing",
        )
        .bind(jti.to_string())
        .bind(node.as_str())
        .bind(now.0)
        .bind(expires_at.0)
        .execute(pool)
        .await
        .map(|done| done.rows_affected()))?;
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
