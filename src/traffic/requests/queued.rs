//! Requests that wait for something: for a slot or in a queue, for a retry, for a connection, for the user
//! to come back. An agenda holds what happens next; arrivals and changes of the board are merged with it.

mod client;
mod pod;
mod scores;
mod tries;

use super::agenda::Agenda;
use super::blind::Random;
use super::board::Board;
use super::loaded::Loads;
use crate::engine::Seed;
use crate::engine::rng::mix;
use crate::timeline::{L7, Timeline};
use crate::traffic::offered::Traffic;
use crate::traffic::random::{BLOCK, Sends};
use crate::traffic::service::Sampler;
use crate::traffic::tally::Tally;
use crate::traffic::{Cause, Failure, TrafficOutcome};
use client::{Connections, Users};
use pod::Pods;
use scores::Scores;
use tries::Pools;

pub const NONE: u32 = u32::MAX;

/// What a request is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Free,
    /// For a SYN to be answered; it will be accepted.
    Connecting,
    /// A client's connection is on its way; a freed one may come first.
    Dialing,
    /// In a pod's queue.
    Queued,
    /// In service; how that ends is known.
    Running(End),
    /// For a failed connection to be known to have failed.
    Failing(Failure, Cause),
    /// For the client to hear of a failure that no hop can mend.
    Over(Failure, Cause),
    /// For a further try: of the hop on the same slot, or of the client.
    HopRetry,
    ClientRetry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Answered,
    Cut(Cause),
    /// The hop or the client gives up first.
    TooSlow,
}

/// One request of a client, over all its tries.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// First send.
    pub sent: i64,
    /// The client gives this try up.
    pub deadline: i64,
    pub bits: u64,
    pub state: State,
    /// In service: when the service would be complete. In a queue: when it is given up.
    pub complete: i64,
    pub pod: u32,
    /// The view that chose the pod.
    pub view: u32,
    pub life: u16,
    /// It must not be sent twice (POST, PATCH).
    pub non_idempotent: bool,
    /// On a connection that served before.
    pub reused: bool,
    /// The layer-7 hop that tries, or NONE.
    pub hop: u32,
    /// The slot that the hop chose, and those before.
    pub slot: u32,
    pub tried: [u32; 4],
    pub tries: u32,
    pub client_tries: u32,
    /// When this try began.
    pub began: i64,
    pub user: u32,
    /// Counts the uses of this place, so that late events find out that they are void.
    pub generation: u32,
    /// (view, backend) whose load counts this try.
    pub loads: [(u32, u32); 2],
    pub load_count: u32,
}

/// Kinds of events: the upper four bits; the rest names a request, pod, user or dial.
pub const REQUEST: u32 = 0 << 28;
pub const EXPIRE: u32 = 1 << 28;
pub const RELEASE: u32 = 2 << 28;
pub const CUT: u32 = 3 << 28;
pub const USER: u32 = 4 << 28;
pub const DIALED: u32 = 5 << 28;
const INDEX: u32 = (1 << 28) - 1;

pub struct Simulation<'a> {
    pub timeline: &'a Timeline,
    pub traffic: &'a Traffic,
    pub board: Board<'a>,
    pub samplers: &'a [Sampler],
    pub agenda: Agenda,
    pub requests: Vec<Request>,
    free: Vec<u32>,
    pub loads: Loads,
    pub scores: Scores,
    pub pools: Pools,
    pub pods: Pods,
    pub connections: Option<Connections>,
    pub users: Users,
    pub tally: Tally,
    pub now: i64,
}

/// Runs to the end of the timeline.
pub fn run(
    board: Board,
    traffic: &Traffic,
    sends: Option<Sends>,
    samplers: &[Sampler],
    agenda: Agenda,
    seed: Seed,
    tally: Tally,
) -> TrafficOutcome {
    let timeline = board.timeline;
    let mut simulation = Simulation {
        timeline,
        traffic,
        loads: Loads::new(&board),
        scores: Scores::new(timeline),
        pools: Pools::new(timeline),
        pods: Pods::new(timeline),
        connections: Connections::new(timeline, traffic),
        users: Users::new(timeline, traffic, seed),
        board,
        samplers,
        agenda,
        requests: Vec::with_capacity(1024),
        free: Vec::with_capacity(1024),
        tally,
        now: i64::MIN,
    };
    simulation.schedule_cuts();
    simulation.schedule_users();
    match sends {
        Some(sends) => simulation.open_loop(sends, Random::new(seed)),
        None => simulation.until(i64::MAX),
    }
    simulation.finish()
}

impl<'a> Simulation<'a> {
    fn open_loop(&mut self, mut sends: Sends, mut random: Random) {
        let (mut times, mut bits) = ([0; BLOCK], [0; BLOCK]);
        loop {
            let count = sends.fill(&mut times);
            random.fill(&mut bits);
            for i in 0..count {
                self.until(times[i]);
                self.now = times[i];
                self.send(bits[i], NONE);
            }
            if count < BLOCK {
                return self.until(i64::MAX);
            }
        }
    }

