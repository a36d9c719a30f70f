//! Requests that are held in front of all until a pod has room for them: Knative's activator.

use super::event::RequestId;
use super::{Simulation, State};
use crate::engine::Dur;
use crate::timeline::{Empty, ViewId};
use crate::traffic::{Cause, Failure};

/// It looks so often whether a pod has room: the activator's own probes of pods that come are as frequent.
const LOOKS: Dur = Dur::from_millis(50);

impl Simulation<'_> {
    /// Whether a view has requests wait that it has nobody for.
    #[inline(always)]
    pub fn holds(&self, view: ViewId) -> bool {
        self.present.views[view].empty == Empty::Hold
    }

    /// Nobody has room for the request: it waits in front, for as long as its client does.
    #[cold]
    pub fn hold(&mut self, index: RequestId) {
        self.end_loads(index);
        let at = (self.now + LOOKS.0).min(self.requests[index].deadline);
        debug_assert!(at >= self.now, "nobody waits for the past");
        self.wait_until(index, at, State::Held);
    }

    /// A request that is held looks whether there is room by now.
    #[cold]
    pub fn looks_again(&mut self, index: RequestId) {
        debug_assert!(self.requests[index].state == State::Held, "it was held");
        if self.now >= self.requests[index].deadline {
            return self.hop_gives_up(index, Failure::Timeout, Cause::NoBackend);
        }
        self.enter(index);
    }

    /// Requests that are held.
    pub fn held(&self) -> f64 {
        self.requests.iter().filter(|r| r.state == State::Held).count() as f64
    }
}
