//! Connections that clients keep open: websockets and the like. Each begins as an attempt that goes the way
//! of a request, waits where requests wait and costs a pod a handshake; then it stays with its pod
//! until that ends, or something between them breaks it. Who has lost one comes back after a wait.

use super::event::{Event, RequestId, SessionId};
use super::faults::drawn;
use super::guards::Waiter;
use super::request::LEAST_PAUSE_NS;
use super::{NONE, Request, Simulation, State};
use crate::engine::rng::mix;
use crate::engine::{Dur, List, Seed, Time};
use crate::timeline::{Phase, PodId, Timeline};
use crate::traffic::exact::cut_cause;
use crate::traffic::offered::{LongLived, Traffic};
use crate::traffic::plan;
use crate::traffic::{Cause, ConnectionsOutcome, Failure};
use std::collections::VecDeque;

/// Set in the number of a user that is a connection.
const SESSION: u32 = 1 << 31;

/// All of them.
pub struct Sessions {
    settings: Option<LongLived>,
    /// Of each client.
    pub all: List<SessionId, Session>,
    seed: u64,
    /// The requests of the load go over them.
    pub carry: bool,
    /// Places of requests that open one or are one.
    pub places: usize,
    open: u32,
    /// Some have been cut since all were open.
    missing: bool,
    outcome: ConnectionsOutcome,
    /// The second that attempts are counted in, and those so far.
    second: (i64, u32),
}

/// One client's connection.
#[derive(Clone, Default)]
pub struct Session {
    /// Attempts so far.
    attempts: u32,
    /// Attempts that failed since it was open.
    failed: u32,
    is_open: bool,
    /// The request that opens it, or is it.
    pub request: Option<RequestId>,
    /// Requests that wait for it.
    pub waiting: Vec<Waiter>,
    /// How the last attempt failed.
    pub refused: Option<(Failure, Cause)>,
    /// When it comes of age.
    ages: i64,
    /// Those that were of age, as long as what goes over them may be answered.
    old: VecDeque<Overstayed>,
    /// Its client does not know yet that nobody is there.
    pub silent: bool,
    /// Without it since then.
    away: i64,
    /// Its client hears so much later that it has ended.
    unnoticed: Option<Dur>,
    /// It was there before the run.
    given: bool,
}

/// A connection that was of age: where it led.
#[derive(Clone, Copy)]
pub struct Overstayed {
    /// The pod at its other end,
    pub pod: PodId,
    /// and the run of its process.
    pub life: u16,
    /// Nothing was sent over it after that.
    pub aged: i64,
}

impl Sessions {
    /// None is open yet.
    pub fn new(traffic: &Traffic, seed: Seed) -> Sessions {
        let settings = traffic.long_lived.clone();
        let count = settings.as_ref().map_or(0, |s| s.count);
        Sessions {
            carry: settings.as_ref().is_some_and(|s| s.carry_requests),
            settings,
            all: (0..count).map(|_| Session { given: true, ..Session::default() }).collect(),
            seed: seed.stream("sessions", 0).next_u64(),
            places: 0,
            open: 0,
            missing: false,
            outcome: ConnectionsOutcome { kept: count, ..ConnectionsOutcome::default() },
            second: (i64::MIN, 0),
        }
    }

    /// Whether a user is a connection.
    #[inline(always)]
    pub fn is_one(user: u32) -> bool {
        user & SESSION != 0 && user != NONE
    }

    fn place(&mut self, user: u32) -> &mut Session {
        debug_assert!(Sessions::is_one(user), "other users have no connection");
        &mut self.all[SessionId(user & !SESSION)]
    }

    /// What a pod works on a new one. Those that are there from the start were worked on before it.
    pub fn handshake_ns(&self) -> i64 {
        let settings = self.settings.as_ref().filter(|_| self.outcome.attempts > 0);
        settings.map_or(0, |s| s.handshake.0)
    }

    fn counts_attempt(&mut self, now: i64) {
        let second = now.div_euclid(1_000_000_000);
        if self.second.0 != second {
            self.second = (second, 0);
        }
        self.second.1 += 1;
        self.outcome.attempts += 1;
        self.outcome.peak_per_s = self.outcome.peak_per_s.max(self.second.1);
        debug_assert!(self.outcome.peak_per_s <= self.outcome.attempts, "a second is a part");
    }
}

