//! A pod's slots and queue, and requests in service.

use super::super::present::PodNow;
use super::event::{Event, OrphanId, RequestId};
use super::{End, NOBODY, NONE, Simulation, State};
use crate::engine::{List, Time};
use crate::timeline::PodId;
use crate::timeline::Version;
use crate::traffic::{Cause, Failure};
use std::collections::VecDeque;

/// Requests in service and waiting, for pods with a concurrency limit.
#[derive(Default)]
pub struct Pods {
    /// What each works on, and who waits there.
    pub states: List<PodId, PodState>,
    /// What pods work on for nobody, until it is complete.
    pub orphans: List<OrphanId, Orphan>,
    free: Vec<OrphanId>,
}

/// What a pod works on, and who waits.
pub struct PodState {
    /// None: unlimited, and nothing is counted.
    pub concurrency: Option<u32>,
    queue_limit: usize,
    /// What waits has not been accepted.
    pub backlog: bool,
    /// Requests in service, and orphans.
    pub running: u32,
    /// Requests that wait, by place; the first is served next.
    pub queue: VecDeque<RequestId>,
}

/// Work that a pod goes on with though nobody waits for it.
#[derive(Clone, Copy)]
pub struct Orphan {
    /// NOBODY: cut meanwhile.
    pub pod: PodId,
    /// The run of its process.
    pub life: u16,
}

impl Pods {
    /// There are more pods now.
    pub fn grow(&mut self, pods: &[PodNow], versions: &[Version]) {
        let state = |pod: &PodNow| {
            let version = &versions[usize::from(pod.version)];
            PodState {
                concurrency: version.concurrency,
                queue_limit: version.queue.map_or(usize::MAX, |q| q as usize),
                backlog: version.backlog,
                running: 0,
                queue: VecDeque::new(),
            }
        };
        self.states.extend(pods[self.states.len()..].iter().map(state));
        debug_assert!(self.states.len() == pods.len(), "each pod has a state");
    }
}

impl Simulation<'_> {
    /// The pod has accepted the connection: into service, into the queue, or turned away.
    #[inline(always)]
    pub fn admit(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        let pod = &mut self.pods.states[request.pod];
        match pod.concurrency {
            Some(limit) if pod.running >= limit => {
                if pod.queue.len() < pod.queue_limit {
                    pod.queue.push_back(index);
                    request.state = State::Queued;
                    let at = self.gives_up(index);
                    self.requests[index].complete = at;
                    self.agenda.push(at, Event::Expire(index));
                } else {
                    self.end_loads(index);
                    self.hop_gives_up(index, Failure::Status(503), Cause::Overload);
                }
            }
            Some(_) => {
                debug_assert!(
                    pod.queue.is_empty() || pod.backlog,
                    "nobody overtakes those who wait"
                );
                pod.running += 1;
                self.serve(index);
            }
            None => self.serve(index),
        }
    }

    /// When hop or client gives the answer up.
    #[inline(always)]
    pub fn gives_up(&self, index: RequestId) -> i64 {
        let request = &self.requests[index];
        let response = self.l7(request.hop).and_then(|l7| l7.response_timeout);
        response.map_or(request.deadline, |r| (Time(self.now) + r).0.min(request.deadline))
    }

    /// Starts the service; how it ends unless the pod, a balancer or a router ends it.
    #[inline(always)]
    pub fn serve(&mut self, index: RequestId) {
        let gives_up = self.gives_up(index);
        let request = &mut self.requests[index];
        let version = self.present.pods[request.pod].version;
        let service = self.samplers[usize::from(version)].sample_ns(request.bits as u32);
        request.complete = self.now + service;
        let (at, end) = match request.complete <= gives_up {
            true => (request.complete, End::Answered),
            false => (gives_up, End::TooSlow),
        };
        debug_assert!(at >= self.now, "a service ends after it began");
        self.wait_until(index, at, State::Running(end));
    }

    /// The pod has done its work on a request.
    #[inline(always)]
    pub fn answered(&mut self, index: RequestId) {
        let request = self.requests[index];
        self.leave_service(request.pod);
        self.end_loads(index);
        self.keep_connection(index);
        if request.outer > 0 {
            self.answer_passes(index);
        }
        let pod = request.pod.index();
        self.tally.answer_sent_at(pod, Time(request.sent), self.now - request.sent);
        self.close(index);
    }

    /// The pod works on, for nobody.
    pub fn too_slow(&mut self, index: RequestId) {
        let request = self.requests[index];
        assert!(request.complete > self.now, "a request that is complete is not too slow");
        self.works_on(index);
        self.slow_answer(index, Cause::SlowAnswer);
    }

    /// Nobody waits any longer for a request that is in service: its slot is free when the work is done.
    pub fn works_on(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        request.stamp = NONE;
        if self.pods.states[request.pod].concurrency.is_none() {
            return;
        }
        debug_assert!(request.complete >= self.now, "what is done is not worked on");
        let orphan = Orphan { pod: request.pod, life: request.life };
        let place = match self.pods.free.pop() {
            Some(place) => {
                self.pods.orphans[place] = orphan;
                place
            }
            None => self.pods.orphans.push(orphan),
        };
        self.agenda.push(request.complete, Event::Release(place));
    }

    fn slow_answer(&mut self, index: RequestId, cause: Cause) {
        if self.now >= self.requests[index].deadline {
            self.end_loads(index);
            return self.hop_gives_up(index, Failure::Timeout, cause);
        }
        self.answer_failed(index, Failure::Timeout, cause);
    }

    /// What a pod worked on for nobody is complete.
    pub fn release(&mut self, place: OrphanId) {
        debug_assert!(!self.pods.free.contains(&place), "what is released was kept");
        self.pods.free.push(place);
        let pod = std::mem::replace(&mut self.pods.orphans[place].pod, NOBODY);
        if pod != NOBODY {
            self.leave_service(pod);
        }
    }

    #[inline(always)]
    fn leave_service(&mut self, pod: PodId) {
        let state = &mut self.pods.states[pod];
        if state.concurrency.is_none() {
            return;
        }
        debug_assert!(state.running > 0, "what leaves the service was in it");
        state.running -= 1;
        self.fill_slots(pod);
    }

    /// Those who wait take the slots that are free.
    #[inline(always)]
    pub fn fill_slots(&mut self, pod: PodId) {
        loop {
            let state = &mut self.pods.states[pod];
            if state.concurrency.is_none_or(|limit| state.running >= limit) {
                return;
            }
            let Some(index) = state.queue.pop_front() else { return };
            if self.requests[index].state == State::Queued {
                state.running += 1;
                self.serve(index);
            }
        }
    }

    /// A request has waited in the queue for as long as anyone cares.
    pub fn expire(&mut self, index: RequestId) {
        let request = &self.requests[index];
        if request.state != State::Queued || request.complete != self.now {
            return;
        }
        let pod = request.pod;
        debug_assert!(self.pods.states[pod].queue.contains(&index), "who waits is in the queue");
        self.pods.states[pod].queue.retain(|q| *q != index);
        self.slow_answer(index, Cause::Overload);
    }
}
