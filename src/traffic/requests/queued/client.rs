//! The clients' side: kept connections, as Go's transport keeps them, and users who wait for their answers.

use super::super::present::Present;
use super::connect::{Attempt, Met};
use super::event::{DialId, Event, RequestId};
use super::request::LEAST_PAUSE_NS;
use super::sessions::Sessions;
use super::{NOBODY, NOWHERE, Simulation, State};
use crate::engine::rng::mix;
use crate::engine::{Dur, List, Seed, Time};
use crate::timeline::Timeline;
use crate::timeline::{PodId, ViewId};
use crate::traffic::offered::{Arrivals, Traffic};
use crate::traffic::plan;
use crate::traffic::service::Sampler;
use crate::traffic::{Cause, Failure, LossKey};
use std::collections::VecDeque;

/// A connection to a pod.
#[derive(Clone, Copy)]
pub struct Connection {
    /// The pod at its other end,
    pub pod: PodId,
    /// chosen by this view,
    pub view: ViewId,
    /// and the run of its process.
    pub life: u16,
    /// Idle since then.
    pub since: i64,
}

/// A connection attempt that takes time. The request that began it takes whichever comes first: this, or a
/// connection that another request frees.
#[derive(Clone, Copy)]
struct Dial {
    index: RequestId,
    generation: u32,
    attempt: Attempt,
    view: ViewId,
    /// `Syn` or `Failing`.
    then: State,
}

/// All clients share them, without a cap.
pub struct Connections {
    /// The most recently freed on top.
    idle: Vec<Connection>,
    /// The client closes those that are idle for longer,
    idle_timeout: i64,
    /// and those that are more than this.
    most_idle: usize,
    dials: List<DialId, Dial>,
    free: Vec<DialId>,
    /// Requests whose dial is under way, oldest first.
    waiting: VecDeque<Waiting>,
}

/// A use of a request's place: whose generation has gone on is over.
#[derive(Clone, Copy)]
struct Waiting {
    index: RequestId,
    generation: u32,
}

impl Connections {
    /// None: every request opens its own, or clients enter a proxy, to which connections never break.
    pub fn new(timeline: &Timeline, traffic: &Traffic) -> Option<Connections> {
        let plain = timeline.entries().all(|(view, _)| timeline.views[view].hop.l7.is_none());
        let shared = traffic.long_lived.as_ref().is_none_or(|kept| !kept.carry_requests);
        (traffic.client.keep_alive && plain && shared).then(|| Connections {
            idle: Vec::with_capacity(1024),
            idle_timeout: traffic.client.idle_timeout.unwrap_or(Dur::MAX).0,
            most_idle: traffic.client.most_idle as usize,
            dials: List::new(),
            free: Vec::new(),
            waiting: VecDeque::new(),
        })
    }

    /// The latest connection that neither its pod nor the client has closed.
    #[inline(always)]
    fn take(&mut self, present: &Present, now: i64) -> Option<Connection> {
        loop {
            let c = self.idle.pop()?;
            debug_assert!(c.since <= now, "it was used before");
            if now - c.since > self.idle_timeout {
                // Those below have been idle for longer.
                self.idle.clear();
                return None;
            }
            if present.closes_at(c.pod, c.life, c.since) > now {
                return Some(c);
            }
        }
    }
}

