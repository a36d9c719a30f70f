//! Requests of an open loop before they are sent.

use super::super::blind::Random;
use crate::engine::Seed;
use crate::traffic::random::{BLOCK, Sends};

/// Requests to come, a block at a time.
pub struct Source {
    sends: Sends,
    random: Random,
    /// Nanoseconds of the sends, in order.
    pub times: [i64; BLOCK],
    /// Random bits of each.
    pub bits: [u64; BLOCK],
    /// The next one.
    pub next: usize,
    /// How many there are in this block.
    pub count: usize,
}

impl Source {
    /// The requests that are to be sent, drawn block by block.
    pub fn new(sends: Sends, seed: Seed) -> Source {
        let (times, bits) = ([0; BLOCK], [0; BLOCK]);
        let random = Random::new(seed);
        // As after a full block.
        Source { sends, random, times, bits, next: BLOCK, count: BLOCK }
    }

    /// Draws the next block; false: there is none.
    pub fn refill(&mut self) -> bool {
        debug_assert!(self.next >= self.count, "what is to be sent is not drawn over");
        if self.count < BLOCK {
            return false;
        }
        self.count = self.sends.fill(&mut self.times);
        self.random.fill(&mut self.bits);
        self.next = 0;
        self.count > 0
    }
}
