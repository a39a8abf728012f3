//! Points that move, come and go: found near a place without looking at all of them.
//!
//! Cells are squares in degrees that exist only while something is in them, so that one point far off costs nothing. Their
//! side follows how densely points lie. A search knows how near the nearest point of any ring not yet looked at can be,
//! anywhere on the sphere, and ends when it has nearer ones: what it finds is what looking at all points finds.

use std::collections::BTreeMap;

use super::{Cell, Cells};
use crate::position::{EARTH_M, Position};

/// Places that something may have at once.
pub(crate) const PLACES_MAX: usize = 3;
/// The least side of a cell, in microdegrees: some ten metres.
const SIDE_MIN_E6: i64 = 100;
/// Changes after which the side of cells is looked at for the first time.
const LOOK_AFTER: usize = 64;

/// The places of things by name, and what is there by place.
///
/// Whoever asks decides whether something really is where it is kept: a thing may be kept at several places, and is found
/// at the one at which it is said to be.
///
/// Keeping something costs `O(log n)`, as does forgetting it, but for looking anew how large cells should be, which is
/// done after twice as many changes as there are points.
#[derive(Debug)]
pub(crate) struct Live<K> {
    places: BTreeMap<K, [Option<Position>; PLACES_MAX]>,
    cells: BTreeMap<Cell, Vec<(K, Position)>>,
    side_e6: i64,
    points: usize,
    /// Changes until the side is looked at.
    look_in: usize,
}

impl<K> Default for Live<K> {
    fn default() -> Self {
        Self {
            places: BTreeMap::new(),
            cells: BTreeMap::new(),
            side_e6: SIDE_MIN_E6,
            points: 0,
            look_in: LOOK_AFTER,
        }
    }
}

impl<K: Copy + Ord> Live<K> {
    /// Keeps `key` at these places, and nowhere else. With none it is kept all the same.
    pub(crate) fn put(&mut self, key: K, places: [Option<Position>; PLACES_MAX]) {
        let mut distinct = places;
        for (number, place) in places.iter().enumerate() {
            if places[..number].contains(place) {
                distinct[number] = None;
            }
        }
        let before = self.places.insert(key, distinct);
        if before == Some(distinct) {
            return;
        }
        before.into_iter().flatten().flatten().for_each(|place| self.take_out(key, place));
        distinct.into_iter().flatten().for_each(|place| self.put_in(key, place));
        self.points += distinct.iter().flatten().count();
        self.points -= before.into_iter().flatten().flatten().count();
        self.changed();
    }

    /// Keeps `key` no longer.
    pub(crate) fn remove(&mut self, key: K) {
        let Some(places) = self.places.remove(&key) else { return };
        for place in places.into_iter().flatten() {
            self.take_out(key, place);
            self.points -= 1;
        }
        self.changed();
    }

