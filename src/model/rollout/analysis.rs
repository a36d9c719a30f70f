//! What becomes of a metric of an analysis, by its measurements so far.
//!
//! Source: `analysis/analysis.go` of argoproj/argo-rollouts.

pub use crate::cluster::release::Found;
use crate::cluster::release::Limits;

/// What an analysis, or a metric of one, has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Still measuring.
    Running,
    /// Over, and well.
    Successful,
    /// It could not tell: the release pauses.
    Inconclusive,
    /// Its measurements could not be made.
    Error,
    /// Over, and not well: the release aborts.
    Failed,
}

/// The measurements of a metric so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that succeeded.
    pub successful: i32,
    /// Those that failed.
    pub failed: i32,
    /// Those that could not tell.
    pub inconclusive: i32,
    /// All of these; errors are none.
    pub count: i32,
    /// Errors since the last of these.
    pub consecutive_error: i32,
    /// Successes since the last of the others.
    pub consecutive_success: i32,
}

impl Counts {
    /// One more.
    pub fn add(&mut self, found: Found) {
        let before = self.count;
        self.count += i32::from(found != Found::Error);
        self.successful += i32::from(found == Found::Success);
        self.failed += i32::from(found == Found::Failure);
        self.inconclusive += i32::from(found == Found::Unclear);
        let goes_on = |n: i32, is: bool| if is { n + 1 } else { 0 };
        self.consecutive_error = goes_on(self.consecutive_error, found == Found::Error);
        self.consecutive_success = goes_on(self.consecutive_success, found == Found::Success);
        debug_assert!(self.count >= before, "what was measured stays");
    }
}

/// What a metric has come to; `stopped`: the release needs no more of it.
///
/// `analysis.go: assessMetricStatus`.
pub fn assess(counts: Counts, limits: Limits, stopped: bool) -> Verdict {
    let beyond = |n: i32, limit: i32| limit >= 0 && n > limit;
    if beyond(counts.failed, limits.failure) {
        return Verdict::Failed;
    }
    if beyond(counts.inconclusive, limits.inconclusive) {
        return Verdict::Inconclusive;
    }
    if counts.consecutive_error > limits.consecutive_error {
        return Verdict::Error;
    }
    let enough = limits.consecutive_success.map(|wanted| counts.consecutive_success >= wanted);
    if enough == Some(true) {
        return Verdict::Successful;
    }
    if limits.count.is_some_and(|count| counts.count >= count) {
        return match enough {
            None => Verdict::Successful,
            Some(_) if limits.failure < 0 => Verdict::Failed,
            Some(_) => Verdict::Inconclusive,
        };
    }
    if stopped { Verdict::Successful } else { Verdict::Running }
}
