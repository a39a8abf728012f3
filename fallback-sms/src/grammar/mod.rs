//! What a text message means: text → [`Reading`], without state, network or failure.
//!
//! ```text
//! raw text ──normal──▶ one line of NFC words ──words──▶ verb ──fields──▶ Reading { intent, problems }
//! ```
//!
//! Riders: `택시|콜|TAXI <place> [-> <destination>] [2명|2p] [@hh:mm]`, `C|취소`, `?|상태`,
//! `도움|HELP`, `SOS`, `STOP|수신거부`, digits that answer a question, `#12` alone.
//! Drivers with a feature phone: `ON [stand]`, `OFF`, `AT 12`, `1K`/`2K`, `H`, `P 4821`,
//! `E 12400`, `B`, `X [note]`, each with `*1234` (the driver's code) at the end if asked for.
//!
//! A verb counts only if what follows has its shape: "ON" is a command, "On my way" is not. What
//! fits nothing is [`Intent::Unknown`]; it never becomes a booking.
//! What is absent: who sent it, what was said before (the dialogue knows), where a place is (the
//! node's gazetteer knows).

mod fields;
mod normal;
mod words;

use ondol_messages::Lang;
use serde::{Deserialize, Serialize};

use words::Verb;

/// Longest text read, in characters; what follows is cut and [`ReadingProblem::TooLong`] is noted.
pub const TEXT_MAX_CHARS: usize = 1_000;
/// Longest name of a place that is looked up, in characters.
pub const PLACE_MAX_CHARS: usize = 60;
/// Longest note of a driver's `X`, in characters.
pub const NOTE_MAX_CHARS: usize = 60;

/// What a text message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What the sender wants.
    pub intent: Intent,
    /// The language the text is written in, if it shows one; `C` and `?` show none.
    pub lang: Option<Lang>,
    /// What was wrong or doubtful.
    pub problems: Vec<ReadingProblem>,
    /// The driver's code, written as `*1234` at the end of a driver's command.
    pub driver_code: Option<String>,
    /// The text in one line, normalised, at most [`TEXT_MAX_CHARS`].
    pub text: String,
}

impl Reading {
    /// Tells whether the reader noted `problem`.
    #[must_use]
    pub fn has(&self, problem: ReadingProblem) -> bool {
        self.problems.contains(&problem)
    }
}

/// What a sender wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// A taxi.
    Book(BookFields),
    /// No taxi any more; a booking's code if written.
    Cancel {
        /// Four characters, upper case.
        code: Option<String>,
    },
    /// How things stand.
    Status,
    /// How this works.
    Help,
    /// Danger.
    Sos,
    /// No more texts.
    Stop,
    /// Only digits, at most 8: an answer to a question.
    Digits(String),
    /// A command of a driver.
    Driver(DriverIntent),
    /// None of these.
    Unknown,
}

/// The fields of a booking text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookFields {
    /// Where to be picked up.
    pub pickup: PlaceWord,
    /// Where to go, if written.
    pub destination: Option<PlaceWord>,
    /// People, 1 to 8, if written.
    pub passengers: Option<u8>,
    /// Time of day, if written.
    pub at: Option<TimeOfDay>,
}

/// A place as the sender names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlaceWord {
    /// Nothing written.
    Missing,
    /// The number painted on a stand's pole.
    Stand(u16),
    /// The saved home.
    Home,
    /// The saved place of work.
    Work,
    /// The last pickup.
    Last,
    /// A landmark, exit or address; 1 to [`PLACE_MAX_CHARS`] characters.
    Named(String),
}

/// A time of day on the rider's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

/// A command of a driver; `None` where the text leaves out what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DriverIntent {
    /// On duty.
    On {
        /// The stand, if written.
        stand: Option<u16>,
    },
    /// Off duty.
    Off,
    /// At a stand.
    At {
        /// The stand.
        stand: Option<u16>,
    },
    /// Takes an offer.
    Accept {
        /// The offer's letter, A–Z.
        offer: Option<char>,
    },
    /// Refuses an offer.
    Decline {
        /// The offer's letter, A–Z.
        offer: Option<char>,
    },
    /// At the pickup.
    Arrived,
    /// Rider on board.
    Boarded {
        /// Four digits.
        pin: Option<String>,
    },
    /// Trip over.
    Ended {
        /// Smallest unit of the tariff's currency.
        fare: Option<u32>,
    },
    /// Break, or its end.
    Break,
    /// Something is wrong.
    Problem {
        /// What, at most [`NOTE_MAX_CHARS`].
        note: String,
    },
}

/// What was wrong or doubtful in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingProblem {
    /// Nothing in it.
    Empty,
    /// Longer than [`TEXT_MAX_CHARS`].
    TooLong,
    /// The word for a taxi was written together with the place (`택시강남역`): ask before booking.
    KeywordGlued,
    /// Only a stand's number: ask before booking.
    KeywordMissing,
    /// `@…` is no time of day.
    BadTime,
    /// People other than 1 to 8.
    BadPassengers,
    /// `#…` is no stand's number.
    BadStand,
    /// A place's name beyond [`PLACE_MAX_CHARS`]; it was cut.
    PlaceTooLong,
    /// More than one arrow; what follows the second was left out.
    TooManyArrows,
    /// An arrow with nothing behind it.
    DestinationMissing,
}