    /// Everything that is kept, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = K> {
        self.places.keys().copied()
    }

    /// The `most` things nearest to `from` of those that are where `is_there` says so, with their distances in metres, nearest
    /// first; of two as near the lesser.
    pub(crate) fn nearest(
        &self,
        from: Position,
        most: usize,
        mut is_there: impl FnMut(K, Position) -> bool,
    ) -> Vec<(f64, K)> {
        let centre = self.cell_of(from);
        let cells = Cells { rows: self.line(-90)..=self.line(90), columns: self.line(-180)..=self.line(180) };
        let (mut search, mut looked_up) = (Search { from, most, found: Vec::new(), seen: Vec::new() }, 0);
        for ring in 0.. {
            // In a wilderness going through all cells is quicker than looking for them.
            if looked_up > self.cells.len() {
                search = Search { from, most, found: Vec::new(), seen: Vec::new() };
                search.see(self.cells.values());
                search.settle(f64::INFINITY, &mut is_there);
                break;
            }
            looked_up += 1;
            cells.ring(centre, ring, |row, columns| {
                looked_up += 1;
                let (west, east) = columns.into_inner();
                if west <= east {
                    search.see(self.cells.range((row, west)..=(row, east)).map(|(_, members)| members));
                }
            });
            if search.settle(self.least_beyond_m(from, ring), &mut is_there) {
                break;
            }
        }
        search.found
    }

    /// No point outside the rings up to `ring` is nearer to `from` than so many metres.
    ///
    /// What differs in latitude is at least that far away. What differs in longitude, on the shorter way round, lies
    /// beyond a meridian, and no point of that is nearer than where a great circle from `from` meets it at a right angle.
    fn least_beyond_m(&self, from: Position, ring: i64) -> f64 {
        let (lat, lon) = from.microdegrees();
        let (row, column) = self.cell_of(from);
        let reach_e6 = |at: i32, line: i64| {
            let (first, end) = ((line - ring) * self.side_e6, (line + ring + 1) * self.side_e6);
            (i64::from(at) - first).min(end - i64::from(at))
        };
        let (north_e6, east_e6) = (reach_e6(lat, row), reach_e6(lon, column));
        let round_e6 = (180_000_000 - i64::from(lon).abs()).min(90_000_000);
        let (north, east) = (radians(north_e6), radians(east_e6.min(round_e6)));
        let least_m = EARTH_M * north.min((east.sin() * from.lat().to_radians().cos()).asin());
        // A hair less, for rounding.
        least_m * (1.0 - 1e-9) - 1e-6
    }

    fn put_in(&mut self, key: K, place: Position) {
        let cell = self.cell_of(place);
        self.cells.entry(cell).or_default().push((key, place));
    }

    fn take_out(&mut self, key: K, place: Position) {
        let cell = self.cell_of(place);
        let Some(members) = self.cells.get_mut(&cell) else { return };
        if let Some(at) = members.iter().position(|member| *member == (key, place)) {
            members.swap_remove(at);
        }
        if members.is_empty() {
            self.cells.remove(&cell);
        }
    }

    fn cell_of(&self, place: Position) -> Cell {
        let (lat, lon) = place.microdegrees();
        (i64::from(lat).div_euclid(self.side_e6), i64::from(lon).div_euclid(self.side_e6))
    }

    /// The row or column of so many degrees.
    fn line(&self, degrees: i64) -> i64 {
        (degrees * 1_000_000).div_euclid(self.side_e6)
    }

    /// Counts a change, and makes cells anew if points have come to lie much closer together or farther apart.
    fn changed(&mut self) {
        self.look_in = self.look_in.saturating_sub(1);
        if self.look_in > 0 {
            return;
        }
        self.look_in = LOOK_AFTER.max(self.points * 2);
        let side_e6 = self.fitting_side_e6();
        if side_e6 * 2 < self.side_e6 * 3 && self.side_e6 * 2 < side_e6 * 3 {
            return;
        }
        self.side_e6 = side_e6;
        for (key, place) in std::mem::take(&mut self.cells).into_values().flatten() {
            self.put_in(key, place);
        }
    }

    /// The side with which cells hold two or three points where most points are: those few that lie far off do not count.
    fn fitting_side_e6(&self) -> i64 {
        let points = || self.cells.values().flatten().map(|(_, place)| place.microdegrees());
        let span = |mut values: Vec<i32>| {
            let tenth = values.len() / 10;
            let last = values.len() - 1 - tenth;
            let low = *values.select_nth_unstable(tenth).1;
            i64::from(*values.select_nth_unstable(last).1) - i64::from(low)
        };
        if self.points == 0 {
            return SIDE_MIN_E6;
        }
        let (north_e6, east_e6) =
            (span(points().map(|(lat, _)| lat).collect()), span(points().map(|(_, lon)| lon).collect()));
        let per_side = i64::try_from(self.points.isqrt()).unwrap_or(i64::MAX).max(1);
        (north_e6.max(east_e6) * 2 / per_side).max(SIDE_MIN_E6)
    }
}

/// What is found so far.
struct Search<K> {
    from: Position,
    most: usize,
    /// Nearest first.
    found: Vec<(f64, K)>,
    /// Looked at and not yet asked for: something nearer may still be seen. Farthest first, once sorted.
    seen: Vec<(f64, K, Position)>,
}

impl<K: Copy + Ord> Search<K> {
    fn see<'a>(&mut self, cells: impl Iterator<Item = &'a Vec<(K, Position)>>)
    where
        K: 'a,
    {
        let from = self.from;
        self.seen.extend(cells.flatten().map(|(key, place)| (place.distance_m(from), *key, *place)));
    }

    /// Asks for what is nearer than `sure_m`, within which everything has been seen, until there is enough; returns true if
    /// there is. Only who is nearest is asked for: that costs more than a distance.
    fn settle(&mut self, sure_m: f64, is_there: &mut impl FnMut(K, Position) -> bool) -> bool {
        self.seen.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        while self.found.len() < self.most {
            let Some((metres, key, place)) = self.seen.pop_if(|(metres, ..)| *metres < sure_m) else {
                return false;
            };
            if is_there(key, place) {
                self.found.push((metres, key));
            }
        }
        true
    }
}

