//! What an autoscaler made of what it saw, for people.

use super::limits::Limit;
use crate::engine::Time;
use std::sync::Arc;

/// The runs for one HorizontalPodAutoscaler, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// The Deployment that it scales.
    pub target: Arc<str>,
    /// Names of its metrics, and what each is held at (per cent, or the metric's unit).
    pub metrics: Vec<(Arc<str>, f64)>,
    /// One for each run.
    pub decisions: Vec<Decision>,
}

/// One run: what was seen and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// When the metrics were read.
    pub at: Time,
    /// `spec.replicas` of the target then.
    pub current: i32,
    /// The largest that a metric asks for; None: nothing could be recommended.
    pub recommended: Option<i32>,
    /// After looking back: what earlier recommendations leave of it.
    pub stabilized: i32,
    /// What is written; as `current`: nothing is.
    pub desired: i32,
    /// What bounded it.
    pub limit: Limit,
    /// Pods of the target that are not being deleted.
    pub pods: u32,
    /// Of these, those that are Ready.
    pub ready: u32,
    /// A rollout is under way, or was so shortly before that what new pods have counted is little.
    pub rolling: bool,
    /// By metric.
    pub seen: Vec<Seen>,
}

/// A metric at one run, in per cent of requests or the metric's unit: the mean of the pods, or the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// As the controller had it; None: no pod that counts had a value.
    pub value: Option<f64>,
    /// What it was since the last run, by all pods that ran.
    pub truth: f64,
    /// Pods without a value.
    pub missing: u32,
}
