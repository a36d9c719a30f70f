//! The loop that a textbook would write: every arrival, completion and change is an event of one enum in one
//! std `BinaryHeap`. It reads the timeline in its own way and shares only the random numbers with
//! `rollsim::traffic::requests`, so it is both the reference for speed and an oracle for results.

use rollsim::engine::{Seed, Time};
use rollsim::timeline::{ChangeKind, LifeEnd, Phase, Pick, PodId, Target, Timeline, ViewId};
use rollsim::traffic::offered::Traffic;
use rollsim::traffic::plan;
use rollsim::traffic::random::{BLOCK, Sends};
use rollsim::traffic::requests::Random;
use rollsim::traffic::service::Sampler;
use rollsim::traffic::{Cause, Failure, LossKey};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Change(u32),
    Completion { pod: u32, sent: i64, failure: Option<(Failure, Cause)> },
    Arrival,
}

/// What the textbook loop counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub sent: u64,
    pub answered_by_version: Vec<u64>,
    pub by_pod: Vec<u64>,
    pub losses: BTreeMap<LossKey, u64>,
    pub answered_by_second: BTreeMap<i32, u64>,
    /// By octave and sixteenth.
    pub latency: Vec<u64>,
    pub open: u64,
}

struct World<'a> {
    timeline: &'a Timeline,
    traffic: &'a Traffic,
    heap: BinaryHeap<Reverse<(i64, u64, Event)>>,
    inserted: u64,
    listed: Vec<u32>,
    outstanding: Vec<u32>,
    cursor: usize,
    samplers: Vec<Sampler>,
    outcome: Outcome,
}

/// The numbers one after the other.
struct Numbers {
    sends: Sends,
    random: Random,
    times: [i64; BLOCK],
    bits: [u64; BLOCK],
    count: usize,
    next: usize,
}

impl Numbers {
    fn next(&mut self) -> Option<(i64, u64)> {
        if self.next == self.count {
            if self.count > 0 && self.count < BLOCK {
                return None;
            }
            self.count = self.sends.fill(&mut self.times);
            self.random.fill(&mut self.bits);
            self.next = 0;
            if self.count == 0 {
                return None;
            }
        }
        self.next += 1;
        Some((self.times[self.next - 1], self.bits[self.next - 1]))
    }
}

/// One view of pods with equal weights, without layer 7.
pub fn run(timeline: &Timeline, traffic: &Traffic, seed: Seed) -> Outcome {
    let view = &timeline.views[0];
    let rates = plan::rate_pieces(timeline, traffic);
    let window = plan::window(timeline, traffic);
    let mut numbers = Numbers {
        sends: Sends::new(&traffic.arrivals, rates, window, seed).expect("an open loop"),
        random: Random::new(seed),
        times: [0; BLOCK],
        bits: [0; BLOCK],
        count: 0,
        next: 0,
    };
    let start = (seed.uniform("round robin", 0) * 4_294_967_296.0) as u32;
    let mut world = World {
        timeline,
        traffic,
        heap: BinaryHeap::new(),
        inserted: 0,
        listed: Vec::new(),
        outstanding: vec![0; timeline.pods.len()],
        cursor: start as usize,
        samplers: timeline.versions.iter().map(|v| Sampler::new(&v.service)).collect(),
        outcome: Outcome {
            answered_by_version: vec![0; timeline.versions.len()],
            by_pod: vec![0; timeline.pods.len()],
            latency: vec![0; 64 * 16],
            ..Outcome::default()
        },
    };
    for backend in &view.initial {
        world.list(backend.target, ChangeKind::Add { weight: 1.0 });
    }
    if view.hop.pick == Pick::LeastOutstanding {
        world.cursor = 0;
    }
    for (i, change) in view.changes.iter().enumerate() {
        world.schedule(change.at.0, Event::Change(i as u32));
    }
    let mut arrival = numbers.next();
    if let Some((at, _)) = arrival {
        world.schedule(at, Event::Arrival);
    }
    while let Some(Reverse((now, _, event))) = world.heap.pop() {
        if now > timeline.end.0 {
            break;
        }
        match event {
            Event::Change(i) => {
                let change = &view.changes[i as usize];
                world.list(change.target, change.kind);
            }
            Event::Arrival => {
                let (_, bits) = arrival.expect("scheduled");
                world.arrive(now, bits, view.hop.pick);
                arrival = numbers.next();
                if let Some((at, _)) = arrival {
                    world.schedule(at, Event::Arrival);
                }
            }
            Event::Completion { pod, sent, failure } => world.complete(now, pod, sent, failure),
        }
    }
    let done = world.outcome.answered_by_version.iter().sum::<u64>()
        + world.outcome.losses.values().sum::<u64>();
    world.outcome.open = world.outcome.sent - done;
    world.outcome
}

