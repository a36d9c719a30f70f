//! `rollsim sweep`: thousands of what-ifs.

use super::outputs::{self, Form};
use super::plan::Loaded;
use super::scan::ScanArgs;
use super::sweep_text;
use crate::report;
use crate::report::answer::Setting;
use crate::report::sweeps::{Origin, SweepPoints};
use crate::report::words::plural;
use crate::sweep::{
    Base, Both, Ended, Evaluate, EvaluatorName, Format, Nothing, Plan, PointCounts, Precision,
    Shard, Simulator, Sink, Sweep, SweepError, SweepSummary, Watch,
};
use anyhow::Context;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Evaluate every point of a plan: settings by path, in a grid or another design.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim sweep web.yaml --scan preStop=0..30:5 --scan maxSurge=1,25%,100%
  rollsim sweep web.yaml --scan preStop=0..30:5 --world rate=50,200 --world app.start_delay=1s,20s
  rollsim sweep plan.toml                        results in plan.sweep/
  rollsim sweep plan.toml --resume               goes on after an interruption
  rollsim sweep plan.toml --precision failed=10% replications until the interval is that narrow
  rollsim sweep plan.toml --report plan.html     a page with maps, curves and a table
  rollsim sweep plan.toml --shard 0/8            one share of eight; then: rollsim merge plan.toml

