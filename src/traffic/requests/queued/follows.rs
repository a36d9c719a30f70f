//! Single requests, where somebody follows them.

use super::Simulation;
use super::event::RequestId;
use crate::traffic::{Cause, Failure};

impl Simulation<'_> {
    /// Single requests are asked for: the outcome will list them.
    pub fn follow(&mut self) {
        assert!(self.tally.sent == 0, "requests are followed from the first one on");
        self.journal = Some(Box::default());
    }

    /// A try of a request begins, where somebody follows it.
    #[inline(always)]
    pub fn note_try(&mut self, index: RequestId) {
        if self.requests[index].is_aside() {
            return;
        }
        if let Some(journal) = &mut self.journal {
            journal.tries(index, &self.requests[index], self.now);
        }
    }

    /// The try of a request failed, where somebody follows it.
    #[inline(always)]
    pub fn note_failed_try(&mut self, index: RequestId, failure: Failure) {
        if self.requests[index].is_aside() {
            return;
        }
        if let Some(journal) = &mut self.journal {
            journal.try_ends(index, self.now, Some(failure));
        }
    }

    /// A request is over, where somebody follows it.
    #[inline(always)]
    pub fn note_end(&mut self, index: RequestId, failed: Option<(Failure, Cause)>) {
        if let Some(journal) = &mut self.journal {
            journal.ends(index, self.requests[index].sent, self.now, failed);
        }
    }
}
