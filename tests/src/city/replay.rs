//! A recorded fleet: real cabs, real rides.
//!
//! Cabs start at their first fix in the window and then move by dispatch. Rides are the runs of `occupied`; while the
//! whole fleet is silent nobody knows them, and the next day's rides at the same clock stand in.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;
use ondol_core::position::Position;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::config::ReplayConfig;
use super::geo::City;
use super::plan::{self, Wish};

/// Shortest and longest ride that is believed, in seconds.
const RIDE_S: std::ops::RangeInclusive<i64> = 60..=10_800;
/// A fleet that says nothing for so long is silent; a cab's ride with such a hole in it is unknown.
const SILENCE_S: i64 = 600;
/// Farthest from a street that a fix may be.
const OFF_ROAD_M: f64 = 150.0;
const DAY_S: i64 = 86_400;
/// Most lines of a recording.
const LINES_MAX: usize = 20_000_000;
/// Longest line, in bytes.
const LINE_MAX: usize = 256;

/// What a recording gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// When and where each cab comes to work, in milliseconds of the city's own time.
    pub cabs: Vec<(u64, Position)>,
    /// The rides.
    pub wishes: Vec<Wish>,
    /// What was left out.
    pub skipped: Skipped,
}

/// What was left out of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skipped {
    /// Cabs that were never on the map.
    pub cabs_off_map: usize,
    /// Rides that begin or end off the map.
    pub rides_off_map: usize,
    /// Rides shorter than a minute or longer than three hours.
    pub rides_odd: usize,
}

/// A ride of the recording, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ride {
    from_s: i64,
    until_s: i64,
    pickup: Position,
    dropoff: Position,
}

/// A fix.
#[derive(Debug, Clone, Copy)]
struct Fix {
    at_s: i64,
    position: Position,
    is_occupied: bool,
}

/// Reads a recording from `start_s` (seconds since 1970) for `duration_s`.
///
/// # Errors
///
/// If a file cannot be read or is not what its header must say, or the window holds nothing.
pub fn read(
    config: &ReplayConfig,
    city: &City,
    seed: u64,
    (start_s, duration_s): (i64, u64),
    wishes_max: u32,
) -> Result<Replay> {
    let window = start_s..start_s + i64::try_from(duration_s).unwrap_or(i64::MAX);
    let fixes = fixes(&config.fixes, &window)?;
    ensure!(!fixes.is_empty(), "{}: no fix in the window", config.fixes.display());
    let silence = silence(&fixes, &window);
    let mut skipped = Skipped::default();
    let on_street = |position: Position| {
        city.edge_of(position)?;
        city.map().snap(position).filter(|snapped| snapped.distance_m <= OFF_ROAD_M).map(|s| s.position)
    };
    let mut cabs: Vec<(u64, Position)> = Vec::new();
    let mut rides: Vec<Ride> = Vec::new();
    for fixes in fixes.values() {
        match fixes.iter().find_map(|fix| Some((fix.at_s, on_street(fix.position)?))) {
            Some((at_s, position)) => cabs.push((own_ms(at_s - start_s), position)),
            None => skipped.cabs_off_map += 1,
        }
        rides.extend(runs(fixes));
    }
    if let (Some(demand), Some(silence)) = (&config.demand, &silence) {
        rides.extend(next_day(demand, silence)?);
    }
    rides.retain(|ride| {
        let fine = RIDE_S.contains(&(ride.until_s - ride.from_s));
        skipped.rides_odd += usize::from(!fine);
        fine && window.contains(&ride.from_s)
    });
    rides.sort_by_key(|ride| (ride.from_s, ride.pickup, ride.dropoff));
    let mut on_map = Vec::new();
    for ride in rides {
        match (on_street(ride.pickup), on_street(ride.dropoff)) {
            (Some(pickup), Some(dropoff)) => on_map.push(Ride { pickup, dropoff, ..ride }),
            _ => skipped.rides_off_map += 1,
        }
    }
    cabs.sort_by_key(|(at_ms, position)| (*at_ms, *position));
    Ok(Replay { cabs, wishes: wishes(city, seed, start_s, &on_map, wishes_max), skipped })
}

