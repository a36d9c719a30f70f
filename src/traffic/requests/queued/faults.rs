//! Requests at a process with which something is wrong.

use super::event::RequestId;
use super::{End, Simulation, State};
use crate::engine::rng::mix;
use crate::timeline::{Condition, PodId};
use crate::traffic::Cause;

/// What a server says of an error of its own.
const ERROR: u16 = 500;

/// A number from 0 to 1 of those that a request draws.
pub fn drawn(bits: u64, purpose: u64) -> f64 {
    (mix(bits ^ mix(purpose)) >> 11) as f64 / (1u64 << 53) as f64
}

impl Simulation<'_> {
    /// How long a request takes that takes `service` where nothing is wrong.
    #[cold]
    pub fn troubled_ns(&self, pod: PodId, bits: u32, service: i64) -> i64 {
        let Condition { slower, waiting, wait, .. } = self.present.pods[pod].condition;
        let waits = drawn(u64::from(bits), 1) < waiting;
        (service as f64 * slower) as i64 + if waits { wait.0 } else { 0 }
    }

    /// Whether the answer to a request will be an error.
    #[cold]
    pub fn errs(&self, index: RequestId) -> bool {
        let request = &self.requests[index];
        drawn(request.bits, 2) < self.present.pods[request.pod].condition.errors
    }

    /// The answer is an error of the server.
    #[cold]
    pub fn erred(&mut self, index: RequestId) {
        debug_assert!(self.requests[index].complete == self.now, "it took its time");
        self.leave_service(self.requests[index].pod);
        self.end_loads(index);
        self.answered_with(index, ERROR, Cause::Fault);
    }

    /// Something else is wrong with the process of a pod.
    #[cold]
    pub fn condition_changes(&mut self, pod: PodId) {
        let condition = self.present.pods[pod].condition;
        let state = &mut self.pods.states[pod];
        state.troubled = condition != Condition::default();
        let hung = std::mem::replace(&mut state.hung, condition.hung);
        debug_assert!(state.troubled || !state.hung, "who hangs is in trouble");
        if condition.hung && !hung {
            self.hangs(pod);
        } else if hung && !condition.hung {
            for served in self.served(|r| r.pod == pod) {
                self.serve(served.index);
            }
            self.fill_slots(pod);
        }
    }

    /// What it works on is not done any more.
    fn hangs(&mut self, pod: PodId) {
        for served in self.served(|r| r.pod == pod) {
            let request = &mut self.requests[served.index];
            let at = request.answer_by.max(self.now);
            request.complete = i64::MAX;
            debug_assert!(at >= self.now, "patience ends later");
            self.wait_until(served.index, at, State::Running(End::TooSlow));
            if let Some(call) = self.calls.taken_from(served.index) {
                // Nobody reads its answer.
                self.caller_gone(call);
            }
        }
    }
}
