//! What a street or place is called.

use serde::{Deserialize, Serialize};

use crate::tags::Tags;

/// Longest name kept, in characters.
const NAME_MAX_CHARS: usize = 200;
/// Most other names kept.
const OTHERS_MAX: usize = 8;

/// The names of one street or place.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Names {
    /// What the signs say.
    pub local: String,
    /// In English, or romanised, where that differs.
    pub en: Option<String>,
    /// Further names people use: Korean, official, short, old.
    pub others: Vec<String>,
}

impl Names {
    /// A local name with its English form.
    pub(crate) fn pair(local: &str, en: &str) -> Self {
        Self { local: local.to_owned(), en: Some(en.to_owned()), others: Vec::new() }
    }

    /// One name.
    pub(crate) fn one(local: &str) -> Self {
        Self { local: local.to_owned(), ..Self::default() }
    }

    /// The names in `tags`; nothing if there is none.
    pub(crate) fn of(tags: &Tags) -> Option<Self> {
        const OTHER_KEYS: [&str; 7] =
            ["name:ko", "alt_name", "official_name", "short_name", "loc_name", "old_name", "int_name"];
        let local = clean(tags.get("name").or_else(|| tags.get("name:ko")).or_else(|| tags.get("name:en"))?)?;
        let mut names = Self { local, ..Self::default() };
        names.en = tags.get("name:en").and_then(clean).filter(|en| *en != names.local);
        let others = OTHER_KEYS.iter().filter_map(|key| tags.get(key)).flat_map(|value| value.split(';'));
        for other in others.filter_map(clean) {
            names.add(other);
        }
        Some(names)
    }

    /// Adds another name unless it is known already or there are too many.
    pub(crate) fn add(&mut self, other: String) {
        let known = other == self.local || Some(&other) == self.en.as_ref() || self.others.contains(&other);
        if !known && self.others.len() < OTHERS_MAX {
            self.others.push(other);
        }
    }

    /// Adds the names of another piece of the same street.
    pub(crate) fn learn(&mut self, other: &Self) {
        if self.en.is_none() {
            self.en.clone_from(&other.en);
        }
        for name in other.all().skip(1) {
            self.add(name.to_owned());
        }
    }

    /// Every name, the local one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.local.as_str())
            .chain(self.en.as_deref())
            .chain(self.others.iter().map(String::as_str))
    }
}

/// The name without control characters and outer space, cut to the bound; nothing if that leaves nothing.
pub(crate) fn clean(name: &str) -> Option<String> {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(NAME_MAX_CHARS).collect();
    (!name.is_empty()).then_some(name)
}

/// Whether `text` holds Hangul.
pub(crate) fn has_hangul(text: &str) -> bool {
    text.chars()
        .any(|c| matches!(c, '\u{1100}'..='\u{11FF}' | '\u{3130}'..='\u{318F}' | '\u{AC00}'..='\u{D7A3}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_no_names() {
        for tags in [&[][..], &[("name", "  ")], &[("name", "\u{7}\u{0}")], &[("ref", "A 1")]] {
            assert_eq!(Names::of(&Tags::of(tags)), None, "{tags:?}");
        }
    }

    #[test]
    fn names_are_bounded_and_told_once() {
        let tags = Tags::of(&[
            ("name", "세종대로"),
            ("name:ko", "세종대로"),
            ("name:en", "Sejong-daero"),
            ("alt_name", "태평로;세종로;"),
        ]);
        let names = Names::of(&tags).unwrap();
        assert_eq!(names.all().collect::<Vec<_>>(), ["세종대로", "Sejong-daero", "태평로", "세종로"]);
        assert_eq!(clean(&"가".repeat(500)).unwrap().chars().count(), NAME_MAX_CHARS);
    }
}
