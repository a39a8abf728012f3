//! Goal: a device gets what is its own, and nobody else anything. Method: the real loop and store behind the
//! real routes, on a clock that the test moves; sockets over a real connection on this machine.

mod asked_home;
mod bench;
mod capsules;
mod http;
mod sockets;
#[path = "../../../dispatch/testbed/mod.rs"]
mod testbed;
