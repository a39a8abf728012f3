//! Rules of matching: each one that the core can write down has a sentence in every language, and no sentence is of none.

use std::collections::BTreeSet;

use super::sources::first_test_line;
use super::{Complaint, Text, assert_tidy, texts};

/// Where rules are made.
const CORE: &str = "dispatch/core/src/";
/// Where their sentences stand.
const CATALOGUE: [&str; 2] = ["dispatch/messages/ko/common.ftl", "dispatch/messages/en/common.ftl"];
/// The type whose making names a rule; a file that makes none names none.
const REASONS: [&str; 3] = ["Reasons::among(", "Reasons::alone(", "Reasons {"];

/// The rules that a file of the core may give as a reason: where it makes reasons at all, every text before its tests that is
/// spelled as a name. One too many is a sentence too many, which does no harm but a complaint.
fn rules(file: &Text) -> BTreeSet<String> {
    let tested_from = first_test_line(file).unwrap_or(usize::MAX);
    let code: String = file.text.lines().take(tested_from - 1).filter(is_code).collect();
    if !REASONS.iter().any(|making| code.contains(making)) {
        return BTreeSet::new();
    }
    let is_name = |text: &&str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !text.starts_with('_')
    };
    code.split('"').skip(1).step_by(2).filter(is_name).map(str::to_owned).collect()
}

fn is_code(line: &&str) -> bool {
    let line = line.trim_start();
    // Attributes hold words of serde, and comments what they like.
    !line.starts_with("//") && !line.starts_with("#[")
}

/// The rules of which a catalogue has a sentence.
fn said(catalogue: &Text) -> BTreeSet<String> {
    let keys = catalogue.text.lines().filter_map(|line| line.split_once(" = ")?.0.strip_prefix("rule-"));
    keys.map(|name| name.replace('-', "_")).collect()
}

fn complaints(core: &[Text], catalogue: &[Text]) -> Vec<Complaint> {
    let made: BTreeSet<String> = core.iter().flat_map(rules).collect();
    let mut complaints = Vec::new();
    for file in catalogue {
        let said = said(file);
        for rule in made.difference(&said) {
            complaints.push(Complaint::new(&file.path, &format!("has no sentence for the rule {rule}")));
        }
        for rule in said.difference(&made) {
            complaints
                .push(Complaint::new(&file.path, &format!("has a sentence for {rule}, which no rule is")));
        }
    }
    complaints
}

fn core() -> Vec<Text> {
    texts(|path| path.starts_with(CORE) && path.ends_with(".rs"))
}

#[test]
fn every_rule_that_may_choose_has_a_sentence_in_each_language() {
    let catalogue = texts(|path| CATALOGUE.contains(&path));
    assert_eq!(catalogue.len(), CATALOGUE.len());
    let made: BTreeSet<String> = core().iter().flat_map(rules).collect();
    assert!(made.len() >= 7 && made.contains("least_wait") && made.contains("by_hand"), "{made:?}");
    assert_tidy(complaints(&core(), &catalogue));
}

#[cfg(test)]
mod seen {
    use super::*;

    fn count(core: &str, catalogue: &str) -> usize {
        let core = Text::planted("dispatch/core/src/matching/new.rs", core);
        complaints(&[core], &[Text::planted(CATALOGUE[0], catalogue)]).len()
    }

    #[test]
    fn a_rule_without_a_sentence_and_a_sentence_without_a_rule_are_seen() {
        let plan =
            "let why = Reasons::among(rule, shift, costs);\nself.settle(number, close, \"close_by\");\n";
        assert_eq!(count(plan, "rule-close-by = It is close.\n"), 0);
        assert_eq!(count(plan, "console-rule-close-by = It is close.\n"), 1);
        assert_eq!(count(plan, "rule-close-by = It is close.\nrule-kept = It is kept.\n"), 1);
        let rest =
            "// \"said\"\n#[serde(rename_all = \"snake_case\")]\n#[cfg(test)]\nmod tests {\n\"tested\"\n}\n";
        assert_eq!(count(&format!("{plan}{rest}"), "rule-close-by = It is close.\n"), 0);
        assert_eq!(count("f(\"close_by\");", ""), 0, "no reason is made there");
    }
}
