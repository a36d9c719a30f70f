//! The simulator as an evaluator: settings by path on a base input.

use super::{Base, Evaluate, EvaluatorName, Figures, Value};
use crate::engine::rng::fnv1a;
use crate::input::bounds;
use crate::input::{Diagnostics, Input, Source};
use crate::model::platform::Ready;
use crate::run::{EvaluatorChoice, RunOptions, refusal, replicate};
use crate::scenario::Scenario;
use rayon::prelude::*;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

/// Simulates a base with some settings changed.
pub struct Simulator {
    input: Input,
    paths: Vec<String>,
    options: RunOptions,
    fingerprint: u64,
    parallel: bool,
    /// For each thread.
    chains: Mutex<Vec<Chain>>,
    /// The point that each thread ran last: a search goes on with it.
    last: Mutex<Vec<Last>>,
    /// Of the platform that was seen first; few plans change it.
    ready: OnceLock<Ready>,
}

/// The last point of a thread: its settings, each with the input that has it and those before it.
/// Neighbours in a plan share the first ones, and to set one costs as much as half a rollout.
type Chain = Vec<(Value, Arc<Input>)>;

/// A point, and what it says.
type Last = Option<(Vec<Value>, Arc<Scenario>)>;

impl Simulator {
    /// Reads the base of a plan (paths relative to `folder`) and tries each setting's path.
    pub fn load(
        base: &Base,
        folder: &Path,
        paths: Vec<String>,
        evaluator: EvaluatorName,
    ) -> Result<Simulator, Diagnostics> {
        Ok(Simulator::new(Simulator::base(base, folder)?, paths, evaluator))
    }

    /// The input that a base names.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn base(base: &Base, folder: &Path) -> Result<Input, Diagnostics> {
        let files = base.manifests.iter().chain(&base.scenario);
        let sources: Vec<Source> = files.map(|f| Source::Path(folder.join(f))).collect();
        Input::load(&sources)
    }

    /// Simulates `input` with the settings at `paths`.
    pub fn new(input: Input, paths: Vec<String>, evaluator: EvaluatorName) -> Simulator {
        let options = RunOptions {
            evaluator: match evaluator {
                EvaluatorName::Auto => EvaluatorChoice::Auto,
                EvaluatorName::Exact => EvaluatorChoice::Exact,
                EvaluatorName::Approximate => EvaluatorChoice::Approximate,
                EvaluatorName::Requests => EvaluatorChoice::Requests,
                EvaluatorName::Stepped => EvaluatorChoice::Stepped,
            },
            keep_timelines: 0,
            ..RunOptions::default()
        };
        // All documents, cards and traces as read, with their values.
        let fingerprint = fnv1a(&format!("{input:?}"));
        Simulator {
            input,
            paths,
            options,
            fingerprint,
            parallel: false,
            chains: Mutex::default(),
            last: Mutex::default(),
            ready: OnceLock::new(),
        }
    }

    /// Runs the replications of a point on all cores: for searches and small sweeps. (Large sweeps run
    /// points in parallel instead.)
    pub fn in_parallel(mut self, parallel: bool) -> Simulator {
        self.parallel = parallel;
        self
    }

    /// Without the settings of a point.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// The input with the settings of a point.
    ///
    /// # Errors
    /// A path is unknown, or a value has the wrong type.
    pub fn input_at(&self, point: &[Value]) -> Result<Arc<Input>, Diagnostics> {
        let thread = rayon::current_thread_index().unwrap_or(0);
        let mut chain = replaced(&self.chains, thread, Chain::new());
        let shared = chain.iter().zip(point).take_while(|((known, _), v)| known == *v).count();
        chain.truncate(shared);
        for (path, value) in self.paths.iter().zip(point).skip(shared) {
            let next = match (chain.last(), value) {
                (Some((_, before)), Value::Unset) => Arc::clone(before),
                (before, value) => {
                    let mut input = before.map_or(&self.input, |(_, input)| input).clone();
                    if !value.is_unset() {
                        input.set(path, &text(value))?;
                    }
                    Arc::new(input)
                }
            };
            chain.push((value.clone(), next));
        }
        let found = chain.last().map_or_else(|| self.input.clone().into(), |c| Arc::clone(&c.1));
        replaced(&self.chains, thread, chain);
        Ok(found)
    }

    /// What a point says.
    fn scenario_at(&self, point: &[Value]) -> Result<Arc<Scenario>, Diagnostics> {
        let thread = rayon::current_thread_index().unwrap_or(0);
        if let Some((known, scenario)) = replaced(&self.last, thread, None)
            && known == point
        {
            replaced(&self.last, thread, Some((known, Arc::clone(&scenario))));
            return Ok(scenario);
        }
        let scenario = Arc::new(self.input_at(point)?.lower()?);
        replaced(&self.last, thread, Some((point.to_vec(), Arc::clone(&scenario))));
        Ok(scenario)
    }
}

/// What is kept for a thread, and another in its place.
fn replaced<T: Clone + Default>(of: &Mutex<Vec<T>>, thread: usize, other: T) -> T {
    let mut all = of.lock().expect("no thread panicked");
    if all.len() <= thread {
        all.resize(thread + 1, T::default());
    }
    std::mem::replace(&mut all[thread], other)
}

/// As on the command line: whole numbers without a fraction, whatever they come from.
fn text(value: &Value) -> String {
    match value {
        Value::Float(x) => format!("{x}"),
        other => other.to_string(),
    }
}

impl Evaluate for Simulator {
    fn evaluate(
        &self,
        point: &[Value],
        replications: Range<u32>,
        seed: u64,
    ) -> Result<Vec<Figures>, String> {
        let scenario = self.scenario_at(point).map_err(|problems| problems.to_string())?;
        let platform = &scenario.platform;
        let ready = self.ready.get_or_init(|| Ready::of(platform)).like(platform);
        let options = RunOptions { seed, ..self.options.clone() };
        bounds::rollout(&scenario, &options).map_err(|problems| problems.to_string())?;
        let one = |i: u32| {
            let replication = replicate(&scenario, ready.latencies(), &options, i);
            match refusal(&scenario, &options, std::slice::from_ref(&replication)) {
                Some(why) => Err(why),
                None => Ok(Figures::from(&replication)),
            }
        };
        match self.parallel {
            true => replications.into_par_iter().map(one).collect(),
            false => replications.map(one).collect(),
        }
    }

    fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}
