//! A plan as the commands on sweeps work with it.

use crate::sweep::{Format, Plan, Simulator};
use std::path::PathBuf;

/// A plan that was read, with its simulator.
pub struct Loaded {
    /// What it asks for.
    pub plan: Plan,
    /// As it was read.
    pub text: String,
    /// Its folder, from which its paths start.
    pub directory: PathBuf,
    /// What its points are run with.
    pub simulator: Simulator,
    /// Result files to write.
    pub formats: Vec<Format>,
    /// Where a page is to be written, if one is.
    pub report: Option<PathBuf>,
    /// `rollsim run ...` of the base.
    pub base_command: String,
}
