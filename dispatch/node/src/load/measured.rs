//! `ondol load --node URL`: a city's whole load at once on a running system, timed.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ondol_sim::load::{self, Bounds, Options, Wanted};

use crate::output;
use crate::simulate::{open_report, write_report};

/// Longest run, in minutes: a shift's pass lasts twelve hours.
const MINUTES_MAX: f64 = 600.0;

/// How much is asked, beginning with Seoul's figures.
#[derive(clap::Args)]
pub(super) struct MeasuredArguments {
    /// Measures how the node at this address carries a city's load; an address of this machine, or a node with wide limits.
    #[arg(long, value_name = "URL", requires_all = ["map", "roster"])]
    pub(super) node: Option<String>,
    /// The map directory that the node has.
    #[arg(long, value_name = "DIR", requires = "node")]
    map: Option<PathBuf>,
    /// The roster file that the node was given: its drivers with the app come to work.
    #[arg(long, value_name = "FILE", requires = "node")]
    roster: Option<PathBuf>,
    /// Drivers at work, each with a socket of its own.
    #[arg(long, default_value_t = 24_000, value_parser = clap::value_parser!(u32).range(1..=50_000), requires = "node")]
    shifts: u32,
    /// Positions that all phones report in a second: each phone every 1 to 8 s.
    #[arg(long, default_value_t = 6_000.0, value_parser = rate, requires = "node")]
    reports_per_s: f64,
    /// Bookings in a second.
    #[arg(long, default_value_t = 33.0, value_parser = rate, requires = "node")]
    bookings_per_s: f64,
    /// Fares asked for and bookings looked at in a second, half of each.
    #[arg(long, default_value_t = 67.0, value_parser = rate, requires = "node")]
    quotes_per_s: f64,
    /// So much of the figures above is asked.
    #[arg(long, default_value_t = 1.0, value_parser = share, requires = "node")]
    share: f64,
    /// How long it counts, once all drivers have come.
    #[arg(long, default_value_t = 10.0, value_parser = minutes, requires = "node")]
    minutes: f64,
    /// Seconds for which a booking keeps its driver busy.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(2..=3_600), requires = "node")]
    trip_s: u32,
    /// Draws who comes when and from where.
    #[arg(long, default_value_t = 1, requires = "node")]
    seed: u64,
    /// Bound: 99 of 100 bookings are acknowledged within so many milliseconds.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=600_000), requires = "node")]
    booking_p99_ms: u64,
    /// Bound: 95 of 100 offers reach a driver so many milliseconds after the acknowledgement, where a taxi was free.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=600_000), requires = "node")]
    offer_p95_ms: u64,
    /// Bound: most memory of the node, in MiB.
    #[arg(long, default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(1..=1_048_576), requires = "node")]
    memory_mib: u64,
    /// Write what was seen as JSON: ondol-load/1.
    #[arg(long, value_name = "FILE", requires = "node")]
    report: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long, requires = "node")]
    json: bool,
}

pub(super) fn run(node: &str, arguments: &MeasuredArguments) -> anyhow::Result<()> {
    let options = options(node, arguments)?;
    let mut file = arguments.report.as_deref().map(open_report).transpose()?;
    // If nobody reads what is told, the report is still made.
    let tell = |words: &str| drop(output::remark(words));
    let mut seen = None;
    crate::block_on(async {
        seen = Some(load::run(&options, tell).await?);
        Ok(())
    })?;
    let report = seen.expect("it was made, just above");
    if let (Some(file), Some(path)) = (&mut file, &arguments.report) {
        let json = serde_json::to_string_pretty(&report).context("a report is plain JSON")?;
        write_report(file, path, &json)?;
    }
    if arguments.json {
        output::json(&report)?;
    } else {
        output::line(report.to_string().trim_end())?;
    }
    match report.missed() {
        missed if missed.is_empty() => Ok(()),
        missed => bail!("not as it must be: {}", missed.join("; ")),
    }
}

