//! Slow start of pod creation: batches of 1, 2, 4, 8 ... calls.
//!
//! Source: `pkg/controller/replicaset/replica_set.go: slowStartBatch`.

/// Most pods created or deleted in one sync.
pub const BURST_REPLICAS: i32 = 500;

/// The sizes of the batches for `count` calls that all succeed; the calls of one run in parallel, the next
/// starts when all returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowStart {
    remaining: u32,
    batch: u32,
}

impl SlowStart {
    pub fn new(count: u32) -> SlowStart {
        SlowStart { remaining: count, batch: 1 }
    }
}

impl Iterator for SlowStart {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let size = self.batch.min(self.remaining);
        if size == 0 {
            return None;
        }
        self.remaining -= size;
        self.batch = size.saturating_mul(2);
        Some(size)
    }
}

/// Makes `count` calls in batches; stops after the first batch with a failure. Returns how many succeeded,
/// and whether all did.
pub fn slow_start_batch(count: u32, mut call: impl FnMut() -> bool) -> (u32, bool) {
    let mut successes = 0;
    for size in SlowStart::new(count) {
        let ok = (0..size).filter(|_| call()).count() as u32;
        successes += ok;
        if ok < size {
            return (successes, false);
        }
    }
    (successes, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_double() {
        assert_eq!(SlowStart::new(10).collect::<Vec<_>>(), [1, 2, 4, 3]);
        assert_eq!(SlowStart::new(0).count(), 0);
        assert_eq!(SlowStart::new(u32::MAX).map(u64::from).sum::<u64>(), u64::from(u32::MAX));
    }
}
