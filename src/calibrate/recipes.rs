//! Which measured interval says what about which entries of a platform card.

use super::record::{Hook, PodRecord, RunRecord};

/// An interval that can be measured, as a sum of latencies of the card.
pub struct Recipe {
    /// What is measured, in words.
    pub name: &'static str,
    /// One sample per pod, in seconds; None where the pod says nothing.
    pub sample: fn(&PodRecord, &RunRecord) -> Option<f64>,
    /// The entries it fixes. Several share the measured mean in the proportion of the base card's.
    pub solve: &'static [&'static str],
    /// Entries contained in the interval that are known by then, with how often (negative: the interval
    /// starts late by as much).
    pub known: &'static [(&'static str, f64)],
}

/// In the order in which they are solved: an entry is solved before it counts as known.
pub const RECIPES: &[Recipe] = &[
    Recipe {
        name: "created to scheduled",
        sample: |pod, _| between(pod.created, pod.scheduled),
        solve: &["schedule"],
        known: &[],
    },
    Recipe {
        name: "Ready to ready in the EndpointSlice",
        sample: ready_to_slice,
        solve: &["watch_controller", "slice_write"],
        known: &[],
    },
    Recipe {
        name: "Ready to ready in the EndpointSlice, a write like any other",
        sample: ready_to_slice,
        solve: &["api_write"],
        known: &[("watch_controller", 1.0)],
    },
    Recipe {
        // Not the write above: on a small cluster the controller competes with the stop.
        name: "deleted to terminating in the EndpointSlice",
        sample: |pod, _| between(pod.deleted, pod.slice_terminating),
        solve: &["slice_write_deletion"],
        known: &[("watch_controller", 1.0)],
    },
    Recipe {
        name: "deleted to SIGTERM",
        sample: deleted_to_sigterm,
        solve: &["watch_kubelet", "signal_delivery"],
        known: &[],
    },
    Recipe {
        name: "deleted to SIGTERM with an exec hook, less the hook's sleep",
        sample: exec_hook,
        solve: &["hook_exec"],
        known: &[("watch_kubelet", 1.0), ("signal_delivery", 1.0)],
    },
    Recipe {
        name: "deleted to SIGTERM with an httpGet hook",
        sample: |pod, _| between(pod.deleted, pod.sigterm).filter(|_| pod.hook == Hook::Http),
        solve: &["hook_http"],
        known: &[("watch_kubelet", 1.0), ("signal_delivery", 1.0)],
    },
    Recipe {
        // The answer arrives while the first write is under way: the second starts when that one ends.
        name: "write of running to the next write, of Ready by the immediate probe",
        sample: immediate_probe,
        solve: &["status_patch"],
        known: &[],
    },
    Recipe {
        name: "readiness gate set to Ready",
        sample: |pod, _| between(pod.gate_set, pod.ready),
        solve: &["status_sync"],
        known: &[("watch_kubelet", 1.0), ("status_patch", 1.0)],
    },
    Recipe {
        name: "scheduled to process start, no other pod starting or stopping",
        sample: lone_start,
        solve: &["pod_setup", "sandbox_create", "container_start"],
        known: &[("watch_kubelet", 1.0), ("process_start", 1.0)],
    },
    Recipe {
        name: "process exit to terminal phase, no other pod starting or stopping",
        sample: lone_stop,
        solve: &["sandbox_teardown", "pod_cleanup"],
        known: &[("status_sync", 1.0), ("status_patch", 1.0)],
    },
    Recipe {
        name: "relist to object gone",
        sample: relist_to_removed,
        solve: &["object_removal"],
        known: &[("status_sync", -1.0), ("status_patch", -1.0)],
    },
];

fn between(from: Option<f64>, to: Option<f64>) -> Option<f64> {
    Some(to? - from?)
}

/// Without those that waited a second for a fresh cache, which is a mechanism of its own.
fn ready_to_slice(pod: &PodRecord, _: &RunRecord) -> Option<f64> {
    between(pod.ready, pod.slice_ready).filter(|s| pod.restarts == 0 && *s < 0.5)
}

/// Pods that had been quiet for some seconds: the kubelet is otherwise still busy with their start.
fn deleted_to_sigterm(pod: &PodRecord, _: &RunRecord) -> Option<f64> {
    const BUSY_S: f64 = 3.0;
    if pod.hook != Hook::None || pod.deleted? < pod.ready? + BUSY_S {
        return None;
    }
    between(pod.deleted, pod.sigterm)
}

fn exec_hook(pod: &PodRecord, _: &RunRecord) -> Option<f64> {
    let Hook::ExecSleep(seconds) = pod.hook else { return None };
    Some(between(pod.deleted, pod.sigterm)? - seconds)
}

/// The process listened before the kubelet saw it run, and the answer came with a status write of its own.
fn immediate_probe(pod: &PodRecord, _: &RunRecord) -> Option<f64> {
    if !probed_at_once(pod) {
        return None;
    }
    between(pod.running_seen, pod.ready).filter(|s| (0.002..0.15).contains(s))
}

/// Pods whose readiness only waits for an evaluation.
fn probed_at_once(pod: &PodRecord) -> bool {
    let listened = matches!((pod.listening, pod.running_seen), (Some(l), Some(r)) if l <= r);
    pod.readiness_probe && pod.gate_set.is_none() && pod.restarts == 0 && listened
}

