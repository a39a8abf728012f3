//! The scenarios that the program brings along.

/// A scenario by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

macro_rules! scenarios {
    ($($name:literal),* $(,)?) => {
        &[$(Known { name: $name, text: include_str!(concat!("../../scenarios/", $name, ".toml")) }),*]
    };
}

/// All of them, in the order in which they are listed and run.
#[must_use]
pub fn known() -> &'static [Known] {
    scenarios![
        "pangyo-2022",
        "koeln-15h",
        "ioki-grey",
        "sf-silence",
        "verizon-2026",
        "umea",
        "tucson-2011",
        "potsdam-2d",
        "13cabs-2016",
        "didi-2023",
        "aws-2025",
        "four-islands",
        "four-islands-apart",
        "phones-only",
    ]
}
