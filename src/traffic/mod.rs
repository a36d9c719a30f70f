//! Requests against a timeline: arrivals, client behaviour, the two evaluators, causes and blame.

pub mod choice;
pub mod exact;
pub mod fate;
pub mod flags;
pub mod levels;
pub mod meter;
pub mod offered;
pub mod outlier;
pub mod plan;
pub mod random;
pub mod requests;
pub mod service;
pub mod tally;

pub use choice::{Mode, Reads, choose, mode};
pub use flags::{Flags, Logged};
pub use requests::{Followed, Try};

use crate::engine::{Dur, Seed, Time};
use crate::timeline::{PodId, Timeline, ViewId};
use crate::traffic::offered::Traffic;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// Which evaluator to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvaluatorChoice {
    /// `exact` where it is exact, else `requests`.
    #[default]
    Auto,
    /// Where it is not exact the outcome says so, and `run::refusal` why.
    Exact,
    /// The integrals of `exact` also where they leave something out.
    Approximate,
    /// Single requests, after the control plane.
    Requests,
    /// `requests`, in step with the control plane.
    Stepped,
}

/// What the requests of `traffic` meet on `timeline`. `seed` is that of the replication; `exact` does not
/// use it.
pub fn evaluate(
    timeline: &Timeline,
    traffic: &Traffic,
    seed: Seed,
    choice: EvaluatorChoice,
) -> TrafficOutcome {
    match choose(timeline, traffic, choice).0 {
        Evaluator::Requests => requests::evaluate(timeline, traffic, seed),
        evaluator => TrafficOutcome { evaluator, ..exact::evaluate(timeline, traffic) },
    }
}

/// What the client sees of a failed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// ECONNREFUSED.
    Refused,
    /// ECONNRESET.
    Reset,
    /// Connection closed without an answer.
    Eof,
    /// No complete answer within the client's timeout.
    Timeout,
    /// EHOSTUNREACH.
    NoRoute,
    /// An HTTP error status.
    Status(u16),
}

/// Why a request failed: where belief and truth differed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Sent to a pod whose process does not listen yet (ready too early).
    NotListeningYet,
    /// Sent to a pod whose listener is closed while the process drains.
    ListenerClosed,
    /// Sent to a pod whose process is gone.
    ProcessGone,
    /// Sent to an address that no longer exists.
    AddressGone,
    /// Running when the process exited on SIGTERM.
    CutByExit,
    /// Running when the grace period ended in SIGKILL.
    CutByKill,
    /// Running when the process crashed or was restarted by a probe.
    CutByCrash,
    /// Running when the balancer's deregistration delay ended.
    CutByDeregistration,
    /// Running on a connection when the server that had ended it for its age no longer waited.
    CutByAge,
    /// Running when a router sent its connection to another node.
    Rehash,
    /// Sent on an idle keep-alive connection that was being closed.
    IdleRace,
    /// No backend was routable.
    NoBackend,
    /// Sent to a proxy whose pod has closed its listener, or under way in one that goes.
    ProxyGone,
    /// While the data plane rewrote its rules.
    RuleGap,
    /// Sent to a pod whose process listens, before the proxy in the pod does.
    SidecarLate,
    /// Sent to a pod whose process listens, after the proxy in the pod has gone.
    SidecarGone,
    /// Running when the proxy in the pod went.
    CutBySidecar,
    /// Waiting in the backlog of a listener that closed.
    Backlog,
    /// More was under way than a proxy's circuit breaker allows.
    CircuitBreaker,
    /// More came than a proxy's rate limit allows.
    RateLimit,
    /// The pod's queue was full, or waiting for a slot took too long.
    Overload,
    /// The answer took longer than the client waits.
    SlowAnswer,
    /// Sent to a process that a fault keeps from answering, or has answer with errors.
    Fault,
    /// Sent to a node that was lost, or running there when it was.
    NodeLost,
}

/// Failures alike in all that matters to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LossKey {
    /// What the client saw.
    pub failure: Failure,
    /// Why.
    pub cause: Cause,
    /// The pod it was sent to (the last try), if any.
    pub pod: Option<PodId>,
    /// The data-plane instance that chose it.
    pub view: Option<ViewId>,
}

/// Per second of send time, relative to the action (second 0 starts at the action).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Second {
    /// Answered, by version index. Two versions are the rule, and there are many seconds: those two take no
    /// allocation.
    pub answered: SmallVec<[f64; 2]>,
    /// By what the client saw.
    pub failed: BTreeMap<Failure, f64>,
}

/// What one replication did to the requests. Counts are whole numbers from `requests` and expectations
/// from `exact`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrafficOutcome {
    /// How these counts were found.
    pub evaluator: Evaluator,
    /// All requests of the window.
    pub sent: f64,
    /// Indexed as [`Timeline::versions`].
    pub answered_by_version: Vec<f64>,
    /// Failed requests.
    pub losses: BTreeMap<LossKey, f64>,
    /// Answered later than the stall threshold.
    pub stalled: f64,
    /// What proxies that write flags (Envoy) would log of requests, and how often; empty: there is none.
    pub logged: BTreeMap<Logged, f64>,
    /// What became of connections that clients keep open; None: there are none.
    pub connections: Option<Box<ConnectionsOutcome>>,
    /// What became of each call that pods make, in the order of [`Timeline::calls`].
    pub calls: Vec<CallOutcome>,
    /// Single requests, in the order of their ends, where they were asked for; else empty.
    pub followed: Vec<Followed>,
    /// Still open at the end of the timeline: sent = answered + failed + open.
    pub open: f64,
    /// By second of send time; second 0 begins at the action.
    pub by_second: BTreeMap<i32, Second>,
    /// Requests that were sent to each pod, indexed as [`Timeline::pods`].
    pub by_pod: Vec<f64>,
    /// None: nothing was answered.
    pub latency: Option<Latency>,
    /// The same with failed requests, until the failure was known. None: not known (from `exact`).
    pub latency_of_all: Option<Latency>,
    /// Send times of the first and last failed request (None: none failed; from `exact`: the bounds of the
    /// intervals with losses).
    pub first_failure: Option<Time>,
    /// As `first_failure`, for the last one.
    pub last_failure: Option<Time>,
    /// Variance of the number of failed requests given this timeline (0 from `requests`).
    pub variance: f64,
    /// Probability that none fails given this timeline (0 or 1 from `requests`).
    pub probability_none: f64,
}

