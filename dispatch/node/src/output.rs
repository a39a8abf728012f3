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

/// Tells a person something beside the result, which a program may read.
///
/// # Errors
///
/// If standard error is closed.
pub(crate) fn remark(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stderr().lock(), "{text}").context("cannot write to standard error")
}

/// Says in one sentence what went wrong.
pub(crate) fn complain(error: &anyhow::Error) {
    // If even standard error is closed, the exit status still tells.
    let _closed = writeln!(std::io::stderr().lock(), "ondol: {}", sentence(error));
}

/// What went wrong and why, outermost first; a cause that the sentence before it already quotes is not said again.
fn sentence(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        let cause = cause.trim_end();
        if said.contains(cause) {
            continue;
        }
        if !said.is_empty() {
            said.push_str(": ");
        }
        said.push_str(cause);
    }
    said
}

/// True if the reader of our output has gone away.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Quoting(std::io::Error);

    impl std::fmt::Display for Quoting {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "cannot use the key file: {}", self.0)
        }
    }

    impl std::error::Error for Quoting {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    /// Half of the libraries quote their cause and name it as well.
    #[test]
    fn each_cause_is_said_once() {
        let error =
            anyhow::Error::from(Quoting(std::io::Error::other("no such file"))).context("keys.master");
        assert_eq!(sentence(&error), "keys.master: cannot use the key file: no such file");
        let plain = anyhow::anyhow!("no such file").context("cannot read x.toml");
        assert_eq!(sentence(&plain), "cannot read x.toml: no such file");
    }
}
