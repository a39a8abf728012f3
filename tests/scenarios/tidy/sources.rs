//! Rust files: one story each, nothing unfinished, no test that waits for time to pass.

use super::{Complaint, Text, assert_tidy, texts};

/// The longest a file may be, tests included; STYLE asks for 100 to 400.
const MAX_LINES: usize = 500;
/// Files that may be longer, each with the reason. Empty is the aim.
const LONGER: [(&str, &str); 0] = [];

/// What no source may hold. Put together here, so that this file does not hold it.
const UNFINISHED: [&str; 3] =
    [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("#[ig", "nore")];
/// What no test may hold: it would wait for time to pass, or read the wall clock.
const WAITING: [&str; 4] = [
    concat!("thread::", "sleep"),
    concat!("time::", "sleep"),
    concat!("SystemTime::", "now"),
    concat!("now_", "utc("),
];

/// Folders whose code is given the time, in tests and out of them.
const PURE: [&str; 2] = ["dispatch/core/", "dispatch/device/"];
/// How a clock is read.
const CLOCKS: [&str; 5] = [
    concat!("SystemTime::", "now"),
    concat!("Instant::", "now"),
    concat!("now_", "utc("),
    concat!("now_", "local("),
    concat!("now_", "v7("),
];

fn complaints(file: &Text) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let lines = file.text.lines().count();
    if lines > MAX_LINES && !LONGER.iter().any(|(path, _)| *path == file.path) {
        complaints.push(Complaint::new(
            &file.path,
            &format!("{lines} lines; split it by noun (at most {MAX_LINES})"),
        ));
    }
    let first_test_line = first_test_line(file);
    for (number, line) in (1..).zip(file.text.lines()) {
        let place = format!("{}:{number}", file.path);
        for pattern in UNFINISHED.iter().filter(|pattern| line.contains(**pattern)) {
            complaints.push(Complaint::new(&place, &format!("unfinished or switched off: {pattern}")));
        }
        let is_pure = PURE.iter().any(|folder| file.path.starts_with(folder));
        for pattern in CLOCKS.iter().filter(|pattern| is_pure && line.contains(**pattern)) {
            complaints.push(Complaint::new(&place, &format!("time is an argument here: {pattern}")));
        }
        let is_test = first_test_line.is_some_and(|first| number >= first);
        for pattern in WAITING.iter().filter(|pattern| is_test && line.contains(**pattern)) {
            complaints
                .push(Complaint::new(&place, &format!("a test waits for an event, not for time: {pattern}")));
        }
    }
    complaints
}

/// Returns where a file's tests begin: at once in a file of tests, else at the first `#[cfg(test)]` before a module.
pub(super) fn first_test_line(file: &Text) -> Option<usize> {
    let mut folders = file.path.split('/').rev();
    let name = folders.next().unwrap_or("");
    // `tests/` at the root is the package of the simulators: only its stories are tests.
    let in_folder = file.path.starts_with("tests/scenarios/")
        || (!file.path.starts_with("tests/")
            && folders.any(|folder| folder == "tests" || folder.ends_with("_tests")));
    if in_folder || name == "tests.rs" || name.ends_with("_tests.rs") {
        return Some(1);
    }
    let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
    let at = lines
        .windows(2)
        .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].contains("mod ") && pair[1].ends_with('{'))?;
    Some(at + 1)
}

#[test]
fn sources_are_tidy() {
    let files = texts(|path| path.ends_with(".rs"));
    assert_tidy(files.iter().flat_map(complaints).collect());
    for (path, reason) in LONGER {
        let lines = files.iter().find(|file| file.path == path).map_or(0, |file| file.text.lines().count());
        assert!(lines > MAX_LINES, "{path} needs no excuse any more ({reason})");
    }
}

#[cfg(test)]
mod planted {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        complaints(&Text::planted(path, text)).len()
    }

    #[test]
    fn a_long_file_is_seen() {
        assert_eq!(count("a/src/b.rs", &"x\n".repeat(MAX_LINES)), 0);
        assert_eq!(count("a/src/b.rs", &"x\n".repeat(MAX_LINES + 1)), 1);
    }

    #[test]
    fn unfinished_work_is_seen() {
        for pattern in UNFINISHED {
            assert_eq!(count("a/src/b.rs", &format!("fn f() {{\n    {pattern}\n")), 1, "{pattern}");
        }
    }

    #[test]
    fn a_clock_in_a_pure_crate_is_seen() {
        for pattern in CLOCKS {
            assert_eq!(count("dispatch/core/src/offer.rs", pattern), 1, "{pattern}");
            assert_eq!(count("dispatch/engine/src/clock.rs", pattern), 0, "{pattern}");
        }
    }

    #[test]
    fn a_waiting_test_is_seen_and_a_waiting_program_is_not() {
        for pattern in WAITING {
            assert_eq!(count("a/tests/b.rs", pattern), 1, "{pattern}");
            assert_eq!(count("tests/scenarios/b.rs", pattern), 1, "{pattern}");
            assert_eq!(count("a/src/b/tests.rs", pattern), 1, "{pattern}");
            assert_eq!(
                count("a/src/b.rs", &format!("#[cfg(test)]\nmod tests {{\n{pattern}\n}}")),
                1,
                "{pattern}"
            );
            assert_eq!(
                count("a/src/b.rs", &format!("{pattern}\n#[cfg(test)]\nmod tests {{\n}}")),
                0,
                "{pattern}"
            );
            assert_eq!(count("a/src/b.rs", &format!("#[cfg(test)]\nmod tests;\n{pattern}")), 0, "{pattern}");
            assert_eq!(count("tests/src/load.rs", pattern), 0, "{pattern}");
        }
    }
}
