//! Several Services behind one entry.

/// How an Ingress shares requests among Services by weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Of each Service when the run starts, in their order.
    pub weights: Vec<u32>,
    /// The one that the others take from, if they are canaries: a place in `weights`.
    pub main: usize,
    /// Canaries of ingress-nginx; else target groups, each with a weight of its own.
    pub canary: bool,
}
