//! Requests whose routing does not look at load: each is decided when it is sent, since the timeline
//! already tells when its pod's run ends. No completion events.

use super::board::Board;
use super::view::VIEW;
use crate::engine::{Seed, Time};
use crate::timeline::{Pick, PodId, ViewId};
use crate::traffic::random::{BLOCK, Lanes, Sends};
use crate::traffic::service::Sampler;
use crate::traffic::tally::Tally;
use crate::traffic::{LossKey, TrafficOutcome};

/// The numbers that requests use: request `k` uses number `k`, the upper half to be routed, the lower half
/// for its service time.
pub struct Random(Lanes);

impl Random {
    /// The stream of this replication.
    pub fn new(seed: Seed) -> Random {
        Random(Lanes::new(seed, "requests"))
    }

    /// The next block of random bits.
    pub fn fill(&mut self, out: &mut [u64; BLOCK]) {
        self.0.fill(out);
    }
}

/// Sends every request, where no choice looks at load.
pub fn run(
    mut board: Board,
    mut sends: Sends,
    samplers: &[Sampler],
    seed: Seed,
    mut tally: Tally,
) -> TrafficOutcome {
    let mut random = Random::new(seed);
    let (mut times, mut bits) = ([0; BLOCK], [0; BLOCK]);
    loop {
        let count = sends.fill(&mut times);
        random.fill(&mut bits);
        tally.sent += count as u64;
        let mut i = 0;
        while i < count {
            while board.next_change().0 <= times[i] {
                if let Some(second) = board.advance(|_, _, _| {}) {
                    tally.begin_second(second);
                }
            }
            let until = board.next_change().0;
            let j = i + times[i..count].partition_point(|t| *t < until);
            decide(&mut board, &times[i..j], &bits[i..j], samplers, &mut tally);
            i = j;
        }
        if count < BLOCK {
            return tally.finish();
        }
    }
}

/// Decides requests between two changes of the board.
fn decide(board: &mut Board, times: &[i64], bits: &[u64], samplers: &[Sampler], tally: &mut Tally) {
    if let Some(view) = board.single_view() {
        return match board.views[view].pick {
            Pick::RoundRobin => decide_in_one::<true>(board, view, times, bits, samplers, tally),
            _ => decide_in_one::<false>(board, view, times, bits, samplers, tally),
        };
    }
    for (&at, &bits) in times.iter().zip(bits) {
        match route(board, (bits >> 32) as u32) {
            Ok((pod, view)) => {
                let context = board.views[view].context;
                let now = board.pod_in(context, pod);
                let service_ns = samplers[now.version as usize].sample_ns(bits as u32);
                let latency = now.after_ns + service_ns;
                if latency <= now.patience_ns && at + latency <= now.until_ns {
                    tally.answer(pod, latency);
                } else {
                    unanswered(board, Time(at), pod, view, service_ns, tally);
                }
            }
            Err(view) => no_backend(board, Time(at), view, tally),
        }
    }
}

/// As `decide`, where one view lists pods of equal weight: the same with all that is constant kept at hand.
/// Failures are set aside, so that nothing in the loop is called.
fn decide_in_one<const IN_TURN: bool>(
    board: &mut Board,
    view: ViewId,
    times: &[i64],
    bits: &[u64],
    samplers: &[Sampler],
    tally: &mut Tally,
) {
    let now = &board.views[view];
    let (slots, pods) = (&now.slots[..], board.pods_in(now.context));
    let mut cursor = now.cursor as usize;
    let mut failures = [(0u32, 0u32); BLOCK];
    let mut failed = 0;
    let mut answers = tally.answers();
    for (i, (&at, &bits)) in times.iter().zip(bits).enumerate() {
        let place = if IN_TURN {
            let place = cursor;
            cursor = if place + 1 == slots.len() { 0 } else { place + 1 };
            place
        } else {
            (((bits >> 32) * slots.len() as u64) >> 32) as usize
        };
        let pod = slots[place];
        let now = &pods[pod as usize];
        let latency = now.after_ns + samplers[now.version as usize].sample_ns(bits as u32);
        if latency <= now.patience_ns && at + latency <= now.until_ns {
            answers.add(pod as usize, latency);
        } else {
            failures[failed] = (i as u32, pod);
            failed += 1;
        }
    }
    answers.close();
    for &(i, pod) in &failures[..failed] {
        let (at, rest) = (Time(times[i as usize]), bits[i as usize] as u32);
        let version = board.timeline.pods[pod as usize].version;
        let service_ns = samplers[version as usize].sample_ns(rest);
        unanswered(board, at, pod as usize, view, service_ns, tally);
    }
    board.views[view].cursor = cursor as u32;
}

/// Follows a request from its entry to a pod; an error names the view that cannot forward.
#[inline(always)]
fn route(board: &mut Board, u: u32) -> Result<(usize, ViewId), ViewId> {
    let (mut view, mut u) = (board.enter(), u);
    loop {
        let now = &mut board.views[view];
        if now.cannot_forward() {
            return Err(view);
        }
        let slot;
        (slot, u) = now.next_slot(u);
        if slot & VIEW == 0 {
            return Ok((slot as usize, view));
        }
        view = ViewId(slot & !VIEW);
    }
}

/// Counts a request that its pod accepted and did not answer.
#[cold]
pub fn unanswered(
    board: &Board,
    at: Time,
    pod: usize,
    view: ViewId,
    service_ns: i64,
    tally: &mut Tally,
) {
    let context = board.views[view].context;
    let (failure, cause, known) = board.unanswered(context, pod, at, service_ns);
    if known > board.timeline.end {
        return tally.leave_open(Some(pod));
    }
    let (pod, view) = (Some(PodId(pod as u32)), Some(view));
    tally.fail(LossKey { failure, cause, pod, view }, pod, at, known);
}

/// Counts a request that met a view without a backend.
#[cold]
pub fn no_backend(board: &Board, at: Time, view: ViewId, tally: &mut Tally) {
    let (failure, cause, known) = board.no_backend(view, at);
    if known > board.timeline.end {
        return tally.leave_open(None);
    }
    tally.fail(LossKey { failure, cause, pod: None, view: Some(view) }, None, at, known);
}
