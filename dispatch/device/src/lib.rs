//! The reference driver device, pure.
//!
//! Here is no network, disk, clock, thread or random source: whoever runs a device (a simulated driver, the fault
//! simulator) brings time and messages as arguments, and stores and sends what comes back.
//!
//! | about | module |
//! |---|---|
//! | what a driver's phone and a node say to each other | [`wire`] |

pub mod wire;
