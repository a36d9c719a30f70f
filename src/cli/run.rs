//! `rollsim run`: one scenario, one answer; of several workloads see [`workloads`], of several settings
//! [`compare`].

pub use super::answer::Args;
use super::answer::{RunFormat, answer, within_bounds, write_answer};
use super::outputs::{self, Form};
use super::{compare, files, releases, workloads};
use crate::observe;
use crate::report::{self, Answer};
use crate::scenario::Scenario;
use std::process::ExitCode;

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let outputs = outputs::given([
        ("--output", &args.output, Form::Answer),
        ("--report", &args.report, Form::Report),
        ("--trace", &args.trace, Form::Trace),
    ]);
    outputs::check(&args.input.paths(), &outputs)?;
    if args.input.kubernetes.len() > 1 {
        return releases::run(&args);
    }
    if compare::is_asked(&args) {
        return compare::of_run(&args);
    }
    let mut input = args.input.read()?.swap_remove(0);
    let asked = input.asked_workloads(&args.input.workload)?;
    if asked.len() > 1 {
        return workloads::run(&args, &input, &asked);
    }
    args.input.apply(&mut input)?;
    input.must_use_scenario();
    let scenario = input.lower()?;
    if args.format == RunFormat::Events {
        write_answer(&events(&args, &scenario), args.output.as_deref())?;
        return Ok(ExitCode::SUCCESS);
    }
    let answer = answer(&args, &input, &scenario, None)?;
    write_answer(&render(&answer, &args), args.output.as_deref())?;
    if let Some(path) = &args.report {
        let log = observe::record(&scenario, &args.options(), 0);
        let page = || report::html::run_and_log(&answer, &log);
        let files = || {
            let mut files = report::run_files(&answer);
            files[0].1 = page();
            files
        };
        files::write_report(path, page, files)?;
    }
    if let Some(path) = &args.trace {
        files::write_whole(path, &events(&args, &scenario))?;
    }
    Ok(within_bounds(&[answer], &args))
}

/// What was to be seen of the first replication.
fn events(args: &Args, scenario: &Scenario) -> String {
    observe::record(scenario, &args.options(), 0).lines()
}

/// The answer in one format.
fn render(answer: &Answer, args: &Args) -> String {
    let one = std::slice::from_ref(answer);
    match args.format {
        RunFormat::Text => report::text::text(answer, args.screen()),
        RunFormat::Json => report::json::json(one),
        RunFormat::Markdown => report::markdown::run(answer),
        RunFormat::Csv => report::csv::csv(one),
        RunFormat::Openmetrics => report::openmetrics::openmetrics(one),
        RunFormat::Vegeta => report::vegeta::text(answer),
        RunFormat::VegetaJson => report::vegeta::json(answer),
        RunFormat::Events => unreachable!("written without an answer"),
    }
}
