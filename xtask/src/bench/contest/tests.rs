//! Sides that play from a list.

use anyhow::anyhow;

use super::*;

/// A side whose figures, and what it found with each, are given.
fn side(figures: &'static [f64], check: Option<&'static str>) -> Side {
    Box::new(move |round| {
        let figure = *figures.get(round as usize).ok_or_else(|| anyhow!("it has gone"))?;
        Ok(Played { figure, check: check.map(str::to_owned), ..Played::default() })
    })
}

fn contest(goal: Goal, peer: Peer, ours: &'static [f64]) -> Contest {
    Contest {
        row: "row",
        what: "something".into(),
        peer_name: "somebody",
        unit: Unit::Milliseconds,
        goal,
        is_durable: false,
        peer,
        ours: Ok(side(ours, None)),
    }
}

fn no_disk() -> Result<f64> {
    bail!("the disk does not matter here")
}

#[test]
fn the_median_is_of_the_rounds_ratios_and_not_of_the_figures() {
    let goal = Goal::firm(Bound::RatioAtMost(1.0), Some(0.5));
    // The machine was slower for both in the second and the third round: ratios 0.6, 2.0, 0.3.
    let peer = Peer::Plays(side(&[10.0, 100.0, 20.0], None));
    let outcome = play(contest(goal, peer, &[6.0, 200.0, 6.0]), 3, no_disk);
    assert_eq!((outcome.theirs(), outcome.ours()), (Some(20.0), Some(6.0)));
    assert_eq!(outcome.ratio(), Some(0.6));
    assert_eq!((outcome.verdict, outcome.is_failure()), (Verdict::Met, false));
}

#[test]
fn a_median_of_an_even_number_lies_between_the_two_in_the_middle() {
    assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), Some(2.5));
    assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
    assert_eq!(median(std::iter::empty()), None);
}

#[test]
fn each_goal_is_judged_by_its_own_measure() {
    let table = [
        (Bound::RatioAtMost(1.0), None, 10.0, Verdict::Met),
        (Bound::RatioAtMost(1.0), Some(0.5), 10.1, Verdict::Missed),
        (Bound::RatioAtMost(1.0), Some(0.5), 5.0, Verdict::MetStretch),
        (Bound::RatioAtLeast(0.8), Some(1.2), 8.0, Verdict::Met),
        (Bound::RatioAtLeast(0.8), Some(1.2), 7.9, Verdict::Missed),
        (Bound::RatioAtLeast(0.8), Some(1.2), 12.0, Verdict::MetStretch),
        (Bound::OursAtMost(9.0), None, 9.0, Verdict::Met),
        (Bound::OursAtMost(9.0), None, 9.1, Verdict::Missed),
    ];
    for (bound, stretch, ours, verdict) in table {
        for is_firm in [true, false] {
            let goal = Goal { bound, is_firm, stretch };
            let peer = Peer::Plays(side(&[10.0], None));
            let mut contest = contest(goal, peer, &[]);
            contest.ours = Ok(Box::new(move |_| Ok(Played { figure: ours, ..Played::default() })));
            let outcome = play(contest, 1, no_disk);
            assert_eq!(outcome.verdict, verdict, "{bound:?} {ours}");
            assert_eq!(outcome.is_failure(), is_firm && verdict == Verdict::Missed, "{bound:?} {ours}");
        }
    }
}

#[test]
fn a_missing_peer_leaves_our_figure_and_fails_nothing() {
    let goal = Goal::firm(Bound::RatioAtMost(1.0), None);
    let peer = Peer::of(Err(anyhow!("not installed")), "install it");
    let outcome = play(contest(goal, peer, &[5.0, 7.0]), 2, no_disk);
    assert_eq!((outcome.ours(), outcome.theirs(), outcome.ratio()), (Some(6.0), None, None));
    assert_eq!((outcome.verdict, outcome.is_failure()), (Verdict::PeerMissing, false));
    assert_eq!(outcome.missing, Some(Missing { why: "not installed".into(), remedy: "install it".into() }));
}

