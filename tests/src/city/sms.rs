//! The mobile network between the city's phones and the text process: it plays gammu-smsd over its spool folders.
//!
//! A text to us is put into `inbox/` as gammu-smsd names and writes it; a text of ours is taken from `outbox/`, filed
//! under `sent/` and handed to the phone with its number.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ondol_core::units::UtcMs;
use time::OffsetDateTime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::clock::Clock;
use super::record::{Recorder, TextLine};

/// How often the outbox is looked into, on the wall.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Korea is ahead of UTC by this, in milliseconds: gammu-smsd stamps local time.
const LOCAL_AHEAD_MS: i64 = 9 * 3_600_000;
/// Characters in one part of a long text in UCS-2.
const PART_UNITS: usize = 67;
/// Characters of a text that needs one part.
const ONE_UNITS: usize = 70;
/// Most texts taken in one look.
const LOOK_MAX: usize = 500;

/// The network.
#[derive(Debug)]
pub struct Network {
    spool: PathBuf,
    serial: AtomicU32,
    phones: Mutex<HashMap<String, UnboundedSender<String>>>,
}

/// A phone of the city.
#[derive(Debug)]
pub struct Phone {
    /// Its number, E.164.
    pub number: String,
    texts: UnboundedReceiver<String>,
}

impl Network {
    /// Opens the spool folders, making those that are missing.
    ///
    /// # Errors
    ///
    /// If one cannot be made.
    pub fn open(spool: &Path) -> io::Result<Self> {
        for folder in ["inbox", "outbox", "sent", "error"] {
            std::fs::create_dir_all(spool.join(folder))?;
        }
        Ok(Self { spool: spool.to_owned(), serial: AtomicU32::new(0), phones: Mutex::default() })
    }

    /// Switches a phone on.
    pub fn phone(&self, number: &str) -> Phone {
        let (sender, texts) = unbounded_channel();
        self.lock().insert(number.to_owned(), sender);
        Phone { number: number.to_owned(), texts }
    }

    /// Sends a text to us from the phone with a number.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn send(&self, number: &str, body: &str, at: UtcMs, recorder: &Recorder) -> io::Result<()> {
        let line = TextLine { at, number: number.to_owned(), is_from_phone: true, body: body.to_owned() };
        recorder.text(&line);
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) % 10_000;
        let stem = format!("IN{}_{serial:02}_{number}", stamp(at)?);
        for (part, piece) in parts(body).iter().enumerate() {
            let name = format!("{stem}_{part:02}.txt");
            let making = self.spool.join("inbox").join(format!(".{name}.part"));
            std::fs::write(&making, utf16(piece))?;
            std::fs::rename(making, self.spool.join("inbox").join(name))?;
        }
        Ok(())
    }

    /// Carries texts to phones for as long as it is let.
    pub async fn carry(&self, clock: Clock, recorder: &Recorder) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if let Err(error) = self.collect(clock.now().utc, recorder) {
                tracing::warn!(%error, "the outbox cannot be read");
            }
        }
    }

    /// Takes what lies in the outbox, urgent texts first.
    fn collect(&self, at: UtcMs, recorder: &Recorder) -> io::Result<usize> {
        let outbox = self.spool.join("outbox");
        let mut names: Vec<String> = std::fs::read_dir(&outbox)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.starts_with("OUT"))
            .take(LOOK_MAX)
            .collect();
        names.sort();
        for name in &names {
            let path = outbox.join(name);
            let body = text_of(&std::fs::read(&path)?);
            std::fs::rename(&path, self.spool.join("sent").join(name))?;
            let Some(number) = recipient(name) else { continue };
            recorder.text(&TextLine {
                at,
                number: number.to_owned(),
                is_from_phone: false,
                body: body.clone(),
            });
            if let Some(phone) = self.lock().get(number) {
                // A phone that is switched off gets nothing.
                let _delivered = phone.send(body);
            }
        }
        Ok(names.len())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, UnboundedSender<String>>> {
        self.phones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Phone {
    /// The next text.
    pub async fn next(&mut self) -> Option<String> {
        self.texts.recv().await
    }
}

/// `YYYYMMDD_HHMMSS` in Korea.
fn stamp(at: UtcMs) -> io::Result<String> {
    let local = OffsetDateTime::from_unix_timestamp((at.0 + LOCAL_AHEAD_MS).div_euclid(1_000))
        .map_err(io::Error::other)?;
    let (date, clock) = (local.date(), local.time());
    Ok(format!(
        "{:04}{:02}{:02}_{:02}{:02}{:02}",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    ))
}

/// `OUT<priority><date>_<time>_<serial>_<recipient>_<id>.txt`
fn recipient(name: &str) -> Option<&str> {
    name.split('_').nth(3)
}

fn parts(body: &str) -> Vec<String> {
    let units: Vec<char> = body.chars().collect();
    if units.len() <= ONE_UNITS {
        vec![body.to_owned()]
    } else {
        units.chunks(PART_UNITS).map(|chunk| chunk.iter().collect()).collect()
    }
}

/// UTF-16 with a byte-order mark, as gammu-smsd writes with `inboxformat = unicode`.
fn utf16(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xfe, 0xff];
    bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    bytes
}

fn text_of(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, rest @ ..] => {
            let units: Vec<u16> =
                rest.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        other => String::from_utf8_lossy(other).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_gammus() {
        assert_eq!(stamp(UtcMs(1_772_409_600_000)).unwrap(), "20260302_090000");
        assert_eq!(recipient("OUTA20260302_090000_07_+821012345678_abc.txt"), Some("+821012345678"));
        assert_eq!(recipient("OUTA"), None);
        assert_eq!(text_of(&utf16("택시 #12")), "택시 #12");
        assert_eq!(parts(&"가".repeat(71)).len(), 2);
    }
}
