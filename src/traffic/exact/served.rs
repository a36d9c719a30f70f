//! A version's service times, prepared for the integrals.

use super::flow::Flow;
use crate::engine::rng::mix;
use crate::engine::{Dist, Dur, Time};
use crate::traffic::service::{self, Law};
use std::cell::Cell;

const KNOWN: usize = 1024;

pub struct Served<'a> {
    law: Law<'a>,
    /// What `running_s` found last, by hash of the time: much is asked for again, by other views.
    known: Box<[Cell<(Dur, f64)>; KNOWN]>,
    /// No service takes longer but with probability 1e-9.
    pub longest: Dur,
    /// Times left to the end of a run, falling, between which the share of requests that still run then
    /// hardly changes, and that share from each to the next. Empty unless the spread of the count is wanted.
    steps: Vec<(Dur, f64)>,
}

impl<'a> Served<'a> {
    pub fn new(dist: &'a Dist, spread: bool) -> Served<'a> {
        let law = Law::new(dist);
        let steps = if spread { service::steps(dist) } else { Vec::new() };
        let next = steps.iter().skip(1).copied().chain([Dur::ZERO]);
        let share = |(left, next): (&Dur, Dur)| (*left, running(&law, *left, next));
        let steps = steps.iter().zip(next).map(share).collect();
        let known = Box::new([const { Cell::new((Dur::ZERO, 0.0)) }; KNOWN]);
        Served { law, known, longest: Dur::from_secs_f64(service::longest(dist)), steps }
    }

    /// Of the requests that a view sends to a unit of weight from `from` until `to`, those that still run at
    /// `ends`.
    pub fn running_at(&self, ends: Time, flow: &Flow, from: Time, to: Time) -> f64 {
        let (mut at, mut above) = (from, self.running_s(ends - from));
        let mut sum = 0.0;
        for piece in flow.pieces_of(from, to) {
            if piece.from > at {
                above = self.law.limited_mean((ends - piece.from).as_secs_f64());
            }
            let below = match piece.to == to {
                true => self.running_s(ends - to),
                false => self.law.limited_mean((ends - piece.to).as_secs_f64()),
            };
            sum += piece.rate * (above - below);
            (at, above) = (piece.to, below);
        }
        sum
    }

    /// For how long, in seconds, a request runs in the mean within so much time.
    fn running_s(&self, time: Dur) -> f64 {
        let known = &self.known[(mix(time.0 as u64) % KNOWN as u64) as usize];
        if known.get().0 != time {
            known.set((time, self.law.limited_mean(time.as_secs_f64())));
        }
        known.get().1
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
            // Of requests sent after `ends` all still run then.
            let last = if begin < ends { ends } else { to };
            let step_ends = self.steps.get(next).map_or(last, begins);
            (rest, next) = (step_ends.min(to), next + 1);
            let share = match step {
                Some(step) if begin == begins(step) && rest == step_ends => step.1,
                _ => running(&self.law, ends - begin, ends - rest),
            };
            (begin < to).then_some((begin, rest, share))
        })
    }
}

/// The mean share that still runs, over times left from `most` down to `least`.
fn running(law: &Law, most: Dur, least: Dur) -> f64 {
    service::mean_survival(law, least.as_secs_f64(), most.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_sent_after_the_end_all_still_run_then() {
        let dist = Dist::constant(2.0);
        let served = Served::new(&dist, true);
        let at = |s: f64| Time::ZERO + Dur::from_secs_f64(s);
        let shares: Vec<_> = served.shares_running(at(0.0), at(12.0), at(10.0)).collect();
        assert_eq!(
            shares,
            [(at(0.0), at(8.0), 0.0), (at(8.0), at(10.0), 1.0), (at(10.0), at(12.0), 1.0)]
        );
        let after: Vec<_> = served.shares_running(at(11.0), at(12.0), at(10.0)).collect();
        assert_eq!(after, [(at(11.0), at(12.0), 1.0)]);
    }
}