#[test]
fn a_peer_that_goes_away_is_missing_altogether() {
    let goal = Goal::firm(Bound::RatioAtMost(1.0), None);
    let outcome = play(contest(goal, Peer::Plays(side(&[9.0], None)), &[5.0, 7.0]), 2, no_disk);
    assert_eq!((outcome.rounds.len(), outcome.theirs()), (2, None));
    assert_eq!(outcome.verdict, Verdict::PeerMissing);
    assert!(outcome.missing.unwrap().why.contains("round 2"));
}

#[test]
fn without_a_figure_of_ours_there_is_none_and_it_is_said_why() {
    let goal = Goal::firm(Bound::OursAtMost(1.0), None);
    let outcome = play(contest(goal, Peer::Nobody, &[5.0]), 2, no_disk);
    assert_eq!((outcome.verdict, outcome.rounds.len()), (Verdict::NotMeasured, 0));
    assert!(outcome.missing.as_ref().unwrap().why.contains("it has gone"));
    let missing = Missing { why: "no map".into(), remedy: "bring one".into() };
    let unmeasured = Contest { ours: Err(missing.clone()), ..contest(goal, Peer::Nobody, &[]) };
    assert_eq!(play(unmeasured, 2, no_disk).missing, Some(missing));
    assert!(!outcome.is_failure());
}

#[test]
fn two_that_find_different_things_are_not_compared() {
    let goal = Goal::wished(Bound::RatioAtMost(1.0));
    let with = |theirs, ours: Option<&'static str>| {
        let contest = contest(goal, Peer::Plays(side(&[9.0], theirs)), &[]);
        let outcome = play(Contest { ours: Ok(side(&[1.0], ours)), ..contest }, 1, no_disk);
        (outcome.verdict, outcome.is_failure())
    };
    assert_eq!(with(Some("cost 7"), Some("cost 7")), (Verdict::Met, false));
    assert_eq!(with(Some("cost 7"), Some("cost 8")), (Verdict::Differs, true));
    assert_eq!(with(Some("cost 7"), None), (Verdict::Differs, true));
}

#[test]
fn a_figure_that_is_none_is_refused() {
    let goal = Goal::wished(Bound::OursAtMost(1.0));
    for figures in [&[0.0][..], &[f64::NAN], &[f64::INFINITY], &[-1.0]] {
        let outcome = play(contest(goal, Peer::Nobody, figures), 1, no_disk);
        assert_eq!(outcome.verdict, Verdict::NotMeasured, "{figures:?}");
    }
}

#[test]
fn the_disk_is_measured_in_each_round_where_it_matters() {
    let goal = Goal::wished(Bound::OursAtMost(9.0));
    let mut rates = [100.0, 300.0].into_iter();
    let durable = Contest { is_durable: true, ..contest(goal, Peer::Nobody, &[5.0, 5.0]) };
    let outcome = play(durable, 2, || rates.next().ok_or_else(|| anyhow!("asked too often")));
    assert_eq!(outcome.fdatasync_per_s(), Some(200.0));
    assert_eq!(play(contest(goal, Peer::Nobody, &[5.0]), 1, no_disk).fdatasync_per_s(), None);
}

#[test]
fn what_else_was_seen_is_kept_by_name() {
    let played: Played = serde_json::from_str(r#"{"figure": 2, "check": "x", "p99_ms": 7.5}"#).unwrap();
    assert_eq!(played.beside["p99_ms"], 7.5);
    let mut contest = contest(Goal::wished(Bound::OursAtMost(9.0)), Peer::Nobody, &[]);
    contest.ours = Ok(Box::new(move |_| Ok(played.clone())));
    assert_eq!(play(contest, 3, no_disk).beside(), BTreeMap::from([("p99_ms", 7.5)]));
}
