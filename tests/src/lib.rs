//! Simulators and checkers.
//!
//! | about | module |
//! |---|---|
//! | the shipped core and device under faults, in virtual time, from a seed | [`faults`] |

pub mod faults;
