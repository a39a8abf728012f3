//! What goes wrong, and when: made from the seed before the run, so that a fault can be left out and the rest repeated.

use std::fmt;
use std::str::FromStr;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::clock::Ms;

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The link between central and an edge is down, in one direction or both.
    CutPeers {
        /// The edge: 1 or 2.
        edge: usize,
        /// From central to the edge.
        down: bool,
        /// From the edge to central.
        up: bool,
    },
    /// The same link goes up and down.
    Flap {
        /// The edge.
        edge: usize,
    },
    /// Some devices do not reach a node, in one direction or both.
    CutDevices {
        /// The node.
        node: usize,
        /// The devices.
        devices: Vec<usize>,
        /// From the devices to the node.
        up: bool,
        /// From the node to the devices.
        down: bool,
    },
    /// Riders do not reach a node.
    CutRiders {
        /// The node.
        node: usize,
    },
    /// Nobody reaches a node, nor it anybody.
    Isolate {
        /// The node.
        node: usize,
    },
    /// A node's process dies; what was not committed is gone. It starts again when the fault ends.
    CrashNode {
        /// The node.
        node: usize,
    },
    /// A node's process stands still, and goes on as if nothing had been.
    PauseNode {
        /// The node.
        node: usize,
    },
    /// A node's disk does not finish a write.
    StallDisk {
        /// The node.
        node: usize,
    },
    /// A device dies in the middle of what it does and starts again from what it stored.
    CrashDevice {
        /// The device.
        device: usize,
        /// Outputs it still carries out first.
        after_outputs: usize,
    },
    /// The link to an edge is cut, and a driver begins a shift on a phone at each side of the cut.
    TwoPhones {
        /// The edge.
        edge: usize,
    },
    /// Messages are lost.
    Lose {
        /// Of 1,000.
        per_mille: u32,
    },
    /// Messages come twice.
    Repeat {
        /// Of 1,000.
        per_mille: u32,
    },
    /// Messages come late.
    Delay {
        /// By up to this many milliseconds.
        ms: Ms,
    },
    /// Central is cut off from everybody, and its links to the edges come back later than everything else.
    LateLinks {
        /// By this many milliseconds.
        ms: Ms,
    },
    /// A node's civil clock is wrong by much, until somebody puts it right.
    WrongClock {
        /// The node.
        node: usize,
        /// By how much.
        ms: i64,
    },
    /// A node's civil clock jumps.
    StepClock {
        /// The node.
        node: usize,
        /// By how much.
        ms: i64,
    },
}

impl Fault {
    /// The kind, as counted in reports.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CutPeers { down: true, up: true, .. } => "cut_peers",
            Self::CutPeers { .. } => "cut_peers_one_way",
            Self::Flap { .. } => "flap",
            Self::CutDevices { up: true, down: true, .. } => "cut_devices",
            Self::CutDevices { .. } => "cut_devices_one_way",
            Self::CutRiders { .. } => "cut_riders",
            Self::Isolate { .. } => "isolate",
            Self::CrashNode { node: 0 } => "crash_central",
            Self::CrashNode { .. } => "crash_edge",
            Self::PauseNode { .. } => "pause",
            Self::StallDisk { .. } => "stall_disk",
            Self::CrashDevice { .. } => "crash_device",
            Self::TwoPhones { .. } => "two_phones",
            Self::Lose { .. } => "lose",
            Self::Repeat { .. } => "repeat",
            Self::Delay { .. } => "delay",
            Self::LateLinks { .. } => "late_links",
            Self::WrongClock { .. } => "wrong_clock",
            Self::StepClock { .. } => "step_clock",
        }
    }
}

/// How a run is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Nothing goes wrong.
    Calm,
    /// A mixture of everything.
    #[default]
    Mixed,
    /// Central dies or is cut off from everybody, for minutes; little else.
    Blackout,
    /// Many short faults.
    Storm,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 4] = [Self::Calm, Self::Mixed, Self::Blackout, Self::Storm];

    /// The name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Mixed => "mixed",
            Self::Blackout => "blackout",
            Self::Storm => "storm",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = super::UnknownProfile;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == name).ok_or(super::UnknownProfile)
    }
}

