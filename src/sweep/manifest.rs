//! What a finished sweep was: the plan, the version, the seed, the counts. Beside the results, as JSON.

use super::row::columns;
use super::{Evaluate, EvaluatorName, Plan, PointCounts, Precision, Value};
use crate::engine::rng::{fnv1a, mix};
use serde::{Deserialize, Serialize};

/// The manifest file. The same bytes for one run and for merged shards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format.
    pub schema: u32,
    /// The version that ran.
    pub rollsim: String,
    /// Of the plan.
    pub name: String,
    /// The same for every point.
    pub seed: u64,
    /// Of each point.
    pub replications: u32,
    /// As asked for; the rows say which one answered.
    pub evaluator: EvaluatorName,
    /// How narrow intervals had to be, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// Of the plan and everything behind it: base files, cards, version.
    pub fingerprint: String,
    /// The plan file's text.
    pub plan: String,
    /// What was varied.
    pub axes: Vec<ManifestAxis>,
    /// What points had to keep to.
    pub constraints: Vec<ManifestConstraint>,
    /// How many there were.
    pub points: ManifestPoints,
    /// Names of the columns of the result files.
    pub columns: Vec<String>,
}

/// An axis of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestAxis {
    /// In results and conditions.
    pub name: String,
    /// Of the setting, as `--set` takes it.
    pub path: String,
    /// The listed values; empty: anything in the range.
    pub values: Vec<Value>,
}

/// A constraint, and how many points it left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestConstraint {
    /// As the plan has it.
    pub text: String,
    /// Points that it left out.
    pub dropped: u64,
}

/// How many points there were and what became of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestPoints {
    /// Of the whole design.
    pub design: u64,
    /// Left out as equal to another.
    pub repeated: u64,
    /// Dropped by constraints.
    pub dropped: u64,
    /// Those that were simulated.
    pub run: u64,
}

/// Longest list of an axis' values that the manifest repeats.
const MOST_LISTED: usize = 1000;

impl Manifest {
    /// For a plan with the text `text`.
    pub fn of(plan: &Plan, text: &str, counts: &PointCounts, fingerprint: u64) -> Manifest {
        let axis = |a: &super::Axis| ManifestAxis {
            name: a.name.clone(),
            path: a.path.clone(),
            values: match &a.domain {
                super::Domain::List(values) if values.len() <= MOST_LISTED => values.clone(),
                _ => Vec::new(),
            },
        };
        let constraint = |(text, dropped): (&String, &u64)| ManifestConstraint {
            text: text.clone(),
            dropped: *dropped,
        };
        Manifest {
            schema: 1,
            rollsim: env!("CARGO_PKG_VERSION").into(),
            name: plan.name.clone(),
            seed: plan.seed,
            replications: plan.replications,
            evaluator: plan.evaluator,
            precision: plan.precision,
            fingerprint: format!("{fingerprint:016x}"),
            plan: text.to_owned(),
            axes: plan.axes.iter().map(axis).collect(),
            constraints: plan.constraints.iter().zip(&counts.dropped).map(constraint).collect(),
            points: ManifestPoints {
                design: counts.design,
                repeated: counts.repeated,
                dropped: counts.dropped.iter().sum(),
                run: counts.run,
            },
            columns: columns(&plan.axes).into_iter().map(|c| c.name).collect(),
        }
    }

    /// As it is written.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a manifest is plain data");
        bytes.push(b'\n');
        bytes
    }
}

/// Changes when the plan, what the command line changed of it, or anything behind it does.
pub fn fingerprint(plan: &Plan, text: &str, evaluator: &dyn Evaluate) -> u64 {
    let settings =
        format!("{:?} {} {} {:?}", plan.evaluator, plan.seed, plan.replications, plan.precision);
    let parts = [fnv1a(text), fnv1a(&settings), evaluator.fingerprint()];
    parts
        .iter()
        .fold(fnv1a(concat!(env!("CARGO_PKG_VERSION"), " rows 2")), |hash, part| mix(hash ^ part))
}
