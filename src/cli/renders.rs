//! Renders of a repository before and after a change, and what the rollouts of each workload come to. Shared
//! by the commands that look at every workload.

use super::input::InputArgs;
use super::outputs::{self, Form};
use super::simulation::Simulation;
use super::{advice, policy, progress, workloads};
use crate::advise::Outcome;
use crate::input::{Input, differences};
use crate::policy::{Figures, Policy};
use crate::report::Answer;
use crate::report::workloads::NotSimulated;
use crate::run::{EvaluatorChoice, Replication, RunOptions};
use crate::scenario::Scenario;
use std::path::PathBuf;

/// What is looked at, in which world, and how.
#[derive(clap::Args)]
pub struct RenderArgs {
    /// Manifests, and settings of all of them.
    #[command(flatten)]
    pub input: InputArgs,

    /// The file with the world that workloads run in, instead of the rollsim.toml that is found
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    policy: Option<PathBuf>,

    #[command(flatten)]
    simulation: Simulation,
}

impl RenderArgs {
    /// Reads `new`, and `old` before it where there is one; `output` is looked at first.
    ///
    /// # Errors
    /// Whatever is wrong with them.
    pub fn read(
        &self,
        new: &[PathBuf],
        old: &[PathBuf],
        output: &Option<PathBuf>,
    ) -> anyhow::Result<Renders> {
        outputs::check(&self.input.paths(), &outputs::given([("--output", output, Form::Check)]))?;
        let policy = policy::find(self.policy.as_deref(), new)?;
        let arguments = InputArgs { inputs: new.to_vec(), ..self.input.clone() };
        Renders::read(arguments, old, policy, self.simulation.options(EvaluatorChoice::Auto))
    }

    /// Each workload of one input; those that cannot be simulated are named on standard error.
    ///
    /// # Errors
    /// There is no input, or something is wrong with it.
    pub fn each(
        &self,
        command: &str,
        output: &Option<PathBuf>,
    ) -> anyhow::Result<(Renders, Vec<Seen>)> {
        let inputs = &self.input.inputs;
        anyhow::ensure!(!inputs.is_empty(), "name an input, such as rollsim {command} web.yaml");
        let renders = self.read(inputs, &[], output)?;
        let (workloads, not_simulated) = renders.workloads()?;
        for left in not_simulated {
            super::remark(&format!("{}: not simulated: {}", left.workload, left.why));
        }
        Ok((renders, workloads.into_iter().map(|one| one.this).collect()))
    }
}

/// A workload and what its rollouts come to.
pub struct Seen {
    /// It alone, with what the policy's world says.
    pub input: Input,
    /// What that says.
    pub scenario: Scenario,
    /// What its rollouts come to.
    pub answer: Answer,
    /// The rollouts themselves.
    replications: Vec<Replication>,
    /// What they come to, for trials on the same luck.
    pub outcome: Outcome,
}

impl Seen {
    /// What rules can speak of.
    pub fn figures(&self) -> Figures {
        Figures::of(&serde_json::to_value(&self.answer).expect("plain data"))
    }

    /// The answer with what was tried besides; `command` is the run's.
    pub fn advised(&self, options: &RunOptions, command: &str) -> Answer {
        let mut answer = self.answer.clone();
        let run = (&*self.replications, &self.outcome);
        advice::add(&mut answer, &self.input, &self.scenario, (options, command), run);
        answer
    }
}

/// A workload with what there is to compare it with.
pub struct Workload {
    /// Its rollouts after the change.
    pub this: Seen,
    /// Those before it.
    pub base: Option<Seen>,
    /// The one that brings it; none where nothing changes.
    pub bringing: Option<Seen>,
}

/// What is looked at.
pub struct Renders {
    arguments: InputArgs,
    /// How everything is run.
    pub options: RunOptions,
    /// The rules, and the world of each workload.
    pub policy: Policy,
    /// Where it stands: paths of its cards are relative to that.
    place: Option<PathBuf>,
    /// After the change.
    pub input: Input,
    /// Before it.
    pub base: Option<Input>,
    /// Both, for the rollouts from one to the other.
    both: Option<Input>,
}

