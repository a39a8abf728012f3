//! How runs are disturbed, by name.

use std::fmt;
use std::str::FromStr;

use super::clock::Ms;
use super::schedule::Kind;

/// How a run is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Nothing goes wrong.
    Calm,
    /// Every kind of fault, of which each seed draws some.
    #[default]
    Mixed,
    /// Central dies or is cut off from everybody, for minutes; little else.
    Kakao2022,
    /// Links that are neither up nor down.
    Flap,
    /// Many short faults.
    Storm,
    /// Clocks that are wrong or jump, and processes that stand still.
    Clock,
    /// Disks that stall or refuse, writes that are torn.
    Disk,
    /// Texts late, lost, twice and in any order.
    Sms,
    /// Nodes that start on an old copy of their disk, or all on empty ones.
    Restore,
    /// All nodes lose their disks, and little else happens: what is left is on phones.
    Phones,
}

/// A name that is no profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownProfile;

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a profile is one of calm, mixed, kakao2022, flap, storm, clock, disk, sms, restore, phones",
        )
    }
}

impl std::error::Error for UnknownProfile {}

/// Which faults a profile has.
pub(super) struct Mix {
    /// Kinds from which each seed draws its own.
    pub(super) kinds: &'static [Kind],
    /// The kinds of the first fault, if it is a certain one.
    pub(super) first: Option<&'static [Kind]>,
    /// Least and most faults in a run.
    pub(super) least: usize,
    pub(super) most: usize,
    /// No fault but the first lasts longer.
    pub(super) longest_ms: Ms,
    /// Of 100 runs, in so many all nodes lose their disks at once. Rare, because the checkers excuse much then.
    pub(super) wipes_per_cent: u32,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 10] = [
        Self::Calm,
        Self::Mixed,
        Self::Kakao2022,
        Self::Flap,
        Self::Storm,
        Self::Clock,
        Self::Disk,
        Self::Sms,
        Self::Restore,
        Self::Phones,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Mixed => "mixed",
            Self::Kakao2022 => "kakao2022",
            Self::Flap => "flap",
            Self::Storm => "storm",
            Self::Clock => "clock",
            Self::Disk => "disk",
            Self::Sms => "sms",
            Self::Restore => "restore",
            Self::Phones => "phones",
        }
    }

    pub(super) fn mix(self) -> Mix {
        use Kind::{
            BadTexts, Crash, CrashDevice, CutDevices, CutEdges, CutPeers, CutRiders, Delay, FailDisk, Flap,
            Isolate, LateLinks, Lose, Pause, Repeat, Restore, SpoilPages, StallDisk, StepClock, Tear,
            WrongClock,
        };
        let of = |kinds, least, most| Mix {
            kinds,
            first: None,
            least,
            most,
            longest_ms: Ms::MAX,
            wipes_per_cent: 0,
        };
        match self {
            Self::Calm => of(&[], 0, 0),
            Self::Mixed => Mix { wipes_per_cent: 12, ..of(&Kind::ALL, 6, 16) },
            Self::Kakao2022 => Mix {
                first: Some(&[Crash, Isolate, LateLinks]),
                ..of(&[CutDevices, CutEdges, CutRiders, CrashDevice, Lose, Delay], 3, 6)
            },
            Self::Flap => of(&[Flap, CutPeers, CutEdges, CutDevices, Lose, Delay, SpoilPages], 8, 16),
            Self::Storm => Mix { longest_ms: 30_000, ..of(&Kind::ALL, 15, 30) },
            Self::Clock => of(&[WrongClock, StepClock, Pause, CutPeers, Isolate, Delay], 6, 14),
            Self::Disk => of(&[StallDisk, FailDisk, Tear, Crash, CrashDevice, CutPeers], 6, 14),
            Self::Sms => of(&[BadTexts, CutPeers, Isolate, Crash, Tear, Pause, StallDisk], 6, 14),
            Self::Phones => Mix { wipes_per_cent: 100, ..of(&[CrashDevice, Lose, Delay, CutDevices], 0, 4) },
            Self::Restore => Mix {
                wipes_per_cent: 30,
                ..of(&[Restore, SpoilPages, CutPeers, Crash, Repeat, CrashDevice], 5, 10)
            },
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;
    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == name).ok_or(UnknownProfile)
    }
}
