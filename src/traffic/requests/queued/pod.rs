//! A pod's slots and queue, and what ends a request in service.

use super::{CUT, EXPIRE, End, NONE, RELEASE, Simulation, State};
use crate::engine::Time;
use crate::engine::rng::mix;
use crate::timeline::Timeline;
use crate::traffic::exact::{self, cut_cause};
use crate::traffic::{Cause, Failure};
use std::collections::VecDeque;

/// Requests in service and waiting, for pods with a concurrency limit.
pub struct Pods {
    states: Vec<PodState>,
}

struct PodState {
    /// None: unlimited, and nothing is counted.
    concurrency: Option<u32>,
    queue_limit: usize,
    running: u32,
    queue: VecDeque<u32>,
}

impl Pods {
    pub fn new(timeline: &Timeline) -> Pods {
        let state = |pod: &crate::timeline::PodTruth| {
            let version = &timeline.versions[pod.version as usize];
            PodState {
                concurrency: version.concurrency,
                queue_limit: version.queue.map_or(usize::MAX, |q| q as usize),
                running: 0,
                queue: VecDeque::new(),
            }
        };
        Pods { states: timeline.pods.iter().map(state).collect() }
    }
}

impl Simulation<'_> {
    /// The end of a run cuts what waits in its queue.
    pub fn schedule_cuts(&mut self) {
        for (i, pod) in self.timeline.pods.iter().enumerate() {
            if self.pods.states[i].concurrency.is_some() {
                for life in pod.lives.iter().filter(|l| !l.cut.is_never()) {
                    self.agenda.push(life.cut.0, CUT | i as u32);
                }
            }
        }
    }

    /// The pod has accepted the connection: into service, into the queue, or turned away.
    #[inline(always)]
    pub fn admit(&mut self, index: u32) {
        let request = &mut self.requests[index as usize];
        let pod = &mut self.pods.states[request.pod as usize];
        match pod.concurrency {
            Some(limit) if pod.running >= limit => {
                if pod.queue.len() < pod.queue_limit {
                    pod.queue.push_back(index);
                    request.state = State::Queued;
                    let at = self.gives_up(index);
                    self.requests[index as usize].complete = at;
                    self.agenda.push(at, EXPIRE | index);
                } else {
                    self.end_loads(index);
                    self.client_failed(index, Failure::Status(503), Cause::Overload);
                }
            }
            Some(_) => {
                pod.running += 1;
                self.serve(index);
            }
            None => self.serve(index),
        }
    }

    /// When hop or client gives the answer up.
    fn gives_up(&self, index: u32) -> i64 {
        let request = &self.requests[index as usize];
        let response = self.l7(request.hop).and_then(|l7| l7.response_timeout);
        response.map_or(request.deadline, |r| (Time(self.now) + r).0.min(request.deadline))
    }

    /// Starts the service and finds out how it ends.
    #[inline(always)]
    pub fn serve(&mut self, index: u32) {
        let gives_up = self.gives_up(index);
        let request = &mut self.requests[index as usize];
        let pod = &self.timeline.pods[request.pod as usize];
        let life = &pod.lives[request.life as usize];
        let service = self.samplers[pod.version as usize].sample_ns(request.bits as u32);
        request.complete = self.now + service;
        let (cut, cause) = exact::cut(pod, life, Time(self.now));
        let (at, end) = if request.complete <= cut.0.min(gives_up) {
            (request.complete, End::Answered)
        } else if cut.0 < gives_up {
            (cut.0, End::Cut(cause))
        } else {
            (gives_up, End::TooSlow)
        };
        let (at, end) = match self.moved(index, at) {
            Some(at) => (at, End::Cut(Cause::Rehash)),
            None => (at, end),
        };
        self.wait_until(index, at, State::Running(end));
    }

    /// When a router breaks the request's connection before `end`, if it does.
    #[inline(always)]
    fn moved(&self, index: u32, end: i64) -> Option<i64> {
        let rehashes = &self.timeline.rehashes;
        if rehashes.is_empty() {
            return None;
        }
        let bits = self.requests[index as usize].bits;
        let drawn = |i: usize| (mix(bits ^ mix(i as u64 + 1)) >> 40) as f32 / (1u64 << 24) as f32;
        let first = rehashes.partition_point(|r| r.0.0 <= self.now);
        let mut due = (first..rehashes.len()).take_while(|i| rehashes[*i].0.0 < end);
        due.find(|i| drawn(*i) < rehashes[*i].1).map(|i| rehashes[i].0.0)
    }

    #[inline(always)]
    pub fn answered(&mut self, index: u32) {
        let request = self.requests[index as usize];
        self.leave_service(request.pod);
        self.end_loads(index);
        self.keep_connection(index);
        let pod = request.pod as usize;
        self.tally.answer_sent_at(pod, Time(request.sent), self.now - request.sent);
        self.close(index);
    }

    pub fn cut_off(&mut self, index: u32, cause: Cause) {
        let request = self.requests[index as usize];
        let pod = &mut self.pods.states[request.pod as usize];
        if pod.concurrency.is_some() {
            pod.running -= 1;
        }
        let again = request.reused && self.traffic.client.retry_reused && !request.non_idempotent;
        if request.hop == NONE && again {
            // Closed before a byte of the answer: Go's transport sends it again.
            self.end_loads(index);
            return self.client_connects(index);
        }
        // Another node's pod knows nothing of the connection.
        let moved = cause == Cause::Rehash;
        let failure = if moved { Failure::Reset } else { Failure::Eof };
        self.answer_failed(index, failure, cause);
    }

    /// The pod works on, for nobody.
    pub fn too_slow(&mut self, index: u32) {
        let request = self.requests[index as usize];
        let pod = &self.pods.states[request.pod as usize];
        if pod.concurrency.is_some() {
            let life = &self.timeline.pods[request.pod as usize].lives[request.life as usize];
            self.agenda.push(request.complete.min(life.cut.0), RELEASE | request.pod);
        }
        self.slow_answer(index, Cause::SlowAnswer);
    }

    fn slow_answer(&mut self, index: u32, cause: Cause) {
        if self.now >= self.requests[index as usize].deadline {
            self.end_loads(index);
            return self.client_failed(index, Failure::Timeout, cause);
        }
        self.answer_failed(index, Failure::Timeout, cause);
    }

    pub fn release(&mut self, pod: u32) {
        self.leave_service(pod);
    }

    #[inline(always)]
    fn leave_service(&mut self, pod: u32) {
        let state = &mut self.pods.states[pod as usize];
        if state.concurrency.is_none() {
            return;
        }
        state.running -= 1;
        while let Some(index) = state.queue.pop_front() {
            if self.requests[index as usize].state == State::Queued {
                state.running += 1;
                return self.serve(index);
            }
        }
    }

    /// A request has waited in the queue for as long as anyone cares.
    pub fn expire(&mut self, index: u32) {
        let request = &self.requests[index as usize];
        if request.state != State::Queued || request.complete != self.now {
            return;
        }
        let pod = request.pod as usize;
        self.pods.states[pod].queue.retain(|q| *q != index);
        self.slow_answer(index, Cause::Overload);
    }

    /// The process ends: its queue is cut. Those in service have events of their own.
    pub fn cut(&mut self, pod: u32) {
        let waiting = std::mem::take(&mut self.pods.states[pod as usize].queue);
        for index in waiting {
            let request = &self.requests[index as usize];
            let life = &self.timeline.pods[pod as usize].lives[request.life as usize];
            self.answer_failed(index, Failure::Eof, cut_cause(life.ended_by));
        }
    }
}
