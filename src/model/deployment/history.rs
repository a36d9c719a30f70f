//! Clean-up of old ReplicaSets by revisionHistoryLimit.
//!
//! Source: `pkg/controller/deployment/sync.go: cleanupDeployment`.

/// One old set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OldSet {
    /// 0 if it has none.
    pub revision: i64,
    /// spec.replicas.
    pub spec: i32,
    /// status.replicas.
    pub replicas: i32,
    /// observedGeneration is the current one.
    pub observed: bool,
    /// It has a deletion time.
    pub deleting: bool,
}

/// The indices of the old sets (oldest first) to delete, lowest revision first: all but the `limit` newest,
/// except those that still have pods, which keep their slot. None as limit keeps all.
pub fn to_delete(old: &[OldSet], limit: Option<i32>) -> Vec<usize> {
    let Some(limit) = limit else { return Vec::new() };
    let mut alive: Vec<usize> = (0..old.len()).filter(|&i| !old[i].deleting).collect();
    let surplus = alive.len().saturating_sub(limit.max(0) as usize);
    alive.sort_by_key(|&i| old[i].revision);
    alive.truncate(surplus);
    alive.retain(|&i| old[i].spec == 0 && old[i].replicas == 0 && old[i].observed);
    alive
}