/// Gives rides their doors; of too many, evenly spread ones are left out.
fn wishes(city: &City, seed: u64, start_s: i64, rides: &[Ride], most: u32) -> Vec<Wish> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(2);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let kept = |n: usize| rides.len() <= most || (n * most / rides.len()) != ((n + 1) * most / rides.len());
    let kept = rides.iter().enumerate().filter(|(n, _)| kept(*n));
    kept.enumerate()
        .map(|(number, (_, ride))| {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let at_ms = own_ms(ride.from_s - start_s);
            plan::wish(city, number, at_ms, (ride.pickup, ride.dropoff), &mut rng)
        })
        .collect()
}

fn own_ms(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0) * 1_000
}

/// Runs of `occupied`: from the fix at which the meter is on to the last one. A run with a hole in it, or without
/// its beginning or end in the window, is no ride.
fn runs(fixes: &[Fix]) -> Vec<Ride> {
    let mut rides = Vec::new();
    let mut begun: Option<Fix> = None;
    for pair in fixes.windows(2) {
        let (before, fix) = (pair[0], pair[1]);
        if fix.at_s - before.at_s > SILENCE_S {
            begun = None;
            continue;
        }
        match (before.is_occupied, fix.is_occupied) {
            (false, true) => begun = Some(fix),
            (true, false) => {
                if let Some(first) = begun.take() {
                    rides.push(Ride {
                        from_s: first.at_s,
                        until_s: before.at_s,
                        pickup: first.position,
                        dropoff: before.position,
                    });
                }
            }
            (true, true) | (false, false) => {}
        }
    }
    rides
}

/// The longest time in the window in which nobody reports.
fn silence(fixes: &BTreeMap<u32, Vec<Fix>>, window: &std::ops::Range<i64>) -> Option<std::ops::Range<i64>> {
    let mut moments: Vec<i64> = fixes.values().flatten().map(|fix| fix.at_s).collect();
    moments.extend([window.start, window.end]);
    moments.sort_unstable();
    let longest = moments.windows(2).max_by_key(|pair| pair[1] - pair[0])?;
    (longest[1] - longest[0] > SILENCE_S).then(|| longest[0]..longest[1])
}

/// Fixes of the window by cab, in order.
fn fixes(file: &Path, window: &std::ops::Range<i64>) -> Result<BTreeMap<u32, Vec<Fix>>> {
    let mut cabs: BTreeMap<u32, Vec<Fix>> = BTreeMap::new();
    rows(file, "unix,cab,lat,lon,occupied", |[at, cab, lat, lon, occupied]| {
        let at_s: i64 = at.parse().ok()?;
        if window.contains(&at_s) {
            let fix = Fix { at_s, position: position(lat, lon)?, is_occupied: occupied == "1" };
            cabs.entry(cab.parse().ok()?).or_default().push(fix);
        }
        Some(())
    })?;
    for fixes in cabs.values_mut() {
        fixes.sort_by_key(|fix| fix.at_s);
    }
    Ok(cabs)
}

/// The rides of the day after the silence, at the clock of the silence.
fn next_day(file: &Path, silence: &std::ops::Range<i64>) -> Result<Vec<Ride>> {
    let mut rides = Vec::new();
    let header = "pickup_unix,cab,pickup_lat,pickup_lon,dropoff_unix,dropoff_lat,dropoff_lon";
    rows(file, header, |[from, _, lat, lon, until, to_lat, to_lon]| {
        let (from_s, until_s): (i64, i64) = (from.parse().ok()?, until.parse().ok()?);
        if silence.contains(&(from_s - DAY_S)) {
            rides.push(Ride {
                from_s: from_s - DAY_S,
                until_s: until_s - DAY_S,
                pickup: position(lat, lon)?,
                dropoff: position(to_lat, to_lon)?,
            });
        }
        Some(())
    })?;
    Ok(rides)
}

