//! The other side of the spool folders, for tests and the demo: it plays gammu-smsd and the network.

use std::fs;
use std::io;

use super::names::{InboxName, OutboxName, stamp};
use super::spool::Folders;
use super::text;
use crate::clock::UtcMs;
use crate::reply::segments;

/// Plays gammu-smsd: puts texts into the inbox and takes those in the outbox.
#[derive(Debug, Clone)]
pub struct Counterpart {
    folders: Folders,
    utc_offset_min: i32,
}

impl Counterpart {
    /// Returns the other side of `folders`, making those that are missing.
    ///
    /// # Errors
    ///
    /// If one cannot be made.
    pub fn new(folders: Folders, utc_offset_min: i32) -> io::Result<Self> {
        folders.make()?;
        Ok(Self { folders, utc_offset_min })
    }

    /// Lets a text arrive as gammu-smsd writes it, in as many parts as it needs; a serial number
    /// tells it from others of the same second and sender.
    ///
    /// # Errors
    ///
    /// If a file cannot be written, or 100 texts of one sender arrived in one second.
    pub fn deliver(&self, from: &str, body: &str, sent_at: UtcMs) -> io::Result<()> {
        let stamp = stamp(sent_at, self.utc_offset_min)
            .ok_or_else(|| io::Error::other("the moment of the text is not on the calendar"))?;
        let name = |serial: u8, part: usize| {
            let part = u8::try_from(part).unwrap_or(u8::MAX);
            InboxName { stamp: stamp.clone(), serial: format!("{serial:02}"), sender: from.to_owned(), part }
                .file_name()
        };
        let serial = (0..100)
            .find(|serial| !self.folders.inbox.join(name(*serial, 0)).exists())
            .ok_or_else(|| io::Error::other("too many texts of one sender in one second"))?;
        for (part, piece) in segments(body).parts.iter().enumerate() {
            let mut bytes = text::encode(piece);
            // gammu-smsd 1.42 writes as many NUL bytes again as the text has.
            bytes.resize(2 + 2 * (bytes.len() - 2), 0);
            fs::write(self.folders.inbox.join(name(serial, part)), bytes)?;
        }
        Ok(())
    }

    /// Takes all texts in the outbox, urgent ones first, and files them as sent. Returns recipients and texts.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or moved.
    pub fn collect(&self) -> io::Result<Vec<(String, String)>> {
        let mut names: Vec<String> = fs::read_dir(&self.folders.outbox)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.starts_with("OUT"))
            .collect();
        names.sort();
        let mut texts = Vec::new();
        for name in names {
            let path = self.folders.outbox.join(&name);
            let bytes = fs::read(&path)?;
            let Some((to, _)) = OutboxName::recipient_and_id(&name) else { continue };
            let text = text::decode(&bytes).map_err(|_| io::Error::other("an outbox file is no text"))?;
            fs::rename(path, self.folders.sent.join(&name))?;
            texts.push((to, text));
        }
        Ok(texts)
    }
}
