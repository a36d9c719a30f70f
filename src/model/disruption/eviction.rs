//! The eviction request.
//!
//! Source: `pkg/registry/core/pod/storage/eviction.go`.

use crate::cluster::PodPhase;
use crate::cluster::objects::BudgetStatus;
use crate::engine::Dur;
use crate::model::platform::Defaults;

/// The pod to evict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvictedPod {
    /// `status.phase`.
    pub phase: PodPhase,
    /// The condition Ready.
    pub ready: bool,
    /// It has a deletionTimestamp.
    pub deleting: bool,
}

/// A budget that selects the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// As it is when the eviction comes.
    pub status: BudgetStatus,
    /// status.observedGeneration is the current one.
    pub observed: bool,
    /// unhealthyPodEvictionPolicy AlwaysAllow.
    pub always_allow_unhealthy: bool,
}

/// What becomes of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The budgets do not matter: delete. A pending pod only in the state it was seen in.
    Ignored,
    /// No budget selects it: delete.
    Unguarded,
    /// Unready, and enough others are healthy: delete in the state it was seen in, nothing is taken.
    Unhealthy,
    /// Take one disruption (and list the pod in disruptedPods), then delete.
    Taken,
    /// 429, with a Retry-After or without.
    TooManyRequests(Option<Dur>),
    /// 500: more than one budget.
    SeveralBudgets,
}

/// Decides on a pod, given the budgets that select it.
///
/// `eviction.go: Create, canIgnorePDB, checkAndDecrement`.
fn decide(defaults: &Defaults, pod: EvictedPod, budgets: &[Budget]) -> Decision {
    if pod.phase.is_terminal() || pod.phase == PodPhase::Pending || pod.deleting {
        return Decision::Ignored;
    }
    let budget = match budgets {
        [] => return Decision::Unguarded,
        [budget] => budget,
        _ => return Decision::SeveralBudgets,
    };
    let status = budget.status;
    let enough = status.current_healthy >= status.desired_healthy && status.desired_healthy > 0;
    if !pod.ready && (budget.always_allow_unhealthy || enough) {
        return Decision::Unhealthy;
    }
    if !budget.observed {
        return Decision::TooManyRequests(Some(defaults.eviction_retry_after));
    }
    if status.disruptions_allowed <= 0 {
        return Decision::TooManyRequests(None);
    }
    Decision::Taken
}

/// The API's storage of the pod.
pub trait Store {
    /// The pod as it is now.
    fn pod(&mut self) -> EvictedPod;
    /// Deletes it; `as_seen`: only if it did not change since [`Store::pod`]. False is a conflict.
    fn delete(&mut self, as_seen: bool) -> bool;
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 201: the pod is deleted.
    Deleted,
    /// 429: the budget allows no disruption; with a Retry-After, or without.
    TooManyRequests(Option<Dur>),
    /// 409, or every try met one.
    Conflict,
    /// 500: more than one budget selects the pod.
    SeveralBudgets,
}

/// Answers one request, conflicts included. `version_given`: the caller named a resource version, so a
/// conflict is its own. Also whether a disruption was taken from the budget, for the owner to write.
///
/// `eviction.go: Create`.
pub fn create(
    defaults: &Defaults,
    store: &mut impl Store,
    budgets: &[Budget],
    version_given: bool,
) -> (Answer, bool) {
    for _ in 0..defaults.eviction_tries {
        let pod = store.pod();
        let as_seen = version_given || (pod.phase == PodPhase::Pending && !pod.deleting);
        match decide(defaults, pod, budgets) {
            Decision::Ignored if store.delete(as_seen) => return (Answer::Deleted, false),
            Decision::Ignored if version_given => return (Answer::Conflict, false),
            Decision::Ignored => {}
            Decision::Unhealthy if store.delete(true) => return (Answer::Deleted, false),
            Decision::Unhealthy if version_given => return (Answer::Conflict, false),
            Decision::Unhealthy => {
                return (Answer::TooManyRequests(Some(defaults.eviction_retry_after)), false);
            }
            Decision::Unguarded if store.delete(version_given) => return (Answer::Deleted, false),
            Decision::Unguarded => return (Answer::Conflict, false),
            Decision::Taken if store.delete(version_given) => return (Answer::Deleted, true),
            Decision::Taken => return (Answer::Conflict, true),
            Decision::TooManyRequests(after) => return (Answer::TooManyRequests(after), false),
            Decision::SeveralBudgets => return (Answer::SeveralBudgets, false),
        }
    }
    (Answer::Conflict, false)
}
