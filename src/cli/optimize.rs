//! `rollsim optimize`: the cheapest settings that lose nothing.

use super::files::{write_report, write_whole};
use super::input::InputArgs;
use super::outputs::{self, Form};
use super::sweep::{base_command, base_settings, pool, read};
use super::sweep_text::setting;
use super::{optimize_text, problem, progress};
use crate::input::Input;
use crate::report;
use crate::report::data::Binding;
use crate::report::searches::{Advice, signature};
use crate::report::sweeps::Origin;
use crate::sweep::optimize::{
    Optimum, PatchTarget, Price, Problem, Today, Wanted, optimize, patches, yaml,
};
use crate::sweep::{Simulator, Value};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Find the cheapest settings that lose nothing, and write the change as a patch.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim optimize web.yaml                      the usual settings, as far as the manifests have them
  rollsim optimize problem.toml
  rollsim optimize problem.toml --patch patch.yaml
  kubectl patch deployment web --patch-file patch.yaml

Without a problem, that is with manifests (and perhaps a scenario): preStop.sleep.seconds,
terminationGracePeriodSeconds, a readiness probe or its period, maxUnavailable and maxSurge or the strategy,
and minReadySeconds are searched, for the quickest rollout that loses nothing.

A problem:
  schema = 1
  base = { manifests = [\"web.yaml\"], scenario = \"scenario.toml\" }
  goal = { failed = 0 }                          # or { probability_none = 0.99 }
  cost = { duration_s = 1, surge_pod_seconds = 0.01 }
  constraints = [\"terminationGracePeriodSeconds > preStop\"]
  [[setting]]
  path = \"preStop.sleep.seconds\"
  name = \"preStop\"
  from = 0
  to = 60
  [[setting]]
  path = \"terminationGracePeriodSeconds\"
  from = 10
  to = 120

Exit status: 0 the goal is met, 1 no settings meet it, 2 bad input.")]
pub struct Args {
    #[command(flatten)]
    problem: ProblemArgs,

    /// Write the patch (strategic merge, for kubectl and Kustomize) there; default: shown
    #[arg(long, value_name = "FILE")]
    patch: Option<PathBuf>,
}

/// What to search; shared with `rollsim frontier`.
#[derive(clap::Args)]
pub struct ProblemArgs {
    #[command(flatten)]
    input: InputArgs,

    /// Rollouts per point, instead of the problem's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    replications: Option<u32>,

    /// Instead of the problem's
    #[arg(long)]
    seed: Option<u64>,

    /// Write a page besides: into FILE.html, or into a folder with the pictures
    #[arg(long, value_name = "DIR|FILE.html")]
    pub report: Option<PathBuf>,

    /// Threads; default: one per core. The results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

impl ProblemArgs {
    /// Refuses outputs that would replace what is not theirs: the report, and `more` of the command's own.
    pub fn check_outputs<const N: usize>(
        &self,
        more: [(&'static str, &Option<PathBuf>, Form); N],
    ) -> anyhow::Result<()> {
        let report = ("--report", &self.report, Form::Report);
        let inputs: Vec<&Path> = self.input.inputs.iter().map(PathBuf::as_path).collect();
        outputs::check(&inputs, &outputs::given(more.into_iter().chain([report])))
    }

    /// Reads the problem and its base, or makes the usual problem of manifests (with values `below` today's
    /// for what protects), or one of these `axes`; today's values come from the base where the problem gives
    /// none.
    pub fn load(
        &self,
        below: bool,
        axes: &[String],
    ) -> anyhow::Result<(Problem, Simulator, Origin)> {
        let (mut problem, input, folder) = match self.written()? {
            Some(_) if !axes.is_empty() => {
                anyhow::bail!("KEY=LOW..HIGH goes with manifests: a problem has its own settings")
            }
            Some((file, text)) => {
                let problem = Problem::parse(&file.display().to_string(), &text)?;
                let folder = file.parent().unwrap_or(Path::new("")).to_owned();
                let mut input = Simulator::base(&problem.base, &folder)?;
                self.input.apply(&mut input)?;
                (problem, input, folder)
            }
            None => {
                let input = self.input.load()?.swap_remove(0);
                let named =
                    self.input.inputs.iter().map(|p| format!("{:?}", p.display().to_string()));
                let named = named.collect::<Vec<_>>().join(", ");
                let text = match axes {
                    [] => problem::of(&input.lower()?, &named, below),
                    axes => problem::with(&named, axes).map_err(anyhow::Error::msg)?,
                };
                (Problem::parse("the usual problem", &text)?, input, PathBuf::new())
            }
        };
        problem.replications = self.replications.unwrap_or(problem.replications);
        problem.seed = self.seed.unwrap_or(problem.seed);
        let paths = problem.settings.iter().map(|s| s.path.clone()).collect();
        let simulator = Simulator::new(input, paths, problem.evaluator);
        for (setting, today) in problem.settings.iter().zip(&mut problem.today) {
            if !setting.base_given {
                *today = of_base(simulator.input(), &setting.path);
            }
        }
        // A mistyped path is told as such, not as a search without results.
        simulator.input_at(&problem.values(&vec![0; problem.settings.len()]))?;
        let luck = (problem.seed, problem.replications);
        let mut base_command = base_command(&folder, &problem.base, problem.evaluator, luck);
        for set in &self.input.set {
            base_command += &format!(" --set {set}");
        }
        let origin = Origin {
            base_command,
            settings: base_settings(&simulator),
            signature: signature(super::version(), &problem),
        };
        Ok((problem, simulator.in_parallel(true), origin))
    }

    /// The file and text of the problem; None: the inputs are manifests.
    fn written(&self) -> anyhow::Result<Option<(&Path, String)>> {
        let [file] = &self.input.inputs[..] else {
            let what = "name a problem, or manifests: rollsim optimize web.yaml";
            anyhow::ensure!(!self.input.inputs.is_empty(), what);
            return Ok(None);
        };
        if file.extension().is_none_or(|e| e != "toml") {
            return Ok(None);
        }
        let (text, _) = read(file)?;
        // A scenario has none of the keys that every problem has.
        let scenario = toml::from_str::<toml::Table>(&text)
            .is_ok_and(|table| !["base", "setting", "goal"].iter().any(|k| table.contains_key(*k)));
        Ok((!scenario).then_some((file.as_path(), text)))
    }
}

/// What stands at a path of the base, or applies there.
fn of_base(input: &Input, path: &str) -> Today {
    let value = |text: String| {
        let whole = text.parse().ok().map(Value::Int);
        let number = whole.or_else(|| text.parse().ok().map(Value::Float));
        let yes_or_no = || text.parse().ok().map(Value::Bool);
        number.or_else(yes_or_no).unwrap_or(Value::Text(text))
    };
    let default = input.default_at(path);
    Today::of_base(input.value_at(path).map(value), default.map(value))
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    args.problem.check_outputs([("--patch", &args.patch, Form::Patch)])?;
    let (problem, simulator, origin) = args.problem.load(false, &[])?;
    let pool = pool(args.problem.threads)?;
    let search = || pool.install(|| optimize(&problem, &simulator));
    let found = progress::waiting("searching", search).map_err(anyhow::Error::msg)?;
    super::print(&optimize_text::answer(&problem, &found))?;
    // Short of the goal the nearest settings are still worth their patch if they lose less than today's.
    let better = found.present.as_ref().is_none_or(|p| found.fresh.failed() < p.failed());
    let (patches, elsewhere) = match found.confirmed || better {
        true => patches(simulator.input(), wanted(&problem, &found)),
        false => Default::default(),
    };
    let text: String =
        patches.iter().map(|(_, yaml)| yaml.as_str()).collect::<Vec<_>>().join("---\n");
    if let Some(path) = &args.problem.report {
        let report = report::searches::optimize(
            &problem,
            &found,
            advice(&problem, &found, &text, &patches),
            origin,
        );
        let page = || report::html::optimize(&report);
        write_report(path, page, || report::optimize_files(&report))?;
    }
    let title = if found.confirmed { "Patch" } else { "Patch, as far as settings go" };
    match &args.patch {
        Some(path) if !text.is_empty() => write_whole(path, &text)?,
        _ if text.is_empty() && found.confirmed => super::remark("the manifests need no change"),
        _ if text.is_empty() => {}
        _ => super::print(&format!("\n{title}\n\n{text}"))?,
    }
    for Wanted { path, value, .. } in elsewhere {
        super::remark(&format!("not in a manifest, to be set by hand: {path} = {value}"));
    }
    if !found.confirmed {
        super::remark("no settings that meet the goal were found");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// What the page says about each setting, and how the patch is applied.
fn advice(
    problem: &Problem,
    found: &Optimum,
    patch: &str,
    patches: &[(PatchTarget, String)],
) -> Advice {
    let price = |price: &Price| Binding {
        setting: problem.settings[price.setting].name.clone(),
        value: setting(&price.value),
        price: optimize_text::why(problem, price),
    };
    let command = match patches {
        [(target, _)] => {
            let kind = target.kind.to_lowercase();
            format!("kubectl patch {kind} {} --patch-file patch.yaml", target.name)
        }
        _ => "kustomize build    # with the patches under patches: in kustomization.yaml".into(),
    };
    Advice {
        prices: found.prices.iter().map(price).collect(),
        patch: patch.to_owned(),
        patch_command: command,
    }
}

/// What the winner changes, each with what it buys.
fn wanted(problem: &Problem, found: &Optimum) -> Vec<Wanted> {
    let changed = found.prices.iter().filter(|price| price.changed);
    let one = |price: &Price| Wanted {
        path: problem.settings[price.setting].path.clone(),
        value: yaml(&price.value),
        comment: format!(
            "was {}; {}",
            problem.today[price.setting],
            optimize_text::why(problem, price)
        ),
    };
    changed.map(one).collect()
}
