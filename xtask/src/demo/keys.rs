//! What the demo has `ondol node` do before anything runs: keys, rosters, a token for the text process.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::city::ondol;

/// Runs `ondol node …` to its end and returns what it prints.
///
/// # Errors
///
/// If it fails; its own words are repeated.
pub(crate) fn node(args: &[&str], file: &Path) -> Result<String> {
    node_of(&ondol(), args, file)
}

/// As [`node`], by this `ondol`.
///
/// # Errors
///
/// As [`node`].
pub(crate) fn node_of(ondol: &Path, args: &[&str], file: &Path) -> Result<String> {
    let output = Command::new(ondol).arg("node").args(args).arg(file).output();
    let output = output.with_context(|| format!("cannot start {}", ondol.display()))?;
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
