//! Readiness gates.

/// A readiness gate that nobody sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsetGate {
    /// Its condition type.
    pub name: String,
    /// As the end of a sentence.
    pub why: String,
    /// What would be set, or would set it.
    pub needed: String,
}
