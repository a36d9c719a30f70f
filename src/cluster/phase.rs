//! `status.phase` of a pod.

/// In the order in which pods are deleted: Pending before Unknown before Running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum PodPhase {
    /// Not all containers have been started.
    #[default]
    Pending,
    /// Its node was lost; nothing sets it today.
    Unknown,
    /// At least one container runs, or is being restarted.
    Running,
    /// All containers have ended with status 0, and none is restarted.
    Succeeded,
    /// All have ended, one of them with another status, and none is restarted.
    Failed,
}

impl PodPhase {
    /// Succeeded or Failed: no container will run again.
    pub fn is_terminal(self) -> bool {
        matches!(self, PodPhase::Succeeded | PodPhase::Failed)
    }
}