fn options(node: &str, arguments: &MeasuredArguments) -> anyhow::Result<Options> {
    let MeasuredArguments { shifts, reports_per_s, bookings_per_s, quotes_per_s, share, .. } = *arguments;
    let MeasuredArguments { booking_p99_ms, offer_p95_ms, memory_mib, .. } = *arguments;
    Ok(Options {
        node: node.to_owned(),
        map: arguments.map.clone().context("--map: say which map the node has")?,
        roster: arguments.roster.clone().context("--roster: say which roster the node was given")?,
        wanted: Wanted { shifts, reports_per_s, bookings_per_s, quotes_per_s }.share(share),
        time: Duration::from_secs_f64(arguments.minutes * 60.0),
        trip_s: arguments.trip_s,
        seed: arguments.seed,
        bounds: Bounds { booking_p99_ms, offer_p95_ms, memory_mib },
    })
}

fn rate(text: &str) -> Result<f64, String> {
    between(text, 0.001, 100_000.0)
}

fn share(text: &str) -> Result<f64, String> {
    between(text, 0.000_1, 2.0)
}

fn minutes(text: &str) -> Result<f64, String> {
    between(text, 0.05, MINUTES_MAX)
}

fn between(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "say a number".to_owned())?;
    if (least..=most).contains(&number) { Ok(number) } else { Err(format!("say {least} to {most}")) }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::LoadArguments;
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        load: LoadArguments,
    }

    fn parse(more: &[&str]) -> Result<LoadArguments, String> {
        let line = ["load"].iter().chain(more);
        Line::try_parse_from(line).map(|line| line.load).map_err(|error| error.to_string())
    }

    const DRIVEN: [&str; 6] = ["--node", "http://127.0.0.1:1", "--map", "map", "--roster", "roster.json"];

    #[test]
    fn without_more_it_is_seouls_load() {
        let arguments = parse(&DRIVEN).unwrap().measured;
        let options = options("http://127.0.0.1:1", &arguments).unwrap();
        let seoul =
            Wanted { shifts: 24_000, reports_per_s: 6_000.0, bookings_per_s: 33.0, quotes_per_s: 67.0 };
        assert_eq!((options.wanted, options.time.as_secs()), (seoul, 600));
        let bounds = Bounds { booking_p99_ms: 1_000, offer_p95_ms: 2_000, memory_mib: 1_024 };
        assert_eq!(options.bounds, bounds);
    }

    #[test]
    fn what_makes_no_load_is_refused_by_its_name() {
        for (flag, value) in [
            ("--shifts", "0"),
            ("--shifts", "50001"),
            ("--reports-per-s", "0"),
            ("--bookings-per-s", "NaN"),
            ("--quotes-per-s", "-1"),
            ("--share", "0"),
            ("--share", "3"),
            ("--minutes", "601"),
            ("--trip-s", "1"),
            ("--memory-mib", "0"),
        ] {
            let error = parse(&[&DRIVEN[..], &[&format!("{flag}={value}")]].concat()).err();
            assert!(error.is_some_and(|error| error.contains(flag)), "{flag} {value}");
        }
    }

    #[test]
    fn a_load_is_of_one_kind_and_knows_its_map_and_its_drivers() {
        for line in [
            &["--node", "http://127.0.0.1:1"][..],
            &["--config", "load.toml", "--share", "0.1"],
            &["--share", "0.1"],
            &[&DRIVEN[..], &["--config", "load.toml"]].concat(),
        ] {
            assert!(parse(line).is_err(), "{line:?}");
        }
        assert!(parse(&["--config", "load.toml"]).is_ok());
    }

    #[test]
    fn nobody_at_the_address_is_said_in_a_sentence() {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", nobody.local_addr().unwrap());
        drop(nobody);
        let few = parse(&[&DRIVEN[..], &["--share=0.01"]].concat()).unwrap();
        let error = run(&url, &few.measured).unwrap_err().to_string();
        assert!(error.contains("--node") && error.contains("no_connection"), "{error}");
    }
}
