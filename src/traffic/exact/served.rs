//! A version's service times, prepared for the integrals.

use crate::engine::{Dist, Dur, Time};
use crate::traffic::service;

pub struct Served<'a> {
    pub dist: &'a Dist,
    /// No service takes longer but with probability 1e-9.
    pub longest: Dur,
    /// Times left to the end of a run, falling, between which the share of requests that still run then hardly
    /// changes, and that share from each to the next. Empty unless the spread of the count is wanted.
    steps: Vec<(Dur, f64)>,
}

impl<'a> Served<'a> {
    pub fn new(dist: &'a Dist, spread: bool) -> Served<'a> {
        let steps = if spread { service::steps(dist) } else { Vec::new() };
        let next = steps.iter().skip(1).copied().chain([Dur::ZERO]);
        let share = |(left, next): (&Dur, Dur)| (*left, running(dist, *left, next));
        let steps = steps.iter().zip(next).map(share).collect();
        Served { dist, longest: Dur::from_secs_f64(service::longest(dist)), steps }
    }

    /// Of requests sent from `from` until `to`, the share that still runs at `ends`, step by step.
    pub fn shares_running(
        &self,
        from: Time,
        to: Time,
        ends: Time,
    ) -> impl Iterator<Item = (Time, Time, f64)> {
        let begins = move |step: &(Dur, f64)| ends - step.0;
        let mut next = self.steps.partition_point(|s| begins(s) <= from);
        let mut rest = from;
        std::iter::from_fn(move || {
            let (begin, step) = (rest, next.checked_sub(1).and_then(|i| self.steps.get(i)));
            let step_ends = self.steps.get(next).map_or(ends, begins);
            (rest, next) = (step_ends.min(to), next + 1);
            let share = match step {
                Some(step) if begin == begins(step) && rest == step_ends => step.1,
                _ => running(self.dist, ends - begin, ends - rest),
            };
            (begin < to).then_some((begin, rest, share))
        })
    }
}

/// The mean share that still runs, over times left from `most` down to `least`.
fn running(dist: &Dist, most: Dur, least: Dur) -> f64 {
    service::mean_survival(dist, least.as_secs_f64(), most.as_secs_f64())
}
