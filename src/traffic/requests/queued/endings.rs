//! What ends requests in service from outside, when it happens: the end of a run of the process, a
//! balancer's deregistration delay, a router that spreads connections anew.

use super::super::present::Ending;
use super::event::RequestId;
use super::pod::{Entry, Orphan, Waits};
use super::{NOBODY, NONE, NOWHERE, Request, Simulation, State};
use crate::engine::Time;
use crate::engine::rng::mix;
use crate::timeline::{Breaks, PodId, ViewId};
use crate::traffic::exact::cut_cause;
use crate::traffic::{Cause, Failure};
use std::collections::VecDeque;

/// A request in service, and the stamp of the event that would end it.
#[derive(Clone, Copy)]
pub struct Served {
    stamp: u32,
    /// Its place.
    pub index: RequestId,
}

impl Simulation<'_> {
    /// What was found to end at a pod ends.
    pub fn endings(&mut self, pod: PodId) {
        let pending = std::mem::take(&mut self.present.pods[pod].pending);
        for ending in pending {
            match ending {
                Ending::Closes { life } => {
                    self.races(pod, life);
                    self.sessions_asked_to_go(pod, life);
                }
                Ending::Cut { life } => self.life_cut(pod, life),
                Ending::Exits { life } => self.sessions_exit(pod, life),
                Ending::Condition => self.condition_changes(pod),
                Ending::Deregistered(cut) => {
                    let sent = |r: &Request| r.pod == pod && cut.concerns(r.view);
                    self.break_connections(sent, Cause::CutByDeregistration);
                }
            }
        }
        debug_assert!(self.present.pods[pod].pending.is_empty(), "each ending is seen to once");
        self.look_whether_drained(pod);
    }

    /// The process ends: so does what waits in its queue and what it works on.
    fn life_cut(&mut self, pod: PodId, life: u16) {
        let ended_by = self.present.pods[pod].lives[usize::from(life)].ended_by;
        debug_assert!(self.present.pods[pod].pending.is_empty(), "its endings are seen to now");
        let now = Time(self.now);
        let proxy = self.present.pods[pod].proxy;
        // One that drains answers who is connected.
        let answers = proxy.is_some_and(|proxy| proxy.listening <= now && now < proxy.gone);
        let cause = match proxy {
            Some(_) if !answers => Cause::CutBySidecar,
            _ => cut_cause(ended_by),
        };
        for index in self.leave_queue(pod, |entry| entry.life == life) {
            match answers {
                true => self.proxy_answers(index, cause),
                false => self.answer_failed(index, Failure::Eof, cause),
            }
        }
        self.probes_cut(pod, life);
        self.pods.states[pod].draining = false;
        self.orphans_cut(pod, life);
        let served = self.served(|r| r.pod == pod && r.life == life);
        for &Served { stamp, index } in &served {
            if self.is_still(stamp, index) {
                self.leave_unfinished(index);
                match answers {
                    true => self.proxy_answers(index, cause),
                    false => self.cut_off(index, cause),
                }
            }
        }
        self.fill_slots(pod);
    }

    /// The process works no longer on what nobody waits for.
    fn orphans_cut(&mut self, pod: PodId, life: u16) {
        let counts = self.pods.states[pod].concurrency.is_some();
        let mine = |o: &Orphan| o.pod == pod && o.life == life;
        let cut = self.pods.orphans.pairs().filter(|(_, o)| mine(o)).map(|(place, _)| place);
        for place in cut.collect::<Vec<_>>() {
            let orphan = &mut self.pods.orphans[place];
            orphan.pod = NOBODY;
            if let Some(call) = orphan.call.take() {
                // Nothing else would come for its place.
                self.pods.free.push(place);
                self.caller_gone(call);
            }
            debug_assert!(!counts || self.pods.states[pod].running > 0, "it was worked on");
            self.pods.states[pod].running -= u32::from(counts);
        }
    }

    /// The proxy in the pod answers for the process, which is gone.
    fn proxy_answers(&mut self, index: RequestId, cause: Cause) {
        self.end_loads(index);
        let code = self.present.pods[self.requests[index].pod].proxy.map_or(503, |p| p.answers);
        self.answered_with(index, code, cause);
    }

    /// What is of a kind leaves the queue; the requests among it that somebody waits for.
    fn leave_queue(&mut self, pod: PodId, leaves: impl FnMut(&Entry) -> bool) -> Vec<RequestId> {
        let queue = &mut self.pods.states[pod].queue;
        let (gone, rest): (VecDeque<Entry>, VecDeque<Entry>) =
            queue.iter().copied().partition(leaves);
        *queue = rest;
        debug_assert!(gone.iter().all(|e| e.life == gone[0].life), "one run ends at a time");
        let mut left = Vec::new();
        for entry in gone {
            match entry.what {
                Waits::Probe(place) => self.probe_done(place, false),
                Waits::Request { index, stamp, .. } if self.is_waiting(index, stamp) => {
                    self.requests[index].stamp = NONE;
                    left.push(index);
                }
                Waits::Request { .. } => {}
            }
        }
        left
    }

    /// Connections break on their way: a router spreads them anew, or a proxy goes.
    pub fn breaks(&mut self, n: u32) {
        match self.present.broken(n) {
            Breaks::Share(share) => {
                let drawn = |bits: u64| {
                    (mix(bits ^ mix(u64::from(n) + 1)) >> 40) as f32 / (1u64 << 24) as f32
                };
                // Calls do not leave the cluster.
                self.break_connections(|r| !r.is_call && drawn(r.bits) < share, Cause::Rehash);
            }
            Breaks::Through(view) => self.break_connections(|r| r.hop == view, Cause::ProxyGone),
        }
    }

    /// Something between client and pod breaks connections: of requests that wait in a pod, of those in
    /// service, and those that are kept. The process works on, for nobody.
    pub fn break_connections(&mut self, kind: impl Fn(&Request) -> bool, cause: Cause) {
        let served = self.served(&kind);
        let waits = |r: &Request| r.state == State::Queued && kind(r);
        let all = self.requests.pairs();
        let waiting: Vec<RequestId> = all.filter(|(_, r)| waits(r)).map(|(id, _)| id).collect();
        for index in waiting {
            self.leave_unfinished(index);
            self.cut_off(index, cause);
        }
        for &Served { stamp, index } in &served {
            if self.is_still(stamp, index) {
                self.works_on(index);
                self.cut_off(index, cause);
            }
        }
        self.hang_up(kind, cause);
    }

    /// Whether the request is in service as it was when it was found to be.
    fn is_still(&self, stamp: u32, index: RequestId) -> bool {
        let request = &self.requests[index];
        request.stamp == stamp && matches!(request.state, State::Running(_))
    }

    /// The listener closes: a request that is still on its way to the pod on a connection that is being
    /// closed there is lost, and so is what waits in the backlog.
    fn races(&mut self, pod: PodId, life: u16) {
        let now = self.now;
        let race = |hop: ViewId| self.l7(hop).and_then(|l7| l7.pool).map(|pool| pool.race_window.0);
        let late = |r: &Request| {
            let mine = r.reused && r.pod == pod && r.life == life;
            mine && race(r.hop).is_some_and(|window| window > 0 && r.began >= now - window)
        };
        let served = self.served(late).into_iter();
        let lost: Vec<(RequestId, Cause)> = served.map(|s| (s.index, Cause::IdleRace)).collect();
        let backlog = self.pods.states[pod].backlog;
        let waits = |r: &Request| r.state == State::Queued && late(r);
        let raced = self.requests.pairs().filter(|(_, r)| waits(r));
        let raced: Vec<(RequestId, u32)> = raced.map(|(index, r)| (index, r.stamp)).collect();
        let is_raced = |what: &Waits| match *what {
            Waits::Request { index, stamp, .. } => raced.contains(&(index, stamp)),
            Waits::Probe(_) => false,
        };
        // Those in front have been accepted: they wait for a worker.
        let mut accepted = self.pods.states[pod].accepted;
        let mut unaccepted = |e: &Entry| {
            let in_front = accepted > 0;
            accepted = accepted.saturating_sub(1);
            backlog && e.life == life && !e.reused && !in_front
        };
        let waited = self.leave_queue(pod, |e| {
            let left = unaccepted(e);
            is_raced(&e.what) || left
        });
        for (index, cause) in lost {
            self.leave_unfinished(index);
            self.answer_failed(index, Failure::Reset, cause);
        }
        for index in waited {
            let late = raced.iter().any(|r| r.0 == index);
            let cause = if late { Cause::IdleRace } else { Cause::Backlog };
            self.answer_failed(index, Failure::Reset, cause);
        }
        self.fill_slots(pod);
    }

    /// Requests in service of a kind, with their stamps, in the order in which their service began.
    pub fn served(&self, kind: impl Fn(&Request) -> bool) -> Vec<Served> {
        let running = |r: &&Request| matches!(r.state, State::Running(_)) && kind(r);
        let mut found: Vec<Served> = self
            .requests
            .pairs()
            .filter(|(_, r)| running(r))
            .map(|(index, r)| Served { stamp: r.stamp, index })
            .collect();
        // Stamps begin anew after 2^32 of them: the oldest is the furthest behind the latest.
        let latest = self.agenda.stamp();
        found.sort_unstable_by_key(|s| std::cmp::Reverse(latest.wrapping_sub(s.stamp)));
        found
    }

    /// The request is no longer in service, and its event is void. In the queue nobody waits for it any more.
    fn leave_unfinished(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        let pod = &mut self.pods.states[request.pod];
        let works = pod.concurrency.is_none() || pod.running > 0 || request.state == State::Queued;
        debug_assert!(works, "what leaves a pod was in it");
        if request.state != State::Queued && pod.concurrency.is_some() {
            pod.running -= 1;
        }
        request.stamp = NONE;
        if let Some(call) = self.calls.taken_from(index) {
            self.caller_gone(call);
        }
    }

    fn cut_off(&mut self, index: RequestId, cause: Cause) {
        if cause == Cause::ProxyGone {
            // It is not there to try again: whoever sent it the request sees the connection end.
            self.end_loads(index);
            return self.hop_gives_up(index, Failure::Eof, cause);
        }
        let request = &self.requests[index];
        let sends_again = match request.is_call {
            true => self.calls.how(index).kept.is_some_and(|kept| kept.retry_stale),
            false => self.traffic.client.retry_reused && !request.non_idempotent,
        };
        if request.hop == NOWHERE && request.reused && sends_again {
            // Closed before a byte of the answer: Go's transport sends it again.
            self.end_loads(index);
            return match self.requests[index].is_call {
                true => self.call_connects(index),
                false => self.client_connects(index),
            };
        }
        // Another node's pod knows nothing of the connection.
        let failure = match cause {
            Cause::Rehash => Failure::Reset,
            Cause::NodeLost => Failure::Timeout,
            _ => Failure::Eof,
        };
        self.answer_failed(index, failure, cause);
    }
}
