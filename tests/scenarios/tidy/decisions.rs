//! Decisions are numbered without gaps, their index names each, and each says when to decide anew.

use super::{Complaint, assert_tidy, paths, texts};

const FOLDER: &str = "docs/decisions/";

fn complaints(files: &[String], index: &str) -> Vec<Complaint> {
    let mut numbers = Vec::new();
    let mut complaints = Vec::new();
    for file in files {
        let number = file
            .split_once('-')
            .and_then(|(digits, _)| (digits.len() == 3).then(|| digits.parse::<usize>().ok())?);
        match number {
            Some(number) if file.ends_with(".md") => numbers.push(number),
            _ => complaints.push(Complaint::new(file, "a decision is named NNN-what-it-says.md")),
        }
        if !index.contains(&format!("({file})")) {
            complaints.push(Complaint::new(file, "the index docs/decisions/README.md does not name it"));
        }
    }
    numbers.sort_unstable();
    for (expected, number) in (1..).zip(&numbers) {
        if *number != expected {
            complaints
                .push(Complaint::new(FOLDER, &format!("expected decision {expected:03}, found {number:03}")));
            break;
        }
    }
    complaints
}

/// A decision that nothing could overturn is a law; each names what would.
fn says_when_to_decide_anew(text: &str) -> bool {
    ["**Decide anew** ", "**Anew if** "]
        .iter()
        .any(|opening| text.lines().any(|line| line.starts_with(opening)))
}

#[test]
fn decisions_say_when_to_decide_anew() {
    let decisions = texts(|path| path.starts_with(FOLDER) && path != "docs/decisions/README.md");
    assert!(decisions.len() > 5, "only {} decisions were found", decisions.len());
    let silent = decisions.iter().filter(|decision| !says_when_to_decide_anew(&decision.text));
    let complaint =
        |decision: &super::Text| Complaint::new(&decision.path, "say what would make us decide anew");
    assert_tidy(silent.map(complaint).collect());
}

#[test]
fn decisions_are_numbered_and_indexed() {
    let index = texts(|path| path == "docs/decisions/README.md").pop().expect("decisions have an index").text;
    let files: Vec<String> = paths()
        .iter()
        .filter_map(|path| path.strip_prefix(FOLDER))
        .filter(|name| *name != "README.md")
        .map(str::to_owned)
        .collect();
    assert_tidy(complaints(&files, &index));
}

#[cfg(test)]
mod planted {
    use super::*;

    fn count(files: &[&str], index: &str) -> usize {
        complaints(&files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>(), index).len()
    }

    #[test]
    fn a_law_is_seen() {
        assert!(says_when_to_decide_anew("# 1\n\n**Why.** So.\n\n**Anew if** it rains.\n"));
        assert!(!says_when_to_decide_anew("# 1\n\n**Why.** We shall never decide anew.\n"));
    }

    #[test]
    fn a_gap_a_double_and_a_missing_line_are_seen() {
        let index = "[a](001-a.md) [b](002-b.md) [c](003-c.md) [d](003-d.md) [x](x.md)";
        assert_eq!(count(&["001-a.md", "002-b.md", "003-c.md"], index), 0);
        assert_eq!(count(&["001-a.md", "003-c.md"], index), 1, "a gap");
        assert_eq!(count(&["001-a.md", "002-b.md", "003-c.md", "003-d.md"], index), 1, "a double");
        assert_eq!(count(&["001-a.md", "x.md"], index), 1, "no number");
        assert_eq!(count(&["001-a.md"], ""), 1, "not in the index");
    }
}
