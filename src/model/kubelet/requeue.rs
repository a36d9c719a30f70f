//! When a pod worker runs again by itself.
//!
//! Source: `pkg/kubelet/pod_workers.go: completeWork`.

use crate::engine::Dur;

/// How an iteration of a pod worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncResult {
    /// Everything is as it should be.
    Success,
    /// The pod network is not ready, whatever else failed.
    NetworkNotReady,
    /// Containers wait for their back-off, the earliest ending that long from now.
    BackOff(Dur),
    /// Anything else has failed.
    Error,
}

/// The kubelet's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    /// A pod is looked at at least so often.
    pub resync: Dur,
    /// Wait after a sync that failed.
    pub error: Dur,
}

/// After how long the worker is queued again; due work is picked up on the 1 s ticker. `uniform` in 0..1.
/// Kubernetes v1.`minor`: before v1.35 a back-off counted as any error.
///
/// `pod_workers.go: completeWork`.
pub fn requeue_after(
    minor: u32,
    phase_transition: bool,
    result: SyncResult,
    intervals: Intervals,
    uniform: f64,
) -> Dur {
    if phase_transition {
        return Dur::ZERO;
    }
    let base = match result {
        SyncResult::Success => intervals.resync,
        SyncResult::NetworkNotReady => Dur::from_secs(1),
        SyncResult::BackOff(wait) if minor >= 35 => wait.max(Dur::ZERO).min(intervals.resync),
        SyncResult::BackOff(_) | SyncResult::Error => intervals.error,
    };
    Dur::from_secs_f64(base.as_secs_f64() * (1.0 + 0.5 * uniform))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVALS: Intervals =
        Intervals { resync: Dur::from_secs(60), error: Dur::from_secs(10) };

    #[test]
    fn a_back_off_was_an_error_before_1_35() {
        let wait = SyncResult::BackOff(Dur::from_secs(20));
        let after = |minor, u| requeue_after(minor, false, wait, INTERVALS, u);
        assert_eq!(after(34, 0.5), Dur::from_millis(12_500));
        assert_eq!(after(35, 0.5), Dur::from_secs(25));
        assert_eq!(
            requeue_after(35, false, SyncResult::Success, INTERVALS, 1.0),
            Dur::from_secs(90)
        );
    }
}
