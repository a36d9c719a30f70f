//! Requests that are held in front of all until a pod has room for them: Knative's activator.

use super::event::RequestId;
use super::{Simulation, State};
use crate::engine::Dur;
use crate::timeline::{Empty, ViewId};
use crate::traffic::{Cause, Failure};

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
