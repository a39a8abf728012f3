//! What a command prints: results on standard output, everything else on standard error.

use std::io::Write as _;

use anyhow::Context as _;
use serde::Serialize;

/// Prints one line of a result.
///
/// # Errors
///
/// If standard output is closed.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").context("cannot write to standard output")
}

/// Prints a result for programs, as one line of JSON.
///
/// # Errors
///
/// If standard output is closed.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value).context("the result cannot be written as JSON")?)
}

/// Says in one sentence what went wrong.
pub(crate) fn complain(error: &anyhow::Error) {
    let reasons: Vec<String> = error.chain().map(ToString::to_string).collect();
    // If even standard error is closed, the exit status still tells.
    let _closed = writeln!(std::io::stderr().lock(), "ondol: {}", reasons.join(": "));
}

/// True if the reader of our output has gone away.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
