//! A time of arrival that says how far it may be off.

/// Predictions of about the same length whose errors are told apart.
const BANDS: usize = 5;
/// Trips without which nothing is learnt.
const TRIPS_MIN: usize = 100;
/// Rounds of reweighting: the line moves by less than a second after a dozen.
const ROUNDS: usize = 60;

/// A driving time with its stated error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    /// Seconds that half of such trips stay below.
    pub expected_s: u32,
    /// Half of such trips are off by no more than this, in seconds.
    pub half_within_s: u32,
    /// Nine of ten such trips are off by no more than this, in seconds.
    pub most_within_s: u32,
}

/// What trips took beside what the map said: a line, and how far it was off.
///
/// The line is that of least absolute deviations: a few trips that stood somewhere for an hour do not bend it.
#[derive(Debug, Clone, PartialEq)]
pub struct EtaModel {
    fixed_s: f64,
    per_s: f64,
    /// Up to which expected time, and the errors below it: half, nine of ten.
    bands: Vec<(f64, [f64; 2])>,
}

impl EtaModel {
    /// Learns from pairs of what the map said and what a trip took, in seconds.
    ///
    /// Nothing if there are fewer than 100 trips.
    #[must_use]
    pub fn learn(trips: &[(f64, f64)]) -> Option<Self> {
        if trips.len() < TRIPS_MIN {
            return None;
        }
        let (mut fixed_s, mut per_s) = (0.0, 1.0);
        for _ in 0..ROUNDS {
            let (mut w, mut wx, mut wy, mut wxx, mut wxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for (x, y) in trips {
                let weight = 1.0 / (y - fixed_s - per_s * x).abs().max(1.0);
                w += weight;
                wx += weight * x;
                wy += weight * y;
                wxx += weight * x * x;
                wxy += weight * x * y;
            }
            let spread = w * wxx - wx * wx;
            if spread <= 0.0 {
                return None;
            }
            per_s = (w * wxy - wx * wy) / spread;
            fixed_s = (wy - per_s * wx) / w;
        }
        let mut model = Self { fixed_s, per_s, bands: Vec::new() };
        let mut errors: Vec<(f64, f64)> =
            trips.iter().map(|(x, y)| (model.line_s(*x), (model.line_s(*x) - y).abs())).collect();
        errors.sort_by(|a, b| a.0.total_cmp(&b.0));
        model.bands = errors
            .chunks(errors.len().div_ceil(BANDS))
            .map(|band| {
                let mut off: Vec<f64> = band.iter().map(|(_, error)| *error).collect();
                off.sort_by(f64::total_cmp);
                (band[band.len() - 1].0, [off[off.len() / 2], off[off.len() * 9 / 10]])
            })
            .collect();
        Some(model)
    }

    /// What to tell where the map says `map_s` seconds.
    #[must_use]
    pub fn tell(&self, map_s: u32) -> Eta {
        let expected_s = self.line_s(f64::from(map_s));
        let band = self.bands.iter().find(|(up_to, _)| expected_s <= *up_to).or(self.bands.last());
        let [half, most] = band.map_or([0.0; 2], |(_, errors)| *errors);
        Eta { expected_s: whole(expected_s), half_within_s: whole(half), most_within_s: whole(most) }
    }

    fn line_s(&self, map_s: f64) -> f64 {
        (self.fixed_s + self.per_s * map_s).max(0.0)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a trip takes less than a century"
)]
fn whole(seconds: f64) -> u32 {
    seconds.round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_among_trips_that_stood_somewhere() {
        let trips: Vec<(f64, f64)> = (0..1_000)
            .map(|n| {
                let x = 60.0 + f64::from(n % 900);
                let late = if n % 10 == 0 { 3_000.0 } else { f64::from(n % 7) * 10.0 - 30.0 };
                (x, 40.0 + 1.5 * x + late)
            })
            .collect();
        let model = EtaModel::learn(&trips).unwrap();
        let eta = model.tell(600);
        assert!(eta.expected_s.abs_diff(40 + 900) <= 12, "{eta:?}");
        assert!((10..=30).contains(&eta.half_within_s) && eta.most_within_s >= 28, "{eta:?}");
    }

    #[test]
    fn too_little_teaches_nothing() {
        assert_eq!(EtaModel::learn(&[(10.0, 20.0); 99]), None);
        assert_eq!(EtaModel::learn(&[(10.0, 20.0); 200]), None, "one length makes no line");
    }
}
