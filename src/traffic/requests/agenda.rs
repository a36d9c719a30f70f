//! What happens next to requests that wait, in order of time and, at one instant, of insertion: a ring of
//! short buckets for the near future, a heap for what lies beyond.

use super::heap::Heap;
use std::marker::PhantomData;

const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Node {
    key: u128,
    next: u32,
}

/// An event as a number, which is what an agenda holds.
pub trait Packed: Copy {
    fn pack(self) -> u32;
    fn unpack(packed: u32) -> Self;
}

impl Packed for u32 {
    #[inline(always)]
    fn pack(self) -> u32 {
        self
    }

    #[inline(always)]
    fn unpack(packed: u32) -> u32 {
        packed
    }
}

/// The key of an event is its time, the number of its insertion and itself, from the highest bits down.
#[derive(Clone, Debug)]
pub struct Agenda<E> {
    /// The first node of each bucket.
    heads: Vec<u32>,
    /// A bit for each bucket that holds anything.
    occupied: Vec<u64>,
    nodes: Vec<Node>,
    free: u32,
    shift: u32,
    /// What is due up to the end of this bucket (counted from time zero, not wrapped) is in `current`, which
    /// is empty only if the ring is.
    bucket: i64,
    /// The next event last.
    current: Vec<u128>,
    /// What was further ahead than the ring reaches when it was inserted, and the first of it.
    far: Heap,
    far_first: u128,
    inserted: u32,
    events: PhantomData<E>,
}

impl<E: Packed> Agenda<E> {
    /// For about `in_flight` events ahead at a time, `gap_ns` apart.
    pub fn new(start_ns: i64, gap_ns: f64, in_flight: f64) -> Agenda<E> {
        let shift = (gap_ns.clamp(1.0, 1e9) as u64).ilog2();
        let buckets = ((8.0 * in_flight).clamp(1024.0, 65_536.0) as usize).next_power_of_two();
        Agenda {
            heads: vec![NONE; buckets],
            occupied: vec![0; buckets / 64],
            nodes: Vec::with_capacity((2.0 * in_flight).clamp(1024.0, 1e6) as usize),
            free: NONE,
            shift,
            bucket: start_ns >> shift,
            current: Vec::with_capacity(1024),
            far: Heap::with_capacity(1024),
            far_first: u128::MAX,
            inserted: 0,
            events: PhantomData,
        }
    }

    /// When the next event is due; `i64::MAX` if there is none.
    #[inline(always)]
    pub fn next_ns(&self) -> i64 {
        let near = self.current.last().map_or(i64::MAX, |key| time_of(*key));
        near.min(time_of(self.far_first))
    }

    /// The stamp of the next event that is pushed.
    pub fn stamp(&self) -> u32 {
        self.inserted
    }

    /// Returns the stamp with which the event will come back: the number of its insertion.
    #[inline(always)]
    pub fn push(&mut self, at_ns: i64, event: E) -> u32 {
        let stamp = self.inserted;
        let time = at_ns as u64 ^ (1 << 63);
        let low = u64::from(self.inserted) << 32 | u64::from(event.pack());
        let key = u128::from(time) << 64 | u128::from(low);
        // The count only breaks ties: after 2^32 insertions it may start anew.
        self.inserted = self.inserted.wrapping_add(1);
        let ahead = (at_ns >> self.shift) - self.bucket;
        if ahead <= 0 {
            self.insert(key);
        } else if ahead < self.heads.len() as i64 {
            self.link(at_ns >> self.shift, key);
            if self.current.is_empty() {
                self.turn();
            }
        } else {
            self.far.push(key);
            self.far_first = self.far_first.min(key);
        }
        stamp
    }

