//! What a text of this project never says: where it was written, and words that our glossary replaced.

use super::{Complaint, Text, assert_tidy, texts};

/// Paths of one machine. Put together here, so that this file does not hold them.
const PLACES: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/tmp/br", "ief"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
/// A neighbour of the repository that only test data may be looked for in.
const NEIGHBOUR: &str = concat!("../sha", "red");
/// Words about how the text came to be; compared in lower case, as whole words.
const MAKING: [&str; 8] = [
    concat!("sub", "agent"),
    concat!("sub-", "agent"),
    concat!("co-", "pilot"),
    concat!("chat", "gpt"),
    concat!("clau", "de"),
    concat!("l", "lm"),
    concat!("language ", "model"),
    concat!("the br", "ief"),
];
/// The same, in this spelling only.
const MAKING_AS_SPELLED: [&str; 1] = [concat!("A", "I")];
/// Files in which chance spells anything.
const CHANCE: [&str; 4] = ["Cargo.lock", "package-lock.json", ".svg", ".geojson"];

fn complaints(file: &Text) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        let place = format!("{}:{number}", file.path);
        let lower = line.to_lowercase();
        for path in PLACES.iter().filter(|path| line.contains(**path)) {
            complaints.push(Complaint::new(&place, &format!("a path of one machine: {path}")));
        }
        let data = format!("{NEIGHBOUR}/data");
        // The pages share a folder of that name, `web/`'s own: below `web/console/` the words mean that one.
        let is_page = file.path.starts_with("web/") && file.path.split('/').count() >= 3;
        if !is_page && line.replace(&data, "").contains(NEIGHBOUR) {
            complaints.push(Complaint::new(
                &place,
                &format!("{NEIGHBOUR} is not part of the project (only {data}, for test data)"),
            ));
        }
        let words = MAKING.iter().filter(|word| has_word(&lower, word));
        for word in words.chain(MAKING_AS_SPELLED.iter().filter(|word| has_word(line, word))) {
            complaints.push(Complaint::new(&place, &format!("does not belong in the product: {word}")));
        }
        if names_an_issue(&lower) {
            complaints.push(Complaint::new(&place, "say what and why instead of an issue's number"));
        }
    }
    complaints
}

/// Tells whether `word` stands in `line` with no letter or digit on either side.
fn has_word(line: &str, word: &str) -> bool {
    let is_edge = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        is_edge(line[..at].chars().next_back()) && is_edge(line[at + word.len()..].chars().next())
    })
}

/// Finds the word "issue" with a number: after a space, `#` or `/`.
fn names_an_issue(lower: &str) -> bool {
    lower.match_indices("issue").any(|(at, word)| {
        let is_word = !lower[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let rest = lower[at + word.len()..].trim_start_matches('s').trim_start_matches([' ', '#', '/']);
        let is_apart = rest.len() < lower.len() - at - word.len();
        is_word && is_apart && rest.starts_with(|c: char| c.is_ascii_digit())
    })
}

#[test]
fn texts_say_nothing_about_their_making() {
    let files = texts(|path| !CHANCE.iter().any(|ending| path.ends_with(ending)));
    assert_tidy(files.iter().flat_map(complaints).collect());
}

#[cfg(test)]
mod planted {
    use super::*;

    fn count(text: &str) -> usize {
        complaints(&Text::planted("docs/x.md", text)).len()
    }

    #[test]
    fn a_machine_path_is_seen() {
        for place in PLACES {
            assert_eq!(count(&format!("see {place}main")), 1, "{place}");
        }
        assert_eq!(count(&format!("{NEIGHBOUR}/design/x.md")), 1);
        let page = |path| complaints(&Text::planted(path, &format!("import '{NEIGHBOUR}/format'"))).len();
        assert_eq!((page("web/console/App.svelte"), page("web/vite.config.ts")), (0, 1));
        assert_eq!(count(&format!("data lies in {NEIGHBOUR}/data/osm")), 0);
        assert_eq!(count("https://example.org/workshop/ and networks"), 0);
    }

    #[test]
    fn a_word_about_the_making_is_seen() {
        for word in MAKING.iter().chain(&MAKING_AS_SPELLED) {
            assert_eq!(count(&format!("made by {word}.")), 1, "{word}");
        }
        assert_eq!(count(&MAKING[0].to_uppercase()), 1);
        assert_eq!(count("User-Agent: MAIN fail AID wellmade"), 0);
    }

    #[test]
    fn an_issue_number_is_seen() {
        for mark in ["see issue ", "Issue #", "fixes issues/", "(issue "] {
            assert_eq!(count(&format!("{mark}12")), 1, "{mark}");
        }
        for text in ["an issue tracker", "issued 12 passes", "tissue 4", "issues: none", "issue2"] {
            assert_eq!(count(text), 0, "{text}");
        }
    }
}
