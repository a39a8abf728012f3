//! What the demo has `ondol node` do before anything runs: keys, rosters, a token for the text process.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::city::ondol;

/// Writes a file that only its owner may read.
///
/// # Errors
///
/// If it cannot be written.
pub(crate) fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut options = fs::File::options();
    options.create(true).truncate(true).write(true).mode(0o600);
    let written = options.open(file).and_then(|mut out| out.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", file.display()))
}

/// Runs `ondol node …` to its end and returns what it prints.
///
/// # Errors
///
/// If it fails; its own words are repeated.
pub(crate) fn node(args: &[&str], file: &Path) -> Result<String> {
    let output = Command::new(ondol()).arg("node").args(args).arg(file).output();
    let output = output.with_context(|| format!("cannot start {}", ondol().display()))?;
    if !output.status.success() {
        bail!(
            "`ondol node {} {}` failed: {}",
            args.join(" "),
            file.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let text = String::from_utf8(output.stdout).context("ondol prints UTF-8")?;
    Ok(text.trim().to_owned())
}
