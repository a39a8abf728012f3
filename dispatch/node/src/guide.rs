//! Goal: whoever follows `docs/OPERATING.md` types commands that exist, and alerts on metrics that are counted.
//! Method: its commands and those of the unit files are read by the parser of `ondol`; its metrics are looked for in
//! the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::Arguments;

const GUIDE: &str = include_str!("../../../docs/OPERATING.md");
const UNITS: [&str; 2] = [
    include_str!("../../../docs/operating/ondol.service"),
    include_str!("../../../docs/operating/ondol-text.service"),
];

/// As whom commands run.
const ACCOUNTS: [&str; 2] = ["sudo -u ondol ", "sudo -u ondol-text "];

/// The commands of `ondol` that a text has its reader type, or systemd start.
fn commands(text: &str) -> Vec<Vec<&str>> {
    let is_shell = |block: &(usize, &str)| block.0 % 2 == 1 && block.1.starts_with("sh\n");
    let typed = text.split("```").enumerate().filter(is_shell).flat_map(|(_, block)| block.lines());
    let started = text.lines().filter_map(|line| line.strip_prefix("ExecStart="));
    typed
        .chain(started)
        .filter_map(|line| {
            let line = ACCOUNTS.iter().find_map(|account| line.strip_prefix(account)).unwrap_or(line);
            let said: Vec<&str> = line.split(' ').take_while(|word| !matches!(*word, "<" | ">")).collect();
            matches!(said.first(), Some(&"ondol" | &"/usr/local/bin/ondol")).then_some(said)
        })
        .collect()
}

/// Metrics that are named, without their labels.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    words.filter(|word| word.starts_with("ondol_")).collect()
}

fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("guide.rs") {
            found.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_command_of_the_guide_is_one() {
    let mut all = commands(GUIDE);
    assert!(all.len() > 15, "the guide has only {} commands", all.len());
    for unit in UNITS {
        let started = commands(unit);
        assert_eq!(started.len(), 1, "{unit}");
        all.extend(started);
    }
    for command in all {
        if let Err(error) = Arguments::try_parse_from(&command) {
            panic!("{}: {error}", command.join(" "));
        }
    }
}

#[test]
fn every_metric_of_the_guide_is_counted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut code = String::new();
    for folder in ["dispatch/engine/src", "dispatch/node/src", "driver-app-api/src", "fallback-sms/src"] {
        sources(&root.join(folder), &mut code);
    }
    let named = metrics(GUIDE);
    assert!(named.len() > 15, "the guide names only {named:?}");
    for name in named {
        let of_texts = name.strip_prefix("ondol_text_").map(|rest| format!("gauge(\"{rest}\""));
        let is_counted = code.contains(&format!("\"{name}\""))
            || code.contains(&format!("{name}{{{{"))
            || of_texts.is_some_and(|gauge| code.contains(&gauge));
        assert!(is_counted, "{name} is counted nowhere");
    }
}

#[test]
fn a_command_that_is_none_and_a_metric_that_is_none_are_seen() {
    let planted = "```sh\nsudo -u ondol ondol node dance --config x\ncurl x\n```\n";
    let found = commands(planted);
    assert_eq!(found, [["ondol", "node", "dance", "--config", "x"]]);
    assert!(Arguments::try_parse_from(&found[0]).is_err());
    assert_eq!(commands("ondol node dance"), Vec::<Vec<&str>>::new(), "prose is no command");
    assert!(metrics("`ondol_made_up_total > 0`").contains("ondol_made_up_total"));
}
