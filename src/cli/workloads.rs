//! `rollsim run` of several workloads of one input: each is rolled out by itself, as if it were the only one
//! chosen.

use super::answer::{self, Args, RunFormat};
use super::input::InputArgs;
use crate::input::{Diagnostics, Input};
use crate::report::workloads::{NotSimulated, Workloads};
use crate::report::{self, csv, json, openmetrics};
use crate::scenario::Scenario;
use std::process::ExitCode;

/// Simulates the workloads at these indices.
pub fn run(args: &Args, input: &Input, asked: &[usize]) -> anyhow::Result<ExitCode> {
    refuse_what_shows_one(args)?;
    let (scenarios, not_simulated) = lower(&args.input, input, asked)?;
    let one = |(input, scenario): &(Input, Scenario)| {
        answer::answer(args, input, scenario, Some(&scenario.name))
    };
    let each = scenarios.iter().map(one);
    let answers = each.collect::<Result<Vec<_>, _>>()?;
    let all = Workloads::new(input.name(), answers, with_other_kinds(input, &not_simulated));
    let text = match args.format {
        RunFormat::Json => json::document(&all),
        RunFormat::Csv => csv::csv(&all.workloads),
        RunFormat::Markdown => report::markdown::workloads(&all),
        RunFormat::Openmetrics => openmetrics::openmetrics(&all.workloads),
        _ => report::text::workloads(&all, args.screen()),
    };
    answer::write_answer(&text, args.output.as_deref())?;
    let code = answer::within_bounds(&all.workloads, args);
    let bound = args.fail_on_loss.or(args.fail_on_incomplete);
    if bound.is_none() || not_simulated.is_empty() {
        return Ok(code);
    }
    // A check has not been passed by what was not looked at.
    for NotSimulated { workload, why } in &not_simulated {
        super::remark(&format!("{workload}: not simulated, so within no bound: {why}"));
    }
    Ok(ExitCode::FAILURE)
}

/// Outputs without a place for the workload's name.
fn refuse_what_shows_one(args: &Args) -> anyhow::Result<()> {
    let format = match args.format {
        RunFormat::Vegeta => Some("--format vegeta"),
        RunFormat::VegetaJson => Some("--format vegeta-json"),
        RunFormat::Events => Some("--format events"),
        RunFormat::Text
        | RunFormat::Json
        | RunFormat::Markdown
        | RunFormat::Csv
        | RunFormat::Openmetrics => None,
    };
    let report = args.report.as_ref().map(|_| "--report");
    let trace = args.trace.as_ref().map(|_| "--trace");
    match format.or(report).or(trace) {
        Some(option) => {
            anyhow::bail!("{option} shows one workload: choose it with --workload NAME")
        }
        None => Ok(()),
    }
}

/// What is simulated, with the input that it comes from.
type Lowered = (Input, Scenario);

/// The scenario of each workload, and those that have none.
///
/// # Errors
/// None has one.
fn lower(
    args: &InputArgs,
    input: &Input,
    asked: &[usize],
) -> anyhow::Result<(Vec<Lowered>, Vec<NotSimulated>)> {
    each(input, asked, |index| {
        let (with, scenario) = scenario(args, input, index)?;
        Ok((with, Scenario { name: input.workload_title(index), ..scenario }))
    })
}

/// What is made of each workload, and those of which nothing can be.
///
/// # Errors
/// Nothing can be made of any.
pub fn each<T>(
    input: &Input,
    asked: &[usize],
    make: impl Fn(usize) -> anyhow::Result<T>,
) -> anyhow::Result<(Vec<T>, Vec<NotSimulated>)> {
    let (mut made, mut not_simulated) = (Vec::new(), Vec::new());
    let mut problems = Diagnostics::default();
    for &index in asked {
        match make(index) {
            Ok(one) => made.push(one),
            Err(error) => {
                let (more, workload) =
                    (error.downcast::<Diagnostics>()?, input.workload_title(index));
                not_simulated.push(NotSimulated { workload, why: more.in_a_line() });
                problems.0.extend(more.0);
            }
        }
    }
    if made.is_empty() {
        problems.unique();
        return Err(problems.into());
    }
    Ok((made, not_simulated))
}

fn scenario(args: &InputArgs, input: &Input, index: usize) -> anyhow::Result<(Input, Scenario)> {
    let mut input = input.clone();
    input.choose_workload(index);
    args.settings(&mut input)?;
    input.must_use_scenario();
    let scenario = input.lower()?;
    Ok((input, scenario))
}

fn with_other_kinds(input: &Input, not_simulated: &[NotSimulated]) -> Vec<NotSimulated> {
    let why = "rollouts of this kind are not modelled";
    let other = |workload| NotSimulated { workload, why: why.to_owned() };
    let others = input.other_workloads().into_iter().map(other);
    not_simulated.iter().cloned().chain(others).collect()
}
