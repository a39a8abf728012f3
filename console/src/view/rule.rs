//! A rule of matching in words.

use ondol_messages::{Catalogue, Lang};

use crate::wire::RuleView;

/// Longest name of a rule that is shown, in characters: it comes from a journal, which another node may have written.
const NAME_MAX_CHARS: usize = 40;

/// The rule `name` with a sentence in each language; one of a later release has its name alone.
pub(crate) fn rule(name: &str) -> RuleView {
    let key = format!("rule-{}", name.replace('_', "-"));
    let words = |lang| Catalogue::shared().try_text(lang, &key, &[]).ok();
    RuleView { name: name.chars().take(NAME_MAX_CHARS).collect(), ko: words(Lang::Ko), en: words(Lang::En) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_a_later_release_has_a_name_and_no_words() {
        let later = rule("fairest_first");
        assert_eq!((later.name.as_str(), later.ko, later.en), ("fairest_first", None, None));
        assert_eq!(rule(&"x".repeat(99)).name.len(), NAME_MAX_CHARS);
        assert_eq!(rule("by_hand").en.as_deref(), Some("An operator chose it."));
    }
}
