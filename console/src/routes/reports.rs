//! Who needs a person: SOS and problems that came by text, until somebody has taken care.
//!
//! Each node shows what it was told, and "taken care of" is said at each: reports are not replicated.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use ondol_core::fact::PhoneKey;
use ondol_core::ids::BookingId;
use ondol_core::node::Node;
use ondol_engine::http::{Moment, Problem, StrictJson};
use ondol_engine::identity::OperatorSession;
use ondol_engine::identity::policy::{Caller, Object, Operation, allow};
use ondol_engine::store::{AuditAction, ReportWords, TextReport};
use ondol_engine::vault::Hidden;
use uuid::Uuid;

use crate::state::{ConsoleState, Inner};
use crate::view::{object_fleet, sees};
use crate::wire::{Empty, ReportRow, ReportsView, RevealAnswer};

type Id = Result<Path<Uuid>, PathRejection>;

/// `GET /console/v1/reports`.
pub(crate) async fn show(
    State(state): State<ConsoleState>,
    session: OperatorSession,
) -> Result<Json<ReportsView>, Problem> {
    allow(&session.caller, Operation::SeeBoard, &Object::default()).check()?;
    let reports = state.handle.store().open_reports().await.map_err(|error| Problem::internal(&error))?;
    let words: Vec<Option<ReportWords>> =
        reports.iter().map(|report| report.words(state.handle.vault())).collect();
    let keys: Vec<Option<PhoneKey>> = words.iter().map(|words| key(&state, words.as_ref())).collect();
    let caller = session.caller;
    let people: Vec<Option<Person>> = state
        .handle
        .read(move |node| keys.iter().map(|key| person(node, key.as_ref(), &caller)).collect())
        .await?;
    let rows = reports.into_iter().zip(words).zip(people).filter_map(|((report, words), person)| {
        let person = person?;
        let phone = words.as_ref().and_then(|words| words.phone.as_ref());
        Some(ReportRow {
            report: report.id,
            kind: report.kind,
            urgent: report.urgent,
            phone_masked: phone.map(|phone| phone.masked()),
            is_driver: person.is_driver,
            booking: person.booking,
            hidden: words.is_none().then_some(Hidden::Unreadable),
            text: words.map_or_else(String::new, |words| words.text),
            at: Moment(report.at),
        })
    });
    Ok(Json(ReportsView { reports: rows.collect() }))
}

/// `POST /console/v1/reports/{id}/reveal`: the number is shown after the look at it was written down.
pub(crate) async fn reveal(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Id,
    StrictJson(Empty {}): StrictJson<Empty>,
) -> Result<Json<RevealAnswer>, Problem> {
    let report = find(&state, &session, Operation::RevealNumber, path).await?;
    let words = report.words(state.handle.vault());
    let phone = words.and_then(|words| words.phone).ok_or_else(Problem::not_found)?;
    let (store, at) = (state.handle.store(), state.handle.now().utc);
    let (object, reason) = (format!("report {}", report.id), &report.kind);
    let written =
        store.audit(&session.operator.login, AuditAction::NumberRevealed, &object, reason, at).await;
    written.map_err(|error| {
        tracing::error!(%error, "the audit log cannot be written");
        Problem::unavailable()
    })?;
    Ok(Json(RevealAnswer { phone: phone.as_str().to_owned() }))
}

/// `POST /console/v1/reports/{id}/care`: somebody has taken care of it.
pub(crate) async fn care(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Id,
    StrictJson(Empty {}): StrictJson<Empty>,
) -> Result<Json<Empty>, Problem> {
    let report = find(&state, &session, Operation::TakeCall, path).await?;
    let (store, now) = (state.handle.store(), state.handle.now().utc);
    let done = store.care_for_report(report.id, &session.operator.login, now).await;
    // Two may press at once: that it is taken care of is what both wanted.
    let _was_open = done.map_err(|error| Problem::internal(&error))?;
    tracing::info!(operator = %session.operator.subject, report = %report.id, "an operator took care of a report");
    Ok(Json(Empty {}))
}

/// An open report that the operator may do `operation` to; another fleet's is not there at all.
async fn find(
    state: &Inner,
    session: &OperatorSession,
    operation: Operation,
    path: Id,
) -> Result<TextReport, Problem> {
    let Path(id) = path.map_err(|_| Problem::invalid("a report's id is a UUID"))?;
    allow(&session.caller, operation, &Object::default()).check()?;
    let report = state.handle.store().open_report(id).await.map_err(|error| Problem::internal(&error))?;
    let report = report.ok_or_else(Problem::not_found)?;
    let key = key(state, report.words(state.handle.vault()).as_ref());
    let caller = session.caller.clone();
    let person = state.handle.read(move |node| person(node, key.as_ref(), &caller)).await?;
    person.map(|_| report).ok_or_else(Problem::not_found)
}

fn key(state: &Inner, words: Option<&ReportWords>) -> Option<PhoneKey> {
    words?.phone.as_ref().map(|phone| state.handle.vault().phone_key(phone))
}

/// What the board knows of whoever a report is about.
#[derive(Default)]
struct Person {
    is_driver: bool,
    /// The open booking.
    booking: Option<BookingId>,
}

/// The person of a report; `None` if it is another fleet's. Who is not known here is everybody's to help.
fn person(node: &Node, key: Option<&PhoneKey>, caller: &Caller) -> Option<Person> {
    let Some(key) = key else { return Some(Person::default()) };
    if let Some((district, driver)) = node.board().driver_by_phone(key) {
        let seen = sees(caller, Operation::SeeBoard, district, Some(&driver.fleet));
        return seen.then_some(Person { is_driver: true, booking: None });
    }
    let latest = node
        .board()
        .districts()
        .flat_map(|(district, board)| board.bookings_of_phone(key).map(move |record| (district, record)))
        .max_by_key(|(_, record)| record.accepted.as_ref().map(|accepted| accepted.at));
    let Some((district, record)) = latest else { return Some(Person::default()) };
    let seen = sees(caller, Operation::SeeBoard, district, object_fleet(node, record));
    let booking = (!record.status().is_closed()).then_some(record.id);
    seen.then_some(Person { is_driver: false, booking })
}
