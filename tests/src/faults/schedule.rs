//! What goes wrong, and when: made from the seed before the run, so that a fault can be left out and the rest repeated.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::clock::Ms;
use super::profile::Profile;

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
    /// The link between the edges is down, in one direction or both.
    CutEdges {
        /// From the first edge to the second.
        down: bool,
        /// From the second to the first.
        up: bool,
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
    /// A node's process dies while it writes: the write is on the disk, and nobody was told of it.
    TearNode {
        /// The node.
        node: usize,
    },
    /// A node's disk refuses writes; some of those it refused have happened.
    FailDisk {
        /// The node.
        node: usize,
    },
    /// A node loses its disk, and a copy from a while ago takes its place.
    RestoreNode {
        /// The node.
        node: usize,
        /// How old the copy is.
        age_ms: Ms,
        /// The copy was made just before the node gave a district back for the last time, if it ever did: a moment that
        /// chance hardly meets, and after which most is forgotten.
        before_return: bool,
    },
    /// Central and every edge lose their disks, and start on empty ones when the fault ends.
    WipeAll {
        /// Of 100 phones that attach from then on, so many bring something false as well.
        liars_per_cent: u32,
    },
    /// Pages between nodes have gaps, repeats, or another order.
    SpoilPages {
        /// Of 1,000.
        per_mille: u32,
    },
    /// Texts come 5 to 60 seconds late and overtake each other; some are lost, some come twice.
    BadTexts {
        /// Of 1,000.
        per_mille: u32,
    },
    /// Texts of an edge do not pass, in one direction or both.
    CutTexts {
        /// The edge.
        edge: usize,
        /// To the text process.
        inward: bool,
        /// From the text process.
        outward: bool,
    },
    /// The telephone is dead: who calls hears nothing.
    CutTelephone,
    /// Central bars a driver who has not begun a shift yet, and the driver tries to.
    BarDriver {
        /// The edge of the driver's district.
        edge: usize,
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
    /// True if `node` starts on another disk than its own.
    fn replaces_disk_of(&self, node: usize) -> bool {
        matches!(self, Self::WipeAll { .. })
            || matches!(self, Self::RestoreNode { node: of, .. } if *of == node)
    }

    /// The kind, as counted in reports.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CutPeers { down: true, up: true, .. } => "cut_peers",
            Self::CutPeers { .. } => "cut_peers_one_way",
            Self::CutEdges { .. } => "cut_edges",
            Self::Flap { .. } => "flap",
            Self::CutDevices { up: true, down: true, .. } => "cut_devices",
            Self::CutDevices { .. } => "cut_devices_one_way",
            Self::CutRiders { .. } => "cut_riders",
            Self::Isolate { .. } => "isolate",
            Self::CrashNode { node: 0 } => "crash_central",
            Self::CrashNode { .. } => "crash_edge",
            Self::PauseNode { .. } => "pause",
            Self::StallDisk { .. } => "stall_disk",
            Self::TearNode { .. } => "torn_write",
            Self::FailDisk { .. } => "disk_fails",
            Self::RestoreNode { node: 0, .. } => "restore_central",
            Self::RestoreNode { .. } => "restore_edge",
            Self::WipeAll { .. } => "wipe_all",
            Self::SpoilPages { .. } => "spoilt_pages",
            Self::BadTexts { .. } => "bad_texts",
            Self::CutTexts { inward: true, outward: true, .. } => "cut_texts",
            Self::CutTexts { .. } => "cut_texts_one_way",
            Self::CutTelephone => "cut_telephone",
            Self::BarDriver { .. } => "bar_driver",
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

/// The faults of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// When each begins, how long it lasts, and what it is.
    pub faults: Vec<(Ms, Ms, Fault)>,
}

/// Nothing goes wrong before: the system starts in peace.
const FIRST_MS: Ms = 60_000;
/// Nodes that have lost their disks start again within this time.
const WIPE_LONGEST_MS: Ms = 40_000;
/// Of 100 phones that attach after that, so many lie.
const LIARS_PER_CENT: u32 = 40;

/// Kinds of faults that a seed has or has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    CutPeers,
    CutEdges,
    Flap,
    CutDevices,
    CutRiders,
    Isolate,
    Crash,
    Tear,
    Pause,
    StallDisk,
    FailDisk,
    Restore,
    SpoilPages,
    CrashDevice,
    TwoPhones,
    Bar,
    Lose,
    Repeat,
    Delay,
    BadTexts,
    LateLinks,
    WrongClock,
    StepClock,
}

impl Kind {
    pub(super) const ALL: [Self; 23] = [
        Self::CutPeers,
        Self::CutEdges,
        Self::Flap,
        Self::CutDevices,
        Self::CutRiders,
        Self::Isolate,
        Self::Crash,
        Self::Tear,
        Self::Pause,
        Self::StallDisk,
        Self::FailDisk,
        Self::Restore,
        Self::SpoilPages,
        Self::CrashDevice,
        Self::TwoPhones,
        Self::Bar,
        Self::Lose,
        Self::Repeat,
        Self::Delay,
        Self::BadTexts,
        Self::LateLinks,
        Self::WrongClock,
        Self::StepClock,
    ];

