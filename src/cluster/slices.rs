//! What is said of changes of endpoint slices.

/// The endpoint changes of one sync of a Service: a range of `Cluster::slice_log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceRange {
    /// Its number in the scenario.
    pub service: u8,
    pub from: u32,
    pub to: u32,
}
