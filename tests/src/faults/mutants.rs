//! Mutants: the shipped code with one bug planted, and the checker that must see it.
//!
//! A mutant is run with growing seeds until its checker has seen it or its budget is spent. That another checker saw
//! something is told too, and is not enough: a promise whose checker is blind is not kept by luck.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ondol_core::planted::plant;
use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::run::first_broken;

/// One bug that can be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutant {
    /// Its name, as at its place in the code.
    pub bug: &'static str,
    /// What the code then does.
    pub does: &'static str,
    /// The checker that must see it.
    pub checker: &'static str,
    /// The profile under which it is looked for.
    pub profile: Profile,
    /// Seeds within which it must be seen.
    pub budget: u64,
}

/// What came of looking for a mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The planted bug.
    pub bug: String,
    /// What the code then does.
    pub does: String,
    /// The checker that must see it.
    pub checker: String,
    /// The profile under which it was looked for.
    pub profile: String,
    /// Seeds within which it must be seen.
    pub budget: u64,
    /// Seeds it took until that checker saw it; none if it did not.
    pub seeds: Option<u64>,
    /// Checkers that saw something in those seeds, with the first seed of each; `panic` counts as one.
    pub seen_by: BTreeMap<String, u64>,
}

const fn mutant(bug: &'static str, checker: &'static str, budget: u64, does: &'static str) -> Mutant {
    Mutant { bug, does, checker, profile: Profile::Mixed, budget }
}

const fn mutant_of(
    profile: Profile,
    bug: &'static str,
    checker: &'static str,
    budget: u64,
    does: &'static str,
) -> Mutant {
    Mutant { bug, does, checker, profile, budget }
}

/// The sound code, looked at as a mutant is: nobody may see anything.
pub const CONTROL: Mutant = mutant("none", "-", 100, "nothing: the sound code");

