//! Links between documents lead somewhere, and so do the paths in the README's table of rooms.

use std::path::Path;

use super::{Complaint, Text, assert_tidy, root, texts};

fn complaints(file: &Text, exists: impl Fn(&Path) -> bool) -> Vec<Complaint> {
    let here = Path::new(&file.path).parent().unwrap_or_else(|| Path::new(""));
    let mut complaints = Vec::new();
    for (number, line) in (1..).zip(prose(&file.text)) {
        let place = format!("{}:{number}", file.path);
        for target in targets(line) {
            let path = target.split(['#', ' ']).next().unwrap_or(target);
            let is_outside = path.contains("://") || path.starts_with("mailto:");
            if !path.is_empty() && !is_outside && !exists(&normal(&here.join(path))) {
                complaints.push(Complaint::new(&place, &format!("the link leads nowhere: {target}")));
            }
        }
        let rooms = if file.path == "README.md" && line.starts_with('|') { rooms(line) } else { Vec::new() };
        for room in rooms.iter().filter(|room| !exists(Path::new(room.trim_end_matches('/')))) {
            complaints.push(Complaint::new(&place, &format!("there is no such room: {room}")));
        }
    }
    complaints
}

/// The lines of a document, empty where they are code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().map(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        if in_code || is_fence { "" } else { line }
    })
}

/// The targets of `[words](target)`.
fn targets(line: &str) -> Vec<&str> {
    line.match_indices("](").filter_map(|(at, mark)| line[at + mark.len()..].split(')').next()).collect()
}

/// The paths in backticks, with `{a,b}` written out; `<noun>` stands for a file that the reader chooses.
fn rooms(line: &str) -> Vec<String> {
    let quoted = line.split('`').skip(1).step_by(2);
    let paths =
        quoted.filter(|word| word.contains('/') && !word.contains([' ', '<', ':']) && !word.starts_with('/'));
    paths.flat_map(spell_out).collect()
}

fn spell_out(path: &str) -> Vec<String> {
    match path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (names, after))) => {
            names.split(',').flat_map(|name| spell_out(&format!("{before}{name}{after}"))).collect()
        }
        None => vec![path.to_owned()],
    }
}

/// Takes `.` and `..` out of a path.
fn normal(path: &Path) -> std::path::PathBuf {
    let mut clean = std::path::PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                clean.pop();
            }
            std::path::Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

#[test]
fn links_lead_somewhere() {
    let files = texts(|path| path.ends_with(".md"));
    assert_tidy(files.iter().flat_map(|file| complaints(file, |path| root().join(path).exists())).collect());
}

#[cfg(test)]
mod planted {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        let there = ["docs/GLOSSARY.md", "docs", "dispatch/core/src/offer.rs", "dispatch/core/src/mode.rs"];
        complaints(&Text::planted(path, text), |path| there.iter().any(|known| Path::new(known) == path))
            .len()
    }

    #[test]
    fn a_dead_link_is_seen() {
        assert_eq!(count("README.md", "[words](docs/GLOSARY.md)"), 1);
        assert_eq!(
            count("README.md", "[words](docs/GLOSSARY.md#offer) [a](https://x.example/y) [b](#there)"),
            0
        );
        assert_eq!(count("docs/decisions/README.md", "[words](../GLOSSARY.md)"), 0);
        assert_eq!(count("docs/decisions/README.md", "[words](GLOSSARY.md)"), 1);
        assert_eq!(count("README.md", "```\nlet x = list[0](y.md);\n```"), 0, "code is no prose");
    }

    #[test]
    fn a_room_that_does_not_exist_is_seen() {
        assert_eq!(count("README.md", "| offers | `dispatch/core/src/{offer,mode}.rs` |"), 0);
        assert_eq!(count("README.md", "| offers | `dispatch/core/src/{offer,tip}.rs` |"), 1);
        assert_eq!(count("README.md", "| phones | `driver-app-api/src/routes/<noun>.rs`, `docs/` |"), 0);
        assert_eq!(count("README.md", "Run `a/b` outside a table."), 0);
    }
}
