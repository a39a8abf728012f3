//! Why a taxi was asked: read off the questions of a booking as the journal keeps them.
//!
//! Kept are the rule, the way of the shift that was asked, and five other candidates at most. Of shifts that did not come into
//! question nothing is kept; those that had been asked before and said no are seen from the questions before.

use axum::Json;
use axum::extract::State;
use ondol_core::booking::{AssignmentRecord, BookingRecord};
use ondol_core::ids::{AssignmentId, BookingId, DistrictId};
use ondol_core::matching::Reasons;
use ondol_core::node::Node;
use ondol_core::pin::booking_code;
use ondol_core::units::UtcMs;
use ondol_engine::http::Problem;
use ondol_engine::identity::OperatorSession;
use ondol_engine::identity::policy::{Caller, Operation};
use ondol_engine::store::AuditAction;

use super::{Id, id};
use crate::routes::{audit, may};
use crate::state::ConsoleState;
use crate::view::{rule, sees, taxi};
use crate::wire::{
    AskedBefore, DecisionsView, OTHERS_MAX, OtherView, QUESTIONS_MAX, QuestionOutcome, QuestionView, Standing,
};

/// `GET /console/v1/bookings/{id}/decisions`: shown after the look was written down.
pub(crate) async fn show(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Id,
) -> Result<Json<DecisionsView>, Problem> {
    let booking = id(path)?;
    may(&state, &session.caller, Operation::ReadRecord, booking).await?;
    let caller = session.caller.clone();
    let (questions, left_out, at) = state
        .handle
        .read_at(move |node, now| {
            let (questions, left_out) = told(node, &caller, booking);
            (questions, left_out, now.utc)
        })
        .await?;
    let role = session.operator.role.as_str();
    audit(&state, &session, AuditAction::DecisionsSeen, &booking.to_string(), role).await?;
    let standing = Standing { authority: state.handle.node_id().clone(), as_of: at.into() };
    Ok(Json(DecisionsView { booking, code: booking_code(booking), questions, left_out, standing }))
}

/// The first questions, as many as are shown, and how many more there are.
fn told(node: &Node, caller: &Caller, booking: BookingId) -> (Vec<QuestionView>, usize) {
    let all = questions(node, caller, booking);
    let shown = all.iter().take(QUESTIONS_MAX).map(|one| view(node, caller, one, &all)).collect();
    (shown, all.len().saturating_sub(QUESTIONS_MAX))
}

/// A bond that began with a question.
struct Question<'a> {
    district: &'a DistrictId,
    record: &'a BookingRecord,
    id: &'a AssignmentId,
    bond: &'a AssignmentRecord,
    eta_s: u32,
    at: UtcMs,
    why: &'a Reasons,
}

/// The questions for a booking, also of districts that have lent it, the first first.
fn questions<'a>(node: &'a Node, caller: &Caller, booking: BookingId) -> Vec<Question<'a>> {
    let seen = node.board().districts().filter(|(id, _)| sees(caller, Operation::ReadRecord, id, None));
    let records = seen.filter_map(|(id, board)| Some((id, board.bookings.get(&booking)?)));
    let mut all: Vec<Question<'a>> = records
        .flat_map(|(district, record)| {
            record.assignments.iter().filter_map(move |(id, bond)| {
                let (eta_s, at, why) = bond.offered.as_ref()?;
                Some(Question { district, record, id, bond, eta_s: *eta_s, at: *at, why })
            })
        })
        .collect();
    all.sort_by_key(|question| (question.at, question.id.clone()));
    all
}

fn view(node: &Node, caller: &Caller, question: &Question<'_>, all: &[Question<'_>]) -> QuestionView {
    let Question { district, record, id, bond, eta_s, at, why } = question;
    let (outcome, outcome_at, exchanged_for) = outcome(record, id, bond);
    let others = why.others.iter().take(OTHERS_MAX);
    QuestionView {
        assignment: (*id).clone(),
        district: (*district).clone(),
        asked_by: id.origin.clone(),
        asked_at: (*at).into(),
        rule: rule(&why.rule),
        taxi: taxi(node, caller, bond.shift),
        eta_s: *eta_s,
        others: others
            .map(|(shift, cost_s)| OtherView { taxi: taxi(node, caller, *shift), cost_s: *cost_s })
            .collect(),
        asked_before: asked_before(node, caller, question, all),
        instead_of: why.instead_of.clone(),
        outcome,
        outcome_at: outcome_at.map(Into::into),
        exchanged_for: exchanged_for.cloned(),
    }
}

