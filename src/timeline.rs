//! The central artefact: what each data-plane instance believes is routable, and what each pod really is.
//!
//! The control simulation leaves it behind; traffic is evaluated against it, reports draw it, blame reads
//! it, golden tests pin it. Every lost request is a place where belief and truth differ.

use crate::engine::{Dist, Dur, Time};
use smallvec::SmallVec;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// Index into [`Timeline::pods`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodId(pub u32);

/// Index into [`Timeline::views`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewId(pub u32);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    pub start: Time,
    /// Nothing is known after this.
    pub end: Time,
    /// Names of the application versions; [`PodTruth::version`] indexes it.
    pub versions: Vec<Version>,
    pub pods: Vec<PodTruth>,
    pub views: Vec<View>,
    /// ARP failure on the link until a client hears "no route to host".
    pub arp_failure: Dur,
    /// Where clients enter, with the share of requests: an index into `views`.
    pub entries: Vec<(ViewId, f64)>,
    /// Instants at which a router spreads open connections anew, each with the share of them that breaks.
    /// Sorted.
    pub rehashes: Vec<(Time, f32)>,
    /// What happened to the rollout, for people: (when, what).
    pub milestones: Vec<(Time, Milestone)>,
}

/// How pods of one version serve: what the evaluators need of the application.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    pub name: String,
    pub service: Dist,
    pub concurrency: Option<u32>,
    pub queue: Option<u32>,
    pub keep_alive_timeout: Option<Dur>,
}

/// For the reader: `web-2` is the third pod of the Deployment `web`. Written out only where it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodName {
    pub deployment: Arc<str>,
    pub number: u32,
}

impl Display for PodName {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{}-{}", self.deployment, self.number)
    }
}

/// What a pod really is, over time. `Time::NEVER` stands for "did not happen".
#[derive(Clone, Debug, PartialEq)]
pub struct PodTruth {
    pub name: PodName,
    pub version: u16,
    pub node: u16,
    pub created: Time,
    pub scheduled: Time,
    /// The container state running as the API shows it.
    pub running_seen: Time,
    /// First time Ready.
    pub ready: Time,
    pub deleted: Time,
    pub sigterm: Time,
    /// Ready turned false or the phase terminal after deletion, as the API shows it.
    pub unready: Time,
    /// The API object is gone.
    pub removed: Time,
    pub restarts: u32,
    /// What a TCP connection to its address meets, from each instant on; sorted; before the first: `Absent`.
    pub phases: SmallVec<[(Time, Phase); 4]>,
    /// One per run of the serving process, in order.
    pub lives: SmallVec<[Life; 1]>,
    /// Instants at which the balancer cuts what still runs on connections it opened before: ends of
    /// deregistration delays. Sorted.
    pub cuts: Vec<Time>,
}

/// What a new TCP connection to the pod's address and port meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// No address yet, or no longer: nothing answers, the client's SYN is lost until it times out.
    Silent,
    /// The address does not resolve on the link: "no route to host" after `Timeline`'s ARP failure delay.
    Unreachable,
    /// The network namespace is up and nobody listens: RST at once (connection refused).
    Refusing,
    /// The process accepts connections.
    Serving,
}

/// One run of the serving process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    pub started: Time,
    /// Listens from here (NEVER if it died before).
    pub listening: Time,
    /// Told to stop (SIGTERM), if it was.
    pub sigterm: Time,
    /// No new connections from here: listener closed, or the process is gone. Idle keep-alive connections
    /// are closed here too.
    pub stop_accept: Time,
    /// New connections from `stop_accept` to here are reset (the kernel had accepted them, nobody read them);
    /// later ones are refused.
    pub reset_until: Time,
    /// Requests still running here are cut (exit, crash, SIGKILL, end of the drain).
    pub cut: Time,
    /// The process is gone.
    pub exit: Time,
    pub ended_by: LifeEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeEnd {
    /// Still running at the end of the timeline.
    Running,
    /// It exited by itself after SIGTERM.
    Sigterm,
    /// SIGKILL at the end of the grace period.
    Sigkill,
    /// It crashed.
    Crash,
}

