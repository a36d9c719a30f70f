//! `rollsim budget`: what rollouts take of an error budget.

use super::format::ReviewFormat;
use super::renders::{RenderArgs, Seen};
use super::screen;
use crate::advise::{Change, Edit};
use crate::engine::Time;
use crate::input::Input;
use crate::report::answer::Figure;
use crate::report::budget::{Budget, BudgetRow, HourRow, PriceRow, Terms};

use crate::report::{self, Answer, pooled_figure};
use crate::run::RunOptions;
use crate::stats::Count;
use std::path::PathBuf;
use std::process::ExitCode;

/// Say what rollouts take of an error budget, how many it bears, and what saving some costs.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim budget web.yaml --objective 99.9 --deploys-per-week 10
  rollsim budget render/ --objective 99.95 --window-days 30 --fail-on-overspent
  rollsim budget web.yaml --pod-hour 0.04
  rollsim budget web.yaml --daily 20,15,10,10,15,30,60,90,150,200,220,230,240,230,220,210,200,190,180,150,120,90,60,30

Hours are those of the load's day: 24 rates, from midnight on.")]
pub struct Args {
    #[command(flatten)]
    renders: RenderArgs,

    /// Share of requests that have to succeed, in percent
    #[arg(long, visible_alias = "slo", value_name = "PERCENT", default_value = "99.9",
          value_parser = objective, help_heading = "Budget")]
    objective: f64,

    /// Days that the objective is measured over
    #[arg(long, value_name = "DAYS", default_value = "28", value_parser = positive,
          help_heading = "Budget")]
    window_days: f64,

    /// Rollouts of each workload a week
    #[arg(long, value_name = "N", default_value = "5", value_parser = positive,
          help_heading = "Budget")]
    deploys_per_week: f64,

    /// What a pod costs for an hour: changes are priced
    #[arg(long, value_name = "PRICE", value_parser = positive, help_heading = "Budget")]
    pod_hour: Option<f64>,

    /// Requests per second in each of the day's 24 hours: says when to roll out
    #[arg(long, value_name = "RATE,…", value_delimiter = ',', num_args = 1, value_parser = rate,
          help_heading = "Budget")]
    daily: Vec<f64>,

    /// Exit with 1 when rollouts take more than the whole budget
    #[arg(long, help_heading = "Output")]
    fail_on_overspent: bool,

    /// How it is written
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    format: ReviewFormat,

    /// Write it there instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

