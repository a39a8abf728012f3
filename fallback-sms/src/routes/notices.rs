//! `/text/v1/notices`: the texts that this node wants sent, until the text process has them.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use ondol_core::booking::CancelReason;
use ondol_core::command::{Notice as CoreNotice, NoticeText, Recipient};
use ondol_core::fact::{Lang, Sealed};
use ondol_core::node::Node;
use ondol_core::position::Position;
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::TextClient;
use ondol_engine::store::OutboxNotice;
use ondol_engine::vault::{DriverPersonal, RiderPersonal};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::places::{called, name_at};
use super::{Reach, TextDoor, lang};
use crate::clock::UtcMs;
use crate::wire::{AckRequest, Ask, AskKind, Empty, NOTICES_MAX, Notice, NoticeOutcome, NoticesAnswer};

/// Longest long poll on the wall.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// Unacknowledged notices looked through to find those that are acknowledged.
const UNACKED_MAX: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The outbox that `after` counts in, if the text process has read it before.
    outbox: Option<String>,
    after: u64,
    limit: Option<usize>,
    wait_ms: Option<u32>,
}

pub(super) async fn list(
    State(door): State<TextDoor>,
    client: TextClient,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<NoticesAnswer>, Problem> {
    Reach::of(&client).check_whole(&door.handle).await?;
    let Query(wanted) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    let outbox = door.handle.store().outbox_name(door.handle.node_id());
    if wanted.outbox.is_some_and(|known| !known.is_empty() && known != outbox) {
        // Its number means nothing here: the text process begins at the start, and need not wait to learn that.
        return Ok(Json(NoticesAnswer { outbox, notices: Vec::new() }));
    }
    let limit = wanted.limit.unwrap_or(NOTICES_MAX).clamp(1, NOTICES_MAX);
    let speed = door.handle.clock().speed();
    let wait =
        Duration::from_secs_f64(f64::from(wanted.wait_ms.unwrap_or(0)) / 1_000.0 / speed).min(WAIT_MAX);
    let deadline = tokio::time::Instant::now() + wait;
    let mut commits = door.handle.commits();
    loop {
        commits.mark_unchanged();
        let now = door.handle.now().utc;
        let rows = door.handle.store().notices_after(wanted.after, limit, now).await;
        let rows = rows.map_err(|error| Problem::internal(&error))?;
        if !rows.is_empty() {
            let mut notices = Vec::with_capacity(rows.len());
            for row in rows {
                notices.extend(worded(&door, row).await?);
            }
            return Ok(Json(NoticesAnswer { outbox, notices }));
        }
        let more = tokio::time::timeout_at(deadline, commits.changed()).await;
        if !matches!(more, Ok(Ok(()))) {
            return Ok(Json(NoticesAnswer { outbox, notices: Vec::new() }));
        }
    }
}

pub(super) async fn acknowledge(
    State(door): State<TextDoor>,
    client: TextClient,
    StrictJson(ack): StrictJson<AckRequest>,
) -> Result<Json<Empty>, Problem> {
    Reach::of(&client).check_whole(&door.handle).await?;
    // Of any life of this node: a notice has the same id in each.
    if ack.outbox.split('/').next() != Some(door.handle.node_id().as_str()) {
        return Err(Problem::invalid("outbox is not this node's"));
    }
    if ack.results.len() > NOTICES_MAX {
        return Err(Problem::invalid(format!("results has at most {NOTICES_MAX} rows")));
    }
    let now = door.handle.now().utc;
    let unacked = door.handle.store().notices_after(0, UNACKED_MAX, now).await;
    let unacked = unacked.map_err(|error| Problem::internal(&error))?;
    let by_name: BTreeMap<Uuid, String> =
        unacked.into_iter().map(|row| (name_of(&row.notice.id), row.notice.id)).collect();
    let taken: Vec<String> =
        ack.results.iter().filter_map(|result| by_name.get(&result.id).cloned()).collect();
    door.handle.store().ack_notices(&taken, now).await.map_err(|error| Problem::internal(&error))?;
    for result in ack.results.iter().filter(|result| result.outcome != NoticeOutcome::Taken) {
        metrics::counter!("ondol_notices_total", "outcome" => outcome(result.outcome)).increment(1);
        if matches!(
            result.outcome,
            NoticeOutcome::Failed | NoticeOutcome::Refused | NoticeOutcome::Unanswered
        ) {
            tracing::warn!(notice = %result.id, outcome = outcome(result.outcome), "a text did not reach its reader");
        }
    }
    Ok(Json(Empty {}))
}

fn outcome(outcome: NoticeOutcome) -> &'static str {
    match outcome {
        NoticeOutcome::Taken => "taken",
        NoticeOutcome::Sent => "sent",
        NoticeOutcome::Delivered => "delivered",
        NoticeOutcome::Failed => "failed",
        NoticeOutcome::Expired => "expired",
        NoticeOutcome::Refused => "refused",
        NoticeOutcome::Unanswered => "unanswered",
    }
}

