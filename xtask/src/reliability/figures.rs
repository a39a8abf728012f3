//! What stands in the reports of the single commands, in a sentence, and whether it is as promised.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Of the fault simulator.
pub(super) fn faults(report: &Value) -> Result<(String, bool)> {
    let violations = report["violations"].as_array().context("no violations are listed")?.len();
    let kinds = report["faults"].as_object().context("no faults are counted")?;
    let total: u64 = kinds.values().filter_map(Value::as_u64).sum();
    if total == 0 || count(report, "/ops")? == 0 {
        bail!("nothing happened in these runs");
    }
    let rarest = kinds.iter().filter_map(|(kind, count)| Some((count.as_u64()?, kind))).min();
    let rarest =
        rarest.map_or_else(String::new, |(count, kind)| format!(", of the rarest kind {count} ({kind})"));
    let mean = |what: &str| {
        let value = report["means"][what].as_f64();
        value.map(|value| format!("{value:.1}")).with_context(|| format!("no mean of {what}"))
    };
    let figures = format!(
        "{} operations, {total} faults{rarest}, {violations} violations; a seed has {} nodes, {} phones, {} bookings and {} faults",
        count(report, "/ops")?,
        mean("nodes")?,
        mean("devices")?,
        mean("bookings")?,
        mean("faults")?,
    );
    let has_converged = report["journals_converged"] == Value::Bool(true);
    let apart = if has_converged { "" } else { "; JOURNALS APART" };
    Ok((figures + apart, violations == 0 && has_converged))
}

/// Of the planted bugs.
pub(super) fn mutants(report: &Value) -> Result<(String, bool)> {
    let bugs = report["mutants"].as_object().filter(|bugs| !bugs.is_empty()).context("no bugs are listed")?;
    let missed: Vec<&str> = bugs
        .iter()
        .filter(|(_, bug)| bug["caught"] != Value::Bool(true))
        .map(|(name, _)| name.as_str())
        .collect();
    let most = bugs.values().filter_map(|bug| bug["first_seed"].as_u64()).max().unwrap_or(0);
    let seen = bugs.len() - missed.len();
    let soon = bugs.values().filter_map(|bug| bug["first_seed"].as_u64()).filter(|seed| *seed <= 100).count();
    let mut figures = format!(
        "{seen} of {} planted bugs seen by the checker that must see them, {soon} of them within 100 seeds, the rarest after {most}",
        bugs.len()
    );
    if !missed.is_empty() {
        figures += &format!("; not seen: {}", missed.join(", "));
    }
    Ok((figures, missed.is_empty()))
}

/// Of the outages of the past.
pub(super) fn scenarios(reports: &Value) -> Result<(String, bool)> {
    let reports = reports.as_array().filter(|all| !all.is_empty()).context("no scenario was played")?;
    let mut missed = Vec::new();
    for report in reports {
        let name = report["name"].as_str().context("a scenario without a name")?;
        let bounds = report["must"].as_array().with_context(|| format!("{name} has no bounds"))?;
        let broken = bounds.iter().filter(|bound| bound["met"] != Value::Bool(true));
        missed.extend(broken.map(|bound| format!("{name}: {}", bound["what"].as_str().unwrap_or("?"))));
    }
    let ratio = |name: &str| {
        let report = reports.iter().find(|report| report["name"] == name);
        let ratio = report.and_then(|report| report["ondol"]["in_outage"]["ratio"].as_f64());
        ratio.map_or_else(|| "?".to_owned(), |ratio| format!("{ratio:.2}"))
    };
    let held = if missed.is_empty() { "all bounds held".to_owned() } else { missed.join(", ") };
    let figures = format!(
        "{} outages of the past: {held}; served, against usual: `pangyo-2022` {}, `koeln-15h` {}, `ioki-grey` {}{}",
        reports.len(),
        ratio("pangyo-2022"),
        ratio("koeln-15h"),
        ratio("ioki-grey"),
        reports
            .iter()
            .map(|report| trips_back(&report["ondol"]["disks_lost"]))
            .collect::<Result<String>>()?,
    );
    Ok((figures, missed.is_empty()))
}

/// What came back from phones once every disk was lost; nothing of an outage in which none was.
fn trips_back(lost: &Value) -> Result<String> {
    if lost.is_null() {
        return Ok(String::new());
    }
    let lies = |what: &str| -> Result<u64> {
        let kinds = ["forged", "foreign", "outdated"];
        kinds.iter().map(|kind| count(lost, &format!("/phones/{kind}/{what}"))).sum()
    };
    Ok(format!(
        "; when every disk was lost, of {} trips on phones that reached a node {} came back, and of {} false capsules {} were taken for true",
        count(lost, "/phones/online")?,
        count(lost, "/phones/back")?,
        lies("told")?,
        lies("accepted")?,
    ))
}

