//! What can be seen of the pods' load while requests run.

use super::{Simulation, State};
use crate::engine::{Dur, List, Time};
use crate::timeline::{PodCounters, PodId, PodSignals, Times};
use crate::traffic::service;
use std::sync::Arc;

/// What was counted at the last reading.
#[derive(Default)]
pub struct Readings {
    at: Option<Time>,
    sent: Vec<u64>,
    failed: Vec<u64>,
}

impl Simulation<'_> {
    /// Of each pod, at `now` and since the last reading. The simulation has come to `now`.
    pub fn signals(&mut self, now: Time) -> Vec<PodSignals> {
        assert!(self.now <= now.0, "signals are of the present");
        let (sent, failed) = self.tally.by_pod();
        let since = self.meter.at.unwrap_or(self.traffic.start);
        let seconds = (now - since).as_secs_f64().max(1e-9);
        let before = |counts: &[u64], pod: usize| counts.get(pod).copied().unwrap_or(0);
        let mut signals: Vec<PodSignals> = Vec::with_capacity(sent.len());
        for (pod, state) in self.pods.states.iter().enumerate() {
            let sent = (sent[pod] - before(&self.meter.sent, pod)) as f64;
            let errors = (failed[pod] - before(&self.meter.failed, pod)) as f64;
            let version = usize::from(self.present.pods[pod].version);
            let dist = &self.present.versions[version].service;
            let mean_s = service::limited_mean(dist, self.traffic.client.timeout.as_secs_f64());
            signals.push(PodSignals {
                rate: sent / seconds,
                cpu: (sent - errors) * mean_s / seconds,
                in_service: 0.0,
                waiting: state.queue.len() as f64,
                errors: errors / seconds,
            });
        }
        for request in self.requests.iter().filter(|r| matches!(r.state, State::Running(_))) {
            signals[request.pod.index()].in_service += 1.0;
        }
        let (sent, failed) = (sent.to_vec(), failed.iter().copied().collect());
        self.meter = Readings { at: Some(now), sent, failed };
        signals
    }

    /// Somebody reads how long answers take, in these buckets.
    pub fn keep_times(&mut self, bounds: Arc<[Dur]>) {
        self.tally.keep_times(bounds);
    }

    /// How long answers took so far, where somebody reads that.
    pub fn times(&self) -> Option<&Times> {
        self.tally.times()
    }

    /// Of each pod, at `now`. The simulation has come to `now`.
    pub fn counters(&self, now: Time, counters: &mut List<PodId, PodCounters>) {
        assert!(self.now <= now.0, "counters are of the present");
        counters.resize(self.pods.states.len(), PodCounters::default());
        let (all_sent, all_failed) = self.tally.by_pod();
        for ((pod, state), counter) in self.pods.states.pairs().zip(counters.iter_mut()) {
            let waiting = state.queue.len() as f64;
            let in_service = f64::from(state.running);
            let sent = all_sent.get(pod.index()).copied().unwrap_or(0) as f64;
            let failed = all_failed.get(pod).copied().unwrap_or(0) as f64;
            let seconds = self.tally.seconds_of(pod);
            let served = state.served as f64;
            *counter = PodCounters { served, in_service, waiting, sent, failed, seconds };
        }
        for request in self.requests.iter().filter(|r| matches!(r.state, State::Running(_))) {
            if self.pods.states[request.pod].concurrency.is_none() {
                counters[request.pod].in_service += 1.0;
            }
        }
    }
}
