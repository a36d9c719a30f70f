//! How long a process works on a request: longer while it is cold, and with the stalls of a processor limit.
//!
//! CFS bandwidth control: in each period of 100 ms a container has its limit's worth of processor time; when
//! that is used up all its threads stall to the end of the period. What a period has is given out here in the
//! order in which requests come to need it; a kernel shares it among the threads that run, which ends each of
//! them within the same period.

use super::Simulation;
use crate::engine::rng::mix;
use crate::timeline::{Pace, PodId};
use std::collections::VecDeque;

/// A period, in nanoseconds.
const PERIOD: i64 = 100_000_000;
/// Periods that one request is followed through; what takes longer ends by the rate.
const FOLLOWED: usize = 10_000;

/// What a pod's container has used of its periods.
#[derive(Clone, Debug)]
pub struct Used {
    pace: Pace,
    /// The run of the process that it is about.
    life: u16,
    /// When periods begin, in nanoseconds from a multiple of their length.
    phase: i64,
    /// The number of the first period that is held.
    first: i64,
    /// Of each period from there on, nanoseconds of a processor.
    used: VecDeque<i64>,
}

impl Used {
    /// Of a new pod.
    pub fn new(pace: Pace, pod: PodId) -> Used {
        let phase = (mix(u64::from(pod.0) ^ 0x6366_7321) % PERIOD as u64) as i64;
        Used { pace, life: 0, phase, first: 0, used: VecDeque::new() }
    }

    /// How long what takes `service` of an idle, warm process takes from `now` on; all in nanoseconds.
    /// `started`: when the run of the process did.
    pub fn takes(&mut self, now: i64, (life, started): (u16, i64), service: i64) -> i64 {
        let service = self.cold(now - started, service);
        let Some(quota) = self.pace.quota else { return service };
        if std::mem::replace(&mut self.life, life) != life {
            self.used.clear();
        }
        let work = (service as f64 * self.pace.work) as i64;
        let mut at = now + service - work;
        let mut left = work;
        self.forget(self.period(now));
        for _ in 0..FOLLOWED {
            let period = self.period(at);
            let end = self.phase + (period + 1) * PERIOD;
            let used = self.of(period);
            let gets = left.min(quota.0 - *used).min(end - at);
            debug_assert!(gets >= 0, "a period gives no more than it has");
            *used += gets;
            left -= gets;
            if left == 0 {
                return at + gets - now;
            }
            at = end;
        }
        at - now + (left as f64 / quota.0 as f64 * PERIOD as f64) as i64
    }

    /// S(t) = S (1 + a e^(-t / tau)).
    fn cold(&self, age: i64, service: i64) -> i64 {
        let Pace { cold, warms_in, .. } = self.pace;
        if cold <= 0.0 || warms_in.0 <= 0 {
            return service;
        }
        let left = libm::exp(-(age.max(0) as f64) / warms_in.0 as f64);
        (service as f64 * (1.0 + cold * left)) as i64
    }

    fn period(&self, at: i64) -> i64 {
        (at - self.phase).div_euclid(PERIOD)
    }

    /// Periods before this one are over.
    fn forget(&mut self, period: i64) {
        if self.used.is_empty() {
            self.first = period;
        }
        while self.first < period && self.used.pop_front().is_some() {
            self.first += 1;
        }
        self.first = self.first.max(period);
        debug_assert!(self.first >= period, "what is over is forgotten");
    }

    /// What a period that is not over has given out.
    fn of(&mut self, period: i64) -> &mut i64 {
        debug_assert!(period >= self.first, "what is over gives nothing");
        let place = (period - self.first) as usize;
        if self.used.len() <= place {
            self.used.resize(place + 1, 0);
        }
        &mut self.used[place]
    }
}

impl Simulation<'_> {
    /// How long a pod whose pace varies works on what takes `service` nanoseconds.
    #[cold]
    pub fn paced_ns(&mut self, pod: PodId, life: u16, service: i64) -> i64 {
        let lives = &self.present.pods[pod].lives;
        let started = lives.get(usize::from(life)).map_or(self.now, |life| life.started.0);
        let Some(used) = &mut self.pods.states[pod].used else { return service };
        debug_assert!(started <= self.now, "a process serves after its start");
        used.takes(self.now, (life, started), service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Dur;

    const MS: i64 = 1_000_000;

    fn limited(millis: i64) -> Used {
        let quota = Some(Dur::from_millis(millis / 10));
        let mut used = Used::new(Pace { quota, work: 1.0, ..Pace::default() }, PodId(0));
        used.phase = 0;
        used
    }

    /// 100 (ceil(w / quota) - 1) + w - quota (ceil(w / quota) - 1) for one thread: 50 ms of work on a tenth
    /// of a processor take 410 ms.
    #[test]
    fn a_request_stalls_to_the_end_of_each_period() {
        for (limit, work, takes) in
            [(100, 50, 410), (100, 10, 10), (500, 60, 110), (1000, 250, 250)]
        {
            let found = limited(limit).takes(0, (0, 0), work * MS);
            assert_eq!(found, takes * MS, "{work} ms on {limit}m");
        }
    }

    /// All threads together get the limit, and each of those that come together ends in the last period.
    #[test]
    fn threads_share_a_period() {
        for (threads, work, quota) in [(2, 15, 10), (3, 10, 20), (8, 7, 25)] {
            let mut used = limited(10 * quota);
            let ends = (0..threads).map(|_| used.takes(0, (0, 0), work * MS));
            let last = ends.max().expect("threads");
            let periods = (threads * work + quota - 1) / quota - 1;
            let (from, to) = (100 * periods * MS, 100 * (periods + 1) * MS);
            assert!(from < last && last <= to, "{threads} x {work} on {quota}: {last}");
        }
    }

    #[test]
    fn a_cold_process_is_slower() {
        let warms_in = Dur::from_secs(10);
        let mut used = Used::new(Pace { cold: 2.0, warms_in, ..Pace::default() }, PodId(0));
        let mut after = |s: i64| used.takes(s * 1000 * MS, (0, 0), 10 * MS) as f64 / MS as f64;
        assert_eq!(after(0), 30.0);
        assert!((after(10) - (10.0 + 20.0 * libm::exp(-1.0))).abs() < 1e-3);
        assert!((after(1000) - 10.0).abs() < 1e-3);
    }

    /// A new process begins with a whole period.
    #[test]
    fn another_run_has_used_nothing() {
        let mut used = limited(100);
        used.takes(0, (0, 0), 50 * MS);
        assert!(used.takes(50 * MS, (0, 0), MS) > 300 * MS, "what came before is served first");
        assert_eq!(used.takes(60 * MS, (1, 0), MS), MS);
    }
}
