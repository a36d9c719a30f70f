//! What `rollsim run` is asked, and how it answers: for one scenario as for several workloads.

use super::input::InputArgs;
use super::simulation::Simulation;
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
  rollsim run web.yaml --vs preStop.sleep.seconds=5 --vs maxSurge=2,maxUnavailable=0
                                                 as it is, and with other settings: three columns
  rollsim run @one-replica --steps               a published experiment, step by step
  rollsim run shop.yaml --workload cart,mail     two Deployments of many; without it all
  rollsim run web.yaml --fail-on-loss 1          exit with 1 when more than 1 request is lost
                                                 (or something does not reach its end)
  rollsim run web.yaml --format markdown         for a pull request
  rollsim run web.yaml --format json --output answer.json")]
pub struct Args {
    #[command(flatten)]
    pub(super) input: InputArgs,

    /// Compare with the same input where this is set, on the same luck: preStop.sleep.seconds=5, or several
    /// settings by commas; may be given several times
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Comparison")]
    pub(super) vs: Vec<String>,

    /// Compare the steps of an experiment: those of the expect.toml in its folder
    #[arg(long, conflicts_with = "vs", help_heading = "Comparison")]
    pub(super) steps: bool,

    #[command(flatten)]
    simulation: Simulation,

    /// Try no changes: what would help, what takes the time, and which guess matters
    #[arg(long, help_heading = "Simulation")]
    no_advice: bool,

    /// How the answer is written
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(super) format: RunFormat,

    /// Everything, not what fits on one screen
    #[arg(long, help_heading = "Output")]
    details: bool,

    /// Write the answer there instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub(super) output: Option<PathBuf>,

    /// Write the answer as a page besides: into FILE.html, or into a folder with the data and the pictures
    #[arg(long, value_name = "DIR|FILE.html", help_heading = "Output")]
    pub(super) report: Option<PathBuf>,

    /// Write what was to be seen of the first rollout there, as JSON lines
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
    /// For a pull request
    Markdown,
    /// scenario,second,outcome,kind,version,count: a table of every second (see docs/answers.md)
    Csv,
    /// As a Prometheus target
    Openmetrics,
    /// As `vegeta report` prints it; follows single requests, if no evaluator is asked for
    Vegeta,
    /// As `vegeta report -type=json` prints it; of several rollouts, a list of reports with names
    VegetaJson,
    /// What was to be seen of the first rollout, as JSON lines (see `rollsim schema events`)
    Events,
}

impl RunFormat {
    fn is_vegeta(self) -> bool {
        matches!(self, RunFormat::Vegeta | RunFormat::VegetaJson)
    }
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
        let text = matches!(self.format, RunFormat::Text | RunFormat::Json | RunFormat::Markdown);
        (text || self.report.is_some()) && !self.no_advice
    }

    /// How much of the answer is shown, and how wide.
    pub(super) fn screen(&self) -> report::text::Screen {
        report::text::Screen { width: super::screen::width(), details: self.details }
    }

    pub(super) fn options(&self) -> RunOptions {
        self.simulation.options(match self.format.is_vegeta() {
            // Vegeta's latencies are also those of requests that fail.
            true => EvaluatorChoice::Requests,
            false => EvaluatorChoice::Auto,
        })
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
        progress::waiting("trying changes", || {
            advice::add(&mut answer, input, scenario, luck, (&replications, &today));
        });
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