/// Of the pods whose readiness only waits for an evaluation: whether the immediate one was lost, so that
/// Ready came a period (1 s) or more later.
pub fn trigger_lost(pod: &PodRecord) -> Option<bool> {
    let wait = between(pod.running_seen, pod.ready).filter(|_| probed_at_once(pod))?;
    Some(wait > 0.9)
}

/// A start while no other pod starts or stops on its node.
pub fn lone_start(pod: &PodRecord, run: &RunRecord) -> Option<f64> {
    (starting_with(pod, run)? == 0 && stopping_in(run, pod.scheduled?, pod.process_start?) == 0)
        .then(|| between(pod.scheduled, pod.process_start))?
}

fn lone_stop(pod: &PodRecord, run: &RunRecord) -> Option<f64> {
    let (from, to) = (pod.exit?, pod.unready?);
    pod.deleted?;
    // The pod itself is one of those that stop.
    (stopping_in(run, from, to) == 1 && starting_in(run, from, to) == 0).then_some(to - from)
}

/// From the sight of a pod that started at the same relist.
fn relist_to_removed(pod: &PodRecord, run: &RunRecord) -> Option<f64> {
    const SAME_RELIST_S: f64 = 0.15;
    let (removed, unready) = (pod.removed?, pod.unready?);
    let seen = run.pods.iter().filter_map(|p| p.running_seen).filter(|seen| *seen <= removed);
    let relist = seen.max_by(f64::total_cmp)?;
    (relist > unready && removed - relist < SAME_RELIST_S).then_some(removed - relist)
}

/// How many other pods were being started while this one was.
pub fn starting_with(pod: &PodRecord, run: &RunRecord) -> Option<usize> {
    Some(starting_in(run, pod.created?, pod.process_start?).saturating_sub(1))
}

fn starting_in(run: &RunRecord, from: f64, to: f64) -> usize {
    let overlaps = |p: &&PodRecord| matches!((p.created, p.process_start), (Some(a), Some(b)) if a < to && b > from);
    run.pods.iter().filter(overlaps).count()
}

fn stopping_in(run: &RunRecord, from: f64, to: f64) -> usize {
    let overlaps = |p: &&PodRecord| matches!((p.sigterm.or(p.deleted), p.unready), (Some(a), Some(b)) if a < to && b > from);
    run.pods.iter().filter(overlaps).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str, pod: &PodRecord, others: &[PodRecord]) -> Option<f64> {
        let mut pods = vec![pod.clone()];
        pods.extend_from_slice(others);
        let run = RunRecord { pods, ..RunRecord::default() };
        let recipe = RECIPES.iter().find(|r| r.name.starts_with(name)).expect("a recipe");
        (recipe.sample)(&run.pods[0], &run).map(|s| libm::round(s * 1e6) / 1e6)
    }

    #[test]
    fn a_start_counts_only_when_nothing_else_goes_on() {
        let start = |created: f64| PodRecord {
            created: Some(created),
            scheduled: Some(created + 0.01),
            process_start: Some(created + 0.3),
            ..PodRecord::default()
        };
        assert_eq!(sample("scheduled", &start(0.0), &[]), Some(0.29));
        assert_eq!(sample("scheduled", &start(0.0), &[start(0.5)]), Some(0.29));
        assert_eq!(sample("scheduled", &start(0.0), &[start(0.2)]), None);
        let stop = PodRecord { deleted: Some(0.1), unready: Some(0.4), ..PodRecord::default() };
        assert_eq!(sample("scheduled", &start(0.0), &[stop]), None);
    }

    #[test]
    fn hooks_and_fresh_pods_say_nothing_about_the_signal() {
        let quiet = PodRecord {
            ready: Some(-10.0),
            deleted: Some(1.0),
            sigterm: Some(1.02),
            ..PodRecord::default()
        };
        assert_eq!(sample("deleted to SIGTERM", &quiet, &[]), Some(0.02));
        assert_eq!(
            sample("deleted to SIGTERM", &PodRecord { hook: Hook::Other, ..quiet.clone() }, &[]),
            None
        );
        assert_eq!(
            sample("deleted to SIGTERM", &PodRecord { ready: Some(0.5), ..quiet }, &[]),
            None
        );
    }

    #[test]
    fn removal_is_measured_from_a_pod_seen_at_the_same_relist() {
        let gone = PodRecord { unready: Some(1.0), removed: Some(1.53), ..PodRecord::default() };
        let seen = |at| PodRecord { running_seen: Some(at), ..PodRecord::default() };
        assert_eq!(sample("relist", &gone, &[seen(1.5)]), Some(0.03));
        assert_eq!(sample("relist", &gone, &[seen(0.5)]), None);
    }

    #[test]
    fn entries_are_solved_before_they_are_known() {
        let mut solved: Vec<&str> = Vec::new();
        for recipe in RECIPES {
            for (entry, _) in recipe.known {
                // No interval shows what no program reports.
                let kept = *entry == "process_start";
                assert!(kept || solved.contains(entry), "{entry} in {}", recipe.name);
            }
            solved.extend(recipe.solve);
        }
    }
}
