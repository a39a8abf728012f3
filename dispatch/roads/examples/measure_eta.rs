//! Learns driving times from one part of a fleet's history and judges them by a later day:
//! `cargo run --release -p ondol-roads --example measure_eta -- MAP.osm.pbf TRIPS.csv.gz FIXES.csv.gz FROM TO UTC_OFFSET_H`.
//!
//! Trips that begin from FROM until TO (seconds since 1970) are predicted; nothing that ends after FROM is learnt
//! from. Past days teach one after the other: first each is predicted from the days before it, and what was said
//! and what was true teach the line; then its traces and trips go into the book. Trips of less than 60 s or more than 3 h, and those that begin or
//! end off the map's streets, are left out.
#![allow(clippy::print_stdout, reason = "printing a table is what this program is for")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use ondol_core::position::Position;
use ondol_roads::speeds::{Eta, EtaModel, Fix, Slot, SpeedBook};
use ondol_roads::{RoadMap, import_in_memory};

type Failure = Box<dyn std::error::Error>;

/// Farthest from a street that a trip may begin or end, in metres.
const OFF_STREET_M: f64 = 100.0;

#[derive(Clone, Copy)]
struct Trip {
    begins_s: i64,
    took_s: u32,
    from: Position,
    to: Position,
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [map, trips, fixes, from_s, to_s, offset_h] = &args[..] else {
        return Err("give MAP TRIPS FIXES FROM TO UTC_OFFSET_H".into());
    };
    let (from_s, to_s): (i64, i64) = (from_s.parse()?, to_s.parse()?);
    let offset_s = offset_h.parse::<i32>()? * 3_600;
    let map = RoadMap::of(import_in_memory(&[PathBuf::from(map)], None, &mut |_| {})?);
    let trips = read_trips(trips, &map)?;
    let past: Vec<Trip> =
        trips.iter().filter(|trip| trip.begins_s + i64::from(trip.took_s) < from_s).copied().collect();
    let asked: Vec<Trip> =
        trips.iter().filter(|trip| (from_s..to_s).contains(&trip.begins_s)).copied().collect();
    println!("{} trips to learn from, {} to predict", past.len(), asked.len());

    let free = |trips: &[Trip]| predict(&map, &map.speed_book(), offset_s, trips);
    let straight = |trips: &[Trip]| -> Result<Vec<f64>, Failure> {
        Ok(trips.iter().map(|trip| trip.from.distance_m(trip.to)).collect())
    };
    let (free_past, free_asked) = (free(&past)?, free(&asked)?);
    report("free streets", &asked, &free_asked);
    let factor = median(past.iter().zip(&free_past).map(|(trip, s)| f64::from(trip.took_s) / s.max(1.0)));
    report("free × one factor", &asked, &free_asked.iter().map(|s| s * factor).collect::<Vec<_>>());
    report("line over free", &asked, &by_line(&past, &free_past, &free_asked)?);
    let (straight_past, straight_asked) = (straight(&past)?, straight(&asked)?);
    let pace = median(past.iter().zip(&straight_past).map(|(trip, m)| f64::from(trip.took_s) / m.max(1.0)));
    report("straight line", &asked, &straight_asked.iter().map(|m| m * pace).collect::<Vec<_>>());

    let traces = read_traces(fixes, from_s)?;
    let mut past_days = Past { map: &map, offset_s, book: map.speed_book(), told: Vec::new() };
    for (day, trips) in by_day(&past, offset_s) {
        past_days.live(&trips, traces.iter().filter(|trace| local_day(trace[0].at_s, offset_s) == day))?;
    }
    let Past { book, told, .. } = past_days;
    let learnt = predict(&map, &book, offset_s, &asked)?;
    report("learnt speeds", &asked, &learnt);
    let workday = |trip: &Trip| Slot::at(trip.begins_s, offset_s).day();
    let kind = workday(asked.first().ok_or("nothing to predict")?);
    let alike: Vec<(f64, f64)> = told
        .iter()
        .filter(|(trip, _)| workday(trip) == kind)
        .map(|(trip, s)| (*s, f64::from(trip.took_s)))
        .collect();
    println!("{} trips were predicted on days before of this kind", alike.len());
    let model = EtaModel::learn(&alike).ok_or("too few trips to learn from")?;
    let etas: Vec<Eta> = learnt.iter().map(|s| model.tell(whole(*s))).collect();
    report("line over learnt", &asked, &etas.iter().map(|eta| f64::from(eta.expected_s)).collect::<Vec<_>>());
    let off = |within: fn(&Eta) -> u32| {
        let held =
            etas.iter().zip(&asked).filter(|(eta, trip)| eta.expected_s.abs_diff(trip.took_s) <= within(eta));
        100 * held.count() / asked.len()
    };
    println!(
        "stated errors held for {} % (half) and {} % (nine of ten)",
        off(|eta| eta.half_within_s),
        off(|eta| eta.most_within_s)
    );
    println!("ten minutes are told as {:?}", model.tell(600));
    Ok(())
}

/// Days as they pass.
struct Past<'a> {
    map: &'a RoadMap,
    offset_s: i32,
    book: SpeedBook,
    /// What was said of trips before they were learnt from.
    told: Vec<(Trip, f64)>,
}

