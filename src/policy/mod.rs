//! What a team holds its rollouts to: rules over the figures of answers, for some workloads, with exceptions
//! that end. `file` reads `rollsim.toml`, `figures` says what a rule can speak of, `judge` applies the rules.

pub mod baseline;
pub mod figures;
pub mod file;
pub mod judge;

pub use baseline::Baseline;
pub use figures::Figures;
pub use file::{Policy, Rule, World};
pub use judge::{Judged, Judgement, judge};

/// Where a policy is looked for, from the input's folder upwards.
pub const FILE: &str = "rollsim.toml";
