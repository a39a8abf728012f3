//! What a report and a plan cost when more taxis are on duty: the same node and the same program with few, in turns.

use anyhow::{Context as _, Result};

use super::super::contest::{Bound, Contest, Goal, Missing, Peer, Played, Side, Unit};
use super::super::kit::{Kit, ours};
use super::super::node::{Node, Standing};
use super::super::usage;
use super::roads::plans;

/// Few taxis.
const FEW: u32 = 1_000;
/// Connections over which phones report, and how many reports they make in a second: fewer than 1,000 phones may.
const CONNECTIONS: &str = "32";
const PER_S: u32 = 3_200;
const _: () = assert!(PER_S < 5 * FEW, "a node takes five messages a second from one phone");
/// Riders who wait, however many taxis there are.
const RIDERS: u32 = 100;
const REMEDY: &str = "run it alone with --only";

/// `growth`.
pub(super) fn open(kit: &Kit) -> Result<Vec<Contest>> {
    let contest = |what: String, peer_name, unit, few: Result<Side, Missing>, many| Contest {
        row: "growth",
        what,
        peer_name,
        unit,
        goal: Goal::wished(Bound::RatioAtMost(1.3)),
        is_durable: false,
        peer: few.map_or_else(Peer::Missing, Peer::Plays),
        ours: many,
    };
    let opened = |side: Result<Side>| {
        side.map_err(|error| Missing { why: format!("{error:#}"), remedy: REMEDY.to_owned() })
    };
    let many = kit.size(24_000, 2_000);
    let mut contests = vec![contest(
        format!("processor time of a node for a position report, {many} shifts on duty, {PER_S} reports/s"),
        "the same with 1,000 shifts",
        Unit::Microseconds,
        opened(reports(kit, FEW)),
        ours(reports(kit, many)),
    )];
    for many in [many, kit.size(100_000, 4_000)] {
        contests.push(contest(
            format!("a plan for {RIDERS} riders when {many} taxis are free, p50"),
            "the same with 1,000 taxis",
            Unit::Milliseconds,
            planned(kit, FEW),
            planned(kit, many),
        ));
    }
    Ok(contests)
}

/// So many phones that report to a node of their own. Positions are never journalled.
fn reports(kit: &Kit, shifts: u32) -> Result<Side> {
    let name = format!("growth-{shifts}");
    let mut node = Node::make(kit, &name, Standing::Alone, None)?;
    let roster = node.list_drivers(usize::try_from(shifts)?)?.display().to_string();
    node.start()?;
    let (address, map) = (node.address.clone(), node.map.display().to_string());
    let (seconds, per_s) = (kit.size(10, 2), PER_S.to_string());
    let args = ["beats", &address, &map, &roster, CONNECTIONS, &per_s];
    let mut phones = kit.rush((), &format!("{name}-phones"), &args, seconds)?;
    Ok(Box::new(move |round| {
        let before_s = usage::processor_s(node.pid()?)?;
        let reported = phones(round)?;
        let used_s = usage::processor_s(node.pid()?)? - before_s;
        Ok(each(used_s, reported.figure * f64::from(seconds)))
    }))
}

/// Microseconds for each of so many reports.
fn each(used_s: f64, reports: f64) -> Played {
    Played { figure: used_s * 1e6 / reports, ..Played::default() }
}

/// Plans with so many free taxis in one district.
fn planned(kit: &Kit, taxis: u32) -> Result<Side, Missing> {
    let repeats = kit.size(20, 5);
    let program = plans(kit, &format!("growth-plans-{taxis}"))?;
    let mut side = Kit::side(program, move |round| format!("{RIDERS} {taxis} {repeats} {}", round + 1));
    Ok(Box::new(move |round| middle(side(round)?)))
}

/// The middle one of the plans of a round: the longest is of the machine.
fn middle(mut played: Played) -> Result<Played> {
    played.figure = played.beside.remove("p50_ms").context("the program tells its p50")?;
    Ok(played)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_report_costs_its_part_of_the_processor_time() {
        assert!((each(0.25, 5_000.0).figure - 50.0).abs() < 1e-9);
    }

    #[test]
    fn the_middle_plan_counts() {
        let told = |name: &str| BTreeMap::from([(name.to_owned(), 3.5)]);
        let played = middle(Played { figure: 9.0, beside: told("p50_ms"), ..Played::default() }).unwrap();
        assert_eq!(played, Played { figure: 3.5, ..Played::default() });
        assert!(middle(Played { figure: 9.0, beside: told("p90_ms"), ..Played::default() }).is_err());
    }
}
