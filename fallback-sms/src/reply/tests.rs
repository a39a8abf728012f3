//! Every template, in both languages, with its longest values.

use super::*;

/// The longest value of a kind, once of wide letters (bytes) and once of narrow ones (units).
fn longest(kind: Value) -> [String; 2] {
    match kind {
        Value::Name => ["뷁".repeat(120), "W".repeat(120)],
        Value::List => {
            let lines = |letter: &str| vec![letter.repeat(120); 4].join("\n");
            [lines("뷁"), lines("W")]
        }
        Value::Plate => ["서울33바1234".to_owned(), "W".repeat(12)],
        Value::Fare => ["1,234,500원".to_owned(), "$123,456.78".to_owned()],
        Value::Code
        | Value::FourDigits
        | Value::Count
        | Value::Stand
        | Value::Letter
        | Value::Time
        | Value::Phone
        | Value::Emergency => {
            let max_bytes = kind.max_bytes().unwrap();
            ["9".repeat(max_bytes), "W".repeat(max_bytes)]
        }
    }
}

fn longest_text(template: &Template, which: usize) -> Text {
    let args = template
        .values
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), longest(*kind)[which].clone()))
        .collect();
    Text { template: template.key.to_owned(), args }
}

#[test]
fn what_a_template_does_not_have_is_refused() {
    let unknown = Text::new("sms-free-money", &[]);
    assert!(matches!(compose(Lang::Ko, &unknown, Sending::First), Err(Unsendable::UnknownTemplate(_))));
    let extra = Text::new("sms-cancelled", &[("code", "K7Q2"), ("link", "http://x.y")]);
    assert!(matches!(compose(Lang::Ko, &extra, Sending::First), Err(Unsendable::UnknownValue { .. })));
    let long = Text::new("sms-cancelled", &[("code", "K7Q2K")]);
    assert!(matches!(compose(Lang::Ko, &long, Sending::First), Err(Unsendable::ValueTooLong { .. })));
    let missing = Text::new("sms-cancelled", &[]);
    assert!(matches!(compose(Lang::Ko, &missing, Sending::First), Err(Unsendable::Missing(_))));
}

#[test]
fn every_template_fits_one_message_with_its_longest_values() {
    let mut too_long = Vec::new();
    for lang in Lang::ALL {
        for template in TEMPLATES {
            for which in [0, 1] {
                let made = compose(lang, &longest_text(template, which), Sending::Repeat).unwrap();
                let (units, bytes) = (ucs2_units(&made), euc_kr_bytes(&made));
                if units > UNITS_MAX || bytes > BYTES_MAX {
                    too_long.push(format!("{lang} {units} units {bytes} bytes: {made:?}"));
                }
                assert!(!encoding_rs::EUC_KR.encode(&made).2, "not in EUC-KR: {made:?}");
            }
        }
    }
    assert!(too_long.is_empty(), "{}", too_long.join("\n"));
}

#[test]
fn every_name_keeps_enough_room_to_be_recognised() {
    let mut cramped = Vec::new();
    for lang in Lang::ALL {
        for template in TEMPLATES {
            let names = template.values.iter().filter(|(_, kind)| kind.max_bytes().is_none()).count();
            if names == 0 {
                continue;
            }
            let made = compose(lang, &longest_text(template, 1), Sending::Repeat).unwrap();
            let is_list = template.values.iter().any(|(_, kind)| *kind == Value::List);
            let room = made.split(|c| c != 'W' && c != '…').map(str::len).max().unwrap_or(0);
            if room < if is_list { 8 } else { 11 } {
                cramped.push(format!("{lang} {}: {made:?}", template.key));
            }
        }
    }
    assert!(cramped.is_empty(), "{}", cramped.join("\n"));
}

#[test]
fn the_table_and_the_catalogue_name_the_same_texts() {
    for lang in Lang::ALL {
        for template in TEMPLATES {
            let args: Vec<(&str, &str)> = template.values.iter().map(|(name, _)| (*name, "§")).collect();
            let made = Catalogue::shared().try_text(lang, template.key, &args).unwrap();
            for missing in 0..args.len() {
                let mut fewer = args.clone();
                let (name, _) = fewer.remove(missing);
                let result = Catalogue::shared().try_text(lang, template.key, &fewer);
                assert!(result.is_err(), "{lang} {} has no place for {name}: {made}", template.key);
            }
        }
    }
    let mut keys: Vec<&str> = TEMPLATES.iter().map(|template| template.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), TEMPLATES.len(), "a template stands twice");
}

#[test]
fn texts_as_people_see_them() {
    let assigned = Text::new(
        "sms-assigned",
        &[("code", "K7Q2"), ("plate", "서울33바1234"), ("minutes", "5"), ("pin", "4821")],
    );
    assert_eq!(
        compose(Lang::Ko, &assigned, Sending::First).unwrap(),
        "배차 K7Q2: 서울33바1234 약 5분. 탈 때 PIN 4821"
    );
    assert_eq!(
        compose(Lang::Ko, &assigned, Sending::Repeat).unwrap(),
        "[재]배차 K7Q2: 서울33바1234 약 5분. 탈 때 PIN 4821"
    );
    let list =
        Text::new("sms-choose-pickup", &[("list", "강남역 11번 출구\n강남역 1번 출구\n강남구청\n강남대로")]);
    assert_eq!(
        compose(Lang::Ko, &list, Sending::First).unwrap(),
        "탈 곳 번호로 답장:\n1 강남역 11번 출구\n2 강남역 1번 출구\n3 강남구청\n4 강남대로"
    );
}
