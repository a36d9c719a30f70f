//! What pods ask of other Services while they work on a request.

use super::id::ViewId;
use crate::engine::Dur;
use crate::engine::list::id;

id!(CallId(u16), "Index into [`Timeline::calls`](super::Timeline::calls).");

/// A call of the pods of one workload to a Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The workload that calls.
    pub from: String,
    /// The Service that it calls.
    pub to: String,
    /// Where a call begins.
    pub entries: Vec<ViewId>,
    /// One for each node: that of the pod that makes it. Else pods have proxies of their own.
    pub by_node: bool,
    /// How it is made.
    pub how: Asking,
}

/// How a call is made, and what becomes of the request that it is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asking {
    /// The share of requests that make it, 0 to 1.
    pub share: f64,
    /// One try fails without a complete answer within this.
    pub timeout: Dur,
    /// Further tries after a failure,
    pub retries: u32,
    /// of these kinds.
    pub on: CallRetryOn,
    /// Before the n-th further try: up to (2^n - 1) times the first, but no more than the second, at random.
    pub back_off: (Dur, Dur),
    /// What bounds further tries; None: nothing else does.
    pub budget: Option<CallBudget>,
    /// What the caller answers when the call has failed; None: it answers as if it had not.
    pub otherwise: Option<u16>,
    /// The connections that a calling pod keeps; None: each try opens its own.
    pub kept: Option<Keeping>,
}

/// Connections that a library keeps from one call to the next: each pod its own, for each call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keeping {
    /// It closes those that are idle for longer; None: never.
    pub idle_timeout: Option<Dur>,
    /// It keeps so many idle ones.
    pub most_idle: u32,
    /// It sends again, once more each time, what met a connection that the other end had closed.
    pub retry_stale: bool,
}

/// After which failures a call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallRetryOn {
    /// No connection came about.
    pub connect: bool,
    /// The connection ended without an answer.
    pub reset: bool,
    /// The answer is a status of 500 or more.
    pub status: bool,
    /// No answer came in time.
    pub timeout: bool,
}

/// What a calling pod lets its further tries use up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallBudget {
    /// Each call adds so much of a further try,
    pub share: f64,
    /// and no more than this is kept.
    pub most: f64,
}
