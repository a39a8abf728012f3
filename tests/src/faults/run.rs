//! Runs: one seed, or many on all processors; a failure is run again with its last events and fewer faults.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ondol_core::booking::Status;
use ondol_core::journal::Hash;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::clock::Ms;
use super::model::{Town, World};
use super::profile::Profile;
use super::report::{Relayed, Report, Violation};
use super::schedule::Schedule;

/// How long faults happen.
const SAFETY_MS: Ms = 480_000;
/// After the end of all faults, everything must have converged within this time.
const CONVERGES_WITHIN_MS: Ms = 1_200_000;
/// Faults are over: operators give back districts that they took, this often.
const GIVE_BACK_EVERY_MS: Ms = 30_000;
/// Events of one run; more means that something never comes to rest.
const OPS_MAX: u64 = 3_000_000;
/// Runs spent on leaving out faults of a failure.
const SHRINK_MAX: usize = 30;

/// What to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The first seed.
    pub seed: u64,
    /// How many seeds, from the first on.
    pub seeds: u64,
    /// How runs are disturbed.
    pub profile: Profile,
    /// Threads; 0 means as many as the machine has processors.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, seeds: 1, profile: Profile::default(), threads: 0 }
    }
}

/// Runs all seeds of `options`; `progress` is told how many are done. The result does not depend on the threads.
pub fn run_many(options: Options, progress: impl Fn(u64) + Sync) -> Report {
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads,
    };
    let next = AtomicU64::new(0);
    let done = Mutex::new((std::collections::BTreeMap::new(), Report::new(options.seed), 0_u64));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= options.seeds {
                        return;
                    }
                    let report = run(options.seed + index, options.profile);
                    let mut done = done.lock().expect("a run that panics ends the program");
                    let (waiting, sum, added) = &mut *done;
                    waiting.insert(index, report);
                    while let Some(report) = waiting.remove(added) {
                        sum.add(report);
                        *added += 1;
                    }
                    progress(*added);
                }
            });
        }
    });
    done.into_inner().expect("a run that panics ends the program").1
}

/// Runs one seed.
#[must_use]
pub fn run(seed: u64, profile: Profile) -> Report {
    let schedule = schedule_of(seed, profile);
    let finished = simulate(seed, &schedule, false);
    let mut report = finished.report(seed);
    if let Some((checker, what)) = &finished.world.checkers.broken {
        let again = simulate(seed, &schedule, true);
        let smaller = shrink(seed, checker, schedule);
        report.violations.push(Violation {
            seed,
            checker: (*checker).to_owned(),
            at_s: finished.world.agenda.now() / 1_000,
            what: what.clone(),
            replay: format!("ondol simulate faults --seed {seed} --profile {profile}"),
            faults: smaller
                .faults
                .iter()
                .map(|(at, lasts, fault)| format!("{at} ms +{lasts} ms {fault:?}"))
                .collect(),
            events: again.world.trace(),
        });
    }
    report
}

/// Runs one seed and says which promise it broke first, if any.
#[cfg(feature = "planted")]
pub(crate) fn first_broken(seed: u64, profile: Profile) -> Option<&'static str> {
    let schedule = schedule_of(seed, profile);
    simulate(seed, &schedule, false).world.checkers.broken.map(|(checker, _)| checker)
}

fn schedule_of(seed: u64, profile: Profile) -> Schedule {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(1);
    Schedule::generate(profile, Town::small().devices, SAFETY_MS, &mut rng)
}

struct Finished {
    world: World,
    healed_after: Option<Ms>,
}

/// The safety phase, then the liveness phase; ends at the first broken promise.
fn simulate(seed: u64, schedule: &Schedule, traced: bool) -> Finished {
    let mut world = World::new(seed, Town::small(), schedule.clone(), SAFETY_MS, traced);
    let mut healed_after = None;
    step_until(&mut world, SAFETY_MS);
    if world.checkers.broken.is_none() {
        world.heal();
        let mut look_at = SAFETY_MS;
        while world.checkers.broken.is_none() && healed_after.is_none() {
            look_at += 5_000;
            step_until(&mut world, look_at);
            // What an operator wanted before may have waited in front of a node that stood still.
            if (look_at - SAFETY_MS).is_multiple_of(GIVE_BACK_EVERY_MS) {
                world.operators_settle();
            }
            match world.unsettled() {
                None => healed_after = Some(look_at - SAFETY_MS),
                Some(why) if look_at >= SAFETY_MS + CONVERGES_WITHIN_MS => {
                    world.checkers.break_promise("live", format!("not converged after {look_at} ms: {why}"));
                }
                Some(_) => {}
            }
        }
        if healed_after.is_some() {
            world.check_settled();
        }
    }
    Finished { world, healed_after }
}