A plan:
  schema = 1
  base = { manifests = [\"web.yaml\"], scenario = \"scenario.toml\" }
  constraints = [\"terminationGracePeriodSeconds > preStop\"]
  replications = 20
  [[axis]]
  path = \"preStop.sleep.seconds\"
  name = \"preStop\"
  from = 0
  to = 30
  step = 5
  [[axis]]
  path = \"terminationGracePeriodSeconds\"
  values = [30, 60]

Exit status: 0 done, 1 interrupted (--resume goes on), 2 bad input.")]
pub struct Args {
    #[command(flatten)]
    plan: PlanArgs,

    /// Go on with an interrupted sweep (or start it); the results are those of an uninterrupted one
    #[arg(long)]
    resume: bool,

    /// Evaluate one share of the points, such as 0/8 to 7/8. Array jobs of Kubernetes, Slurm and AWS Batch
    /// are recognised by their environment
    #[arg(long, value_name = "I/N", value_parser = str::parse::<Shard>)]
    shard: Option<Shard>,

    /// Threads; default: one per core. The results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

/// What to sweep and where the results go; shared with `rollsim merge`.
#[derive(clap::Args)]
pub struct PlanArgs {
    /// The plan (TOML); with --scan manifests and perhaps a scenario
    #[arg(value_name = "PLAN|MANIFEST", required = true)]
    pub inputs: Vec<PathBuf>,

    #[command(flatten)]
    scan: ScanArgs,

    /// Folder for the results; default: the plan's name with .sweep, here
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Replications until the interval is narrow enough: FIGURE=WIDTH[:MOST], such as failed=10%,
    /// duration_s=0.5 or probability_none=0.02:5000
    #[arg(long, value_name = "FIGURE=WIDTH", value_parser = str::parse::<Precision>)]
    pub precision: Option<Precision>,

    /// Instead of the plan's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub replications: Option<u32>,

    /// Instead of the plan's
    #[arg(long)]
    pub seed: Option<u64>,

    /// Write a page with maps, curves and a table: into FILE.html, or into a folder with the pictures
    #[arg(long, value_name = "DIR|FILE.html")]
    pub report: Option<PathBuf>,

    /// Which result files to write
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = FormatArg::default())]
    pub formats: Vec<FormatArg>,
}

/// A result file, as the command line names it.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FormatArg {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values with a heading.
    Csv,
    /// An object of JSON on each line.
    Jsonl,
}

impl FormatArg {
    /// All that this build can write.
    fn default() -> Vec<FormatArg> {
        Format::ALL.into_iter().filter(|f| f.is_built_in()).map(arg_of).collect()
    }
}

/// Points per thread below which the replications of a point run in parallel too.
const FEW: u64 = 8;

impl PlanArgs {
    /// Reads the plan and its base, and refuses outputs that are in the way.
    pub fn load(&self) -> anyhow::Result<Loaded> {
        let report = outputs::given([("--report", &self.report, Form::Report)]);
        let inputs: Vec<&Path> = self.inputs.iter().map(PathBuf::as_path).collect();
        outputs::check(&inputs, &report)?;
        let (text, folder, file) = self.text()?;
        let mut plan = Plan::parse(&file, &text)?;
        plan.replications = self.replications.unwrap_or(plan.replications);
        plan.seed = self.seed.unwrap_or(plan.seed);
        plan.precision = self.precision.or(plan.precision);
        let paths = plan.axes.iter().map(|a| a.path.clone()).collect();
        let simulator = Simulator::load(&plan.base, &folder, paths, plan.evaluator)?;
        let stem = self.inputs[0].file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let directory = self.out.clone().unwrap_or_else(|| PathBuf::from(format!("{stem}.sweep")));
        let formats = self.formats()?;
        let base_command =
            base_command(&folder, &plan.base, plan.evaluator, (plan.seed, plan.replications));
        let report = self.report.clone();
        Ok(Loaded { plan, text, directory, simulator, formats, report, base_command })
    }

    /// The text of the plan, the folder that paths in it are relative to, and its name.
    fn text(&self) -> anyhow::Result<(String, PathBuf, String)> {
        if !self.scan.is_empty() {
            return Ok((self.scan.plan(&self.inputs)?, PathBuf::new(), "--scan".to_owned()));
        }
        let [plan] = &self.inputs[..] else {
            anyhow::bail!("give one plan, or manifests with --scan KEY=LOW..HIGH:STEP");
        };
        if plan.extension().is_some_and(|e| e == "yaml" || e == "yml") || plan.is_dir() {
            let plan = plan.display();
            anyhow::bail!("{plan} is no plan: say what varies, such as --scan preStop=0..30:5");
        }
        let (text, folder) = read(plan)?;
        Ok((text, folder, plan.display().to_string()))
    }

    /// The result files that were asked for.
    fn formats(&self) -> anyhow::Result<Vec<Format>> {
        let asked = |f: &Format| self.formats.contains(&arg_of(*f));
        let formats: Vec<Format> = Format::ALL.into_iter().filter(asked).collect();
        match formats.iter().all(|f| f.is_built_in()) {
            true => Ok(formats),
            false => Err(super::not_built_in("--formats parquet", "parquet")),
        }
    }
}

fn arg_of(format: Format) -> FormatArg {
    match format {
        Format::Parquet => FormatArg::Parquet,
        Format::Csv => FormatArg::Csv,
        Format::JsonLines => FormatArg::Jsonl,
    }
}

/// A text file, and the folder that paths in it are relative to.
pub fn read(path: &Path) -> anyhow::Result<(String, PathBuf)> {
    let text = super::files::read_text(path)?;
    Ok((text, path.parent().unwrap_or(Path::new("")).to_owned()))
}

/// The command that runs a base by itself.
pub fn base_command(
    folder: &Path,
    base: &Base,
    evaluator: EvaluatorName,
    (seed, replications): (u64, u32),
) -> String {
    let mut command = "rollsim run".to_owned();
    for file in base.manifests.iter().chain(&base.scenario) {
        let _ = write!(command, " {}", without_returns(&folder.join(file)).display());
    }
    let _ = write!(command, " --seed {seed} --replications {replications}");
    match evaluator {
        EvaluatorName::Auto => {}
        EvaluatorName::Exact => command.push_str(" --evaluator exact"),
        EvaluatorName::Approximate => command.push_str(" --evaluator approximate"),
        EvaluatorName::Requests => command.push_str(" --evaluator requests"),
        EvaluatorName::Stepped => command.push_str(" --evaluator stepped"),
    }
    command
}

/// `a/../b` is `b`.
fn without_returns(path: &Path) -> PathBuf {
    let mut kept = PathBuf::new();
    for part in path.components() {
        let last = kept.components().next_back();
        match (part, last) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                kept.pop();
            }
            _ => kept.push(part),
        }
    }
    kept
}

/// The settings of a base; none where it cannot run by itself.
pub fn base_settings(simulator: &Simulator) -> Vec<Setting> {
    simulator.input().lower().map_or(Vec::new(), |scenario| report::settings::settings(&scenario))
}

impl Loaded {
    /// Writes what `finish` hands to its sinks into the report, if one is wanted, and gives the summary.
    pub fn gather(
        &self,
        finish: impl FnOnce(&mut dyn Sink) -> Result<PointCounts, SweepError>,
    ) -> anyhow::Result<(PointCounts, SweepSummary)> {
        let mut summary = SweepSummary::new(&self.plan);
        let Some(path) = &self.report else {
            let counts = finish(&mut summary)?;
            return Ok((counts, summary));
        };
        let mut points = SweepPoints::new(&self.plan);
        let counts = finish(&mut Both(&mut summary, &mut points))?;
        let origin = Origin {
            base_command: self.base_command.clone(),
            settings: base_settings(&self.simulator),
            signature: format!(
                "rollsim {} · seed {} · {} a point",
                super::version(),
                self.plan.seed,
                plural(self.plan.replications, "rollout")
            ),
        };
        let sweep = points.report(&self.plan, &counts, &summary, origin);
        let page = || report::html::sweep(&sweep);
        super::files::write_report(path, page, || report::sweep_files(&sweep))?;
        Ok((counts, summary))
    }

