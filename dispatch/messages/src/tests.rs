//! What holds for every text of the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// What a key may begin with.
const SECTIONS: [&str; 13] = [
    "mode",
    "problem",
    "sms",
    "rider",
    "driver",
    "console",
    "place",
    "needs",
    "hidden",
    "refusal",
    "conflict",
    "resolution",
    "rule",
];

/// Key → names of its values, read from the files' lines.
fn keys(lang: Lang) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = None;
    for line in lang.sources().iter().flat_map(|source| source.lines()) {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        if !line.starts_with([' ', '}']) {
            let key = line.split('=').next().unwrap_or_default().trim().to_owned();
            assert!(keys.insert(key.clone(), BTreeSet::new()).is_none(), "{lang} {key} stands twice");
            current = Some(key);
        }
        let key = current.as_ref().expect("a file begins with a key");
        for part in line.split('$').skip(1) {
            let name =
                part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-').collect();
            keys.get_mut(key).expect("just inserted").insert(name);
        }
    }
    keys
}

#[test]
fn a_missing_key_or_value_is_said() {
    let catalogue = Catalogue::shared();
    assert_eq!(
        catalogue.try_text(Lang::Ko, "sms-nothing", &[]),
        Err(MissingText::Key("sms-nothing".to_owned()))
    );
    assert_eq!(
        catalogue.try_text(Lang::En, "sms-cancelled", &[("pin", "1")]),
        Err(MissingText::Value { key: "sms-cancelled".to_owned() })
    );
    assert_eq!(catalogue.text(Lang::En, "no-such-key", &[]), "no-such-key");
    assert!("fr".parse::<Lang>().is_err());
}

#[test]
fn both_languages_have_the_same_keys_with_the_same_values() {
    let (ko, en) = (keys(Lang::Ko), keys(Lang::En));
    assert!(ko.len() > 90, "the reader of files found only {} keys", ko.len());
    assert_eq!(ko, en);
}

#[test]
fn every_text_can_be_made_and_holds_no_mark_of_direction() {
    for lang in Lang::ALL {
        for (key, names) in keys(lang) {
            let args: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
            let text = Catalogue::shared().try_text(lang, &key, &args).unwrap();
            assert!(!text.contains(['\u{2068}', '\u{2069}']), "{lang} {key}: {text:?}");
            assert!(!text.trim().is_empty(), "{lang} {key}");
        }
    }
}

#[test]
fn every_key_belongs_to_a_section() {
    for key in keys(Lang::Ko).keys() {
        let section = key.split('-').next().unwrap_or_default();
        assert!(
            SECTIONS.contains(&section),
            "{key} begins with no known section: use one of {SECTIONS:?}, or name a new one in lib.rs"
        );
    }
}

#[test]
fn a_value_is_text_and_nothing_else() {
    let text = Catalogue::shared().text(Lang::Ko, "sms-cancelled", &[("code", "{ $pin } <b>")]);
    assert_eq!(text, "{ $pin } <b> 예약이 취소되었습니다.");
}
