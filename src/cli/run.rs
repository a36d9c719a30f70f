//! `rollsim run`: one scenario, one answer; of several workloads see [`workloads`].

pub use super::answer::Args;
use super::answer::{RunFormat, answer, within_bounds, write_answer};
use super::outputs::{self, Form};
use super::{files, trace, workloads};
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
    let mut inputs = args.input.read()?;
    if let [input] = &inputs[..] {
        let asked = input.asked_workloads(&args.input.workload)?;
        if asked.len() > 1 {
            return workloads::run(&args, input, &asked);
        }
    }
    let mut results: Vec<Scenario> = Vec::new();
    for input in &mut inputs {
        args.input.apply(input)?;
        input.must_use_scenario();
        results.push(input.lower()?);
    }
    let options = args.options();
    let each = inputs.iter().zip(&results);
    let answers =
        each.map(|(input, one)| answer(&args, input, one, None)).collect::<Result<Vec<_>, _>>()?;
    write_answer(&render(&answers, args.format), args.output.as_deref())?;
    if let Some(path) = &args.report {
        let page = || report::html::run(&answers);
        files::write_report(path, page, || report::run_files(&answers))?;
    }
    if let Some(path) = &args.trace {
        let traces = results.iter().map(|scenario| trace::lines(scenario, options.seed));
        files::write_whole(path, &traces.collect::<String>())?;
    }
    Ok(within_bounds(&answers, &args))
}

/// The answers in one format.
fn render(answers: &[Answer], format: RunFormat) -> String {
    let each = |one: fn(&Answer) -> String| answers.iter().map(one).collect::<String>();
    match (format, answers) {
        (RunFormat::Text, [answer]) => report::text::text(answer),
        (RunFormat::Text, several) => report::text::compare(several),
        (RunFormat::Json, _) => report::json::json(answers),
        (RunFormat::Csv, _) => report::csv::csv(answers),
        (RunFormat::Openmetrics, _) => report::openmetrics::openmetrics(answers),
        (RunFormat::Vegeta, _) => each(report::vegeta::text),
        (RunFormat::VegetaJson, _) => each(report::vegeta::json),
    }
}
