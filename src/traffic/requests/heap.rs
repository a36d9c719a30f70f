//! What happens next to requests that wait: a four-way heap of integers.

/// Orders events by (time, insertion). An event is a number below 2^32.
#[derive(Clone, Debug, Default)]
pub struct Heap {
    keys: Vec<u128>,
    inserted: u32,
}

impl Heap {
    pub fn with_capacity(events: usize) -> Heap {
        Heap { keys: Vec::with_capacity(events), inserted: 0 }
    }

    /// `i64::MAX` when empty.
    #[inline(always)]
    pub fn next_ns(&self) -> i64 {
        self.keys.first().map_or(i64::MAX, |k| ((k >> 64) as u64 ^ (1 << 63)) as i64)
    }

    #[inline(always)]
    pub fn push(&mut self, at_ns: i64, event: u32) {
        let time = at_ns as u64 ^ (1 << 63);
        let low = u64::from(self.inserted) << 32 | u64::from(event);
        let key = u128::from(time) << 64 | u128::from(low);
        // The count only breaks ties: after 2^32 insertions it may start anew.
        self.inserted = self.inserted.wrapping_add(1);
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
    }

    #[inline(always)]
    pub fn pop(&mut self) -> Option<u32> {
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
        Some(first as u32)
    }
}
