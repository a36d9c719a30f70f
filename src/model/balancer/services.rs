//! Several Services behind one entry.

use crate::cluster::spec::Service;

/// Services that an Ingress sends to by weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Besides the Service under test.
    pub others: Vec<Service>,
    /// Of each Service when the run starts: first of the Service under test, then of the others.
    pub weights: Vec<u32>,
    /// The one that the others take from, if they are canaries: a place in `weights`.
    pub main: usize,
    /// Canaries of ingress-nginx; else target groups, each with a weight of its own.
    pub canary: bool,
}
