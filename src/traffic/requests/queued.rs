//! Requests that wait for something: for a slot or in a queue, for a retry, for a connection, for the user
//! to come back. An agenda holds what happens next; arrivals and changes of the present are merged with it.
//! Nothing looks ahead, so that the timeline may grow between two steps.

mod calls;
mod channels;
mod client;
mod connect;
mod ejects;
mod endings;
mod errands;
mod event;
mod faults;
mod follows;
mod guards;
mod held;
mod hops;
mod journal;
mod logs;
mod needed;
mod pace;
mod pod;
mod pools;
mod probes;
mod request;
mod scores;
mod sessions;
mod signals;
mod source;
mod tries;
mod waits;

use super::Setup;
use super::agenda::Agenda;
use super::loaded::Loads;
use super::present::{Happened, Present};
use crate::engine::rng::mix;
use crate::engine::{List, Seed, Time};
use crate::timeline::{L7, Timeline, Told, Touched, ViewId};
use crate::traffic::TrafficOutcome;
use crate::traffic::offered::Traffic;
use crate::traffic::service::Sampler;
use crate::traffic::tally::Tally;
use client::{Connections, Users};
use errands::Calls;
use event::{Event, RequestId};
use guards::Guards;
use hops::Stacks;
use journal::Journal;
pub use journal::{Followed, Try};
pub use needed::needed;
use pod::Pods;
use pools::Pools;
use probes::Probes;
pub use request::{Counted, End, NOBODY, NONE, NOWHERE, Request, State};
use scores::Scores;
use sessions::Sessions;
use signals::Readings;
use source::Source;

/// The loop of single requests, with all that is under way.
pub struct Simulation<'a> {
    /// What clients offer.
    pub traffic: &'a Traffic,
    /// What has come to pass.
    pub present: Present,
    /// By version.
    samplers: Vec<Sampler>,
    /// None: the users of a closed loop send.
    source: Option<Box<Source>>,
    /// What requests wait for.
    pub agenda: Agenda<Event>,
    /// Places of requests, used again.
    pub requests: List<RequestId, Request>,
    free: Vec<RequestId>,
    /// Of each request.
    pub stacks: Stacks,
    /// Requests under way by view and backend.
    pub loads: Loads,
    /// Means of answer times by view and backend, for EWMA.
    pub scores: Scores,
    /// Idle connections of hops.
    pub pools: Pools,
    /// Limits and ejections of hops that have a policy.
    pub guards: Guards,
    /// What pods work on, and who waits there.
    pub pods: Pods,
    /// Idle connections of clients; None: they keep none.
    pub connections: Option<Connections>,
    /// Those of a closed loop: none where requests come by a rate.
    pub users: Users,
    /// Connections that are kept open.
    pub sessions: Sessions,
    /// What pods ask of other Services.
    pub calls: Calls,
    /// What has become of requests.
    pub tally: Tally,
    /// Probes that wait among the requests.
    probes: Probes,
    /// What kubelets are to hear of, since it was last taken from here.
    pub told: Vec<Told>,
    /// Nanoseconds.
    pub now: i64,
    /// Nothing happens after it before the control plane has come there.
    limit: i64,
    meter: Readings,
    /// None: nobody asks for single requests.
    journal: Option<Box<Journal>>,
}