/// The faults of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// When each begins, how long it lasts, and what it is.
    pub faults: Vec<(Ms, Ms, Fault)>,
}

/// Nothing goes wrong before: the system starts in peace.
const FIRST_MS: Ms = 60_000;

impl Schedule {
    /// Makes the faults of a run with `devices` devices whose safety phase lasts `safety_ms`.
    pub(crate) fn generate(profile: Profile, devices: usize, safety_ms: Ms, rng: &mut ChaCha8Rng) -> Self {
        let count = match profile {
            Profile::Calm => 0,
            Profile::Mixed => rng.random_range(4..10),
            Profile::Blackout => rng.random_range(1..4),
            Profile::Storm => rng.random_range(15..30),
        };
        let mut faults: Vec<(Ms, Ms, Fault)> = Vec::new();
        for index in 0..count {
            let at = rng.random_range(FIRST_MS..safety_ms - 60_000);
            let longest = match profile {
                Profile::Storm => 30_000,
                Profile::Calm | Profile::Mixed | Profile::Blackout => 150_000,
            };
            let lasts = rng.random_range(1_000..longest);
            let blackout = match profile {
                Profile::Blackout => index == 0,
                Profile::Calm | Profile::Mixed | Profile::Storm => rng.random_bool(0.1),
            };
            if blackout {
                let fault = match rng.random_range(0..3) {
                    0 => Fault::CrashNode { node: 0 },
                    1 => Fault::Isolate { node: 0 },
                    _ => Fault::LateLinks { ms: rng.random_range(30_000..240_000) },
                };
                faults.push((at, rng.random_range(30_000..180_000), fault));
            } else {
                faults.push((at, lasts, any_fault(devices, rng)));
            }
        }
        // Phones die often, and what matters is the very output after which they do.
        for _ in 0..count {
            let at = rng.random_range(FIRST_MS..safety_ms - 60_000);
            faults.push((at, rng.random_range(500..20_000), crash_device(devices, rng)));
        }
        // Long enough for a phone that does not reach central to turn to the edge and to get bookings there.
        if count > 0 && rng.random_bool(0.3) {
            let at = rng.random_range(FIRST_MS..safety_ms - 60_000);
            let edge = rng.random_range(1..3);
            faults.push((at, rng.random_range(40_000..150_000), Fault::TwoPhones { edge }));
        }
        faults.sort_by_key(|(at, ..)| *at);
        Self { faults }
    }
}

fn crash_device(devices: usize, rng: &mut ChaCha8Rng) -> Fault {
    Fault::CrashDevice { device: rng.random_range(0..devices), after_outputs: rng.random_range(0..4) }
}

fn any_fault(devices: usize, rng: &mut ChaCha8Rng) -> Fault {
    let node = rng.random_range(0..3);
    let edge = rng.random_range(1..3);
    let (down, up) = [(true, true), (true, false), (false, true)][rng.random_range(0..3)];
    match rng.random_range(0..14) {
        0 => Fault::CutPeers { edge, down, up },
        1 => Fault::Flap { edge },
        2 | 3 => {
            let some: Vec<usize> = (0..devices).filter(|_| rng.random_bool(0.5)).collect();
            Fault::CutDevices { node, devices: some, up, down }
        }
        4 => Fault::CutRiders { node },
        5 => Fault::Isolate { node },
        6 => Fault::CrashNode { node },
        7 => Fault::PauseNode { node },
        8 => Fault::StallDisk { node },
        9 => crash_device(devices, rng),
        10 => Fault::Lose { per_mille: rng.random_range(20..400) },
        11 => match rng.random_range(0..2) {
            0 => Fault::Repeat { per_mille: rng.random_range(50..500) },
            _ => Fault::Delay { ms: rng.random_range(100..8_000) },
        },
        12 => {
            let ms = rng.random_range(30..45) * 60_000;
            Fault::WrongClock { node, ms: if rng.random_bool(0.5) { ms } else { -ms } }
        }
        _ => Fault::StepClock { node, ms: rng.random_range(-30_000..30_000) },
    }
}
