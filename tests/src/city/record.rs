//! What clients were told, as they were told it: the truth that the checker starts from.
//!
//! One JSON object a line, in a file per kind of client. A line is handed to the system before the client acts on it,
//! so that a client which dies has told nobody more than it wrote down.
//!
//! | file | lines |
//! |---|---|
//! | `riders.jsonl` | [`RiderLine`] |
//! | `drivers.jsonl` | [`DriverLine`] |
//! | `texts.jsonl` | [`TextLine`] |
//! | `watch.jsonl` | [`WatchLine`] |

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use ondol_core::booking::Door;
use ondol_core::ids::{AssignmentId, BookingId, NodeId, ShiftId};
use ondol_core::position::Position;
use ondol_core::units::UtcMs;
use ondol_device::wire::Slot;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Longest line that is read back, in bytes.
const LINE_MAX: usize = 64 << 10;

/// A rider's line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiderLine {
    /// When, in simulated UTC milliseconds.
    pub at: UtcMs,
    /// Number of the wish, the same in every run of a seed.
    pub wish: u32,
    /// What.
    #[serde(flatten)]
    pub note: RiderNote,
}

/// What a rider did or was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum RiderNote {
    /// Is about to ask for a taxi.
    Asked {
        /// Through which door.
        door: Door,
        /// The key, where the rider's own device makes it.
        booking: Option<BookingId>,
        /// Where the rider waits.
        pickup: Position,
    },
    /// Was told that the booking is taken in.
    Acknowledged {
        /// The booking, where the rider is told.
        booking: Option<BookingId>,
        /// Its four characters.
        code: String,
        /// Who said so.
        node: String,
    },
    /// Was told that there will be no booking.
    Refused {
        /// The stable code, or the words of a text.
        code: String,
    },
    /// Got no answer at all and gave up.
    Unanswered {},
    /// Was told that a taxi comes.
    Assigned {
        /// Its plate.
        plate: String,
    },
    /// Got in.
    Boarded {
        /// The plate.
        plate: String,
        /// The booking, as the driver's device names it.
        booking: Option<BookingId>,
    },
    /// Got out.
    Ended {},
    /// Was told that the booking is cancelled.
    Cancelled {
        /// By whom, as told.
        by: String,
    },
    /// Asked how things stand when everything was over.
    Last {
        /// The status, or `unknown` if the node knows no such booking.
        status: String,
        /// Who said so.
        node: String,
    },
}

/// A driver's line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriverLine {
    /// When, in simulated UTC milliseconds.
    pub at: UtcMs,
    /// The driver.
    pub driver: String,
    /// What.
    #[serde(flatten)]
    pub note: DriverNote,
}

/// What a driver's phone did or was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum DriverNote {
    /// Went to work.
    OnDuty {
        /// The shift, where the device names it.
        shift: Option<ShiftId>,
        /// True if served by text.
        by_text: bool,
    },
    /// A node took the device in.
    Attached {
        /// The node.
        node: NodeId,
    },
    /// Central no longer answers this device, or does again.
    Central {
        /// It does.
        is_heard: bool,
    },
    /// A node said who holds the district.
    Holder {
        /// The holder.
        node: NodeId,
    },
    /// Was asked.
    Offered {
        /// The booking.
        booking: BookingId,
        /// The bond; its origin is the node that asks.
        assignment: AssignmentId,
    },
    /// The durable slot changed, and was stored.
    Slot {
        /// What it holds since.
        slot: Slot,
    },
    /// An assignment that the slot held has ended.
    Over {
        /// The booking.
        booking: BookingId,
        /// The bond.
        assignment: AssignmentId,
        /// `done`, or `released` and why.
        how: String,
        /// What was to be paid.
        fare: Option<i64>,
    },
    /// Somebody got in from the street.
    Hailed {
        /// The wish.
        wish: u32,
        /// The booking that the device made.
        booking: BookingId,
        /// Where.
        pickup: Position,
    },
    /// Was told by text that the trip is the driver's.
    TextTaken {
        /// The booking's code.
        code: String,
    },
    /// Was told by text that the trip is over or taken away.
    TextOver {
        /// The booking's code.
        code: String,
        /// `done` or `recalled`.
        how: String,
    },
    /// Went home.
    OffDuty {
        /// Reports that no node has acknowledged.
        unsent: usize,
    },
}

/// A text as a phone of the city sent or got it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextLine {
    /// When, in simulated UTC milliseconds.
    pub at: UtcMs,
    /// The number.
    pub number: String,
    /// True if the phone sent it.
    pub is_from_phone: bool,
    /// The words.
    pub body: String,
}

/// What a bystander saw of central.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchLine {
    /// When, in simulated UTC milliseconds.
    pub at: UtcMs,
    /// It answers.
    pub central_answers: bool,
}

