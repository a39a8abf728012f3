//! Our side of the spool folders.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::names::{InboxName, OutboxName};
use super::text::{self, FILE_MAX_BYTES, Unreadable};
use crate::carrier::{Carrier, Handle, Health, Inbound, Outbound, Outcome, Receipt, Trace};
use crate::clock::UtcMs;

/// Most files of a folder looked at in one go.
const LOOK_MAX: usize = 2_000;
/// How long an unreadable file may still be in writing, in simulated milliseconds.
const BROKEN_AFTER_MS: u64 = 30_000;
/// Most parts of a long text.
const PARTS_MAX: usize = 10;

/// The spool folders, all on one file system.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Where gammu-smsd puts texts that arrived.
    pub inbox: PathBuf,
    /// Where we put texts to send.
    pub outbox: PathBuf,
    /// Where gammu-smsd puts texts it has sent.
    pub sent: PathBuf,
    /// Where it puts those it could not send.
    pub error: PathBuf,
    /// Where we put files that cannot be read.
    pub quarantine: PathBuf,
}

impl Folders {
    /// Returns the five folders below `spool`.
    #[must_use]
    pub fn below(spool: &Path) -> Self {
        Self {
            inbox: spool.join("inbox"),
            outbox: spool.join("outbox"),
            sent: spool.join("sent"),
            error: spool.join("error"),
            quarantine: spool.join("quarantine"),
        }
    }

    /// Makes the folders that are missing.
    ///
    /// # Errors
    ///
    /// If one cannot be made.
    pub fn make(&self) -> io::Result<()> {
        [&self.inbox, &self.outbox, &self.sent, &self.error, &self.quarantine]
            .into_iter()
            .try_for_each(fs::create_dir_all)
    }
}

/// The spool folders as a carrier.
#[derive(Debug)]
pub struct GammuSpool {
    folders: Folders,
    utc_offset_min: i32,
    /// Size of each inbox file at the last look, and since when it has it.
    seen: BTreeMap<String, (u64, UtcMs)>,
    quarantined: usize,
    submitted: u8,
}

impl GammuSpool {
    /// Opens the folders, making those that are missing.
    ///
    /// # Errors
    ///
    /// If one cannot be made.
    pub fn open(folders: Folders, utc_offset_min: i32) -> io::Result<Self> {
        folders.make()?;
        let quarantined = names(&folders.quarantine)?.len();
        Ok(Self { folders, utc_offset_min, seen: BTreeMap::new(), quarantined, submitted: 0 })
    }

    /// Moves a file aside; it is kept for a person to look at.
    fn quarantine(&mut self, name: &str) -> io::Result<()> {
        let mut target = self.folders.quarantine.join(name);
        let mut copies = 0;
        while target.exists() && copies < 1_000 {
            copies += 1;
            target = self.folders.quarantine.join(format!("{name}.{copies}"));
        }
        fs::rename(self.folders.inbox.join(name), target)?;
        self.quarantined += 1;
        tracing::warn!(quarantined = self.quarantined, "a spool file could not be read and was set aside");
        Ok(())
    }

    /// Notes the files' sizes and returns those that have not changed since the last look, with since when.
    fn settled_files(&mut self, now: UtcMs) -> io::Result<Vec<(String, UtcMs)>> {
        let mut settled = Vec::new();
        let mut seen = BTreeMap::new();
        for name in names(&self.folders.inbox)? {
            let Ok(metadata) = fs::metadata(self.folders.inbox.join(&name)) else { continue };
            if !metadata.is_file() {
                continue;
            }
            let size = metadata.len();
            let since = match self.seen.get(&name) {
                Some((last, since)) if *last == size => {
                    settled.push((name.clone(), *since));
                    *since
                }
                Some(_) | None => now,
            };
            seen.insert(name, (size, since));
        }
        self.seen = seen;
        Ok(settled)
    }

    fn read(&self, name: &str) -> Result<String, Unreadable> {
        let read = || -> io::Result<Option<Vec<u8>>> {
            let file = File::open(self.folders.inbox.join(name))?;
            let mut bytes = Vec::new();
            file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes)?;
            Ok((bytes.len() as u64 <= FILE_MAX_BYTES).then_some(bytes))
        };
        match read() {
            Ok(Some(bytes)) => text::decode(&bytes),
            Ok(None) => Err(Unreadable::Broken),
            Err(_) => Err(Unreadable::Incomplete),
        }
    }

    /// Joins the parts of a text.
    fn join(&self, parts: &[(InboxName, String)]) -> Result<String, Unreadable> {
        let dense = parts.iter().enumerate().all(|(index, (name, _))| usize::from(name.part) == index);
        if !dense || parts.len() > PARTS_MAX {
            return Err(Unreadable::Incomplete);
        }
        parts.iter().map(|(_, file)| self.read(file)).collect()
    }
}