fn position(lat: &str, lon: &str) -> Option<Position> {
    Position::new(lat.parse().ok()?, lon.parse().ok()?).ok()
}

/// Reads a CSV file, gzipped or not, whose header is `header`; `take` returns `None` for a row that is none.
fn rows<const N: usize>(
    file: &Path,
    header: &str,
    mut take: impl FnMut([&str; N]) -> Option<()>,
) -> Result<()> {
    let name = || file.display().to_string();
    let opened = File::open(file).with_context(name)?;
    let is_gzip = file.extension().is_some_and(|ending| ending == "gz");
    let plain: Box<dyn Read> = if is_gzip { Box::new(GzDecoder::new(opened)) } else { Box::new(opened) };
    let mut reader = BufReader::with_capacity(1 << 16, plain);
    let mut line = String::new();
    reader.read_line(&mut line).with_context(name)?;
    ensure!(line.trim_end() == header, "{}: its first line must be {header}", name());
    for number in 2..LINES_MAX {
        line.clear();
        if reader.read_line(&mut line).with_context(name)? == 0 {
            return Ok(());
        }
        ensure!(line.len() <= LINE_MAX, "{} line {number}: longer than {LINE_MAX} bytes", name());
        let fields: Vec<&str> = line.trim_end().split(',').collect();
        let fields: Option<[&str; N]> = fields.try_into().ok();
        let fine = fields.and_then(&mut take);
        fine.with_context(|| format!("{} line {number}: not a row of {header}", name()))?;
    }
    anyhow::bail!("{}: more than {LINES_MAX} lines", name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(at_s: i64, lon: f64, is_occupied: bool) -> Fix {
        Fix { at_s, position: Position::new(37.78, lon).unwrap(), is_occupied }
    }

    #[test]
    fn a_ride_is_a_whole_run() {
        let fixes = [
            fix(0, -122.40, true),
            fix(60, -122.40, false),
            fix(120, -122.41, true),
            fix(240, -122.42, true),
            fix(300, -122.42, false),
            fix(360, -122.43, true),
            fix(4_000, -122.44, true),
            fix(4_060, -122.44, false),
        ];
        let rides = runs(&fixes);
        assert_eq!(rides.len(), 1, "one began before the window, one has a hole");
        assert_eq!((rides[0].from_s, rides[0].until_s), (120, 240));
    }

    #[test]
    fn the_fleets_silence_is_found() {
        let mut cabs = BTreeMap::new();
        cabs.insert(1, vec![fix(0, -122.4, false), fix(700, -122.4, false)]);
        cabs.insert(2, vec![fix(500, -122.4, false), fix(1_600, -122.4, false)]);
        assert_eq!(silence(&cabs, &(0..1_700)), Some(700..1_600));
        cabs.insert(3, vec![fix(1_200, -122.4, false)]);
        assert_eq!(silence(&cabs, &(0..1_700)), None);
    }

    #[test]
    fn a_file_of_another_shape_is_refused() {
        let file = std::env::temp_dir().join(format!("ondol-replay-{}.csv", std::process::id()));
        for (text, hint) in [
            ("a,b\n", "first line must be"),
            ("unix,cab,lat,lon,occupied\n1,2,3\n", "line 2"),
            ("unix,cab,lat,lon,occupied\n5,1,37.7,-122.4,0\n5,1,x,-122.4,0\n", "line 3"),
        ] {
            std::fs::write(&file, text).unwrap();
            let error = format!("{:#}", fixes(&file, &(0..10)).unwrap_err());
            assert!(error.contains(hint), "{error}");
        }
        std::fs::remove_file(&file).unwrap();
    }
}
