//! Texts as people write them, and what must not be taken for one.

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::*;

fn named(name: &str) -> PlaceWord {
    PlaceWord::Named(name.to_owned())
}

fn book(pickup: PlaceWord) -> Intent {
    Intent::Book(BookFields { pickup, destination: None, passengers: None, at: None })
}

#[test]
fn what_only_looks_like_a_command_is_none() {
    for text in [
        "",
        "   ",
        "On my way",
        "off course",
        "at the station",
        "H r u",
        "Help me find my keys",
        "stop it already",
        "c u later",
        "Cancel that",
        "B there soon",
        "E mail me",
        "e 12 eggs",
        "P 48211",
        "P four",
        "taxis are expensive",
        "taxidermy",
        "call me",
        "Call 09061701461 to claim",
        "3K",
        "1KK",
        "123456789",
        "#12345",
        "#0",
        "?what",
        "안녕하세요",
        "오늘 택시 탔어",
        "AT home",
        "도착했어요?",
    ] {
        let reading = read(text);
        assert_eq!(reading.intent, Intent::Unknown, "{text:?}");
    }
}

#[test]
fn riders_words() {
    let code = |code: &str| Intent::Cancel { code: Some(code.to_owned()) };
    for (text, intent) in [
        ("C", Intent::Cancel { code: None }),
        (" c. ", Intent::Cancel { code: None }),
        ("취소", Intent::Cancel { code: None }),
        ("취소요", Intent::Cancel { code: None }),
        ("cancel", Intent::Cancel { code: None }),
        ("C K7Q2", code("K7Q2")),
        ("취소 k7q2", code("K7Q2")),
        ("?", Intent::Status),
        ("??", Intent::Status),
        ("？", Intent::Status),
        ("상태", Intent::Status),
        ("도움", Intent::Help),
        ("HELP", Intent::Help),
        ("help!", Intent::Help),
        ("SOS", Intent::Sos),
        ("sos 강남역 앞", Intent::Sos),
        ("STOP", Intent::Stop),
        ("수신거부", Intent::Stop),
        ("수신 거부", Intent::Stop),
        ("1", Intent::Digits("1".to_owned())),
        ("３", Intent::Digits("3".to_owned())),
        ("②", Intent::Digits("2".to_owned())),
        ("2번", Intent::Digits("2".to_owned())),
        ("4 8 2 1", Intent::Digits("4821".to_owned())),
    ] {
        assert_eq!(read(text).intent, intent, "{text:?}");
    }
}

#[test]
fn drivers_words() {
    use DriverIntent as D;
    for (text, intent) in [
        ("ON", D::On { stand: None }),
        ("on 12", D::On { stand: Some(12) }),
        ("ＯＮ　＃１２", D::On { stand: Some(12) }),
        ("출근 12", D::On { stand: Some(12) }),
        ("off", D::Off),
        ("퇴근", D::Off),
        ("AT 12", D::At { stand: Some(12) }),
        ("at12", D::At { stand: Some(12) }),
        ("AT", D::At { stand: None }),
        ("대기 12번", D::At { stand: Some(12) }),
        ("1K", D::Accept { offer: Some('K') }),
        ("１ｋ", D::Accept { offer: Some('K') }),
        ("1 k", D::Accept { offer: Some('K') }),
        ("수락 k", D::Accept { offer: Some('K') }),
        ("수락", D::Accept { offer: None }),
        ("2K.", D::Decline { offer: Some('K') }),
        ("거절 K", D::Decline { offer: Some('K') }),
        ("H", D::Arrived),
        ("도착", D::Arrived),
        ("P 4821", D::Boarded { pin: Some("4821".to_owned()) }),
        ("p4821", D::Boarded { pin: Some("4821".to_owned()) }),
        ("P", D::Boarded { pin: None }),
        ("E 12400", D::Ended { fare: Some(12_400) }),
        ("e 12,400원", D::Ended { fare: Some(12_400) }),
        ("요금 12400", D::Ended { fare: Some(12_400) }),
        ("E 24.50", D::Ended { fare: Some(2_450) }),
        ("E", D::Ended { fare: None }),
        ("B", D::Break),
        ("X", D::Problem { note: String::new() }),
        ("X 타이어 펑크", D::Problem { note: "타이어 펑크".to_owned() }),
    ] {
        assert_eq!(read(text).intent, Intent::Driver(intent), "{text:?}");
    }
    for text in ["ON 12 *1234", "1K *1234", "P 4821 *1234", "off *1234"] {
        let reading = read(text);
        assert!(matches!(reading.intent, Intent::Driver(_)), "{text:?} {reading:?}");
        assert_eq!(reading.driver_code.as_deref(), Some("1234"), "{text:?}");
    }
}

