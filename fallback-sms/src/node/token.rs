//! The token that nodes ask of the text process: read from its file, and renewed before it ends.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context as _;
use ondol_engine::identity::token_ends_at;

use super::http::lock;
use crate::clock::UtcMs;

/// Longest token, in bytes.
const TOKEN_MAX_BYTES: usize = 8_192;

/// The token and its file. Whoever replaces the file is heard: it is read again when a node refuses the token.
pub(super) struct TokenFile {
    path: PathBuf,
    token: Mutex<String>,
}

impl TokenFile {
    /// Reads the token at `path`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or holds no token.
    pub(super) fn open(path: PathBuf) -> anyhow::Result<Self> {
        let token = Mutex::new(read(&path)?);
        Ok(Self { path, token })
    }

    /// The token to show.
    pub(super) fn show(&self) -> String {
        lock(&self.token).clone()
    }

    /// Reads the file again.
    ///
    /// # Errors
    ///
    /// If it cannot be read or holds no token; the old one stays.
    pub(super) fn read_again(&self) -> anyhow::Result<()> {
        let token = read(&self.path)?;
        *lock(&self.token) = token;
        Ok(())
    }

    /// When the token ends, as far as it says.
    pub(super) fn ends_at(&self) -> Option<UtcMs> {
        token_ends_at(&lock(&self.token)).map(|at| UtcMs(at.0))
    }

    /// Takes a new token over: on disk whole or not at all, then in use.
    ///
    /// # Errors
    ///
    /// If it is no token, or the file cannot be written; the old one stays.
    pub(super) fn replace(&self, token: &str) -> anyhow::Result<()> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let token = checked(token).context("the node's new token is none")?;
        let new = self.path.with_extension("new");
        let write = || -> std::io::Result<()> {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(token.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &self.path)?;
            // The name is durable when the folder is.
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        write().with_context(|| format!("node_token_file {} cannot be replaced", self.path.display()))?;
        *lock(&self.token) = token.to_owned();
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let token = fs::read_to_string(path)
        .with_context(|| format!("node_token_file {} cannot be read", path.display()))?;
    let token = checked(token.trim());
    Ok(token.with_context(|| format!("node_token_file {} holds no token", path.display()))?.to_owned())
}

fn checked(token: &str) -> Option<&str> {
    let fine = !token.is_empty()
        && token.len() <= TOKEN_MAX_BYTES
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    fine.then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_is_taken_over_whole_or_not_at_all() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("text.token");
        assert!(TokenFile::open(path.clone()).is_err());
        fs::write(&path, "old\n").unwrap();
        let file = TokenFile::open(path.clone()).unwrap();
        assert_eq!((file.show().as_str(), file.ends_at()), ("old", None));
        for wrong in ["", "two words", &"x".repeat(TOKEN_MAX_BYTES + 1)] {
            assert!(file.replace(wrong).is_err());
        }
        assert_eq!((file.show().as_str(), fs::read_to_string(&path).unwrap().as_str()), ("old", "old\n"));
        file.replace("new").unwrap();
        assert_eq!((file.show().as_str(), fs::read_to_string(&path).unwrap().as_str()), ("new", "new"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
        fs::write(&path, "by-hand").unwrap();
        file.read_again().unwrap();
        assert_eq!(file.show(), "by-hand");
    }
}
