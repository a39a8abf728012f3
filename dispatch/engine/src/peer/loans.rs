//! What two edges say to one another about loans, as it goes over the wire: with the keys of those riders whose sealed
//! text goes with it, and of nobody else.

use std::collections::BTreeSet;

use ondol_core::command::{LentSaid, LoanAnswer, LoanCall};
use ondol_core::ids::SubjectId;
use serde::{Deserialize, Serialize};

use super::check::{self, PageRefusal};
use crate::run::Handle;
use crate::store::StoreError;
use crate::vault::SubjectKey;

/// A call, `POST /sync/v1/loans`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoanPost {
    pub(super) call: LoanCall,
    /// The keys of everybody whose sealed text is in the call.
    pub(super) keys: Vec<SubjectKey>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoanReply {
    pub(super) answer: LoanAnswer,
    /// The keys of everybody whose sealed text is in the answer.
    pub(super) keys: Vec<SubjectKey>,
}

pub(super) async fn post(handle: &Handle, call: LoanCall) -> Result<LoanPost, StoreError> {
    let keys = handle.store().keys_of(&subjects(&call.lent)).await?;
    Ok(LoanPost { call, keys })
}

pub(super) async fn reply(handle: &Handle, answer: LoanAnswer) -> Result<LoanReply, StoreError> {
    let keys = handle.store().keys_of(&subjects(&answer.lent)).await?;
    Ok(LoanReply { answer, keys })
}

/// The keys that came with `lent`, if an edge may tell each of them.
///
/// # Errors
///
/// [`PageRefusal::Key`] for a key of somebody else, or one that was erased: central alone erases.
pub(super) fn keys_that_fit(
    lent: &[LentSaid],
    keys: Vec<SubjectKey>,
) -> Result<Vec<SubjectKey>, PageRefusal> {
    let named = subjects(lent);
    keys.iter().try_for_each(|key| check::key_of_edge(key, &named))?;
    Ok(keys)
}

/// Everybody whose sealed text is in what the lender says.
fn subjects(lent: &[LentSaid]) -> BTreeSet<SubjectId> {
    let requests = lent.iter().filter_map(|said| said.request.as_deref());
    requests.filter_map(|request| request.personal.as_ref()).map(|sealed| sealed.subject).collect()
}
