//! From the processor time of a pod to the CPU use that an autoscaler reads: cAdvisor counts it in its own
//! time, metrics-server asks each kubelet for the latest count, and two counts make a rate.

use super::custom::Reading;
use super::hpa::Sample;
use crate::engine::{Dur, Time};
use crate::model::platform::Defaults;

/// What cAdvisor and metrics-server hold of the container that serves in one pod.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// When the container started, and with it the count.
    started: Time,
    /// cAdvisor's interval.
    interval: Dur,
    /// Its latest count, in seconds of a processor.
    counted: Option<Reading>,
    /// The counts that metrics-server got last and before.
    last: Option<Reading>,
    before: Option<Reading>,
}

impl Usage {
    /// Of a container that starts.
    pub fn new(started: Time, defaults: &Defaults) -> Usage {
        let interval = defaults.housekeeping_interval;
        Usage { started, interval, counted: None, last: None, before: None }
    }

    /// cAdvisor reads the counters. After how long it does so again, where `luck` is uniform from 0 to 1.
    ///
    /// `manager/container.go: nextHousekeepingInterval`.
    pub fn count(&mut self, reading: Reading, luck: f64, defaults: &Defaults) -> Dur {
        debug_assert!((0.0..=1.0).contains(&luck), "{luck}");
        let stands = self.counted.is_some_and(|before| before.value == reading.value);
        self.interval = match stands {
            true => Dur(self.interval.0 * 2).min(defaults.housekeeping_interval_max),
            false => defaults.housekeeping_interval,
        };
        self.counted = Some(reading);
        Dur((self.interval.0 as f64 * (1.0 + luck)) as i64)
    }

    /// metrics-server asks the kubelet.
    ///
    /// `pkg/storage/pod.go: Store`.
    pub fn scrape(&mut self, defaults: &Defaults) {
        let Some(new) = self.counted else { return };
        let age = new.at - self.started;
        let fresh = defaults.metrics_fresh_container <= age && age < defaults.metrics_resolution;
        if fresh {
            self.before = Some(Reading { at: self.started, value: 0.0 });
        } else if self.last.is_some_and(|last| last.at < new.at) {
            self.before = self.last;
        }
        self.last = Some(new);
        debug_assert!(
            self.before.is_none_or(|before| before.at < new.at),
            "a rate is over some time"
        );
    }

    /// The CPU use that metrics-server publishes, in thousandths of a processor; None: it has one count only.
    pub fn sample(&self) -> Option<Sample> {
        let (before, last) = (self.before?, self.last?);
        let window = last.at - before.at;
        let cores = (last.value - before.value) / window.as_secs_f64();
        Some(Sample { value_milli: libm::ceil(cores * 1000.0 - 1e-6) as i64, at: last.at, window })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::cards;

    fn at(s: i64) -> Time {
        Time::ZERO + Dur::from_secs(s)
    }

    #[test]
    fn a_first_value_needs_two_counts_that_differ_in_time() {
        let defaults = cards::kubernetes();
        let mut usage = Usage::new(at(0), defaults);
        let count =
            |usage: &mut Usage, s, value| usage.count(Reading { at: at(s), value }, 0.5, defaults);
        usage.scrape(defaults);
        assert_eq!(usage.sample(), None, "nothing is counted yet");
        assert_eq!(count(&mut usage, 1, 0.1), Dur::from_secs(15));
        usage.scrape(defaults);
        usage.scrape(defaults);
        assert_eq!(usage.sample(), None, "the same count twice");
        count(&mut usage, 21, 10.1);
        usage.scrape(defaults);
        let sample = usage.sample().expect("two counts");
        assert_eq!((sample.value_milli, sample.at), (500, at(21)));
        assert_eq!(sample.window, Dur::from_secs(20));
        // A scrape between two counts changes nothing.
        usage.scrape(defaults);
        assert_eq!(usage.sample(), Some(sample));
    }

    #[test]
    fn a_fresh_container_is_measured_from_its_start() {
        let defaults = cards::kubernetes();
        let mut usage = Usage::new(at(0), defaults);
        usage.count(Reading { at: at(12), value: 6.0 }, 0.0, defaults);
        usage.scrape(defaults);
        let sample = usage.sample().expect("its start is a count");
        assert_eq!((sample.value_milli, sample.window), (500, Dur::from_secs(12)));
    }

    #[test]
    fn counters_that_stand_still_are_read_less_often() {
        let defaults = cards::kubernetes();
        let mut usage = Usage::new(at(0), defaults);
        let mut wait = |s| usage.count(Reading { at: at(s), value: 1.0 }, 0.0, defaults);
        assert_eq!([wait(1), wait(11), wait(26)].map(Dur::floor_secs), [10, 15, 15]);
    }
}
