//! The loops of `requests` allocate nothing for a request: ten times as many need no more allocations, and
//! a running replication stays below eight mebibytes.

#[path = "../benches/workload/mod.rs"]
mod workload;

use rollsim::engine::{Dur, Seed};
use rollsim::timeline::{Pick, Timeline};
use rollsim::traffic::offered::Traffic;
use rollsim::traffic::{self, EvaluatorChoice};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        let bytes = BYTES.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(bytes, Relaxed);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: `pointer` came from `System.alloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations, and the most bytes held at once.
fn cost(timeline: &Timeline, traffic: &Traffic) -> (usize, usize) {
    let (calls, held) = (CALLS.load(Relaxed), BYTES.load(Relaxed));
    PEAK.store(held, Relaxed);
    let outcome = traffic::evaluate(timeline, traffic, Seed(1), EvaluatorChoice::Requests);
    assert!(outcome.sent > 10_000.0);
    (CALLS.load(Relaxed) - calls, PEAK.load(Relaxed) - held)
}

// One test: a second one would be counted too.
#[test]
fn requests_cost_no_allocation_and_little_memory() {
    for pick in [Pick::Random, Pick::RoundRobin, Pick::LeastOutstanding, Pick::TwoChoices] {
        for rich in [false, true] {
            let mut timeline = workload::rollout(100, pick);
            let (mut few, mut many) =
                (workload::poisson(500.0, 100.0), workload::poisson(5000.0, 100.0));
            if rich {
                for version in &mut timeline.versions {
                    (version.concurrency, version.queue) = (Some(8), Some(16));
                }
                for t in [&mut few, &mut many] {
                    t.client.retries = 1;
                    t.client.retry_backoff = Dur::from_millis(50);
                }
            }
            let ((calls_few, _), (calls_many, peak)) =
                (cost(&timeline, &few), cost(&timeline, &many));
            // Lists that hold what is in flight double a few times until they are large enough.
            let more = calls_many as i64 - calls_few as i64;
            assert!(more < 400, "{pick:?}, rich {rich}: {more} more for 450,000 more requests");
            assert!(peak < 8 << 20, "{pick:?}, rich {rich}: {peak} bytes");
        }
    }
    let timeline = workload::rollout(100, Pick::Random);
    let mut kept = workload::poisson(5000.0, 100.0);
    (kept.client.keep_alive, kept.client.retry_reused) = (true, true);
    let (calls, peak) = cost(&timeline, &kept);
    assert!(calls < 5000 && peak < 8 << 20, "kept connections: {calls} calls, {peak} bytes");
}
