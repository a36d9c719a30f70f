//! Counts by the second at a cost that does not grow with how long a rate lasts.

use crate::engine::Time;
use crate::traffic::plan::Piece;

/// In nanoseconds.
pub const SECOND: i64 = 1_000_000_000;

/// Requests in each of a row of seconds.
#[derive(Clone)]
pub struct Seconds {
    /// The first second since the action.
    pub first: i64,
    /// What falls into each second besides rates that last from one into the next.
    counts: Vec<f64>,
    /// By how much the rate changes at the start of each second.
    changes: Vec<f64>,
}

impl Seconds {
    /// For send times from `from` until `to`.
    pub fn new(from: Time, to: Time) -> Seconds {
        let first = second_of(from);
        let seconds = (second_of(to) - first + 1) as usize;
        Seconds { first, counts: vec![0.0; seconds], changes: vec![0.0; seconds] }
    }

    /// Adds to one second.
    pub fn add(&mut self, second: i64, count: f64) {
        self.counts[(second - self.first) as usize] += count;
    }

    /// Adds the requests of a piece.
    pub fn add_piece(&mut self, piece: &Piece) {
        debug_assert!(piece.from <= piece.to, "a piece ends after it begins");
        let (first, last) = (second_of(piece.from), second_of(piece.to));
        if first == last {
            return self.add(first, piece.count());
        }
        let next = Time((first + 1) * SECOND);
        self.add(first, Piece { to: next, ..*piece }.count());
        self.add(last, Piece { from: Time(last * SECOND), ..*piece }.count());
        self.changes[(first + 1 - self.first) as usize] += piece.rate;
        self.changes[(last - self.first) as usize] -= piece.rate;
    }

    /// How many seconds there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// The counts by second.
    pub fn totals(&self) -> Vec<f64> {
        let mut rate = 0.0;
        let totals = self.counts.iter().zip(&self.changes).map(|(count, change)| {
            rate += change;
            count + rate
        });
        totals.collect()
    }
}

/// The whole second in which an instant lies.
pub fn second_of(at: Time) -> i64 {
    at.0.div_euclid(SECOND)
}

/// Splits a time at whole seconds.
pub fn split(from: Time, to: Time) -> impl Iterator<Item = (Time, Time)> {
    let mut rest = from;
    std::iter::from_fn(move || {
        let part = rest;
        rest = Time((second_of(part) + 1) * SECOND).min(to);
        (part < to).then_some((part, rest))
    })
}
