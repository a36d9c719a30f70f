//! Back-off between restarts of a container.
//!
//! Sources: `staging/src/k8s.io/client-go/util/flowcontrol/backoff.go`,
//! `pkg/kubelet/kuberuntime/kuberuntime_manager.go: doBackOff`, `pkg/kubelet/kubelet.go: NewMainKubelet`.

use crate::engine::{Dur, Time};

/// A wait that doubles from `base` to `max` and is forgotten after a quiet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    base: Dur,
    max: Dur,
    /// Forgotten when an event comes later than this after the last advance.
    expiry: Dur,
    /// The wait and when it was last advanced.
    entry: Option<(Dur, Time)>,
}

impl Backoff {
    /// A wait from `base` (at most `max`) to `max`, forgotten after `expiry`. `flowcontrol.NewBackOff`: twice
    /// the maximum; restarts of containers: when a run ends more than 600 s after the start before.
    pub fn new(base: Dur, max: Dur, expiry: Dur) -> Backoff {
        Backoff { base: base.min(max), max, expiry, entry: None }
    }

    /// The current wait; zero before the first advance.
    pub fn get(&self) -> Dur {
        self.entry.map_or(Dur::ZERO, |(wait, _)| wait)
    }

    /// Advances, for an event at `event`, at `now`.
    pub fn next(&mut self, event: Time, now: Time) {
        let wait = match self.live_entry(event) {
            None => self.base,
            Some((wait, _)) => Dur(wait.0.saturating_mul(2)).min(self.max),
        };
        debug_assert!(wait <= self.max, "a wait grows to its bound, no further");
        self.entry = Some((wait, now));
    }

    /// When what ended at `ended` may start again.
    ///
    /// `kuberuntime_manager.go: doBackOff`. On starting, call [`Backoff::next`] with the same `ended`.
    pub fn may_start_at(&self, ended: Time) -> Time {
        ended + self.live_entry(ended).map_or(Dur::ZERO, |(wait, _)| wait)
    }

    fn live_entry(&self, event: Time) -> Option<(Dur, Time)> {
        self.entry.filter(|&(_, last)| event - last <= self.expiry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_must_last_longer_than_ten_minutes_to_be_forgiven() {
        let secs = Dur::from_secs;
        let mut backoff = Backoff::new(secs(10), secs(300), secs(600));
        backoff.next(Time::ZERO, Time::ZERO);
        let ended = Time::ZERO + secs(600);
        assert_eq!(backoff.may_start_at(ended), ended + secs(10));
        let later = ended + Dur(1);
        assert_eq!(backoff.may_start_at(later), later);
        assert_eq!(Backoff::new(secs(10), secs(5), secs(600)).base, secs(5));
    }
}
