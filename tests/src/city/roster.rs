//! The roster file that the nodes were given, as far as the city's people need it: numbers, secrets, plates.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use ondol_core::ids::{DistrictId, NodeId};
use serde::Deserialize;

/// Most drivers that are read.
const DRIVERS_MAX: usize = 50_000;

/// A roster file; what the city does not need is passed over.
#[derive(Debug, Clone, Deserialize)]
pub struct Roster {
    /// Drivers.
    pub drivers: Vec<Listed>,
    /// Operators.
    pub operators: Vec<Operator>,
}

/// A driver as listed.
#[derive(Debug, Clone, Deserialize)]
pub struct Listed {
    /// The driver's id, as text.
    pub driver: String,
    /// The number, as dialled in Korea.
    pub phone: String,
    /// Where the driver works.
    pub district: DistrictId,
    /// The edge that serves the driver by text; absent for drivers with the app.
    #[serde(default)]
    pub home: Option<NodeId>,
    /// What the driver types at sign-in, or adds to a text.
    pub secret: String,
    /// What a rider looks for.
    pub plate: String,
}

/// Somebody who takes calls.
#[derive(Debug, Clone, Deserialize)]
pub struct Operator {
    /// What the person types to sign in.
    pub login: String,
    /// The password.
    pub password: String,
}

impl Roster {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// If it cannot be read, lists nobody, or lists more than anybody needs.
    pub fn read(file: &Path) -> Result<Self> {
        let name = || format!("roster {}", file.display());
        let bytes = std::fs::read(file).with_context(name)?;
        let roster: Self = serde_json::from_slice(&bytes).with_context(name)?;
        ensure!((1..=DRIVERS_MAX).contains(&roster.drivers.len()), "{}: no drivers, or too many", name());
        ensure!(!roster.operators.is_empty(), "{}: nobody takes calls", name());
        Ok(roster)
    }
}

/// A Korean number in E.164: `010-0000-0007` is `+821000000007`.
#[must_use]
pub fn e164(dialled: &str) -> String {
    let digits: String = dialled.chars().filter(char::is_ascii_digit).collect();
    if dialled.starts_with('+') {
        format!("+{digits}")
    } else {
        format!("+82{}", digits.trim_start_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_e164() {
        assert_eq!(e164("010-0000-0007"), "+821000000007");
        assert_eq!(e164("+82 10 1234 5678"), "+821012345678");
    }
}
