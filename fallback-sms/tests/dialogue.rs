//! Goal: every line of "what a text message may do" holds, in Korean and English.
//! Method: the pure dialogue against a node in memory that answers at once; refusals first.

#![allow(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

mod common;

use common::{MORNING, NONCE, RIDER, Talk, city};
use ondol_messages::Lang;
use ondol_sms::clock::UtcMs;
use ondol_sms::dialogue::{Action, Consent, Context, Dialogue, Event, Ids, NodeRequest, step};
use ondol_sms::grammar::read;
use ondol_sms::node::FakeNode;
use ondol_sms::wire::{AskKind, BookingState, Proof, ReportKind, VehicleView};
use uuid::Uuid;

fn states(node: &FakeNode) -> Vec<BookingState> {
    node.bookings().iter().map(|(_, view)| view.state).collect()
}

fn assign(node: &FakeNode) {
    let id = node.bookings().last().unwrap().1.booking_id;
    node.with_booking(id, |view| {
        view.state = BookingState::Assigned;
        view.vehicle = Some(VehicleView { plate: "서울33바1234".to_owned(), eta_s: Some(290) });
    });
}

// From any number: help; a pickup for that number; its status; cancel before assignment; stop.

#[test]
fn anybody_gets_help() {
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(
        talk.say("도움"),
        ["택시 <곳> 또는 택시 #12(승강장). 취소 C, 상태 ?, 긴급 SOS. 상담 02-123-4567"]
    );
    assert_eq!(talk.say("HELP"), ["TAXI <place> or TAXI #12. Cancel C, status ?, SOS. 02-123-4567"]);
    assert_eq!(talk.node.calls(), [], "help needs no node");
}

#[test]
fn a_pickup_by_exact_name_is_booked_at_once() {
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(
        talk.say("택시 강남역 11번출구 -> 서울역 2명"),
        ["접수 K001 강남역 11번 출구. PIN 4821. 배차되면 알려드립니다. 취소 C"]
    );
    let bookings = talk.node.bookings();
    assert_eq!(bookings.len(), 1);
    assert_eq!(bookings[0].0, RIDER);
    let Some(NodeRequest::Book(request)) =
        talk.node.calls().into_iter().find(|call| matches!(call, NodeRequest::Book(_)))
    else {
        panic!("no booking was asked for")
    };
    assert_eq!(request.passengers, 2);
    // The id is derived: a dialogue repeated after a crash asks for the same booking.
    assert_eq!(request.booking_id, Ids::new([7; 32], "mapo-text").booking(RIDER, Uuid::from_u128(1)));
    assert_eq!(request.destination.unwrap().name, "서울역");
    assert_eq!(request.proof, Proof::Number);
    assert_eq!(talk.say("?"), ["K001 차를 찾는 중입니다. 강남역 11번 출구. PIN 4821. 취소 C"]);
}

#[test]
fn english_is_answered_in_english() {
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(talk.say("TAXI city hall"), ["Booked K001 City Hall. PIN 4821. Cancel: C"]);
    assert_eq!(talk.say("?"), ["K001: finding a car. City Hall. PIN 4821. Cancel: C"]);
    assert_eq!(talk.say("C"), ["K001 is cancelled."]);
    assert_eq!(talk.dialogue.lang, Some(Lang::En));
}

#[test]
fn a_stand_is_found_by_the_number_on_its_pole() {
    let node = city();
    let mut talk = Talk::new(&node, RIDER);
    assert_eq!(talk.say("택시 #99"), ["99번 승강장이 없습니다. 기둥의 번호를 확인해 주세요."]);
    assert_eq!(talk.say("택시 #12"), ["접수 K001 시청 승강장. PIN 4821. 배차되면 알려드립니다. 취소 C"]);
    // Without the word for a taxi it is asked first.
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(talk.say("#12"), ["시청 승강장에서 택시를 부를까요? 1 예, 2 아니요"]);
    assert_eq!(talk.node.bookings().len(), 0);
    assert_eq!(talk.say("2"), ["부르지 않았습니다. 다시 하려면 택시 <곳>"]);
    assert_eq!(talk.say("1"), ["이해하지 못했습니다. 예) 택시 강남역 11번출구. 도움말은 \"도움\""]);
    assert_eq!(talk.node.bookings().len(), 0);
}

