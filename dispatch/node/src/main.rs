//! The `ondol` executable.
fn main() {}
