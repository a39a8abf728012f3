use super::*;

const NOBODY: Witnesses = Witnesses { heard: 0, cut_off: 0, on_roll: 4, on_roll_cut_off: 0 };
const CUT_OFF: Witnesses = Witnesses { heard: 4, cut_off: 2, on_roll: 4, on_roll_cut_off: 2 };

fn edge() -> EdgeSide {
    EdgeSide::new(LeaseTiming::default(), Epoch { central_term: 3, edge_term: 0 }, None, Ticks(0), UtcMs(0))
}

#[test]
fn central_stops_before_the_edge_may_start_whatever_the_clocks() {
    let timing = LeaseTiming::default();
    assert_eq!((timing.holder_stops_after_ms(), timing.edge_takes_after_ms()), (12_700, 17_300));
    // True elapsed time when each acts, at the worst clock rates.
    let holder_stops_at_latest = timing.holder_stops_after_ms() * 1_000 / (1_000 - timing.drift_per_mille);
    let edge_takes_at_earliest = timing.edge_takes_after_ms() * 1_000 / (1_000 + timing.drift_per_mille);
    assert!(holder_stops_at_latest < edge_takes_at_earliest);
}

#[test]
fn nobody_takes_over_while_the_lease_runs_or_without_witnesses() {
    let mut edge = edge();
    assert_eq!(edge.evaluate(CUT_OFF, 0, Ticks(17_300), UtcMs(0)), None);
    let doubtful = Witnesses { heard: 5, ..CUT_OFF };
    assert_eq!(edge.evaluate(doubtful, 0, Ticks(17_301), UtcMs(0)), Some(EdgeChange::Suspected));
    assert_eq!(edge.evaluate(doubtful, 0, Ticks(600_000), UtcMs(0)), None);
    assert!(!Witnesses { heard: 1, cut_off: 1, ..CUT_OFF }.agree());
}

#[test]
fn witnesses_bring_a_takeover_and_a_late_renewal_does_not_undo_it() {
    let mut edge = edge();
    let change = edge.evaluate(CUT_OFF, 0, Ticks(17_301), UtcMs(9));
    let epoch = Epoch { central_term: 3, edge_term: 1 };
    assert_eq!(
        change,
        Some(EdgeChange::Taken { epoch, cause: TakeCause::Witnesses, silence_ms: 17_301, adopts: true })
    );
    assert_eq!(edge.renewed(Epoch { central_term: 3, edge_term: 0 }, true, Ticks(17_400), UtcMs(9)), None);
    assert_eq!(edge.mode(), EdgeMode::Active);
}

#[test]
fn silence_alone_takes_over_later() {
    let mut edge = edge();
    assert_eq!(edge.evaluate(NOBODY, 0, Ticks(17_301), UtcMs(0)), Some(EdgeChange::Suspected));
    assert_eq!(edge.evaluate(NOBODY, 0, Ticks(47_300), UtcMs(0)), None);
    assert!(matches!(
        edge.evaluate(NOBODY, 0, Ticks(47_301), UtcMs(0)),
        Some(EdgeChange::Taken { cause: TakeCause::Silence, adopts: false, .. })
    ));
}

#[test]
fn a_takeover_adopts_once_enough_confirm_it_and_is_made_again_if_its_cause_is_another() {
    let few = Witnesses { heard: 3, cut_off: 2, on_roll: 5, on_roll_cut_off: 2 };
    let mut edge = edge();
    assert!(matches!(
        edge.evaluate(few, 0, Ticks(17_301), UtcMs(0)),
        Some(EdgeChange::Taken { cause: TakeCause::Witnesses, adopts: false, .. })
    ));
    assert_eq!(edge.evaluate(few, 0, Ticks(60_000), UtcMs(0)), None);
    let mut by_hand = edge.clone();
    let epoch = Epoch { central_term: 3, edge_term: 2 };
    let again = |cause, silence_ms| Some(EdgeChange::Taken { epoch, cause, silence_ms, adopts: true });
    let first = Epoch { edge_term: 1, ..epoch };
    let adopts = Some(EdgeChange::Adopts { epoch: first });
    assert_eq!(edge.evaluate(CUT_OFF, 0, Ticks(60_001), UtcMs(0)), adopts);
    assert_eq!(edge.evaluate(CUT_OFF, 0, Ticks(60_002), UtcMs(0)), None, "once is enough");
    let mut silent = self::edge();
    silent.evaluate(NOBODY, 0, Ticks(17_301), UtcMs(0));
    silent.evaluate(NOBODY, 0, Ticks(60_000), UtcMs(0));
    assert_eq!(silent.evaluate(CUT_OFF, 0, Ticks(60_001), UtcMs(0)), again(TakeCause::Witnesses, 60_001));
    assert_eq!(by_hand.take_by_hand(Ticks(60_001), UtcMs(0)), again(TakeCause::Operator, 60_001));
    assert_eq!(by_hand.take_by_hand(Ticks(60_002), UtcMs(0)), None);
}

#[test]
fn an_operator_takes_nothing_while_the_lease_may_run() {
    let mut edge = edge();
    assert_eq!(edge.take_by_hand(Ticks(17_300), UtcMs(0)), None);
    assert!(edge.take_by_hand(Ticks(17_301), UtcMs(0)).is_some());
}

#[test]
fn the_district_goes_back_only_with_the_grant_in_hand_and_offers_drained() {
    let mut edge = edge();
    edge.take(TakeCause::Operator, true, Ticks(0), UtcMs(0));
    let grant = Epoch { central_term: 4, edge_term: 0 };
    edge.renewed(grant, false, Ticks(1_000), UtcMs(0));
    assert_eq!(edge.mode(), EdgeMode::Active);
    edge.renewed(grant, true, Ticks(2_000), UtcMs(0));
    assert_eq!(edge.mode(), EdgeMode::Healing);
    assert_eq!(edge.evaluate(NOBODY, 2, Ticks(3_000), UtcMs(0)), None);
    assert_eq!(edge.evaluate(NOBODY, 0, Ticks(3_001), UtcMs(0)), Some(EdgeChange::Returned { epoch: grant }));
    assert_eq!(edge.mode(), EdgeMode::Standby);
}

#[test]
fn a_restarted_edge_waits_out_a_whole_lease() {
    let mut edge = EdgeSide::new(LeaseTiming::default(), Epoch::default(), None, Ticks(1_000_000), UtcMs(0));
    assert_eq!(edge.evaluate(CUT_OFF, 0, Ticks(1_017_300), UtcMs(0)), None);
}

#[test]
fn central_is_uncertain_until_an_edge_answers_and_after_a_lease_without_answer() {
    let mut central = CentralSide::new(LeaseTiming::default(), Epoch::default(), UtcMs(0));
    assert_eq!(central.mode(), CentralMode::Uncertain);
    central.answered(Ticks(1_000), Ticks(1_200), UtcMs(1));
    assert_eq!(central.mode(), CentralMode::Holder);
    assert!(!central.evaluate(Ticks(13_700), UtcMs(2)));
    assert!(central.evaluate(Ticks(13_701), UtcMs(2)));
    assert!(!central.evaluate(Ticks(13_702), UtcMs(2)));
    assert_eq!(central.mode(), CentralMode::Uncertain);
}

#[test]
fn an_answer_held_up_for_longer_than_the_lease_does_not_make_central_holder() {
    let mut central = CentralSide::new(LeaseTiming::default(), Epoch::default(), UtcMs(0));
    central.answered(Ticks(1_000), Ticks(13_701), UtcMs(1));
    assert_eq!(central.mode(), CentralMode::Uncertain);
}
