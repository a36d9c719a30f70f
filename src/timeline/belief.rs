//! What data-plane instances believe is routable, over time, and what they do with a request.

use super::id::{PodId, ViewId};
use super::near::Near;
use super::policy::{Policy, Statuses};
use crate::engine::{Dur, Time};
use std::sync::Arc;

/// One data-plane instance's belief: a kube-proxy on a node, an ALB node, an nginx worker, a sidecar.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// As answers show it.
    pub name: String,
    /// How it chooses among its backends.
    pub hop: Hop,
    /// Backends at `Timeline::start`, then changes in time order. Changes at one instant are atomic.
    pub initial: Vec<Backend>,
    /// What it learned since, in order of time.
    pub changes: Vec<ViewChange>,
    /// Intervals in which the instance has neither a rule to reject nor one to forward: the client's packet
    /// leaves by the default route and comes back as "no route to host".
    pub gaps: Vec<(Time, Time)>,
    /// Which backends it prefers by where they run; None: all are alike.
    pub near: Option<Arc<Near>>,
}

impl View {
    /// Whether its rules are being rewritten at `at`.
    pub fn in_gap(&self, at: Time) -> bool {
        let begun = self.gaps.partition_point(|gap| gap.0 <= at);
        self.gaps[..begun].last().is_some_and(|gap| at < gap.1)
    }

    /// All that it ever lists, as often as it is listed.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        let listed = self.initial.iter().map(|backend| backend.target);
        listed.chain(self.changes.iter().map(|change| change.target))
    }

    /// Whether it lists the target at `at`, as far as is known by now.
    pub fn lists(&self, target: Target, at: Time) -> bool {
        let known = &self.changes[..self.changes.partition_point(|change| change.at <= at)];
        match known.iter().rfind(|change| change.target == target) {
            Some(change) => change.kind != ChangeKind::Remove,
            None => self.initial.iter().any(|backend| backend.target == target),
        }
    }

    /// The shares of a view that lists other views alone, and always the same; None: it is not of that kind.
    pub fn fixed_shares(&self) -> Option<impl Iterator<Item = (ViewId, f64)>> {
        let total: f64 = self.initial.iter().map(|b| f64::from(b.weight)).sum();
        let mut targets = self.initial.iter().map(|b| b.target);
        let fixed = self.changes.is_empty() && self.gaps.is_empty() && !self.initial.is_empty();
        let views = fixed && targets.all(|t| matches!(t, Target::View(_)));
        let share = move |b: &Backend| match b.target {
            Target::View(view) => Some((view, f64::from(b.weight) / total)),
            Target::Pod(_) => None,
        };
        views.then(|| self.initial.iter().filter_map(share))
    }
}

/// A target of a view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backend {
    /// Where requests go.
    pub target: Target,
    /// Relative weight among the backends (1 unless slow start or weights are set).
    pub weight: f32,
}

/// What requests are passed on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The pod itself.
    Pod(PodId),
    /// A further hop: a node's kube-proxy behind an ALB in instance mode, say.
    View(ViewId),
}

/// A data plane learns something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewChange {
    /// When it acts on it from.
    pub at: Time,
    /// Whom it is about.
    pub target: Target,
    /// What it learns.
    pub kind: ChangeKind,
}

/// Whether a target is among the backends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ChangeKind {
    /// Adds the target, or sets the weight of one that is there.
    Add {
        /// Relative to the other backends.
        weight: f32,
    },
    /// Takes the target away; connections that are open stay.
    Remove,
}

/// How an instance chooses and what it does with failures.
#[derive(Clone, Debug, PartialEq)]
pub struct Hop {
    /// How it chooses a backend.
    pub pick: Pick,
    /// A new connection is picked for; requests on one stay with its pod (layer 4). With `l7` each request
    /// is picked for.
    pub l7: Option<L7>,
    /// What a client meets when there is no backend.
    pub empty: Empty,
}

