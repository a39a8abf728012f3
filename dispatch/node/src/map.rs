//! `ondol map`: make maps, and ask them for ways and places.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, anyhow, bail};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use ondol_core::position::Position;

use ondol_roads::{Districts, ImportReport, Progress, RoadMap, generate};

use crate::output;

/// Most places that a search prints.
const HITS_MAX: usize = 20;
/// Where a map directory keeps its districts.
const DISTRICTS_FILE: &str = "districts.geojson";
/// Seed of the default borders, so that everybody gets the same districts for the same map.
const BORDER_SEED: u64 = 1;

#[derive(Subcommand)]
pub(crate) enum MapCommand {
    /// Import OpenStreetMap files (.osm.pbf, .osm.gz, OSMnx .graphml or .graphml.gz) into a map directory.
    Import {
        /// The files; several are merged.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The map directory to write.
        #[arg(long)]
        out: PathBuf,
        /// Districts and their zones as GeoJSON; without it the map is split in two.
        #[arg(long)]
        districts: Option<PathBuf>,
        /// Print the counts as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Generate the built-in synthetic city.
    Generate {
        /// The city; the same number gives the same streets.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The map directory to write.
        #[arg(long)]
        out: PathBuf,
        /// Print the counts as JSON.
        #[arg(long)]
        json: bool,
    },
    /// The quickest way between two positions.
    Route {
        /// The map directory.
        #[arg(long)]
        map: PathBuf,
        /// Start, as LAT,LON in degrees.
        #[arg(allow_hyphen_values = true)]
        from: LatLon,
        /// Destination, as LAT,LON in degrees.
        #[arg(allow_hyphen_values = true)]
        to: LatLon,
        /// Print distance, time and line as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Find streets, house numbers, places, stands and exits.
    Search {
        /// The map directory.
        #[arg(long)]
        map: PathBuf,
        /// What to look for.
        text: String,
        /// Prefer places near LAT,LON.
        #[arg(long, allow_hyphen_values = true)]
        near: Option<LatLon>,
        /// Print the places as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A position on the command line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LatLon(Position);

impl FromStr for LatLon {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, anyhow::Error> {
        let (lat, lon) = text
            .split_once(',')
            .ok_or_else(|| anyhow!("write a position as LAT,LON, as in 37.4979,127.0276"))?;
        let degrees =
            |part: &str| part.trim().parse::<f64>().with_context(|| format!("{part:?} is not a number"));
        Ok(Self(Position::new(degrees(lat)?, degrees(lon)?)?))
    }
}

pub(crate) fn run(command: &MapCommand) -> anyhow::Result<()> {
    match command {
        MapCommand::Import { files, out, districts, json } => {
            let bar = spinner();
            let districts = districts.as_deref().map(Districts::read).transpose()?;
            let report = ondol_roads::import(files, out, districts.as_ref(), &mut |step| show(&bar, &step))?;
            bar.finish_and_clear();
            if districts.is_none() {
                let map = RoadMap::load(out)?;
                let file = out.join(DISTRICTS_FILE);
                std::fs::write(&file, map.default_districts(2, BORDER_SEED).to_geojson())
                    .with_context(|| format!("cannot write {}", file.display()))?;
            }
            print_report(report, out, *json)
        }
        MapCommand::Generate { seed, out, json } => {
            let bar = spinner();
            let report = generate::generate(*seed, out, &mut |step| show(&bar, &step))?;
            bar.finish_and_clear();
            print_report(report, out, *json)
        }
        MapCommand::Route { map, from, to, json } => {
            let route = RoadMap::load(map)?.route(from.0, to.0)?;
            if *json {
                return output::json(&route);
            }
            output::line(&format!(
                "{:.1} km, {} min {:02} s, {} points",
                f64::from(route.distance_m) / 1_000.0,
                route.duration_s / 60,
                route.duration_s % 60,
                route.geometry.len()
            ))
        }
        MapCommand::Search { map, text, near, json } => {
            let hits = RoadMap::load(map)?.search(text, near.map(|near| near.0), HITS_MAX);
            if *json {
                return output::json(&hits);
            }
            if hits.is_empty() {
                bail!("nothing is called {text:?} on this map");
            }
            for hit in hits {
                output::line(&format!(
                    "{:<12} {:.6},{:.6}  {}",
                    hit.kind.as_str(),
                    hit.lat,
                    hit.lon,
                    hit.name
                ))?;
            }
            Ok(())
        }
    }
}

fn print_report(report: ImportReport, out: &std::path::Path, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&report);
    }
    let ImportReport { nodes, edges, names, places } = report;
    output::line(&format!(
        "{}: {nodes} junctions, {edges} street arcs, {names} street names, {places} places",
        out.display()
    ))
}

/// Progress on a terminal; nothing where a program reads.
fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::default_spinner());
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar
}

fn show(bar: &ProgressBar, step: &Progress) {
    bar.set_message(match step {
        Progress::Reading(file) => format!("reading {}", file.display()),
        Progress::Joining => "joining streets at their junctions".to_owned(),
        Progress::Naming => "collecting names, numbers and stands".to_owned(),
        Progress::Ordering => "ordering the hierarchy of junctions".to_owned(),
        Progress::Writing(out) => format!("writing {}", out.display()),
    });
}
