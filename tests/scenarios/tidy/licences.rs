//! Licences, bans and sources of everything that is built, by the rules in `deny.toml`.
//!
//! `cargo deny` reads the same file; this test is here because a check that needs an installed tool is a check that is
//! skipped one day.

use std::collections::BTreeSet;

use serde::Deserialize;
use spdx::{Expression, ParseMode};

use super::{Complaint, assert_tidy, metadata, texts};

#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    name: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    license: Option<String>,
    /// Absent for our own crates.
    source: Option<String>,
}

fn complaints(rules: &Rules, package: &Package) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let place = &package.name;
    if let Some(ban) = rules.bans.deny.iter().find(|ban| ban.name == package.name) {
        complaints.push(Complaint::new(place, &format!("is banned: {}", ban.reason)));
    }
    if let Some(source) = &package.source
        && !rules.sources.allow_registry.iter().any(|registry| *source == format!("registry+{registry}"))
    {
        complaints.push(Complaint::new(place, &format!("comes from an unknown source: {source}")));
    }
    match &package.license {
        None => complaints.push(Complaint::new(place, "has no licence")),
        Some(text) => match Expression::parse_mode(text, ParseMode::LAX) {
            Err(error) => complaints.push(Complaint::new(
                place,
                &format!("its licence cannot be read: {text} ({})", error.reason),
            )),
            Ok(expression)
                if expression.evaluate(|asked| rules.licenses.allow.contains(&asked.to_string())) => {}
            Ok(_) => complaints.push(Complaint::new(place, &format!("its licence is not allowed: {text}"))),
        },
    }
    complaints
}

fn rules() -> Rules {
    let file = texts(|path| path == "deny.toml").pop().expect("deny.toml holds the rules");
    toml::from_str(&file.text).expect("deny.toml holds licenses.allow, bans.deny and sources.allow-registry")
}

#[test]
fn everything_that_is_built_may_be_built() {
    let packages: Vec<Package> = serde_json::from_value(metadata()["packages"].take())
        .expect("cargo tells each package's licence and source");
    assert!(packages.len() > 50, "only {} packages are seen", packages.len());
    let rules = rules();
    assert_tidy(packages.iter().flat_map(|package| complaints(&rules, package)).collect());
}

#[cfg(test)]
mod planted {
    use super::*;

    const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

    fn count(name: &str, license: Option<&str>, source: Option<&str>) -> usize {
        let package = Package {
            name: name.into(),
            license: license.map(str::to_owned),
            source: source.map(str::to_owned),
        };
        complaints(&rules(), &package).len()
    }

    #[test]
    fn a_licence_that_is_not_allowed_is_seen() {
        assert_eq!(count("x", Some("AGPL-3.0-only"), Some(CRATES_IO)), 1);
        assert_eq!(count("x", Some("MIT AND GPL-2.0-only"), Some(CRATES_IO)), 1);
        assert_eq!(count("x", Some("Our own words"), Some(CRATES_IO)), 1);
        assert_eq!(count("x", None, Some(CRATES_IO)), 1);
        assert_eq!(count("x", Some("MIT OR GPL-2.0-only"), Some(CRATES_IO)), 0);
        assert_eq!(count("x", Some("MIT/Apache-2.0"), Some(CRATES_IO)), 0);
        assert_eq!(count("x", Some("Apache-2.0 WITH LLVM-exception"), None), 0);
    }

    #[test]
    fn a_banned_crate_and_an_unknown_source_are_seen() {
        assert_eq!(count("openssl-sys", Some("MIT"), Some(CRATES_IO)), 1);
        assert_eq!(count("x", Some("MIT"), Some("git+https://example.org/x")), 1);
        assert_eq!(count("x", Some("MIT"), Some("registry+https://example.org/index")), 1);
    }
}
