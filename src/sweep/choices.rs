//! Where some axes are the world's: each combination of the others, over all worlds.

use super::{Axis, Role, Row, RowOutcome, Value};
use std::collections::BTreeMap;

/// More combinations than this are not told apart.
const MOST: usize = 100_000;

/// One combination of what can be chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// A value for each axis that is a choice.
    pub settings: Vec<Value>,
    /// Worlds that it was simulated in.
    pub worlds: u64,
    /// Lost requests in the worst of them, and in the mean.
    pub failed: [f64; 2],
    /// Seconds until complete, likewise; infinite: not in every rollout of every world.
    pub duration_s: [f64; 2],
    /// Worlds that could not be simulated.
    pub errors: u64,
}

/// All of them, as the rows pass.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// Which axes are choices; empty: all or none are.
    chosen: Vec<usize>,
    all: BTreeMap<Vec<String>, Choice>,
    /// More than can be told apart.
    full: bool,
}

impl Choices {
    /// Of no row yet.
    pub fn new(axes: &[Axis]) -> Choices {
        let world = axes.iter().filter(|a| a.role == Role::World).count();
        let of = |(i, axis): (usize, &Axis)| (axis.role == Role::Choice).then_some(i);
        let chosen = match world > 0 && world < axes.len() {
            true => axes.iter().enumerate().filter_map(of).collect(),
            false => Vec::new(),
        };
        Choices { chosen, ..Choices::default() }
    }

    /// Whether there is something to choose in different worlds.
    pub fn are_there(&self) -> bool {
        !self.chosen.is_empty() && !self.full
    }

    /// Axes that are choices.
    pub fn axes(&self) -> &[usize] {
        &self.chosen
    }

    /// Takes in a row.
    pub fn add(&mut self, row: &Row, settings: &[Value]) {
        if !self.are_there() {
            return;
        }
        let own: Vec<Value> = self.chosen.iter().map(|i| settings[*i].clone()).collect();
        let key: Vec<String> = own.iter().map(ToString::to_string).collect();
        let empty = || Choice {
            settings: own,
            worlds: 0,
            failed: [0.0; 2],
            duration_s: [0.0; 2],
            errors: 0,
        };
        let choice = self.all.entry(key).or_insert_with(empty);
        match &row.outcome {
            RowOutcome::Error(_) => choice.errors += 1,
            RowOutcome::Summary(s) => {
                choice.worlds += 1;
                let takes = s.duration_s.filter(|_| s.complete == 1.0);
                let takes = takes.map_or(f64::INFINITY, |d| d.value);
                for (sums, x) in
                    [(&mut choice.failed, s.failed.value), (&mut choice.duration_s, takes)]
                {
                    sums[0] = sums[0].max(x);
                    // The mean so far.
                    sums[1] += (x - sums[1]) / choice.worlds as f64;
                    if !x.is_finite() {
                        sums[1] = x;
                    }
                }
            }
        }
        if self.all.len() > MOST {
            self.full = true;
            self.all.clear();
        }
    }

    /// Those that could be simulated in every world: fewest lost in the worst one first, then in the mean,
    /// then by time.
    pub fn best(&self) -> Vec<&Choice> {
        let mut all: Vec<&Choice> = self.all.values().filter(|c| c.errors == 0).collect();
        let order = |c: &Choice| {
            let unfinished = if c.duration_s[0].is_finite() { 0.0 } else { 1.0 };
            [unfinished, c.failed[0], c.failed[1], c.duration_s[0], c.duration_s[1]]
        };
        all.sort_by(|a, b| {
            let pairs = order(a).into_iter().zip(order(b));
            pairs.fold(std::cmp::Ordering::Equal, |o, (a, b)| o.then(a.total_cmp(&b)))
        });
        all
    }
}