#[test]
fn several_places_are_listed_and_chosen_by_number() {
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(
        talk.say("택시 강남"),
        ["탈 곳 번호로 답장:\n1 강남역\n2 강남역 11번 출구\n3 강남역 1번 출구\n4 강남구청"]
    );
    assert_eq!(talk.say("7"), ["이해하지 못했습니다. 예) 택시 강남역 11번출구. 도움말은 \"도움\""]);
    assert_eq!(talk.say("③"), ["접수 K001 강남역 1번 출구. PIN 4821. 배차되면 알려드립니다. 취소 C"]);
}

#[test]
fn a_question_stays_open_behind_a_slip_and_a_call_for_help() {
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(talk.say("#12"), ["시청 승강장에서 택시를 부를까요? 1 예, 2 아니요"]);
    assert_eq!(talk.say("아무데나"), ["이해하지 못했습니다. 예) 택시 강남역 11번출구. 도움말은 \"도움\""]);
    assert!(talk.say("도움")[0].starts_with("택시 <곳>"));
    assert_eq!(talk.say("1"), ["접수 K001 시청 승강장. PIN 4821. 배차되면 알려드립니다. 취소 C"]);
}

#[test]
fn a_list_lapses() {
    let mut talk = Talk::new(&city(), RIDER);
    talk.say("택시 강남");
    talk.later(10 * 60_000);
    talk.say("1");
    assert_eq!(talk.node.bookings().len(), 0);
}

#[test]
fn a_glued_word_is_asked_about() {
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(talk.say("택시서울역"), ["서울역에서 택시를 부를까요? 1 예, 2 아니요"]);
    assert_eq!(talk.node.bookings().len(), 0);
    assert_eq!(talk.say("1"), ["접수 K001 서울역. PIN 4821. 배차되면 알려드립니다. 취소 C"]);
}

#[test]
fn an_unknown_place_books_nothing_and_may_be_sent_again_alone() {
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(
        talk.say("택시 없는곳"),
        ["그 위치를 찾지 못했습니다. 역 출구나 승강장 번호(#12)로 다시 보내 주세요."]
    );
    assert_eq!(talk.node.bookings().len(), 0);
    assert_eq!(talk.say("서울역"), ["접수 K001 서울역. PIN 4821. 배차되면 알려드립니다. 취소 C"]);
}

#[test]
fn saved_places_answer_to_their_words() {
    let node = city();
    node.save_place(RIDER, "home", ondol_sms::wire::Place::named("마포대로 12", 37.54, 126.95, None));
    let mut talk = Talk::new(&node, RIDER);
    assert_eq!(talk.say("택시 회사"), ["저장된 회사 주소가 없습니다. 02-123-4567 번으로 등록해 주세요."]);
    assert_eq!(talk.say("택시 집"), ["접수 K001 마포대로 12. PIN 4821. 배차되면 알려드립니다. 취소 C"]);
    // Another number's home is not ours.
    let mut other = Talk::new(&node, "+821099998888");
    assert_eq!(other.say("택시 집"), ["저장된 집 주소가 없습니다. 02-123-4567 번으로 등록해 주세요."]);
}

#[test]
fn a_time_is_the_next_such_moment_here() {
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(talk.say("택시 서울역 @18:61"), ["시각을 알 수 없습니다. 예) 택시 강남역 @18:30"]);
    assert_eq!(talk.say("택시 서울역 9명"), ["인원은 1명에서 8명까지입니다. 예) 택시 강남역 2명"]);
    assert_eq!(talk.say("택시 서울역 @18:30"), ["예약 K001 18:30 서울역. PIN 4821. 취소 C"]);
    let at = talk.node.bookings()[0].1.pickup_at;
    assert_eq!(at, Some(UtcMs(MORNING.0 + 9 * 3_600_000 + 30 * 60_000)));
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(talk.say("택시 서울역 @08:00"), ["예약 K001 08:00 서울역. PIN 4821. 취소 C"]);
    assert_eq!(talk.node.bookings()[0].1.pickup_at, Some(UtcMs(MORNING.0 + 23 * 3_600_000)));
}

#[test]
fn the_same_text_twice_is_one_taxi() {
    let mut talk = Talk::new(&city(), RIDER);
    talk.say("택시 서울역");
    assert_eq!(talk.say("택시 서울역"), ["K001 차를 찾는 중입니다. 서울역. PIN 4821. 취소 C"]);
    assert_eq!(talk.node.bookings().len(), 1);
}

#[test]
fn a_status_is_told_only_to_its_number() {
    let node = city();
    Talk::new(&node, RIDER).say("택시 서울역");
    let mut other = Talk::new(&node, "+821099998888");
    assert_eq!(other.say("?"), ["열린 예약이 없습니다. 부르려면 택시 <곳>"]);
    assert_eq!(other.say("C K001"), ["그런 예약이 없습니다. 상태는 ? 를 보내 주세요."]);
    assert_eq!(states(&node), [BookingState::Open]);
}

