//! What we send: short texts of the catalogue, cut to fit one message of any network.
//!
//! A text in an emergency must not arrive in halves, so every template fits **both** 70 UCS-2
//! characters **and** 90 EUC-KR bytes, also with its longest values and the mark of a repeat. The
//! values of fixed length come first; names of places share what is left.
//!
//! A text never carries a link, and never words that a sender wrote: a forged sender could else
//! have us send his words to somebody.

mod encoding;
mod fit;
mod templates;

use std::collections::BTreeMap;

use ondol_messages::{Catalogue, Lang, MissingText};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use encoding::{Encoding, Segments, euc_kr_bytes, segments, ucs2_units};
pub use templates::{TEMPLATES, Template, Value, template};

/// Most UCS-2 units of a text.
pub const UNITS_MAX: usize = 70;
/// Most EUC-KR bytes of a text.
pub const BYTES_MAX: usize = 90;

/// A text to be made: a template and its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Key of the catalogue, one of [`TEMPLATES`].
    pub template: String,
    /// Values by name. The options of a `list` are lines.
    pub args: BTreeMap<String, String>,
}

impl Text {
    /// Returns the text of `template` with `args`.
    #[must_use]
    pub fn new(template: &str, args: &[(&str, &str)]) -> Self {
        let args = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { template: template.to_owned(), args }
    }

    /// True if it asks a driver whether to take a booking.
    #[must_use]
    pub fn is_offer(&self) -> bool {
        matches!(self.template.as_str(), "sms-offer" | "sms-offer-open")
    }
}

/// Whether the carrier may already have had this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// No.
    First,
    /// Perhaps: it is marked, so that a person who gets it twice knows it for one.
    Repeat,
}

/// Why a text cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unsendable {
    /// No such template.
    #[error("there is no template {0:?}")]
    UnknownTemplate(String),
    /// A value the template does not have.
    #[error("template {template:?} has no value {name:?}")]
    UnknownValue {
        /// The template.
        template: String,
        /// The value's name.
        name: String,
    },
    /// A value of fixed length that is longer.
    #[error("value {name:?} of {template:?} is longer than {max_bytes} EUC-KR bytes")]
    ValueTooLong {
        /// The template.
        template: String,
        /// The value's name.
        name: String,
        /// What it may be.
        max_bytes: usize,
    },
    /// The catalogue's text needs a value that was not given.
    #[error(transparent)]
    Missing(#[from] MissingText),
}

/// Makes `text` in `lang`, at most [`UNITS_MAX`] units and [`BYTES_MAX`] bytes.
///
/// # Errors
///
/// [`Unsendable`] if the template or a value is unknown, missing, or longer than its kind allows.
pub fn compose(lang: Lang, text: &Text, sending: Sending) -> Result<String, Unsendable> {
    let known = template(&text.template)
        .ok_or_else(|| Unsendable::UnknownTemplate(text.template.chars().take(80).collect()))?;
    let mut fixed = BTreeMap::new();
    let mut loose = BTreeMap::new();
    for (name, value) in &text.args {
        let unknown = || Unsendable::UnknownValue {
            template: known.key.to_owned(),
            name: name.chars().take(40).collect(),
        };
        let kind = known.value(name).ok_or_else(unknown)?;
        let clean = fit::plate(kind, fit::clean(value, kind));
        match kind.max_bytes() {
            Some(max_bytes) if euc_kr_bytes(&clean) > max_bytes => {
                let template = known.key.to_owned();
                return Err(Unsendable::ValueTooLong { template, name: name.clone(), max_bytes });
            }
            Some(_) => fixed.insert(name.as_str(), clean),
            None => loose.insert(name.as_str(), clean),
        };
    }
    let mark = match sending {
        Sending::First => String::new(),
        Sending::Repeat => Catalogue::shared().text(lang, "sms-repeat-mark", &[]),
    };
    let empty: Vec<(&str, &str)> = loose.keys().map(|name| (*name, "")).collect();
    let bare = render(lang, known, &fixed, &empty)?;
    let room = fit::Room {
        units: UNITS_MAX.saturating_sub(ucs2_units(&bare) + ucs2_units(&mark)),
        bytes: BYTES_MAX.saturating_sub(euc_kr_bytes(&bare) + euc_kr_bytes(&mark)),
    };
    let fitted = fit::share(known, &loose, room);
    let filled: Vec<(&str, &str)> = fitted.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let made = render(lang, known, &fixed, &filled)?;
    Ok(mark + made.trim_end())
}

fn render(
    lang: Lang,
    template: &Template,
    fixed: &BTreeMap<&str, String>,
    loose: &[(&str, &str)],
) -> Result<String, Unsendable> {
    let args: Vec<(&str, &str)> =
        fixed.iter().map(|(name, value)| (*name, value.as_str())).chain(loose.iter().copied()).collect();
    Ok(Catalogue::shared().try_text(lang, template.key, &args)?)
}

#[cfg(test)]
mod tests;
