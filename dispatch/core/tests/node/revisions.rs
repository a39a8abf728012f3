//! Goal: once a trip of a shift has come back, nothing that its phone was asked before comes back, whichever of its old
//! capsules it brings, in whatever order, and whoever had made them.
//!
//! Method: a random past of one phone between central and the edge, which both start again now and then; every disk is
//! lost; an altered phone brings all capsules of that past in a random order, and says of each that it holds it.

use ondol_core::capsule::Capsule;
use ondol_core::command::{Answer, Held, Refusal, Slot};
use ondol_core::ids::AssignmentId;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

use crate::world::{CENTRAL, EDGE, World};

/// Lives of a node before every disk is lost.
const LIVES_MAX: u32 = 4;

/// What happened to the phone, in the order in which it did.
#[derive(Debug, Clone, Copy)]
enum Past {
    /// Its node asked it.
    Asked,
    /// It attached to the edge, or to central.
    Attached { edge: bool },
    /// Its node started again, and the phone attached there once more.
    Restarted,
}

fn past() -> impl Strategy<Value = Past> {
    prop_oneof![
        4 => Just(Past::Asked),
        2 => any::<bool>().prop_map(|edge| Past::Attached { edge }),
        1 => Just(Past::Restarted),
    ]
}

/// The capsules of such a past, the first one first.
fn capsules(pattern: &Capsule, past: &[Past]) -> Vec<Capsule> {
    let (mut epoch, mut at_edge) = (1, false);
    let (mut lives, mut asked) = ([1; 2], [0; 2]);
    let mut made = Vec::new();
    for step in past {
        let node = usize::from(at_edge);
        match step {
            Past::Asked => {
                asked[node] += 1;
                let origin = [CENTRAL, EDGE][node].parse().unwrap();
                let assignment = AssignmentId { origin, incarnation: lives[node], counter: asked[node] };
                let booking = World::booking(100 + made.len() as u128);
                made.push(Capsule { booking, assignment, attach_epoch: epoch, ..pattern.clone() });
            }
            Past::Attached { edge } => (epoch, at_edge) = (epoch + 1, *edge),
            Past::Restarted if lives[node] < LIVES_MAX => {
                (epoch, lives[node], asked[node]) = (epoch + 1, lives[node] + 1, 0);
            }
            Past::Restarted => {}
        }
    }
    made
}

/// Every disk is lost, more often than a node of the past has lived; the phone has attached again. With a capsule as
/// central had made it.
fn lost() -> (World, Capsule) {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    world.pass_ms(CENTRAL, 2_000, &[1]);
    let capsule = world.offer_for(CENTRAL, 1).unwrap().capsule.expect("the phone keeps capsules");
    (0..=LIVES_MAX).for_each(|_| world.wipe_all());
    world.attach_as(CENTRAL, 1, 1, 1_000).unwrap();
    (world, capsule)
}

fn bring(world: &mut World, capsule: &Capsule) -> Result<Answer, Refusal> {
    let (booking, assignment) = (capsule.booking, capsule.assignment.clone());
    let held = Held { booking, assignment, confirmed: true, boarded: true };
    world.hold(1, Slot { current: Some(held), next: None });
    world.messages(CENTRAL, 1);
    world.bring(CENTRAL, 1, capsule.clone())
}

proptest! {
    // The same cases each run.
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(17),
        failure_persistence: None,
        ..ProptestConfig::with_cases(300)
    })]

    #[test]
    fn after_a_trip_has_come_back_nothing_older_does(
        past in prop::collection::vec(past(), 1..24),
        order in prop::collection::vec(any::<Index>(), 1..24),
    ) {
        let (mut world, pattern) = lost();
        let made = capsules(&pattern, &past);
        prop_assume!(!made.is_empty());
        let mut newest = None;
        for which in order {
            let which = which.index(made.len());
            // It came back while nothing newer was known.
            let was_back = world.knows_bond(CENTRAL, &made[which].assignment, made[which].booking);
            let answer = bring(&mut world, &made[which]);
            match newest {
                Some(known) if which < known && !was_back => {
                    prop_assert_eq!(answer, Err(Refusal::CapsuleRolledBack), "{} after {}", which, known);
                }
                _ => {
                    prop_assert_eq!(answer, Ok(Answer::Done), "{} after {:?}", which, newest);
                    newest = newest.max(Some(which));
                }
            }
        }
    }
}
