//! The event queue: ordered by (time, insertion), so events at one instant happen in the order they were
//! scheduled.

use super::time::Time;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

struct Entry<E> {
    /// (time, sequence) as one integer: one comparison, no ties.
    key: u128,
    event: E,
}

/// A queue of future events.
///
/// ```
/// use rollsim::engine::{Queue, Time};
/// let mut queue = Queue::new(Time(0));
/// queue.schedule(Time(5), "second");
/// queue.schedule(Time(5), "third");
/// queue.schedule(Time(1), "first");
/// assert_eq!(queue.pop(), Some((Time(1), "first")));
/// assert_eq!(queue.pop(), Some((Time(5), "second")));
/// ```
pub struct Queue<E> {
    heap: BinaryHeap<Entry<E>>,
    now: Time,
    seq: u64,
}

impl<E> Queue<E> {
    pub fn new(start: Time) -> Self {
        Queue { heap: BinaryHeap::with_capacity(256), now: start, seq: 0 }
    }

    /// The time of the last popped event.
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many events have been scheduled so far.
    pub fn scheduled(&self) -> u64 {
        self.seq
    }

    /// Schedules `event`; an instant in the past means "now". "Never" is dropped.
    pub fn schedule(&mut self, at: Time, event: E) {
        if at.is_never() {
            return;
        }
        let at = at.max(self.now);
        // The sign bit is flipped so that negative times order before positive ones as integers.
        let time = (at.0 as u64) ^ (1 << 63);
        self.heap.push(Entry { key: (u128::from(time) << 64) | u128::from(self.seq), event });
        self.seq += 1;
    }

    pub fn peek_time(&self) -> Option<Time> {
        self.heap.peek().map(|e| Time((((e.key >> 64) as u64) ^ (1 << 63)) as i64))
    }

    pub fn pop(&mut self) -> Option<(Time, E)> {
        let at = self.peek_time()?;
        let entry = self.heap.pop()?;
        assert!(at >= self.now, "time went back from {:?} to {at:?}", self.now);
        self.now = at;
        Some((at, entry.event))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl<E> Eq for Entry<E> {}
impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Entry<E> {
    /// Reversed: `BinaryHeap` is a max-heap and the earliest event must come out first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}
