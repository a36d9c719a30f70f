//! Requests sent to the less loaded backend: what becomes of each is still known when it is sent, but its
//! end lowers its backend's load.

use super::blind::{self, Random};
use super::board::{Board, VIEW};
use super::load::Load;
use super::wheel::Wheel;
use crate::engine::{Seed, Time};
use crate::timeline::{Pick, PodId, ViewId};
use crate::traffic::random::{BLOCK, Sends};
use crate::traffic::service::Sampler;
use crate::traffic::tally::Tally;
use crate::traffic::{LossKey, TrafficOutcome};

/// The loads of all views that look at them.
pub struct Loads {
    pub views: Vec<Load>,
    pods: usize,
}

impl Loads {
    pub fn new(board: &Board) -> Loads {
        let (pods, views) = (board.timeline.pods.len(), board.views.len());
        let load = |v: &super::board::ViewNow| {
            let mut load = Load::new(if v.pick.sees_load() { pods + views } else { 0 });
            if v.pick.sees_load() {
                v.slots.iter().for_each(|s| load.list(id_of(*s, pods)));
            }
            load
        };
        Loads { views: board.views.iter().map(load).collect(), pods }
    }

    /// Follows a change of what a view lists.
    pub fn relist(&mut self, view: u32, slot: u32, listed: bool) {
        let load = &mut self.views[view as usize];
        if !load.is_empty() {
            let id = id_of(slot, self.pods);
            if listed { load.list(id) } else { load.delist(id) }
        }
    }

    #[inline(always)]
    pub fn id(&self, slot: u32) -> usize {
        id_of(slot, self.pods)
    }

    /// The slot that a load-aware view picks; `u` decides where chance does. Also what is left of `u`.
    #[inline(always)]
    pub fn pick(&mut self, board: &Board, view: u32, u: u32) -> (u32, u32) {
        let now = &board.views[view as usize];
        let load = &mut self.views[view as usize];
        if now.pick == Pick::LeastOutstanding && now.even() {
            let id = load.least();
            let slot = if id < self.pods { id as u32 } else { (id - self.pods) as u32 | VIEW };
            return (slot, u);
        }
        if now.pick == Pick::LeastOutstanding {
            return (now.lightest(|slot| load.of(id_of(slot, self.pods))), u);
        }
        let (a, b, rest) = now.two_places(u);
        let (a, b) = (now.slots[a], now.slots[b]);
        let of = |slot: u32| load.of(id_of(slot, self.pods));
        (if of(b) < of(a) { b } else { a }, rest)
    }
}

#[inline(always)]
fn id_of(slot: u32, pods: usize) -> usize {
    if slot & VIEW == 0 { slot as usize } else { pods + (slot & !VIEW) as usize }
}

pub fn run(
    mut board: Board,
    mut sends: Sends,
    samplers: &[Sampler],
    mut wheel: Wheel,
    seed: Seed,
    mut tally: Tally,
) -> TrafficOutcome {
    let mut loads = Loads::new(&board);
    let mut random = Random::new(seed);
    let (mut times, mut bits) = ([0; BLOCK], [0; BLOCK]);
    // Service times are drawn ahead, off the loop's critical path, with the first version's distribution;
    // pods of a version that serves differently draw again.
    let mut services = [0; BLOCK];
    let like_first: Vec<bool> = board
        .timeline
        .versions
        .iter()
        .map(|v| v.service == board.timeline.versions[0].service)
        .collect();
    loop {
        let count = sends.fill(&mut times);
        random.fill(&mut bits);
        for (service_ns, bits) in services.iter_mut().zip(bits).take(count) {
            *service_ns = samplers[0].sample_ns(bits as u32);
        }
        tally.sent += count as u64;
        for i in 0..count {
            while board.next_change().0 <= times[i] {
                if let Some(second) = board.advance(|v, slot, on| loads.relist(v, slot, on)) {
                    tally.begin_second(second);
                }
            }
            wheel.advance(times[i], |view, id| loads.views[view as usize].end(id as usize));
            let service = |version: u32| match like_first[version as usize] {
                true => services[i],
                false => samplers[version as usize].sample_ns(bits[i] as u32),
            };
            one(&mut board, &mut loads, &mut wheel, service, &mut tally, times[i], bits[i]);
        }
        if count < BLOCK {
            return tally.finish();
        }
    }
}

/// Routes one request and decides it.
#[inline(always)]
fn one(
    board: &mut Board,
    loads: &mut Loads,
    wheel: &mut Wheel,
    service: impl Fn(u32) -> i64,
    tally: &mut Tally,
    at: i64,
    bits: u64,
) {
    let mut u = (bits >> 32) as u32;
    let mut view;
    (view, u) = board.enter(u);
    // Load-aware choices on the way; there are rarely two.
    let mut chosen = [(0, 0); 4];
    let mut depth = 0;
    let pod = loop {
        if board.views[view as usize].cannot_forward() {
            blind::no_backend(board, Time(at), view, tally);
            return;
        }
        let slot;
        if board.views[view as usize].pick.sees_load() {
            (slot, u) = loads.pick(board, view, u);
            chosen[depth] = (view, loads.id(slot) as u32);
            depth += 1;
        } else {
            (slot, u) = board.views[view as usize].next_slot(u);
        }
        if slot & VIEW == 0 {
            break slot as usize;
        }
        view = slot & !VIEW;
    };
    let context = board.views[view as usize].context;
    let now = board.pod_in(context, pod);
    let service_ns = service(now.version);
    let latency = now.after_ns + service_ns;
    let mut ends = at + latency;
    if latency <= now.patience_ns && ends <= now.until_ns {
        tally.answer(pod, latency);
    } else {
        let (failure, cause, known) = board.unanswered(context, pod, Time(at), service_ns);
        ends = known.0;
        if known > board.timeline.end {
            tally.leave_open(Some(pod));
        } else {
            let (pod, view) = (Some(PodId(pod as u32)), Some(ViewId(view)));
            tally.fail(LossKey { failure, cause, pod, view }, Time(at));
        }
    }
    if ends > at {
        for &(view, id) in &chosen[..depth] {
            loads.views[view as usize].begin(id as usize);
            wheel.insert(ends, view, id);
        }
    }
}