impl<'a> Simulation<'a> {
    /// As it is before the first request, on a timeline that may still grow.
    pub fn new(timeline: &Timeline, traffic: &'a Traffic, seed: Seed) -> Simulation<'a> {
        let setup = Setup::new(timeline, traffic, seed);
        let agenda = setup.agenda();
        let Setup { sends, samplers, tally, .. } = setup;
        let present = Present::new(timeline, seed);
        let mut simulation = Simulation {
            traffic,
            loads: Loads::new(&present.views, present.pods.len()),
            scores: Scores::new(&present.views, present.pods.len()),
            pools: Pools::new(&present),
            guards: Guards::new(&present.hops, timeline.start.0, seed),
            pods: Pods::default(),
            connections: Connections::new(timeline, traffic),
            users: Users::new(timeline, traffic, seed),
            sessions: Sessions::new(traffic, seed),
            calls: Calls::new(timeline),
            present,
            samplers,
            source: sends.map(|sends| Box::new(Source::new(sends, seed))),
            agenda,
            requests: Vec::with_capacity(1024).into(),
            free: Vec::with_capacity(1024),
            stacks: Stacks::default(),
            tally,
            probes: Probes::default(),
            told: Vec::new(),
            now: i64::MIN,
            limit: i64::MIN,
            meter: Readings::default(),
            journal: None,
        };
        simulation.pods.grow(&simulation.present.pods, &simulation.present.versions);
        simulation.schedule_users(timeline);
        for (at, hop) in simulation.guards.looks(timeline.start.0, seed) {
            simulation.agenda.push(at, Event::Look(hop.0));
        }
        simulation.guard_relists();
        simulation
    }

    /// Something was written to the timeline that holds from `at` on.
    pub fn touched(&mut self, at: Time, what: Touched) {
        assert!(at.0 >= self.now, "the past is fixed");
        self.present.touched(at, what);
    }

    /// Lets everything happen that happens before `end`, or up to what a kubelet is to hear of: what
    /// follows from that may come before `end`. What the timeline holds for that time is final.
    pub fn advance(&mut self, timeline: &Timeline, end: Time) {
        self.limit = end.0.saturating_sub(1).min(self.present.end.0);
        if timeline.pods.len() > self.pods.states.len() {
            self.grow(timeline);
        }
        if let Some(mut source) = self.source.take() {
            self.send_until(timeline, &mut source);
            self.source = Some(source);
        }
        self.until(timeline, i64::MAX);
        debug_assert!(self.present.next_ns() > self.limit, "all that was due has happened");
        let aside = self.sessions.places + self.calls.under_way;
        let open = self.requests.len() - self.free.len() - aside;
        debug_assert!(
            self.tally.sent == self.tally.over() + open as u64,
            "each request is answered, has failed or is open"
        );
    }

    fn send_until(&mut self, timeline: &Timeline, source: &mut Source) {
        loop {
            while source.next < source.count {
                let at = source.times[source.next];
                self.until(timeline, at);
                if at > self.limit {
                    return;
                }
                debug_assert!(at >= self.now, "requests are sent in order");
                self.now = at;
                self.send(source.bits[source.next], NONE);
                source.next += 1;
            }
            if !source.refill() {
                return;
            }
        }
    }

    #[cold]
    fn grow(&mut self, timeline: &Timeline) {
        self.present.grow(timeline);
        let new = &timeline.versions[self.samplers.len()..];
        self.samplers.extend(new.iter().map(|v| Sampler::new(&v.service)));
        let pods = self.present.pods.len();
        self.loads.grow(&self.present.views, pods);
        self.scores.grow(pods);
        self.pools.grow(pods);
        self.pods.grow(&self.present.pods, &self.present.versions);
        self.tally.grow(timeline);
        debug_assert!(self.pods.states.len() == pods, "each pod has a state");
    }

    /// Lets everything happen up to and at `end`, within the limit.
    #[inline(always)]
    fn until(&mut self, timeline: &Timeline, end: i64) {
        loop {
            let (change, event) = (self.present.next_ns(), self.agenda.next_ns());
            let limit = end.min(self.limit);
            if change <= event.min(limit) {
                self.change(timeline, change);
            } else if event <= limit {
                debug_assert!(event >= self.now, "time does not go back");
                self.now = event;
                let (event, stamp) = self.agenda.pop().expect("peeked");
                self.happen(event, stamp);
            } else {
                return;
            }
        }
    }

    /// The timeline changes at `at`; what follows for requests comes after all changes of the instant.
    #[cold]
    fn change(&mut self, timeline: &Timeline, at: i64) {
        let Simulation { present, loads, .. } = self;
        let relisted = |view, slot, on| loads.relist(view, slot, on);
        let happened = present.advance(timeline, relisted);
        if self.guards.used {
            self.guard_relists();
        }
        let agenda = &mut self.agenda;
        match happened {
            Happened::Nothing => {}
            Happened::Endings(pod) => {
                agenda.push(at, Event::Endings(pod));
            }
            Happened::Breaks(n) => {
                agenda.push(at, Event::Breaks(n));
            }
        }
    }

    #[inline(always)]
    fn happen(&mut self, event: Event, stamp: u32) {
        match event {
            Event::Request(index) => self.proceed(index, stamp),
            Event::Expire(index) => self.expire(index, stamp),
            Event::Release(place) => self.release(place),
            Event::Endings(pod) => self.endings(pod),
            Event::User(user) => self.user_sends(user),
            Event::Dialed(place) => self.dialed(place),
            Event::Breaks(n) => self.breaks(n),
            Event::Probe(place) => self.probe_arrives(place),
            Event::Probed(place) => self.probe_over(place),
            Event::Drain(pod) => self.drains(pod),
            Event::Look(hop) => self.guard_looks(ViewId(hop)),
            Event::Session(session) => self.session_connects(session),
            Event::Aged(session) => self.session_ages(session),
            Event::Overstayed(session) => self.session_is_cut(session),
        }
    }

    /// What a request waited for has come, unless it was ended before.
    #[inline(always)]
    fn proceed(&mut self, index: RequestId, stamp: u32) {
        let request = &self.requests[index];
        if request.stamp != stamp {
            return;
        }
        match request.state {
            State::Running(End::Answered) => self.answered(index),
            State::Running(End::TooSlow) => self.too_slow(index),
            State::Running(End::Erred) => self.erred(index),
            State::Running(End::Calls) => self.calls_next(index),
            State::Running(End::Heard) => self.hears(index),
            State::Syn(again) => self.knock(index, again),
            State::Failing(failure, cause) => self.connect_failed(index, failure, cause),
            State::Over(failure, cause) => self.hop_gives_up(index, failure, cause),
            State::Connects => self.connects_now(index),
            State::HopRetry => self.hop_tries_again(index),
            State::ClientRetry => self.client_tries(index),
            State::Held(lost_to) => self.looks_again(index, lost_to),
            State::Free | State::Dialing | State::Queued | State::Open => {
                unreachable!("{index:?} is not waiting for its event")
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
        self.tally.sent += u64::from(!Sessions::is_one(user));
        let index = self.place(bits, user);
        self.client_tries(index);
    }

    /// A place for a request that is sent now.
    pub fn place(&mut self, bits: u64, user: u32) -> RequestId {
        let request = Request {
            sent: self.now,
            deadline: 0,
            bits,
            state: State::Free,
            answer_by: 0,
            complete: 0,
            pod: NOBODY,
            view: NOWHERE,
            life: 0,
            non_idempotent: self.draws_non_idempotent(bits),
            opens: Sessions::is_one(user),
            is_call: false,
            reused: false,
            hop: NOWHERE,
            outer: 0,
            slot: NONE,
            tried: [NONE; 4],
            tries: 0,
            client_tries: 0,
            began: self.now,
            user,
            generation: 0,
            stamp: NONE,
            loads: [Counted { view: NOWHERE, backend: 0 }; 2],
            load_count: 0,
            held: 0,
        };
        match self.free.pop() {
            Some(index) => {
                let place = &mut self.requests[index];
                debug_assert!(place.state == State::Free, "only a free place is used again");
                *place = Request { generation: place.generation + 1, ..request };
                index
            }
            None => self.requests.push(request),
        }
    }

    /// The request is over.
    pub fn close(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        debug_assert!(request.outer == 0, "a request ends when no hop waits for it");
        request.state = State::Free;
        let user = request.user;
        self.free.push(index);
        if user != NONE {
            self.user_thinks(user);
        }
    }

    /// A request is in `state` until `at`, in nanoseconds.
    pub fn wait_until(&mut self, index: RequestId, at: i64, state: State) {
        assert!(at >= self.now, "nobody waits for the past");
        let stamp = self.agenda.push(at, Event::Request(index));
        let request = &mut self.requests[index];
        (request.state, request.stamp) = (state, stamp);
    }

    /// What the hop does as a layer-7 proxy, if it is one.
    #[inline(always)]
    pub fn l7(&self, hop: ViewId) -> Option<&L7> {
        self.present.l7(hop)
    }

    /// The timeline is complete: everything happens until its end.
    pub fn finish(mut self, timeline: &Timeline) -> TrafficOutcome {
        self.grow(timeline);
        self.advance(timeline, Time::NEVER);
        while !self.told.is_empty() {
            // Nobody listens any more.
            self.told.clear();
            self.advance(timeline, Time::NEVER);
        }
        let open = self.requests.iter().filter(|r| r.state != State::Free && !r.is_aside());
        for request in open {
            let pod = (request.pod != NOBODY).then_some(request.pod.index());
            self.tally.leave_open(pod);
        }
        let followed = self.journal.take().map_or_else(Vec::new, |journal| journal.done);
        let (calls, connections) = (self.calls_end(), self.sessions_end());
        TrafficOutcome { followed, connections, calls, ..self.tally.finish() }
    }
}
