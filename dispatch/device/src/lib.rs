//! The reference driver device, pure.
//!
//! It is what keeps a driver from two assignments at once: nodes only *offer*, and one durable slot on the device
//! takes one. That holds in any partition and needs no node.
//!
//! Here is no network, disk, clock, thread or random source: whoever runs a device (a simulated driver, the fault
//! simulator) brings time and messages as arguments, and stores and sends what comes back, in the order in which
//! it comes back.
//!
//! | about | module |
//! |---|---|
//! | what a driver's phone and a node say to each other | [`wire`] |
//! | what goes in, what comes out | [`face`] |
//! | the device and its timers | [`device`] |
//! | which questions it takes, what ends an assignment, the driver's steps | `slot` |
//! | which node it binds itself to | [`attach`] |
//! | what it still has to tell | [`outbox`] |
//! | what survives a restart | [`durable`] |

pub mod attach;
pub mod device;
pub mod durable;
pub mod face;
pub mod outbox;
mod slot;
pub mod wire;

pub use device::Device;
pub use durable::{Durable, Trip};
pub use face::{Answer, Config, Input, Message, Output, Timing, Wish, WishRefusal};
