//! How Knative's route moves requests to a further revision bit by bit, where a Service asks for that
//! (`serving.knative.dev/rollout-duration`): 1 % at once, then equal steps.
//!
//! Source: knative/serving `pkg/reconciler/route/traffic/rollout.go`.

use crate::engine::Dur;

/// What follows the first per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Per cent that move at once.
    pub size: u32,
    /// From one step to the next.
    pub every: Dur,
}

/// The steps by which `percent` of the requests, 2 or more, move within `lasts`. `first`: how long it took
/// until the ingress was ready with the first; no step is shorter, as long as there are several.
///
/// `computeProperties`; a step is rounded to whole per cent, its time is not.
pub fn steps(percent: u32, lasts: Dur, first: Dur) -> Steps {
    debug_assert!(percent > 1, "one per cent moves at once");
    let second = Dur::from_secs(1).0;
    let least = (first.0.max(1) + second - 1) / second * second;
    let left = (lasts.0 - least).max(second);
    let rest = percent.saturating_sub(1);
    if i64::from(rest) * least <= left {
        return Steps { size: 1, every: Dur(left / i64::from(rest.max(1))) };
    }
    if left <= least {
        return Steps { size: rest, every: Dur(left) };
    }
    let size = (2 * i64::from(rest) * least + left) / (2 * left);
    Steps { size: u32::try_from(size).unwrap_or(rest), every: Dur(least) }
}

/// The per cent of the further revision: at first, and after each step.
///
/// `stepConfig`, `stepRevisions`.
pub fn shares(percent: u32, steps: Steps) -> Vec<u32> {
    debug_assert!(steps.size > 0, "each step moves something");
    let mut shares = vec![1];
    while let Some(last) = shares.last().copied().filter(|last| *last < percent) {
        shares.push((last + steps.size).min(percent));
    }
    shares
}
