//! Every crate inherits the workspace's lints, metadata and versions; the core keeps the root's clippy settings.

use super::{Complaint, Text, assert_tidy, texts};

/// Keys of `[package]` that are the same for all.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

fn complaints(file: &Text) -> Vec<Complaint> {
    let manifest: toml::Table = match file.text.parse() {
        Ok(table) => table,
        Err(error) => return vec![Complaint::new(&file.path, &format!("is not TOML: {error}"))],
    };
    let is_inherited = |table: &str, key: &str| {
        let value = manifest.get(table).and_then(|table| table.get(key));
        value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
    };
    let mut complaints = Vec::new();
    if manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool)
        != Some(true)
    {
        complaints.push(Complaint::new(&file.path, "add `[lints] workspace = true`"));
    }
    for key in INHERITED.iter().filter(|key| !is_inherited("package", key)) {
        complaints.push(Complaint::new(&file.path, &format!("write `{key}.workspace = true`")));
    }
    for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let names =
            manifest.get(table).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys);
        for name in names.filter(|name| !is_inherited(table, name)) {
            complaints.push(Complaint::new(
                &file.path,
                &format!("{name}: versions stand in the workspace's Cargo.toml"),
            ));
        }
    }
    complaints
}

#[test]
fn manifests_inherit() {
    let files = texts(|path| path.ends_with("/Cargo.toml"));
    assert!(files.len() >= 12, "only {} manifests are seen", files.len());
    assert_tidy(files.iter().flat_map(complaints).collect());
}

#[test]
fn the_core_keeps_the_roots_clippy_settings() {
    let files = texts(|path| path == "clippy.toml" || path == "dispatch/core/clippy.toml");
    let [core, root] = ["dispatch/core/clippy.toml", "clippy.toml"].map(|path| {
        let file =
            files.iter().find(|file| file.path == path).expect("the root and the core have clippy settings");
        file.text.parse::<toml::Table>().expect("clippy settings are TOML")
    });
    // The nearest clippy.toml replaces the root's; it does not merge.
    let lost: Vec<Complaint> = root
        .iter()
        .filter(|(key, value)| core.get(*key) != Some(value))
        .map(|(key, _)| Complaint::new("dispatch/core/clippy.toml", &format!("repeat the root's `{key}`")))
        .collect();
    assert_tidy(lost);
}

#[cfg(test)]
mod planted {
    use super::*;

    const GOOD: &str = "[package]\nname = \"x\"\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
                        license.workspace = true\npublish.workspace = true\n[dependencies]\nserde = { workspace = true, features = [] }\n\
                        [lints]\nworkspace = true\n";

    fn count(text: &str) -> usize {
        complaints(&Text::planted("x/Cargo.toml", text)).len()
    }

    #[test]
    fn what_is_not_inherited_is_seen() {
        assert_eq!(count(GOOD), 0);
        assert_eq!(count(&GOOD.replace("[lints]\nworkspace = true\n", "")), 1);
        assert_eq!(count(&GOOD.replace("edition.workspace = true", "edition = \"2021\"")), 1);
        assert_eq!(count(&GOOD.replace("{ workspace = true, features = [] }", "\"1\"")), 1);
        assert_eq!(count("[package"), 1);
    }
}
