//! How a release goes on, step by step, and what it is decided by: the strategy of a Rollout
//! (argoproj.io/v1alpha1) and the analyses that it names.

pub use super::analysis::{
    Analysis, Answer, Empty, Figure, Form, Found, Limits, Measure, Metric, Side,
};

use super::flagger::Flagger;
use super::ids::ServiceId;
use crate::engine::Dur;
use std::fmt;

/// The strategy of a Rollout, with its defaults filled in, or what a Canary says of a Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Canary or blue/green.
    pub plan: Plan,
    /// `rollbackWindow.revisions`: a revision of the last so many is gone back to without steps.
    pub rollback_window: Option<u32>,
    /// `progressDeadlineAbort`: a release that makes no progress is aborted.
    pub progress_deadline_abort: bool,
    /// Before the old pods go once they get no requests any more; None: at once (a canary without a router).
    pub scale_down_delay: Option<Dur>,
    /// Before the new pods of an aborted release go.
    pub abort_delay: AbortDelay,
}

/// `abortScaleDownDelaySeconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortDelay {
    /// Not given: 30 s, and with `dynamicStableScale` none.
    Default,
    /// 0: new pods stay.
    Never,
    /// So long.
    After(Dur),
}

/// The kinds of releases.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// In steps.
    Canary(Canary),
    /// All at once, after a preview.
    BlueGreen(BlueGreen),
    /// A Deployment beside its primary.
    Flagger(Box<Flagger>),
}

/// `strategy.canary`.
#[derive(Clone, Debug, PartialEq)]
pub struct Canary {
    /// In order; none: straight to all.
    pub steps: Vec<Step>,
    /// Who shares the requests; None: the numbers of pods do.
    pub router: Option<Router>,
    /// `analysis`: runs from a step on, beside the steps.
    pub background: Option<(Analysis, usize)>,
    /// The stable pods give way as the weight moves.
    pub dynamic_stable_scale: bool,
    /// `minPodsPerReplicaSet`; 0: not given.
    pub min_pods: i32,
    /// `replicaProgressThreshold`.
    pub threshold: Option<Threshold>,
    /// `maxTrafficWeight`, 1 or more.
    pub max_weight: i32,
}

/// The Services that a router shares the requests between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Router {
    /// `stableService`, or the ping Service.
    pub stable: ServiceId,
    /// `canaryService`, or the pong Service.
    pub canary: ServiceId,
    /// They take turns, and no Service changes hands at the end.
    pub ping_pong: bool,
    /// A weight counts once the load balancer's rule has it.
    pub verifies: bool,
}

/// One step of a canary.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Of `max_weight`, from then on.
    SetWeight(i32),
    /// None: until somebody promotes it.
    Pause(Option<Dur>),
    /// So many pods from then on, whatever the weight.
    SetCanaryScale(Scale),
    /// Goes on once it was successful.
    Analysis(Analysis),
    /// Complete at once: header and mirror routes.
    Free,
}

/// For people, in the words of a manifest.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::SetWeight(weight) => write!(f, "setWeight {weight}"),
            Step::Pause(Some(length)) => write!(f, "pause {} s", length.as_secs_f64()),
            Step::Pause(None) => f.write_str("pause"),
            Step::SetCanaryScale(Scale::Replicas(n)) => write!(f, "setCanaryScale {n} pods"),
            Step::SetCanaryScale(Scale::Weight(w)) => write!(f, "setCanaryScale {w} %"),
            Step::SetCanaryScale(Scale::MatchWeight) => f.write_str("setCanaryScale as the weight"),
            Step::Analysis(analysis) => write!(f, "analysis {}", analysis.name),
            Step::Free => f.write_str("a route"),
        }
    }
}

/// `setCanaryScale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// So many pods.
    Replicas(i32),
    /// Per cent of the replicas.
    Weight(i32),
    /// As the weight says.
    MatchWeight,
}

/// `replicaProgressThreshold`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// So many available pods.
    Pods(i32),
    /// Per cent of those that are wanted.
    Percent(i32),
}

/// `strategy.blueGreen`.
#[derive(Clone, Debug, PartialEq)]
pub struct BlueGreen {
    /// `activeService`.
    pub active: ServiceId,
    /// `autoPromotionEnabled`.
    pub auto: bool,
    /// `autoPromotionSeconds`.
    pub auto_after: Dur,
    /// `previewReplicaCount`.
    pub preview_replicas: Option<i32>,
    /// `prePromotionAnalysis`.
    pub before: Option<Analysis>,
    /// `postPromotionAnalysis`.
    pub after: Option<Analysis>,
}

impl Release {
    /// Every analysis that it may run.
    pub fn analyses(&self) -> Vec<&Analysis> {
        match &self.plan {
            Plan::Canary(canary) => {
                let steps = canary.steps.iter().filter_map(|step| match step {
                    Step::Analysis(analysis) => Some(analysis),
                    _ => None,
                });
                canary.background.iter().map(|(analysis, _)| analysis).chain(steps).collect()
            }
            Plan::BlueGreen(b) => b.before.iter().chain(&b.after).collect(),
            Plan::Flagger(canary) => canary.checks.iter().collect(),
        }
    }

    /// Some metric of it is one of the requests.
    pub fn measures(&self) -> bool {
        let metrics = || self.analyses().into_iter().flat_map(|a| &a.metrics);
        metrics().any(|m| m.measure.what.is_measured())
    }

    /// Who shares the requests, if a router does.
    pub fn router(&self) -> Option<Router> {
        match &self.plan {
            Plan::Canary(canary) => canary.router,
            Plan::BlueGreen(_) | Plan::Flagger(_) => None,
        }
    }

    /// It is a Canary of Flagger.
    pub fn flagger(&self) -> Option<&Flagger> {
        match &self.plan {
            Plan::Flagger(canary) => Some(canary),
            _ => None,
        }
    }
}
