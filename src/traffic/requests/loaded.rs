//! Requests sent to the less loaded backend: what becomes of each is still known when it is sent, but its
//! end lowers its backend's load.

use super::agenda::Agenda;
use super::blind::{self, Random};
use super::board::Board;
use super::load::Load;
use super::view::{VIEW, ViewNow};
use crate::engine::{List, Seed, Time};
use crate::timeline::{Pick, PodId, ViewId};
use crate::traffic::random::{BLOCK, Sends};
use crate::traffic::service::Sampler;
use crate::traffic::tally::Tally;
use crate::traffic::{LossKey, TrafficOutcome};
use std::ops::Range;

/// Requests under way: whom they load, and when they end.
struct Underway {
    loads: Loads,
    agenda: Agenda<u32>,
}

/// The loads of all views that look at them.
pub struct Loads {
    /// By view; without backends where its pick does not look at load.
    pub views: List<ViewId, Load>,
    /// An event is a view and, in so many lower bits, a backend.
    backend_bits: u32,
}

impl Loads {
    /// Every view has its own count of each backend.
    pub fn new(views: &[ViewNow], pods: usize) -> Loads {
        let count = views.len();
        let load = |v: &ViewNow| {
            let backends = if v.pick.sees_load() { count + pods } else { 0 };
            let mut load = Load::new(backends, v.pick == Pick::LeastOutstanding);
            v.slots.iter().for_each(|s| load.list(id_of(*s, count)));
            load
        };
        let backend_bits = (count + pods).next_power_of_two().ilog2();
        let most = (count as u64) << backend_bits;
        assert!(most <= 1 << 32, "{count} views of {pods} pods are too many to count loads for");
        Loads { views: views.iter().map(load).collect(), backend_bits }
    }

    /// There are more pods now.
    pub fn grow(&mut self, views: &[ViewNow], pods: usize) {
        for (load, _) in self.views.iter_mut().zip(views).filter(|(_, v)| v.pick.sees_load()) {
            load.grow(views.len() + pods);
        }
    }

    /// Follows a change of what a view lists.
    pub fn relist(&mut self, view: ViewId, slot: u32, listed: bool) {
        let id = self.id(slot);
        let load = &mut self.views[view];
        if listed { load.list(id) } else { load.delist(id) }
    }

    #[inline(always)]
    fn event(&self, view: ViewId, id: u32) -> u32 {
        view.0 << self.backend_bits | id
    }

    /// The requests that end up to `now_ns` no longer load their backends.
    #[inline(always)]
    fn end_until(&mut self, now_ns: i64, agenda: &mut Agenda<u32>) {
        while agenda.next_ns() <= now_ns {
            let (event, _) = agenda.pop().expect("peeked");
            let id = event & ((1 << self.backend_bits) - 1);
            self.views[ViewId(event >> self.backend_bits)].end(id as usize);
        }
    }

    /// Where a slot's load is counted.
    #[inline(always)]
    pub fn id(&self, slot: u32) -> usize {
        id_of(slot, self.views.len())
    }

    /// The slot that a load-aware view picks; `u` decides where chance does. Also what is left of `u`.
    #[inline(always)]
    pub fn pick(&mut self, now: &ViewNow, view: ViewId, u: u32) -> (u32, u32) {
        let count = self.views.len();
        let load = &mut self.views[view];
        if now.pick == Pick::LeastOutstanding && now.even() {
            let id = load.least();
            let slot = if id < count { id as u32 | VIEW } else { (id - count) as u32 };
            return (slot, u);
        }
        if now.pick == Pick::LeastOutstanding {
            return (now.lightest(|slot| load.of(id_of(slot, count))), u);
        }
        if now.pick == Pick::LeastRequest && !now.even() {
            // By weight, divided by what is under way: as Envoy's schedule does where weights differ.
            return (now.lightest(|slot| load.of(id_of(slot, count))), u);
        }
        let (a, b, rest) = match now.pick {
            Pick::LeastRequest => now.any_two_places(u),
            _ => now.two_places(u),
        };
        let (a, b) = (now.slots[a], now.slots[b]);
        let of = |slot: u32| load.of(id_of(slot, count));
        (if of(b) < of(a) { b } else { a }, rest)
    }
}

#[inline(always)]
fn id_of(slot: u32, views: usize) -> usize {
    if slot & VIEW == 0 { views + slot as usize } else { (slot & !VIEW) as usize }
}

/// Sends every request, where choices look at load and nothing waits.
pub fn run(
    mut board: Board,
    mut sends: Sends,
    samplers: &[Sampler],
    agenda: Agenda<u32>,
    seed: Seed,
    mut tally: Tally,
) -> TrafficOutcome {
    let loads = Loads::new(&board.views, board.timeline.pods.len());
    let mut underway = Underway { loads, agenda };
    let mut random = Random::new(seed);
    let mut block = Block::new(&board, samplers);
    loop {
        block.count = sends.fill(&mut block.times);
        random.fill(&mut block.bits);
        block.draw();
        tally.sent += block.count as u64;
        let mut i = 0;
        while i < block.count {
            while board.next_change().0 <= block.times[i] {
                if let Some(second) =
                    board.advance(|v, slot, on| underway.loads.relist(v, slot, on))
                {
                    tally.begin_second(second);
                }
            }
            let until = board.next_change().0;
            let j = i + block.times[i..block.count].partition_point(|t| *t < until);
            decide(&mut board, &mut underway, &block, i..j, &mut tally);
            i = j;
        }
        if block.count < BLOCK {
            return tally.finish();
        }
    }
}

