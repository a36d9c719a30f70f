//! The simulator as an evaluator: settings by path on a base input.

use super::{Base, Evaluate, EvaluatorName, Figures, Value};
use crate::engine::dist::Dist;
use crate::engine::rng::fnv1a;
use crate::input::bounds;
use crate::input::{Diagnostics, Input, Source};
use crate::model::platform::Platform;
use crate::model::platform::{Delays, Latencies};
use crate::run::{EvaluatorChoice, RunOptions, refusal, replicate};
use rayon::prelude::*;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Simulates a base with some settings changed.
pub struct Simulator {
    input: Input,
    paths: Vec<String>,
    options: RunOptions,
    fingerprint: u64,
    parallel: bool,
    /// For each thread.
    chains: Mutex<Vec<Chain>>,
    /// Of the platform that was seen last. To make them ready takes as long as a rollout, and few plans
    /// change the platform.
    latencies: Mutex<Option<(Delays<Dist>, Arc<Latencies>)>>,
}

/// The last point of a thread: its settings, each with the input that has it and those before it.
/// Neighbours in a plan share the first ones, and to set one costs as much as half a rollout.
type Chain = Vec<(Value, Arc<Input>)>;

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
            latencies: Mutex::default(),
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
        let mut chain = self.chain(thread, Chain::new());
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
        self.chain(thread, chain);
        Ok(found)
    }

    fn latencies(&self, platform: &Platform) -> Arc<Latencies> {
        let mut seen = self.latencies.lock().expect("no thread panicked");
        match &*seen {
            Some((delays, ready)) if *delays == platform.delays => Arc::clone(ready),
            _ => {
                let ready = Arc::new(platform.latencies());
                *seen = Some((platform.delays.clone(), Arc::clone(&ready)));
                ready
            }
        }
    }

    /// The chain of a thread, and another in its place.
    fn chain(&self, thread: usize, other: Chain) -> Chain {
        let mut chains = self.chains.lock().expect("no thread panicked");
        if chains.len() <= thread {
            chains.resize(thread + 1, Chain::new());
        }
        std::mem::replace(&mut chains[thread], other)
    }
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
        let scenario = self
            .input_at(point)
            .and_then(|input| input.lower())
            .map_err(|problems| problems.to_string())?;
        let latencies = self.latencies(&scenario.platform);
        let options = RunOptions { seed, ..self.options.clone() };
        bounds::rollout(&scenario, &options).map_err(|problems| problems.to_string())?;
        let one = |i: u32| {
            let replication = replicate(&scenario, &latencies, &options, i);
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