#[test]
fn before_assignment_the_number_may_cancel() {
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(talk.say("C"), ["열린 예약이 없습니다. 부르려면 택시 <곳>"]);
    talk.say("택시 서울역");
    assert_eq!(talk.say("취소"), ["K001 예약이 취소되었습니다."]);
    assert_eq!(states(&talk.node), [BookingState::Cancelled]);
}

#[test]
fn stop_stops_until_the_number_asks_again() {
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(talk.say("STOP"), ["수신거부 처리했습니다. 다시 이용하려면 \"도움\"을 보내 주세요."]);
    assert_eq!(talk.dialogue.consent, Consent::Withdrawn);
    assert_eq!(talk.say("who are you"), Vec::<String>::new());
    assert_eq!(talk.say("1"), Vec::<String>::new());
    assert_eq!(talk.say("TAXI Seoul Station"), ["Booked K001 Seoul Station. PIN 4821. Cancel: C"]);
    let kinds: Vec<ReportKind> = talk.told.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [ReportKind::Stopped, ReportKind::Resumed]);
}

#[test]
fn sos_reaches_an_operator_always() {
    let mut talk = Talk::new(&city(), RIDER);
    talk.say("STOP");
    assert_eq!(
        talk.say("sos 강남역 앞이에요"),
        ["SOS를 상담원에게 알리는 중입니다. 위급하면 바로 112/119 번에 전화하세요."]
    );
    assert_eq!(talk.told.last(), Some(&(ReportKind::Sos, "sos 강남역 앞이에요".to_owned())));
}

#[test]
fn one_number_does_not_hide_another_s_sos_under_its_own() {
    let mut talk = Talk::new(&city(), RIDER);
    for number in 0..20 {
        assert_eq!(talk.say(&format!("SOS {number}")).len(), 1, "each is answered");
    }
    assert_eq!(talk.told.len(), 5);
    talk.later(10 * 60_000);
    talk.say("SOS");
    assert_eq!(talk.told.len(), 6);
}

// After a nonce sent to the number: cancel after assignment, move the pickup > 300 m, a second booking.

#[test]
fn after_assignment_a_cancel_needs_the_nonce() {
    let mut talk = Talk::new(&city(), RIDER);
    talk.say("택시 서울역");
    assign(&talk.node);
    assert_eq!(talk.say("C"), ["이미 차가 가고 있습니다. K001 취소하려면 7301 답장"]);
    assert_eq!(talk.say("7302"), ["숫자가 다릅니다. 처음부터 다시 해 주세요."]);
    assert_eq!(
        talk.say(&NONCE.to_string()),
        ["이해하지 못했습니다. 예) 택시 강남역 11번출구. 도움말은 \"도움\""]
    );
    assert_eq!(states(&talk.node), [BookingState::Assigned], "one guess a nonce");
    talk.say("C");
    talk.later(10 * 60_000);
    talk.say(&NONCE.to_string());
    assert_eq!(states(&talk.node), [BookingState::Assigned], "a nonce lapses");
    talk.say("C");
    assert_eq!(talk.say(&NONCE.to_string()), ["K001 예약이 취소되었습니다."]);
    assert_eq!(states(&talk.node), [BookingState::Cancelled]);
}

#[test]
fn a_boarded_trip_is_never_cancelled_by_text() {
    let mut talk = Talk::new(&city(), RIDER);
    talk.say("택시 서울역");
    let id = talk.node.bookings()[0].1.booking_id;
    talk.node.with_booking(id, |view| view.state = BookingState::Boarded);
    assert_eq!(talk.say("C"), ["K001 이미 탑승하셔서 바꿀 수 없습니다. 문의 02-123-4567"]);
    assert_eq!(states(&talk.node), [BookingState::Boarded]);
}

#[test]
fn moving_the_pickup_far_needs_the_nonce_and_near_does_not() {
    let mut talk = Talk::new(&city(), RIDER);
    talk.say("택시 강남역");
    // 71 m away: a move, freely.
    assert_eq!(
        talk.say("택시 강남역 11번 출구"),
        ["이미 K001 예약이 있습니다. 1 탈 곳 변경, 2 한 대 더, 3 그대로"]
    );
    assert_eq!(talk.say("1"), ["K001 탈 곳을 바꿨습니다: 강남역 11번 출구"]);
    // 8 km away.
    talk.say("택시 서울역");
    assert_eq!(talk.say("1"), ["K001 탈 곳을 바꾸려면 7301 답장"]);
    assert_eq!(talk.node.bookings()[0].1.pickup.name, "강남역 11번 출구");
    assert_eq!(talk.say("7301"), ["K001 탈 곳을 바꿨습니다: 서울역"]);
    assert_eq!(talk.node.bookings().len(), 1);
}

