//! What is done with a device's message, whether it came over HTTP or the socket.

use axum::http::StatusCode;
use futures_util::future::join_all;
use ondol_core::command::{Answer, Command, Report, ToDevice};
use ondol_core::ids::AssignmentId;
use ondol_device::wire::Outcome as Reported;
use ondol_device::wire::{
    Attach, Attached, Beat, BeatAnswer, CapsuleAnswer, CapsuleOutcome, Invalid, PositionAnswer,
    PositionBatch, Push, ReportAnswer, ReportBatch, ReportResult, RiderTexts,
};
use ondol_engine::capsule::{Brought, Outcome};
use ondol_engine::http::Problem;
use ondol_engine::identity::Bearer;
use ondol_engine::{RequestError, Unavailable};

use crate::auth::{speaks_for_itself, who};
use crate::personal;
use crate::state::DriverState;

/// Reports of one batch that are handed to the loop together; `join_all` starts up to 30 in their order.
const REPORTS_AT_ONCE: usize = 30;

pub(crate) async fn attach(
    state: &DriverState,
    bearer: &Bearer,
    attach: Attach,
) -> Result<Attached, Problem> {
    speaks_for_itself(bearer, attach.device)?;
    attach.check().map_err(invalid)?;
    let who = who(state, bearer).await?;
    let (shift, brought) = (attach.shift, brought(&attach));
    match state.handle.request(Command::Attach(attach.into_command(&who))).await? {
        Answer::Attached { session } => {
            let outcomes = state.recovery.bring(bearer, shift, brought).await;
            let capsules = outcomes.into_iter().map(capsule_answer).collect();
            Ok(Attached { node: state.handle.node_id().clone(), session, capsules })
        }
        other => Err(unexpected(&other)),
    }
}

/// The capsules of what the slot holds; one of anything else is passed over.
fn brought(attach: &Attach) -> Vec<Brought> {
    let held = || attach.slot.current.iter().chain(&attach.slot.next);
    let kept = attach.capsules.iter().flatten();
    kept.filter_map(|kept| {
        let held = held().find(|held| held.assignment == kept.assignment)?;
        let (booking, assignment) = (held.booking, held.assignment.clone());
        Some(Brought { booking, assignment, text: kept.capsule.clone() })
    })
    .collect()
}

fn capsule_answer((assignment, outcome): (AssignmentId, Outcome)) -> CapsuleAnswer {
    let outcome = match outcome {
        Outcome::Known => CapsuleOutcome::Known,
        Outcome::Restored => CapsuleOutcome::Restored,
        Outcome::Waits | Outcome::Unopened(_) => CapsuleOutcome::Waits,
        Outcome::Refused(code) => CapsuleOutcome::Refused { code: code.to_owned() },
    };
    CapsuleAnswer { assignment, outcome }
}

pub(crate) async fn beat(state: &DriverState, bearer: &Bearer, beat: Beat) -> Result<BeatAnswer, Problem> {
    speaks_for_itself(bearer, beat.device)?;
    beat.check().map_err(invalid)?;
    match state.handle.request(Command::Beat(beat.into_command(bearer.district.clone()))).await? {
        Answer::Beat(answer) => {
            let texts = personal::texts(state, bearer, &answer.messages).await?;
            let mut texts = texts.into_iter();
            let asked_home = match &answer.asked_home {
                Some(asked) => Some(personal::asked_home(state, bearer, asked).await?),
                None => None,
            };
            Ok(BeatAnswer::new(&answer, |_| texts.next().unwrap_or_default(), asked_home))
        }
        other => Err(unexpected(&other)),
    }
}

pub(crate) async fn reports(
    state: &DriverState,
    bearer: &Bearer,
    batch: ReportBatch,
) -> Result<ReportAnswer, Problem> {
    speaks_for_itself(bearer, batch.device)?;
    batch.check().map_err(invalid)?;
    let corrected = batch.far_off(state.handle.now().utc);
    let entries: Vec<(u64, Result<Report, Invalid>)> = batch.into_commands(&bearer.district).collect();
    let mut results = Vec::with_capacity(entries.len());
    for chunk in entries.chunks(REPORTS_AT_ONCE) {
        let chunk = chunk.iter().map(|(number, report)| async {
            match report {
                Ok(report) => {
                    report_result(*number, state.handle.request(Command::Report(report.clone())).await)
                }
                Err(invalid) => ReportResult::invalid(*number, invalid),
            }
        });
        results.extend(join_all(chunk).await);
    }
    Ok(ReportAnswer { results, corrected })
}

pub(crate) fn positions(
    state: &DriverState,
    bearer: &Bearer,
    batch: PositionBatch,
) -> Result<PositionAnswer, Problem> {
    speaks_for_itself(bearer, batch.device)?;
    batch.check().map_err(invalid)?;
    // All of them: what is refused, or dropped later, need not be sent again either.
    let stored = batch.fixes.iter().map(|fix| fix.number).collect();
    if let Some(tracks) = &state.tracks {
        tracks.hand_in(bearer, batch.fixes, state.handle.now());
    }
    Ok(PositionAnswer { stored })
}

/// The push for a message of the core.
pub(crate) async fn push(
    state: &DriverState,
    bearer: &Bearer,
    message: &ToDevice,
) -> Result<Push, Unavailable> {
    let mut texts = personal::texts(state, bearer, std::slice::from_ref(message)).await?;
    Ok(Push::new(message, texts.pop().unwrap_or_else(RiderTexts::default)))
}

fn report_result(number: u64, result: Result<Answer, RequestError>) -> ReportResult {
    match result {
        Ok(answer) => ReportResult::new(number, &Ok(answer)),
        Err(RequestError::Refused(refusal)) => ReportResult::new(number, &Err(refusal)),
        Err(RequestError::Unavailable) => {
            ReportResult { number, outcome: Reported::Refused { code: "unavailable".into(), retry: true } }
        }
    }
}

fn invalid(invalid: Invalid) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, invalid.code(), invalid.to_string())
}

fn unexpected(answer: &Answer) -> Problem {
    Problem::internal(&format!("the core gave another kind of answer: {answer:?}"))
}