impl Past<'_> {
    /// Predicts a day's trips, then learns from them and from the day's traces.
    fn live<'t>(
        &mut self,
        trips: &[Trip],
        traces: impl Iterator<Item = &'t Vec<Fix>>,
    ) -> Result<(), Failure> {
        let said = predict(self.map, &self.book, self.offset_s, trips)?;
        self.told.extend(trips.iter().copied().zip(said));
        let mut hours: BTreeMap<Slot, (Vec<&[Fix]>, Vec<Trip>)> = BTreeMap::new();
        let slot = |at_s| Slot::at(at_s, self.offset_s);
        for trace in traces {
            hours.entry(slot(trace[0].at_s)).or_default().0.push(trace);
        }
        for trip in trips {
            hours.entry(slot(trip.begins_s)).or_default().1.push(*trip);
        }
        for (slot, (traces, trips)) in hours {
            self.map.set_speeds(&self.book, slot)?;
            for trace in traces {
                self.map.traversals(trace).iter().for_each(|step| self.book.learn(slot, step));
            }
            for trip in trips {
                let step = self.map.trip(trip.from, trip.to, trip.took_s);
                step.iter().for_each(|step| self.book.learn(slot, step));
            }
        }
        self.map.set_speeds(&self.map.speed_book(), slot(0))?;
        Ok(())
    }
}

fn local_day(at_s: i64, offset_s: i32) -> i64 {
    (at_s + i64::from(offset_s)).div_euclid(86_400)
}

fn by_day(trips: &[Trip], offset_s: i32) -> BTreeMap<i64, Vec<Trip>> {
    let mut days: BTreeMap<i64, Vec<Trip>> = BTreeMap::new();
    for trip in trips {
        days.entry(local_day(trip.begins_s, offset_s)).or_default().push(*trip);
    }
    days
}

/// What the map says for each trip, in seconds, at the paces of the hour in which it begins.
fn predict(map: &RoadMap, book: &SpeedBook, offset_s: i32, trips: &[Trip]) -> Result<Vec<f64>, Failure> {
    let mut by_slot: BTreeMap<Slot, Vec<usize>> = BTreeMap::new();
    for (at, trip) in trips.iter().enumerate() {
        by_slot.entry(Slot::at(trip.begins_s, offset_s)).or_default().push(at);
    }
    let mut told = vec![0.0; trips.len()];
    for (slot, places) in by_slot {
        map.set_speeds(book, slot)?;
        for at in places {
            let found = map.durations_from(trips[at].from, &[trips[at].to]);
            told[at] = f64::from(found[0].ok_or("both ends are on streets")?);
        }
    }
    map.set_speeds(&map.speed_book(), Slot::at(0, 0))?;
    Ok(told)
}

fn by_line(past: &[Trip], past_s: &[f64], asked_s: &[f64]) -> Result<Vec<f64>, Failure> {
    let pairs: Vec<(f64, f64)> =
        past_s.iter().zip(past).map(|(s, trip)| (*s, f64::from(trip.took_s))).collect();
    let model = EtaModel::learn(&pairs).ok_or("too few trips to learn from")?;
    Ok(asked_s.iter().map(|s| f64::from(model.tell(whole(*s)).expected_s)).collect())
}

fn report(name: &str, asked: &[Trip], told_s: &[f64]) {
    let off = || asked.iter().zip(told_s).map(|(trip, s)| s - f64::from(trip.took_s));
    println!("{name:20} median error {:6.1} s, bias {:+6.1} s", median(off().map(f64::abs)), median(off()));
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Runs of fixes of one cab with a passenger, all before a moment.
fn read_traces(file: &str, before_s: i64) -> Result<Vec<Vec<Fix>>, Failure> {
    let mut open: BTreeMap<u32, Vec<Fix>> = BTreeMap::new();
    let mut traces = Vec::new();
    for fields in rows(file)? {
        let [at, cab, lat, lon, occupied] = &fields?[..] else {
            return Err("five columns of fixes".into());
        };
        let (at_s, cab): (i64, u32) = (at.parse()?, cab.parse()?);
        let trace = open.entry(cab).or_default();
        if occupied == "1" && at_s < before_s {
            trace.push(Fix { at_s, position: Position::new(lat.parse()?, lon.parse()?)? });
        } else {
            traces.push(std::mem::take(trace));
        }
    }
    traces.extend(open.into_values());
    traces.retain(|trace| trace.len() > 1);
    Ok(traces)
}

fn read_trips(file: &str, map: &RoadMap) -> Result<Vec<Trip>, Failure> {
    let on_street = |at: Position| {
        map.bbox().contains(at) && map.snap(at).is_some_and(|place| place.distance_m <= OFF_STREET_M)
    };
    let mut trips = Vec::new();
    for fields in rows(file)? {
        let [begins, _, from_lat, from_lon, ends, to_lat, to_lon] = &fields?[..] else {
            return Err("seven columns of trips".into());
        };
        let (begins_s, ends_s): (i64, i64) = (begins.parse()?, ends.parse()?);
        let from = Position::new(from_lat.parse()?, from_lon.parse()?)?;
        let to = Position::new(to_lat.parse()?, to_lon.parse()?)?;
        if (60..=3 * 3_600).contains(&(ends_s - begins_s)) && on_street(from) && on_street(to) {
            trips.push(Trip { begins_s, took_s: u32::try_from(ends_s - begins_s)?, from, to });
        }
    }
    Ok(trips)
}

/// The fields of each line after the header.
fn rows(file: &str) -> Result<impl Iterator<Item = std::io::Result<Vec<String>>>, Failure> {
    let lines = BufReader::new(GzDecoder::new(File::open(file)?)).lines();
    Ok(lines.skip(1).map(|line| Ok(line?.split(',').map(str::to_owned).collect())))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a trip of hours")]
fn whole(seconds: f64) -> u32 {
    seconds.round() as u32
}
