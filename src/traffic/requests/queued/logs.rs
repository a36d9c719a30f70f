//! What a hop with a policy does when it is done with a request: it gives back what it held, and writes into
//! its log.

use super::Simulation;
use super::event::RequestId;
use super::guards::held;
use crate::traffic::{Failure, Flags};

impl Simulation<'_> {
    /// The hop is done with a request, which failed: what whoever sent it hears.
    #[cold]
    pub fn guard_gives_up(&mut self, index: RequestId, failure: Failure) -> Failure {
        let request = &self.requests[index];
        if request.held & !held::RETRY != 0 || request.load_count > 0 {
            self.end_loads(index);
        }
        let Some(patience) = self.guard_ends(index) else { return failure };
        let flags = std::mem::take(self.guards.flags.entry(index));
        let (now, tries) = (self.now, self.requests[index].tries);
        let request = &mut self.requests[index];
        request.deadline = patience;
        debug_assert!(tries > 0, "a hop that gives up has tried, or might have");
        let (failure, status, flags) = match failure {
            Failure::Timeout if now < patience => (Failure::Status(504), 504, Flags::UT),
            Failure::Status(status) => (failure, status, flags),
            _ => (failure, 0, Flags::DC),
        };
        self.tally.log(status, flags, tries);
        failure
    }

    /// The hop is done with a request, which was answered.
    #[cold]
    pub fn guard_answers(&mut self, index: RequestId) {
        let Some(patience) = self.guard_ends(index) else { return };
        *self.guards.flags.entry(index) = Flags::default();
        let request = &mut self.requests[index];
        request.deadline = patience;
        debug_assert!(patience >= self.now, "an answer comes while somebody waits");
        self.tally.log(200, Flags::default(), request.tries);
    }

    /// Gives back what a hop with a policy holds for the whole of a request; until when its client waits.
    fn guard_ends(&mut self, index: RequestId) -> Option<i64> {
        let request = &mut self.requests[index];
        let guard = self.guards.of(request.hop)?;
        debug_assert!(request.held & !held::RETRY == 0, "its last try has let go");
        if request.held & held::RETRY != 0 {
            guard.retries -= 1;
        }
        request.held = 0;
        let patience = self.guards.patience.get(index).copied();
        Some(patience.unwrap_or(request.deadline))
    }
}
