//! The event queue: ordered by (time, insertion), so events at one instant happen in the order they were
//! scheduled.

use super::time::Time;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A queue of future events.
///
/// Events lie in slots and do not move; what is ordered are keys of (time, sequence, slot) in one integer
/// each. The next few lie sorted in `near`, for most events are scheduled for a moment from now and shift few
/// others there; those beyond wait in a heap. Events of the present instant need neither: every one that was
/// scheduled before the clock got there is ahead of those scheduled since.
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
    /// The next keys, last first: no key of `far` is below one of these.
    near: Vec<u128>,
    far: BinaryHeap<Reverse<u128>>,
    slots: Vec<Option<E>>,
    free: Vec<u32>,
    /// Events at `now` that were scheduled at `now`.
    present: VecDeque<E>,
    now: Time,
    seq: u64,
}

/// Bits of a key for the slot and, above them, for the sequence; the time has the upper half.
const SLOT_BITS: u32 = 28;
const SEQ_BITS: u32 = 64 - SLOT_BITS;

/// Most keys in `near`, and how many it gets when it is empty.
const NEAR: usize = 48;
const REFILL: usize = 24;

impl<E> Queue<E> {
    pub fn new(start: Time) -> Self {
        Queue {
            near: Vec::with_capacity(NEAR + 1),
            far: BinaryHeap::new(),
            slots: Vec::with_capacity(NEAR + 1),
            free: Vec::with_capacity(NEAR + 1),
            present: VecDeque::with_capacity(16),
            now: start,
            seq: 0,
        }
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
        self.seq += 1;
        if at <= self.now {
            self.present.push_back(event);
            return;
        }
        let slot = self.store(event);
        assert!(self.seq < 1 << SEQ_BITS && slot < 1 << SLOT_BITS, "too many events");
        // The sign bit is flipped so that negative times order before positive ones as integers.
        let time = (at.0 as u64) ^ (1 << 63);
        self.insert((u128::from(time) << 64) | u128::from((self.seq << SLOT_BITS) | slot));
    }

    fn insert(&mut self, key: u128) {
        let beyond = self.near.first().is_none_or(|&last| key > last);
        if beyond && !(self.far.is_empty() && self.near.len() < NEAR) {
            self.far.push(Reverse(key));
            return;
        }
        // Nearly always among the next few.
        let after = self.near.iter().rposition(|&other| other > key).map_or(0, |i| i + 1);
        self.near.insert(after, key);
        if self.near.len() > NEAR {
            self.far.extend(self.near.drain(..NEAR - REFILL).map(Reverse));
        }
    }

    fn store(&mut self, event: E) -> u64 {
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(event);
                u64::from(slot)
            }
            None => {
                self.slots.push(Some(event));
                self.slots.len() as u64 - 1
            }
        }
    }

    pub fn pop(&mut self) -> Option<(Time, E)> {
        self.pop_until(Time::NEVER)
    }

    /// The next event unless it comes after `horizon`.
    pub fn pop_until(&mut self, horizon: Time) -> Option<(Time, E)> {
        if self.near.is_empty() {
            self.refill();
        }
        let next = self.near.last().map(|&key| time_of(key));
        if next != Some(self.now)
            && let Some(event) = self.present.pop_front()
        {
            return Some((self.now, event));
        }
        let at = next.filter(|&at| at <= horizon)?;
        assert!(at >= self.now, "time went back from {:?} to {at:?}", self.now);
        self.now = at;
        let slot = (self.near.pop()? as u32) & ((1 << SLOT_BITS) - 1);
        self.free.push(slot);
        let event = self.slots[slot as usize].take().expect("a key has an event");
        Some((at, event))
    }

    fn refill(&mut self) {
        let next = std::iter::from_fn(|| self.far.pop());
        self.near.extend(next.take(REFILL).map(|Reverse(key)| key));
        self.near.reverse();
    }
}

fn time_of(key: u128) -> Time {
    Time((((key >> 64) as u64) ^ (1 << 63)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Dur;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Whatever is scheduled when: events come by time, and at one time in the order of scheduling.
        #[test]
        fn order_is_by_time_and_then_by_insertion(
            steps in prop::collection::vec(
                (prop::collection::vec(-3..90_i64, 0..5), 0..4_usize),
                1..300,
            ),
        ) {
            let mut queue = Queue::new(Time(-2));
            let mut expected: BTreeSet<(Time, u64)> = BTreeSet::new();
            let mut numbers = 0_u64..;
            // More is scheduled than popped, so that events wait in the heap; the last step pops all.
            let all = (Vec::new(), usize::MAX);
            for (waits, pops) in steps.into_iter().chain([all]) {
                for (wait, number) in waits.into_iter().zip(&mut numbers) {
                    let at = queue.now() + Dur(wait);
                    queue.schedule(at, number);
                    expected.insert((at.max(queue.now()), number));
                }
                for _ in 0..pops.min(expected.len() + 1) {
                    if let Some(&(next, _)) = expected.first().filter(|e| e.0 > queue.now()) {
                        prop_assert_eq!(queue.pop_until(next - Dur(1)), None);
                    }
                    prop_assert_eq!(queue.pop(), expected.pop_first());
                }
            }
        }
    }
}
