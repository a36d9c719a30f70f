//! The clock of a probe worker.

use crate::engine::{Dur, Time};

/// When a worker evaluates: at once, then every period; a manual trigger evaluates at once and starts the
/// period anew. Ticks missed during an evaluation shrink to one.
///
/// `worker.go: run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticker {
    period: Dur,
    next: Time,
}

impl Ticker {
    /// A worker whose loop starts at `start`, when its first evaluation begins.
    pub fn new(start: Time, period_seconds: i32) -> Ticker {
        let period = Dur::from_secs(i64::from(period_seconds.max(1)));
        Ticker { period, next: start + period }
    }

    /// A worker whose first evaluation that can find anything begins at `first`.
    pub fn first_at(first: Time, period_seconds: i32) -> Ticker {
        Ticker { next: first, ..Ticker::new(first, period_seconds) }
    }

    /// The tick that comes next; it may be in the past while an evaluation runs.
    pub fn next(&self) -> Time {
        self.next
    }

    /// A tick is used for the evaluation that begins at `now`.
    pub fn ticked(&mut self, now: Time) {
        let missed = (now - self.next).0.max(0) / self.period.0;
        self.next += Dur(self.period.0 * (missed + 1));
    }

    /// The first tick after `now`, were no tick missed.
    pub fn next_after(&self, now: Time) -> Time {
        let periods = (now - self.next).0.div_euclid(self.period.0) + 1;
        self.next + Dur(self.period.0 * periods)
    }

    /// Passes over ticks before `from`; returns the next one.
    pub fn skip_to(&mut self, from: Time) -> Time {
        let behind = (from - self.next).0;
        if behind > 0 {
            let periods = (behind + self.period.0 - 1) / self.period.0;
            self.next += Dur(periods * self.period.0);
        }
        self.next
    }

    /// The first tick from `from` on, if it is before the next: ticks that were passed over are wanted again.
    pub fn back_to(&mut self, from: Time) -> Option<Time> {
        let periods = (self.next - from).0.div_euclid(self.period.0);
        if periods <= 0 {
            return None;
        }
        self.next += Dur(-self.period.0 * periods);
        Some(self.next)
    }

    /// A worker that has been evaluating for long: its next tick is any part `u` of a period after `now`.
    pub fn settled(&mut self, now: Time, u: f64) {
        debug_assert!((0.0..=1.0).contains(&u), "a part of a period");
        self.next = now + self.period + Dur((u * self.period.0 as f64) as i64);
    }

    /// A manual trigger is used for the evaluation that begins at `now`.
    pub fn triggered(&mut self, now: Time) {
        self.next = now + self.period;
    }
}

/// Readiness is evaluated at once when a container is seen started, since this minor version.
pub(super) const IMMEDIATE_EVALUATION: u32 = 21;

/// How long a new worker sleeps before its loop: a random part (`uniform` draws it from 0..1) of the period
/// on a kubelet younger than that, nothing else. Kubernetes v1.`minor`: always before v1.21.
///
/// `worker.go: run`.
pub fn start_delay(
    minor: u32,
    period_seconds: i32,
    kubelet_age: Dur,
    uniform: impl FnOnce() -> f64,
) -> Dur {
    let period = Dur::from_secs(i64::from(period_seconds));
    if minor >= 21 && period <= kubelet_age {
        return Dur::ZERO;
    }
    Dur::from_secs_f64(period.as_secs_f64() * uniform())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Time {
        Time::ZERO + Dur::from_millis(ms)
    }

    #[test]
    fn ticks_do_not_pile_up() {
        let mut ticker = Ticker::new(at(500), 10);
        assert_eq!(ticker.next(), at(10_500));
        ticker.ticked(at(10_500));
        // An evaluation of 25 s: one tick is kept, one is lost, the rhythm stays.
        assert_eq!(ticker.next(), at(20_500));
        ticker.ticked(at(35_500));
        assert_eq!(ticker.next(), at(40_500));
        ticker.triggered(at(41_000));
        assert_eq!(ticker.next(), at(51_000));
    }

    #[test]
    fn ticks_that_were_passed_over_are_wanted_again() {
        let mut ticker = Ticker::new(at(500), 10);
        assert_eq!(ticker.skip_to(at(45_000)), at(50_500));
        assert_eq!(ticker.back_to(at(45_000)), None);
        assert_eq!(ticker.back_to(at(20_500)), Some(at(20_500)));
        assert_eq!(ticker.next(), at(20_500));
    }

    #[test]
    fn a_young_kubelet_spreads_its_probes() {
        let age = Dur::from_secs(5);
        assert_eq!(start_delay(36, 10, age, || 0.25), Dur::from_millis(2500));
        assert_eq!(start_delay(36, 5, age, || 0.25), Dur::ZERO);
        assert_eq!(start_delay(20, 5, Dur::MAX, || 0.5), Dur::from_millis(2500));
    }
}