/// Shifts whose last question for the booking had ended when this one was put, and that are neither the one asked nor among
/// the others that came into question.
fn asked_before(
    node: &Node,
    caller: &Caller,
    question: &Question<'_>,
    all: &[Question<'_>],
) -> Vec<AskedBefore> {
    let is_here =
        |shift| shift == question.bond.shift || question.why.others.iter().any(|(other, _)| *other == shift);
    let mut before: Vec<AskedBefore> = Vec::new();
    let mut named = Vec::new();
    for earlier in all.iter().rev().filter(|earlier| earlier.at < question.at && !is_here(earlier.bond.shift))
    {
        let ended = earlier.bond.released.filter(|(ended_at, _)| *ended_at <= question.at);
        if let Some((_, outcome)) = ended
            && !named.contains(&earlier.bond.shift)
        {
            named.push(earlier.bond.shift);
            before.push(AskedBefore { taxi: taxi(node, caller, earlier.bond.shift), outcome });
        }
    }
    before.truncate(OTHERS_MAX);
    before
}

/// What came of a question, when, and which assignment took over if one did.
fn outcome<'a>(
    record: &'a BookingRecord,
    id: &AssignmentId,
    bond: &AssignmentRecord,
) -> (QuestionOutcome, Option<UtcMs>, Option<&'a AssignmentId>) {
    let carried_at = bond.boarded.map(|(at, _)| at).or_else(|| bond.over_at());
    if carried_at.is_some() {
        return (QuestionOutcome::Accepted, bond.assigned_at.or(carried_at), None);
    }
    let taken_over = record.assignments.iter().find_map(|(other, taker)| {
        let taken_at = taker.assigned_at.or_else(|| taker.boarded.map(|(at, _)| at))?;
        (taker.instead_of() == Some(id)).then_some((other, taken_at))
    });
    match (taken_over, bond.released, bond.assigned_at) {
        (Some((other, at)), _, _) => (QuestionOutcome::Exchanged, Some(at), Some(other)),
        (None, Some((at, why)), _) => (QuestionOutcome::Ended(why), Some(at), None),
        (None, None, Some(at)) => (QuestionOutcome::Accepted, Some(at), None),
        (None, None, None) => (QuestionOutcome::Asked, None, None),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ondol_core::board::Board;
    use ondol_core::fact::{Fact, PinCheck, Release, Step, district_wide};
    use ondol_core::hlc::Hlc;
    use ondol_core::ids::ShiftId;
    use ondol_core::journal::{Entry, Hash, Series};
    use ondol_core::pin::PinKey;
    use ondol_core::travel::StraightLine;
    use ondol_core::units::{Now, Ticks};
    use ondol_engine::config::Config;
    use ondol_engine::identity::Role;
    use ondol_engine::identity::policy::Districts;
    use serde_json::json;

    use super::*;

    fn name(number: u64) -> AssignmentId {
        AssignmentId { origin: "central".parse().unwrap(), incarnation: 1, counter: number }
    }

    /// A bond of the shift with this number, asked at that second.
    fn asked(number: u64, instead_of: Option<u64>) -> (AssignmentId, AssignmentRecord) {
        let why = Reasons { instead_of: instead_of.map(name), ..Reasons::alone("nearest") };
        let mut bond = AssignmentRecord::new(ShiftId::from_number(number.into()));
        bond.offered = Some((60, second(number), why));
        (name(number), bond)
    }

    fn second(number: u64) -> UtcMs {
        UtcMs(0).plus_ms(number * 1_000)
    }

    /// The outcome expected, the second at which it came, and what happens to the bond before.
    type Case = (&'static str, Option<u64>, fn(&mut AssignmentRecord));

    #[test]
    fn a_question_has_one_outcome_and_boarding_is_stronger_than_any_end() {
        let cases: [Case; 8] = [
            ("asked", None, |_| {}),
            ("accepted", Some(9), |bond| bond.assigned_at = Some(second(9))),
            ("declined", Some(10), |bond| bond.released = Some((second(10), Release::Declined))),
            ("lapsed", Some(10), |bond| bond.released = Some((second(10), Release::Lapsed))),
            ("withdrawn", Some(10), |bond| bond.released = Some((second(10), Release::Withdrawn))),
            ("superseded", Some(10), |bond| {
                bond.assigned_at = Some(second(9));
                bond.released = Some((second(10), Release::Superseded));
            }),
            ("given_back", Some(10), |bond| {
                bond.assigned_at = Some(second(9));
                bond.released = Some((second(10), Release::GivenBack));
            }),
            ("accepted", Some(9), |bond| {
                bond.assigned_at = Some(second(9));
                bond.released = Some((second(10), Release::Superseded));
                bond.boarded = Some((second(11), PinCheck::Verified));
            }),
        ];
        for (expected, at, happens) in cases {
            let mut record = BookingRecord::unknown(BookingId::from_number(1));
            let (id, mut bond) = asked(1, None);
            happens(&mut bond);
            record.assignments.insert(id.clone(), bond.clone());
            let (outcome, outcome_at, taker) = outcome(&record, &id, &bond);
            assert_eq!((serde_json::to_value(outcome).unwrap(), taker), (json!(expected), None));
            assert_eq!(outcome_at, at.map(second), "{expected}");
        }
    }

    #[test]
    fn a_taxi_is_exchanged_for_the_one_whose_driver_said_yes() {
        let mut record = BookingRecord::unknown(BookingId::from_number(1));
        let (first, mut bond) = asked(1, None);
        bond.assigned_at = Some(second(2));
        bond.released = Some((second(9), Release::Superseded));
        let (refused, mut no) = asked(3, Some(1));
        no.released = Some((second(4), Release::Declined));
        let (taker, mut yes) = asked(5, Some(1));
        record.assignments = [(first.clone(), bond.clone()), (refused, no)].into_iter().collect();
        assert_eq!(outcome(&record, &first, &bond).0, QuestionOutcome::Ended(Release::Superseded));
        yes.assigned_at = Some(second(6));
        record.assignments.insert(taker.clone(), yes);
        let exchanged = (QuestionOutcome::Exchanged, Some(second(6)), Some(&taker));
        assert_eq!(outcome(&record, &first, &bond), exchanged);
    }

    const CONFIG: &str = r#"
        districts = [{ id = "hanbuk", zones = ["hanbuk-1"] }, { id = "hannam", zones = ["hannam-1"] }]
        node = { id = "central", role = "standalone" }
        listen = { address = "127.0.0.1:0" }
        store = { url = "not opened" }
        keys = { master = "not read", node = "not read" }
    "#;

    fn write(board: &mut Board, district: &str, at: UtcMs, fact: &Fact) {
        let (origin, district) = ("central".parse().unwrap(), district.parse().unwrap());
        let series = Series { origin, incarnation: 1, district, lane: fact.lane() };
        let head = board.head(&series);
        let mut entry = Entry {
            series,
            seq: head.seq + 1,
            zone: district_wide(),
            hlc: Hlc { wall_ms: at.0, logical: 0 },
            kind: fact.kind().to_owned(),
            schema_version: 1,
            key: fact.key(),
            payload: fact.write(),
            prev_hash: head.hash,
            hash: Hash::default(),
        };
        entry.hash = entry.compute_hash();
        board.apply(&entry).unwrap();
    }

    /// A node that knows of one question in `hannam` and, after it, 104 in `hanbuk`, each declined at once.
    fn node() -> Node {
        let mut board = Board::default();
        let booking = BookingId::from_number(1);
        for number in 0..=104 {
            let district = if number == 0 { "hannam" } else { "hanbuk" };
            let (assignment, shift) = (name(number), ShiftId::from_number(u128::from(number % 30)));
            let (at, why) = (second(number), Reasons::alone("nearest"));
            let offered =
                Fact::Offered { booking, assignment: assignment.clone(), shift, eta_s: 60, why, at };
            write(&mut board, district, at, &offered);
            let what = Step::Released { reason: Release::Declined };
            write(&mut board, district, at, &Fact::Stepped { booking, assignment, shift, what, at });
        }
        let config: Config = CONFIG.parse().unwrap();
        let now = Now { utc: second(200), ticks: Ticks(0) };
        Node::new(config.core(2, PinKey([0; 32])), board, Arc::new(StraightLine), now)
    }

    #[test]
    fn questions_of_every_district_that_is_seen_are_told_up_to_a_bound() {
        let (node, booking) = (node(), BookingId::from_number(1));
        let caller = |districts| Caller { role: Role::Auditor, fleet: None, districts };
        let (questions, left_out) = told(&node, &caller(Districts::All), booking);
        assert_eq!((questions.len(), left_out), (QUESTIONS_MAX, 5));
        let districts: Vec<&str> = questions[..3].iter().map(|question| question.district.as_str()).collect();
        assert_eq!(districts, ["hannam", "hanbuk", "hanbuk"], "the first first");
        assert_eq!(questions[2].asked_before.len(), 2, "in another district, and in this one");
        assert_eq!(questions[QUESTIONS_MAX - 1].asked_before.len(), OTHERS_MAX);
        let hanbuk = Districts::Some(vec!["hanbuk".parse().unwrap()]);
        let (own, left_out) = told(&node, &caller(hanbuk), booking);
        assert_eq!((own.len(), left_out), (QUESTIONS_MAX, 4));
        assert!(own.iter().all(|question| question.district.as_str() == "hanbuk"));
    }
}