#[allow(clippy::cast_precision_loss, reason = "at most 18e7")]
fn radians(microdegrees: i64) -> f64 {
    (microdegrees as f64 / 1e6).to_radians()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(lat: f64, lon: f64) -> Position {
        Position::new(lat, lon).unwrap()
    }

    /// Where things are: in town, all at one stand, far out, at the ends of the map.
    fn places() -> impl Strategy<Value = Position> {
        prop_oneof![
            8 => (37.4..37.6, 126.8..127.2).prop_map(|(lat, lon)| at(lat, lon)),
            2 => Just(at(37.5, 127.0)),
            // A metre or so from the stand: of many as near the lesser is found.
            2 => (0..3_u8, 0..3_u8).prop_map(|(north, east)| {
                at(37.5 + f64::from(north) * 1e-5, 127.0 + f64::from(east) * 1e-5)
            }),
            2 => (-90.0..90.0, -180.0..180.0).prop_map(|(lat, lon)| at(lat, lon)),
            1 => (-90.0..90.0, 179.9..180.0).prop_map(|(lat, lon)| at(lat, lon)),
            1 => (-90.0..90.0, -180.0..-179.9).prop_map(|(lat, lon)| at(lat, lon)),
            1 => (89.9..90.0, -180.0..180.0).prop_map(|(lat, lon)| at(lat, lon)),
        ]
    }

    /// A thing comes or moves, with a place at which it really is and perhaps others, or goes.
    type Step = (u16, Option<(Position, [Option<Position>; 2])>);

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let kept = (places(), [prop::option::of(places()), prop::option::of(places())]);
        prop::collection::vec((0..300_u16, prop::option::weighted(0.8, kept)), 0..900)
    }

    #[test]
    fn only_who_is_nearest_is_asked_for() {
        let mut live = Live::default();
        town(&mut live, 1_000, 0.2);
        let mut asked_for = 0;
        let found = live.nearest(at(37.6, 127.1), 10, |key, _| {
            asked_for += 1;
            key % 2 == 0
        });
        assert_eq!(found.len(), 10);
        assert!(asked_for < 40, "{asked_for}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_found_is_what_looking_at_all_finds(
            steps in steps(),
            asked in prop::collection::vec((places(), 1..400_usize), 1..12),
        ) {
            let mut live = Live::default();
            let mut truth = BTreeMap::new();
            for (key, kept) in steps {
                match kept {
                    Some((place, [other, another])) => {
                        live.put(key, [other, Some(place), another]);
                        truth.insert(key, place);
                    }
                    None => {
                        live.remove(key);
                        truth.remove(&key);
                    }
                }
            }
            prop_assert_eq!(live.keys().collect::<Vec<_>>(), truth.keys().copied().collect::<Vec<_>>());
            let kept = live.cells.values().map(Vec::len).sum::<usize>();
            prop_assert_eq!(kept, live.points, "nothing is left behind");
            // Some are passed over, as what does not suit.
            let suits = |key: u16| key % 7 != 3;
            for (from, most) in asked {
                for most in [1, most % 12, most] {
                    let mut all: Vec<(f64, u16)> = truth
                        .iter()
                        .filter(|(key, _)| suits(**key))
                        .map(|(key, place)| (place.distance_m(from), *key))
                        .collect();
                    all.sort_by(|a, b| a.0.total_cmp(&b.0));
                    all.truncate(most);
                    let found = live.nearest(from, most, |key, place| suits(key) && truth[&key] == place);
                    prop_assert_eq!(found, all, "{} nearest to {:?}", most, from);
                }
            }
        }
    }

    /// Points spread evenly over a square of so many degrees, the same each time.
    fn town(live: &mut Live<u32>, count: u32, degrees: f64) {
        for key in 0..count {
            let (north, east) =
                ((f64::from(key) * 0.754_877_666).fract(), (f64::from(key) * 0.569_840_291).fract());
            live.put(key, [None, Some(at(37.5 + degrees * north, 127.0 + degrees * east)), None]);
        }
    }

    /// How many points lie in the cells around the middle of town, up to the second ring: what a search there looks at.
    fn around(live: &Live<u32>, degrees: f64) -> usize {
        let (row, column) = live.cell_of(at(37.5 + degrees / 2.0, 127.0 + degrees / 2.0));
        let rows = (row - 2)..=(row + 2);
        rows.flat_map(|row| live.cells.range((row, column - 2)..=(row, column + 2)))
            .map(|(_, all)| all.len())
            .sum()
    }

    #[test]
    fn a_large_town_costs_what_a_small_one_costs_however_it_came_about() {
        let mut live = Live::default();
        for (count, degrees) in [(1_000, 0.2), (30_000, 0.2), (30_000, 0.02)] {
            town(&mut live, count, degrees);
            // The same places again are no changes: everybody moves a little until the cells fit.
            town(&mut live, count, degrees * 1.001);
            town(&mut live, count, degrees);
            assert!((10..150).contains(&around(&live, degrees)), "{} of {count}", around(&live, degrees));
        }
        // One who says to be elsewhere makes nothing slower.
        live.put(u32::MAX, [Some(at(-30.0, -60.0)), None, None]);
        town(&mut live, 30_000, 0.021);
        town(&mut live, 30_000, 0.02);
        assert!((10..150).contains(&around(&live, 0.02)));
    }
}