impl Simulation<'_> {
    /// Those that are there from the start are opened one after the other, in no time.
    pub fn schedule_sessions(&mut self, timeline: &Timeline) {
        if !self.sessions.all.is_empty() {
            let start = plan::window(timeline, self.traffic).0;
            debug_assert!(start.0 >= self.now, "they are there before anything happens");
            self.agenda.push(start.0, Event::Session(SessionId(0)));
        }
    }

    /// A client connects, at first or again.
    #[cold]
    pub fn session_connects(&mut self, id: SessionId) {
        let sessions = &mut self.sessions;
        let session = &mut sessions.all[id];
        debug_assert!(!session.is_open, "a client has one connection");
        let bits = mix(sessions.seed ^ mix(u64::from(id.0) << 32 | u64::from(session.attempts)));
        session.attempts += 1;
        session.silent = false;
        let given = session.given;
        if !given {
            sessions.counts_attempt(self.now);
        }
        sessions.places += 1;
        self.send(bits, SESSION | id.0);
        let next = SessionId(id.0 + 1);
        if given && self.sessions.all.get(next).is_some() {
            self.agenda.push(self.now, Event::Session(next));
        }
    }

    /// The pod has done the handshake: the connection is there.
    #[cold]
    pub fn session_opens(&mut self, index: RequestId) {
        while self.requests[index].outer > 0 {
            // A hop that passed it on holds nothing of it but the connection itself.
            self.returned(index);
            self.end_loads(index);
        }
        let now = self.now;
        let request = &mut self.requests[index];
        (request.state, request.stamp) = (State::Open, NONE);
        let sessions = &mut self.sessions;
        let session = sessions.place(request.user);
        session.request = Some(index);
        session.refused = None;
        let young = session.given;
        let away = if session.given { Dur::ZERO } else { Dur(now - session.away) };
        session.is_open = true;
        (session.failed, session.given) = (0, false);
        sessions.open += 1;
        let all = sessions.open == sessions.outcome.kept;
        let outcome = &mut sessions.outcome;
        outcome.longest_away = outcome.longest_away.max(away);
        if all && std::mem::take(&mut sessions.missing) {
            outcome.back = Some(Time(now));
        }
        debug_assert!(sessions.open <= outcome.kept, "no more are open than are kept");
        let id = SessionId(request.user & !SESSION);
        self.session_will_age(id, young);
        self.channel_opens(id);
    }

    /// Those that are there from the start are of any age.
    fn session_will_age(&mut self, id: SessionId, young: bool) {
        let Some(most) = self.sessions.settings.as_ref().and_then(|s| s.max_age) else { return };
        let session = &mut self.sessions.all[id];
        let luck = self.sessions.seed ^ mix(u64::from(id.0) << 32 | u64::from(session.attempts));
        let age = most.part(0.9 + 0.2 * drawn(luck, 4));
        let left = if young { age.part(drawn(luck, 5)) } else { age };
        session.ages = (Time(self.now) + left).0;
        debug_assert!(session.ages >= self.now, "it ages later");
        self.agenda.push(session.ages, Event::Aged(id));
    }

    /// A server sends a client away from a connection that is old enough; what goes over it is answered.
    #[cold]
    pub fn session_ages(&mut self, id: SessionId) {
        let session = &self.sessions.all[id];
        let over = self.now >= self.traffic.end.0;
        if over || !session.is_open || session.ages != self.now {
            return;
        }
        let index = session.request.expect("it is open");
        debug_assert!(self.requests[index].state == State::Open, "what ages is open");
        self.sessions.outcome.renewed += 1;
        if let Some(grace) = self.sessions.settings.as_ref().and_then(|s| s.max_age_grace) {
            let Request { pod, life, .. } = self.requests[index];
            self.sessions.all[id].old.push_back(Overstayed { pod, life, aged: self.now });
            self.agenda.push((Time(self.now) + grace).0, Event::Overstayed(id));
        }
        self.leaves(index, None);
    }

    /// What goes over a connection that was of age had its time.
    #[cold]
    pub fn session_is_cut(&mut self, id: SessionId) {
        let old = self.sessions.all[id].old.pop_front().expect("it was of age before");
        debug_assert!(old.aged <= self.now, "it had its time");
        self.cut_overstayed(id, old);
    }

    /// An attempt to connect has failed.
    #[cold]
    pub fn session_fails(&mut self, index: RequestId, failure: Failure, cause: Cause) {
        let sessions = &mut self.sessions;
        let session = sessions.place(self.requests[index].user);
        debug_assert!(!session.is_open, "who connects has no connection");
        if std::mem::replace(&mut session.given, false) {
            session.away = self.now;
        }
        session.failed += 1;
        session.refused = Some((failure, cause));
        let waiting = std::mem::take(&mut session.waiting);
        *sessions.outcome.failed.entry(failure).or_insert(0) += 1;
        self.close(index);
        self.channel_fails(waiting, failure, cause);
    }

    /// Connections of a kind end under their clients.
    pub fn hang_up(&mut self, kind: impl Fn(&Request) -> bool, cause: Cause) {
        if self.sessions.open == 0 {
            return;
        }
        let kept = |r: &Request| r.state == State::Open && kind(r);
        let all = self.requests.pairs().filter(|(_, r)| kept(r));
        let all: Vec<RequestId> = all.map(|(index, _)| index).collect();
        for index in all {
            self.leaves(index, Some(cause));
        }
    }

    /// A connection ends under its client, for this cause or else for its age.
    fn leaves(&mut self, index: RequestId, cause: Option<Cause>) {
        self.end_loads(index);
        let now = self.now;
        let sessions = &mut self.sessions;
        let hears = sessions.settings.as_ref().and_then(|s| s.notices);
        let session = sessions.place(self.requests[index].user);
        debug_assert!(session.is_open, "what ends was open");
        (session.is_open, session.away, session.request) = (false, now, None);
        // A node that is lost tells nobody.
        let silent = cause == Some(Cause::NodeLost);
        session.silent = silent;
        session.unnoticed = silent.then(|| hears.unwrap_or(Dur::MAX));
        sessions.open -= 1;
        if let Some(cause) = cause {
            *sessions.outcome.cut.entry(cause).or_insert(0) += 1;
            sessions.outcome.first_cut.get_or_insert(Time(now));
            (sessions.missing, sessions.outcome.back) = (true, None);
        }
        self.close(index);
    }

    /// The process of a pod was told to stop: one that knows its clients tells them.
    pub fn sessions_asked_to_go(&mut self, pod: PodId, life: u16) {
        if self.sessions.settings.as_ref().is_some_and(|s| s.closed_at_stop) {
            self.hang_up(|r| r.pod == pod && r.life == life, Cause::ListenerClosed);
        }
    }

    /// A process ends, and with it the connections that it has.
    pub fn sessions_exit(&mut self, pod: PodId, life: u16) {
        let ended = self.present.pods[pod].lives.get(usize::from(life)).expect("it began");
        let cause = cut_cause(ended.ended_by);
        self.hang_up(|r| r.pod == pod && r.life == life, cause);
    }

    /// A client is without its connection: when it tries again.
    #[cold]
    pub fn session_ends(&mut self, user: u32) {
        let sessions = &mut self.sessions;
        let settings = sessions.settings.as_ref().expect("somebody keeps one");
        let (back_off, at_once) = (settings.back_off, settings.first_at_once);
        let seed = sessions.seed;
        sessions.places -= 1;
        let session = sessions.place(user);
        let luck = seed ^ mix(u64::from(user) << 32 | u64::from(session.attempts));
        let wait = match (at_once, session.failed) {
            (true, 0) => Dur::ZERO,
            (true, failed) => back_off.wait(failed - 1, drawn(luck, 3)),
            (false, failed) => back_off.wait(failed, drawn(luck, 3)),
        };
        let wait = wait.0.max(LEAST_PAUSE_NS);
        let unnoticed = session.unnoticed.take().unwrap_or(Dur::ZERO);
        let at = Time(self.now) + unnoticed + Dur(wait);
        debug_assert!(at.0 > self.now, "who comes back comes later");
        // As all clients: nobody comes after the end of the load.
        if at < self.traffic.end {
            self.agenda.push(at.0, Event::Session(SessionId(user & !SESSION)));
        }
    }

    /// What became of them; None: nobody keeps any.
    pub fn sessions_end(&mut self) -> Option<Box<ConnectionsOutcome>> {
        self.sessions.settings.as_ref()?;
        let mut by_pod: List<PodId, u32> = vec![0; self.present.pods.len()].into();
        for request in self.requests.iter().filter(|r| r.state == State::Open) {
            by_pod[request.pod] += 1;
        }
        debug_assert!(by_pod.iter().sum::<u32>() == self.sessions.open, "each is on a pod");
        let serves = self.present.pods.iter().map(|pod| pod.phase == Phase::Serving);
        let counts = by_pod.into_iter().zip(serves);
        let outcome = &mut self.sessions.outcome;
        outcome.by_pod = counts.filter(|(_, serves)| *serves).map(|(n, _)| n).collect();
        let end = self.now.max(self.present.end.0.min(self.traffic.end.0));
        let away = self.sessions.all.iter().filter(|s| !s.is_open).map(|s| Dur(end - s.away));
        outcome.longest_away = away.fold(outcome.longest_away, Dur::max);
        Some(Box::new(std::mem::take(outcome)))
    }
}
