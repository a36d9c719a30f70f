//! `rollsim check`: every workload against the rules of a policy, for a pull request.

use super::input::InputArgs;
use super::outputs::{self, Form};
use super::renders::{Renders, Seen, Workload};
use super::simulation::Simulation;
use super::{files, policy, screen};
use crate::advise::Edit;
use crate::input::Input;
use crate::policy::baseline::{Entry, Since};
use crate::policy::judge::Sides;
use crate::policy::{Baseline, Figures, Judged, judge};
use crate::report;
use crate::report::gate::{self, Check, CheckRow, Place, Remedy};
use crate::run::{EvaluatorChoice, RunOptions};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use toml::value::Date;

/// Hold every workload to rules, for a pull request.
#[derive(clap::Args)]
#[command(
    mut_arg("inputs", |input| input.required(true).help(
        "Manifests or folders of them, as rendered; - for standard input"
    )),
    after_help = "\
Examples:
  rollsim check render/                          every workload, by rollsim.toml or the default rules
  rollsim check render/ --base main-render/      what this change makes of them
  helm template shop | rollsim check -
  rollsim check render/ --junit j.xml --sarif s.sarif --markdown comment.md
  rollsim check render/ --write-baseline .rollsim/baseline.json
  rollsim check render/ --baseline .rollsim/baseline.json

rollsim.toml, found in the folder of the input or above it:
  schema = 1
  [world]                                        what manifests do not say
  app = \"spring-boot\"
  rate_per_s = 250
  [[workload]]                                   the same, of some
  on = \"deployment/pay*\"
  rate_per_s = 20
  [[rule]]
  id = \"lossless\"
  expect = \"lost.mean <= 0.5 and probability_none >= 0.99\"
  [[rule]]
  id = \"no-worse\"
  expect = \"lost.mean <= base.lost.mean + 1\"
  [[allow]]                                      an exception, with an end and a reason
  id = \"lossless\"
  on = \"deployment/redis-cart\"
  until = 2027-03-31
  why = \"single by design\"

A rule speaks of anything in `rollsim run --format json`, by its path: lost.mean, lost.p97, probability_none,
rollout.p97, peak_pods, lowest_available, incomplete, lost.by_cause.address_gone.count. With --base, base.… is the
same before the change and bringing.… the rollout that brings it. Exit status: 0 kept, 1 broken, 2 bad input."
)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,

    /// The same before the change: figures of it are called base.…
    #[arg(long, value_name = "PATH", help_heading = "Input")]
    base: Vec<PathBuf>,

    /// The rules, instead of the rollsim.toml that is found
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    policy: Option<PathBuf>,

    /// Figures of an earlier check: says what is different since, and whether rollsim or the input changed
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    baseline: Option<PathBuf>,

    /// Write the figures of this check, for later ones
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    write_baseline: Option<PathBuf>,

    /// The day that exceptions are judged by, instead of today
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = policy::day, help_heading = "Rules")]
    today: Option<Date>,

    /// Exit with 0 also where a rule is broken
    #[arg(long, help_heading = "Rules")]
    exit_zero: bool,

    #[command(flatten)]
    simulation: Simulation,

    /// How the check is written
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    format: Format,

    /// Write it there instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Write JUnit (XML) besides
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    junit: Option<PathBuf>,

    /// Write SARIF 2.1.0 besides, with file and line
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    sarif: Option<PathBuf>,

    /// Write Markdown besides, for a pull request
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    markdown: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// Everything, for programs (see `rollsim schema check`)
    Json,
    /// For a pull request
    Markdown,
    /// Notes at the lines of a pull request, as GitHub's workflow commands
    Github,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let outputs = outputs::given([
        ("--output", &args.output, Form::Check),
        ("--junit", &args.junit, Form::Check),
        ("--sarif", &args.sarif, Form::Check),
        ("--markdown", &args.markdown, Form::Check),
        ("--write-baseline", &args.write_baseline, Form::Baseline),
    ]);
    let mut paths = args.input.paths();
    paths.extend(args.base.iter().chain(&args.policy).map(PathBuf::as_path));
    outputs::check(&paths, &outputs)?;
    let policy = policy::find(args.policy.as_deref(), &args.input.inputs)?;
    let baseline = args.baseline.as_deref().map(policy::baseline).transpose()?;
    let options = args.simulation.options(EvaluatorChoice::Auto);
    let renders = Renders::read(args.input.clone(), &args.base, policy, options)?;
    let (check, entries) = all_releases(&args, renders, baseline.as_ref())?;
    write(&args, &check)?;
    if let Some(path) = &args.write_baseline {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let baseline = Baseline { schema: 1, version, workloads: entries };
        files::write_in_folders(path, &baseline.text())?;
    }
    let kept = check.passes() || args.exit_zero;
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(args: &Args, check: &Check) -> anyhow::Result<()> {
    let text = match args.format {
        Format::Text => report::text::check(check, screen::width()),
        Format::Json => report::json::document(check),
        Format::Markdown => report::markdown::check(check),
        Format::Github => gate::annotations(check),
    };
    super::answer::write_answer(&text, args.output.as_deref())?;
    if let Some(path) = &args.junit {
        files::write_whole(path, &gate::junit(check))?;
    }
    if let Some(path) = &args.sarif {
        files::write_whole(path, &gate::sarif(check))?;
    }
    if let Some(path) = &args.markdown {
        files::write_whole(path, &report::markdown::check(check))?;
    }
    Ok(())
}

