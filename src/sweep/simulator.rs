//! The simulator as an evaluator: settings by path on a base input.

use super::{Base, Evaluate, EvaluatorName, Figures, Value};
use crate::engine::rng::fnv1a;
use crate::run::{EvaluatorChoice, RunOptions, replicate};
use crate::scenario::{Diagnostics, Input, Source};
use rayon::prelude::*;
use std::ops::Range;
use std::path::Path;

/// Simulates a base with some settings changed.
pub struct Simulator {
    input: Input,
    paths: Vec<String>,
    options: RunOptions,
    fingerprint: u64,
    parallel: bool,
}

impl Simulator {
    /// Reads the base of a plan (paths relative to `folder`) and tries each setting's path.
    pub fn load(
        base: &Base,
        folder: &Path,
        paths: Vec<String>,
        evaluator: EvaluatorName,
    ) -> Result<Simulator, Diagnostics> {
        let files = base.manifests.iter().chain(&base.scenario);
        let sources: Vec<Source> = files.map(|f| Source::Path(folder.join(f))).collect();
        Ok(Simulator::new(Input::load(&sources)?, paths, evaluator))
    }

    pub fn new(input: Input, paths: Vec<String>, evaluator: EvaluatorName) -> Simulator {
        let options = RunOptions {
            evaluator: match evaluator {
                EvaluatorName::Auto => EvaluatorChoice::Auto,
                EvaluatorName::Exact => EvaluatorChoice::Exact,
                EvaluatorName::Requests => EvaluatorChoice::Requests,
            },
            keep_timelines: 0,
            ..RunOptions::default()
        };
        // All documents, cards and traces as read, with their values.
        let fingerprint = fnv1a(&format!("{input:?}"));
        Simulator { input, paths, options, fingerprint, parallel: false }
    }

    /// Runs the replications of a point on all cores: for searches and small sweeps. (Large sweeps run
    /// points in parallel instead.)
    pub fn in_parallel(mut self, parallel: bool) -> Simulator {
        self.parallel = parallel;
        self
    }

    pub fn input(&self) -> &Input {
        &self.input
    }

    /// The input with the settings of a point.
    pub fn input_at(&self, point: &[Value]) -> Result<Input, Diagnostics> {
        let mut input = self.input.clone();
        for (path, value) in self.paths.iter().zip(point) {
            if !value.is_unset() {
                input.set(path, &text(value))?;
            }
        }
        Ok(input)
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
        let latencies = scenario.platform.latencies();
        let options = RunOptions { seed, ..self.options.clone() };
        let one = |i: u32| Figures::from(&replicate(&scenario, &latencies, &options, i));
        Ok(match self.parallel {
            true => replications.into_par_iter().map(one).collect(),
            false => replications.map(one).collect(),
        })
    }

    fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}
