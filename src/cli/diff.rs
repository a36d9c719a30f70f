//! `rollsim diff`: what a change makes of every workload's rollouts, field by field.

use super::format::ReviewFormat;
use super::input::InputArgs;
use super::renders::{RenderArgs, Renders, Seen, Workload, same};
use super::screen;
use crate::advise::fields;
use crate::report::gate::SCHEMA;
use crate::report::gate::diff::{Diff, DiffField, DiffRow, Side};
use crate::report::workloads::NotSimulated;
use crate::report::{self, Answer};
use std::path::PathBuf;
use std::process::ExitCode;

/// Say what a change makes of every workload's rollouts, field by field.
#[derive(clap::Args)]
#[command(
    mut_arg("inputs", |input| input.required(true).num_args(2).value_names(["OLD", "NEW"]).help(
        "Manifests or folders of them, as rendered: before the change, and after it"
    )),
    after_help = "\
Examples:
  rollsim diff main-render/ pr-render/
  rollsim diff main-render/ pr-render/ --format markdown > comment.md
  rollsim diff old.yaml new.yaml --app spring-boot --fail-if-worse

Each changed field is tried alone: the rollouts before the change with it, and those after the change without it. What
manifests do not say is taken from the rollsim.toml that is found (see rollsim check --help)."
)]
pub struct Args {
    #[command(flatten)]
    renders: RenderArgs,

    /// Exit with 1 when a workload loses more, or no longer reaches its end
    #[arg(long, help_heading = "Output")]
    fail_if_worse: bool,

    /// How the difference is written
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    format: ReviewFormat,

    /// Write it there instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let arguments = &args.renders.input;
    let [old, new] = &arguments.inputs[..] else {
        anyhow::bail!("expected two renders, before and after");
    };
    let one = std::slice::from_ref;
    let renders = args.renders.read(one(new), one(old), &args.output)?;
    let names = [old, new].map(|path| path.display().to_string());
    let diff = compared(arguments, &renders, names)?;
    let text = match args.format {
        ReviewFormat::Text => report::text::diff(&diff, screen::width()),
        ReviewFormat::Json => report::json::document(&diff),
        ReviewFormat::Markdown => report::markdown::diff(&diff),
    };
    super::answer::write_answer(&text, args.output.as_deref())?;
    let worse = args.fail_if_worse && diff.is_worse();
    Ok(if worse { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn compared(arguments: &InputArgs, renders: &Renders, names: [String; 2]) -> anyhow::Result<Diff> {
    let (workloads, mut not_simulated) = renders.workloads()?;
    let (mut rows, mut unchanged) = (Vec::new(), Vec::new());
    for one in workloads {
        match one.bringing.is_none() && one.base.is_some() {
            true => unchanged.push(one.this.answer.name.clone()),
            false => rows.push(row(arguments, renders, &one)),
        }
    }
    gone(renders, &mut rows, &mut not_simulated)?;
    let signature = renders.signature();
    let diff = Diff { schema: SCHEMA, names, workloads: rows, unchanged, not_simulated, signature };
    Ok(diff.sorted())
}

fn row(arguments: &InputArgs, renders: &Renders, workload: &Workload) -> DiffRow {
    let Workload { this, base, bringing } = workload;
    let changed = base.as_ref().map_or(Vec::new(), |base| {
        let [old, new] = [base, this].map(|seen| (&seen.input, &seen.outcome));
        fields::fields(old, new, &renders.options)
    });
    let field = |f: fields::Field| DiffField {
        path: f.path,
        before: f.before,
        after: f.after,
        lost: f.lost,
        seconds: f.seconds,
    };
    let side = |seen: &Option<Seen>| seen.as_ref().map(|seen| self::side(&seen.answer));
    DiffRow {
        workload: this.answer.name.clone(),
        before: side(base),
        after: Some(self::side(&this.answer)),
        bringing: side(bringing),
        fields: changed.into_iter().map(field).collect(),
        command: arguments.command(Some(&this.answer.name)),
    }
}

/// Workloads that are only there before the change.
fn gone(
    renders: &Renders,
    rows: &mut Vec<DiffRow>,
    not_simulated: &mut Vec<NotSimulated>,
) -> anyhow::Result<()> {
    let Some(base) = &renders.base else { return Ok(()) };
    for index in base.asked_workloads(&[])? {
        let name = base.workload_title(index);
        if same(&renders.input, Some(&name)).is_some() {
            continue;
        }
        match renders.seen(base, Some(index)) {
            Ok(seen) => rows.push(DiffRow {
                workload: name,
                before: Some(side(&seen.answer)),
                after: None,
                bringing: None,
                fields: Vec::new(),
                command: String::new(),
            }),
            Err(error) => {
                not_simulated.push(NotSimulated { workload: name, why: format!("{error:#}") })
            }
        }
    }
    Ok(())
}

fn side(answer: &Answer) -> Side {
    Side {
        lost: answer.lost.total,
        complete_s: answer.rollout.duration_s.map(|d| d.mean),
        peak_pods: answer.rollout.peak_pods,
        incomplete: answer.incomplete,
        digest: answer.provenance.digest.clone(),
    }
}
