//! The event queue: ordered by (time, insertion), so events at one instant happen in the order they were
//! scheduled.

use super::time::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A queue of future events.
///
/// The next few lie sorted in `near`, for most events are scheduled for a moment from now and shift few
/// others there; those beyond wait in a heap. The events themselves lie in slots, where their parts are
/// written and read without being moved.
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
    /// The next events, last first; from `waiting` on, keys that are not in use but have a slot each.
    near: Vec<Key>,
    waiting: usize,
    slots: Vec<Option<E>>,
    /// The slot of the last popped event.
    current: usize,
    far: Far<E>,
    /// No event of `far` is before it, none of `near` after it.
    limit: Time,
    now: Time,
    scheduled: u64,
}

/// An event in `near`: its number, by which equals are ordered, and its slot.
#[derive(Clone, Copy)]
struct Key {
    at: Time,
    number: u64,
    slot: u8,
}

/// Most events in `near`, and how many it is given when it is empty or left with when it is full.
const NEAR: usize = 64;
const REFILL: usize = 32;

impl<E: Copy> Queue<E> {
    /// Empty, with the clock at `start`.
    pub fn new(start: Time) -> Self {
        Queue {
            near: Vec::with_capacity(NEAR),
            waiting: 0,
            slots: Vec::with_capacity(NEAR),
            current: 0,
            far: Far { keys: BinaryHeap::new(), slots: Vec::new(), free: Vec::new() },
            limit: Time::NEVER,
            now: start,
            scheduled: 0,
        }
    }

    /// The time of the last popped event.
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many events have been scheduled so far.
    pub fn scheduled(&self) -> u64 {
        self.scheduled
    }

    /// Schedules `event`; an instant in the past means "now". "Never" is dropped. Inlined, so that the caller
    /// writes the event's parts where they stay.
    #[inline(always)]
    pub fn schedule(&mut self, at: Time, event: E) {
        if let Some(slot) = self.place(at) {
            *slot = Some(event);
        }
    }

    /// Makes room for an event; None: at "never".
    #[inline(never)]
    fn place(&mut self, at: Time) -> Option<&mut Option<E>> {
        if at.is_never() {
            return None;
        }
        self.scheduled += 1;
        let at = at.max(self.now);
        if self.waiting == self.near.len() {
            self.make_room();
        }
        if at >= self.limit {
            return Some(self.far.place(at, self.scheduled));
        }
        let near = &mut self.near[..=self.waiting];
        let Key { slot, .. } = near[self.waiting];
        // Nearly always among the next few: looking for the place and making room for it are one loop.
        let mut place = self.waiting;
        for before in (0..self.waiting).rev() {
            if near[before].at > at {
                break;
            }
            near[before + 1] = near[before];
            place = before;
        }
        near[place] = Key { at, number: self.scheduled, slot };
        debug_assert!(place == 0 || near[place - 1].at > at, "the next events are in order");
        self.waiting += 1;
        Some(&mut self.slots[usize::from(slot)])
    }

    /// The next event, whenever it is.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let at = self.advance(Time::NEVER)?;
        Some((at, *self.current()))
    }

    /// The time of the next event, without going there.
    pub fn next_at(&mut self) -> Option<Time> {
        if self.waiting == 0 {
            self.refill();
        }
        let next = self.waiting.checked_sub(1)?;
        debug_assert!(self.near[next].at >= self.now, "time never goes back");
        Some(self.near[next].at)
    }

    /// Goes to the next event, unless there is none until `horizon`; its time.
    #[inline]
    pub fn advance(&mut self, horizon: Time) -> Option<Time> {
        if self.waiting == 0 {
            self.refill();
        }
        let next = self.waiting.checked_sub(1)?;
        let Key { at, slot, .. } = self.near[next];
        if at > horizon {
            return None;
        }
        assert!(at >= self.now, "time never goes back");
        self.waiting = next;
        self.now = at;
        self.current = usize::from(slot);
        Some(at)
    }

    /// The event the clock has come to; valid until the next one is scheduled.
    #[inline]
    pub fn current(&self) -> &E {
        self.slots[self.current].as_ref().expect("a key has an event")
    }

    /// A further slot, or the later ones of `near` go to `far`.
    #[cold]
    fn make_room(&mut self) {
        if self.near.len() < NEAR {
            self.near.push(Key { at: Time::NEVER, number: 0, slot: self.slots.len() as u8 });
            return self.slots.push(None);
        }
        debug_assert!(self.waiting == NEAR, "only a full list is shortened");
        for &Key { at, number, slot } in &self.near[..NEAR - REFILL] {
            *self.far.place(at, number) = self.slots[usize::from(slot)];
        }
        self.near.rotate_left(NEAR - REFILL);
        self.waiting = REFILL;
        self.limit = self.near[0].at;
    }

    #[cold]
    fn refill(&mut self) {
        debug_assert!(self.waiting == 0, "events that wait are not written over");
        self.waiting = REFILL.min(self.far.keys.len());
        for key in self.near[..self.waiting].iter_mut().rev() {
            let (at, number, event) = self.far.pop();
            (key.at, key.number) = (at, number);
            self.slots[usize::from(key.slot)] = event;
        }
        self.limit = if self.far.keys.is_empty() { Time::NEVER } else { self.near[0].at };
    }
}

/// The events beyond the next few: keys of (time, number, slot) in one integer each.
struct Far<E> {
    keys: BinaryHeap<Reverse<u128>>,
    slots: Vec<Option<E>>,
    free: Vec<u32>,
}

/// Bits of a key for the slot and, above them, for the number; the time has the upper half.
const SLOT_BITS: u32 = 28;
const NUMBER_BITS: u32 = 64 - SLOT_BITS;

impl<E: Copy> Far<E> {
    #[inline(never)]
    fn place(&mut self, at: Time, number: u64) -> &mut Option<E> {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        assert!(number < 1 << NUMBER_BITS && slot < 1 << SLOT_BITS, "too many events");
        // The sign bit is flipped so that negative times order before positive ones as integers.
        let time = (at.0 as u64) ^ (1 << 63);
        let low = (number << SLOT_BITS) | u64::from(slot);
        self.keys.push(Reverse((u128::from(time) << 64) | u128::from(low)));
        &mut self.slots[slot as usize]
    }

    fn pop(&mut self) -> (Time, u64, Option<E>) {
        let Reverse(key) = self.keys.pop().expect("it was counted");
        let (time, low) = ((key >> 64) as u64, key as u64);
        let slot = (low as u32) & ((1 << SLOT_BITS) - 1);
        self.free.push(slot);
        debug_assert!(self.slots[slot as usize].is_some(), "a key has an event");
        (Time((time ^ (1 << 63)) as i64), low >> SLOT_BITS, self.slots[slot as usize])
    }
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
                        prop_assert_eq!(queue.advance(next - Dur(1)), None);
                    }
                    prop_assert_eq!(queue.pop(), expected.pop_first());
                }
            }
        }
    }
}
