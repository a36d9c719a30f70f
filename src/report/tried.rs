//! Rows of what was tried: changes, settings that take time, guesses that matter.

use super::figure::{Estimate, Figure};
use super::words::{count, leaves};
use schemars::JsonSchema;
use serde::Serialize;

/// A change, and what the same rollouts came to with it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FixRow {
    /// Settings that belong together, `KEY=VALUE` as `--set` takes them.
    pub change: Vec<String>,
    /// The run with it.
    pub command: String,
    /// Lost requests.
    pub lost: Figure,
    /// Probability that a rollout loses none.
    pub probability_none: Estimate,
    /// Until complete, mean.
    pub complete_s: Option<f64>,
    /// Until the last pod that has to go is gone, mean.
    pub last_pod_gone_s: Option<f64>,
    /// Pods at once, at most.
    pub peak_pods: u32,
    /// Seconds that the rollout takes more (less: below 0) than without it.
    pub more_s: Option<f64>,
    /// Pods that it has more at its peak.
    pub more_pods: i64,
    /// Nothing is left that is worth a change.
    pub enough: bool,
    /// What the rollout that brings it still loses, since the pods before it have not got it.
    pub bringing: Option<f64>,
    /// For the manifests (strategic merge): one document an object.
    pub patch: String,
    /// Settings that stand in no manifest.
    pub elsewhere: Vec<String>,
    /// Rollouts that it was tried in.
    pub replications: u32,
}

/// A setting that takes time.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DurationRow {
    /// What takes the time.
    pub what: String,
    /// As it is.
    pub found: String,
    /// The rollouts that were run without it.
    pub change: Vec<String>,
    /// So much sooner they are over.
    pub saves_s: f64,
    /// Lost requests in them.
    pub lost: f64,
}

/// A guess, and the answer with others.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MatterRow {
    /// As the assumptions name it.
    pub key: String,
    /// As it is.
    pub value: String,
    /// Three times as much, within what is sensible.
    pub more: Option<OtherRow>,
    /// A third of it.
    pub less: Option<OtherRow>,
    /// The larger change of what is lost (of the duration where nothing is), as a share.
    pub influence: f64,
    /// How to say better.
    pub give: String,
}

/// The answer with another value.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OtherRow {
    /// The guess.
    pub value: String,
    /// Lost requests with it.
    pub lost: f64,
    /// The rollout takes.
    pub takes_s: Option<f64>,
    /// Share of rollouts that do not reach their end.
    pub incomplete: f64,
}

/// Which guesses the answer hangs on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct MattersRow {
    /// Rollouts for each value.
    pub replications: u32,
    /// With everything as it is, in so many.
    pub lost: f64,
    /// The rollout takes.
    pub takes_s: Option<f64>,
    /// The weightiest first.
    pub weighed: Vec<MatterRow>,
    /// How many of them change the answer by less than a twentieth.
    pub little: u32,
    /// Guesses that are no numbers.
    pub not_varied: Vec<String>,
}

/// The rollouts after this one, of what this one brings.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LaterRow {
    /// Lost requests.
    pub lost: Figure,
    /// Probability that a rollout loses none.
    pub probability_none: Estimate,
    /// Enough is lost that a change is worth its while.
    pub worth_changing: bool,
    /// Until complete, mean.
    pub complete_s: Option<f64>,
    /// Until the last pod that has to go is gone, mean.
    pub last_pod_gone_s: Option<f64>,
    /// Pods at once, at most.
    pub peak_pods: u32,
}

impl FixRow {
    /// What it comes to, in a clause: `then 0.4 are lost`.
    pub fn leaves(&self) -> String {
        leaves(self.lost.mean)
    }
}

impl LaterRow {
    /// The rollouts after this one, in a sentence.
    pub fn sentence(&self) -> String {
        match self.lost.mean {
            0.0 => "Every later rollout loses none.".to_owned(),
            lost if !self.worth_changing => {
                format!("Every later rollout loses next to none ({}).", count(lost))
            }
            lost => format!("Every later rollout loses {}.", count(lost)),
        }
    }
}
