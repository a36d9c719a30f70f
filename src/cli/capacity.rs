//! `rollsim capacity`: how much load a rollout bears.

use super::files::write_whole;
use super::input::InputArgs;
use super::outputs::{self, Form};
use super::{progress, screen};
use crate::report::capacity::{Capacity, FewestRow};
use crate::report::{self, words};
use crate::run::RunOptions;
use crate::scenario::Scenario;
use crate::sweep::capacity::{self, Terms};
use std::path::PathBuf;
use std::process::ExitCode;

/// Say how much load a rollout bears, what gives way first, and how many replicas a load takes.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim capacity web.yaml --set app.concurrency=4
  rollsim capacity web.yaml scenario.toml --lost 0.5 --p99 0.3
  rollsim capacity web.yaml --set app.concurrency=4 --replicas-for 400 --picture cliff.svg

Each replication has a highest rate of its own, found by bisection on the same luck; the answer is their median
and how far they lie apart. The load keeps its shape: every rate of it is made larger alike.")]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,

    /// Share of requests that may fail, in percent
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = share,
          help_heading = "Terms")]
    lost: f64,

    /// Seconds within which 99 % of the answers have to come
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Terms")]
    p99: Option<f64>,

    /// Say how many replicas this rate takes, requests a second
    #[arg(long, value_name = "RATE", value_parser = seconds, help_heading = "Terms")]
    replicas_for: Option<f64>,

    /// The same seed gives the same answer
    #[arg(long, default_value_t = 1, help_heading = "Simulation")]
    seed: u64,

    /// How many rollouts are simulated at each rate
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "Simulation")]
    replications: u32,

    /// How it is written
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    format: Format,

    /// Write it there instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Draw losses and answer times over the rate: an SVG
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    picture: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// Everything, for programs (see `rollsim schema capacity`)
    Json,
}

/// Most replicas that are tried.
const REPLICAS: i32 = 500;

fn share(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').trim().parse::<f64>() {
        Ok(percent) if (0.0..100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("a share of requests in percent, 0 to below 100, such as 0.5".to_owned()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.trim().trim_end_matches('s').parse::<f64>() {
        Ok(x) if x > 0.0 && x <= 1e7 => Ok(x),
        _ => Err("a number above 0, such as 0.3".to_owned()),
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let files = outputs::given([
        ("--output", &args.output, Form::Check),
        ("--picture", &args.picture, Form::Check),
    ]);
    outputs::check(&args.input.paths(), &files)?;
    if args.picture.is_some() && !report::PICTURES_ARE_BUILT_IN {
        return Err(super::not_built_in("--picture", "plots"));
    }
    let input = args.input.load()?.swap_remove(0);
    let scenario = input.lower()?;
    check(&scenario)?;
    let terms = Terms { lost: args.lost, p99_s: args.p99 };
    let options =
        RunOptions { seed: args.seed, replications: args.replications, ..RunOptions::default() };
    let search = || capacity::capacity(&scenario, &options, terms);
    let found = progress::waiting("searching", search);
    let fewest = args.replicas_for.map(|rate| {
        let loaded = capacity::at_rate(&scenario, rate);
        let replicas = capacity::fewest(&loaded, &options, terms, REPLICAS);
        FewestRow { rate_per_s: rate, replicas, tried: REPLICAS }
    });
    let signature = format!(
        "rollsim {} · seed {} · {} at each rate",
        env!("CARGO_PKG_VERSION"),
        args.seed,
        words::plural(u64::from(args.replications), "replication")
    );
    let answer = Capacity::new(&scenario.name, terms, &found, fewest, signature);
    let text = match args.format {
        Format::Text => report::text::capacity(&answer, screen::width()),
        Format::Json => report::json::document(&answer),
    };
    super::answer::write_answer(&text, args.output.as_deref())?;
    if let Some(path) = &args.picture {
        write_whole(path, &report::capacity_picture(&answer))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A load matters only where pods can have too much to do.
fn check(scenario: &Scenario) -> anyhow::Result<()> {
    if let Some(why) = &scenario.no_requests {
        anyhow::bail!("{why}");
    }
    anyhow::ensure!(
        capacity::highest(scenario) > 0.0,
        "the load is at no rate: traffic.rate_per_s gives one"
    );
    anyhow::ensure!(
        capacity::can_be_too_much(scenario),
        "no load is too much: the application works on any number of requests at once\n  help    say how many \
         it does: --set app.concurrency=4, or an app card that does (--app gunicorn)"
    );
    Ok(())
}
