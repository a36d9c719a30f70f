//! When a node's rules are written: at once after a quiet time, else spaced.
//!
//! Sources: `pkg/proxy/runner/bounded_frequency_runner.go` (v1.34 and later),
//! `pkg/util/async/bounded_frequency_runner.go` (before).

use crate::engine::{Dur, Time};
use crate::model::platform::{Defaults, ProxyMode};

/// Times of one proxy mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    /// Least time from the end of one run to the start of the next (minSyncPeriod).
    pub min: Dur,
    /// From the end of a failed run to the next try at the latest (syncPeriod).
    pub retry: Dur,
    /// From the end of a run to a full re-write.
    pub max: Dur,
    /// From the first change that a run serves to its start; zero: it starts with the change.
    pub batch: Dur,
}

impl Intervals {
    /// iptables and nftables with default settings.
    pub fn of_tables(defaults: &Defaults) -> Intervals {
        let Defaults { proxy_min_sync, proxy_sync_retry, proxy_full_sync, .. } = *defaults;
        let (min, retry, max) = (proxy_min_sync, proxy_sync_retry, proxy_full_sync);
        Intervals { min, retry, max, batch: Dur::ZERO }
    }

    /// Those of a mode. Cilium's agent makes a run whenever there is a batch, whatever went before.
    pub fn of(mode: ProxyMode, defaults: &Defaults) -> Intervals {
        let tables = Intervals::of_tables(defaults);
        match mode {
            ProxyMode::Cilium => {
                Intervals { min: Dur::ZERO, batch: defaults.cilium_batch, ..tables }
            }
            _ => tables,
        }
    }
}

/// Decides when runs start. The owner calls [`Runner::request`] on every relevant change, starts a run at
/// [`Runner::next_run`] with [`Runner::started`], and reports its end with [`Runner::completed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runner {
    intervals: Intervals,
    running: bool,
    /// The first request not yet served.
    requested: Option<Time>,
    /// When a failed run is to be tried again.
    retry: Option<Time>,
    /// The full re-write.
    periodic: Time,
    /// End of the last run.
    completed: Option<Time>,
    /// Before v1.34.
    bucket: Option<Bucket>,
}

/// A token bucket; contents are counted as the time it takes to gain them, one token per minimum interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    per_token: Dur,
    filled: Dur,
    at: Time,
}

/// Runs that may follow each other at once, before v1.34.
const BURST: i64 = 2;

impl Runner {
    /// A runner of Kubernetes v1.`minor`, whose loop starts at `now`.
    pub fn new(minor: u32, intervals: Intervals, now: Time) -> Runner {
        let has_bucket = minor < 34 && intervals.min > Dur::ZERO;
        Runner {
            intervals,
            running: false,
            requested: None,
            retry: None,
            periodic: now + intervals.max,
            completed: None,
            bucket: has_bucket.then(|| Bucket::full(intervals.min, now)),
        }
    }

    /// Something relevant changed. When the next run starts; None while one is running:
    /// [`Runner::completed`] will tell.
    pub fn request(&mut self, now: Time) -> Option<Time> {
        match &mut self.bucket {
            // A try is made when the request comes; one that finds no token waits out the interval, but a
            // later request tries again.
            Some(bucket) if !self.running => {
                let at = if bucket.has_token(now) { now } else { self.earliest(now) };
                self.requested = Some(self.requested.map_or(at, |before| before.min(at)));
            }
            _ => self.requested = Some(self.requested.unwrap_or(now + self.intervals.batch)),
        }
        self.next_run()
    }

    /// Full re-writes until now that changed nothing were left out: the next one is still to come.
    pub fn idle_until(&mut self, now: Time) {
        if !self.running && self.periodic < now {
            let left_out = (now - self.periodic).0 / self.intervals.max.0.max(1);
            let last = self.periodic + Dur(left_out * self.intervals.max.0);
            self.completed = Some(last);
            self.periodic = last + self.intervals.max;
        }
    }

    /// When the next run starts if no request comes before, the full re-write at the latest; None while one
    /// is running.
    pub fn next_run(&self) -> Option<Time> {
        self.next_wanted().or((!self.running).then(|| self.gated(self.periodic)))
    }

    /// The same without the full re-write: None if nothing is to be applied.
    pub fn next_wanted(&self) -> Option<Time> {
        if self.running {
            return None;
        }
        let wanted = match (self.requested, self.retry) {
            (Some(requested), Some(retry)) => requested.min(retry),
            (one, other) => one.or(other)?,
        };
        Some(self.gated(wanted.min(self.periodic)))
    }

    /// A run starts; it serves every request made so far.
    pub fn started(&mut self, now: Time) {
        assert!(!self.running, "a run started at {now:?} while another one was running");
        self.running = true;
        self.requested = None;
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
        }
    }

    /// The run ended, well or with a failure. When the next one starts, the full re-write at the latest.
    pub fn completed(&mut self, now: Time, ok: bool) -> Time {
        assert!(self.running, "a run ended at {now:?} and none was running");
        self.running = false;
        self.completed = Some(now);
        self.periodic = now + self.intervals.max;
        self.retry = (!ok).then(|| now + self.intervals.retry);
        match self.requested {
            // A batch that has begun meanwhile has its own time.
            Some(due) if self.intervals.batch > Dur::ZERO => self.requested = Some(due.max(now)),
            Some(_) => {
                self.requested = None;
                self.request(now);
            }
            None => {}
        }
        self.next_run().expect("no run is under way")
    }

    /// Not before the minimum interval after the last run is over.
    fn earliest(&self, now: Time) -> Time {
        self.completed.map_or(now, |completed| (completed + self.intervals.min).max(now))
    }

    /// When a run wanted at `wanted` may start.
    fn gated(&self, wanted: Time) -> Time {
        match self.bucket {
            Some(bucket) if bucket.has_token(wanted) => wanted,
            _ => self.earliest(wanted),
        }
    }
}

