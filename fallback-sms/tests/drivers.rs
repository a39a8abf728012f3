//! Goal: a registered feature-phone driver works a whole shift by text, and nobody else can.
//! Method: the pure dialogue against a node in memory that answers at once; refusals first.

#![allow(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

mod common;

use common::{DRIVER, RIDER, Talk, city};
use ondol_messages::Lang;
use ondol_sms::dialogue::NodeRequest;
use ondol_sms::node::FakeNode;
use ondol_sms::wire::{BookingState, DriverCommand, ReportKind, ShiftState};

fn states(node: &FakeNode) -> Vec<BookingState> {
    node.bookings().iter().map(|(_, view)| view.state).collect()
}

fn driver_with_offer() -> (FakeNode, Talk) {
    let node = city();
    node.add_driver(DRIVER, Lang::Ko);
    Talk::new(&node, RIDER).say("택시 서울역");
    let booking = node.bookings()[0].1.booking_id;
    let mut driver = Talk::new(&node, DRIVER);
    assert_eq!(driver.say("ON 12"), ["12번 승강장 대기 1번째입니다."]);
    node.with_driver(DRIVER, |driver| {
        driver.offer = Some(('K', booking));
        driver.state = ShiftState::Offered;
    });
    (node, driver)
}

#[test]
fn a_stranger_is_no_driver() {
    let node = city();
    let mut talk = Talk::new(&node, RIDER);
    for text in ["ON 12", "OFF", "1K", "H", "P 4821", "E 12400", "B", "X", "P", "AT"] {
        assert_eq!(talk.say(text), ["등록된 기사 번호가 아닙니다. 문의 02-123-4567"], "{text}");
    }
    assert_eq!(node.driver(RIDER), None);
}

#[test]
fn a_driver_with_a_code_must_send_it() {
    let node = city();
    node.add_driver(DRIVER, Lang::Ko);
    node.with_driver(DRIVER, |driver| driver.text_code = Some("1234".to_owned()));
    let mut talk = Talk::new(&node, DRIVER);
    assert_eq!(talk.say("ON 12"), ["기사 코드를 끝에 붙여 주세요. 예) ON 12 *1234"]);
    assert_eq!(talk.say("ON 12 *9999"), ["기사 코드가 다릅니다. 문의 02-123-4567"]);
    assert_eq!(talk.say("ON 12 *1234"), ["12번 승강장 대기 1번째입니다."]);
}

#[test]
fn a_driver_says_what_is_missing() {
    let (node, mut driver) = driver_with_offer();
    assert_eq!(driver.say("1"), ["배차 글자도 함께 보내 주세요. 예) 1K 수락, 2K 거절"]);
    assert_eq!(driver.say("수락"), ["배차 글자도 함께 보내 주세요. 예) 1K 수락, 2K 거절"]);
    assert_eq!(driver.say("1Q"), ["그런 배차가 없습니다. 문자의 글자를 확인해 주세요. 예) 1K"]);
    assert_eq!(driver.say("P"), ["손님의 PIN 4자리를 함께 보내 주세요. 예) P 4821"]);
    assert_eq!(driver.say("E"), ["미터 요금을 함께 보내 주세요. 예) E 12400"]);
    assert_eq!(driver.say("AT"), ["승강장 번호를 함께 보내 주세요. 예) AT 12"]);
    assert_eq!(driver.say("H"), ["지금은 할 수 없습니다. 상태는 ? 를 보내 주세요."]);
    assert_eq!(
        driver.say("도움"),
        ["ON 12 출근, OFF 퇴근, 1K 수락, 2K 거절, H 도착, P PIN, E 요금, B 휴식, X 문제"]
    );
    assert_eq!(states(&node), [BookingState::Open]);
}

#[test]
fn a_driver_who_takes_an_offer_that_is_over_is_told_so() {
    let (node, mut driver) = driver_with_offer();
    node.with_driver(DRIVER, |driver| {
        driver.withdrawn = driver.offer.take().map(|(letter, _)| letter);
        driver.state = ShiftState::Free;
    });
    assert_eq!(driver.say("1K"), ["배차 K 시간이 지났습니다. 다음 배차를 기다려 주세요."]);
}

#[test]
fn a_trip_by_text_from_offer_to_fare() {
    let (node, mut driver) = driver_with_offer();
    assert_eq!(driver.say("?"), ["답하지 않은 배차가 있습니다. 문자를 확인해 주세요."]);
    assert_eq!(driver.say("1k"), ["수락 K001: 서울역. 도착하면 H, 타면 P와 PIN"]);
    assert_eq!(driver.say("OFF"), ["아직 운행이 있습니다. 끝내려면 E와 요금, 문제는 X"]);
    assert_eq!(driver.say("H"), ["손님께 도착을 알렸습니다(K001). 타시면 P와 PIN 4자리"]);
    assert_eq!(driver.say("P 1111"), ["PIN이 다릅니다. 손님께 다시 확인해 주세요."]);
    assert_eq!(driver.say("P 4821"), ["탑승 확인 K001. 끝나면 E와 요금. 예) E 12400"]);
    assert_eq!(driver.say("E 12,400"), ["운행 종료. 다음 배차를 기다려 주세요."]);
    assert_eq!(node.driver(DRIVER).unwrap().fares, [12_400]);
    assert_eq!(states(&node), [BookingState::Completed]);
    assert_eq!(driver.say("B"), ["휴식 중입니다. 돌아오면 B를 보내 주세요."]);
    assert_eq!(driver.say("OFF"), ["퇴근 처리했습니다. 수고하셨습니다."]);
}

#[test]
fn the_same_command_twice_is_one() {
    let (node, mut driver) = driver_with_offer();
    driver.say("1K");
    driver.say("H");
    driver.say("P 4821");
    driver.say("E 9000");
    assert_eq!(driver.say_again("E 9000"), ["운행 종료. 다음 배차를 기다려 주세요."]);
    assert_eq!(node.driver(DRIVER).unwrap().fares, [9_000]);
    let ids: Vec<_> = node
        .calls()
        .into_iter()
        .filter_map(|call| match call {
            NodeRequest::Drive { request, .. } if matches!(request.command, DriverCommand::Ended { .. }) => {
                Some(request.command_id)
            }
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn declining_leaves_the_driver_free() {
    let (node, mut driver) = driver_with_offer();
    assert_eq!(driver.say("2K"), ["거절했습니다. 다음 배차를 기다려 주세요."]);
    assert_eq!(node.driver(DRIVER).unwrap().state, ShiftState::Free);
    assert_eq!(driver.say("X 타이어 펑크"), ["상담원에게 알리는 중입니다. 곧 연락드립니다."]);
    assert_eq!(driver.told.last(), Some(&(ReportKind::Problem, "타이어 펑크".to_owned())));
}

#[test]
fn a_driver_may_ride_as_well() {
    let node = city();
    node.add_driver(DRIVER, Lang::Ko);
    let mut talk = Talk::new(&node, DRIVER);
    assert_eq!(talk.say("택시 서울역"), ["접수 K001 서울역. PIN 4821. 배차되면 알려드립니다. 취소 C"]);
    assert_eq!(talk.say("?"), ["K001 차를 찾는 중입니다. 서울역. PIN 4821. 취소 C"]);
}
