//! House rules that the compiler cannot check.
//!
//! Goal: what STYLE says once, a machine says every time. Method: each rule is a function from text to a list of
//! complaints; one test gives it the repository, others give it a planted violation and see it complain.

mod arrows;
mod decisions;
mod licences;
mod links;
mod manifests;
mod planted;
mod rules;
mod sources;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One breach of a rule: where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Complaint(String);

impl Complaint {
    fn new(place: &str, what: &str) -> Complaint {
        Complaint(format!("{place}: {what}"))
    }
}

/// A file of the repository, by its path from the root.
#[derive(Debug, Clone)]
struct Text {
    path: String,
    text: String,
}

impl Text {
    #[cfg(test)]
    fn planted(path: &str, text: &str) -> Text {
        Text { path: path.to_owned(), text: text.to_owned() }
    }
}

/// Panics with all complaints, one a line.
fn assert_tidy(complaints: Vec<Complaint>) {
    let lines: Vec<String> = complaints.into_iter().map(|Complaint(line)| line).collect();
    assert!(lines.is_empty(), "{} breaches of a house rule:\n{}", lines.len(), lines.join("\n"));
}

/// The folder that holds the workspace's `Cargo.toml`.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace").to_owned()
}

/// Lists what is committed or about to be: paths from the root, sorted; ignored files are not ours.
fn paths() -> Vec<String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let output = git.output().expect("git lists the files whose tidiness is checked");
    assert!(
        output.status.success(),
        "git cannot list the files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let list = String::from_utf8(output.stdout).expect("file names of this repository are UTF-8");
    let mut paths: Vec<String> =
        list.split('\0').filter(|path| root().join(path).is_file()).map(str::to_owned).collect();
    paths.sort();
    paths
}

/// Reads the repository's text files that `wanted` takes; what is not UTF-8 is no text.
fn texts(wanted: impl Fn(&str) -> bool) -> Vec<Text> {
    let read = |path: String| {
        let bytes = fs::read(root().join(&path)).ok()?;
        Some(Text { text: String::from_utf8(bytes).ok()?, path })
    };
    paths().into_iter().filter(|path| wanted(path)).filter_map(read).collect()
}

/// Runs cargo in the workspace, without a network, and returns what it prints.
fn cargo(args: &[&str]) -> String {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output =
        Command::new(program).args(args).args(["--locked", "--offline"]).current_dir(root()).output();
    let output = output.expect("cargo describes the workspace");
    assert!(output.status.success(), "cargo {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// Returns what cargo knows of the workspace and everything it builds on this machine.
fn metadata() -> serde_json::Value {
    let version = Command::new("rustc").arg("-vV").output().expect("rustc tells its version").stdout;
    let version = String::from_utf8(version).expect("rustc prints UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    serde_json::from_str(&cargo(&["metadata", "--format-version=1", "--filter-platform", host]))
        .expect("cargo prints JSON")
}

#[test]
fn the_repository_is_seen() {
    let paths = paths();
    for path in ["Cargo.toml", "tests/scenarios/tidy.rs"] {
        assert!(
            paths.iter().any(|seen| seen == path),
            "{path} is not seen: the rules would pass over nothing"
        );
    }
}
