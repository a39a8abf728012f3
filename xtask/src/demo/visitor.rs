//! The person at the terminal of an open demo: what they can ask for, and how they take part in the city.
//!
//! The city's process reads `says.jsonl` in the visitor's folder and writes `hears.txt`.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result};
use serde_json::json;

/// What can be typed.
pub(crate) const ORDERS: &str = "\
Book a taxi in the browser, or type
  text 010-1234-5678 택시 시청역            to send a text from that phone; answers are shown here
  text 010-1234-5678 TAXI City Hall Station  the same in English
  pin CODE PIN                to tell the driver who stands at your pickup the PIN of your booking
  cut                         to kill central and its PostgreSQL: each edge goes on by itself
  heal                        to bring both back
  stop                        to end (or press Ctrl-C)";

/// Country of a number that is written without one.
const COUNTRY: &str = "+82";

/// An order from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    Cut,
    Heal,
    Stop,
    /// For the city, as `says.jsonl` has it.
    Say(serde_json::Value),
}

impl FromStr for Order {
    /// What to type instead.
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let (word, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        let two = rest.trim().split_once(char::is_whitespace).map(|(one, other)| (one, other.trim()));
        match (word, two) {
            ("cut", None) if rest.is_empty() => Ok(Self::Cut),
            ("heal", None) if rest.is_empty() => Ok(Self::Heal),
            ("stop", None) if rest.is_empty() => Ok(Self::Stop),
            ("text", Some((number, body))) => {
                Ok(Self::Say(json!({ "text": { "from": international(number), "body": body } })))
            }
            ("text", None) => Err("say who texts what, as in: text 010-1234-5678 택시 시청역".to_owned()),
            ("pin", Some((code, pin))) if pin.len() == 4 && pin.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Self::Say(json!({ "pin": { "code": code.to_uppercase(), "pin": pin } })))
            }
            ("pin", _) => {
                Err("say the booking's code and its PIN of four digits, as in: pin K7QF 0420".to_owned())
            }
            _ => Err(format!("unknown: {line}\n{ORDERS}")),
        }
    }
}

/// `010-1234-5678` as `+821012345678`.
fn international(number: &str) -> String {
    let digits: String = number.chars().filter(|c| !matches!(c, '-' | '(' | ')' | '.')).collect();
    digits.strip_prefix('0').map_or(digits.clone(), |national| format!("{COUNTRY}{national}"))
}

/// The visitor's folder.
#[derive(Debug)]
pub(crate) struct Visitor {
    folder: PathBuf,
    heard_to: u64,
}

impl Visitor {
    /// Takes part through `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), heard_to: 0 }
    }

    /// Says one thing to the city.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(crate) fn say(&self, what: &serde_json::Value) -> Result<()> {
        let file = self.folder.join("says.jsonl");
        let wrote = fs::create_dir_all(&self.folder)
            .and_then(|()| File::options().create(true).append(true).open(&file))
            .and_then(|mut says| says.write_all(format!("{what}\n").as_bytes()));
        wrote.with_context(|| format!("cannot write {}", file.display()))
    }

    /// Returns the whole lines that came since the last call.
    pub(crate) fn hear(&mut self) -> Vec<String> {
        let bytes = self.read().unwrap_or_default(); // the city makes the file when it has begun
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.heard_to += whole as u64;
        String::from_utf8_lossy(&bytes[..whole]).lines().map(str::to_owned).collect()
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.folder.join("hears.txt"))?;
        file.seek(SeekFrom::Start(self.heard_to))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_understood_or_the_answer_says_how_to_write_it() {
        assert_eq!("cut".parse(), Ok(Order::Cut));
        let text = json!({ "text": { "from": "+821012345678", "body": "택시 #12" } });
        assert_eq!("text 010-1234-5678 택시 #12".parse(), Ok(Order::Say(text)));
        let pin = json!({ "pin": { "code": "K7QF", "pin": "0420" } });
        assert_eq!(" pin  k7qf 0420 ".parse(), Ok(Order::Say(pin)));
        for (line, hint) in [
            ("pin", "K7QF"),
            ("pin K7QF 12", "four digits"),
            ("text 010", "010-1234-5678"),
            ("cut it", "unknown"),
            ("taxi", "heal"),
        ] {
            let refusal = line.parse::<Order>().unwrap_err();
            assert!(refusal.contains(hint), "{line}: {refusal}");
        }
    }

    #[test]
    fn what_is_heard_is_told_once() {
        let folder = std::env::temp_dir().join(format!("demo-visitor-{}", std::process::id()));
        let mut visitor = Visitor::new(&folder);
        assert_eq!(visitor.hear(), Vec::<String>::new());
        visitor.say(&json!({ "pin": {} })).unwrap();
        fs::write(folder.join("hears.txt"), "one\ntw").unwrap();
        assert_eq!(visitor.hear(), ["one"]);
        fs::write(folder.join("hears.txt"), "one\ntwo\n").unwrap();
        assert_eq!(visitor.hear(), ["two"]);
        assert_eq!(fs::read_to_string(folder.join("says.jsonl")).unwrap(), "{\"pin\":{}}\n");
        fs::remove_dir_all(folder).unwrap();
    }
}
