//! The text path: what an SMS means, what we answer, and the process that lives beside an edge.
pub mod clock;
/// Outgoing templates.
pub mod reply {
    /// The templates.
    pub const TEMPLATES: &[&str] = &[];
}
pub mod wire;