impl Carrier for GammuSpool {
    fn receive(&mut self, now: UtcMs, most: usize) -> io::Result<Vec<Inbound>> {
        let mut groups: BTreeMap<(String, String, String), Vec<(InboxName, String)>> = BTreeMap::new();
        let mut oldest: BTreeMap<(String, String, String), UtcMs> = BTreeMap::new();
        let settled = self.settled_files(now)?;
        for (file, since) in settled {
            let is_old = now.since_ms(since) >= BROKEN_AFTER_MS;
            match InboxName::parse(&file) {
                Some(name) => {
                    let key = (name.stamp.clone(), name.serial.clone(), name.sender.clone());
                    let first = oldest.entry(key.clone()).or_insert(since);
                    *first = (*first).min(since);
                    groups.entry(key).or_default().push((name, file));
                }
                None if is_old => self.quarantine(&file)?,
                None => {}
            }
        }
        let mut texts = Vec::new();
        for (key, mut parts) in groups {
            if texts.len() >= most {
                break;
            }
            parts.sort();
            let still_writing = self.seen.keys().any(|file| {
                let other = InboxName::parse(file);
                let same = |o: &InboxName| (&o.stamp, &o.serial, &o.sender) == (&key.0, &key.1, &key.2);
                other.as_ref().is_some_and(same) && !parts.iter().any(|(_, mine)| mine == file)
            });
            if still_writing {
                continue;
            }
            let is_old = oldest.get(&key).is_some_and(|since| now.since_ms(*since) >= BROKEN_AFTER_MS);
            let sent_at = parts.first().and_then(|(name, _)| name.sent_at(self.utc_offset_min));
            match (self.join(&parts), sent_at) {
                (Ok(body), Some(sent_at)) => {
                    let handle = Handle(
                        parts.iter().map(|(_, file)| path_text(&self.folders.inbox.join(file))).collect(),
                    );
                    texts.push(Inbound { from: key.2, sent_at, body, handle });
                }
                (Err(Unreadable::Incomplete), _) if !is_old => {}
                (Err(Unreadable::Incomplete | Unreadable::Broken), _) | (Ok(_), None) => {
                    for (_, file) in &parts {
                        self.quarantine(file)?;
                    }
                }
            }
        }
        texts.sort_by_key(|text| text.sent_at);
        Ok(texts)
    }

    fn submit(&mut self, outbound: &Outbound) -> io::Result<()> {
        if names(&self.folders.outbox)?.iter().any(|name| id_of(name) == Some(outbound.id)) {
            return Ok(());
        }
        self.submitted = (self.submitted + 1) % 100;
        let name = OutboxName {
            urgency: outbound.urgency,
            made_at: outbound.made_at,
            serial: self.submitted,
            to: outbound.to.clone(),
            id: outbound.id,
        }
        .file_name(self.utc_offset_min)
        .ok_or_else(|| io::Error::other("the moment of the text is not on the calendar"))?;
        // gammu-smsd looks for names that begin with OUT: it never sees the half-written file.
        let half = self.folders.outbox.join(format!(".{}.part", outbound.id.simple()));
        let mut file = File::create(&half)?;
        file.write_all(&text::encode(&outbound.text))?;
        file.sync_all()?;
        fs::rename(&half, self.folders.outbox.join(name))?;
        File::open(&self.folders.outbox)?.sync_all()
    }

    fn trace(&mut self, id: Uuid) -> io::Result<Trace> {
        let folders = [&self.folders.outbox, &self.folders.sent, &self.folders.error];
        for folder in folders {
            if names(folder)?.iter().any(|name| id_of(name) == Some(id)) {
                return Ok(Trace::Taken);
            }
        }
        // A gammu-smsd that is set to delete what it sent leaves no trace either.
        Ok(Trace::Unknown)
    }

    fn receipts(&mut self, most: usize) -> io::Result<Vec<Receipt>> {
        let mut receipts = Vec::new();
        for (folder, outcome) in [(&self.folders.sent, Outcome::Sent), (&self.folders.error, Outcome::Failed)]
        {
            for name in names(folder)? {
                if receipts.len() >= most {
                    return Ok(receipts);
                }
                if let Some(id) = id_of(&name) {
                    receipts.push(Receipt {
                        id,
                        outcome,
                        handle: Handle(vec![path_text(&folder.join(name))]),
                    });
                }
            }
        }
        Ok(receipts)
    }

    fn settle(&mut self, handle: &Handle) -> io::Result<()> {
        for path in &handle.0 {
            match fs::remove_file(path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn health(&mut self) -> Health {
        let waiting = names(&self.folders.outbox);
        Health {
            waiting_out: waiting.as_ref().map_or(0, Vec::len),
            quarantined: self.quarantined,
            trouble: waiting.err().map(|error| format!("the outbox folder cannot be read: {error}")),
        }
    }
}

fn id_of(name: &str) -> Option<Uuid> {
    OutboxName::recipient_and_id(name).map(|(_, id)| id)
}

/// Names in a folder in order, at most [`LOOK_MAX`]; names that are not UTF-8 are none of ours.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .take(LOOK_MAX)
        .collect();
    names.sort();
    Ok(names)
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
