//! A pod's slots and queue, and requests in service.

use super::super::present::PodNow;
use super::event::{Event, OrphanId, ProbeId, RequestId};
use super::pace::Used;
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
    /// Places of orphans that can be used again.
    pub free: Vec<OrphanId>,
}

/// What a pod works on, and who waits.
pub struct PodState {
    /// None: unlimited, and nothing is counted.
    pub concurrency: Option<u32>,
    queue_limit: usize,
    /// With `backlog`: so many of those that wait have been accepted.
    pub accepted: usize,
    /// What it has used of its processor limit, and how cold it is; None: it answers as fast at any time.
    pub used: Option<Box<Used>>,
    /// What waits has not been accepted.
    pub backlog: bool,
    /// Something is wrong with its process.
    pub troubled: bool,
    /// It answers nobody.
    pub hung: bool,
    /// Requests in service, and orphans.
    pub running: u32,
    /// Requests that were worked off, orphans included.
    pub served: u64,
    /// Its process was told to stop, and its kubelet is to hear when it has nothing left to do.
    pub draining: bool,
    /// Who waits; the first is served next. What nobody waits for any more is served as well: a server does
    /// not know.
    pub queue: VecDeque<Entry>,
}

/// A place in a pod's queue.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What is to be served.
    pub what: Waits,
    /// The run of the process that it came to.
    pub life: u16,
    /// On a connection that served before: it has been accepted.
    pub reused: bool,
}

/// What waits in a queue.
#[derive(Clone, Copy, Debug)]
pub enum Waits {
    /// A request, while its stamp is this one; afterwards what it drew to be served by.
    Request { index: RequestId, stamp: u32, bits: u32, opens: bool },
    /// A probe.
    Probe(ProbeId),
}

/// Work that a pod goes on with though nobody waits for it.
#[derive(Clone, Copy)]
pub struct Orphan {
    /// NOBODY: cut meanwhile.
    pub pod: PodId,
    /// The run of its process.
    pub life: u16,
    /// What its request drew.
    pub bits: u32,
    /// The call that comes next, of those that its version makes.
    pub step: u8,
    /// The call that it waits for.
    pub call: Option<RequestId>,
}

impl PodState {
    /// A worker is free.
    #[inline(always)]
    pub fn has_room(&self) -> bool {
        !self.hung && self.concurrency.is_none_or(|limit| self.running < limit)
    }

    /// Its backlog is full: the kernel drops what would connect.
    #[inline(always)]
    pub fn drops(&self) -> bool {
        self.backlog && !self.has_place() && !self.has_room()
    }

    /// One more may wait.
    pub fn has_place(&self) -> bool {
        self.queue.len() < self.queue_limit
    }
}

impl Pods {
    /// There are more pods now.
    pub fn grow(&mut self, pods: &[PodNow], versions: &[Version]) {
        let state = |(number, pod): (u32, &PodNow)| {
            let version = &versions[usize::from(pod.version)];
            let paced = !version.pace.is_even();
            let workers = version.concurrency.unwrap_or(u32::MAX);
            let accepted = version.connections.map_or(0, |c| c.saturating_sub(workers) as usize);
            PodState {
                concurrency: version.concurrency,
                queue_limit: version.queue.map_or(usize::MAX, |q| (q as usize) + accepted),
                accepted,
                used: paced.then(|| Box::new(Used::new(version.pace, PodId(number)))),
                backlog: version.backlog,
                troubled: false,
                hung: false,
                running: 0,
                served: 0,
                draining: false,
                queue: VecDeque::new(),
            }
        };
        let known = self.states.len();
        self.states.extend((known as u32..).zip(&pods[known..]).map(state));
        debug_assert!(self.states.len() == pods.len(), "each pod has a state");
    }
}