fn objective(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').trim().parse::<f64>() {
        Ok(percent) if (0.0..100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("a share of requests in percent, 0 to below 100, such as 99.9".to_owned()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x > 0.0 && x <= 1e9 => Ok(x),
        _ => Err("a number above 0, at most 1e9".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(x) if (0.0..=1e6).contains(&x) => Ok(x),
        _ => Err("requests per second, 0 to 1e6".to_owned()),
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let hours = args.daily.len();
    anyhow::ensure!(hours == 0 || hours == 24, "--daily: expected 24 rates, found {hours}");
    let (renders, workloads) = args.renders.each("budget", &args.output)?;
    let terms = Terms {
        objective: args.objective,
        window_days: args.window_days,
        deploys_per_week: args.deploys_per_week,
        pod_hour: args.pod_hour,
    };
    let rows: Vec<BudgetRow> = workloads
        .into_iter()
        .map(|one| row(&args, &terms, one, &renders.options))
        .collect::<Result<_, _>>()?;
    let budget = Budget::new(renders.input.name(), terms, rows, renders.signature());
    let text = match args.format {
        ReviewFormat::Text => report::text::budget(&budget, screen::width()),
        ReviewFormat::Json => report::json::document(&budget),
        ReviewFormat::Markdown => report::markdown::budget(&budget),
    };
    super::answer::write_answer(&text, args.output.as_deref())?;
    let over = args.fail_on_overspent && budget.is_overspent();
    Ok(if over { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn row(args: &Args, terms: &Terms, seen: Seen, options: &RunOptions) -> anyhow::Result<BudgetRow> {
    let Load { rate_per_s, lost, hours } = load(args, &seen.input, &seen.answer, options)?;
    let allowed = terms.allowed(rate_per_s);
    let share = |lost: f64| if allowed > 0.0 { lost * terms.rollouts() / allowed } else { 0.0 };
    Ok(BudgetRow {
        workload: seen.answer.name.clone(),
        rate_per_s,
        lost,
        allowed,
        spent: lost.mean * terms.rollouts(),
        spent_at_most: lost.range[1] * terms.rollouts(),
        bearable_per_week: terms.bearable(rate_per_s, lost.mean),
        hours,
        prices: prices((args, terms), &seen, options, (lost.mean, &share))?,
    })
}

/// The load that rollouts meet, and what they lose under it.
struct Load {
    /// On average over the day, where it has hours.
    rate_per_s: f64,
    /// Of a rollout at any hour alike.
    lost: Figure,
    hours: Vec<HourRow>,
}

/// Of an input whose answer at its own rate is known.
fn load(args: &Args, input: &Input, answer: &Answer, options: &RunOptions) -> anyhow::Result<Load> {
    let (mut hours, mut draws) = (Vec::new(), Vec::new());
    for (hour, &rate_per_s) in (0..).zip(&args.daily) {
        let lost = at_rate(input, rate_per_s, options)?;
        let mean = lost.iter().map(|count| count.mean).sum::<f64>() / lost.len() as f64;
        hours.push(HourRow { hour, rate_per_s, lost: mean });
        draws.push(lost);
    }
    if hours.is_empty() {
        let rate_per_s = input.lower()?.traffic.rate_at(Time::ZERO);
        return Ok(Load { rate_per_s, lost: answer.lost.total, hours });
    }
    let rate_per_s = args.daily.iter().sum::<f64>() / hours.len() as f64;
    Ok(Load { rate_per_s, lost: pooled_figure(&draws), hours })
}

/// What each rollout loses at this rate.
fn at_rate(input: &Input, rate_per_s: f64, options: &RunOptions) -> anyhow::Result<Vec<Count>> {
    if rate_per_s <= 0.0 {
        return Ok(vec![Count::ZERO; options.replications as usize]);
    }
    let mut input = input.clone();
    input.set("traffic.rate_per_s", &rate_per_s.to_string())?;
    let (_, replications, _) = Answer::seen(&input.lower()?, options, &|| {})?;
    Ok(replications.iter().map(|r| Count::from(&r.traffic)).collect())
}

/// Today, and every change that was tried and helps, under the same load; `today`: what is lost under it.
fn prices(
    (args, terms): (&Args, &Terms),
    seen: &Seen,
    options: &RunOptions,
    (today, share): (f64, &dyn Fn(f64) -> f64),
) -> anyhow::Result<Vec<PriceRow>> {
    let price = |change: &[String], answer: &Answer, lost: f64| PriceRow {
        change: change.to_vec(),
        lost,
        share: share(lost),
        complete_s: answer.rollout.duration_s.map(|d| d.mean),
        peak_pods: answer.rollout.peak_pods.mean,
        replicas: answer.rollout.desired,
        surge_pod_seconds: answer.rollout.surge_pod_seconds,
        money: None,
    };
    let today = price(&[], &seen.answer, today);
    let mut prices = vec![today.clone()];
    let answer = seen.advised(options, "");
    for fix in answer.fixes.iter().chain(&answer.also) {
        let change = Change(fix.change.iter().filter_map(|c| Edit::parse(c)).collect());
        let Some((input, scenario)) = change.lower(&seen.input) else { continue };
        if let Ok((with, ..)) = Answer::seen(&scenario, options, &|| {}) {
            let lost = load(args, &input, &with, options)?.lost.mean;
            let mut row = price(&fix.change, &with, lost);
            row.money = terms.money(&today, &row);
            prices.push(row);
        }
    }
    Ok(prices)
}
