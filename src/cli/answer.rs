//! What `rollsim run` is asked, and how it answers: for one scenario as for several workloads.

use super::input::InputArgs;
use super::{advice, files, progress};
use crate::input::{Diagnostics, Input};
use crate::report::{self, Answer};
use crate::run::{EvaluatorChoice, RunOptions};
use crate::scenario::Scenario;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Simulate a rollout and say what it costs.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim run                                    a demonstration
  rollsim run deployment.yaml service.yaml       a rollout restart
  rollsim run old.yaml new.yaml                  two renders (files or folders): the rollout from one to
                                                 the other, and every later one
  rollsim run experiments/b2-rolling-update      a folder with manifests and a scenario
  rollsim run web.yaml --set maxSurge=100% --set readinessProbe.periodSeconds=2
  rollsim run shop.yaml --workload cart,mail     two Deployments of many; without it all
  rollsim run web.yaml --fail-on-loss 1          exit with 1 when more than 1 request is lost
                                                 (or something does not reach its end)
  rollsim run web.yaml --format json --output answer.json")]
pub struct Args {
    #[command(flatten)]
    pub(super) input: InputArgs,

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

    /// Try no changes: what would help, what takes the time, and which guess matters
    #[arg(long, help_heading = "Simulation")]
    no_advice: bool,

    /// How the answer is written
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(super) format: RunFormat,

    /// Write the answer there instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub(super) output: Option<PathBuf>,

    /// Write the answer as a page besides: into FILE.html, or into a folder with the data and the pictures
    #[arg(long, value_name = "DIR|FILE.html", help_heading = "Output")]
    pub(super) report: Option<PathBuf>,

    /// Write what happened in the first replication there, as JSON lines
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) trace: Option<PathBuf>,

    /// Exit with 1 when the expected number of lost requests exceeds this
    #[arg(long, value_name = "BOUND", value_parser = bound, help_heading = "Output")]
    pub(super) fail_on_loss: Option<f64>,

    /// Exit with 1 when a larger share of rollouts than this (such as 0.05 or 5%) does not reach its end.
    /// With any other --fail-on... that share is 0
    #[arg(long, value_name = "SHARE", value_parser = share, num_args = 0..=1,
          default_missing_value = "0", help_heading = "Output")]
    pub(super) fail_on_incomplete: Option<f64>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum RunFormat {
    /// For people
    #[default]
    Text,
    /// Everything, for programs (see `rollsim schema output`)
    Json,
    /// scenario,second,outcome,kind,version,count: a table of every second (see docs/answers.md)
    Csv,
    /// As a Prometheus target
    Openmetrics,
    /// As `vegeta report` prints it; follows single requests, if no evaluator is asked for
    Vegeta,
    /// As `vegeta report -type=json` prints it, one document a scenario
    VegetaJson,
}

impl RunFormat {
    fn is_vegeta(self) -> bool {
        matches!(self, RunFormat::Vegeta | RunFormat::VegetaJson)
    }
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

fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |percent| (percent, 100.0));
    match number.trim().parse::<f64>() {
        Ok(x) if (0.0..=whole).contains(&x) => Ok(x / whole),
        _ => Err("a share of rollouts from 0 to 1, or 0% to 100%; before a file write \
                  --fail-on-incomplete=0"
            .to_owned()),
    }
}

impl Args {
    /// Whether an output shows what was tried.
    fn shows_advice(&self) -> bool {
        let text = matches!(self.format, RunFormat::Text | RunFormat::Json);
        (text || self.report.is_some()) && !self.no_advice
    }

    pub(super) fn options(&self) -> RunOptions {
        RunOptions {
            seed: self.seed,
            replications: self.replications,
            evaluator: match self.evaluator {
                // Vegeta's latencies are also those of requests that fail.
                EvaluatorArg::Auto if self.format.is_vegeta() => EvaluatorChoice::Requests,
                EvaluatorArg::Auto => EvaluatorChoice::Auto,
                EvaluatorArg::Exact => EvaluatorChoice::Exact,
                EvaluatorArg::Approximate => EvaluatorChoice::Approximate,
                EvaluatorArg::Requests => EvaluatorChoice::Requests,
                EvaluatorArg::Stepped => EvaluatorChoice::Stepped,
            },
            ..RunOptions::default()
        }
    }
}

/// Into the file, or to standard output.
pub(super) fn write_answer(text: &str, output: Option<&Path>) -> anyhow::Result<()> {
    match output {
        Some(path) => files::write_whole(path, &anstream::adapter::strip_str(text).to_string()),
        None => super::print(text),
    }
}

/// The answer of a scenario, which is what `input` says, with what was tried besides; a bar shows how far it
/// is.
pub(super) fn answer(
    args: &Args,
    input: &Input,
    scenario: &Scenario,
    workload: Option<&str>,
) -> Result<Answer, Diagnostics> {
    let options = args.options();
    let (mut answer, replications, today) =
        progress::watched(options.replications, |done| Answer::seen(scenario, &options, done))?;
    if args.shows_advice() {
        let luck = (&options, &*args.input.command(workload));
        advice::add(&mut answer, input, scenario, luck, (&replications, &today));
    }
    Ok(answer)
}

/// Whether each answer keeps within the bounds; what does not reach its end fails every one.
pub(super) fn within_bounds(answers: &[Answer], args: &Args) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    let mut fail = |remark: String| {
        super::remark(&remark);
        code = ExitCode::FAILURE;
    };
    let bound = args.fail_on_incomplete.or(args.fail_on_loss.map(|_| 0.0));
    for Answer { name, lost, incomplete, .. } in answers {
        let lost = lost.total.mean;
        if let Some(bound) = args.fail_on_loss.filter(|bound| lost > *bound) {
            fail(format!("{name}: {lost:.2} requests lost, the bound is {bound}"));
        }
        if let Some(bound) = bound.filter(|bound| incomplete > bound) {
            let [share, bound] = [*incomplete, bound].map(report::words::percent);
            fail(format!("{name}: {share} do not reach their end, the bound is {bound}"));
        }
    }
    code
}