/// A file of lines.
#[derive(Debug)]
struct Lines(Mutex<File>);

/// Writes lines down.
#[derive(Debug)]
pub struct Recorder {
    riders: Lines,
    drivers: Lines,
    texts: Lines,
    watch: Lines,
    has_failed: AtomicBool,
    asked: AtomicU32,
    acknowledged: AtomicU32,
    boarded: AtomicU32,
    ended: AtomicU32,
}

impl Recorder {
    /// Opens new files in `dir`.
    ///
    /// # Errors
    ///
    /// If the folder or a file cannot be made.
    pub fn open(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let open = |name: &str| Ok::<_, io::Error>(Lines(Mutex::new(File::create(dir.join(name))?)));
        Ok(Self {
            riders: open("riders.jsonl")?,
            drivers: open("drivers.jsonl")?,
            texts: open("texts.jsonl")?,
            watch: open("watch.jsonl")?,
            has_failed: AtomicBool::new(false),
            asked: AtomicU32::new(0),
            acknowledged: AtomicU32::new(0),
            boarded: AtomicU32::new(0),
            ended: AtomicU32::new(0),
        })
    }

    /// Writes a rider's line.
    pub fn rider(&self, at: UtcMs, wish: u32, note: RiderNote) {
        let counter = match &note {
            RiderNote::Asked { .. } => Some(&self.asked),
            RiderNote::Acknowledged { .. } => Some(&self.acknowledged),
            RiderNote::Boarded { .. } => Some(&self.boarded),
            RiderNote::Ended {} => Some(&self.ended),
            RiderNote::Refused { .. }
            | RiderNote::Unanswered {}
            | RiderNote::Assigned { .. }
            | RiderNote::Cancelled { .. }
            | RiderNote::Last { .. } => None,
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.write(&self.riders, &RiderLine { at, wish, note });
    }

    /// Writes a driver's line.
    pub fn driver(&self, at: UtcMs, driver: &str, note: DriverNote) {
        self.write(&self.drivers, &DriverLine { at, driver: driver.to_owned(), note });
    }

    /// Writes a text.
    pub fn text(&self, line: &TextLine) {
        self.write(&self.texts, line);
    }

    /// Writes what a bystander sees.
    pub fn watch(&self, line: &WatchLine) {
        self.write(&self.watch, line);
    }

    /// What was written so far, in words for whoever watches.
    #[must_use]
    pub fn counts(&self) -> String {
        let of = |counter: &AtomicU32| counter.load(Ordering::Relaxed);
        format!(
            "{} riders asked, {} acknowledgements, {} boarded, {} arrived",
            of(&self.asked),
            of(&self.acknowledged),
            of(&self.boarded),
            of(&self.ended)
        )
    }

    /// True if a line could not be written: the run proves nothing then.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    fn write(&self, lines: &Lines, line: &impl Serialize) {
        let mut text = serde_json::to_vec(line).expect("lines are plain JSON");
        text.push(b'\n');
        let mut file = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(&text) {
            tracing::error!(%error, "a record could not be written");
            self.has_failed.store(true, Ordering::Relaxed);
        }
    }
}

/// Reads lines back; a file that is not there has none. A last line without its end was never told to anybody.
///
/// # Errors
///
/// If the file cannot be read, or a line is not what the city writes.
pub fn read<T: DeserializeOwned>(file: &Path) -> io::Result<Vec<T>> {
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(opened);
    let mut lines = Vec::new();
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 && line.ends_with('\n') {
        let number = lines.len() + 1;
        let wrong = |what: String| io::Error::other(format!("{} line {number}: {what}", file.display()));
        if line.len() > LINE_MAX {
            return Err(wrong(format!("longer than {LINE_MAX} bytes")));
        }
        lines.push(serde_json::from_str(&line).map_err(|error| wrong(error.to_string()))?);
        line.clear();
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_was_told_to_nobody() {
        let dir = std::env::temp_dir().join(format!("ondol-record-{}", std::process::id()));
        let recorder = Recorder::open(&dir).unwrap();
        recorder.rider(UtcMs(5), 7, RiderNote::Assigned { plate: "서울30아0001".into() });
        let file = dir.join("riders.jsonl");
        let mut torn = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
        torn.write_all(b"{\"at\":6,\"wi").unwrap();
        let lines: Vec<RiderLine> = read(&file).unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].wish, 7);
        torn.write_all(b"sh\":8}\n").unwrap();
        assert!(read::<RiderLine>(&file).unwrap_err().to_string().contains("line 2"));
        assert_eq!(read::<RiderLine>(&dir.join("nothing")).unwrap(), []);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
