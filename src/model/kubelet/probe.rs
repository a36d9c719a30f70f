//! One probe worker: when a probe runs, and what its outcomes add up to.
//!
//! Source: `pkg/kubelet/prober/worker.go`. The worker sees the kubelet's cached pod status, which may be
//! older than the container's real state.

use crate::engine::{Dur, Time};

/// Which of the three probes it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Whether it gets requests.
    Readiness,
    /// Whether it is to be restarted.
    Liveness,
    /// Whether the other two may begin; if it fails, it is restarted.
    Startup,
}

/// What is stored for a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProbeResult {
    /// Before the first result of a startup probe, which holds the others back.
    #[default]
    Unknown,
    /// `successThreshold` in a row have passed.
    Success,
    /// `failureThreshold` in a row have failed.
    Failure,
}

/// The numbers of a probe that decide what its outcomes add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// From the start of the container to the first probe.
    pub initial_delay_seconds: i32,
    /// So many in a row make it succeed.
    pub success_threshold: i32,
    /// So many in a row make it fail.
    pub failure_threshold: i32,
    /// It stops where the pod begins to terminate, and its result stays.
    pub ends_with_deletion: bool,
}

/// What the kubelet's cached status says of the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenPod {
    /// The phase is Succeeded or Failed.
    pub terminal: bool,
    /// The worker's copy of the pod has a deletion time.
    pub deleting: bool,
    /// None: no entry or no container ID yet.
    pub container: Option<SeenContainer>,
}

/// A container as the prober manager sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenContainer {
    /// Another one after every restart.
    pub id: u32,
    /// As in its cached status.
    pub state: ContainerState,
    /// The startup probe passed, or there is none and it runs.
    pub started: bool,
}

/// `state` of a container's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Not started yet, or waiting for the end of a back-off.
    Waiting,
    /// `started_at` as the API shows it, cut to whole seconds.
    Running { started_at: Time },
    /// Its process has ended.
    Terminated {
        /// See [`super::restart::should_restart`].
        restarts: bool,
    },
}

/// What to do after [`Worker::begin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing to probe: wait for the next tick or trigger.
    Wait,
    /// Run the probe and hand its outcome to [`Worker::finish`].
    Probe,
    /// The worker is done for good.
    End,
}

/// The start of one evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// What the worker does now.
    pub next: Next,
    /// A result was stored that differs from the one before: the sync loop gets an update.
    pub updated: bool,
}

/// Whether containers keep their readiness over a restart of the kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KubeletStart {
    /// When it started.
    pub at: Time,
    /// Gate ChangeContainerStatusOnKubeletRestart: every container starts from the initial result.
    pub resets_status: bool,
}

impl KubeletStart {
    /// The gate is off since v1.35.
    pub fn of(minor: u32, at: Time) -> KubeletStart {
        KubeletStart { at, resets_status: minor < 35 }
    }
}

/// A worker of one pod, container and kind of probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    kind: Kind,
    settings: Settings,
    kubelet: KubeletStart,
    /// The container is a native sidecar.
    sidecar: bool,
    container: Option<u32>,
    last: ProbeResult,
    run: i32,
    on_hold: bool,
    result: Option<ProbeResult>,
}

impl Worker {
    /// A worker that has not probed yet.
    pub fn new(kind: Kind, settings: Settings, sidecar: bool, kubelet: KubeletStart) -> Worker {
        Worker {
            kind,
            settings,
            kubelet,
            sidecar,
            container: None,
            last: ProbeResult::Unknown,
            run: 0,
            on_hold: false,
            result: None,
        }
    }

    /// What is stored for the current container; None: nothing yet.
    pub fn result(&self) -> Option<ProbeResult> {
        self.result
    }

    /// Equal outcomes in a row.
    pub fn run(&self) -> i32 {
        self.run
    }

    /// It has stored the initial result of the given container.
    pub fn has_seen(&self, container: u32) -> bool {
        self.container == Some(container)
    }

    /// Not probing the given container: the hold ends when another one is seen.
    pub fn holds(&self, container: u32) -> bool {
        self.on_hold && self.container == Some(container)
    }

