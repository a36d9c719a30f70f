//! A plan as the commands on sweeps work with it.

use crate::sweep::{Format, Plan, Simulator};
use std::path::PathBuf;

/// A plan that was read, with its simulator.
pub struct Loaded {
    pub plan: Plan,
    pub text: String,
    pub directory: PathBuf,
    pub simulator: Simulator,
    pub formats: Vec<Format>,
    pub report: Option<PathBuf>,
    /// `rollsim run ...` of the base.
    pub base_command: String,
}
