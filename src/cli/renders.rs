//! Renders of a repository before and after a change, and what the rollouts of each workload come to. Shared
//! by `check` and `diff`.

use super::input::InputArgs;
use super::{policy, progress};
use crate::input::{Diagnostics, Input, differences};
use crate::policy::{Figures, Policy};
use crate::report::Answer;
use crate::report::workloads::NotSimulated;
use crate::run::RunOptions;
use crate::scenario::Scenario;
use std::path::PathBuf;

/// A workload and what its rollouts come to.
pub struct Seen {
    /// It alone, with what the policy's world says.
    pub input: Input,
    /// What that says.
    pub scenario: Scenario,
    /// What its rollouts come to.
    pub answer: Answer,
    /// The same, for rules.
    pub figures: Figures,
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
pub struct Renders<'a> {
    arguments: &'a InputArgs,
    /// How everything is run.
    pub options: RunOptions,
    /// The rules, and the world of each workload.
    pub policy: Policy,
    /// Where it stands: paths of its cards are relative to that.
    place: Option<PathBuf>,
    /// The release that everything runs on, where one is asked for.
    pub kubernetes: Option<String>,
    /// After the change.
    pub input: Input,
    /// Before it.
    pub base: Option<Input>,
    /// Both, for the rollouts from one to the other.
    both: Option<Input>,
}

impl<'a> Renders<'a> {
    /// Reads both renders; `base` may be empty.
    ///
    /// # Errors
    /// Whatever is wrong with them.
    pub fn read(
        arguments: &'a InputArgs,
        base: &[PathBuf],
        (policy, place): (Policy, Option<PathBuf>),
        options: RunOptions,
    ) -> anyhow::Result<Self> {
        let read = |paths: &[PathBuf]| {
            let all = InputArgs { inputs: paths.to_vec(), ..arguments.clone() };
            anyhow::Ok(all.read()?.swap_remove(0))
        };
        let input = read(&arguments.inputs)?;
        let (mut before, mut both) = (None, None);
        if !base.is_empty() {
            let all: Vec<PathBuf> = base.iter().chain(&arguments.inputs).cloned().collect();
            (before, both) = (Some(read(base)?), Some(read(&all)?));
        }
        let kubernetes = None;
        Ok(Renders { arguments, options, policy, place, kubernetes, input, base: before, both })
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
        let asked: Vec<Option<usize>> = match asked.is_empty() {
            true => vec![None],
            false => asked.into_iter().map(Some).collect(),
        };
        let (mut seen, mut not_simulated) = (Vec::new(), Vec::new());
        let mut problems = Diagnostics::default();
        for index in asked {
            match self.workload(index) {
                Ok(one) => seen.push(one),
                Err(error) => {
                    let more = error.downcast::<Diagnostics>()?;
                    let title = |index| self.input.workload_title(index);
                    let workload = index.map_or(self.input.name().to_owned(), title);
                    not_simulated.push(NotSimulated { workload, why: more.in_a_line() });
                    problems.0.extend(more.0);
                }
            }
        }
        if seen.is_empty() {
            problems.unique();
            return Err(problems.into());
        }
        Ok((seen, not_simulated))
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
        let kubernetes = match &self.kubernetes {
            Some(version) => vec![version.clone()],
            None => self.arguments.kubernetes.clone(),
        };
        let arguments = InputArgs { kubernetes, ..self.arguments.clone() };
        arguments.settings(&mut input)?;
        let mut scenario = input.lower()?;
        if let Some(title) = title {
            scenario.name = title;
        }
        let run = |done: &(dyn Fn() + Sync)| Answer::seen(&scenario, &self.options, done);
        let (answer, ..) = progress::watched(self.options.replications, run)?;
        let figures = Figures::of(&serde_json::to_value(&answer)?);
        Ok(Seen { input, scenario, answer, figures })
    }
}

/// The workload of this name in another input: its index, or none where the input is about one alone.
pub fn same(input: &Input, name: Option<&str>) -> Option<Option<usize>> {
    let Some(name) = name else { return Some(None) };
    let found = input.asked_workloads(&[name.to_owned()]).ok()?;
    found.first().map(|index| Some(*index))
}