impl Simulation<'_> {
    /// How long whoever sends a request waits for the answer to one try.
    #[inline(always)]
    pub fn patience(&self, index: RequestId) -> Dur {
        match self.requests[index].is_call {
            true => self.calls.how(index).timeout,
            false => self.traffic.client.timeout,
        }
    }

    /// The client hears of a failure; perhaps it tries again.
    pub fn client_failed(&mut self, index: RequestId, failure: Failure, cause: Cause) {
        if self.requests[index].is_call {
            return self.call_failed(index, failure, cause);
        }
        if self.requests[index].opens {
            return self.session_fails(index, failure, cause);
        }
        let client = &self.traffic.client;
        let request = &mut self.requests[index];
        debug_assert!(
            request.client_tries <= client.retries,
            "a client tries no more often than it may"
        );
        if request.client_tries < client.retries {
            request.client_tries += 1;
            request.bits = mix(request.bits.wrapping_add(0x9e37_79b9_7f4a_7c15));
            let at = self.now + client.retry_backoff.0;
            return self.wait_until(index, at, State::ClientRetry);
        }
        let asked = (request.pod != NOBODY).then_some(request.pod);
        let sent = Time(request.sent);
        let (pod, view) = self.lost_at(index);
        let key = LossKey { failure, cause, pod, view };
        self.tally.fail(key, asked, sent, Time(self.now));
        self.note_end(index, Some((failure, cause)));
        self.close(index);
    }

    /// A try of the client begins.
    #[inline(always)]
    pub fn client_tries(&mut self, index: RequestId) {
        debug_assert!(self.requests[index].outer == 0, "a try begins with the client");
        self.calls.forget(index);
        self.requests[index].deadline = (Time(self.now) + self.patience(index)).0;
        if self.requests[index].is_call {
            return self.call_connects(index);
        }
        self.client_connects(index);
    }

    /// Takes an idle connection, or opens one.
    #[inline(always)]
    pub fn client_connects(&mut self, index: RequestId) {
        let own = !self.requests[index].opens;
        if own && self.sessions.carry {
            return self.send_on_channel(index);
        }
        let shared = self.connections.as_mut().filter(|_| own);
        match shared.and_then(|c| c.take(&self.present, self.now)) {
            Some(connection) => self.send_on(index, connection),
            None => self.enter(index),
        }
    }

    /// The request goes over a connection that is there.
    #[inline(always)]
    pub fn send_on(&mut self, index: RequestId, connection: Connection) {
        let request = &mut self.requests[index];
        debug_assert!(connection.since <= self.now, "a connection was used before");
        (request.pod, request.view) = (connection.pod, connection.view);
        request.life = connection.life;
        (request.reused, request.hop) = (true, NOWHERE);
        self.note_try(index);
        self.admit(index);
    }

    /// The answer is complete: the connection is free, for a request that waits for one or for later.
    #[inline(always)]
    pub fn keep_connection(&mut self, index: RequestId) {
        let request = &self.requests[index];
        if request.hop != NOWHERE {
            return self.pool_connection(index);
        }
        let (pod, view, life) = (request.pod, request.view, request.life);
        let connection = Connection { pod, view, life, since: self.now };
        if request.is_call {
            self.calls.keep(&self.present, index, connection);
        } else if self.connections.is_some() {
            self.offer(connection);
        }
    }

    #[inline(always)]
    fn offer(&mut self, connection: Connection) {
        let pod = &self.present.pods[connection.pod];
        if pod.lives[connection.life as usize].stop_accept.0 <= self.now {
            return;
        }
        let connections = self.connections.as_mut().expect("kept connections");
        while let Some(Waiting { index, generation }) = connections.waiting.pop_front() {
            let request = &self.requests[index];
            if request.generation == generation && request.state == State::Dialing {
                return self.send_on(index, connection);
            }
        }
        if connections.idle.len() < connections.most_idle {
            connections.idle.push(connection);
        }
    }

    /// A connection attempt goes on at `at`; without kept connections the request just waits for it.
    pub fn wait_or_dial(&mut self, index: RequestId, attempt: Attempt, at: i64, then: State) {
        let request = &self.requests[index];
        let own = request.hop == NOWHERE && !request.opens && !request.is_call;
        let Some(connections) = self.connections.as_mut().filter(|_| own) else {
            return self.wait_until(index, at, then);
        };
        let (generation, view) = (request.generation, request.view);
        debug_assert!(at >= self.now, "what is awaited is to come");
        let dial = Dial { index, generation, attempt, view, then };
        let place = match connections.free.pop() {
            Some(place) => {
                connections.dials[place] = dial;
                place
            }
            None => connections.dials.push(dial),
        };
        connections.waiting.push_back(Waiting { index, generation });
        self.requests[index].state = State::Dialing;
        self.agenda.push(at, Event::Dialed(place));
    }

    /// A connection attempt goes on or is over.
    pub fn dialed(&mut self, place: DialId) {
        let connections = self.connections.as_mut().expect("kept connections");
        let mut dial = connections.dials[place];
        let met = match dial.then {
            State::Syn(again) => {
                dial.attempt.again = again;
                self.meets(&dial.attempt)
            }
            State::Failing(failure, cause) => Met::Failed { at: self.now, failure, cause },
            then => unreachable!("a dial does not wait for {then:?}"),
        };
        let (at, then) = match met {
            Met::Silence { at } => (at, State::Syn(dial.attempt.again + 1)),
            Met::Failed { at, failure, cause } if at > self.now => {
                (at, State::Failing(failure, cause))
            }
            _ => return self.dial_over(place, met),
        };
        debug_assert!(at > self.now, "a dial goes on later");
        self.connections.as_mut().expect("kept connections").dials[place] = Dial { then, ..dial };
        self.agenda.push(at, Event::Dialed(place));
    }

    fn dial_over(&mut self, place: DialId, met: Met) {
        let connections = self.connections.as_mut().expect("kept connections");
        let Dial { index, generation, attempt, view, .. } = connections.dials[place];
        connections.free.push(place);
        let request = &mut self.requests[index];
        let waits = request.generation == generation && request.state == State::Dialing;
        debug_assert!(request.generation >= generation, "places are counted");
        match met {
            Met::Accepted(life) if waits => {
                request.life = life;
                self.admit(index);
            }
            Met::Accepted(life) => {
                self.offer(Connection { pod: attempt.pod, view, life, since: self.now });
            }
            Met::Failed { failure, cause, .. } if waits => {
                self.connect_failed(index, failure, cause);
            }
            Met::Failed { .. } | Met::Silence { .. } => {}
        }
    }
}