/// All mutants.
pub const MUTANTS: &[Mutant] = &[
    mutant("skip-device-slot", "I1", 400, "a device takes an offer although its slot is full"),
    mutant("asked-on-another-phone", "I1", 400, "a driver with a booking on one phone is asked on another"),
    mutant("given-way-stays", "live", 200, "of two shifts of one driver both go on"),
    mutant("boarded-reassigned", "I5", 400, "a device lets go of a boarded trip when it is told to"),
    mutant("cancel-after-boarding", "I5", 50, "a node cancels a booking whose rider has boarded"),
    mutant("device-sends-before-storing", "I10", 2_000, "a device sends before it has stored"),
    mutant("no-revoke-tombstone", "live", 400, "a device drops what is revoked, remembers and tells nothing"),
    mutant("charge-per-assignment", "I3", 400, "central charges each trip of a booking"),
    mutant("exchange-lets-go-first", "exchanged", 50, "a taxi is let go while another is only asked"),
    mutant(
        "yes-alone-calls-off",
        "exchanged",
        16_000,
        "a yes alone calls off who is on the way, and phones heed a node that they have left",
    ),
    mutant("late-yes-counts", "exchanged", 4_000, "a yes to a question that is over takes the booking"),
    mutant("lower-epoch-accepted", "I10", 1_000, "an edge takes a renewal of an older term"),
    mutant("lease-by-wall-clock", "one_planner", 1_000, "the lease counts on the civil clock"),
    mutant("edge-takes-early", "one_planner", 200, "an edge waits for half of the lease"),
    mutant("takeover-without-settle", "settled", 400, "an edge offers at once after a takeover"),
    mutant("plan-leaves-busy-in", "busy", 50, "planning asks shifts that have a booking"),
    mutant("not-frozen", "adopted", 400, "central goes on with what an edge may adopt"),
    mutant("frozen-thaws", "adopted", 1_000, "central takes up what it had frozen"),
    mutant("newest-roll-alone", "adopted", 16_000, "central counts only the drivers of its newest renewal"),
    mutant("ack-before-fsync", "I2", 1_000, "a node's answers leave before the commit"),
    mutant_of(
        Profile::Mixed,
        "charge-before-joining",
        "I3",
        1_000,
        "central charges before it has its own past back",
    ),
    mutant_of(
        Profile::Restore,
        "life-reused-after-restore",
        "restore",
        1_000,
        "a restored node reuses its life's number",
    ),
    mutant_of(
        Profile::Restore,
        "ended-bonds-stay",
        "live",
        1_000,
        "nobody asks a phone how a forgotten trip ended",
    ),
    mutant_of(
        Profile::Restore,
        "lost-grant-stands",
        "live",
        2_000,
        "central waits for a grant of a life that was lost",
    ),
    mutant_of(
        Profile::Restore,
        "takeover-forgotten",
        "live",
        2_000,
        "a restored edge is silent on a takeover it forgot",
    ),
    mutant_of(
        Profile::Restore,
        "return-forgotten",
        "one_planner",
        1_000,
        "a restored edge holds what it has given back",
    ),
    mutant_of(
        Profile::Kakao2022,
        "borrower-plans-early",
        "lent",
        400,
        "an edge plans what it borrowed before the lender has let go",
    ),
    mutant_of(
        Profile::Kakao2022,
        "lender-keeps-planning",
        "lent",
        400,
        "an edge goes on with what it has lent",
    ),
    mutant_of(
        Profile::Restore,
        "capsule-foreign-accepted",
        "foreign",
        400,
        "a trip comes back on a phone that never had it",
    ),
    mutant_of(
        Profile::Restore,
        "capsule-rolled-back-accepted",
        "revived",
        400,
        "a trip comes back although a later one of its shift is known",
    ),
    mutant_of(
        Profile::Restore,
        "unverified-charged",
        "unverified",
        100,
        "what came back on a driver's word alone is charged",
    ),
    mutant_of(Profile::Flap, "skip-gap", "I4", 1_000, "a node takes in entries behind a gap"),
    mutant_of(
        Profile::Sms,
        "inbox-not-idempotent",
        "once",
        2_000,
        "a text that is handed in twice acts twice",
    ),
    mutant_of(
        Profile::Sms,
        "duplicate-text-is-new",
        "one_text",
        1_000,
        "a copy of a text is taken for another text",
    ),
    mutant_of(
        Profile::Sms,
        "volatile-reservation",
        "reserved",
        1_000,
        "texts leave before the reservation is stored",
    ),
    mutant("expired-ban-list-accepted", "bans", 1_000, "an edge admits drivers by an old ban list"),
    mutant("waiver-outlives-its-time", "bans", 2_000, "once drivers may begin by old bans, they always may"),
    mutant(
        "waiver-frees-the-barred",
        "bans",
        2_000,
        "where drivers may begin by old bans, barred ones may too",
    ),
    mutant("given-up-by-civil-clock", "patient", 200, "a booking is given up by the civil clock"),
];

/// Looks for a mutant on `threads` threads. What is found does not depend on how many.
pub fn look_for(mutant: &Mutant, threads: usize) -> Sighting {
    let (next, last) = (AtomicU64::new(1), AtomicU64::new(mutant.budget));
    let seen = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > last.load(Ordering::Relaxed) {
                        return;
                    }
                    let _bug = plant(mutant.bug);
                    let run = catch_unwind(AssertUnwindSafe(|| first_broken(seed, mutant.profile)));
                    let Some(checker) = run.unwrap_or(Some("panic")) else { continue };
                    // Lower seeds that are still under way may show it too: the lowest counts.
                    if checker == mutant.checker {
                        last.fetch_min(seed, Ordering::Relaxed);
                    }
                    seen.lock().expect("nothing fails while it is held").insert(seed, checker);
                }
            });
        }
    });
    let last = last.into_inner();
    let mut seen_by: BTreeMap<String, u64> = BTreeMap::new();
    for (seed, checker) in seen.into_inner().expect("nothing fails while it is held") {
        if seed <= last {
            seen_by.entry(checker.to_owned()).or_insert(seed);
        }
    }
    Sighting {
        bug: mutant.bug.to_owned(),
        does: mutant.does.to_owned(),
        checker: mutant.checker.to_owned(),
        profile: mutant.profile.to_string(),
        budget: mutant.budget,
        seeds: seen_by.get(mutant.checker).copied(),
        seen_by,
    }
}
