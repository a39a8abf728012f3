//! Secrets come from a file or standard input: what stands on a command line, everybody on the machine sees in `ps`.

use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, bail};

/// Longest secret that is read, in bytes.
const SECRET_MAX: u64 = 8 * 1024;

/// Reads the one line of `file`; `-` is standard input.
///
/// # Errors
///
/// If it cannot be read, is empty, or is longer than any secret of ours.
pub(crate) fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        return line(std::io::stdin().lock()).context("standard input");
    }
    let opened = std::fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    line(opened).with_context(|| file.display().to_string())
}

fn line(source: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    source.take(SECRET_MAX + 1).read_to_string(&mut text).context("cannot be read")?;
    if text.len() as u64 > SECRET_MAX {
        bail!("longer than {SECRET_MAX} bytes");
    }
    let secret = text.trim();
    if secret.is_empty() || secret.contains('\n') {
        bail!("one line is expected, with the secret alone");
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_bounded_line() {
        assert_eq!(line("a.b.c\n".as_bytes()).unwrap(), "a.b.c");
        for bad in [String::new(), "\n".into(), "a\nb\n".into(), "x".repeat(9_000)] {
            assert!(line(bad.as_bytes()).is_err());
        }
        assert!(read(Path::new("/no/such/file")).unwrap_err().to_string().contains("/no/such/file"));
    }
}
