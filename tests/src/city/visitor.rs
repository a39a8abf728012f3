//! A person at the terminal of a demo who takes part: texts from a phone of their own, and gets into a taxi that they
//! booked by hand.
//!
//! Two files in one folder: what the person says is appended to `says.jsonl`, what they hear to `hears.txt`. Drivers
//! know of the person what they would know in the street: somebody tells them a PIN, or nobody is there.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc::unbounded_channel;

use super::World;
use super::sms::Phone;
use super::street::Lived;

/// How often the person is listened to, on the wall.
const LISTEN_EVERY: Duration = Duration::from_millis(200);
/// Longest of what is said between two looks, in bytes.
const SAID_MAX: u64 = 64 * 1024;
/// Phones a person may use in one demo.
const PHONES_MAX: usize = 20;

/// One line of `says.jsonl`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    /// A text from a phone.
    Text {
        /// The phone, E.164.
        from: String,
        /// The text.
        body: String,
    },
    /// The PIN of a booking, to the driver who asks for it.
    Pin {
        /// The booking's code.
        code: String,
        /// Four digits.
        pin: String,
    },
}

/// What is known of the person.
#[derive(Debug)]
pub struct Visitor {
    says: PathBuf,
    hears: Mutex<File>,
    asked: Mutex<HashSet<String>>,
}

impl Visitor {
    /// Begins to write for the person who looks into `folder`.
    ///
    /// # Errors
    ///
    /// If the folder or a file cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let hears = File::options().create(true).append(true).open(folder.join("hears.txt"))?;
        Ok(Self { says: folder.join("says.jsonl"), hears: Mutex::new(hears), asked: Mutex::default() })
    }

    /// A driver with this plate stands at a pickup where nobody of the city waits.
    pub fn ask(&self, code: &str, plate: &str) {
        if lock(&self.asked).insert(format!("{code} {plate}")) {
            self.hear(&format!(
                "taxi {plate} stands at the pickup of booking {code}: tell the driver the PIN of your page or text: `pin {code} PIN`"
            ));
        }
    }

    /// True if a driver stands at the pickup and has asked for the rider.
    fn is_asked(&self, code: &str) -> bool {
        lock(&self.asked).iter().any(|asked| asked.split(' ').next() == Some(code))
    }

    fn hear(&self, words: &str) {
        if let Err(error) = writeln!(lock(&self.hears), "{words}") {
            tracing::warn!(%error, "the visitor cannot be told");
        }
    }
}

/// Listens to the person for as long as it is let; a city without one ends at once.
pub async fn listen(world: Arc<World>) {
    let Some(visitor) = &world.visitor else { return };
    let mut phones = HashMap::new();
    let mut read_to = 0;
    // Wishes of the plan count from 0, a visitor's from the other end.
    let mut wish = u32::MAX;
    let mut look = tokio::time::interval(LISTEN_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let lines = match said_since(&visitor.says, &mut read_to) {
            Ok(lines) => lines,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                tracing::warn!(%error, "the visitor cannot be heard");
                continue;
            }
        };
        for line in lines {
            match serde_json::from_str(&line) {
                Ok(Said::Text { from, body }) => text(&world, &mut phones, &from, &body),
                Ok(Said::Pin { code, pin }) => {
                    wish -= 1;
                    if !visitor.is_asked(&code) {
                        visitor.hear(&format!(
                            "no taxi stands at the pickup of booking {code} yet: it will be told the PIN"
                        ));
                    }
                    tell_pin(&world, wish, &code, &pin);
                }
                Err(error) => visitor.hear(&format!("not understood: {error}")),
            }
        }
    }
}

/// Whole lines behind `read_to`.
fn said_since(file: &Path, read_to: &mut u64) -> io::Result<Vec<String>> {
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(*read_to))?;
    let mut bytes = Vec::new();
    file.take(SAID_MAX).read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    *read_to += u64::try_from(whole).unwrap_or(0);
    Ok(String::from_utf8_lossy(&bytes[..whole]).lines().map(str::to_owned).collect())
}

/// Sends a text from the person's phone, and shows what comes back to it.
fn text(world: &Arc<World>, phones: &mut HashMap<String, Arc<str>>, from: &str, body: &str) {
    let Some(visitor) = &world.visitor else { return };
    let digits = from.strip_prefix('+').unwrap_or_default();
    if !(8..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        visitor.hear(&format!("{from} is no phone number: write it as +821012345678"));
        return;
    }
    if !phones.contains_key(from) {
        if phones.len() == PHONES_MAX {
            visitor.hear(&format!("{PHONES_MAX} phones are enough for one demo"));
            return;
        }
        let phone = world.network.phone(from);
        phones.insert(from.to_owned(), phone.number.as_str().into());
        tokio::spawn(show(Arc::clone(world), phone));
    }
    if let Err(error) = world.network.send(from, body, world.clock.now().utc, &world.recorder) {
        visitor.hear(&format!("the text could not be sent: {error}"));
    }
}

async fn show(world: Arc<World>, mut phone: Phone) {
    while let Some(body) = phone.next().await {
        if let Some(visitor) = &world.visitor {
            visitor.hear(&format!("text to {}: {body}", phone.number));
        }
    }
}

/// The person stands at the pickup with this PIN; the next driver who asks for the booking's rider hears it.
fn tell_pin(world: &Arc<World>, wish: u32, code: &str, pin: &str) {
    let (rider, mut lived) = unbounded_channel();
    world.street.visit(wish, (code, pin), rider);
    let (world, code) = (Arc::clone(world), code.to_owned());
    tokio::spawn(async move {
        while let Some(lived) = lived.recv().await {
            let Some(visitor) = &world.visitor else { return };
            match lived {
                Lived::Boarded { plate, .. } => {
                    visitor.hear(&format!("booking {code}: you sit in taxi {plate}"));
                }
                Lived::Ended => visitor.hear(&format!("booking {code}: you are there, and have paid")),
                Lived::WrongPin => {
                    lock(&visitor.asked).retain(|asked| !asked.starts_with(&code));
                    visitor.hear(&format!("booking {code}: the driver says that the PIN is wrong"));
                }
            }
        }
    });
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_is_left_until_it_is_whole() {
        let folder = std::env::temp_dir().join(format!("visitor-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("says.jsonl");
        std::fs::write(&file, "{\"pin\":{\"code\":\"A\",\"pin\":\"0420\"}}\n{\"te").unwrap();
        let mut read_to = 0;
        let lines = said_since(&file, &mut read_to).unwrap();
        assert_eq!(lines.len(), 1);
        let said: Said = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(said, Said::Pin { code: "A".into(), pin: "0420".into() });
        assert_eq!(said_since(&file, &mut read_to).unwrap(), Vec::<String>::new());
        std::fs::write(&file, "{\"pin\":{\"code\":\"A\",\"pin\":\"0420\"}}\n{\"text\":{}}\n").unwrap();
        assert_eq!(said_since(&file, &mut read_to).unwrap(), ["{\"text\":{}}"]);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
