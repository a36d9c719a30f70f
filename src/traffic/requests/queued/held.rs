//! Requests that find nobody: lost, or held in front of all until a pod has room for them (Knative's
//! activator).

use super::event::RequestId;
use super::{NOBODY, Simulation, State};
use crate::engine::{Dur, Time};
use crate::timeline::{Empty, ViewId};
use crate::traffic::plan::Rules;
use crate::traffic::{Cause, Failure, Flags};

impl Simulation<'_> {
    /// Whether a view has requests wait that it has nobody for, and how often they look again.
    #[inline(always)]
    pub fn holds(&self, view: ViewId) -> Option<Dur> {
        match self.present.views[view].empty {
            Empty::Hold(look) => Some(look),
            _ => None,
        }
    }

    /// Nobody has room for the request: it waits in front, for as long as its client does.
    #[cold]
    pub fn hold(&mut self, index: RequestId, view: ViewId, (look, lost_to): (Dur, Cause)) {
        self.end_loads(index);
        self.requests[index].view = view;
        let at = (self.now + look.0).min(self.requests[index].deadline);
        debug_assert!(at >= self.now, "nobody waits for the past");
        self.wait_until(index, at, State::Held(lost_to));
    }

    /// A view has nobody to send a request to.
    pub fn no_backend(&mut self, index: RequestId, view: ViewId) {
        if let Some(look) = self.holds(view) {
            return self.hold(index, view, (look, Cause::NoBackend));
        }
        let rules = Rules::new(self.patience(index), self.l7(self.requests[index].hop));
        let now = &self.present.views[view];
        let arp = self.present.arp_failure;
        let (failure, cause, after) = rules.no_backend(now.empty, now.in_gap, arp);
        let known = Time(self.now) + after;
        self.guards.note(index, Flags::UH);
        let request = &mut self.requests[index];
        (request.pod, request.view) = (NOBODY, view);
        let deadline = request.deadline;
        self.note_try(index);
        if known.0 <= self.now {
            self.hop_gives_up(index, failure, cause);
        } else {
            let (at, late) = (known.0.min(deadline), known.0 >= deadline);
            let failure = if late { Failure::Timeout } else { failure };
            self.wait_until(index, at, State::Over(failure, cause));
        }
    }

    /// A request that is held looks whether there is room by now.
    #[cold]
    pub fn looks_again(&mut self, index: RequestId, lost_to: Cause) {
        debug_assert!(self.requests[index].state == State::Held(lost_to), "it was held");
        if self.now >= self.requests[index].deadline {
            return self.hop_gives_up(index, Failure::Timeout, lost_to);
        }
        self.enter(index);
    }

    /// Requests that are held, by the view that has nobody for them.
    pub fn held(&self) -> impl Iterator<Item = ViewId> {
        self.requests.iter().filter(|r| matches!(r.state, State::Held(_))).map(|r| r.view)
    }
}