    /// Lets everything happen up to and at `limit`.
    #[inline(always)]
    fn until(&mut self, limit: i64) {
        let limit = limit.min(self.timeline.end.0);
        loop {
            let (change, event) = (self.board.next_change().0, self.agenda.next_ns());
            if change <= event.min(limit) {
                let loads = &mut self.loads;
                // Seconds need no closing here: answers are counted where they were sent.
                self.board.advance(|view, slot, on| loads.relist(view, slot, on));
            } else if event <= limit {
                self.now = event;
                let event = self.agenda.pop().expect("peeked");
                self.happen(event & !INDEX, event & INDEX);
            } else {
                return;
            }
        }
    }

    #[inline(always)]
    fn happen(&mut self, kind: u32, index: u32) {
        match kind {
            REQUEST => self.proceed(index),
            EXPIRE => self.expire(index),
            RELEASE => self.release(index),
            CUT => self.cut(index),
            USER => self.user_sends(index),
            DIALED => self.dialed(index),
            _ => unreachable!("event of kind {kind}"),
        }
    }

    /// What a request waited for has come.
    #[inline(always)]
    fn proceed(&mut self, index: u32) {
        match self.requests[index as usize].state {
            State::Running(End::Answered) => self.answered(index),
            State::Running(End::Cut(cause)) => self.cut_off(index, cause),
            State::Running(End::TooSlow) => self.too_slow(index),
            State::Connecting => self.admit(index),
            State::Failing(failure, cause) => self.connect_failed(index, failure, cause),
            State::Over(failure, cause) => self.client_failed(index, failure, cause),
            State::HopRetry => self.hop_tries_again(index),
            State::ClientRetry => self.client_tries(index),
            State::Free | State::Dialing | State::Queued => {
                unreachable!("request {index} is not waiting for its event")
            }
        }
    }

    /// Whether the request with these numbers is one that must not be sent twice.
    fn draws_non_idempotent(&self, bits: u64) -> bool {
        let share = self.traffic.client.non_idempotent;
        share > 0.0 && ((mix(bits ^ 0x504f_5354) >> 11) as f64) < share * (1u64 << 53) as f64
    }

    /// A client sends a new request now.
    pub fn send(&mut self, bits: u64, user: u32) {
        self.tally.sent += 1;
        let request = Request {
            sent: self.now,
            deadline: 0,
            bits,
            state: State::Free,
            complete: 0,
            pod: NONE,
            view: NONE,
            life: 0,
            non_idempotent: self.draws_non_idempotent(bits),
            reused: false,
            hop: NONE,
            slot: NONE,
            tried: [NONE; 4],
            tries: 0,
            client_tries: 0,
            began: self.now,
            user,
            generation: 0,
            loads: [(0, 0); 2],
            load_count: 0,
        };
        let index = match self.free.pop() {
            Some(index) => {
                let place = &mut self.requests[index as usize];
                *place = Request { generation: place.generation + 1, ..request };
                index
            }
            None => {
                self.requests.push(request);
                self.requests.len() as u32 - 1
            }
        };
        self.client_tries(index);
    }

    /// The request is over.
    pub fn close(&mut self, index: u32) {
        let request = &mut self.requests[index as usize];
        request.state = State::Free;
        let user = request.user;
        self.free.push(index);
        if user != NONE {
            self.user_thinks(user);
        }
    }

    pub fn wait_until(&mut self, index: u32, at: i64, state: State) {
        self.requests[index as usize].state = state;
        self.agenda.push(at, REQUEST | index);
    }

    pub fn l7(&self, hop: u32) -> Option<&'a L7> {
        let view = self.timeline.views.get(hop as usize)?;
        view.hop.l7.as_ref()
    }

    fn finish(mut self) -> TrafficOutcome {
        let open = self.requests.iter().filter(|r| r.state != State::Free);
        for request in open {
            let pod = (request.pod != NONE).then_some(request.pod as usize);
            self.tally.leave_open(pod);
        }
        self.tally.finish()
    }
}

/// Whether a timeline and its traffic need this loop.
pub fn needed(timeline: &Timeline, traffic: &Traffic) -> bool {
    let waits = |l7: &L7| l7.tries > 1 || l7.pool.is_some();
    let client = &traffic.client;
    client.keep_alive
        || !timeline.rehashes.is_empty()
        || client.retries > 0
        || matches!(traffic.arrivals, crate::traffic::offered::Arrivals::Closed { .. })
        || timeline.versions.iter().any(|v| v.concurrency.is_some())
        || timeline.views.iter().any(|v| v.hop.l7.as_ref().is_some_and(waits))
        || timeline.views.iter().any(|v| v.hop.pick == crate::timeline::Pick::Ewma)
}
