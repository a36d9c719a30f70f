//! A version's service times, prepared for the integrals.

use super::stairs::{Staircase, running};
use crate::engine::rng::mix;
use crate::engine::{Dist, Dur, Time};
use crate::traffic::plan::Piece;
use crate::traffic::service::{self, Law};
use std::cell::Cell;

/// Bounds of the number of values kept: enough for the parts of one run, and what a core's cache holds.
const LEAST_KNOWN: usize = 16;
const MOST_KNOWN: usize = 1 << 15;

/// How long requests run on a pod, answered from what was asked before where it can be.
pub struct Served<'a> {
    law: Law<'a>,
    /// What `running_s` found last, by hash of the time: much is asked for again, by other views.
    known: Vec<Cell<(Dur, f64)>>,
    /// No service takes longer but with probability 1e-9.
    pub longest: Dur,
    stairs: Staircase,
}

impl<'a> Served<'a> {
    /// `asked_again`: for about so many times `running_s` is asked more than once.
    pub fn new(dist: &'a Dist, asked_again: usize) -> Served<'a> {
        let law = Law::new(dist);
        let known = asked_again.next_power_of_two().clamp(LEAST_KNOWN, MOST_KNOWN);
        let known = vec![Cell::new((Dur::ZERO, 0.0)); known];
        Served {
            law,
            known,
            longest: Dur::from_secs_f64(service::longest(dist)),
            stairs: Staircase::default(),
        }
    }

    /// Of the requests sent to a unit of weight from `from` until `to`, those that still run at `ends`. The
    /// first of the pieces is the first that ends after `from`.
    pub fn running_at(&self, ends: Time, pieces: &[Piece], from: Time, to: Time) -> f64 {
        let running_s = |at: Time| self.law.limited_mean((ends - at).as_secs_f64());
        let (mut at, mut above) = (from, self.running_s(ends - from));
        let mut sum = 0.0;
        for piece in pieces.iter().take_while(|p| p.from < to) {
            if piece.from > at {
                above = running_s(piece.from);
            }
            at = piece.to.min(to);
            let below = if at == to { self.running_s(ends - to) } else { running_s(at) };
            sum += piece.rate * (above - below);
            above = below;
        }
        sum
    }

    /// For how long, in seconds, a request runs in the mean within so much time.
    fn running_s(&self, time: Dur) -> f64 {
        let known = &self.known[mix(time.0 as u64) as usize & (self.known.len() - 1)];
        if known.get().0 != time {
            known.set((time, self.law.limited_mean(time.as_secs_f64())));
        }
        known.get().1
    }

    /// Of requests sent from `from` until `to`, the share that still runs at `ends`, step by step. `failing`:
    /// no larger share of the requests fails at any time in between.
    pub fn shares_running(
        &self,
        from: Time,
        to: Time,
        ends: Time,
        failing: f64,
    ) -> impl Iterator<Item = (Time, Time, f64)> {
        let begins = move |step: &(Dur, f64)| ends - step.0;
        let steps = &self.stairs.coarsest(&self.law, failing).steps;
        let mut next = steps.partition_point(|s| begins(s) <= from);
        let mut rest = from;
        std::iter::from_fn(move || {
            let (begin, step) = (rest, next.checked_sub(1).and_then(|i| steps.get(i)));
            // Of requests sent after `ends` all still run then.
            let last = if begin < ends { ends } else { to };
            let step_ends = steps.get(next).map_or(last, begins);
            (rest, next) = (step_ends.min(to), next + 1);
            let share = match step {
                Some(step) if begin == begins(step) && rest == step_ends => step.1,
                _ => running(&self.law, ends - begin, ends - rest),
            };
            (begin < to).then_some((begin, rest, share))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_sent_after_the_end_all_still_run_then() {
        let dist = Dist::constant(2.0);
        let served = Served::new(&dist, 0);
        let at = |s: f64| Time::ZERO + Dur::from_secs_f64(s);
        let shares: Vec<_> = served.shares_running(at(0.0), at(12.0), at(10.0), 1.0).collect();
        assert_eq!(
            shares,
            [(at(0.0), at(8.0), 0.0), (at(8.0), at(10.0), 1.0), (at(10.0), at(12.0), 1.0)]
        );
        let after: Vec<_> = served.shares_running(at(11.0), at(12.0), at(10.0), 1.0).collect();
        assert_eq!(after, [(at(11.0), at(12.0), 1.0)]);
    }
}