/// Reads a text message. Never fails: what it cannot use is in [`Reading::problems`].
#[must_use]
pub fn read(raw: &str) -> Reading {
    let (text, too_long) = normal::one_line(raw);
    let mut problems = Vec::new();
    if too_long {
        problems.push(ReadingProblem::TooLong);
    }
    if text.is_empty() {
        problems.push(ReadingProblem::Empty);
    }
    let (intent, word_lang, driver_code) = interpret(&text, &mut problems);
    let lang = language(&text, &intent, word_lang);
    Reading { intent, lang, problems, driver_code, text }
}

fn interpret(text: &str, problems: &mut Vec<ReadingProblem>) -> (Intent, Option<Lang>, Option<String>) {
    if let Some(digits) = fields::only_digits(text) {
        return (Intent::Digits(digits), None, None);
    }
    if let Some(stand) = fields::lone_stand(text) {
        problems.push(ReadingProblem::KeywordMissing);
        let fields =
            BookFields { pickup: PlaceWord::Stand(stand), destination: None, passengers: None, at: None };
        return (Intent::Book(fields), None, None);
    }
    let Some(found) = words::find_verb(text) else { return (Intent::Unknown, None, None) };
    if found.glued {
        problems.push(ReadingProblem::KeywordGlued);
    }
    if let Some(rider) = rider_intent(found.verb, found.rest, problems) {
        return (rider, found.lang, None);
    }
    let (rest, driver_code) = fields::split_driver_code(found.rest);
    let intent = driver_intent(found.verb, rest).map_or(Intent::Unknown, Intent::Driver);
    (intent, found.lang, driver_code)
}

/// Returns the rider's intent, `None` if the verb is not a rider's or what follows has not its shape.
fn rider_intent(verb: Verb, rest: &str, problems: &mut Vec<ReadingProblem>) -> Option<Intent> {
    match verb {
        Verb::Book => Some(Intent::Book(fields::book(rest, problems))),
        Verb::Cancel if rest.is_empty() => Some(Intent::Cancel { code: None }),
        Verb::Cancel => fields::booking_code(rest).map(|code| Intent::Cancel { code: Some(code) }),
        Verb::Sos => Some(Intent::Sos),
        Verb::Status if rest.is_empty() => Some(Intent::Status),
        Verb::Help if rest.is_empty() => Some(Intent::Help),
        Verb::Stop if rest.is_empty() => Some(Intent::Stop),
        Verb::Status
        | Verb::Help
        | Verb::Stop
        | Verb::On
        | Verb::Off
        | Verb::At
        | Verb::Accept
        | Verb::Decline
        | Verb::Arrived
        | Verb::Boarded
        | Verb::Ended
        | Verb::Break
        | Verb::Problem => None,
    }
}

/// Returns the driver's intent, `None` if what follows the verb has not its shape.
fn driver_intent(verb: Verb, rest: &str) -> Option<DriverIntent> {
    let alone = rest.is_empty();
    match verb {
        Verb::On if alone => Some(DriverIntent::On { stand: None }),
        Verb::On => fields::stand(rest).map(|stand| DriverIntent::On { stand: Some(stand) }),
        Verb::Off if alone => Some(DriverIntent::Off),
        Verb::At if alone => Some(DriverIntent::At { stand: None }),
        Verb::At => fields::stand(rest).map(|stand| DriverIntent::At { stand: Some(stand) }),
        Verb::Accept if alone => Some(DriverIntent::Accept { offer: None }),
        Verb::Accept => fields::letter(rest).map(|letter| DriverIntent::Accept { offer: Some(letter) }),
        Verb::Decline if alone => Some(DriverIntent::Decline { offer: None }),
        Verb::Decline => fields::letter(rest).map(|letter| DriverIntent::Decline { offer: Some(letter) }),
        Verb::Arrived if alone => Some(DriverIntent::Arrived),
        Verb::Boarded if alone => Some(DriverIntent::Boarded { pin: None }),
        Verb::Boarded => fields::pin(rest).map(|pin| DriverIntent::Boarded { pin: Some(pin) }),
        Verb::Ended if alone => Some(DriverIntent::Ended { fare: None }),
        Verb::Ended => fields::fare(rest).map(|fare| DriverIntent::Ended { fare: Some(fare) }),
        Verb::Break if alone => Some(DriverIntent::Break),
        Verb::Problem => {
            Some(DriverIntent::Problem { note: rest.chars().take(NOTE_MAX_CHARS).collect::<String>() })
        }
        Verb::Off
        | Verb::Arrived
        | Verb::Break
        | Verb::Book
        | Verb::Cancel
        | Verb::Status
        | Verb::Help
        | Verb::Sos
        | Verb::Stop => None,
    }
}

/// Hangul anywhere is Korean; else the word decides; else letters of a sentence nobody understood are English.
fn language(text: &str, intent: &Intent, word_lang: Option<Lang>) -> Option<Lang> {
    if text.chars().any(normal::is_hangul) {
        Some(Lang::Ko)
    } else if word_lang.is_some() {
        word_lang
    } else if *intent == Intent::Unknown && text.chars().filter(char::is_ascii_alphabetic).count() >= 4 {
        Some(Lang::En)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