impl Renders {
    /// Reads both renders; `base` may be empty.
    ///
    /// # Errors
    /// Whatever is wrong with them.
    pub fn read(
        arguments: InputArgs,
        base: &[PathBuf],
        (policy, place): (Policy, Option<PathBuf>),
        options: RunOptions,
    ) -> anyhow::Result<Self> {
        let read = |paths: &[PathBuf]| {
            let all = InputArgs { inputs: paths.to_vec(), ..arguments.clone() };
            anyhow::Ok(all.read()?.swap_remove(0))
        };
        let mut input = read(&arguments.inputs)?;
        let (mut before, mut both) = (None, None);
        if !base.is_empty() {
            let all: Vec<PathBuf> = base.iter().chain(&arguments.inputs).cloned().collect();
            let old = read(base)?;
            input.completed_by(&old);
            (before, both) = (Some(old), Some(read(&all)?));
        }
        Ok(Renders { arguments, options, policy, place, input, base: before, both })
    }

    /// Everything runs on this release from here on.
    pub fn on_release(&mut self, version: &str) {
        self.arguments.kubernetes = vec![version.to_owned()];
    }

    /// Where the rules stand, for people.
    pub fn policy_name(&self) -> String {
        let file = |place: &PathBuf| place.display().to_string();
        self.place.as_ref().map_or("default rules".to_owned(), file)
    }

    /// Version and seed.
    pub fn signature(&self) -> String {
        let RunOptions { seed, replications, .. } = self.options;
        let version = env!("CARGO_PKG_VERSION");
        format!("rollsim {version} · seed {seed} · {replications} replications")
    }

    /// What is asked about, in order, and what could not be simulated.
    ///
    /// # Errors
    /// Nothing could be.
    pub fn workloads(&self) -> anyhow::Result<(Vec<Workload>, Vec<NotSimulated>)> {
        let asked = self.input.asked_workloads(&self.arguments.workload)?;
        match asked.is_empty() {
            true => Ok((vec![self.workload(None)?], Vec::new())),
            false => workloads::each(&self.input, &asked, |index| self.workload(Some(index))),
        }
    }

    fn workload(&self, index: Option<usize>) -> anyhow::Result<Workload> {
        let this = self.seen(&self.input, index)?;
        let (mut base, mut bringing) = (None, None);
        if let (Some(before), Some(both)) = (&self.base, &self.both) {
            let name = index.map(|index| self.input.workload_title(index));
            // New ones have nothing to be compared with.
            if let Some(index) = same(before, name.as_deref()) {
                let seen = self.seen(before, index)?;
                let changes = !differences::differences(&[&seen.input, &this.input]).is_empty();
                base = Some(seen);
                if let Some(index) = same(both, name.as_deref()).filter(|_| changes) {
                    bringing = Some(self.seen(both, index)?);
                }
            }
        }
        Ok(Workload { this, base, bringing })
    }

    /// Runs the workload at `index` of an input, in the world of the policy.
    ///
    /// # Errors
    /// It is refused.
    pub fn seen(&self, input: &Input, index: Option<usize>) -> anyhow::Result<Seen> {
        let mut input = input.clone();
        let title = index.map(|index| input.workload_title(index));
        if let Some(index) = index {
            input.choose_workload(index);
        }
        let world = self.policy.world(title.as_deref().unwrap_or(input.name()));
        policy::apply(&world, self.place.as_deref(), &mut input)?;
        self.arguments.settings(&mut input)?;
        let mut scenario = input.lower()?;
        if let Some(title) = title {
            scenario.name = title;
        }
        let run = |done: &(dyn Fn() + Sync)| Answer::seen(&scenario, &self.options, done);
        let (answer, replications, outcome) = progress::watched(self.options.replications, run)?;
        Ok(Seen { input, scenario, answer, replications, outcome })
    }
}

/// The workload of this name in another input: its index, or none where the input is about one alone.
pub fn same(input: &Input, name: Option<&str>) -> Option<Option<usize>> {
    let Some(name) = name else { return Some(None) };
    let found = input.asked_workloads(&[name.to_owned()]).ok()?;
    found.first().map(|index| Some(*index))
}