    /// The next event, with its stamp.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<(E, u32)> {
        let low = self.pop_key()? as u64;
        Some((E::unpack(low as u32), (low >> 32) as u32))
    }

    #[inline(always)]
    fn pop_key(&mut self) -> Option<u128> {
        let near = self.current.last().copied().unwrap_or(u128::MAX);
        if self.far_first < near {
            let key = self.far.pop()?;
            self.far_first = self.far.first();
            if self.current.is_empty() {
                // After a pause longer than the ring: it starts anew from here.
                self.bucket = self.bucket.max(time_of(key) >> self.shift);
            }
            debug_assert!(key <= near, "what is next comes first");
            return Some(key);
        }
        let key = self.current.pop()?;
        if self.current.is_empty() {
            self.turn();
        }
        Some(key)
    }

    /// Puts an event in its place in `current`.
    #[inline(always)]
    fn insert(&mut self, key: u128) {
        self.current.push(key);
        let mut place = self.current.len() - 1;
        while place > 0 && self.current[place - 1] < key {
            self.current[place] = self.current[place - 1];
            place -= 1;
        }
        self.current[place] = key;
        debug_assert!(self.current.last().is_some_and(|last| *last <= key), "the next is last");
    }

    #[inline(always)]
    fn link(&mut self, bucket: i64, key: u128) {
        let head = bucket as usize & (self.heads.len() - 1);
        let node = Node { key, next: self.heads[head] };
        self.occupied[head / 64] |= 1 << (head % 64);
        if self.free == NONE {
            self.heads[head] = self.nodes.len() as u32;
            self.nodes.push(node);
        } else {
            let index = self.free as usize;
            self.heads[head] = self.free;
            self.free = self.nodes[index].next;
            self.nodes[index] = node;
        }
        debug_assert!(self.heads[head] != NONE, "a bucket that is marked holds something");
    }

    /// Turns the ring to the next bucket that holds anything.
    #[inline(always)]
    fn turn(&mut self) {
        let here = self.bucket as usize & (self.heads.len() - 1);
        let Some(head) = self.occupied_after(here) else { return };
        self.bucket += (head.wrapping_sub(here) & (self.heads.len() - 1)) as i64;
        self.occupied[head / 64] &= !(1 << (head % 64));
        let mut index = std::mem::replace(&mut self.heads[head], NONE);
        debug_assert!(index != NONE, "a bucket that is marked holds something");
        while index != NONE {
            let node = self.nodes[index as usize];
            self.current.push(node.key);
            self.nodes[index as usize].next = self.free;
            self.free = index;
            index = node.next;
        }
        self.current.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// The next occupied place of the ring, going round.
    #[inline(always)]
    fn occupied_after(&self, here: usize) -> Option<usize> {
        let words = self.occupied.len();
        let mut word = here / 64;
        let mut bits = self.occupied[word] & (u64::MAX << (here % 64));
        for _ in 0..=words {
            if bits != 0 {
                return Some(word * 64 + bits.trailing_zeros() as usize);
            }
            word = if word + 1 == words { 0 } else { word + 1 };
            bits = self.occupied[word];
        }
        None
    }
}

/// In nanoseconds; `i64::MAX` of `u128::MAX`.
#[inline(always)]
fn time_of(key: u128) -> i64 {
    ((key >> 64) as u64 ^ (1 << 63)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    fn pop(agenda: &mut Agenda<u32>) -> Option<u32> {
        agenda.pop().map(|(event, _)| event)
    }

    /// Against a sorted list: events near and far, at the same instant, in the bucket that is being emptied,
    /// after a pause, and until nothing is left.
    #[test]
    fn events_come_in_order_of_time_and_insertion() {
        let mut random = Seed(1).stream("agenda", 0);
        let mut agenda: Agenda<u32> = Agenda::new(-5_000, 1000.0, 20.0);
        let (mut expected, mut now, mut event): (Vec<(i64, u32)>, i64, u32) =
            (Vec::new(), -5_000, 0);
        for round in 0..20_000 {
            let busy = (round / 1000) % 2 == 1;
            if random.below(100) < if busy { 60 } else { 30 } {
                let reach = [1, 500, 40_000, 10_000_000][random.below(4) as usize];
                let at = now + random.below(reach) as i64;
                agenda.push(at, event);
                let place = expected.partition_point(|e| e.0 <= at);
                expected.insert(place, (at, event));
                event += 1;
            } else if expected.is_empty() {
                assert_eq!((agenda.next_ns(), pop(&mut agenda)), (i64::MAX, None));
            } else {
                let next = expected.remove(0);
                assert_eq!((agenda.next_ns(), pop(&mut agenda)), (next.0, Some(next.1)), "{round}");
                now = next.0;
            }
        }
        assert!(event > 5000 && !expected.is_empty());
        for (at, event) in expected {
            assert_eq!((agenda.next_ns(), pop(&mut agenda)), (at, Some(event)));
        }
        assert_eq!(pop(&mut agenda), None);
    }

    /// A pause longer than the ring must not leave everything to the heap ever after.
    #[test]
    fn the_ring_is_used_again_after_a_pause() {
        let mut agenda: Agenda<u32> = Agenda::new(0, 1000.0, 20.0);
        agenda.push(1_000_000_000_000, 1);
        assert_eq!(pop(&mut agenda), Some(1));
        agenda.push(1_000_000_001_000, 2);
        agenda.push(1_000_000_005_000, 3);
        assert_eq!((agenda.far_first, agenda.current.len()), (u128::MAX, 1));
    }
}
