//! `rollsim run --kubernetes A,B`: the same input under several releases.

use super::answer::{self, Args, RunFormat};
use super::{input::InputArgs, screen};
use crate::advise::releases;
use crate::report::releases::Releases;
use crate::report::{json, text};
use std::process::ExitCode;

/// Runs the one workload of the input under each release.
///
/// # Errors
/// The input cannot be read, or the format shows single answers.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let versions = &args.input.kubernetes;
    let arguments = InputArgs { kubernetes: Vec::new(), ..args.input.clone() };
    let mut inputs = arguments.read()?;
    let input = &mut inputs[0];
    arguments.apply(input)?;
    let options = args.options();
    for version in versions {
        releases::at(input, version)?;
    }
    let each = versions.iter().map(|version| releases::release(input, version, &options));
    let each: Vec<_> = each.collect();
    // What no release takes is bad input.
    if let Some(Err(why)) = each.iter().map(|release| &release.outcome).find(|o| o.is_err())
        && each.iter().all(|release| release.outcome.is_err())
    {
        return Err(why.clone().into());
    }
    let turns = releases::turns(input, &each, &options);
    let found = Releases::new(input.name(), &each, &turns);
    let shown = match args.format {
        RunFormat::Text => text::releases(&found, screen::width()),
        RunFormat::Json => json::document(&found),
        _ => {
            anyhow::bail!("several versions are shown as text or json: name one with --kubernetes")
        }
    };
    answer::write_answer(&shown, args.output.as_deref())?;
    Ok(ExitCode::SUCCESS)
}