/// The text process names notices by UUID; the same notice has the same one at every node.
fn name_of(id: &str) -> Uuid {
    let digest = Sha256::digest(id.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The notice as the text process takes it; nothing if its reader's number is not known here any more.
async fn worded(door: &TextDoor, row: OutboxNotice) -> Result<Option<Notice>, Problem> {
    let OutboxNotice { seq, notice } = row;
    let to = notice.to.clone();
    let Some(Reader { sealed, lang: language, pickup }) =
        door.handle.read(move |node| reader(node, &to)).await?
    else {
        return Ok(None);
    };
    let vault = door.handle.vault();
    let (number, pickup_label) = match notice.to {
        Recipient::Rider { .. } => {
            let (personal, _): (RiderPersonal, _) = vault.read_any(Some(&sealed));
            (personal.phone, personal.pickup_label)
        }
        Recipient::Driver { .. } => (vault.read_any::<DriverPersonal>(Some(&sealed)).0.phone, None),
    };
    let Some(number) = number else { return Ok(None) };
    let waits_at = pickup.map(|pickup| called(door.map.as_deref(), pickup_label, pickup));
    let (template, args) = words(door, &notice, waits_at);
    let ask = match (&notice.text, &notice.to) {
        (NoticeText::StillWanted { .. }, Recipient::Rider { booking }) => {
            Some(Ask { booking_id: booking.0, kind: AskKind::StillWanted })
        }
        _ => None,
    };
    Ok(Some(Notice {
        seq: i64::try_from(seq).unwrap_or(i64::MAX),
        id: name_of(&notice.id),
        to: number.as_str().to_owned(),
        lang: lang(language),
        template: template.to_owned(),
        args,
        urgent: notice.urgent,
        expires_at: UtcMs(notice.expires_at.0),
        ask,
    }))
}

/// Whoever is told something.
struct Reader {
    /// What holds the number.
    sealed: Sealed,
    lang: Lang,
    /// Where a rider waits.
    pickup: Option<Position>,
}

fn reader(node: &Node, to: &Recipient) -> Option<Reader> {
    match to {
        Recipient::Rider { booking } => {
            let request = node.board().booking(*booking)?.1.request()?;
            let (sealed, pickup) = (request.personal.clone()?, Some(request.pickup));
            Some(Reader { sealed, lang: request.lang, pickup })
        }
        Recipient::Driver { driver } => {
            let (_, driver) = node.board().driver(*driver)?;
            Some(Reader { sealed: driver.personal.clone()?, lang: driver.lang, pickup: None })
        }
    }
}

fn words(
    door: &TextDoor,
    notice: &CoreNotice,
    waits_at: Option<String>,
) -> (&'static str, BTreeMap<String, String>) {
    let args = |pairs: &[(&str, String)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    match &notice.text {
        NoticeText::TaxiAssigned { code, plate, minutes, pin } => (
            "sms-assigned",
            args(&[
                ("code", code.clone()),
                ("plate", plate.clone()),
                ("minutes", minutes.min(&999).to_string()),
                ("pin", pin.clone()),
            ]),
        ),
        NoticeText::TaxiArrived { code, plate } => {
            let pin = match &notice.to {
                Recipient::Rider { booking } => door.handle.vault().pin_key().pin(*booking),
                Recipient::Driver { .. } => String::new(),
            };
            ("sms-arrived", args(&[("code", code.clone()), ("plate", plate.clone()), ("pin", pin)]))
        }
        NoticeText::TaxiLost { code } => ("sms-no-car", args(&[("code", code.clone())])),
        NoticeText::BookingEnded { code, reason: CancelReason::NoTaxi } => {
            ("sms-unserved", args(&[("code", code.clone())]))
        }
        NoticeText::BookingEnded { code, .. } => ("sms-cancelled", args(&[("code", code.clone())])),
        NoticeText::StillWanted { code } => {
            // Only riders are asked, and each waits somewhere.
            let place = waits_at.unwrap_or_else(|| code.clone());
            ("sms-still-wanted", args(&[("code", code.clone()), ("place", place)]))
        }
        NoticeText::DriverOffer { letter, minutes, pickup, dropoff, .. } => {
            let base = [
                ("letter", letter.to_string()),
                ("minutes", minutes.min(&999).to_string()),
                ("pickup", name_at(door.map.as_deref(), *pickup)),
            ];
            match dropoff {
                Some(dropoff) => {
                    let mut all = base.to_vec();
                    all.push(("destination", name_at(door.map.as_deref(), *dropoff)));
                    ("sms-offer", args(&all))
                }
                None => ("sms-offer-open", args(&base)),
            }
        }
        NoticeText::DriverWithdrawn { letter, .. } => {
            ("sms-offer-withdrawn", args(&[("letter", letter.to_string())]))
        }
    }
}
