//! `rollsim merge`: the shards of a sweep become one result.

use super::sweep::PlanArgs;
use super::sweep_text;
use std::process::ExitCode;

/// Join the shards of a sweep into the same bytes as one run.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim sweep plan.toml --shard 0/2
  rollsim sweep plan.toml --shard 1/2
  rollsim merge plan.toml                        results in plan.sweep/

Give the same --out, --seed, --replications and --precision as to the shards.")]
pub struct Args {
    #[command(flatten)]
    plan: PlanArgs,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let loaded = args.plan.load()?;
    let (counts, summary) =
        loaded.gather(|sink| loaded.sweep(None).merge(&loaded.formats, sink))?;
    super::print(&sweep_text::summary(&loaded, &counts, &summary))?;
    Ok(ExitCode::SUCCESS)
}