impl Simulation<'_> {
    /// The pod has accepted the connection: into service, into the queue, or turned away.
    #[inline(always)]
    pub fn admit(&mut self, index: RequestId) {
        self.requests[index].answer_by = self.gives_up(index);
        let pod = &mut self.pods.states[self.requests[index].pod];
        if pod.has_room() {
            let overtakes = !pod.queue.is_empty() && !pod.backlog;
            debug_assert!(!overtakes, "nobody overtakes those who wait");
            pod.running += u32::from(pod.concurrency.is_some());
            self.serve(index);
        } else if pod.has_place() || pod.hung {
            self.join(index);
        } else if let Some(look) = self.holds(self.requests[index].view) {
            self.hold(index, self.requests[index].view, (look, Cause::Overload));
        } else {
            self.end_loads(index);
            self.answered_with(index, 503, Cause::Overload);
        }
    }

    /// The request waits in the queue of its pod.
    fn join(&mut self, index: RequestId) {
        let at = self.requests[index].answer_by;
        let stamp = self.agenda.push(at, Event::Expire(index));
        let request = &mut self.requests[index];
        (request.state, request.stamp) = (State::Queued, stamp);
        let (bits, opens) = (request.bits as u32, request.opens);
        let what = Waits::Request { index, stamp, bits, opens };
        let entry = Entry { what, life: request.life, reused: request.reused };
        debug_assert!(at >= self.now, "who waits has patience");
        self.pods.states[request.pod].queue.push_back(entry);
    }

    /// Whether somebody waits for the request of that entry: it has not been used again meanwhile.
    pub fn is_waiting(&self, index: RequestId, stamp: u32) -> bool {
        let request = &self.requests[index];
        request.state == State::Queued && request.stamp == stamp
    }

    /// When hop or client gives up an answer for which it begins to wait.
    #[inline(always)]
    pub fn gives_up(&self, index: RequestId) -> i64 {
        let request = &self.requests[index];
        let response = self.l7(request.hop).and_then(|l7| l7.response_timeout);
        response.map_or(request.deadline, |r| (Time(self.now) + r).0.min(request.deadline))
    }

    /// Starts the service; how it ends unless the pod, a balancer or a router ends it.
    #[inline(always)]
    pub fn serve(&mut self, index: RequestId) {
        let request = &self.requests[index];
        let (pod, life, opens) = (request.pod, request.life, request.opens);
        let policy = self.l7(request.hop).and_then(|l7| l7.policy.as_ref());
        let adds = policy.map_or(0, |policy| policy.adds(request.reused).0);
        let service = self.service_ns(pod, life, (request.bits as u32, opens));
        let request = &mut self.requests[index];
        request.complete = self.now + service + adds;
        let gives_up = request.answer_by;
        let (at, end) = match request.complete <= gives_up {
            true => (request.complete, End::Answered),
            false => (gives_up, End::TooSlow),
        };
        debug_assert!(at >= self.now, "a service ends after it began");
        if self.pods.states[request.pod].troubled && end == End::Answered && self.errs(index) {
            return self.wait_until(index, at, State::Running(End::Erred));
        }
        if self.calls.used {
            return self.serve_caller(index, (at, end), gives_up);
        }
        self.wait_until(index, at, State::Running(end));
    }

    /// How long a pod works on what drew these bits.
    #[inline(always)]
    fn service_ns(&mut self, pod: PodId, life: u16, (bits, opens): (u32, bool)) -> i64 {
        let version = self.present.pods[pod].version;
        let service = match opens {
            false => self.samplers[usize::from(version)].sample_ns(bits),
            true => self.sessions.handshake_ns(),
        };
        let PodState { troubled, used, .. } = &self.pods.states[pod];
        let (troubled, paced) = (*troubled, used.is_some());
        let service = if paced { self.paced_ns(pod, life, service) } else { service };
        if troubled { self.troubled_ns(pod, bits, service) } else { service }
    }

    /// The pod has done its work on a request.
    #[inline(always)]
    pub fn answered(&mut self, index: RequestId) {
        let request = self.requests[index];
        self.pods.states[request.pod].served += 1;
        self.leave_service(request.pod);
        if request.opens {
            return self.session_opens(index);
        }
        self.end_loads(index);
        self.keep_connection(index);
        if self.guards.used {
            self.guard_hears(index, 200);
            self.guard_answers(index);
        }
        if request.outer > 0 {
            self.answer_passes(index);
        }
        if request.is_call {
            return self.call_answered(index);
        }
        let pod = request.pod.index();
        self.tally.answer_sent_at(pod, Time(request.sent), self.now - request.sent);
        self.note_end(index, None);
        self.close(index);
    }

    /// The pod works on, for nobody.
    pub fn too_slow(&mut self, index: RequestId) {
        let request = self.requests[index];
        assert!(request.complete > self.now, "a request that is complete is not too slow");
        let hung = self.pods.states[request.pod].hung;
        let held_up = if self.calls.used { self.held_up(index) } else { None };
        self.works_on(index);
        let own = if hung { Cause::Fault } else { Cause::SlowAnswer };
        self.slow_answer(index, held_up.unwrap_or(own));
    }

    /// Nobody waits any longer for a request that is in service: its slot is free when the work is done.
    pub fn works_on(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        request.stamp = NONE;
        let state = &mut self.pods.states[request.pod];
        let counts = state.concurrency.is_some();
        if !counts && !self.calls.used {
            // Nobody waits for its slot: it might as well be done.
            state.served += 1;
            return;
        }
        debug_assert!(!counts || state.running > 0, "it was in service");
        let (pod, life, bits) = (request.pod, request.life, request.bits as u32);
        let orphan = Orphan { pod, life, bits, step: 0, call: None };
        if self.calls.used {
            return self.caller_works_on(index, orphan);
        }
        // A process that hangs has none that would be complete: it takes up nothing else meanwhile.
        let complete = if request.complete == i64::MAX { self.now } else { request.complete };
        self.goes_on(orphan, complete);
    }

    /// A slot is taken until `complete` by work that nobody waits for.
    pub fn goes_on(&mut self, orphan: Orphan, complete: i64) {
        debug_assert!(complete >= self.now, "what is done is not worked on");
        let place = self.orphan(orphan);
        self.agenda.push(complete, Event::Release(place));
    }

    /// A place for work that nobody waits for.
    pub fn orphan(&mut self, orphan: Orphan) -> OrphanId {
        debug_assert!(orphan.pod != NOBODY, "some pod works on it");
        match self.pods.free.pop() {
            Some(place) => {
                self.pods.orphans[place] = orphan;
                place
            }
            None => self.pods.orphans.push(orphan),
        }
    }

    /// Whoever waits for an answer from a pod does so no longer.
    pub fn slow_answer(&mut self, index: RequestId, cause: Cause) {
        if self.now >= self.requests[index].deadline {
            self.end_loads(index);
            return self.hop_gives_up(index, Failure::Timeout, cause);
        }
        self.answer_failed(index, Failure::Timeout, cause);
    }

    /// What a pod worked on for nobody is complete.
    pub fn release(&mut self, place: OrphanId) {
        debug_assert!(!self.pods.free.contains(&place), "what is released was kept");
        if self.calls.used && self.orphan_calls(place) {
            return;
        }
        self.pods.free.push(place);
        let pod = std::mem::replace(&mut self.pods.orphans[place].pod, NOBODY);
        if pod != NOBODY {
            self.pods.states[pod].served += 1;
            self.leave_service(pod);
        }
    }

    /// A slot of the pod is free, if it counts them.
    #[inline(always)]
    pub fn leave_service(&mut self, pod: PodId) {
        let state = &mut self.pods.states[pod];
        if state.concurrency.is_none() {
            return;
        }
        debug_assert!(state.running > 0, "what leaves the service was in it");
        state.running -= 1;
        self.fill_slots(pod);
        self.look_whether_drained(pod);
    }

    /// Those who wait take the slots that are free.
    #[inline(always)]
    pub fn fill_slots(&mut self, pod: PodId) {
        loop {
            let state = &mut self.pods.states[pod];
            if !state.has_room() {
                return;
            }
            let Some(entry) = state.queue.pop_front() else { return };
            match entry.what {
                Waits::Probe(place) => self.serve_probe(place),
                Waits::Request { index, stamp, bits, opens } => {
                    let counts = state.concurrency.is_some();
                    state.running += u32::from(counts);
                    if self.is_waiting(index, stamp) {
                        self.serve(index);
                    } else if counts {
                        let life = entry.life;
                        let complete = self.now + self.service_ns(pod, life, (bits, opens));
                        let step = if opens { u8::MAX } else { 0 };
                        self.goes_on(Orphan { pod, life, bits, step, call: None }, complete);
                    }
                }
            }
        }
    }

    /// A request has waited in the queue for as long as anyone cares; the pod will serve it all the same.
    pub fn expire(&mut self, index: RequestId, stamp: u32) {
        if !self.is_waiting(index, stamp) {
            return;
        }
        let request = &mut self.requests[index];
        debug_assert!(!self.pods.states[request.pod].queue.is_empty(), "who waits is in the queue");
        request.stamp = NONE;
        let hung = self.pods.states[request.pod].hung;
        self.slow_answer(index, if hung { Cause::Fault } else { Cause::Overload });
    }
}