#[test]
fn a_second_taxi_needs_the_nonce() {
    let mut talk = Talk::new(&city(), RIDER);
    talk.say("택시 강남역");
    talk.say("택시 서울역");
    assert_eq!(talk.say("3"), ["K001 그대로 진행합니다."]);
    talk.say("택시 서울역");
    assert_eq!(talk.say("2"), ["택시를 한 대 더 부르려면 7301 답장"]);
    assert_eq!(talk.node.bookings().len(), 1);
    assert_eq!(talk.say("7301"), ["접수 K002 서울역. PIN 4822. 배차되면 알려드립니다. 취소 C"]);
    assert_eq!(talk.node.bookings().len(), 2);
}

// Aged bookings are asked about; machines do not talk to machines.

#[test]
fn an_aged_booking_is_kept_or_cancelled_by_its_rider() {
    let mut talk = Talk::new(&city(), RIDER);
    talk.say("택시 서울역");
    let id = talk.node.bookings()[0].1.booking_id;
    talk.asked(id, "K001", AskKind::StillWanted);
    assert_eq!(talk.say("1"), ["K001 그대로 진행합니다."]);
    assert_eq!(states(&talk.node), [BookingState::Open]);
    talk.asked(id, "K001", AskKind::MaybeDuplicate);
    assert_eq!(talk.say("2"), ["K001 예약이 취소되었습니다."]);
    assert_eq!(states(&talk.node), [BookingState::Cancelled]);
}

#[test]
fn two_machines_do_not_answer_each_other_for_long() {
    let mut talk = Talk::new(&city(), RIDER);
    let mut replies = 0;
    for _ in 0..500 {
        talk.later(60_000);
        replies += talk.say("I am driving right now and will call you back").len();
    }
    assert!(replies <= 3, "{replies} replies in 8 hours");
    let loops = talk.told.iter().filter(|(kind, _)| *kind == ReportKind::LoopStopped).count();
    assert_eq!(loops, 1);
}

#[test]
fn our_own_texts_sent_back_cause_no_flood() {
    let mut talk = Talk::new(&city(), RIDER);
    let mut texts = talk.say("택시 서울역");
    let mut echoes = 0;
    for _ in 0..20 {
        texts = texts.iter().flat_map(|text| talk.say(text)).collect();
        echoes += texts.len();
    }
    assert!(echoes <= 2, "{echoes} texts were caused by echoes");
    assert_eq!(talk.node.bookings().len(), 1);
}

#[test]
fn an_answer_nobody_waits_for_is_dropped() {
    let mut talk = Talk::new(&city(), RIDER);
    assert_eq!(talk.stray_answer(ondol_sms::dialogue::NodeAnswer::Places(Vec::new())), Vec::<String>::new());
}

#[test]
fn what_a_sender_writes_is_never_sent_on() {
    let mut talk = Talk::new(&city(), RIDER);
    for text in ["택시 http://evil.example/win", "TAXI evil.example", "evil.example", "SOS evil.example"] {
        for reply in talk.say(text) {
            assert!(!reply.contains("evil"), "{reply}");
        }
    }
}

#[test]
fn the_node_that_knows_the_number_is_asked_for_what_follows() {
    let node = city();
    Talk::new(&node, RIDER).say("택시 서울역");
    let ids = Ids::new([7; 32], "mapo-text");
    let settings = common::settings();
    let context = Context { now: MORNING, phone: RIDER, settings: &settings, ids: &ids, nonce: NONCE };
    // A text process that never booked for the number: another did.
    let heard = Event::Heard { reading: read("C"), sent_at: MORNING, message_id: Uuid::from_u128(1) };
    let (dialogue, asked) = step(Dialogue::new(MORNING), heard, &context);
    let [Action::Ask(look_up)] = asked.as_slice() else { panic!("{asked:?}") };
    let answer = node.answer(look_up, MORNING);
    let (dialogue, _) = step(dialogue, Event::Answered { answer, node: "edge-b".to_owned() }, &context);
    assert_eq!(dialogue.home.as_deref(), Some("edge-b"), "the cancel goes there first");
}