/// One data-plane instance's belief: a kube-proxy on a node, an ALB node, an nginx worker, a sidecar.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub name: String,
    pub hop: Hop,
    /// Backends at `Timeline::start`, then changes in time order. Changes at one instant are atomic.
    pub initial: Vec<Backend>,
    pub changes: Vec<ViewChange>,
    /// Intervals in which the instance has neither a rule to reject nor one to forward: the client's packet
    /// leaves by the default route and comes back as "no route to host".
    pub gaps: Vec<(Time, Time)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backend {
    pub target: Target,
    /// Relative weight among the backends (1 unless slow start or weights are set).
    pub weight: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    Pod(PodId),
    /// A further hop: a node's kube-proxy behind an ALB in instance mode, say.
    View(ViewId),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewChange {
    pub at: Time,
    pub target: Target,
    pub kind: ChangeKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ChangeKind {
    /// Adds the target, or sets the weight of one that is there.
    Add {
        weight: f32,
    },
    Remove,
}

/// How an instance chooses and what it does with failures.
#[derive(Clone, Debug, PartialEq)]
pub struct Hop {
    pub pick: Pick,
    /// A new connection is picked for; requests on one stay with its pod (layer 4). With `l7` each request
    /// is picked for.
    pub l7: Option<L7>,
    /// What a client meets when there is no backend.
    pub empty: Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Uniform and independent (iptables, nftables), by weight where weights differ.
    Random,
    RoundRobin,
    LeastOutstanding,
    /// The less loaded of two random ones.
    TwoChoices,
    /// Peak EWMA of two random ones (ingress-nginx `ewma`, Linkerd).
    Ewma,
    /// By a hash of the connection: uniform, fixed for its life (NLB, BGP).
    FlowHash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// Connection refused at once.
    Refuse,
    /// Dropped: the client times out.
    Drop,
    /// Nobody answers for the address on the link: "no route to host" after the ARP failure delay.
    NoRoute,
    /// Refused at once: a proxy whose pod has closed its listener.
    ProxyGone,
    /// An HTTP answer.
    Status(u16),
}

/// What a layer-7 proxy does between client and backend.
#[derive(Clone, Debug, PartialEq)]
pub struct L7 {
    /// Longest wait for a connection to a backend, per try.
    pub connect_timeout: Dur,
    /// Longest wait for the answer, per try; None: unlimited.
    pub response_timeout: Option<Dur>,
    /// Tries in total, the first included.
    pub tries: u32,
    /// Which failures move on to another try.
    pub retry_on: RetryOn,
    /// Wait before a further try on the same server (HAProxy: 1 s); zero elsewhere.
    pub retry_delay: Dur,
    /// A further try goes to the same backend.
    pub retry_same: bool,
    /// A further try may not pick a backend already tried, as long as others are left.
    pub exclude_tried: bool,
    /// Answers given for each kind of failure of the last try.
    pub status: L7Status,
    /// Pool of idle connections to backends; None: a fresh connection per request.
    pub pool: Option<Pool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryOn {
    pub refused: bool,
    pub connect_timeout: bool,
    /// The connection ended after the request was sent, before an answer (for idempotent requests).
    pub reset: bool,
    /// As `reset`, but only on a reused idle connection.
    pub reused_reset: bool,
    pub response_timeout: bool,
    /// Also requests that must not be sent twice (POST, PATCH), once they were sent.
    pub non_idempotent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L7Status {
    pub refused: u16,
    pub connect_timeout: u16,
    pub unreachable: u16,
    pub reset: u16,
    pub response_timeout: u16,
}

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

/// A point of the rollout, for people and reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Milestone {
    Action(String),
    /// status.updatedReplicas, total and available as the Deployment's status says.
    Scaled {
        deployment: Arc<str>,
        revision: u32,
        from: i32,
        to: i32,
    },
    Complete,
    ProgressDeadlineExceeded,
    Note(String),
}

impl PodTruth {
    /// What a connection to the pod meets at `at`.
    pub fn phase_at(&self, at: Time) -> Phase {
        let next = self.phases.partition_point(|&(from, _)| from <= at);
        if next == 0 { Phase::Silent } else { self.phases[next - 1].1 }
    }

    /// From when on a connection meets something else than at `at`, as far as is known; else never.
    pub fn next_phase_after(&self, at: Time) -> Time {
        let next = self.phases.partition_point(|&(from, _)| from <= at);
        self.phases.get(next).map_or(Time::NEVER, |&(from, _)| from)
    }

    /// The run of the process that accepts a connection at `at`, if any.
    pub fn life_at(&self, at: Time) -> Option<&Life> {
        let next = self.lives.partition_point(|l| l.listening <= at);
        self.lives[..next].last().filter(|l| at < l.stop_accept)
    }
}
