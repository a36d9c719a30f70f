//! Slow start of pod creation: batches of 1, 2, 4, 8 ... calls.
//!
//! Source: `pkg/controller/replicaset/replica_set.go: slowStartBatch`.

/// Makes `count` calls in batches of `first`, twice that, and so on; `batch` makes that many at once and says
/// how many succeeded. Stops after the first batch with a failure. Returns how many succeeded in all.
pub fn slow_start_batch(count: u32, first: u32, mut batch: impl FnMut(u32) -> u32) -> u32 {
    let (mut successes, mut size) = (0, first);
    while successes < count {
        let calls = size.min(count - successes);
        let succeeded = batch(calls);
        successes += succeeded;
        if succeeded < calls {
            break;
        }
        size = size.saturating_mul(2);
    }
    successes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_double() {
        let sizes = |count| {
            let mut sizes = Vec::new();
            let made = slow_start_batch(count, 1, |size| {
                sizes.push(size);
                size
            });
            assert_eq!(made, count);
            sizes
        };
        assert_eq!(sizes(10), [1, 2, 4, 3]);
        assert!(sizes(0).is_empty());
        assert_eq!(sizes(u32::MAX).len(), 32);
    }
}
