//! `rollsim canary`: how well a release finds out a bad version.

use super::input::InputArgs;
use super::outputs::{self, Form};
use super::{progress, screen};
use crate::engine::Dur;
use crate::report::power::Power;
use crate::report::{self, words};
use crate::run::RunOptions;
use crate::scenario::Scenario;
use crate::sweep::power::{self, Badness};
use std::path::PathBuf;
use std::process::ExitCode;

/// Say how well a release with analyses finds out a bad version, and what that costs.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim canary rollout.yaml
  rollsim canary rollout.yaml --errors 1%,5%,20% --power 95% --replications 100
  rollsim canary rollout.yaml --slower 50,200

Each badness is simulated on the same luck: how often the version is promoted all the same, how many requests
meet it until it is aborted, how many measurements there are. --power asks for the shortest pauses that abort the
last badness given with that probability, with the weights and intervals given, or half or twice as large;
of equally short ones it is those with which the fewest requests meet it.")]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,

    /// Shares of errors of the new version, in percent
    #[arg(long, value_name = "PERCENT,…", value_delimiter = ',', value_parser = share,
          help_heading = "Badness")]
    errors: Vec<f64>,

    /// By how much its answers take longer, in milliseconds
    #[arg(long, value_name = "MS,…", value_delimiter = ',', value_parser = millis,
          help_heading = "Badness")]
    slower: Vec<f64>,

    /// The wanted probability that it is aborted, in percent: says which steps are the cheapest with it
    #[arg(long, value_name = "PERCENT", value_parser = share, help_heading = "Badness")]
    power: Option<f64>,

    /// The same seed gives the same answer
    #[arg(long, default_value_t = 1, help_heading = "Simulation")]
    seed: u64,

    /// How many rollouts are simulated for each badness
    #[arg(long, value_name = "N", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Simulation")]
    replications: u32,

    /// How it is written
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    format: Format,

    /// Write it there instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// Everything, for programs (see `rollsim schema canary`)
    Json,
}

/// Shares of errors where none is given.
const ERRORS: [f64; 6] = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2];

fn share(text: &str) -> Result<f64, String> {
    match text.trim().trim_end_matches('%').trim().parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("a share in percent, 0 to 100, such as 5".to_owned()),
    }
}

fn millis(text: &str) -> Result<f64, String> {
    match text.trim().trim_end_matches("ms").trim().parse::<f64>() {
        Ok(ms) if (0.0..=1e7).contains(&ms) => Ok(ms),
        _ => Err("milliseconds, 0 or more, such as 50".to_owned()),
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let files = outputs::given([("--output", &args.output, Form::Check)]);
    outputs::check(&args.input.paths(), &files)?;
    let input = args.input.load()?.swap_remove(0);
    let scenario = input.lower()?;
    check(&scenario)?;
    let options =
        RunOptions { seed: args.seed, replications: args.replications, ..RunOptions::default() };
    let curve = badness(&args);
    let search = || {
        let well = power::where_all_is_well(&scenario, &options);
        let points: Vec<_> =
            curve.iter().map(|&b| power::point(&scenario, &options, b, &well)).collect();
        let last = curve.last().copied();
        let enough = args.power.zip(last);
        let enough = enough.and_then(|(p, b)| power::enough(&scenario, &options, b, p));
        (points, enough)
    };
    let (points, enough) = progress::waiting("simulating", search);
    let signature = format!(
        "rollsim {} · seed {} · {} for each badness",
        env!("CARGO_PKG_VERSION"),
        args.seed,
        words::plural(u64::from(args.replications), "replication")
    );
    let pauses = power::release(&scenario).map_or(0.0, power::pauses);
    let answer = Power::new(&scenario.name, &points, (args.power, enough), pauses, signature);
    let text = match args.format {
        Format::Text => report::text::power(&answer, screen::width()),
        Format::Json => report::json::document(&answer),
    };
    super::answer::write_answer(&text, args.output.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

fn badness(args: &Args) -> Vec<Badness> {
    let errors = match (&args.errors[..], &args.slower[..]) {
        ([], []) => &ERRORS[..],
        (given, _) => given,
    };
    let slower = args.slower.iter().map(|ms| Badness::Slower(Dur::from_secs_f64(ms * 1e-3)));
    errors.iter().map(|share| Badness::Errors(*share)).chain(slower).collect()
}

/// There is a release that decides by something.
fn check(scenario: &Scenario) -> anyhow::Result<()> {
    if let Some(why) = &scenario.no_requests {
        anyhow::bail!("{why}");
    }
    let Some(release) = power::release(scenario) else {
        anyhow::bail!(
            "the input rolls out a {}, which decides nothing\n  help    give a Rollout (argoproj.io/v1alpha1), or a Canary (flagger.app/v1beta1) that is about it",
            scenario.after().kind().name()
        );
    };
    anyhow::ensure!(
        !release.analyses().is_empty(),
        "the release has no analysis: every version is promoted\n  help    give a Rollout's AnalysisTemplates along with it, and a Canary its metrics"
    );
    Ok(())
}
