//! The keys of a demo: a master key that central and its edges share, and a signing key for each node.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::city::ondol;
use crate::postgres::random_hex;

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

/// Makes a master key: 64 hexadecimal digits.
///
/// # Errors
///
/// If there is no randomness, or the file cannot be written.
pub(crate) fn make_master(file: &Path) -> Result<()> {
    write_private(file, &(random_hex()? + &random_hex()?))
}

/// Has `ondol node enrol --key FILE` make a node's signing key, and returns the public half that it prints.
///
/// # Errors
///
/// If it fails; its own words are repeated.
pub(crate) fn make_node_key(file: &Path) -> Result<String> {
    let output = Command::new(ondol()).args(["node", "enrol", "--key"]).arg(file).output();
    let output = output.with_context(|| format!("cannot start {}", ondol().display()))?;
    if !output.status.success() {
        bail!(
            "the key {} cannot be made: {}",
            file.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let text = String::from_utf8(output.stdout).context("a public key is text")?;
    Ok(text.trim().to_owned())
}
