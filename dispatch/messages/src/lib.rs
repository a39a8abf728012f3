//! Every sentence that a person reads from Ondol, in Korean and in English.
//!
//! One catalogue for text messages, pages and problems, so that a word changes in one place. The
//! files are [Fluent](https://projectfluent.org): `common.ftl` (modes, problems, rules), `sms.ftl`,
//! `pages.ftl`; the pages import the same files. Keys begin with the section they belong to:
//! `mode-`, `problem-` and `rule-` (of matching) everywhere, `sms-` in texts, `rider-`, `driver-` and `console-` on one
//! screen, `place-`, `needs-`, `hidden-`, `refusal-`, `conflict-` and `resolution-` for what several
//! screens name.
//!
//! What is absent: choosing a language (the doors do), lengths of text messages (`ondol-sms`
//! does), and numbers or dates (they come in as text, already formatted).
//!
//! ```
//! use ondol_messages::{Catalogue, Lang};
//!
//! let catalogue = Catalogue::shared();
//! assert_eq!(catalogue.text(Lang::Ko, "mode-healing", &[]), "복구 중");
//! let reason = catalogue.text(Lang::En, "mode-degraded-reason", &[("node", "Mapo depot")]);
//! assert_eq!(reason, "Central is out of reach; Mapo depot is dispatching.");
//! ```

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use unic_langid::LanguageIdentifier;

/// A language that people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    /// Korean.
    Ko,
    /// English.
    En,
}

impl Lang {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ko, Self::En];

    /// The two-letter code, as in `Accept-Language`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }

    fn identifier(self) -> LanguageIdentifier {
        self.code().parse().expect("ko and en are language tags")
    }

    fn sources(self) -> [&'static str; 3] {
        match self {
            Self::Ko => [
                include_str!("../ko/common.ftl"),
                include_str!("../ko/pages.ftl"),
                include_str!("../ko/sms.ftl"),
            ],
            Self::En => [
                include_str!("../en/common.ftl"),
                include_str!("../en/pages.ftl"),
                include_str!("../en/sms.ftl"),
            ],
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A language code that is neither `ko` nor `en`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a language of the catalogue: use ko or en")]
pub struct UnknownLang(String);

impl FromStr for Lang {
    type Err = UnknownLang;

    fn from_str(text: &str) -> Result<Self, UnknownLang> {
        match text {
            "ko" => Ok(Self::Ko),
            "en" => Ok(Self::En),
            other => Err(UnknownLang(other.chars().take(16).collect())),
        }
    }
}

/// Why a text cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MissingText {
    /// The catalogue has no such key.
    #[error("the catalogue has no text {0:?}")]
    Key(String),
    /// The text names a value that was not given.
    #[error("the text {key:?} needs a value that was not given")]
    Value {
        /// Key of the text.
        key: String,
    },
}

/// The texts of both languages. One exists per process: [`Catalogue::shared`].
pub struct Catalogue {
    ko: FluentBundle<FluentResource>,
    en: FluentBundle<FluentResource>,
}

impl Catalogue {
    /// Returns the one catalogue.
    ///
    /// # Panics
    ///
    /// Never in a released build: the files are part of the program and a test reads them all.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Catalogue> = OnceLock::new();
        SHARED.get_or_init(|| Self { ko: bundle(Lang::Ko), en: bundle(Lang::En) })
    }

    /// Returns the text `key` in `lang` with `args` filled in.
    ///
    /// For keys written in our own code. A key or value that is missing shows as its own name, so
    /// that a page with a gap still works; a test keeps the keys of both languages equal.
    #[must_use]
    pub fn text(&self, lang: Lang, key: &str, args: &[(&str, &str)]) -> String {
        self.try_text(lang, key, args).unwrap_or_else(|_| key.to_owned())
    }

    /// Returns the text `key` in `lang` with `args` filled in; for keys that come from outside.
    ///
    /// # Errors
    ///
    /// [`MissingText`] if the key or one of its values is missing.
    pub fn try_text(&self, lang: Lang, key: &str, args: &[(&str, &str)]) -> Result<String, MissingText> {
        let bundle = self.bundle(lang);
        let pattern = bundle
            .get_message(key)
            .and_then(|message| message.value())
            .ok_or_else(|| MissingText::Key(key.chars().take(80).collect()))?;
        let values: FluentArgs<'_> = args
            .iter()
            .map(|(name, value)| (Cow::Borrowed(*name), FluentValue::String(Cow::Borrowed(*value))))
            .collect();
        let mut problems = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&values), &mut problems);
        if problems.is_empty() {
            Ok(text.into_owned())
        } else {
            Err(MissingText::Value { key: key.to_owned() })
        }
    }

    /// Tells whether both languages have the text `key`.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.ko.has_message(key) && self.en.has_message(key)
    }

    fn bundle(&self, lang: Lang) -> &FluentBundle<FluentResource> {
        match lang {
            Lang::Ko => &self.ko,
            Lang::En => &self.en,
        }
    }
}

fn bundle(lang: Lang) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![lang.identifier()]);
    // Isolation marks would show as boxes on old phones and cost characters of a text message.
    bundle.set_use_isolating(false);
    for source in lang.sources() {
        let resource = FluentResource::try_new(source.to_owned())
            .map_err(|(_, errors)| errors)
            .expect("the catalogue's files are well formed: a test reads them");
        bundle.add_resource(resource).expect("no key stands twice in one language: a test reads them");
    }
    bundle
}

#[cfg(test)]
mod tests;
