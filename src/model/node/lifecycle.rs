//! Detection of dead nodes, eviction of their pods, graceful shutdown.
//!
//! Sources: `pkg/controller/nodelifecycle/node_lifecycle_controller.go`,
//! `pkg/controller/tainteviction/taint_eviction.go`, `pkg/kubelet/nodeshutdown/`.

use crate::engine::{Dur, Time};

/// Time between two passes over all nodes.
pub const MONITOR_PERIOD: Dur = Dur::from_secs(5);
/// A node renews its lease this often, with a jitter of 4 %.
pub const LEASE_RENEWAL: Dur = Dur::from_secs(10);
/// What a pod tolerates the not-ready and unreachable taints by default.
pub const DEFAULT_TOLERATION: Dur = Dur::from_secs(300);
/// Silence allowed to a node that has never reported yet.
pub const STARTUP_GRACE: Dur = Dur::from_secs(60);

/// Silence after which a node is given up. Kubernetes v1.`minor`: 40 s before v1.32.
pub fn monitor_grace(minor: u32) -> Dur {
    Dur::from_secs(if minor < 32 { 40 } else { 50 })
}

/// What the controller knows of one node. Silence counts from the pass that saw the last renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeHealth {
    renewed: Time,
    seen: Time,
}

impl NodeHealth {
    /// A node whose last renewal, at `renewed`, a pass saw at `seen`.
    pub fn new(renewed: Time, seen: Time) -> NodeHealth {
        NodeHealth { renewed, seen }
    }

    /// One pass at `now`, when the lease says `renewed`: whether the node is silent for longer than `grace`,
    /// so that Ready becomes Unknown, its pods are marked not Ready and it is tainted.
    ///
    /// `node_lifecycle_controller.go: tryUpdateNodeHealth`.
    pub fn pass(&mut self, renewed: Time, grace: Dur, now: Time) -> bool {
        debug_assert!(self.seen <= now, "a pass comes after the one before");
        if renewed > self.renewed {
            *self = NodeHealth { renewed, seen: now };
        }
        self.seen + grace < now
    }
}

/// Nodes of one zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneHealth {
    /// All, 0 or more.
    pub nodes: u32,
    /// Those whose Ready is not True.
    pub unhealthy: u32,
}

/// How many nodes per second may be tainted in a zone; None: none at all. `all_zones_down`: no zone has a
/// healthy node.
///
/// `node_lifecycle_controller.go: ComputeZoneState, handleDisruption`.
pub fn taint_rate(zone: ZoneHealth, all_zones_down: bool) -> Option<f64> {
    let healthy = zone.nodes.saturating_sub(zone.unhealthy);
    // At least 55 % of the nodes, exactly: 20 u >= 11 n.
    let disrupted = zone.unhealthy > 2 && 20 * zone.unhealthy >= 11 * zone.nodes;
    if all_zones_down {
        None
    } else if healthy == 0 || !disrupted {
        Some(0.1)
    } else if zone.nodes > 50 {
        Some(0.01)
    } else {
        None
    }
}

/// How long a pod tolerates a taint, given the tolerationSeconds (None: no limit) of its tolerations that
/// match: zero without one, None for ever.
///
/// `taint_eviction.go: getMinTolerationTime`.
pub fn min_toleration(matching: &[Option<i64>]) -> Option<Dur> {
    if matching.is_empty() {
        return Some(Dur::ZERO);
    }
    let least = matching.iter().flatten().min()?;
    Some(Dur::from_secs((*least).max(0)))
}

/// Pods of one priority and above, shut down together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownGroup {
    /// Pods of this priority and above, up to the next group's.
    pub priority: i32,
    /// How long they may take to end.
    pub grace: Dur,
}

/// Priority from which pods are critical.
pub const CRITICAL_PRIORITY: i32 = 2_000_000_000;

/// The groups of a node's shutdownGracePeriod and shutdownGracePeriodCriticalPods; none: it is off.
///
/// `nodeshutdown_manager.go: migrateConfig`.
pub fn shutdown_groups(total: Dur, critical: Dur) -> Vec<ShutdownGroup> {
    let others = total - critical;
    if total <= Dur::ZERO || others < Dur::ZERO || critical < Dur::ZERO {
        return Vec::new();
    }
    vec![
        ShutdownGroup { priority: 0, grace: others },
        ShutdownGroup { priority: CRITICAL_PRIORITY, grace: critical },
    ]
}

/// The group (of `groups`, lowest priority first, not empty) a pod of this priority is shut down with: the
/// highest not above it, or the lowest.
///
/// `nodeshutdown_manager.go: groupByPriority`.
pub fn shutdown_group(groups: &[ShutdownGroup], priority: i32) -> usize {
    groups.partition_point(|group| group.priority <= priority).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds from the death of a node to its being given up; its last renewal and the passes at these
    /// offsets.
    fn detection(minor: u32, renewal_age: Dur, pass_phase: Dur) -> f64 {
        let renewed = Time::ZERO - renewal_age;
        let mut health = NodeHealth::new(Time::ALWAYS, Time::ALWAYS);
        let mut pass = renewed + pass_phase;
        loop {
            if health.pass(renewed, monitor_grace(minor), pass) {
                return pass.as_secs_f64();
            }
            pass += MONITOR_PERIOD;
        }
    }

    #[test]
    fn a_dead_node_is_given_up_after_40_to_60_seconds() {
        for age in 0..=10 {
            for phase in 0..50 {
                let (age, phase) = (Dur::from_secs(age), Dur::from_millis(phase * 100));
                let seconds = detection(36, age, phase);
                assert!((40.0..=60.0).contains(&seconds), "{seconds}");
                assert!((detection(31, age, phase) - (seconds - 10.0)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn zones_in_trouble_are_emptied_slowly_or_not_at_all() {
        let rate = |nodes, unhealthy| taint_rate(ZoneHealth { nodes, unhealthy }, false);
        assert_eq!(rate(20, 10), Some(0.1));
        assert_eq!(rate(20, 11), None);
        assert_eq!(rate(100, 55), Some(0.01));
        assert_eq!(rate(3, 2), Some(0.1));
        assert_eq!(rate(20, 20), Some(0.1));
        assert_eq!(taint_rate(ZoneHealth { nodes: 20, unhealthy: 20 }, true), None);
    }
}