/// Users of a closed loop.
pub struct Users {
    /// Requests each has sent.
    sent: Vec<u32>,
    think: Option<Sampler>,
    seed: u64,
    start: i64,
    end: i64,
}

impl Users {
    /// The users of a closed loop; none of any other.
    pub fn new(timeline: &Timeline, traffic: &Traffic, seed: Seed) -> Users {
        let (start, end) = plan::window(timeline, traffic);
        let (count, think) = match &traffic.arrivals {
            Arrivals::Closed { users, think } => (*users, Some(Sampler::new(think))),
            _ => (0, None),
        };
        let seed = seed.stream("users", 0).next_u64();
        Users { sent: vec![0; count as usize], think, seed, start: start.0, end: end.0 }
    }

    /// The number that request `n` of a user uses.
    fn bits(&self, user: u32, n: u32) -> u64 {
        mix(self.seed ^ mix(u64::from(user) << 32 | u64::from(n)))
    }

    fn think_ns(&self, user: u32) -> i64 {
        let bits = self.bits(user, self.sent[user as usize] | 1 << 31) as u32;
        self.think.as_ref().map_or(0, |think| think.sample_ns(bits))
    }
}

impl Simulation<'_> {
    /// Users start one think time into the window.
    pub fn schedule_users(&mut self, timeline: &Timeline) {
        self.schedule_sessions(timeline);
        for user in 0..self.users.sent.len() as u32 {
            let at = self.users.start + self.users.think_ns(user);
            if at < self.users.end {
                self.agenda.push(at, Event::User(user));
            }
        }
    }

    /// A user of a closed loop sends the next request.
    pub fn user_sends(&mut self, user: u32) {
        let n = self.users.sent[user as usize];
        self.users.sent[user as usize] += 1;
        self.send(self.users.bits(user, n), user);
    }

    /// A user has got an answer, and waits before sending again.
    pub fn user_thinks(&mut self, user: u32) {
        if Sessions::is_one(user) {
            return self.session_ends(user);
        }
        let at = self.now + self.users.think_ns(user).max(LEAST_PAUSE_NS);
        debug_assert!(at > self.now, "a user who comes back comes later");
        if at < self.users.end {
            self.agenda.push(at, Event::User(user));
        }
    }
}
