//! `rollsim run`: one scenario, one answer.

use super::input::InputArgs;
use super::outputs::{self, Form};
use super::{files, trace};
use crate::blame::{Facts, Tally};
use crate::report::{self, Answer};
use crate::run::{EvaluatorChoice, Replication, RunOptions};
use crate::scenario::Scenario;
use crate::timeline::Timeline;
use crate::traffic::TrafficOutcome;
use std::path::PathBuf;
use std::process::ExitCode;

/// Simulate a rollout and say what it costs.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim run                                    a demonstration
  rollsim run deployment.yaml service.yaml       a rollout restart
  rollsim run old.yaml new.yaml                  the second manifest of the same Deployment is applied
  rollsim run experiments/b2-rolling-update      a folder with manifests and a scenario
  rollsim run web.yaml --set maxSurge=100% --set readinessProbe.periodSeconds=2
  rollsim run web.yaml --fail-on-loss 1          exit with 1 when more than 1 request is lost
  rollsim run web.yaml --format json --output answer.json")]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,

    /// The same seed gives the same answer
    #[arg(long, default_value_t = 1, help_heading = "Simulation")]
    seed: u64,

    /// How many rollouts are simulated; more narrow the intervals
    #[arg(long, value_name = "N", default_value_t = RunOptions::default().replications,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Simulation")]
    replications: u32,

    /// Integrals over the timeline, single requests, or whichever is right
    #[arg(long, value_enum, default_value = "auto", help_heading = "Simulation")]
    evaluator: EvaluatorArg,

    /// How the answer is written
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    format: RunFormat,

    /// Write the answer there instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Write the answer as a page besides: into FILE.html, or into a folder with the data and the pictures
    #[arg(long, value_name = "DIR|FILE.html", help_heading = "Output")]
    report: Option<PathBuf>,

    /// Write what happened in the first replication there, as JSON lines
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    trace: Option<PathBuf>,

    /// Exit with 1 when the expected number of lost requests exceeds this
    #[arg(long, value_name = "BOUND", value_parser = bound, help_heading = "Output")]
    fail_on_loss: Option<f64>,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum RunFormat {
    /// For people
    #[default]
    Text,
    /// Everything, for programs (see `rollsim schema output`)
    Json,
    /// One line per second
    Csv,
    /// As a Prometheus target
    Openmetrics,
    /// As `vegeta report` prints it
    Vegeta,
    /// As `vegeta report -type=json` prints it
    VegetaJson,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum EvaluatorArg {
    Auto,
    /// Refused where it is not exact
    Exact,
    /// Integrals also where they are not exact; the answer is marked
    Approximate,
    Requests,
    /// Single requests, in step with the control plane
    Stepped,
}

fn bound(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x >= 0.0 => Ok(x),
        _ => Err("a number of requests, 0 or more".to_owned()),
    }
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let outputs = outputs::given([
        ("--output", &args.output, Form::Answer),
        ("--report", &args.report, Form::Report),
        ("--trace", &args.trace, Form::Trace),
    ]);
    outputs::check(&args.input.paths(), &outputs)?;
    let scenarios = args
        .input
        .load()?
        .iter()
        .map(|input| input.lower())
        .collect::<Result<Vec<Scenario>, _>>()?;
    let options = RunOptions {
        seed: args.seed,
        replications: args.replications,
        evaluator: match args.evaluator {
            EvaluatorArg::Auto => EvaluatorChoice::Auto,
            EvaluatorArg::Exact => EvaluatorChoice::Exact,
            EvaluatorArg::Approximate => EvaluatorChoice::Approximate,
            EvaluatorArg::Requests => EvaluatorChoice::Requests,
            EvaluatorArg::Stepped => EvaluatorChoice::Stepped,
        },
        ..RunOptions::default()
    };
    let mut results: Vec<(Scenario, Vec<Replication>)> = Vec::new();
    let mut answers: Vec<Answer> = Vec::new();
    for scenario in scenarios {
        let (replications, answer) = answer(&scenario, &options)?;
        answers.push(answer);
        results.push((scenario, replications));
    }
    let text = render(&answers, args.format);
    match &args.output {
        Some(path) => files::write_whole(path, &anstream::adapter::strip_str(&text).to_string())?,
        None => super::print(&text)?,
    }
    if let Some(path) = &args.report {
        let page = || report::html::run(&answers);
        files::write_report(path, page, || report::run_files(&answers))?;
    }
    if let Some(path) = &args.trace {
        let traces = results.iter().map(|(scenario, _)| trace::lines(scenario, options.seed));
        files::write_whole(path, &traces.collect::<String>())?;
    }
    Ok(within_bound(&results, args.fail_on_loss))
}

/// Simulates a scenario; every replication is blamed while its timeline is there.
fn answer(scenario: &Scenario, options: &RunOptions) -> anyhow::Result<(Vec<Replication>, Answer)> {
    let facts = Facts::of(scenario);
    let tally =
        |timeline: &Timeline, outcome: &TrafficOutcome| Tally::of(timeline, outcome, &facts);
    let (replications, tallies) = crate::run::run_seeing(scenario, options, tally);
    if let Some(why) = crate::run::refusal(scenario, options, &replications) {
        anyhow::bail!("{}: {why}", scenario.name);
    }
    let blame = report::blame::rows(scenario, &Tally::finish(tallies));
    let answer = Answer::new(scenario, options, &replications, blame);
    Ok((replications, answer))
}

/// Expected number of lost requests.
fn lost(replications: &[Replication]) -> f64 {
    let sum: f64 = replications.iter().map(|r| r.traffic.failed()).sum();
    sum / replications.len() as f64
}

fn within_bound(results: &[(Scenario, Vec<Replication>)], bound: Option<f64>) -> ExitCode {
    let Some(bound) = bound else { return ExitCode::SUCCESS };
    let mut code = ExitCode::SUCCESS;
    for (scenario, replications) in results {
        let lost = lost(replications);
        if lost > bound {
            let name = &scenario.name;
            super::remark(&format!("{name}: {lost:.2} requests lost, the bound is {bound}"));
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// The answers in one format.
fn render(answers: &[Answer], format: RunFormat) -> String {
    let each = |one: fn(&Answer) -> String| answers.iter().map(one).collect::<String>();
    match (format, answers) {
        (RunFormat::Text, [answer]) => report::text::text(answer),
        (RunFormat::Text, several) => report::text::compare(several),
        (RunFormat::Json, _) => report::json::json(answers),
        (RunFormat::Csv, _) => each(report::csv::csv),
        (RunFormat::Openmetrics, _) => report::openmetrics::openmetrics(answers),
        (RunFormat::Vegeta, _) => each(report::vegeta::text),
        (RunFormat::VegetaJson, _) => each(report::vegeta::json),
    }
}
