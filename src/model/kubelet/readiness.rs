//! From stored probe results to Started and Ready.
//!
//! Sources: `pkg/kubelet/prober/prober_manager.go: UpdatePodStatus`,
//! `pkg/kubelet/status/generate.go: GeneratePodReadyCondition`.

use super::probe::ProbeResult;

/// What the probe manager holds for one container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    /// A readiness worker exists.
    pub readiness_worker: bool,
    /// Its stored result.
    pub readiness: Option<ProbeResult>,
    /// A startup worker exists.
    pub startup_worker: bool,
    /// Its stored result.
    pub startup: Option<ProbeResult>,
}

/// Which part a container plays in its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// One of `spec.containers`.
    App,
    /// An init container that ends, and whether it has, with status 0.
    Init { succeeded: bool },
    /// An init container with restartPolicy Always, which runs beside the others.
    Sidecar,
}

/// What is remembered of a container's probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// `started` of its status.
    pub started: bool,
    /// `ready` of its status.
    pub ready: bool,
    /// An immediate readiness evaluation is asked for (at most one is pending).
    pub trigger: bool,
}

/// Whether a container is Started and Ready. `running` is its state in the status being built.
///
/// `prober_manager.go: UpdatePodStatus, isContainerStarted`.
pub fn container_flags(role: Role, running: bool, probes: Probes) -> Flags {
    let started = running
        && match probes.startup {
            Some(result) => result == ProbeResult::Success,
            None => !probes.startup_worker,
        };
    if let Role::Init { succeeded } = role {
        return Flags { started, ready: succeeded, trigger: false };
    }
    if !started || probes.readiness == Some(ProbeResult::Success) {
        return Flags { started, ready: started, trigger: false };
    }
    let probed = probes.readiness_worker;
    Flags { started, ready: !probed, trigger: probed }
}

/// Condition Ready of a pod: all containers and sidecars are ready and every readiness gate is True.
///
/// `generate.go: GeneratePodReadyCondition`.
pub fn pod_ready(
    containers_ready: impl IntoIterator<Item = bool>,
    gates: impl IntoIterator<Item = bool>,
) -> bool {
    containers_ready.into_iter().all(|ready| ready) && gates.into_iter().all(|set| set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_count_as_containers_do() {
        assert!(pod_ready([true, true], [true]));
        assert!(!pod_ready([true, false], [true]));
        assert!(!pod_ready([true, true], [true, false]));
        assert!(pod_ready([true], []));
    }

    #[test]
    fn an_unready_started_container_asks_for_an_evaluation() {
        let probes = Probes {
            readiness_worker: true,
            readiness: Some(ProbeResult::Failure),
            ..Probes::default()
        };
        let flags = container_flags(Role::App, true, probes);
        assert_eq!(flags, Flags { started: true, ready: false, trigger: true });
        let before = Probes { startup_worker: true, ..probes };
        let flags = container_flags(Role::App, true, before);
        assert_eq!(flags, Flags { started: false, ready: false, trigger: false });
    }
}