    /// The sweep of the plan, or one share of it.
    pub fn sweep(&self, shard: Option<Shard>) -> Sweep<'_> {
        Sweep {
            plan: &self.plan,
            text: &self.text,
            evaluator: &self.simulator,
            directory: &self.directory,
            shard,
        }
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut loaded = args.plan.load()?;
    let shard = match args.shard {
        Some(shard) => Some(shard),
        None => {
            Shard::from_environment(&|name| std::env::var(name).ok()).map_err(anyhow::Error::msg)?
        }
    };
    anyhow::ensure!(
        shard.is_none() || loaded.report.is_none(),
        "a shard has no report of its own: give --report to rollsim merge"
    );
    let pool = pool(args.threads)?;
    let few = loaded.plan.len() < FEW * pool.current_num_threads() as u64;
    loaded.simulator = loaded.simulator.in_parallel(few);
    check_first(&loaded)?;
    let stop = stop_on_signal()?;
    let bar = Bar::new();
    let sweep = loaded.sweep(shard);
    let ended = pool.install(|| sweep.run(args.resume, &stop, &bar));
    bar.bar.finish_and_clear();
    match ended? {
        Ended::Before => {
            let place = sweep.own_directory();
            super::remark(&format!("{} is complete already", place.display()));
            if loaded.report.is_some() {
                super::remark("no report is written: sweep into another folder (--out) for one");
            }
        }
        Ended::Stopped { done, points } => {
            super::remark(&format!(
                "interrupted: {done} of {points} points are kept in {}; go on with --resume",
                sweep.own_directory().display()
            ));
            return Ok(ExitCode::FAILURE);
        }
        Ended::Complete(counts) => {
            if let Some(shard) = shard {
                sweep.finish(&counts, &loaded.formats, &mut Nothing)?;
                let place = sweep.own_directory();
                super::remark(&format!("shard {shard} is complete in {}", place.display()));
                return Ok(ExitCode::SUCCESS);
            }
            let (counts, summary) = loaded
                .gather(|sink| sweep.finish(&counts, &loaded.formats, sink).map(|()| counts))?;
            super::print(&sweep_text::summary(&loaded, &counts, &summary))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The first points must be able to run: a mistyped path would make every one an error.
fn check_first(loaded: &Loaded) -> anyhow::Result<()> {
    use crate::sweep::Point;
    let points = (0..loaded.plan.len().min(1000)).filter_map(|i| match loaded.plan.point(i) {
        Point::Run(settings) => Some(settings),
        _ => None,
    });
    let mut first: Option<anyhow::Error> = None;
    for settings in points.take(3) {
        let Err(why) = loaded.simulator.evaluate(&settings, 0..1, loaded.plan.seed) else {
            return Ok(());
        };
        let problems = loaded.simulator.input_at(&settings).and_then(|i| i.lower()).err();
        first = first.or(Some(problems.map_or_else(|| anyhow::Error::msg(why), Into::into)));
    }
    first.map_or(Ok(()), Err)
}

/// Threads for the points; None: one per core.
pub fn pool(threads: Option<u16>) -> anyhow::Result<rayon::ThreadPool> {
    let threads = threads.map_or(0, usize::from);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")
}

/// A flag that ctrl-C and SIGTERM raise; a second ctrl-C ends at once.
fn stop_on_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .context("cannot listen for ctrl-C")?;
    Ok(stop)
}

/// Points, rollouts per second and time left, on a terminal's standard error.
struct Bar {
    bar: ProgressBar,
    rollouts: AtomicU64,
}

impl Bar {
    fn new() -> Bar {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = "{bar:30} {human_pos}/{human_len} points  {msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("the template is right"));
        Bar { bar, rollouts: AtomicU64::new(0) }
    }
}

impl Watch for Bar {
    fn begin(&self, points: u64, done: u64) {
        self.bar.set_length(points);
        self.bar.set_position(done);
        self.bar.reset_eta();
        self.bar.reset_elapsed();
    }

    fn point(&self, rollouts: u32) {
        let before = self.rollouts.fetch_add(u64::from(rollouts), Ordering::Relaxed);
        self.bar.inc(1);
        // Nothing is said of the speed until there is one.
        if !self.bar.is_hidden() && self.bar.position() % 16 == 1 {
            let all = (before + u64::from(rollouts)) as f64;
            let seconds = self.bar.elapsed().as_secs_f64().max(1e-3);
            let left = HumanDuration(self.bar.eta());
            self.bar.set_message(format!("{:.0} rollouts/s  {left} left", all / seconds));
        }
    }
}
