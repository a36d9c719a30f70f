//! A metric that pods count themselves: each reports now and then, and an adapter makes a rate of what the
//! reports of a window say.

use crate::engine::{Dur, Time};
use crate::timeline::PodCounters;
use std::collections::VecDeque;

/// How such a metric is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Custom {
    /// What is counted.
    pub of: Counted,
    /// What a value is the mean over.
    pub window: Dur,
    /// From one report of a pod to the next.
    pub every: Dur,
    /// A report counts so long after it was made.
    pub delay: Dur,
}

/// What a pod counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Requests that it has served: a rate, a second.
    Served,
    /// Requests that it holds, in service and waiting: their mean number.
    InFlight,
}

/// A number at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// When it was read.
    pub at: Time,
    /// What was read.
    pub value: f64,
}

impl Custom {
    /// What a pod reports of itself.
    pub fn read(&self, counters: PodCounters) -> f64 {
        match self.of {
            Counted::Served => counters.served,
            Counted::InFlight => counters.in_service + counters.waiting,
        }
    }
}

/// The reports of one pod that a value may need.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reports {
    readings: VecDeque<Reading>,
    /// How many it has made.
    pub made: u32,
}

impl Reports {
    /// A pod reports.
    pub fn push(&mut self, custom: &Custom, reading: Reading) {
        debug_assert!(
            self.readings.back().is_none_or(|last| last.at < reading.at),
            "reports come in order"
        );
        self.readings.push_back(reading);
        self.made += 1;
        let needed = reading.at - custom.delay - custom.every - custom.window;
        while self.readings.get(1).is_some_and(|second| second.at <= needed) {
            self.readings.pop_front();
        }
    }

    /// What the adapter answers at `now`; None with fewer than two reports.
    ///
    /// The rate is from the last report back to the last one before its window.
    pub fn value(&self, custom: &Custom, now: Time) -> Option<f64> {
        let known = self.readings.partition_point(|r| r.at + custom.delay <= now);
        let last = self.readings.get(known.checked_sub(1)?)?;
        let begins = last.at - custom.window;
        let before = self.readings.partition_point(|r| r.at <= begins);
        let first = before.saturating_sub(1);
        let from = self.readings.get(first).filter(|r| r.at < last.at)?;
        Some(match custom.of {
            Counted::Served => (last.value - from.value) / (last.at - from.at).as_secs_f64(),
            Counted::InFlight => {
                let inside = self.readings.range(first + 1..known);
                inside.map(|r| r.value).sum::<f64>() / (known - first - 1) as f64
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOM: Custom = Custom {
        of: Counted::Served,
        window: Dur::from_secs(10),
        every: Dur::from_secs(1),
        delay: Dur::ZERO,
    };

    fn at(s: f64) -> Time {
        Time::from_secs_f64(s)
    }

    #[test]
    fn a_rate_needs_two_reports_and_then_spans_the_window() {
        let mut reports = Reports::default();
        assert_eq!(reports.value(&CUSTOM, at(0.0)), None);
        reports.push(&CUSTOM, Reading { at: at(0.0), value: 0.0 });
        assert_eq!(reports.value(&CUSTOM, at(0.5)), None);
        reports.push(&CUSTOM, Reading { at: at(1.0), value: 7.0 });
        assert_eq!(reports.value(&CUSTOM, at(1.5)), Some(7.0));
        // Ten a second from then on: what is older than the window is forgotten.
        for k in 2..40 {
            let value = 7.0 + 10.0 * f64::from(k - 1);
            reports.push(&CUSTOM, Reading { at: at(f64::from(k)), value });
        }
        assert_eq!(reports.value(&CUSTOM, at(39.2)), Some(10.0));
        // It knows nothing of what comes later.
        assert_eq!(reports.value(&CUSTOM, at(30.0)), Some(10.0));
        assert!(reports.readings.len() < 16, "{}", reports.readings.len());
    }

    #[test]
    fn a_report_that_is_a_moment_late_makes_the_window_longer() {
        let mut reports = Reports::default();
        for k in 0..12 {
            let late = if k == 1 { 0.002 } else { 0.0 };
            let value = f64::from(k * k);
            reports.push(&CUSTOM, Reading { at: at(f64::from(k) + late), value });
        }
        // From the report at 0, for that at 1.002 lies within ten seconds of the last one.
        assert_eq!(reports.value(&CUSTOM, at(11.5)), Some(121.0 / 11.0));
    }

    #[test]
    fn what_is_held_is_a_mean_of_reports() {
        let custom = Custom { of: Counted::InFlight, ..CUSTOM };
        let mut reports = Reports::default();
        for (k, value) in [4.0, 6.0, 8.0].into_iter().enumerate() {
            reports.push(&custom, Reading { at: at(k as f64), value });
        }
        assert_eq!(reports.value(&custom, at(2.0)), Some(7.0));
    }
}
