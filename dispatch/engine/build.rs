//! Rebuilds when a migration is added: they are embedded, and Cargo cannot see a new file by itself.

fn main() {
    for folder in ["postgres", "sqlite"] {
        println!("cargo::rerun-if-changed=../../migrations/{folder}");
    }
}