/// How a backend is chosen among those believed routable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Uniform and independent (iptables, nftables), by weight where weights differ.
    Random,
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests that this instance waits for.
    LeastOutstanding,
    /// The less loaded of two random ones.
    TwoChoices,
    /// The one with fewer requests of two random ones, which may be the same one twice (Envoy).
    LeastRequest,
    /// Peak EWMA of two random ones (ingress-nginx `ewma`, Linkerd).
    Ewma,
    /// By a hash of the connection: uniform, fixed for its life (NLB, BGP).
    FlowHash,
}

/// What a client meets where no backend is routable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// Connection refused at once.
    Refuse,
    /// Dropped: the client times out.
    Drop,
    /// Nobody answers for the address on the link: "no route to host" after the ARP failure delay.
    NoRoute,
    /// Dropped: the node is lost.
    Lost,
    /// Accepted, and ended without a word: a proxy at layer 4 that knows nobody.
    End,
    /// Refused at once: a proxy whose pod has closed its listener.
    ProxyGone,
    /// An HTTP answer.
    Status(u16),
    /// Kept until there is somebody who has room for it, as Knative's activator does: it looks again so long
    /// after the last time.
    Hold(Dur),
}

/// What a layer-7 proxy does between client and backend.
#[derive(Clone, Debug, PartialEq)]
pub struct L7 {
    /// Views of one proxy are one hop, whose rules are those of the last of them. Where a view leads to
    /// another proxy, that is a hop of its own: the attempts of the one are within an attempt of the other.
    pub proxy: &'static str,
    /// Longest wait for a connection to a backend, per try.
    pub connect_timeout: Dur,
    /// Longest wait for the answer, per try; None: unlimited.
    pub response_timeout: Option<Dur>,
    /// Tries in total, the first included.
    pub tries: u32,
    /// Which failures move on to another try.
    pub retry_on: RetryOn,
    /// Wait before a further try where it can go to no other server (HAProxy: 1 s); zero elsewhere.
    pub retry_delay: Dur,
    /// A further try goes to the same backend.
    pub retry_same: bool,
    /// A further try may not pick a backend already tried, as long as others are left.
    pub exclude_tried: bool,
    /// A further try may not pick the backend of the try before, as long as there is another.
    pub exclude_last: bool,
    /// Answers given for each kind of failure of the last try.
    pub status: L7Status,
    /// Pool of idle connections to backends; None: a fresh connection per request.
    pub pool: Option<Pool>,
    /// It closes connections of a proxy in front of it that are idle for so long; None: never.
    pub front_idle_timeout: Option<Dur>,
    /// Limits, ejection and back-off; None: it has none of these.
    pub policy: Option<Arc<Policy>>,
}

/// After which failures another backend is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryOn {
    /// The connection was refused.
    pub refused: bool,
    /// Nobody answered the connection in time.
    pub connect_timeout: bool,
    /// The connection ended after the request was sent, before an answer (for idempotent requests).
    pub reset: bool,
    /// As `reset`, but only on a reused idle connection.
    pub reused_reset: bool,
    /// The answer did not come in time.
    pub response_timeout: bool,
    /// Also requests that must not be sent twice (POST, PATCH), once they were sent.
    pub non_idempotent: bool,
    /// Requests that must not be sent twice are not tried again even where nothing was sent.
    pub only_idempotent: bool,
    /// The answer has one of these statuses.
    pub statuses: Statuses,
}

/// HTTP statuses that a proxy answers with when its last try fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L7Status {
    /// The connection was refused.
    pub refused: u16,
    /// Nobody answered the connection in time.
    pub connect_timeout: u16,
    /// There is no route to the backend.
    pub unreachable: u16,
    /// The connection ended before an answer.
    pub reset: u16,
    /// The answer did not come in time.
    pub response_timeout: u16,
}

/// Idle connections that a proxy keeps to its backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The proxy closes connections idle for longer.
    pub idle_timeout: Dur,
    /// One-way delay plus the time to process a FIN: a request sent within it before or after the backend
    /// closes an idle connection is lost.
    pub race_window: Dur,
    /// A connection that turns out closed is passed on to the client: no answer, closed (HAProxy).
    pub closes_client: bool,
}
