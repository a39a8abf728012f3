//! Simulators and checkers.
//!
//! | about | module |
//! |---|---|
//! | the shipped core and device under faults, in virtual time, from a seed | [`faults`] |
//! | the outages of the past, on the same | [`scenario`] |
//! | how well the shipped matching serves real demand | [`fleet`] |
//! | a city of clients that uses a running system | [`city`] |
//! | a city's whole load at once on a running system, timed | [`load`] |
//! | the outage report, from what clients wrote down and from the stores | [`checker`] |

#[cfg(feature = "city")]
pub mod checker;
#[cfg(feature = "city")]
pub mod city;
pub mod faults;
pub mod fleet;
#[cfg(feature = "city")]
pub mod load;
mod quantile;
pub mod scenario;
mod twice;