#[test]
fn bookings_in_both_languages() {
    for (text, pickup) in [
        ("택시 강남역 11번 출구", named("강남역 11번 출구")),
        ("콜 강남역 11번출구 부탁해요", named("강남역 11번출구")),
        ("TAXI City Hall", named("City Hall")),
        ("taxi   \"City Hall\" please", named("City Hall")),
        ("택시 #12", PlaceWord::Stand(12)),
        ("택시#12", PlaceWord::Stand(12)),
        ("taxi #12", PlaceWord::Stand(12)),
        ("택시 12번 승강장", PlaceWord::Stand(12)),
        ("택시 집", PlaceWord::Home),
        ("TAXI home", PlaceWord::Home),
        ("택시 회사", PlaceWord::Work),
        ("택시", PlaceWord::Missing),
        ("콜", PlaceWord::Missing),
        ("ＴＡＸＩ　ｈｏｍｅ", PlaceWord::Home),
    ] {
        let reading = read(text);
        assert_eq!(reading.intent, book(pickup), "{text:?}");
        assert_eq!(reading.problems, [], "{text:?}");
    }
}

#[test]
fn a_booking_with_everything() {
    let expected = BookFields {
        pickup: named("강남역 11번 출구"),
        destination: Some(named("서울역")),
        passengers: Some(2),
        at: Some(TimeOfDay { hour: 18, minute: 30 }),
    };
    for text in [
        "택시 강남역 11번 출구 -> 서울역 2명 @18:30",
        "택시 강남역 11번 출구→서울역 2인 @1830",
        "콜 2명 @18시30분 강남역 11번 출구 => 서울역",
        "택시 강남역 11번 출구 －＞ 서울역　２명　＠１８：３０",
        "택시 강남역 11번 출구 > 서울역 2 명 @ 18:30",
    ] {
        assert_eq!(read(text).intent, Intent::Book(expected.clone()), "{text:?}");
        let loose: String = text.nfd().collect();
        assert_eq!(read(&loose).intent, Intent::Book(expected.clone()), "loose jamo of {text:?}");
    }
}

#[test]
fn doubts_are_noted() {
    use ReadingProblem as P;
    for (text, problem) in [
        ("택시강남역", P::KeywordGlued),
        ("#12", P::KeywordMissing),
        ("택시 강남역 @25:00", P::BadTime),
        ("택시 강남역 @저녁", P::BadTime),
        ("택시 강남역 9명", P::BadPassengers),
        ("택시 강남역 0p", P::BadPassengers),
        ("택시 #12345", P::BadStand),
        ("택시 강남역 ->", P::DestinationMissing),
        ("택시 a -> b -> c", P::TooManyArrows),
    ] {
        let reading = read(text);
        assert!(matches!(reading.intent, Intent::Book(_)), "{text:?}");
        assert_eq!(reading.problems, [problem], "{text:?}");
    }
    let long = format!("TAXI {}", "x".repeat(3_000));
    let reading = read(&long);
    assert!(reading.has(P::TooLong) && reading.has(P::PlaceTooLong));
    assert_eq!(reading.text.chars().count(), TEXT_MAX_CHARS);
}

#[test]
fn the_language_is_that_of_the_text() {
    for (text, lang) in [
        ("택시 City Hall", Some(Lang::Ko)),
        ("TAXI 시청", Some(Lang::Ko)),
        ("TAXI City Hall", Some(Lang::En)),
        ("help", Some(Lang::En)),
        ("where is my driver", Some(Lang::En)),
        ("ON 12", None),
        ("C", None),
        ("?", None),
        ("1", None),
        ("#12", None),
    ] {
        assert_eq!(read(text).lang, lang, "{text:?}");
    }
}

proptest! {
    #[test]
    fn never_fails_and_stays_bounded(raw in ".{0,1200}") {
        let reading = read(&raw);
        prop_assert!(reading.text.chars().count() <= TEXT_MAX_CHARS);
        let hidden = reading.text.chars().any(char::is_control);
        prop_assert!(!hidden);
    }

    #[test]
    fn reading_what_was_read_changes_nothing(raw in "(택시|TAXI|#12|ON|1K|E 1|\\PC){0,6}( |　|->|→|@18:30|2명|강남역|\\PC){0,12}") {
        let once = read(&raw);
        let twice = read(&once.text);
        prop_assert_eq!(once.intent, twice.intent);
    }
}
