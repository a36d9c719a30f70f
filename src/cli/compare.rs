//! `rollsim compare`: several rollouts on the same luck, and what differs. `rollsim run` compares too: with
//! `--vs`, `--steps`, and without an input.

use super::answer::{self, RunFormat};
use super::columns::{self, Asked};
use super::input::InputArgs;
use super::outputs::{self, Form};
use super::simulation::Simulation;
use super::{files, screen};
use crate::report::{self, Comparison};
use crate::run::EvaluatorChoice;
use std::path::PathBuf;
use std::process::ExitCode;

/// Simulate several rollouts on the same luck and say what differs.
#[derive(clap::Args)]
#[command(
    mut_arg("inputs", |input| input.required(true).num_args(1..=6).help(
        "What to compare: each a manifest, a folder, a scenario, or @NAME for an experiment; the first is \
         what the others are compared with"
    )),
    after_help = "\
Examples:
  rollsim compare old.yaml new.yaml              which loses less, which is faster, and what differs?
  rollsim compare main-render/ pr-render/ --format markdown > comment.md
  rollsim compare old.yaml new.yaml --with service.yaml --app spring-boot
  rollsim compare web.yaml --vs preStop.sleep.seconds=5 --vs maxSurge=2,maxUnavailable=0
  rollsim compare @a1-alb-late-listener @a2-alb-readiness-gate --report page.html
  rollsim compare old.yaml new.yaml --fail-if-worse    exit with 1 when the second is worse, chance apart

A rollout from one to the other, not one beside the other: rollsim run old.yaml new.yaml."
)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,

    /// Goes with every one of them, such as a Service that they share; may be given several times
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    with: Vec<PathBuf>,

    /// One more column: the first where this is set; several settings by commas; may be given several times
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Comparison")]
    vs: Vec<String>,

    #[command(flatten)]
    simulation: Simulation,

    /// How the comparison is written
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    format: Format,

    /// Write the comparison there instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Write the comparison as a page besides: into FILE.html, or into a folder with data and pictures
    #[arg(long, value_name = "DIR|FILE.html", help_heading = "Output")]
    report: Option<PathBuf>,

    /// Exit with 1 when one of them loses more than the first, or does not reach its end where the first
    /// does; what may be chance is no reason
    #[arg(long, help_heading = "Output")]
    fail_if_worse: bool,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// Everything, for programs (see `rollsim schema output`)
    Json,
    /// For a pull request
    Markdown,
    /// A row for each column and figure (see docs/answers.md)
    Csv,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let outputs = outputs::given([
        ("--output", &args.output, Form::Answer),
        ("--report", &args.report, Form::Report),
    ]);
    let paths: Vec<_> =
        args.input.paths().into_iter().chain(args.with.iter().map(PathBuf::as_path)).collect();
    outputs::check(&paths, &outputs)?;
    let asked = columns::inputs(&args.input, &args.with, &args.vs)?;
    if asked.len() == 1 {
        anyhow::bail!(
            "there is one to compare: name a second, or say what is set otherwise: --vs KEY=VALUE"
        );
    }
    let options = args.simulation.options(EvaluatorChoice::Auto);
    let comparison = columns::compared(asked, &options)?;
    let text = match args.format {
        Format::Text => report::text::compare(&comparison, screen::width()),
        Format::Json => report::json::document(&comparison),
        Format::Markdown => report::markdown::compare(&comparison),
        Format::Csv => report::csv::comparison(&comparison),
    };
    answer::write_answer(&text, args.output.as_deref())?;
    write_report(&comparison, args.report.as_ref())?;
    Ok(if args.fail_if_worse { no_worse(&comparison) } else { ExitCode::SUCCESS })
}

fn write_report(comparison: &Comparison, path: Option<&PathBuf>) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let page = || report::html::compare(comparison);
    files::write_report(path, page, || report::compare_files(comparison))
}

/// Whether none is worse than the first.
fn no_worse(comparison: &Comparison) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for why in comparison.worse() {
        super::remark(&why);
        code = ExitCode::FAILURE;
    }
    code
}

/// Whether `rollsim run` is asked for several rollouts.
pub fn is_asked(args: &answer::Args) -> bool {
    args.steps || !args.vs.is_empty() || args.input.inputs.is_empty()
}

/// `rollsim run` with several rollouts.
///
/// # Errors
/// As [`run`].
pub fn of_run(args: &answer::Args) -> anyhow::Result<ExitCode> {
    let events = (args.format == RunFormat::Events).then_some("--format events");
    if let Some(option) = args.trace.as_ref().map(|_| "--trace").or(events) {
        anyhow::bail!("{option} follows one rollout, and several are compared: run it alone");
    }
    let asked: Vec<Asked> = match (args.steps, args.vs.is_empty()) {
        (true, _) => columns::steps(&args.input)?,
        (false, false) => columns::versus(&args.input, &args.vs)?,
        (false, true) => columns::demonstration(&args.input)?,
    };
    let comparison = columns::compared(asked, &args.options())?;
    let answers = &comparison.answers;
    let text = match args.format {
        RunFormat::Text => report::text::compare(&comparison, screen::width()),
        RunFormat::Json => report::json::document(&comparison),
        RunFormat::Markdown => report::markdown::compare(&comparison),
        RunFormat::Csv => report::csv::csv(answers),
        RunFormat::Openmetrics => report::openmetrics::openmetrics(answers),
        RunFormat::Vegeta => report::vegeta::text_of_all(&comparison),
        RunFormat::VegetaJson => report::vegeta::json_of_all(&comparison),
        RunFormat::Events => unreachable!("refused above"),
    };
    answer::write_answer(&text, args.output.as_deref())?;
    write_report(&comparison, args.report.as_ref())?;
    Ok(answer::within_bounds(answers, args))
}
