//! One executable for all stories and house rules. `cargo xtask test` sorts the modules into suites by name:
//! `db`, `chaos`, `peers` and `web` are those suites, `tidy` is `house`, all others are `scenarios`.

mod faults;
mod scenario;
mod tidy;
mod web;
