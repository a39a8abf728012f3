//! The templates and what their values are: the contract with whoever writes notices.

/// A kind of value in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// A booking's four characters.
    Code,
    /// Four digits: a boarding PIN or a nonce.
    FourDigits,
    /// A number plate, at most 12 bytes (`서울33바1234`); of a longer one the end is sent.
    Plate,
    /// Up to three digits.
    Count,
    /// A stand's painted number.
    Stand,
    /// An amount with its currency, at most 11 bytes (`1,234,500원`).
    Fare,
    /// An offer's letter.
    Letter,
    /// A time of day, `18:30`.
    Time,
    /// A telephone number to call, at most 13 bytes.
    Phone,
    /// The numbers of the emergency services, at most 8 bytes (`112/119`).
    Emergency,
    /// A name of a place or a person's note; shortened to the room left.
    Name,
    /// Up to four names, one a line, that the reader chooses from by number.
    List,
}

impl Value {
    /// Most EUC-KR bytes; `None` if it is shortened to the room left.
    #[must_use]
    pub fn max_bytes(self) -> Option<usize> {
        match self {
            Self::Code | Self::FourDigits | Self::Stand => Some(4),
            Self::Plate => Some(12),
            Self::Count => Some(3),
            Self::Fare => Some(11),
            Self::Letter => Some(1),
            Self::Time => Some(5),
            Self::Phone => Some(13),
            Self::Emergency => Some(8),
            Self::Name | Self::List => None,
        }
    }
}

/// A text of the catalogue with the kinds of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// Key of the catalogue.
    pub key: &'static str,
    /// Names and kinds of the values.
    pub values: &'static [(&'static str, Value)],
}

impl Template {
    /// Returns the kind of the value `name`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Value> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

/// Returns the template `key`.
#[must_use]
pub fn template(key: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.key == key)
}

const CODE: (&str, Value) = ("code", Value::Code);
const PIN: (&str, Value) = ("pin", Value::FourDigits);
const NONCE: (&str, Value) = ("nonce", Value::FourDigits);
const PLATE: (&str, Value) = ("plate", Value::Plate);
const MINUTES: (&str, Value) = ("minutes", Value::Count);
const QUEUE: (&str, Value) = ("queue", Value::Count);
const STAND: (&str, Value) = ("stand", Value::Stand);
const FARE: (&str, Value) = ("fare", Value::Fare);
const LETTER: (&str, Value) = ("letter", Value::Letter);
const TIME: (&str, Value) = ("time", Value::Time);
const PHONE: (&str, Value) = ("phone", Value::Phone);
const PLACE: (&str, Value) = ("place", Value::Name);
const LIST: (&str, Value) = ("list", Value::List);

const fn plain(key: &'static str) -> Template {
    Template { key, values: &[] }
}

const fn with(key: &'static str, values: &'static [(&'static str, Value)]) -> Template {
    Template { key, values }
}

/// Every text that may be sent.
pub const TEMPLATES: &[Template] = &[
    // Anyone
    with("sms-help", &[PHONE]),
    plain("sms-not-understood"),
    with("sms-refused", &[PHONE]),
    plain("sms-waiting"),
    with("sms-gave-up", &[PHONE]),
    plain("sms-too-many"),
    with("sms-sos", &[("emergency", Value::Emergency)]),
    plain("sms-stopped"),
    with("sms-operator-note", &[("text", Value::Name)]),
    // Riders: booking
    with("sms-booked", &[CODE, PIN, PLACE]),
    with("sms-booked-apart", &[CODE, PIN, PLACE]),
    with("sms-booked-later", &[CODE, PIN, TIME, PLACE]),
    plain("sms-ask-place"),
    with("sms-choose-pickup", &[LIST]),
    with("sms-choose-destination", &[LIST]),
    with("sms-confirm-place", &[PLACE]),
    plain("sms-place-unknown"),
    with("sms-stand-unknown", &[STAND]),
    with("sms-home-unknown", &[PHONE]),
    with("sms-work-unknown", &[PHONE]),
    plain("sms-bad-time"),
    plain("sms-bad-passengers"),
    plain("sms-not-booked"),
    with("sms-outside-area", &[PHONE]),
    with("sms-blocked", &[PHONE]),
    with("sms-open-already", &[CODE]),
    with("sms-nonce-cancel", &[CODE, NONCE]),
    with("sms-nonce-move", &[CODE, NONCE]),
    with("sms-nonce-second", &[NONCE]),
    plain("sms-nonce-wrong"),
    with("sms-moved", &[CODE, PLACE]),
    with("sms-kept", &[CODE]),
    // Riders: the ride
    with("sms-assigned", &[CODE, PLATE, MINUTES, PIN]),
    with("sms-reassigned", &[CODE, PLATE, MINUTES, PIN]),
    with("sms-arrived", &[CODE, PLATE, PIN]),
    with("sms-delayed", &[CODE, PLATE, MINUTES]),
    with("sms-no-car", &[CODE]),
    with("sms-unserved", &[CODE, PHONE]),
    with("sms-cancelled", &[CODE]),
    with("sms-boarded", &[CODE]),
    with("sms-completed", &[CODE, FARE]),
    with("sms-already-boarded", &[CODE, PHONE]),
    plain("sms-booking-unknown"),
    with("sms-taken-over", &[CODE, ("node", Value::Name)]),
    with("sms-handed-back", &[CODE]),
    with("sms-still-wanted", &[CODE, PLACE]),
    with("sms-maybe-duplicate", &[CODE, PLACE]),
    with("sms-status-open", &[CODE, PIN, PLACE]),
    with("sms-status-later", &[CODE, PIN, TIME, PLACE]),
    plain("sms-status-none"),
    // Drivers
    plain("sms-driver-help"),
    with("sms-offer", &[LETTER, MINUTES, ("pickup", Value::Name), ("destination", Value::Name)]),
    with("sms-offer-open", &[LETTER, MINUTES, ("pickup", Value::Name)]),
    with("sms-offer-lapsed", &[LETTER]),
    with("sms-offer-withdrawn", &[LETTER]),
    plain("sms-offer-unknown"),
    plain("sms-offer-letter"),
    plain("sms-driver-declined"),
    with("sms-driver-trip", &[CODE, PLACE]),
    plain("sms-driver-free"),
    with("sms-driver-at", &[STAND, QUEUE]),
    plain("sms-driver-off"),
    with("sms-driver-arrived", &[CODE]),
    with("sms-driver-boarded", &[CODE]),
    with("sms-driver-boarded-to", &[CODE, PLACE]),
    plain("sms-driver-ended"),
    plain("sms-driver-break"),
    plain("sms-driver-problem"),
    with("sms-driver-recalled", &[CODE]),
    plain("sms-driver-offered"),
    plain("sms-pin-wrong"),
    plain("sms-pin-missing"),
    plain("sms-fare-missing"),
    plain("sms-fare-implausible"),
    plain("sms-stand-missing"),
    plain("sms-not-on-duty"),
    plain("sms-trip-open"),
    plain("sms-no-such-trip"),
    with("sms-driver-unknown", &[PHONE]),
    plain("sms-driver-code-needed"),
    with("sms-driver-code-wrong", &[PHONE]),
    with("sms-driver-code-locked", &[PHONE]),
];
