//! What pods ask of other Services while they work on a request: each call is a request of its own, sent from
//! the node of the pod that makes it. The worker waits for it; what has become of it is heard by an event. A
//! process that works on for nobody makes its calls all the same, since it does not know; one that is gone
//! leaves them to those it asked.

use super::errands::{Errand, LUCK, NO_MORE, Place, Whose};
use super::event::{Event, OrphanId, RequestId};
use super::faults::drawn;
use super::pod::Orphan;
use super::{End, NOBODY, NONE, NOWHERE, Simulation, State};
use crate::engine::Time;
use crate::engine::rng::mix;
use crate::timeline::{Call, CallId, Phase, PodId, ViewId};
use crate::traffic::fate::nobody_there;
use crate::traffic::{CallOutcome, Cause, Failure, LossKey};

impl Simulation<'_> {
    /// The next call, from `step` on, of what drew these bits at a pod: its step, and which it is.
    fn call_from(&self, pod: PodId, bits: u32, step: u8) -> Option<(u8, CallId)> {
        let version = usize::from(self.present.pods[pod].version);
        let version = &self.present.versions.get(version)?;
        let made = |(step, id): &(u8, CallId)| {
            drawn(u64::from(bits), LUCK + u64::from(*step)) < self.calls.all[*id].how.share
        };
        let all = (0..NO_MORE).zip(version.calls.iter().copied());
        all.skip(usize::from(step)).find(made)
    }

    /// A pod begins to work on a request: its calls come when its own work is done.
    #[cold]
    pub fn serve_caller(&mut self, index: RequestId, (at, end): (i64, End), gives_up: i64) {
        let request = &self.requests[index];
        let (pod, bits, opens) = (request.pod, request.bits as u32, request.opens);
        let calls = !opens && self.call_from(pod, bits, 0).is_some();
        let errand = self.calls.errands.entry(index);
        debug_assert!(errand.call.is_none(), "who begins waits for nothing");
        (errand.step, errand.until, errand.heard) = (0, gives_up, None);
        let end = if calls && end == End::Answered { End::Calls } else { end };
        self.wait_until(index, at, State::Running(end));
    }

    /// The pod has done its own work, or a call has come back: the next call, else the answer.
    #[cold]
    pub fn calls_next(&mut self, index: RequestId) {
        let request = self.requests[index];
        let Errand { step, until, .. } = self.calls.errands[index];
        let bits = request.bits as u32;
        let Some((step, id)) = self.call_from(request.pod, bits, step) else {
            return self.answered(index);
        };
        self.calls.errands[index].step = step + 1;
        self.requests[index].complete = i64::MAX;
        debug_assert!(until >= self.now, "somebody waits for the answer");
        self.wait_until(index, until, State::Running(End::TooSlow));
        self.make(id, (request.pod, bits, step), Whose::Request(index));
    }

    /// What nobody waits for goes on with a call, if one comes.
    #[cold]
    pub fn orphan_calls(&mut self, place: OrphanId) -> bool {
        let Orphan { pod, bits, step, .. } = self.pods.orphans[place];
        let next = if pod == NOBODY { None } else { self.call_from(pod, bits, step) };
        let Some((step, id)) = next else { return false };
        self.pods.orphans[place].step = step + 1;
        debug_assert!(self.pods.orphans[place].call.is_none(), "one call after the other");
        self.make(id, (pod, bits, step), Whose::Orphan(place));
        true
    }

    /// A worker makes a call.
    fn make(&mut self, of: CallId, (by, bits, step): (PodId, u32, u8), whose: Whose) {
        let luck = mix(u64::from(bits) << 16 ^ mix(LUCK << 16 ^ u64::from(step)));
        let index = self.place(luck, NONE);
        self.requests[index].is_call = true;
        let errand = Errand { of, whose, by: Some(by), tries: 1, ..Errand::default() };
        *self.calls.errands.entry(index) = errand;
        match whose {
            Whose::Nobody => {}
            Whose::Request(caller) => self.calls.errands[caller].call = Some(index),
            Whose::Orphan(place) => self.pods.orphans[place].call = Some(index),
        }
        self.calls.under_way += 1;
        self.calls.adds(of, by);
        let count = &mut self.calls.counts[of];
        (count.made, count.tries) = (count.made + 1, count.tries + 1);
        debug_assert!(count.tries >= count.made, "each call is tried");
        self.client_tries(index);
    }

    /// A try of a call takes a connection that its pod keeps, or opens one.
    pub fn call_connects(&mut self, index: RequestId) {
        match self.calls.take(&self.present, index, self.now) {
            Some(connection) => self.send_on(index, connection),
            None => self.enter(index),
        }
    }

    /// Where a call begins: at the data plane of the node that it is made on, or at the proxy of its pod.
    #[cold]
    pub fn call_enters(&self, index: RequestId) -> ViewId {
        let Errand { of, by, .. } = self.calls.errands[index];
        let Call { entries, by_node, .. } = &self.calls.all[of];
        let place = by.map_or(0, |by| match by_node {
            true => self.present.pods[by].node.index(),
            false => by.index() % entries.len(),
        });
        *entries.get(place).unwrap_or(&entries[0])
    }

    /// A try of a call has failed; perhaps another follows.
    #[cold]
    pub fn call_failed(&mut self, index: RequestId, failure: Failure, cause: Cause) {
        let Errand { of, whose, by, tries, .. } = self.calls.errands[index];
        let (pod, view) = self.lost_at(index);
        let request = &self.requests[index];
        if request.pod != NOBODY {
            self.tally.call_over(request.pod, true, 0);
        }
        let how = self.calls.all[of].how;
        debug_assert!(tries <= how.retries + 1, "a call is tried no more often than it may");
        let again = whose != Whose::Nobody && tries <= how.retries && how.on.has(failure);
        if again && by.is_none_or(|by| self.calls.grants(of, by)) {
            let errand = &mut self.calls.errands[index];
            (errand.tries, errand.why) = (tries + 1, Some(cause));
            self.calls.counts[of].tries += 1;
            let request = &mut self.requests[index];
            let wait = how.waits(request.bits, tries);
            request.bits = mix(request.bits.wrapping_add(0x9e37_79b9_7f4a_7c15));
            return self.wait_until(index, self.now + wait, State::ClientRetry);
        }
        let count = &mut self.calls.counts[of];
        match whose {
            Whose::Nobody => count.unheard += 1,
            _ => *count.losses.entry(LossKey { failure, cause, pod, view }).or_insert(0) += 1,
        }
        let place = Place(pod.unwrap_or(NOBODY), view.unwrap_or(NOWHERE));
        self.call_over(index, Some((cause, place)));
    }

    /// A call is answered.
    #[cold]
    pub fn call_answered(&mut self, index: RequestId) {
        let request = &self.requests[index];
        self.tally.call_over(request.pod, false, self.now - request.began);
        debug_assert!(request.is_call && request.outer == 0, "its hops have passed it on");
        let Errand { of, whose, .. } = self.calls.errands[index];
        let count = &mut self.calls.counts[of];
        match whose {
            Whose::Nobody => count.unheard += 1,
            _ => count.answered += 1,
        }
        self.call_over(index, None);
    }

    /// A call is over: who waits for it hears of it before anything later happens.
    fn call_over(&mut self, index: RequestId, failed: Option<(Cause, Place)>) {
        let Errand { of, whose, .. } = self.calls.errands[index];
        let heard = failed.filter(|_| self.calls.all[of].how.otherwise.is_some());
        debug_assert!(self.calls.under_way > 0, "what is over was under way");
        self.calls.under_way -= 1;
        self.close(index);
        match whose {
            Whose::Nobody => {}
            Whose::Request(caller) => {
                let errand = &mut self.calls.errands[caller];
                debug_assert!(errand.call == Some(index), "it waits for this one");
                (errand.call, errand.heard) = (None, heard);
                self.requests[caller].complete = self.now;
                self.wait_until(caller, self.now, State::Running(End::Heard));
            }
            Whose::Orphan(place) => {
                let orphan = &mut self.pods.orphans[place];
                orphan.call = None;
                orphan.step = if heard.is_some() { NO_MORE } else { orphan.step };
                self.agenda.push(self.now, Event::Release(place));
            }
        }
    }

    /// A worker hears what has become of its call: it goes on, or answers that it failed.
    #[cold]
    pub fn hears(&mut self, index: RequestId) {
        let Some((cause, place)) = self.calls.errands[index].heard.take() else {
            return self.calls_next(index);
        };
        let request = &self.requests[index];
        let (pod, bits) = (request.pod, request.bits as u32);
        let step = self.calls.errands[index].step.saturating_sub(1);
        let (_, id) = self.call_from(pod, bits, step).expect("it made the call");
        debug_assert!(self.calls.errands[index].call.is_none(), "the call is over");
        let status = self.calls.all[id].how.otherwise.unwrap_or(503);
        self.calls.errands[index].lost = Some(place);
        self.pods.states[pod].served += 1;
        self.leave_service(pod);
        self.end_loads(index);
        self.keep_connection(index);
        self.answered_with(index, status, cause);
    }

    /// Nobody waits any longer for a request at a pod that may call: its worker goes on to the end.
    #[cold]
    pub fn caller_works_on(&mut self, index: RequestId, orphan: Orphan) {
        let errand = self.calls.errands.entry(index);
        let (call, failed) = (errand.call.take(), errand.heard.take().is_some());
        let request = &self.requests[index];
        let state = &mut self.pods.states[orphan.pod];
        let no_more = failed || request.opens || state.hung;
        let step = if no_more { NO_MORE } else { errand.step };
        let orphan = Orphan { step, call, ..orphan };
        if let Some(call) = call {
            let place = self.orphan(orphan);
            self.calls.errands[call].whose = Whose::Orphan(place);
            return;
        }
        let counts = state.concurrency.is_some();
        if !counts && self.call_from(orphan.pod, orphan.bits, step).is_none() {
            self.pods.states[orphan.pod].served += 1;
            return;
        }
        let complete = self.requests[index].complete;
        debug_assert!(complete >= self.now, "what is done is not worked on");
        self.goes_on(orphan, if complete == i64::MAX { self.now } else { complete });
    }

    /// The process that made a call is gone: whoever works on it goes on, for nobody.
    #[cold]
    pub fn caller_gone(&mut self, index: RequestId) {
        debug_assert!(self.requests[index].is_call, "a pod made it");
        self.calls.errands[index].whose = Whose::Nobody;
        self.requests[index].deadline = self.now;
        self.stacks.give_up(index, self.now);
        if self.guards.used {
            let patience = self.guards.patience.entry(index);
            *patience = (*patience).min(self.now);
        }
        match self.requests[index].state {
            State::Running(_) => {
                self.works_on(index);
                self.slow_answer(index, Cause::SlowAnswer);
            }
            _ => {
                self.requests[index].stamp = NONE;
                self.end_loads(index);
                self.hop_gives_up(index, Failure::Timeout, Cause::SlowAnswer);
            }
        }
    }

    /// What keeps a call from its answer for which a request waits, in the innermost of them, and where.
    #[cold]
    pub fn held_up(&mut self, index: RequestId) -> Option<Cause> {
        let mut call = self.calls.errands.get(index)?.call?;
        while let Some(inner) = self.calls.errands[call].call {
            call = inner;
        }
        let request = &self.requests[call];
        let at = request.pod;
        let hung = at != NOBODY && self.pods.states[at].hung;
        let cause = match request.state {
            State::Queued | State::Running(_) if hung => Cause::Fault,
            State::Queued => Cause::Overload,
            State::Failing(_, cause) | State::Over(_, cause) | State::Held(cause) => cause,
            State::Syn(_) if self.present.pods[at].phase == Phase::Serving => Cause::Overload,
            State::Syn(_) => nobody_there(&self.present.pods[at].lives, Time(request.began)),
            State::ClientRetry => self.calls.errands[call].why.unwrap_or(Cause::SlowAnswer),
            _ => Cause::SlowAnswer,
        };
        debug_assert!(call != index, "a call is another request than the one it is for");
        self.calls.errands[index].lost = Some(Place(at, request.view));
        Some(cause)
    }

    /// Where a request was lost: by a call of the pod that had it, or there itself.
    pub fn lost_at(&self, index: RequestId) -> (Option<PodId>, Option<ViewId>) {
        let request = &self.requests[index];
        let by_call = self.calls.errands.get(index).and_then(|errand| errand.lost);
        let Place(pod, view) = by_call.unwrap_or(Place(request.pod, request.view));
        ((pod != NOBODY).then_some(pod), (view != NOWHERE).then_some(view))
    }

    /// What became of the calls.
    pub fn calls_end(&mut self) -> Vec<CallOutcome> {
        let open = self.requests.pairs().filter(|(_, r)| r.is_call && r.state != State::Free);
        for index in open.map(|(index, _)| index) {
            self.calls.counts[self.calls.errands[index].of].open += 1;
        }
        debug_assert!(self.calls.used || self.calls.counts.is_empty(), "nobody else calls");
        let counts: Vec<CallOutcome> = std::mem::take(&mut self.calls.counts).into();
        counts.iter().for_each(CallOutcome::assert_conserved);
        counts
    }
}