    /// The longest time that such a fault lasts.
    fn longest_ms(self) -> Ms {
        match self {
            Self::Crash | Self::Tear | Self::Isolate | Self::LateLinks | Self::TwoPhones => 180_000,
            Self::CrashDevice => 20_000,
            Self::Restore | Self::FailDisk => 60_000,
            _ => 150_000,
        }
    }

    fn any(self, devices: usize, rng: &mut ChaCha8Rng) -> Fault {
        let node = rng.random_range(0..3);
        let edge = rng.random_range(1..3);
        let (down, up) = [(true, true), (true, false), (false, true)][rng.random_range(0..3)];
        match self {
            Self::CutPeers => Fault::CutPeers { edge, down, up },
            Self::CutEdges => Fault::CutEdges { down, up },
            Self::Flap => Fault::Flap { edge },
            Self::CutDevices => {
                let devices = (0..devices).filter(|_| rng.random_bool(0.5)).collect();
                Fault::CutDevices { node, devices, up, down }
            }
            Self::CutRiders => Fault::CutRiders { node },
            Self::Isolate => Fault::Isolate { node },
            Self::Crash => Fault::CrashNode { node },
            Self::Tear => Fault::TearNode { node },
            Self::Pause => Fault::PauseNode { node },
            Self::StallDisk => Fault::StallDisk { node },
            Self::FailDisk => Fault::FailDisk { node },
            Self::Restore => {
                let (age_ms, before_return) = (rng.random_range(2_000..120_000), rng.random_bool(0.2));
                Fault::RestoreNode { node, age_ms, before_return }
            }
            Self::SpoilPages => Fault::SpoilPages { per_mille: rng.random_range(100..600) },
            Self::CrashDevice => {
                let after_outputs = rng.random_range(0..4);
                Fault::CrashDevice { device: rng.random_range(0..devices), after_outputs }
            }
            Self::TwoPhones => Fault::TwoPhones { edge },
            Self::Bar => Fault::BarDriver { edge },
            Self::Lose => Fault::Lose { per_mille: rng.random_range(20..400) },
            Self::Repeat => Fault::Repeat { per_mille: rng.random_range(50..500) },
            Self::Delay => Fault::Delay { ms: rng.random_range(100..8_000) },
            Self::BadTexts => Fault::BadTexts { per_mille: rng.random_range(50..400) },
            Self::LateLinks => Fault::LateLinks { ms: rng.random_range(30_000..240_000) },
            Self::WrongClock => {
                let ms = rng.random_range(30..45) * 60_000;
                Fault::WrongClock { node, ms: if rng.random_bool(0.5) { ms } else { -ms } }
            }
            Self::StepClock => Fault::StepClock { node, ms: rng.random_range(-30_000..30_000) },
        }
    }
}

impl Schedule {
    /// Makes the faults of a run with `devices` devices whose safety phase lasts `safety_ms`.
    ///
    /// Each seed draws which of the profile's kinds it has, so that some runs have few kinds often: faults that meet
    /// only rarely among all the others.
    pub(crate) fn generate(profile: Profile, devices: usize, safety_ms: Ms, rng: &mut ChaCha8Rng) -> Self {
        let mix = profile.mix();
        let mut kinds: Vec<Kind> = mix.kinds.iter().copied().filter(|_| rng.random_bool(0.5)).collect();
        if kinds.is_empty() {
            kinds = mix.kinds.to_vec();
        }
        let mut faults: Vec<(Ms, Ms, Fault)> = Vec::new();
        let count = if mix.most == 0 { 0 } else { rng.random_range(mix.least..=mix.most) };
        for index in 0..count {
            let at = rng.random_range(FIRST_MS..safety_ms - 60_000);
            let kind = match mix.first {
                Some(first) if index == 0 => first[rng.random_range(0..first.len())],
                _ => kinds[rng.random_range(0..kinds.len())],
            };
            let longest_ms = if index == 0 && mix.first.is_some() { Ms::MAX } else { mix.longest_ms };
            let lasts = rng.random_range(1_000..kind.longest_ms().min(longest_ms));
            faults.push((at, lasts, kind.any(devices, rng)));
        }
        // A central that dies in the first fault of a blackout is central.
        if let (Some(_), Some((_, lasts, fault))) = (mix.first, faults.first_mut()) {
            *lasts += 60_000;
            if let Fault::CrashNode { node } | Fault::Isolate { node } = fault {
                *node = 0;
            }
        }
        if rng.random_range(0..100) < mix.wipes_per_cent {
            let at = rng.random_range(FIRST_MS..safety_ms - 60_000);
            let fault = Fault::WipeAll { liars_per_cent: LIARS_PER_CENT };
            faults.push((at, rng.random_range(5_000..WIPE_LONGEST_MS), fault));
        }
        // Lives are numbered by the clock on the wall: on a copy of its disk and with a clock that has been set back at
        // once, a node may reuse a number. That is a limit of the product: see the README.
        let replaced: Vec<usize> =
            (0..3).filter(|node| faults.iter().any(|(_, _, fault)| fault.replaces_disk_of(*node))).collect();
        faults.retain(|(_, _, fault)| match fault {
            Fault::WrongClock { node, .. } | Fault::StepClock { node, .. } => !replaced.contains(node),
            _ => true,
        });
        faults.sort_by_key(|(at, ..)| *at);
        Self { faults }
    }
}
