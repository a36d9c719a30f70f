//! One try after the other: from the entry through the views to a pod, and what a layer-7 hop does when a
//! try fails.

use super::super::view::VIEW;
use super::event::RequestId;
use super::pools::Reuse;
use super::{Counted, NONE, NOWHERE, Simulation, State};
use crate::engine::rng::mix;
use crate::timeline::{Phase, Pick, PodId, ViewId};
use crate::traffic::{Cause, Failure, Flags};

/// How a try of a hop failed.
struct Failed {
    /// The hop may try again.
    again: bool,
    /// What it answers if it does not.
    code: u16,
    cause: Cause,
    /// It uses up one of the tries.
    counts: bool,
    /// Before the same backend is tried again there is a wait.
    waits: bool,
}

impl Simulation<'_> {
    /// Sends a request from its entry.
    #[inline(always)]
    pub fn enter(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        debug_assert!(
            request.outer == 0 && request.load_count == 0,
            "a try begins with the client"
        );
        request.hop = NOWHERE;
        request.reused = false;
        request.tries = 1;
        request.tried = [NONE; 4];
        request.began = self.now;
        let (u, is_call) = ((request.bits >> 32) as u32, request.is_call);
        let view = if is_call { self.call_enters(index) } else { self.present.enter() };
        self.forward(index, view, view, u);
    }

    /// Follows a request from `view`, to which `through` led, to a pod.
    #[inline(always)]
    pub fn forward(&mut self, index: RequestId, mut through: ViewId, mut view: ViewId, mut u: u32) {
        loop {
            if self.present.hops[view].is_some() {
                let hop = self.requests[index].hop;
                if hop != view {
                    if hop != NOWHERE && !self.present.is_same_proxy(hop, view) {
                        self.passed_on(index, through);
                    }
                    let request = &mut self.requests[index];
                    (request.hop, request.tries) = (view, 1);
                    request.tried = [NONE; 4];
                    if self.guards.used && !self.guard_admits(index, view) {
                        return;
                    }
                }
            }
            if self.present.views[view].cannot_forward() {
                return self.no_backend(index, view);
            }
            let slot;
            debug_assert!(
                !self.present.views[view].slots.is_empty(),
                "there is somebody to send to"
            );
            (slot, u) = self.choose(index, view, u);
            if self.requests[index].hop == view {
                self.requests[index].slot = slot;
                if self.guards.used && !self.guard_sends(index, view) {
                    return;
                }
                match self.reuse(index, view, slot) {
                    Reuse::No if self.guards.used && !self.guard_connects(index, view) => return,
                    Reuse::No => {}
                    Reuse::Sent => return,
                    Reuse::Passed(idle) => {
                        (through, view) = (idle.through, idle.view);
                        continue;
                    }
                }
            }
            if slot & VIEW == 0 {
                return self.connect(index, view, PodId(slot));
            }
            (through, view) = (view, ViewId(slot & !VIEW));
        }
    }

    /// Picks a slot of a view, not one that the hop has tried if it may not and another is left.
    #[inline(always)]
    fn choose(&mut self, index: RequestId, view: ViewId, u: u32) -> (u32, u32) {
        let request = &self.requests[index];
        let (slot, rest) = if request.tried[0] != NONE && request.hop == view {
            self.choose_untried(index, view, u)
        } else {
            self.pick(view, u)
        };
        if self.present.views[view].pick.sees_load() {
            debug_assert!(slot != NONE, "a view that forwards lists somebody");
            let id = self.loads.id(slot);
            self.loads.views[view].begin(id);
            let request = &mut self.requests[index];
            request.loads[request.load_count as usize] = Counted { view, backend: id as u32 };
            request.load_count += 1;
        }
        (slot, rest)
    }

    #[inline(always)]
    fn pick(&mut self, view: ViewId, u: u32) -> (u32, u32) {
        let (now, u) = self.present.views[view].part(u);
        match now.pick {
            Pick::Ewma => {
                let (a, b, rest) = now.two_places(u);
                let (a, b) = (now.slots[a], now.slots[b]);
                (self.faster(view, a, b), rest)
            }
            Pick::LeastOutstanding | Pick::TwoChoices | Pick::LeastRequest => {
                self.loads.pick(now, view, u)
            }
            Pick::Random | Pick::RoundRobin | Pick::FlowHash => now.next_slot(u),
        }
    }

    /// The one with the better score; a new one counts as the mean of all.
    fn faster(&self, view: ViewId, a: u32, b: u32) -> u32 {
        let (id_a, id_b) = (self.loads.id(a), self.loads.id(b));
        let (mut x, mut y) =
            (self.scores.of(view, id_a, self.now), self.scores.of(view, id_b, self.now));
        if x.is_nan() || y.is_nan() {
            let slots = &self.present.views[view].slots;
            let known = slots.iter().map(|s| self.scores.of(view, self.loads.id(*s), self.now));
            let (sum, count) =
                known.filter(|s| !s.is_nan()).fold((0.0, 0.0), |(s, n), x| (s + x, n + 1.0));
            let mean = if count > 0.0 { sum / count } else { 0.0 };
            x = if x.is_nan() { mean } else { x };
            y = if y.is_nan() { mean } else { y };
        }
        if y < x { b } else { a }
    }

    #[cold]
    fn choose_untried(&mut self, index: RequestId, view: ViewId, u: u32) -> (u32, u32) {
        let request = self.requests[index];
        if self.l7(view).is_some_and(|l7| l7.retry_same) {
            return (request.tried[0], u);
        }
        if let Some(policy) = self.policy(view) {
            let draws = if policy.previous_hosts { 1 + policy.selections } else { 1 };
            return self.choose_again(view, u, draws, &request.tried);
        }
        let last = self.l7(view).is_some_and(|l7| l7.exclude_last);
        let exclude = last || self.l7(view).is_some_and(|l7| l7.exclude_tried);
        let tried = if last { &request.tried[..1] } else { &request.tried[..] };
        let untried = |slot: &u32| !tried.contains(slot);
        let left = self.present.views[view].slots.iter().filter(|s| untried(s)).count();
        if !exclude || left == 0 {
            return self.pick(view, u);
        }
        // Draw until it is one of those left; an unlucky draw takes the first of them.
        let mut number = u64::from(u);
        for _ in 0..64 {
            let (slot, rest) = self.pick(view, number as u32);
            if untried(&slot) {
                return (slot, rest);
            }
            number = mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15));
        }
        let slots = &self.present.views[view].slots;
        (*slots.iter().find(|s| untried(s)).expect("one is left"), u)
    }

    /// Draws until it is a slot that was not tried; the last of so many draws counts.
    fn choose_again(&mut self, view: ViewId, u: u32, draws: u32, tried: &[u32]) -> (u32, u32) {
        let mut number = u64::from(u);
        let mut drawn = self.pick(view, u);
        for _ in 1..draws {
            if !tried.contains(&drawn.0) {
                break;
            }
            number = mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15));
            drawn = self.pick(view, number as u32);
        }
        drawn
    }

    /// Opens a connection to a pod.
    #[inline(always)]
    pub fn connect(&mut self, index: RequestId, view: ViewId, pod: PodId) {
        debug_assert!(pod.index() < self.present.pods.len(), "who is chosen is there");
        let request = &mut self.requests[index];
        (request.pod, request.view, request.reused) = (pod, view, false);
        self.note_try(index);
        let drops = self.pods.states[pod].drops();
        let pod = &self.present.pods[pod];
        if pod.phase == Phase::Serving && !drops {
            self.requests[index].life = pod.life;
            return self.admit(index);
        }
        self.knock(index, 0);
    }

    /// A try is over: its backends' loads and scores learn of it.
    #[inline(always)]
    pub fn end_loads(&mut self, index: RequestId) {
        if self.requests[index].held != 0 {
            self.guard_lets_go(index);
        }
        let request = &mut self.requests[index];
        debug_assert!(self.now >= request.began, "a try ends after it began");
        let seconds = (self.now - request.began) as f64 * 1e-9;
        for &Counted { view, backend } in request.counted() {
            self.loads.views[view].end(backend as usize);
            if self.present.views[view].pick == Pick::Ewma {
                self.scores.update(view, backend as usize, self.now, seconds);
            }
        }
        request.load_count = 0;
    }

    /// No connection came about; `Eof`: none behind the one to a proxy at layer 4, which ends.
    pub fn connect_failed(&mut self, index: RequestId, failure: Failure, cause: Cause) {
        if failure == Failure::Eof {
            if self.guards.used {
                self.guard_connected(index);
            }
            return self.answer_failed(index, failure, cause);
        }
        self.end_loads(index);
        self.note_failed_try(index, failure);
        let request = &self.requests[index];
        let late = self.now >= request.deadline;
        let Some(l7) = self.l7(request.hop).filter(|_| !late) else {
            let failure = if late { Failure::Timeout } else { failure };
            return self.hop_gives_up(index, failure, cause);
        };
        let (on, status) = (l7.retry_on, l7.status);
        if self.guards.used {
            self.guards.note(index, Flags::UF);
            self.guard_hears(index, if failure == Failure::Timeout { 504 } else { 503 });
        }
        let may = !on.only_idempotent || !self.requests[index].non_idempotent;
        // A wait before the same backend is tried again is for failures that come at once.
        let waits = failure != Failure::Timeout;
        let (again, code) = match failure {
            Failure::Timeout => (on.connect_timeout, status.connect_timeout),
            Failure::NoRoute => (on.refused, status.unreachable),
            Failure::Reset => (on.refused, status.reset),
            _ => (on.refused, status.refused),
        };
        self.hop_failed(index, Failed { again: again && may, code, cause, counts: true, waits });
    }

    /// The connection was there, the answer did not come.
    pub fn answer_failed(&mut self, index: RequestId, failure: Failure, cause: Cause) {
        self.end_loads(index);
        self.note_failed_try(index, failure);
        let request = &self.requests[index];
        let Some(l7) = self.l7(request.hop) else {
            return self.hop_gives_up(index, failure, cause);
        };
        let (on, status, pool) = (l7.retry_on, l7.status, l7.pool);
        if self.guards.used {
            let slow = failure == Failure::Timeout;
            self.guards.note(index, if slow { Flags::UT } else { Flags::UC });
            self.guard_hears(index, if slow { 504 } else { 503 });
        }
        let request = &self.requests[index];
        let may = on.non_idempotent || !request.non_idempotent;
        if failure == Failure::Timeout {
            let (again, code) = (on.response_timeout && may, status.response_timeout);
            return self
                .hop_failed(index, Failed { again, code, cause, counts: true, waits: false });
        }
        // A try that only met a stale connection is given back.
        let stale = request.reused && on.reused_reset;
        if request.reused && pool.is_some_and(|p| p.closes_client) && !(on.reset || stale) {
            return self.hop_gives_up(index, Failure::Eof, cause);
        }
        let again = (on.reset || stale) && may;
        let (code, counts) = (status.reset, !stale);
        self.hop_failed(index, Failed { again, code, cause, counts, waits: !request.reused });
    }

    /// A backend answered with a status of its own, which the client gets unless the hop tries again.
    #[cold]
    pub fn answered_with(&mut self, index: RequestId, code: u16, cause: Cause) {
        self.note_failed_try(index, Failure::Status(code));
        if self.guards.used {
            self.guard_hears(index, code);
        }
        let request = &self.requests[index];
        let on = self.l7(request.hop).map(|l7| l7.retry_on).unwrap_or_default();
        let may = on.non_idempotent || !request.non_idempotent;
        let again = may && on.statuses.has(code);
        if !again || self.now >= request.deadline {
            return self.hop_gives_up(index, Failure::Status(code), cause);
        }
        self.hop_failed(index, Failed { again, code, cause, counts: true, waits: false });
    }

    fn hop_failed(&mut self, index: RequestId, failed: Failed) {
        let Failed { again, code, cause, counts, waits } = failed;
        let request = &self.requests[index];
        let tries = self.present.hops[request.hop].as_ref().expect("a hop").tries;
        debug_assert!(request.tries <= tries.max(1), "a hop tries no more often than it may");
        if again && counts && request.tries >= tries && tries > 1 {
            self.guards.note(index, Flags::URX);
        }
        if !again
            || (counts && request.tries >= tries)
            || (self.guards.used && !self.guard_retries(index))
        {
            return self.hop_gives_up(index, Failure::Status(code), cause);
        }
        let request = &mut self.requests[index];
        let l7 = self.present.hops[request.hop].as_ref().expect("a hop");
        request.tries += u32::from(counts);
        request.tried.rotate_right(1);
        request.tried[0] = request.slot;
        request.bits = mix(request.bits.wrapping_add(0x9e37_79b9_7f4a_7c15));
        let request = self.requests[index];
        let mut slots = self.present.views[request.hop].slots.iter();
        let others = match (l7.exclude_tried, l7.exclude_last) {
            (true, _) => slots.any(|s| !request.tried.contains(s)),
            (_, true) => slots.any(|s| *s != request.slot),
            _ => false,
        };
        let delay = match &l7.policy {
            Some(policy) => self.backs_off(policy, &request),
            None if others || !waits => 0,
            None => l7.retry_delay.0,
        };
        if delay > 0 || !counts {
            let at = (self.now + delay).min(request.deadline);
            return self.wait_until(index, at, State::HopRetry);
        }
        self.hop_tries_again(index);
    }

    /// A hop's wait before a further try is over.
    pub fn hop_tries_again(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        debug_assert!(request.hop != NOWHERE, "it is a hop that tries again");
        if self.now >= request.deadline {
            return self.hop_gives_up(index, Failure::Timeout, Cause::SlowAnswer);
        }
        request.began = self.now;
        request.reused = false;
        self.calls.forget(index);
        let request = &self.requests[index];
        let (hop, u) = (request.hop, (request.bits >> 32) as u32);
        self.forward(index, hop, hop, u);
    }
}
