//! The suites, and the rule that puts each test into one of them.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use super::artifacts::Kind;
use crate::setup::Need;

/// Tests beside the code that belong elsewhere by what they need: (target, first modules, suite).
const CLAIMED: [(&str, &[&str], Suite); 1] = [("ondol_engine", &["store", "tests"], Suite::Db)];

/// A part of the tests that can be run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Suite {
    /// Tests beside the code, and examples in the documentation.
    Unit,
    /// Stories of outages and the simulators, in virtual time.
    Scenarios,
    /// Stores over a real PostgreSQL and SQLite.
    Db,
    /// Real processes that are killed and cut off.
    Chaos,
    /// Real counterparts for text and telephone.
    Peers,
    /// The pages in a real browser.
    Web,
    /// Format, lints, licences and house rules.
    House,
}

impl Suite {
    /// All suites, in the order they run.
    pub(crate) const ALL: [Suite; 7] =
        [Suite::Unit, Suite::Scenarios, Suite::Db, Suite::Chaos, Suite::Peers, Suite::Web, Suite::House];

    /// Returns the suite of a test.
    ///
    /// - In an integration test, the first of (name of the target, first module of the test) that names a suite, alone or
    ///   before an underscore, decides: `tests/scenarios/` with `db::restart` is `db`, `tests/peers_gammu.rs` is `peers`.
    ///   The module `tidy` is `house`. All other integration tests are `scenarios` in the target of that name, else `unit`.
    /// - Beside the code, a module named after a suite (`db`) below one named `tests`, or `db_tests` anywhere, puts the tests
    ///   in it there, and so does [`CLAIMED`]; all others are `unit`.
    pub(crate) fn of(kind: Kind, target: &str, test: &str) -> Suite {
        let modules: Vec<&str> = test.split("::").collect();
        let modules = &modules[..modules.len() - 1];
        match kind {
            Kind::Library | Kind::Program => {
                let below_tests = modules
                    .iter()
                    .skip_while(|module| **module != "tests")
                    .filter_map(|module| Suite::exactly(module));
                let named = modules
                    .iter()
                    .filter_map(|module| module.strip_suffix("_tests"))
                    .filter_map(Suite::exactly);
                let claimed =
                    CLAIMED.iter().filter(|(owner, first, _)| *owner == target && modules.starts_with(first));
                let mut claims = below_tests.chain(named).chain(claimed.map(|(.., suite)| *suite));
                claims.next().unwrap_or(Suite::Unit)
            }
            Kind::Integration => {
                let first = modules.first().copied().unwrap_or("");
                let by_module = if first == "tidy" { Some(Suite::House) } else { Suite::prefixed(first) };
                by_module.or_else(|| Suite::prefixed(target)).unwrap_or(Suite::Unit)
            }
        }
    }

    fn prefixed(name: &str) -> Option<Suite> {
        Suite::exactly(name.split('_').next().unwrap_or(name))
    }

    fn exactly(name: &str) -> Option<Suite> {
        Suite::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Returns the word of the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Suite::Unit => "unit",
            Suite::Scenarios => "scenarios",
            Suite::Db => "db",
            Suite::Chaos => "chaos",
            Suite::Peers => "peers",
            Suite::Web => "web",
            Suite::House => "house",
        }
    }

    /// Returns what must be installed before the suite runs.
    pub(crate) const fn needs(self) -> &'static [Need] {
        match self {
            Suite::Unit | Suite::Scenarios | Suite::House => &[],
            Suite::Db => &[Need::Postgres],
            Suite::Chaos => &[Need::Postgres, Need::Faketime],
            Suite::Peers => &[Need::Postgres, Need::Gammu],
            Suite::Web => &[Need::Postgres, Need::Chromium],
        }
    }

    /// Tells whether the suite finds a PostgreSQL in its environment.
    pub(crate) fn has_database(self) -> bool {
        self.needs().contains(&Need::Postgres)
    }

    /// Returns how many tests of one executable run at once; those that start real processes run alone.
    pub(crate) fn threads(self) -> usize {
        match self {
            Suite::Unit | Suite::Scenarios | Suite::Db | Suite::House => {
                std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
            }
            Suite::Chaos | Suite::Peers | Suite::Web => 1,
        }
    }

    /// Returns how long one executable's share of the suite may take; then it is killed and has failed.
    pub(crate) const fn limit(self) -> Duration {
        match self {
            Suite::Unit | Suite::Db | Suite::Peers | Suite::House => Duration::from_secs(300),
            Suite::Scenarios | Suite::Chaos | Suite::Web => Duration::from_secs(600),
        }
    }

    /// Returns why the suite may have no tests; `None` if a run without tests has failed.
    ///
    /// Nothing is excused today; an excuse is a sentence here, for a reviewer to see.
    pub(crate) const fn may_be_empty(self) -> Option<&'static str> {
        None
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_has_one_suite() {
        let table = [
            (Kind::Library, "ondol_core", "offer::tests::lapses", Suite::Unit),
            (Kind::Library, "ondol_console", "web::tests::serves_a_page", Suite::Unit),
            (Kind::Library, "ondol_engine", "store::postgres::db_tests::commits", Suite::Db),
            (Kind::Library, "ondol_engine", "identity::tests::operators::db::an_account", Suite::Db),
            (Kind::Library, "ondol_engine", "store::tests::crash::keeps_all", Suite::Db),
            (Kind::Library, "ondol_roads", "store::tests::crash", Suite::Unit),
            (Kind::Library, "ondol_sms", "db::tests::codes", Suite::Unit), // a module of the product, not of its tests
            (Kind::Library, "ondol_engine", "db_tests", Suite::Unit), // a function of that name is no module
            (Kind::Program, "ondol", "tests::usage", Suite::Unit),
            (Kind::Integration, "scenarios", "tidy::arrows::a_door_knows_no_door", Suite::House),
            (Kind::Integration, "scenarios", "db::restart", Suite::Db),
            (Kind::Integration, "scenarios", "db_restart::keeps_all", Suite::Db),
            (Kind::Integration, "scenarios", "pangyo::central_burns", Suite::Scenarios),
            (Kind::Integration, "scenarios", "database_is_gone::story", Suite::Scenarios),
            (Kind::Integration, "scenarios", "alone", Suite::Scenarios),
            (Kind::Integration, "peers_gammu", "spool::half_written", Suite::Peers),
            (Kind::Integration, "chaos", "kill_edge", Suite::Chaos),
            (Kind::Integration, "journals", "old_release", Suite::Unit),
        ];
        for (kind, target, test, suite) in table {
            assert_eq!(Suite::of(kind, target, test), suite, "{target} {test}");
        }
    }

    #[test]
    fn the_order_is_the_documented_one() {
        let names: Vec<&str> = Suite::ALL.iter().map(|suite| suite.name()).collect();
        assert_eq!(names, ["unit", "scenarios", "db", "chaos", "peers", "web", "house"]);
    }
}
