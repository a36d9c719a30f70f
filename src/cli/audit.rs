//! `rollsim audit`: what each given setting does.

use super::format::Format;
use super::input::InputArgs;
use super::renders::{RenderArgs, Seen};
use super::screen;
use crate::advise::audit::{self, Audited, Effect};
use crate::explain;
use crate::report;
use crate::report::audit::{Audit, AuditRow, AuditedWorkload, Does};
use crate::report::gate::Place;
use crate::run::RunOptions;
use std::path::PathBuf;
use std::process::ExitCode;

/// Say what each setting does: rollouts are run without it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim audit web.yaml                         which settings do nothing, or the opposite?
  rollsim audit render/ --fail-on-opposite
  rollsim explain hook-beyond-grace

Looked at are probes, hooks, the grace period, the strategy, readiness gates, traffic policies and annotations of
balancers. That a setting does nothing is said of these rollouts: a liveness probe is for processes that hang. Under load
and faults it looks for what does harm with others: probes less patient than the queue, liveness that asks a
dependency, an autoscaler that shrinks during a rollout, outlier detection among few hosts.")]
pub struct Args {
    #[command(flatten)]
    renders: RenderArgs,

    /// Exit with 1 when a setting does the opposite of what it is for
    #[arg(long, help_heading = "Output")]
    fail_on_opposite: bool,

    /// How it is written
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    format: Format,

    /// Write it there instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (renders, workloads) = args.renders.each("audit", &args.output)?;
    let each = workloads.iter().map(|one| workload(&args.renders.input, one, &renders.options));
    let audit = Audit::new(renders.input.name(), each.collect(), renders.signature());
    let text = match args.format {
        Format::Text => report::text::audit(&audit, screen::width()),
        Format::Json => report::json::document(&audit),
    };
    super::answer::write_answer(&text, args.output.as_deref())?;
    let fails = args.fail_on_opposite && audit.has_opposite();
    Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn workload(arguments: &InputArgs, seen: &Seen, options: &RunOptions) -> AuditedWorkload {
    let name = seen.answer.name.clone();
    let command = arguments.command(Some(&name));
    let row = |audited: Audited| row(seen, audited, &command);
    let today = (&seen.scenario, &seen.outcome);
    let settings = audit::audit(&seen.input, today, options).into_iter().map(row).collect();
    AuditedWorkload { workload: name, lost: seen.answer.lost.total.mean, settings }
}

fn row(seen: &Seen, audited: Audited, command: &str) -> AuditRow {
    let place = seen.input.place_of(&audited.path);
    let rule = audited.rule.and_then(explain::audit_rule);
    AuditRow {
        place: place.map(Place::from),
        does: match audited.effect {
            Effect::Opposite => Does::Opposite,
            Effect::Nothing => Does::Nothing,
            Effect::Works => Does::Works,
            Effect::Needed => Does::Needed,
            Effect::Risk => Does::Risk,
        },
        saves: audited.saves,
        seconds: audited.seconds,
        rule: rule.map(|rule| rule.id.to_owned()),
        why: rule.map(|rule| rule.name.to_owned()),
        command: format!("{command}{}", audited.change.arguments()),
        with: (audited.effect == Effect::Risk).then(|| audited.change.to_string()),
        setting: audited.path,
        value: audited.value,
    }
}