impl Bucket {
    fn full(per_token: Dur, at: Time) -> Bucket {
        Bucket { per_token, filled: Dur(per_token.0 * BURST), at }
    }

    fn filled_at(&self, now: Time) -> Dur {
        (self.filled + (now - self.at)).min(Dur(self.per_token.0 * BURST))
    }

    fn has_token(&self, now: Time) -> bool {
        self.filled_at(now) >= self.per_token
    }

    fn take(&mut self, now: Time) {
        let filled = self.filled_at(now);
        assert!(filled >= self.per_token, "a run started at {now:?} without a token");
        self.filled = filled - self.per_token;
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Time {
        Time::ZERO + Dur::from_millis(ms)
    }

    fn tables() -> Intervals {
        Intervals::of_tables(crate::input::cards::kubernetes())
    }

    #[test]
    fn a_change_after_a_quiet_time_is_applied_at_once() {
        for minor in [33, 34] {
            let mut runner = Runner::new(minor, tables(), at(0));
            assert_eq!(runner.next_wanted(), None);
            assert_eq!(runner.next_run(), Some(at(3_600_000)));
            assert_eq!(runner.request(at(5000)), Some(at(5000)));
            runner.started(at(5000));
            assert_eq!(runner.request(at(5100)), None);
            // The change that came during the run: at once with a token left, else after the interval.
            let next = if minor == 33 { at(5200) } else { at(6200) };
            assert_eq!(runner.completed(at(5200), true), next);
            assert_eq!(runner.next_wanted(), Some(next));
        }
    }

    #[test]
    fn cilium_takes_changes_in_batches() {
        let cilium = Intervals::of(ProxyMode::Cilium, crate::input::cards::kubernetes());
        let mut runner = Runner::new(36, cilium, at(0));
        assert_eq!(runner.request(at(5000)), Some(at(5500)));
        assert_eq!(runner.request(at(5400)), Some(at(5500)), "the batch has begun");
        runner.started(at(5500));
        assert_eq!(runner.request(at(5505)), None);
        assert_eq!(runner.completed(at(5510), true), at(6005), "the next one began at 5.505");
        runner.started(at(6005));
        runner.completed(at(6015), true);
        assert_eq!(runner.next_wanted(), None);
        assert_eq!(runner.request(at(6016)), Some(at(6516)), "runs keep no other distance");
    }

    #[test]
    fn a_failed_run_is_tried_again() {
        for minor in [33, 34] {
            let mut runner = Runner::new(minor, tables(), at(0));
            runner.request(at(0));
            runner.started(at(0));
            assert_eq!(runner.completed(at(100), false), at(30_100));
            // A change comes first; its success cancels the retry.
            assert_eq!(runner.request(at(20_000)), Some(at(20_000)));
            runner.started(at(20_000));
            assert_eq!(runner.completed(at(20_100), true), at(3_620_100));
            assert_eq!(runner.next_wanted(), None);
        }
    }

    /// The starts and ends of runs under requests at these times (ms, ascending).
    fn run(minor: u32, requests: &[i64], takes: i64) -> Vec<(Time, Time)> {
        let mut runner = Runner::new(minor, tables(), at(0));
        let mut runs = Vec::new();
        let mut requests = requests.iter().map(|&ms| at(ms)).peekable();
        loop {
            let start = runner.next_wanted();
            match (requests.peek(), start) {
                (Some(&request), start) if start.is_none_or(|start| request <= start) => {
                    runner.request(request);
                    requests.next();
                }
                (_, Some(start)) => {
                    runner.started(start);
                    let end = start + Dur::from_millis(takes);
                    while let Some(request) = requests.next_if(|&request| request < end) {
                        assert_eq!(runner.request(request), None);
                    }
                    runner.completed(end, true);
                    runs.push((start, end));
                }
                (_, None) => return runs,
            }
        }
    }

    proptest! {
        /// Every request is followed by a run that starts at or after it, no later than one interval and two
        /// runs on, and runs keep their distance: always from 1.34 on, but for the burst before.
        #[test]
        fn runs_are_spaced(
            mut requests in prop::collection::vec(0..20_000_i64, 1..60),
            takes in 0..1500_i64,
        ) {
            requests.sort_unstable();
            for minor in [33, 34] {
                let runs = run(minor, &requests, takes);
                for &request in &requests {
                    let served = runs.iter().find(|run| run.0 >= at(request));
                    let start = served.expect("a run after the request").0;
                    prop_assert!(start <= at(request + 1000 + 2 * takes));
                }
                if minor == 34 {
                    for pair in runs.windows(2) {
                        prop_assert!(pair[1].0 >= pair[0].1 + Dur::from_secs(1));
                    }
                }
                for window in runs.windows(3) {
                    // Three runs need two tokens more than the one gained on the way.
                    prop_assert!(window[2].0 >= window[0].0 + Dur::from_secs(1));
                }
            }
        }
    }
}
