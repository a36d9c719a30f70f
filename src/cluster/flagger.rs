//! A Canary of Flagger (flagger.app/v1beta1), with its defaults filled in.

use super::analysis::Analysis;
use crate::engine::Dur;

/// What a Canary says of how its target is released.
#[derive(Clone, Debug, PartialEq)]
pub struct Flagger {
    /// `analysis.interval`: from one look to the next.
    pub interval: Dur,
    /// `analysis.threshold`: so many failed checks, and it goes back.
    pub threshold: u32,
    /// How the weight grows.
    pub weights: Weights,
    /// `analysis.maxWeight`; None: the last of `stepWeights`, else all.
    pub max_weight: Option<i32>,
    /// `analysis.stepWeightPromotion`; 0: all traffic goes back to the primary at once.
    pub promotion_step: i32,
    /// `analysis.iterations`: blue/green, or A/B; 0: the weight grows.
    pub iterations: u32,
    /// `analysis.mirror`: copies of requests before the first weight.
    pub mirror: bool,
    /// Who shares the requests.
    pub routing: Routing,
    /// `skipAnalysis`: promoted as soon as it is there.
    pub skip_analysis: bool,
    /// `suspend`: nothing is looked at.
    pub suspend: bool,
    /// Its metrics; None: none.
    pub checks: Option<Analysis>,
    /// While the canary gets no request of a client, its checks are of copies or of a load test, which are
    /// well.
    pub others_ask: bool,
    /// `analysis.webhooks`, with what they answer.
    pub hooks: Vec<Hook>,
    /// `progressDeadlineSeconds`.
    pub deadline: Dur,
    /// `analysis.canaryReadyThreshold`, per cent.
    pub canary_ready: i32,
    /// `analysis.primaryReadyThreshold`, per cent.
    pub primary_ready: i32,
    /// What `autoscalerRef` names has this `minReplicas`; None: nothing scales it.
    pub autoscaled: Option<i32>,
}

/// How the weight of a canary grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weights {
    /// `stepWeight`: by so much each time; 0: not at all.
    By(i32),
    /// `stepWeights`, one after the other; at least one.
    These(Vec<i32>),
}

/// Who shares the requests between primary and canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// A router, by weight.
    Weight,
    /// A router, by what requests carry (`analysis.match`).
    Match,
    /// Nobody: the provider is kubernetes.
    None,
}

/// One of `analysis.webhooks`, which no simulation can ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// `name`.
    pub name: String,
    /// `type`.
    pub kind: HookKind,
    /// What it answers.
    pub passes: bool,
}

/// When a webhook is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookKind {
    /// Before the canary is scaled up.
    ConfirmRollout,
    /// Before it gets its first requests.
    PreRollout,
    /// With each check of the metrics.
    Rollout,
    /// Before each weight.
    ConfirmTrafficIncrease,
    /// Before the promotion.
    ConfirmPromotion,
    /// With each look: whether to go back.
    Rollback,
}

impl Flagger {
    /// So many looks there are with a weight, where all is well.
    pub fn looks_at_weights(&self) -> u32 {
        let most = self.max_weight.unwrap_or(100);
        match &self.weights {
            _ if self.iterations > 0 => self.iterations + 1,
            Weights::By(step) => (most + step - 1).checked_div(*step).unwrap_or(0).max(0) as u32,
            Weights::These(list) => list.len() as u32,
        }
    }

    /// All webhooks of a kind agree; there may be none.
    pub fn agree(&self, kind: HookKind) -> bool {
        self.hooks.iter().filter(|hook| hook.kind == kind).all(|hook| hook.passes)
    }

    /// Somebody asks it to go back.
    pub fn is_called_back(&self) -> bool {
        self.hooks.iter().any(|hook| hook.kind == HookKind::Rollback && hook.passes)
    }
}