impl World<'_> {
    fn schedule(&mut self, at: i64, event: Event) {
        self.inserted += 1;
        self.heap.push(Reverse((at, self.inserted, event)));
    }

    fn list(&mut self, target: Target, kind: ChangeKind) {
        let Target::Pod(PodId(pod)) = target else { panic!("a view of pods") };
        self.listed.retain(|p| *p != pod);
        if matches!(kind, ChangeKind::Add { .. }) {
            self.listed.push(pod);
        }
        let in_turn = self.timeline.views[0].hop.pick == Pick::RoundRobin;
        if in_turn && !self.listed.is_empty() && self.cursor >= self.listed.len() {
            self.cursor %= self.listed.len();
        }
    }

    fn pick(&mut self, pick: Pick, u: u32) -> u32 {
        let n = self.listed.len();
        match pick {
            Pick::RoundRobin => {
                let pod = self.listed[self.cursor];
                self.cursor = if self.cursor + 1 >= n { 0 } else { self.cursor + 1 };
                pod
            }
            Pick::LeastOutstanding => {
                // The least loaded, the next in turn by number among equals.
                let pods = self.outstanding.len();
                let turn = |p: u32| (p as usize + pods - self.cursor) % pods;
                let best = *self
                    .listed
                    .iter()
                    .min_by_key(|p| (self.outstanding[**p as usize], turn(**p)))
                    .expect("listed");
                self.cursor = (best as usize + 1) % (pods + 1);
                best
            }
            Pick::TwoChoices => {
                let scaled = u64::from(u) * n as u64;
                let first = (scaled >> 32) as usize;
                let mut second = (((scaled & 0xffff_ffff) * (n as u64 - 1)) >> 32) as usize;
                second += usize::from(second >= first);
                let (a, b) = (self.listed[first], self.listed[second.min(n - 1)]);
                let less = self.outstanding[b as usize] < self.outstanding[a as usize];
                if less { b } else { a }
            }
            _ => self.listed[((u64::from(u) * n as u64) >> 32) as usize],
        }
    }

    fn arrive(&mut self, now: i64, bits: u64, pick: Pick) {
        self.outcome.sent += 1;
        let pod = self.pick(pick, (bits >> 32) as u32);
        let truth = &self.timeline.pods[pod as usize];
        let timeout = self.traffic.client.timeout.0;
        let fail = |failure, cause| Some((failure, cause));
        let (at, failure) = match truth.phase_at(Time(now)) {
            Phase::Serving => {
                let life = truth.life_at(Time(now)).expect("a serving pod lives");
                let version = truth.version as usize;
                let done = now + self.samplers[version].sample_ns(bits as u32);
                if done <= life.cut.0 && done - now <= timeout {
                    (done, None)
                } else if life.cut.0 < now + timeout {
                    let cause = match life.ended_by {
                        LifeEnd::Sigkill => Cause::CutByKill,
                        LifeEnd::Crash => Cause::CutByCrash,
                        _ => Cause::CutByExit,
                    };
                    (life.cut.0, fail(Failure::Eof, cause))
                } else {
                    (now + timeout, fail(Failure::Timeout, Cause::SlowAnswer))
                }
            }
            Phase::Refusing if truth.lives.iter().any(|l| l.exit.0 <= now) => {
                let reset = truth.lives.iter().any(|l| now < l.reset_until.0);
                let failure = if reset { Failure::Reset } else { Failure::Refused };
                (now, fail(failure, Cause::ProcessGone))
            }
            Phase::Refusing => (now, fail(Failure::Refused, Cause::NotListeningYet)),
            phase => panic!("the workload has no pod in phase {phase:?} while it is listed"),
        };
        self.outstanding[pod as usize] += 1;
        if at == now {
            self.complete(now, pod, now, failure);
        } else {
            self.schedule(at, Event::Completion { pod, sent: now, failure });
        }
    }

    fn complete(&mut self, now: i64, pod: u32, sent: i64, failure: Option<(Failure, Cause)>) {
        self.outstanding[pod as usize] -= 1;
        self.outcome.by_pod[pod as usize] += 1;
        if let Some((failure, cause)) = failure {
            let key = LossKey { failure, cause, pod: Some(PodId(pod)), view: Some(ViewId(0)) };
            *self.outcome.losses.entry(key).or_insert(0) += 1;
            return;
        }
        let version = self.timeline.pods[pod as usize].version;
        self.outcome.answered_by_version[version as usize] += 1;
        let second = sent.div_euclid(1_000_000_000) as i32;
        *self.outcome.answered_by_second.entry(second).or_insert(0) += 1;
        let ns = (now - sent).max(1) as u64;
        let octave = ns.ilog2() as usize;
        let part = (ns << 4 >> octave) as usize & 15;
        self.outcome.latency[octave * 16 + part] += 1;
    }
}
