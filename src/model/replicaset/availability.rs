//! When a Ready pod counts as available, and when the ReplicaSet looks again.
//!
//! Times of condition Ready are those of the API: cut to whole seconds, so a pod counts up to a second early.
//! Sources: `pkg/api/v1/pod/util.go`, `pkg/controller/controller_utils.go`,
//! `pkg/controller/replicaset/replica_set.go`.

use crate::cluster::objects::{PodId, RsStatus};
use crate::engine::{Dur, Time};
use crate::model::informer::{SeenPod, available_from};
use std::collections::VecDeque;

/// The pods of one set, counted as the watch shows them come, change and go, and as time passes: at any time
/// what `calculateStatus` would find among them all.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    replicas: i32,
    ready: i32,
    available: i32,
    terminating: i32,
    /// Ready pods that are not available yet, by the time they will be.
    waiting: VecDeque<(Time, PodId)>,
}

impl Tally {
    /// A set that has been like this for long.
    pub fn adopt(status: RsStatus) -> Tally {
        let RsStatus { replicas, ready, available, terminating, .. } = status;
        Tally { replicas, ready, available, terminating, waiting: VecDeque::new() }
    }

    /// The watch shows `pod` in another state.
    pub fn changed(&mut self, pod: PodId, before: SeenPod, after: SeenPod, min_ready_seconds: i32) {
        self.replicas += i32::from(after.is_active()) - i32::from(before.is_active());
        self.terminating += i32::from(after.is_terminating()) - i32::from(before.is_terminating());
        let ready = |seen: SeenPod| seen.counts_as_ready().then_some(seen.ready_transition);
        let (was, is) = (ready(before), ready(after));
        if was == is {
            return;
        }
        if was.is_some() {
            self.ready -= 1;
            match self.waiting.iter().position(|&(_, waits)| waits == pod) {
                Some(place) => drop(self.waiting.remove(place)),
                None => self.available -= 1,
            }
        }
        if let Some(since) = is {
            self.ready += 1;
            self.await_availability(pod, available_from(since, min_ready_seconds));
        }
        let counted = self.available + self.waiting.len() as i32;
        debug_assert!(counted == self.ready, "a ready pod is available or waits for it: {self:?}");
    }

    fn await_availability(&mut self, pod: PodId, from: Time) {
        if from == Time::ALWAYS {
            self.available += 1;
            return;
        }
        // The last in line, but for clocks that step back.
        let before = self.waiting.iter().rposition(|&(other, _)| other <= from);
        self.waiting.insert(before.map_or(0, |place| place + 1), (from, pod));
        debug_assert!(
            self.waiting.len() as i32 <= self.ready,
            "only ready pods wait to be available"
        );
    }

    /// Counts as available what has become so by `now`.
    pub fn pass_time(&mut self, now: Time) {
        while self.waiting.front().is_some_and(|&(from, _)| from <= now) {
            self.waiting.pop_front();
            self.available += 1;
        }
        debug_assert!(self.available <= self.ready, "no more pods are available than ready");
    }

    /// The set's status. Kubernetes v1.`minor`: terminating pods are counted from v1.35 on.
    ///
    /// `pkg/controller/replicaset/replica_set_utils.go: calculateStatus`.
    pub fn status(&self, minor: u32, observed_generation: u32) -> RsStatus {
        let &Tally { replicas, ready, available, terminating, .. } = self;
        let terminating = if minor >= 35 { terminating } else { 0 };
        RsStatus { replicas, ready, available, terminating, observed_generation }
    }

    /// The first Ready pod to become available by the passing of time, and how long that takes from `now`.
    ///
    /// `controller_utils.go: FindMinNextPodAvailabilityCheck`.
    pub fn next_check(&self, now: Time) -> Option<(Dur, PodId)> {
        let &(from, pod) = self.waiting.front().filter(|(from, _)| !from.is_never())?;
        Some(((from - now).max(Dur::ZERO), pod))
    }
}

