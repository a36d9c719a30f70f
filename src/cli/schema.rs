//! `rollsim schema`.

use crate::input::raw::case::Case;
use crate::observe::Line;
use crate::report::audit::Audit;
use crate::report::budget::Budget;
use crate::report::capacity::Capacity;
use crate::report::gate::Check;
use crate::report::gate::diff::Diff;
use crate::report::json;
use crate::report::maintenance::Maintenance;
use crate::report::power::Power;
use crate::report::releases::Releases;
use crate::sweep::RawPlan;
use crate::sweep::optimize::RawProblem;
use schemars::JsonSchema;
use std::process::ExitCode;

/// Print the JSON Schema of a format.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  rollsim schema scenario > scenario.schema.json")]
pub struct Args {
    /// Which format
    #[arg(value_enum)]
    what: What,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum What {
    /// The scenario file (TOML)
    Scenario,
    /// The plan of a sweep (TOML)
    Plan,
    /// The problem of a search (TOML)
    Problem,
    /// What `rollsim run --format json` writes
    Output,
    /// What `rollsim check --format json` writes
    Check,
    /// What `rollsim diff --format json` writes
    Diff,
    /// What `rollsim run --kubernetes A,B --format json` writes
    Releases,
    /// What `rollsim audit --format json` writes
    Audit,
    /// What `rollsim budget --format json` writes
    Budget,
    /// What `rollsim capacity --format json` writes
    Capacity,
    /// A line of `rollsim run --format events` (and of `--trace`); the first line is a header
    Events,
    /// What `rollsim canary --format json` writes
    Canary,
    /// What `rollsim maintain --format json` and `rollsim drain --format json` write
    Maintenance,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let schema = match args.what {
        What::Scenario => of::<Case>(),
        What::Plan => of::<RawPlan>(),
        What::Problem => of::<RawProblem>(),
        What::Output => json::schema(),
        What::Check => of::<Check>(),
        What::Diff => of::<Diff>(),
        What::Releases => of::<Releases>(),
        What::Audit => of::<Audit>(),
        What::Budget => of::<Budget>(),
        What::Capacity => of::<Capacity>(),
        What::Events => of::<Line>(),
        What::Canary => of::<Power>(),
        What::Maintenance => of::<Maintenance>(),
    };
    super::print(&schema)?;
    Ok(ExitCode::SUCCESS)
}

fn of<T: JsonSchema>() -> String {
    json::document(&schemars::schema_for!(T))
}