/// The next requests. Service times are drawn ahead, off the loop's critical path, with the first version's
/// distribution; pods of a version that serves differently draw again.
struct Block<'a> {
    count: usize,
    times: [i64; BLOCK],
    bits: [u64; BLOCK],
    services: [i64; BLOCK],
    samplers: &'a [Sampler],
    /// By version: serves as the first one.
    like_first: Vec<bool>,
}

impl<'a> Block<'a> {
    fn new(board: &Board, samplers: &'a [Sampler]) -> Block<'a> {
        let versions = &board.timeline.versions;
        let like_first = versions.iter().map(|v| v.service == versions[0].service).collect();
        let (times, bits, services) = ([0; BLOCK], [0; BLOCK], [0; BLOCK]);
        Block { count: 0, times, bits, services, samplers, like_first }
    }

    fn draw(&mut self) {
        for (service_ns, bits) in self.services.iter_mut().zip(self.bits).take(self.count) {
            *service_ns = self.samplers[0].sample_ns(bits as u32);
        }
    }

    #[inline(always)]
    fn service_ns(&self, i: usize, version: u32) -> i64 {
        match self.like_first[version as usize] {
            true => self.services[i],
            false => self.samplers[version as usize].sample_ns(self.bits[i] as u32),
        }
    }
}

/// Decides requests between two changes of the board.
fn decide(
    board: &mut Board,
    underway: &mut Underway,
    block: &Block,
    range: Range<usize>,
    tally: &mut Tally,
) {
    if let Some(view) = board.single_view() {
        return match board.views[view].pick {
            Pick::LeastOutstanding => {
                decide_in_one::<true>(board, view, underway, block, range, tally)
            }
            _ => decide_in_one::<false>(board, view, underway, block, range, tally),
        };
    }
    for i in range {
        underway.loads.end_until(block.times[i], &mut underway.agenda);
        decide_one(board, underway, block, i, tally);
    }
}

/// As `decide`, where one view lists pods of equal weight: the same with all that is constant kept at hand.
/// Failures are set aside, so that little in the loop is called.
fn decide_in_one<const LEAST: bool>(
    board: &Board,
    view: ViewId,
    underway: &mut Underway,
    block: &Block,
    range: Range<usize>,
    tally: &mut Tally,
) {
    let Underway { loads, agenda } = underway;
    let now = &board.views[view];
    let (slots, pods) = (&now.slots[..], board.pods_in(now.context));
    let views = board.views.len();
    let mut failures = [(0u32, 0u32); BLOCK];
    let mut failed = 0;
    let mut answers = tally.answers();
    for i in range {
        let at = block.times[i];
        loads.end_until(at, agenda);
        let load = &mut loads.views[view];
        let pod = if LEAST {
            load.least() - views
        } else {
            let (a, b, _) = now.two_places((block.bits[i] >> 32) as u32);
            let (a, b) = (slots[a] as usize, slots[b] as usize);
            if load.of(views + b) < load.of(views + a) { b } else { a }
        };
        let now = &pods[pod];
        let service_ns = block.service_ns(i, now.version);
        let latency = now.after_ns + service_ns;
        let mut ends = at + latency;
        if latency <= now.patience_ns && ends <= now.until_ns {
            answers.add(pod, latency);
        } else {
            failures[failed] = (i as u32, pod as u32);
            failed += 1;
            let context = board.views[view].context;
            ends = board.unanswered(context, pod, Time(at), service_ns).2.0;
        }
        if ends > at {
            load.begin(views + pod);
            agenda.push(ends, loads.event(view, (views + pod) as u32));
        }
    }
    answers.close();
    for &(i, pod) in &failures[..failed] {
        let (i, pod) = (i as usize, pod as usize);
        let service_ns = block.service_ns(i, pods[pod].version);
        blind::unanswered(board, Time(block.times[i]), pod, view, service_ns, tally);
    }
}

/// Routes one request and decides it.
fn decide_one(
    board: &mut Board,
    underway: &mut Underway,
    block: &Block,
    i: usize,
    tally: &mut Tally,
) {
    let Underway { loads, agenda } = underway;
    let at = block.times[i];
    let (mut view, mut u) = (board.enter(), (block.bits[i] >> 32) as u32);
    // Load-aware choices on the way; there are rarely two.
    let mut chosen = [(ViewId::default(), 0); 4];
    let mut depth = 0;
    let pod = loop {
        if board.views[view].cannot_forward() {
            blind::no_backend(board, Time(at), view, tally);
            return;
        }
        let slot;
        if board.views[view].pick.sees_load() {
            (slot, u) = loads.pick(&board.views[view], view, u);
            chosen[depth] = (view, loads.id(slot) as u32);
            depth += 1;
        } else {
            (slot, u) = board.views[view].next_slot(u);
        }
        if slot & VIEW == 0 {
            break slot as usize;
        }
        view = ViewId(slot & !VIEW);
    };
    let context = board.views[view].context;
    let now = board.pod_in(context, pod);
    let service_ns = block.service_ns(i, now.version);
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
            let (pod, view) = (Some(PodId(pod as u32)), Some(view));
            tally.fail(LossKey { failure, cause, pod, view }, pod, Time(at), known);
        }
    }
    if ends > at {
        for &(view, id) in &chosen[..depth] {
            loads.views[view].begin(id as usize);
            agenda.push(ends, loads.event(view, id));
        }
    }
}