/// Of the runs with real processes.
pub(super) fn chaos(report: &Value) -> Result<(String, bool)> {
    let [acked, lost, doubled, charged, diverged, two] =
        ["/acked", "/lost", "/doubled", "/double_charges", "/diverged", "/duplicate_dispatches"]
            .map(|pointer| count(report, pointer));
    let (lost, doubled, charged, diverged) = (lost?, doubled?, charged?, diverged?);
    let each = report["each"].as_array().context("no runs are listed")?;
    let waited_s = each.iter().filter_map(|run| run["unavailable_s"].as_f64()).fold(0.0, f64::max);
    let seconds = |key: &str| report[key].as_f64().map_or_else(|| "?".to_owned(), |s| format!("{s:.1}"));
    let figures = format!(
        "{} bookings acknowledged; {lost} lost, {doubled} drivers doubled, {charged} charged twice, {diverged} journals apart, \
         {} riders with two taxis, in a split; takeover p50 {} s, p95 {} s; heal p50 {} s, p95 {} s; in no run more than {waited_s:.0} s \
         in which some rider waited over 30 s for any answer",
        acked?,
        two?,
        seconds("takeover_p50_s"),
        seconds("takeover_p95_s"),
        seconds("heal_p50_s"),
        seconds("heal_p95_s"),
    );
    let is_soon = report["takeover_p95_s"].as_f64().is_some_and(|s| s <= 30.0);
    Ok((figures, lost + doubled + charged + diverged == 0 && is_soon))
}

/// Of a long absence.
pub(super) fn heal(report: &Value) -> Result<(String, bool)> {
    let heal_s = report["heal_s"].as_f64().context("no heal_s")?;
    let unanswered = count(report, "/bookings_during/unanswered")?;
    let wait = report["bookings_during"]["p95_ms"].as_f64();
    let wait = wait.map_or_else(String::new, |ms| format!(", 95 of 100 within {ms:.0} ms"));
    let figures = format!(
        "{} entries of an edge were at central, and the district in normal mode, {heal_s:.1} s after central answered; \
         {} riders booked meanwhile, {unanswered} without an answer{wait}",
        count(report, "/entries")?,
        count(report, "/bookings_during/asked")?,
    );
    Ok((figures, heal_s <= 60.0 && unanswered == 0))
}

fn count(report: &Value, pointer: &str) -> Result<u64> {
    report.pointer(pointer).and_then(Value::as_u64).with_context(|| format!("the report has no {pointer}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_violation_a_missed_bug_a_loss_and_a_slow_heal_are_not_as_promised() {
        let faults_of = |violations: Value| {
            json!({ "violations": violations, "faults": {"lose": 7, "flap": 3}, "ops": 10, "journals_converged": true,
                "means": {"nodes": 3.0, "devices": 11.0, "bookings": 25.0, "faults": 10.0} })
        };
        let (text, is_well) = faults(&faults_of(json!([]))).unwrap();
        assert!(is_well && text.contains("10 faults, of the rarest kind 3 (flap), 0 violations"), "{text}");
        assert!(!faults(&faults_of(json!([{"seed": 1}]))).unwrap().1);
        assert!(faults(&json!({})).is_err(), "a report without figures is none");
        let idle = json!({"faults": {}, "ops": 0, "violations": [], "journals_converged": true});
        assert!(faults(&idle).is_err(), "nor is one of runs in which nothing happened");
        assert!(mutants(&json!({"mutants": {}})).is_err(), "nor one without bugs");

        let bug = |caught| json!({ "mutants": { "a": { "caught": caught, "first_seed": 9 } } });
        assert!(mutants(&bug(true)).unwrap().1 && !mutants(&bug(false)).unwrap().1);

        let runs = |lost, takeover_s| {
            json!({ "acked": 5, "lost": lost, "doubled": 0, "double_charges": 0, "diverged": 0,
                "duplicate_dispatches": 0, "takeover_p95_s": takeover_s,
                "each": [{"unavailable_s": 3.0}, {"unavailable_s": 9.0}] })
        };
        let (text, is_well) = chaos(&runs(0, 17.0)).unwrap();
        assert!(is_well && text.contains("more than 9 s"), "{text}");
        assert!(!chaos(&runs(1, 17.0)).unwrap().1 && !chaos(&runs(0, 31.0)).unwrap().1);

        let played = |met| {
            let bound = json!({ "what": "bookings lost", "met": met });
            json!([{ "name": "koeln-15h", "must": [bound], "ondol": { "in_outage": { "ratio": 0.9 } } }])
        };
        let (text, is_well) = scenarios(&played(true)).unwrap();
        assert!(is_well && text.ends_with("`koeln-15h` 0.90, `ioki-grey` ?"), "{text}");
        let lies = json!({ "told": 4, "refused": 4, "accepted": 0 });
        let phones = json!({ "online": 7, "back": 6, "forged": lies, "foreign": lies, "outdated": lies });
        let back = trips_back(&json!({ "phones": phones })).unwrap();
        assert!(
            back.contains("of 7 trips") && back.contains("6 came back") && back.contains("of 12 false"),
            "{back}"
        );
        assert!(trips_back(&json!({ "phones": {} })).is_err(), "a report that lacks them is none");
        assert!(!scenarios(&played(false)).unwrap().1);
        assert!(scenarios(&json!([])).is_err(), "nothing played is nothing shown");

        let healed = |heal_s, unanswered| {
            let during = json!({ "asked": 9, "unanswered": unanswered, "p95_ms": 80.0 });
            json!({ "entries": 5, "heal_s": heal_s, "bookings_during": during })
        };
        assert!(heal(&healed(59.9, 0)).unwrap().1 && !heal(&healed(60.1, 0)).unwrap().1);
        assert!(!heal(&healed(59.9, 1)).unwrap().1);
    }
}