/// What became of connections that clients keep open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectionsOutcome {
    /// How many clients keep.
    pub kept: u32,
    /// Those that ended under their clients, by why.
    pub cut: BTreeMap<Cause, u32>,
    /// Those that servers ended for their age.
    pub renewed: u32,
    /// Attempts to connect again.
    pub attempts: u32,
    /// Attempts that failed, by what the client saw.
    pub failed: BTreeMap<Failure, u32>,
    /// Most attempts in one second.
    pub peak_per_s: u32,
    /// When the first ended.
    pub first_cut: Option<Time>,
    /// Since when all are open again; None: they are not, or none ended.
    pub back: Option<Time>,
    /// Longest time that a client was without its connection.
    pub longest_away: Dur,
    /// Open ones on each pod that serves at the end.
    pub by_pod: Vec<u32>,
}

/// What became of the calls that pods of one workload make to one Service.
///
/// Each has exactly one end: made = answered + failed + unheard + open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallOutcome {
    /// Calls.
    pub made: u64,
    /// Tries of these, first ones included.
    pub tries: u64,
    /// Further tries that the budget did not let happen.
    pub refused: u64,
    /// Calls that were answered.
    pub answered: u64,
    /// Calls that failed for a caller that waited for them.
    pub losses: BTreeMap<LossKey, u64>,
    /// Calls whose caller was gone before they were over.
    pub unheard: u64,
    /// Calls still open at the end of the timeline.
    pub open: u64,
}

impl CallOutcome {
    /// Calls that failed for a caller that waited for them.
    pub fn failed(&self) -> u64 {
        self.losses.values().sum()
    }

    /// Every call has one end.
    ///
    /// # Panics
    /// If one has not: a bug of the evaluator.
    pub fn assert_conserved(&self) {
        let ends = self.answered + self.failed() + self.unheard + self.open;
        assert!(self.made == ends, "{} calls made, {ends} ended: {self:?}", self.made);
    }
}

/// Latency of answered requests, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// Of all answers.
    pub mean_s: f64,
    /// The fastest answer.
    pub min_s: f64,
    /// The median.
    pub p50_s: f64,
    /// Nine of ten answers take no longer.
    pub p90_s: f64,
    /// 95 % of the answers take no longer.
    pub p95_s: f64,
    /// 99 % of the answers take no longer.
    pub p99_s: f64,
    /// The slowest answer.
    pub max_s: f64,
}

/// How requests were evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evaluator {
    /// By integrals over the timeline: expectations, without sampling.
    #[default]
    Exact,
    /// As `Exact`, but something is left out.
    Approximate,
    /// Each request was drawn and followed.
    Requests,
}

impl Evaluator {
    /// Every one, in the order of their names in results.
    pub const ALL: [Evaluator; 3] = [Evaluator::Exact, Evaluator::Approximate, Evaluator::Requests];

    /// As options, plans and results write it.
    pub fn name(self) -> &'static str {
        match self {
            Evaluator::Exact => "exact",
            Evaluator::Approximate => "approximate",
            Evaluator::Requests => "requests",
        }
    }
}

impl TrafficOutcome {
    /// Every request is answered, failed or open.
    ///
    /// # Panics
    /// If one is not: a bug of the evaluator.
    pub fn assert_conserved(&self) {
        self.assert_conserved_with(self.failed());
    }

    /// As `assert_conserved`, where the number of failed requests is known.
    fn assert_conserved_with(&self, failed: f64) {
        let answered: f64 = self.answered_by_version.iter().sum();
        let (open, sent) = (self.open, self.sent);
        let missing = sent - answered - failed - open;
        assert!(
            missing.abs() <= 1e-6 * (1.0 + sent.abs()),
            "{sent} sent, {answered} answered, {failed} failed, {open} open"
        );
    }

    /// All failed requests; a whole number only from `requests`.
    pub fn failed(&self) -> f64 {
        // Not `sum`: that of nothing is -0.0.
        self.losses.values().fold(0.0, |sum, n| sum + n)
    }

    /// Failed requests by what the client saw.
    pub fn by_failure(&self) -> BTreeMap<Failure, f64> {
        let mut sums = BTreeMap::new();
        for (key, n) in &self.losses {
            *sums.entry(key.failure).or_insert(0.0) += n;
        }
        sums
    }

    /// Failed requests by why they failed.
    pub fn by_cause(&self) -> BTreeMap<Cause, f64> {
        let mut sums = BTreeMap::new();
        for (key, n) in &self.losses {
            *sums.entry(key.cause).or_insert(0.0) += n;
        }
        sums
    }
}
