//! The seam to the simulator: a point of settings in, figures of replications out.

use super::Value;
use crate::run::Replication;
use crate::traffic::Evaluator;
use std::ops::Range;

/// What one replication comes to, as far as sweeps and searches look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Of the control simulation.
    pub digest: u64,
    /// How requests were evaluated.
    pub evaluator: Evaluator,
    /// Requests of the rollout.
    pub sent: f64,
    /// Lost requests: a count, or its expectation.
    pub failed: f64,
    /// Variance of the number of lost requests given the timeline.
    pub variance: f64,
    /// Probability that none is lost given the timeline.
    pub probability_none: f64,
    /// Answers later than the stall threshold.
    pub stalled: f64,
    /// Seconds until complete; None: not within the horizon.
    pub duration_s: Option<f64>,
    /// Most pods at once.
    pub peak_pods: u32,
    /// Fewest available pods at once.
    pub lowest_available: u32,
    /// Pod-seconds above the desired replicas.
    pub surge_pod_seconds: f64,
}

/// Something that can be swept and searched.
pub trait Evaluate: Sync {
    /// Runs replications `replications` of `point` under `seed`; replication `i` sees the same luck at every
    /// point. An error says, for people, why the point cannot be run.
    fn evaluate(
        &self,
        point: &[Value],
        replications: Range<u32>,
        seed: u64,
    ) -> Result<Vec<Figures>, String>;

    /// Changes when anything behind the answers does: hash of the base files, say.
    fn fingerprint(&self) -> u64;
}

impl From<&Replication> for Figures {
    fn from(r: &Replication) -> Figures {
        Figures {
            digest: r.digest,
            evaluator: r.traffic.evaluator,
            sent: r.traffic.sent,
            failed: r.traffic.failed(),
            variance: r.traffic.variance,
            probability_none: r.traffic.probability_none,
            stalled: r.traffic.stalled,
            duration_s: r.rollout.complete.map(|d| d.as_secs_f64()),
            peak_pods: r.rollout.peak_pods,
            lowest_available: r.rollout.lowest_available,
            surge_pod_seconds: r.rollout.surge_pod_seconds,
        }
    }
}
