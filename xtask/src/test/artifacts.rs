//! The one build that serves all suites, and what cargo says it made.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::run;

/// Where a test executable comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The tests inside a library.
    Library,
    /// The tests inside an executable.
    Program,
    /// A target of its own under a package's `tests`.
    Integration,
}

/// A test executable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TestBinary {
    pub(crate) kind: Kind,
    pub(crate) target: String,
    /// The package's folder, in which cargo would run it.
    pub(crate) dir: PathBuf,
    pub(crate) executable: PathBuf,
}

impl TestBinary {
    /// Returns a name for people, unique in the workspace.
    pub(crate) fn label(&self) -> String {
        let package =
            self.dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match self.kind {
            Kind::Library => self.target.clone(),
            Kind::Program => format!("{} program", self.target),
            Kind::Integration => format!("{package} {}", self.target),
        }
    }
}

/// What a build made.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Build {
    pub(crate) tests: Vec<TestBinary>,
    /// The executables that are not tests.
    pub(crate) programs: Vec<PathBuf>,
}

/// Builds everything in the workspace once, with its tests.
///
/// # Errors
///
/// If cargo fails; the compiler's words are on the terminal already.
pub(crate) fn build() -> Result<Build> {
    let mut cargo = run::cargo();
    cargo.args([
        "build",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--message-format=json-render-diagnostics",
    ]);
    let mut child =
        cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let stdout = child.stdout.take().expect("stdout is piped, above");
    let mut build = Build::default();
    for line in BufReader::new(stdout).lines() {
        build.take(&line.context("cannot read cargo's messages")?)?;
    }
    let status = child.wait().context("cannot wait for cargo")?;
    if !status.success() {
        bail!("the workspace does not build");
    }
    build.tests.sort_by_key(TestBinary::label);
    Ok(build)
}

/// The parts of cargo's messages that matter here.
/// Source: the Cargo book, "External tools", artifact messages.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

impl Build {
    fn take(&mut self, line: &str) -> Result<()> {
        let message: Message =
            serde_json::from_str(line).with_context(|| format!("not a message of cargo's: {line}"))?;
        let Message {
            reason,
            manifest_path: Some(manifest),
            target: Some(target),
            profile: Some(profile),
            executable: Some(executable),
        } = message
        else {
            return Ok(());
        };
        if reason != "compiler-artifact" {
            return Ok(());
        }
        let kind = target.kind.iter().find_map(|kind| match kind.as_str() {
            "lib" | "rlib" | "proc-macro" => Some(Kind::Library),
            "bin" => Some(Kind::Program),
            "test" => Some(Kind::Integration),
            _ => None, // examples, benches and build scripts are built, but hold no tests
        });
        match kind {
            Some(kind) if profile.test => {
                let dir = manifest.parent().context("a manifest lies in a folder")?.to_owned();
                self.tests.push(TestBinary { kind, target: target.name, dir, executable });
            }
            Some(Kind::Program) => self.programs.push(executable),
            Some(_) | None => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(kind: &str, name: &str, test: bool, executable: &str) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"path+file:///o/tests#ondol-sim@0.1.0","manifest_path":"/o/tests/Cargo.toml",
            "target":{{"kind":["{kind}"],"crate_types":["bin"],"name":"{name}","src_path":"/o/x.rs","edition":"2024","test":true}},
            "profile":{{"opt_level":"1","test":{test}}},"features":[],"filenames":[],"executable":{executable},"fresh":false}}"#
        )
    }

    #[test]
    fn tests_and_programs_are_told_apart() {
        let mut build = Build::default();
        for line in [
            artifact("lib", "ondol_sim", false, "null"),
            artifact("lib", "ondol_sim", true, r#""/o/target/debug/deps/ondol_sim-1""#),
            artifact("test", "scenarios", true, r#""/o/target/debug/deps/scenarios-2""#),
            artifact("bin", "ondol", false, r#""/o/target/debug/ondol""#),
            artifact("example", "drive", false, r#""/o/target/debug/examples/drive""#),
            artifact("custom-build", "build-script-build", false, "null"),
            r#"{"reason":"build-script-executed","package_id":"x"}"#.to_owned(),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ] {
            build.take(&line).unwrap();
        }
        let labels: Vec<String> = build.tests.iter().map(TestBinary::label).collect();
        assert_eq!(labels, ["ondol_sim", "tests scenarios"]);
        assert_eq!(build.programs, [PathBuf::from("/o/target/debug/ondol")]);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert!(Build::default().take("warning: unused").is_err());
    }
}
