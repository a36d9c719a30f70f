//! `rollsim schema`.

use crate::input::raw::case::Case;
use crate::report;
use crate::sweep::RawPlan;
use crate::sweep::optimize::RawProblem;
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
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let schema = match args.what {
        What::Scenario => serde_json::to_string_pretty(&schemars::schema_for!(Case))?,
        What::Plan => serde_json::to_string_pretty(&schemars::schema_for!(RawPlan))?,
        What::Problem => serde_json::to_string_pretty(&schemars::schema_for!(RawProblem))?,
        What::Output => report::json::schema(),
        What::Check => serde_json::to_string_pretty(&schemars::schema_for!(report::gate::Check))?,
        What::Diff => {
            serde_json::to_string_pretty(&schemars::schema_for!(report::gate::diff::Diff))?
        }
        What::Releases => {
            serde_json::to_string_pretty(&schemars::schema_for!(report::releases::Releases))?
        }
        What::Audit => serde_json::to_string_pretty(&schemars::schema_for!(report::audit::Audit))?,
        What::Budget => {
            serde_json::to_string_pretty(&schemars::schema_for!(report::budget::Budget))?
        }
    };
    super::print(&format!("{}\n", schema.trim_end()))?;
    Ok(ExitCode::SUCCESS)
}
