//! Whether a container that ended runs again.

/// When a container that has ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartPolicy {
    /// However it ended.
    Always,
    /// Where its exit code is not 0.
    OnFailure,
    /// It is not.
    Never,
}

/// Whether a container that ended with `exit_code` runs again: by the container's rules (exit codes that
/// restart it), then its own policy, then the pod's. A sidecar's own policy is Always.
///
/// `pkg/api/v1/pod/util.go: ContainerShouldRestart`.
pub fn should_restart(
    pod: RestartPolicy,
    container: Option<RestartPolicy>,
    restart_codes: &[i32],
    exit_code: i32,
) -> bool {
    if container.is_some() && restart_codes.contains(&exit_code) {
        return true;
    }
    match container.unwrap_or(pod) {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => exit_code != 0,
        RestartPolicy::Never => false,
    }
}