    /// One more such outcome changes neither what is stored nor what a later one adds up to.
    pub fn rests_in(&self, outcome: ProbeResult) -> bool {
        let counts = self.last != outcome && self.last != ProbeResult::Unknown;
        self.result == Some(outcome) && !counts
    }

    /// The first half of one evaluation at `now`: everything up to running the probe.
    ///
    /// `worker.go: doProbe`.
    pub fn begin(&mut self, pod: &SeenPod, now: Time) -> Begun {
        if pod.terminal {
            return Begun { next: Next::End, updated: false };
        }
        let Some(container) = pod.container else {
            return Begun { next: Next::Wait, updated: false };
        };
        let mut updated = self.see(container);
        let next = self.decide(pod, container, now, &mut updated);
        Begun { next, updated }
    }

    fn decide(
        &mut self,
        pod: &SeenPod,
        container: SeenContainer,
        now: Time,
        updated: &mut bool,
    ) -> Next {
        if self.on_hold {
            return Next::Wait;
        }
        let started_at = match container.state {
            ContainerState::Running { started_at } => started_at,
            ContainerState::Waiting => {
                *updated |= self.store(ProbeResult::Failure);
                return Next::Wait;
            }
            ContainerState::Terminated { restarts } => {
                *updated |= self.store(ProbeResult::Failure);
                return if restarts { Next::Wait } else { Next::End };
            }
        };
        if pod.deleting && self.settings.ends_with_deletion {
            return Next::End;
        }
        if pod.deleting && self.kind != Kind::Readiness {
            *updated |= self.store(ProbeResult::Success);
            return Next::End;
        }
        let whole_seconds = (now - started_at).0 / 1_000_000_000;
        if whole_seconds < i64::from(self.settings.initial_delay_seconds) {
            return Next::Wait;
        }
        // The startup probe runs until the container is Started, the others from then on.
        if container.started == (self.kind == Kind::Startup) { Next::Wait } else { Next::Probe }
    }

    /// The second half: the probe's outcome, None when it ended in an error three times in a row. Whether a
    /// result was stored that differs from the one before.
    ///
    /// `worker.go: doProbe`.
    pub fn finish(&mut self, outcome: Option<ProbeResult>) -> bool {
        let Some(outcome) = outcome else { return false };
        if self.last == outcome {
            self.run += 1;
        } else {
            self.last = outcome;
            self.run = 1;
        }
        let threshold = match outcome {
            ProbeResult::Success => self.settings.success_threshold,
            ProbeResult::Failure => self.settings.failure_threshold,
            ProbeResult::Unknown => 0,
        };
        if self.run < threshold {
            return false;
        }
        let updated = self.store(outcome);
        let failed_liveness = self.kind == Kind::Liveness && outcome == ProbeResult::Failure;
        if failed_liveness || self.kind == Kind::Startup {
            self.on_hold = true;
            self.run = 0;
        }
        updated
    }

    /// Takes note of a new container: resumes probing and stores the initial result.
    fn see(&mut self, container: SeenContainer) -> bool {
        if self.container == Some(container.id) {
            return false;
        }
        self.container = Some(container.id);
        self.on_hold = false;
        let started_at = match container.state {
            ContainerState::Running { started_at } => Some(started_at),
            _ => None,
        };
        self.result = None;
        match initial_result(self.kind, self.sidecar, started_at, self.kubelet) {
            Some(initial) => self.store(initial),
            None => false,
        }
    }

    fn store(&mut self, result: ProbeResult) -> bool {
        let changed = self.result != Some(result);
        self.result = Some(result);
        changed
    }
}

/// What is stored when a container is first seen: nothing for one that ran before the kubelet (re)started, so
/// that it stays as it is, except that a sidecar counts as started.
///
/// `worker.go: doProbe`.
pub fn initial_result(
    kind: Kind,
    sidecar: bool,
    started_at: Option<Time>,
    kubelet: KubeletStart,
) -> Option<ProbeResult> {
    let margin = Dur::from_secs(10);
    let older = started_at.is_some_and(|started| started < kubelet.at - margin);
    if older && !kubelet.resets_status {
        let started_sidecar = sidecar && kind == Kind::Startup;
        return started_sidecar.then_some(ProbeResult::Success);
    }
    Some(match kind {
        Kind::Readiness => ProbeResult::Failure,
        Kind::Liveness => ProbeResult::Success,
        Kind::Startup => ProbeResult::Unknown,
    })
}

