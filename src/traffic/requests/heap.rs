//! A four-way heap of integers, the least on top, with a queue beside it: most that lies far ahead (when a
//! request is given up, say) comes in order and needs no heap.

use std::collections::VecDeque;

/// Keys by size; those that come in rising order cost nearly nothing.
#[derive(Clone, Debug, Default)]
pub struct Heap {
    keys: Vec<u128>,
    /// Rising.
    in_order: VecDeque<u128>,
}

impl Heap {
    /// Room for so many keys.
    pub fn with_capacity(keys: usize) -> Heap {
        Heap { keys: Vec::with_capacity(keys), in_order: VecDeque::with_capacity(keys) }
    }

    /// `u128::MAX` when empty.
    #[inline(always)]
    pub fn first(&self) -> u128 {
        let of = |key: Option<&u128>| key.copied().unwrap_or(u128::MAX);
        of(self.keys.first()).min(of(self.in_order.front()))
    }

    /// Adds a key.
    pub fn push(&mut self, key: u128) {
        if self.in_order.back().is_none_or(|last| *last < key) {
            return self.in_order.push_back(key);
        }
        let mut hole = self.keys.len();
        self.keys.push(key);
        while hole > 0 {
            let parent = (hole - 1) / 4;
            if self.keys[parent] <= key {
                break;
            }
            self.keys[hole] = self.keys[parent];
            hole = parent;
        }
        self.keys[hole] = key;
        debug_assert!(self.keys[0] <= key, "the least is on top");
    }

    /// Takes the smallest.
    pub fn pop(&mut self) -> Option<u128> {
        let next = self.in_order.front().copied();
        if next.is_some_and(|next| self.keys.first().is_none_or(|first| next < *first)) {
            return self.in_order.pop_front();
        }
        let first = *self.keys.first()?;
        let last = self.keys.pop().expect("not empty");
        let len = self.keys.len();
        if len > 0 {
            let mut hole = 0;
            loop {
                let child = 4 * hole + 1;
                if child >= len {
                    break;
                }
                let mut least = child;
                for c in child + 1..(child + 4).min(len) {
                    if self.keys[c] < self.keys[least] {
                        least = c;
                    }
                }
                if self.keys[least] >= last {
                    break;
                }
                self.keys[hole] = self.keys[least];
                hole = least;
            }
            self.keys[hole] = last;
        }
        debug_assert!(self.keys.first().is_none_or(|next| *next >= first), "the least comes first");
        Some(first)
    }
}
