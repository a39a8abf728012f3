//! Bugs planted on purpose: in the simulator's mutants alone, and each of them is looked for.

use std::collections::BTreeSet;

use super::{Complaint, Text, assert_tidy, texts};

/// The feature with which bugs can be planted.
const FEATURE: &str = "planted";
/// The manifests that have such a feature: where bugs stand, and who looks for them.
const HOLDERS: [&str; 2] = ["dispatch/core/Cargo.toml", "tests/Cargo.toml"];
/// The list of mutants.
const MUTANTS: &str = "tests/src/faults/mutants.rs";

/// What a manifest may not say of the feature.
fn complaints(file: &Text) -> Vec<Complaint> {
    let Ok(manifest) = file.text.parse::<toml::Table>() else {
        return vec![Complaint::new(&file.path, "is not TOML")];
    };
    let mut complaints = Vec::new();
    let names = |value: &toml::Value| {
        let list = value.as_array().cloned().unwrap_or_default();
        list.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect::<Vec<String>>()
    };
    let is_it = |name: &String| name == FEATURE || name.ends_with(&format!("/{FEATURE}"));
    for (feature, enables) in manifest.get("features").and_then(toml::Value::as_table).into_iter().flatten() {
        let is_holder = feature == FEATURE && HOLDERS.contains(&file.path.as_str());
        if !is_holder && (feature == FEATURE || names(enables).iter().any(is_it)) {
            complaints.push(Complaint::new(&file.path, &format!("feature {feature} plants bugs")));
        }
    }
    for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = manifest.get(table).and_then(toml::Value::as_table).into_iter().flatten();
        for (name, dependency) in dependencies {
            if dependency.get("features").map(names).unwrap_or_default().iter().any(is_it) {
                complaints.push(Complaint::new(&file.path, &format!("{name} is built with planted bugs")));
            }
        }
    }
    complaints
}

/// The names that stand after `before` in double quotes.
fn named_after(text: &str, before: &str) -> BTreeSet<String> {
    let rests = text.split(before).skip(1).map(str::trim_start);
    let quoted = rests.filter_map(|rest| rest.strip_prefix('"')?.split('"').next());
    quoted.map(str::to_owned).collect()
}

#[test]
fn no_manifest_plants_bugs_outside_the_mutants() {
    let files = texts(|path| path.ends_with("Cargo.toml"));
    assert!(HOLDERS.iter().all(|holder| files.iter().any(|file| file.path == *holder)));
    assert_tidy(files.iter().flat_map(complaints).collect());
}

#[test]
fn every_bug_that_can_be_planted_is_looked_for() {
    let place = concat!("plan", "ted!(");
    let sources = texts(|path| path.ends_with(".rs") && !path.ends_with("/planted.rs"));
    let places: BTreeSet<String> = sources.iter().flat_map(|file| named_after(&file.text, place)).collect();
    let list = sources.iter().find(|file| file.path == MUTANTS).expect("the mutants are listed");
    // Of the quoted words of that file the names alone have a dash between letters.
    let is_name = |word: &&str| {
        word.contains('-') && word.starts_with(char::is_lowercase) && !word.contains(char::is_whitespace)
    };
    let bugs: BTreeSet<String> = list.text.split('"').filter(is_name).map(str::to_owned).collect();
    assert_eq!(bugs, places, "what {MUTANTS} looks for, and what can be planted");
    assert!(places.len() >= 15, "only {} places are seen", places.len());
}

#[cfg(test)]
mod seen {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        complaints(&Text::planted(path, text)).len()
    }

    #[test]
    fn a_feature_that_plants_bugs_is_seen_wherever_it_is_turned_on() {
        let own = "[features]\nplanted = [\"ondol-core/planted\"]\n";
        assert_eq!(count("tests/Cargo.toml", own), 0);
        assert_eq!(count("dispatch/node/Cargo.toml", own), 1);
        assert_eq!(count("tests/Cargo.toml", "[features]\ndefault = [\"planted\"]\n"), 1);
        assert_eq!(count("dispatch/node/Cargo.toml", "[features]\nx = [\"ondol-sim/planted\"]\n"), 1);
        let uses = "[dependencies]\nondol-sim = { workspace = true, features = [\"planted\"] }\n";
        assert_eq!(count("dispatch/node/Cargo.toml", uses), 1);
        assert_eq!(count("dispatch/node/Cargo.toml", &uses.replace("planted", "city")), 0);
    }
}