/// What a probe handler reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raw {
    /// The check passed.
    Success,
    /// A redirect to another host.
    Warning,
    /// The check failed, or no answer came within the timeout.
    Failure,
    /// The check could not be made.
    Unknown,
}

/// The outcome of a probe, and whether it is an error, which the worker drops. No probe of that kind:
/// success.
/// `raw` is None for a probe without a handler.
///
/// `pkg/kubelet/prober/prober.go: probe`.
pub fn probe_outcome(has_probe: bool, raw: Option<Raw>, error: bool) -> (ProbeResult, bool) {
    if !has_probe {
        return (ProbeResult::Success, false);
    }
    match raw {
        Some(Raw::Success | Raw::Warning) if !error => (ProbeResult::Success, false),
        Some(_) => (ProbeResult::Failure, error),
        None => (ProbeResult::Failure, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Time {
        Time::ZERO + Dur::from_millis(ms)
    }

    #[test]
    fn a_worker_rests_only_when_another_answer_counts_for_nothing() {
        let settings = Settings {
            initial_delay_seconds: 0,
            success_threshold: 2,
            failure_threshold: 2,
            ends_with_deletion: false,
        };
        let kubelet = KubeletStart::of(36, Time::ALWAYS);
        let mut worker = Worker::new(Kind::Readiness, settings, false, kubelet);
        let rests = |w: &Worker| {
            [ProbeResult::Success, ProbeResult::Failure].map(|outcome| w.rests_in(outcome))
        };
        assert_eq!(rests(&worker), [false, false], "nothing is stored");
        worker.finish(Some(ProbeResult::Success));
        worker.finish(Some(ProbeResult::Success));
        assert_eq!(rests(&worker), [true, false]);
        worker.finish(Some(ProbeResult::Failure));
        assert_eq!(rests(&worker), [false, false], "a success would start the count anew");
        worker.finish(Some(ProbeResult::Failure));
        assert_eq!(rests(&worker), [false, true]);
        worker.finish(Some(ProbeResult::Success));
        assert_eq!(rests(&worker), [false, false], "a failure would start the count anew");
    }

    #[test]
    fn the_initial_delay_ends_up_to_a_second_early() {
        let settings = Settings {
            initial_delay_seconds: 5,
            success_threshold: 1,
            failure_threshold: 3,
            ends_with_deletion: false,
        };
        let kubelet = KubeletStart::of(36, Time::ALWAYS);
        let mut worker = Worker::new(Kind::Readiness, settings, false, kubelet);
        // Started at 2.9 s, which the status shows as 2 s.
        let state = ContainerState::Running { started_at: at(2900).floor_s(Dur::ZERO) };
        let container = SeenContainer { id: 7, state, started: true };
        let pod = SeenPod { terminal: false, deleting: false, container: Some(container) };
        assert_eq!(worker.begin(&pod, at(6999)), Begun { next: Next::Wait, updated: true });
        assert_eq!(worker.begin(&pod, at(7000)), Begun { next: Next::Probe, updated: false });
    }

    #[test]
    fn errors_touch_no_counter() {
        let settings = Settings {
            initial_delay_seconds: 0,
            success_threshold: 1,
            failure_threshold: 2,
            ends_with_deletion: false,
        };
        let kubelet = KubeletStart::of(36, Time::ALWAYS);
        let mut worker = Worker::new(Kind::Readiness, settings, false, kubelet);
        assert!(worker.finish(Some(ProbeResult::Success)));
        assert!(!worker.finish(Some(ProbeResult::Failure)));
        assert!(!worker.finish(None));
        assert_eq!(worker.run(), 1);
        assert!(worker.finish(Some(ProbeResult::Failure)));
        assert_eq!(worker.result(), Some(ProbeResult::Failure));
    }
}