fn step_until(world: &mut World, until: Ms) {
    while world.checkers.broken.is_none() && world.agenda.next_at().is_some_and(|at| at < until) {
        world.step();
        if world.counts.ops > OPS_MAX {
            world.checkers.break_promise("live", format!("more than {OPS_MAX} events"));
        }
    }
}

/// Leaves out faults one by one while the same checker still fails.
fn shrink(seed: u64, checker: &str, mut schedule: Schedule) -> Schedule {
    let mut index = 0;
    for _ in 0..SHRINK_MAX {
        if index >= schedule.faults.len() {
            break;
        }
        let mut fewer = schedule.clone();
        fewer.faults.remove(index);
        let fails =
            simulate(seed, &fewer, false).world.checkers.broken.is_some_and(|(same, _)| same == checker);
        if fails {
            schedule = fewer;
        } else {
            index += 1;
        }
    }
    schedule
}

impl Finished {
    fn report(&self, seed: u64) -> Report {
        let world = &self.world;
        let mut report = Report::new(seed);
        report.seeds = 1;
        report.shifts = world.devices.len() as u64 + world.phones.len() as u64;
        report.duration_s = world.agenda.now() / 1_000;
        report.ops = world.counts.ops;
        report.drivers_doubled = world.checkers.drivers_doubled;
        report.double_charges = world.checkers.double_charges;
        report.boarded_reassigned = world.checkers.boarded_reassigned;
        report.duplicate_dispatches = world.dispatched_twice();
        #[allow(clippy::cast_precision_loss, reason = "a run is short")]
        let heal_s = self.healed_after.map(|ms| ms as f64 / 1_000.0);
        report.heal_s = heal_s;
        report.journals_converged = heal_s.is_some() && world.checkers.broken.is_none();
        report.entries_exchanged = world.counts.exchanged;
        report.takeovers = world.counts.taken_at.len() as u64;
        report.loans = world.counts.loans.iter().map(|(step, n)| ((*step).to_owned(), *n)).collect();
        report.asked_home = world.counts.asked_home;
        let (asked, served) = world.checkers.relays.counts();
        report.relayed = Relayed { asked, served };
        report.phones = world.phones_brought();
        report.faults = world.faults();
        report.state_hash = world.state_hash();
        report.bookings.refused = world.counts.refused;
        for rider in world.riders.iter().filter(|rider| rider.made) {
            let door = report.by_door.entry(rider.request.door.as_str().to_owned()).or_default();
            let status = world.record(rider.booking).map(|record| record.status());
            let served = u64::from(status == Some(Status::Done));
            door.made += 1;
            door.served += served;
            report.bookings.made += 1;
            report.bookings.served += served;
            report.bookings.acknowledged += u64::from(rider.acknowledged);
            report.bookings.lost += u64::from(world.is_lost(rider));
            report.bookings.cancelled += u64::from(status == Some(Status::Cancelled));
            report.bookings.open += u64::from(status.is_some_and(|status| !status.is_closed()));
            if rider.made_degraded {
                door.made_degraded += 1;
                door.served_degraded += served;
                report.degraded.made += 1;
                report.degraded.served += served;
            }
        }
        let street = report.by_door.entry("street".to_owned()).or_default();
        for record in world.all_bookings() {
            if record.request().is_some_and(|request| request.door == ondol_core::booking::Door::Street) {
                street.made += 1;
                street.served += u64::from(record.status() == Status::Done);
            }
        }
        report.note_means();
        report
    }
}

/// The hash of two hashes in their order.
pub(crate) fn chain(before: &str, next: &str) -> String {
    let mut hasher = Sha256::new();
    for part in [before, next] {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    Hash(hasher.finalize().into()).to_string()
}