/// On each release that is asked for; else on the one that the input tells.
fn all_releases(
    args: &Args,
    mut renders: Renders,
    baseline: Option<&Baseline>,
) -> anyhow::Result<(Check, BTreeMap<String, Entry>)> {
    let versions = &args.input.kubernetes;
    if versions.len() < 2 {
        return checked(args, &renders, baseline);
    }
    anyhow::ensure!(
        baseline.is_none() && args.write_baseline.is_none(),
        "a baseline is of one version: --kubernetes names {}",
        versions.len()
    );
    let (mut rows, mut not_simulated) = (Vec::new(), Vec::new());
    for version in versions {
        renders.on_release(version);
        let on = |name: &str| format!("{name} on {version}");
        let (check, _) = checked(args, &renders, None)?;
        for mut row in check.workloads {
            row.workload = on(&row.workload);
            rows.push(row);
        }
        for mut left in check.not_simulated {
            left.workload = on(&left.workload);
            not_simulated.push(left);
        }
    }
    let (name, policy) = (renders.input.name(), renders.policy_name());
    let check = Check::new(name, &policy, rows, not_simulated, renders.signature());
    Ok((check, BTreeMap::new()))
}

/// What was found, and the figures to keep.
fn checked(
    args: &Args,
    renders: &Renders,
    baseline: Option<&Baseline>,
) -> anyhow::Result<(Check, BTreeMap<String, Entry>)> {
    let (workloads, not_simulated) = renders.workloads()?;
    let figures: Vec<Figures> = workloads.iter().map(|one| one.this.figures()).collect();
    if let [first, ..] = &renders.policy.unknown_names(&figures)[..] {
        anyhow::bail!("{}: {first}", renders.policy_name());
    }
    let (mut entries, mut rows) = (BTreeMap::new(), Vec::new());
    for (one, figures) in workloads.iter().zip(&figures) {
        let (row, entry) = row(args, renders, (one, figures), baseline);
        entries.insert(row.workload.clone(), entry);
        rows.push(row);
    }
    let (name, policy) = (renders.input.name(), renders.policy_name());
    Ok((Check::new(name, &policy, rows, not_simulated, renders.signature()), entries))
}

fn row(
    args: &Args,
    renders: &Renders,
    (workload, figures): (&Workload, &Figures),
    baseline: Option<&Baseline>,
) -> (CheckRow, Entry) {
    let Workload { this, base, bringing } = workload;
    let [before, brings] = [base, bringing].map(|seen| seen.as_ref().map(Seen::figures));
    let sides = Sides { this: figures, base: before.as_ref(), bringing: brings.as_ref() };
    let name = this.answer.name.clone();
    let today = args.today.unwrap_or_else(policy::today);
    let rules: Vec<Judged> = judge(&renders.policy, &name, sides, today);
    let command = args.input.command(Some(&name));
    let digest = this.answer.provenance.digest.clone();
    let entry = Entry::of(this.input.fingerprint(), digest, figures);
    let mut row = CheckRow::of(&this.answer, command, rules);
    let lost = |seen: &Option<Seen>| seen.as_ref().map(|seen| seen.answer.lost.total);
    (row.base, row.bringing) = (lost(base), lost(bringing));
    row.since = baseline.and_then(|baseline| since(baseline, &name, &entry));
    row.place = place(&this.input, None);
    if row.fails() {
        advise(&mut row, this, &renders.options);
    }
    (row, entry)
}

/// What would help, tried, and where that stands.
fn advise(row: &mut CheckRow, this: &Seen, options: &RunOptions) {
    let answer = this.advised(options, &row.command);
    let Some(fix) = answer.fixes.last() else { return };
    let first = fix.change.first().and_then(|change| Edit::parse(change));
    row.place = place(&this.input, first.as_ref().map(|edit| &*edit.path));
    row.remedy = Some(Remedy {
        change: fix.change.clone(),
        lost: fix.lost.mean,
        command: fix.command.clone(),
    });
}

/// Where a setting stands, else the nearest thing above it, else the workload.
fn place(input: &Input, path: Option<&str>) -> Option<Place> {
    input.place_of(path.unwrap_or("deployment")).map(Place::from)
}

/// What is different since the baseline, in a sentence.
fn since(baseline: &Baseline, workload: &str, now: &Entry) -> Option<String> {
    let version = &baseline.version;
    let then = baseline.workloads.get(workload).map(|entry| &entry.figures);
    let lost = |figures: &BTreeMap<String, f64>| figures.get("lost").copied().unwrap_or(0.0);
    let from = then.map_or(0.0, lost);
    let moved = format!(
        "{} → {} lost",
        report::words::count(from),
        report::words::count(lost(&now.figures))
    );
    match baseline.since(workload, now) {
        Since::Same => None,
        Since::New => Some("not in the baseline".to_owned()),
        Since::Input => Some(format!("the manifests or the world changed: {moved}")),
        Since::Rollsim => Some(format!(
            "the same was asked and rollsim answers otherwise than {version} did: {moved}"
        )),
    }
}
