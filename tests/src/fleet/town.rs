//! A town: its roads, its riders, its taxis.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ondol_core::position::Position;

use super::csv::{BadFile, Row, Table};
use super::roads::Edge;

/// Most nodes, edges, requests or vehicles.
const ROWS_MAX: usize = 5_000_000;
/// Most nodes at one place: more are no crossing, but places that nobody has filled in.
const AT_ONE_PLACE_MAX: u32 = 100;

/// Where a town lies on the disk.
#[derive(Debug, Clone)]
pub struct Files {
    /// `node,lat,lon`
    pub nodes: PathBuf,
    /// `from,to,length_m,time_s`
    pub edges: PathBuf,
    /// `request,time_s,from,to,max_wait_s`
    pub requests: PathBuf,
    /// `vehicle,start,shift_start_s,shift_end_s`
    pub vehicles: PathBuf,
}

/// A town in memory. Nodes, requests and vehicles are known by their numbers in the files.
#[derive(Debug, Clone, Default)]
pub struct Town {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    pub(super) requests: Vec<Request>,
    pub(super) vehicles: Vec<Vehicle>,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub name: String,
    pub position: Position,
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub name: String,
    pub time_s: u32,
    pub from: usize,
    pub to: usize,
    pub max_wait_s: Option<u32>,
}

#[derive(Debug, Clone)]
pub(super) struct Vehicle {
    pub name: String,
    pub start: usize,
    pub shift_start_s: u32,
    pub shift_end_s: u32,
}

impl Town {
    /// Reads the four files.
    ///
    /// # Errors
    ///
    /// [`BadFile`] with the file and the line that cannot be used.
    pub fn read(files: &Files) -> Result<Self, BadFile> {
        let (nodes, numbers) = read_nodes(&Table::open(&files.nodes)?)?;
        Ok(Self {
            nodes,
            edges: read_edges(&Table::open(&files.edges)?, &numbers)?,
            requests: read_requests(&Table::open(&files.requests)?, &numbers)?,
            vehicles: read_vehicles(&Table::open(&files.vehicles)?, &numbers)?,
        })
    }

    /// How many nodes there are.
    #[must_use]
    pub fn crossings(&self) -> usize {
        self.nodes.len()
    }

    /// How many riders there are.
    #[must_use]
    pub fn riders(&self) -> usize {
        self.requests.len()
    }
}

type Numbers = BTreeMap<String, usize>;

fn read_nodes(table: &Table) -> Result<(Vec<Node>, Numbers), BadFile> {
    let (mut nodes, mut numbers, mut places) = (Vec::new(), Numbers::new(), BTreeSet::new());
    for row in table.rows(["node", "lat", "lon"])? {
        let row = row?;
        bounded(&row, nodes.len())?;
        let name = row.name(0)?;
        let (lat, lon) = (row.number(1, -90.0, 90.0)?, row.number(2, -180.0, 180.0)?);
        let at = Position::new(lat, lon).map_err(|error| row.complaint(error.to_string()))?;
        if numbers.insert(name.to_owned(), nodes.len()).is_some() {
            return Err(row.complaint(format!("node {name:?} stands there twice")));
        }
        let Some(position) = apart(at, &mut places) else {
            return Err(row.complaint(format!("more than {AT_ONE_PLACE_MAX} nodes lie at {lat},{lon}")));
        };
        nodes.push(Node { name: name.to_owned(), position });
    }
    Ok((nodes, numbers))
}

/// The policy knows nodes by where they are: of two at one place, as a bridge and the road below, the second moves
/// aside by a microdegree (a tenth of a metre) or a few.
fn apart(at: Position, places: &mut BTreeSet<Position>) -> Option<Position> {
    let aside = |steps: u32| Position::new(at.lat() + f64::from(steps) * 1e-6, at.lon());
    let mut near = (0..AT_ONE_PLACE_MAX).map_while(|steps| aside(steps).ok());
    let free = near.find(|place| !places.contains(place))?;
    places.insert(free);
    Some(free)
}

fn read_edges(table: &Table, nodes: &Numbers) -> Result<Vec<Edge>, BadFile> {
    let mut edges = Vec::new();
    for row in table.rows(["from", "to", "length_m", "time_s"])? {
        let row = row?;
        bounded(&row, edges.len())?;
        let length_m = row.number(2, 0.0, 1e6)?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1e9")]
        let length_mm = (length_m * 1e3).round() as u64;
        let (from, to) = (known(&row, 0, nodes)?, known(&row, 1, nodes)?);
        edges.push(Edge { from, to, length_mm, time_s: row.seconds(3)? });
    }
    Ok(edges)
}

fn read_requests(table: &Table, nodes: &Numbers) -> Result<Vec<Request>, BadFile> {
    let (mut requests, mut names) = (Vec::new(), BTreeSet::new());
    for row in table.rows(["request", "time_s", "from", "to", "max_wait_s"])? {
        let row = row?;
        bounded(&row, requests.len())?;
        let name = row.name(0)?.to_owned();
        if !names.insert(name.clone()) {
            return Err(row.complaint(format!("request {name:?} stands there twice")));
        }
        let max_wait_s = if row.cells[4].is_empty() { None } else { Some(row.seconds(4)?) };
        let (from, to) = (known(&row, 2, nodes)?, known(&row, 3, nodes)?);
        requests.push(Request { name, time_s: row.seconds(1)?, from, to, max_wait_s });
    }
    Ok(requests)
}

fn read_vehicles(table: &Table, nodes: &Numbers) -> Result<Vec<Vehicle>, BadFile> {
    let (mut vehicles, mut names) = (Vec::new(), BTreeSet::new());
    for row in table.rows(["vehicle", "start", "shift_start_s", "shift_end_s"])? {
        let row = row?;
        bounded(&row, vehicles.len())?;
        let name = row.name(0)?.to_owned();
        if !names.insert(name.clone()) {
            return Err(row.complaint(format!("vehicle {name:?} stands there twice")));
        }
        let (shift_start_s, shift_end_s) = (row.seconds(2)?, row.seconds(3)?);
        if shift_end_s < shift_start_s {
            return Err(row.complaint(format!("the shift ends at {shift_end_s} before it begins")));
        }
        vehicles.push(Vehicle { name, start: known(&row, 1, nodes)?, shift_start_s, shift_end_s });
    }
    Ok(vehicles)
}

fn bounded<const N: usize>(row: &Row<'_, N>, rows: usize) -> Result<(), BadFile> {
    if rows < ROWS_MAX { Ok(()) } else { Err(row.complaint(format!("more than {ROWS_MAX} rows"))) }
}

fn known<const N: usize>(row: &Row<'_, N>, column: usize, nodes: &Numbers) -> Result<usize, BadFile> {
    let name = row.name(column)?;
    nodes.get(name).copied().ok_or_else(|| row.complaint(format!("there is no node {name:?}")))
}