/// Whether and after how long the set is queued again at the end of a sync in which `spec` replicas were
/// wanted. Kubernetes v1.`minor`: before v1.34 only a set whose every pod was ready, and after the full
/// minReadySeconds.
///
/// `replica_set.go: syncReplicaSet`.
pub fn requeue_after_sync(
    minor: u32,
    spec: i32,
    status: RsStatus,
    min_ready_seconds: i32,
    min_next_check: Option<Dur>,
) -> Option<Dur> {
    if min_ready_seconds <= 0 {
        return None;
    }
    if minor < 34 {
        let waiting = status.ready == spec && status.available != spec;
        return waiting.then(|| min_ready(min_ready_seconds));
    }
    (status.ready != status.available)
        .then(|| min_next_check.unwrap_or(min_ready(min_ready_seconds)))
}

/// After how long the set is queued again when a pod of it turned from not Ready to Ready; None without
/// minReadySeconds. Kubernetes v1.`minor`: a second later before v1.34, against clock skew.
///
/// `replica_set.go: updatePod`.
pub fn requeue_on_ready(minor: u32, min_ready_seconds: i32) -> Option<Dur> {
    let skew = if minor < 34 { Dur::from_secs(1) } else { Dur::ZERO };
    (min_ready_seconds > 0).then(|| min_ready(min_ready_seconds) + skew)
}

fn min_ready(seconds: i32) -> Dur {
    Dur::from_secs(i64::from(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::PodPhase;
    use proptest::prelude::*;

    #[test]
    fn older_versions_look_again_later() {
        let status = RsStatus { replicas: 3, ready: 3, available: 2, ..RsStatus::default() };
        let next = Some(Dur::from_millis(700));
        assert_eq!(requeue_after_sync(34, 3, status, 5, next), next);
        assert_eq!(requeue_after_sync(33, 3, status, 5, next), Some(Dur::from_secs(5)));
        assert_eq!(requeue_after_sync(33, 4, status, 5, next), None);
        assert_eq!(requeue_after_sync(34, 3, status, 0, None), None);
        assert_eq!(requeue_on_ready(34, 5), Some(Dur::from_secs(5)));
        assert_eq!(requeue_on_ready(33, 5), Some(Dur::from_secs(6)));
        assert_eq!(requeue_on_ready(33, 0), None);
    }

    fn pods() -> impl Strategy<Value = SeenPod> {
        let phases = [PodPhase::Pending, PodPhase::Running, PodPhase::Failed];
        let phase = prop::sample::select(phases.to_vec());
        (any::<bool>(), phase, any::<bool>(), any::<bool>(), 0..20_i64).prop_map(
            |(exists, phase, ready, deleting, since)| SeenPod {
                exists,
                phase,
                ready,
                deleting,
                ready_transition: Time::ZERO + Dur::from_secs(since),
                ..SeenPod::UNKNOWN
            },
        )
    }

    proptest! {
        /// Whatever happens to the pods in between, the sums are those over the pods as they are.
        #[test]
        fn counting_changes_is_counting_pods(
            states in prop::collection::vec((0..4_usize, pods()), 0..60),
            min_ready in 0..6_i32,
        ) {
            let mut tally = Tally::default();
            let mut now = [SeenPod::UNKNOWN; 4];
            for (step, (i, state)) in (0..).zip(states) {
                let at = Time::ZERO + Dur::from_millis(step * 400);
                tally.changed(PodId(i as u32), now[i], state, min_ready);
                now[i] = state;
                tally.pass_time(at);
                let status = tally.status(36, 0);
                let count = |of: &dyn Fn(SeenPod) -> bool| {
                    now.iter().filter(|seen| of(**seen)).count() as i32
                };
                let active = |seen: SeenPod| {
                    seen.exists && !seen.deleting && seen.phase != PodPhase::Failed
                };
                let available = |seen: SeenPod| {
                    let since = seen.ready_transition + Dur::from_secs(i64::from(min_ready));
                    active(seen) && seen.ready && (min_ready == 0 || since <= at)
                };
                prop_assert_eq!(status.replicas, count(&active));
                prop_assert_eq!(status.ready, count(&|seen| active(seen) && seen.ready));
                prop_assert_eq!(status.available, count(&available));
            }
        }
    }
}
