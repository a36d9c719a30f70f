//! `rollsim frontier`: the boundary between losing and not, in two settings.

use super::files::write_report;
use super::optimize::ProblemArgs;
use super::sweep::pool;
use super::{optimize_text, progress};
use crate::report;
use crate::sweep::optimize::{Problem, frontier};
use std::process::ExitCode;

/// Trace the boundary between losing requests and not, in two settings, as a map.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim frontier web.yaml                      preStop.sleep.seconds and the grace period
  rollsim frontier problem.toml                  the first setting to the right, the second upwards
  rollsim frontier web.yaml -x preStop=0..60 -y grace=10..120
  rollsim frontier problem.toml --x preStop --y terminationGracePeriodSeconds

The problem is that of `rollsim optimize`; other settings stay as they are today.")]
pub struct Args {
    #[command(flatten)]
    problem: ProblemArgs,

    /// The setting to the right; default: the problem's first. With its values, KEY=LOW..HIGH, there need
    /// be no problem
    #[arg(short, long, value_name = "SETTING")]
    x: Option<String>,

    /// The setting upwards, along which the boundary is sought; default: the problem's second
    #[arg(short, long, value_name = "SETTING")]
    y: Option<String>,

    /// Most values of the setting to the right
    #[arg(long, value_name = "N", default_value_t = 61,
          value_parser = clap::value_parser!(u16).range(2..=500))]
    columns: u16,

    /// Most lines of the map
    #[arg(long, value_name = "N", default_value_t = 21,
          value_parser = clap::value_parser!(u16).range(2..=500))]
    rows: u16,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.problem.check_outputs([])?;
    let axes = axes(&args)?;
    let (problem, simulator, origin) = args.problem.load(true, &axes)?;
    anyhow::ensure!(problem.settings.len() >= 2, "a frontier needs two [[setting]] in the problem");
    let (x, y) = match axes[..] {
        [] => chosen(&problem, &args)?,
        _ => (0, 1),
    };
    if args.problem.report.is_some() {
        report::searches::can_be_drawn(&problem, (x, y)).map_err(anyhow::Error::msg)?;
    }
    let pool = pool(args.problem.threads)?;
    let simulator = simulator.in_parallel(false);
    let columns = u64::from(args.columns);
    let search = || pool.install(|| frontier(&problem, &simulator, (x, y), columns));
    let found = progress::waiting("searching", search).map_err(anyhow::Error::msg)?;
    super::print(&optimize_text::frontier(&problem, &found, usize::from(args.rows)))?;
    if let Some(path) = &args.problem.report {
        let report = report::searches::frontier(&problem, &found, origin);
        let report = report.map_err(anyhow::Error::msg)?;
        let page = || report::html::frontier(&report);
        write_report(path, page, || report::frontier_files(&report))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Both settings with their values, if they are given so.
fn axes(args: &Args) -> anyhow::Result<Vec<String>> {
    let given: Vec<&String> = args.x.iter().chain(&args.y).filter(|a| a.contains('=')).collect();
    match given[..] {
        [] => Ok(Vec::new()),
        [x, y] => Ok(vec![x.clone(), y.clone()]),
        _ => {
            anyhow::bail!("give both settings with their values: -x preStop=0..60 -y grace=10..120")
        }
    }
}

/// The settings of the problem that are drawn.
fn chosen(problem: &Problem, args: &Args) -> anyhow::Result<(usize, usize)> {
    let x = choose(problem, args.x.as_deref(), 0)?;
    // The first of the others.
    let y = choose(problem, args.y.as_deref(), usize::from(x == 0))?;
    anyhow::ensure!(x != y, "--x and --y name the same setting");
    Ok((x, y))
}

fn choose(problem: &Problem, name: Option<&str>, otherwise: usize) -> anyhow::Result<usize> {
    let Some(name) = name else { return Ok(otherwise) };
    let found = problem.settings.iter().position(|s| s.name == name || s.path == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = problem.settings.iter().map(|s| s.name.as_str()).collect();
        anyhow::anyhow!("'{name}' is not a setting of the problem; there are: {}", names.join(", "))
    })
}
