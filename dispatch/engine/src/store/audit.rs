//! The audit log: who looked at somebody's number or at why a taxi was asked, closed a trip by hand or waived old bans.

use ondol_core::units::UtcMs;
use sqlx::Row as _;
use uuid::Uuid;

use super::{Store, StoreError, read, sql};

/// Longest reason, in characters.
pub const REASON_MAX_CHARS: usize = 200;
/// Most rows of one answer.
pub const AUDIT_MAX: usize = 500;

/// What is audited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditAction {
    /// A rider's phone number was shown in clear.
    NumberRevealed,
    /// A trip was to be closed by hand, with this reason and fare; the journal says whether it was.
    TripClosed,
    /// A trip was to be restored from the capsule on a driver's device; the journal says whether it was.
    TripRestored,
    /// The recovery key was loaded into this node.
    RecoveryKeyLoaded,
    /// Drivers were to be let begin shifts although the bans here are old; the journal says whether they were.
    BansWaived,
    /// It was shown which drivers were asked for a booking, who else came into question, and why; the reason is the role.
    DecisionsSeen,
}

impl AuditAction {
    /// The name in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NumberRevealed => "number_revealed",
            Self::TripClosed => "trip_closed",
            Self::TripRestored => "trip_restored",
            Self::RecoveryKeyLoaded => "recovery_key_loaded",
            Self::BansWaived => "bans_waived",
            Self::DecisionsSeen => "decisions_seen",
        }
    }
}

/// One row of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// When.
    pub at: UtcMs,
    /// The operator's login.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what, such as a booking.
    pub object: String,
    /// Why.
    pub reason: String,
}

impl Store {
    /// Writes down that `actor` does `action` to `object`; what is audited happens after this returned.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is not durable: the door shows and does nothing then.
    pub async fn audit(
        &self,
        actor: &str,
        action: AuditAction,
        object: &str,
        reason: &str,
        at: UtcMs,
    ) -> Result<(), StoreError> {
        let reason: String = reason.chars().take(REASON_MAX_CHARS).collect();
        sqlx::query(
            "INSERT INTO audit (id, at_ms, actor, action, object, reason) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(at.0)
        .bind(actor)
        .bind(action.as_str())
        .bind(object)
        .bind(reason)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// The audit log from `from` on, oldest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn audited(&self, from: UtcMs, limit: usize) -> Result<Vec<Audited>, StoreError> {
        let rows = sqlx::query(
            "SELECT at_ms, actor, action, object, reason FROM audit WHERE at_ms >= $1 ORDER BY at_ms, id LIMIT $2",
        )
        .bind(from.0)
        .bind(sql(limit.min(AUDIT_MAX) as u64))
        .fetch_all(self.reader())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Audited {
                    at: UtcMs(row.try_get("at_ms")?),
                    actor: read::text(row, "actor")?,
                    action: read::text(row, "action")?,
                    object: read::text(row, "object")?,
                    reason: read::text(row, "reason")?,
                })
            })
            .collect()
    }
}
