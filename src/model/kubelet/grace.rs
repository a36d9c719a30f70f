//! Grace periods, and when SIGTERM and SIGKILL come.
//!
//! Sources: `pkg/kubelet/pod_workers.go`, `pkg/kubelet/kuberuntime/kuberuntime_container.go`,
//! `.../kuberuntime_termination_order.go`.

use crate::engine::{Dur, Time};

/// The grace period in seconds the kubelet gives a pod, at least 1.
///
/// `pod_workers.go: calculateEffectiveGracePeriod`.
pub fn effective_grace(
    spec: Option<i64>,
    deletion: Option<i64>,
    kubelet_override: Option<i64>,
) -> i64 {
    let asked = [deletion, kubelet_override].into_iter().flatten().min();
    asked.or(spec).unwrap_or(0).max(1)
}

/// Why a single container is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillReason {
    /// Its liveness probe failed: that probe's own grace period counts.
    LivenessProbe,
    /// Its startup probe failed: that probe's own grace period counts.
    StartupProbe,
    /// Anything else: the pod's counts.
    Other,
}

/// Grace periods in seconds that may apply to one container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GraceSettings {
    /// deletionGracePeriodSeconds of the pod.
    pub deletion: Option<i64>,
    /// terminationGracePeriodSeconds of the pod.
    pub spec: Option<i64>,
    /// The same of the liveness probe.
    pub liveness_probe: Option<i64>,
    /// The same of the startup probe.
    pub startup_probe: Option<i64>,
    /// Least time between SIGTERM and SIGKILL.
    pub minimum: i64,
}

/// The grace period in seconds of one container that is killed for `reason`.
///
/// `kuberuntime_container.go: setTerminationGracePeriod`.
pub fn container_grace(reason: KillReason, settings: GraceSettings) -> i64 {
    if let Some(deletion) = settings.deletion {
        return deletion;
    }
    let Some(spec) = settings.spec else { return settings.minimum };
    let probe = match reason {
        KillReason::LivenessProbe => settings.liveness_probe,
        KillReason::StartupProbe => settings.startup_probe,
        KillReason::Other => None,
    };
    probe.unwrap_or(spec)
}

/// When the signals come, from the start of the kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signals {
    /// From the deletion.
    pub sigterm: Dur,
    /// From the deletion.
    pub sigkill: Dur,
}

/// When a container stops that would exit by itself at `by_itself`, and whether SIGKILL did it.
pub fn stopped(by_itself: Time, sigkill: Time) -> (Time, bool) {
    if by_itself < sigkill { (by_itself, false) } else { (sigkill, true) }
}

/// The signals to one container with `grace` seconds, whose preStop hook takes `pre_stop` (None: no hook).
/// `turn`: for a sidecar, when the last container it waits for has stopped, from the start of the kill;
/// `None` otherwise. A sidecar does not wait beyond its grace: `Some(Dur::MAX)` gives the latest its signals
/// come. Time in the hook and in waiting is charged in whole seconds. SIGKILL comes `minimum` seconds after
/// SIGTERM at the earliest.
///
/// `kuberuntime_container.go: killContainer`.
pub fn signals(grace: i64, pre_stop: Option<Dur>, turn: Option<Dur>, minimum: i64) -> Signals {
    let mut left = grace;
    let mut sigterm = Dur::ZERO;
    if left > 0
        && let Some(hook) = pre_stop
    {
        sigterm = hook.min(Dur::from_secs(left));
        left -= sigterm.floor_secs();
    }
    if let Some(turn) = turn {
        let waited = wait_for_turn(turn - sigterm, left);
        sigterm = sigterm + waited;
        left -= waited.floor_secs();
    }
    let left = left.max(minimum);
    Signals { sigterm, sigkill: sigterm + Dur::from_secs(left) }
}

/// How long a sidecar waits for its turn, which comes after `turn`, with `grace` seconds left.
///
/// `kuberuntime_termination_order.go: waitForTurn`.
pub fn wait_for_turn(turn: Dur, grace: i64) -> Dur {
    turn.min(Dur::from_secs(grace)).max(Dur::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sidecar_is_charged_for_its_hook_and_its_waiting() {
        let ms = Dur::from_millis;
        // Hook until 3.5 s (charged 3 s), then the turn at 8 s (4.5 s, charged 4 s): 13 s are left of 20.
        let signals = signals(20, Some(ms(3500)), Some(ms(8000)), 2);
        assert_eq!(signals, Signals { sigterm: ms(8000), sigkill: ms(21_000) });
    }

    #[test]
    fn a_turn_that_never_comes_uses_up_the_grace() {
        let found = signals(10, None, Some(Dur::MAX), 2);
        let secs = Dur::from_secs;
        assert_eq!(found, Signals { sigterm: secs(10), sigkill: secs(12) });
    }
}
