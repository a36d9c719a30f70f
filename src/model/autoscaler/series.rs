//! A metric that has one value for all pods: a queue with what comes and what is worked off, or values that
//! were recorded.

use super::custom::{Custom, Reading};
use crate::engine::{Dur, Time};

/// Where such a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Series {
    /// What all pods of the target report, added up.
    Sum(Custom),
    /// The length of a queue that the target's pods work off.
    Queue(Queue),
    /// Given values, each from its instant on.
    Given(Vec<(Time, f64)>),
}

/// A queue of work. Each pod works on one item at a time, which counts until it is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// What comes, a second, each rate from its instant on.
    pub arrivals: Vec<(Time, f64)>,
    /// What a ready pod works off, a second.
    pub per_pod_s: f64,
    /// How long the queue is at the start.
    pub length: f64,
    /// How often its length is taken; zero: whenever it is asked for.
    pub every: Dur,
}

/// The value at an instant of what is given step by step; nothing before the first.
pub fn step(steps: &[(Time, f64)], at: Time) -> f64 {
    let after = steps.partition_point(|step| step.0 <= at);
    after.checked_sub(1).map_or(0.0, |last| steps[last].1)
}

/// A queue over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Backlog {
    /// Its length at an instant.
    now: Reading,
    /// Pods that work it off since then.
    ready: u32,
    /// The length that was taken last.
    taken: f64,
    next: Time,
}

impl Backlog {
    /// At the start of a run.
    pub fn new(queue: &Queue, at: Time, ready: u32) -> Backlog {
        let now = Reading { at, value: queue.length };
        Backlog { now, ready, taken: queue.length, next: at + queue.every }
    }

    /// So many pods work on it from `now` on.
    pub fn workers(&mut self, queue: &Queue, now: Time, ready: u32) {
        self.advance(queue, now);
        self.ready = ready;
    }

    /// What whoever asks at `now` is told, and how long it is.
    pub fn read(&mut self, queue: &Queue, now: Time) -> (f64, f64) {
        self.advance(queue, now);
        let length = self.length(queue);
        (if queue.every > Dur::ZERO { self.taken } else { length }, length)
    }

    /// What waits, and what is worked on.
    fn length(&self, queue: &Queue) -> f64 {
        let workers = f64::from(self.ready);
        let busy = match self.now.value > 0.0 || queue.per_pod_s <= 0.0 {
            true => workers,
            false => workers.min(step(&queue.arrivals, self.now.at) / queue.per_pod_s),
        };
        self.now.value + busy
    }

    fn advance(&mut self, queue: &Queue, to: Time) {
        debug_assert!(self.now.at <= to, "a queue does not go back");
        while queue.every > Dur::ZERO && self.next <= to {
            self.run(queue, self.next);
            self.taken = self.length(queue);
            self.next += queue.every;
        }
        self.run(queue, to);
    }

    /// To `to`, piece by piece of the arrivals.
    fn run(&mut self, queue: &Queue, to: Time) {
        while self.now.at < to {
            let after = queue.arrivals.partition_point(|step| step.0 <= self.now.at);
            let until = queue.arrivals.get(after).map_or(to, |step| step.0.min(to));
            let net = step(&queue.arrivals, self.now.at) - queue.per_pod_s * f64::from(self.ready);
            let length = self.now.value + net * (until - self.now.at).as_secs_f64();
            self.now = Reading { at: until, value: length.max(0.0) };
        }
        debug_assert!(self.now.value >= 0.0, "a queue is no shorter than nothing");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Time {
        Time::ZERO + Dur::from_secs(s)
    }

    #[test]
    fn a_queue_grows_by_what_comes_and_shrinks_by_what_is_done() {
        let arrivals = vec![(at(0), 5.0), (at(10), 0.0)];
        let queue = Queue { arrivals, per_pod_s: 2.0, length: 3.0, every: Dur::ZERO };
        let mut backlog = Backlog::new(&queue, at(0), 1);
        assert_eq!(backlog.read(&queue, at(10)).0, 33.0 + 1.0);
        backlog.workers(&queue, at(11), 4);
        assert_eq!(backlog.read(&queue, at(13)).0, 15.0 + 4.0);
        assert_eq!(backlog.read(&queue, at(60)).0, 0.0);
    }

    #[test]
    fn what_is_worked_on_counts_though_nothing_waits() {
        let arrivals = vec![(at(0), 10.0)];
        let queue = Queue { arrivals, per_pod_s: 4.0, length: 0.0, every: Dur::ZERO };
        let mut backlog = Backlog::new(&queue, at(0), 5);
        assert_eq!(backlog.read(&queue, at(100)).0, 2.5);
    }

    #[test]
    fn what_is_told_is_as_old_as_it_was_taken() {
        let arrivals = vec![(at(0), 1.0)];
        let every = Dur::from_secs(30);
        let queue = Queue { arrivals, per_pod_s: 0.0, length: 0.0, every };
        let mut backlog = Backlog::new(&queue, at(0), 0);
        assert_eq!(backlog.read(&queue, at(29)), (0.0, 29.0));
        assert_eq!(backlog.read(&queue, at(59)), (30.0, 59.0));
    }
}
