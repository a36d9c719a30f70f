//! What pods really are, over time.

use super::calls::CallId;
use super::id::{NodeId, PodId, ViewId};
use crate::engine::{Dist, Dur, Time};
use smallvec::SmallVec;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// How pods of one version serve: what the evaluators need of the application.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// As pods and answers show it, such as `v1`.
    pub name: String,
    /// Time to answer a request on an idle pod.
    pub service: Dist,
    /// Requests that a pod works on at once; None: any number.
    pub concurrency: Option<u32>,
    /// Requests that may wait for a slot; None: any number.
    pub queue: Option<u32>,
    /// What waits has not been accepted, and is reset when the listener closes.
    pub backlog: bool,
    /// After which an idle connection is closed by the process; None: never.
    pub keep_alive_timeout: Option<Dur>,
    /// Connections that it has accepted at once, with `concurrency` and `backlog`: the others wait in the
    /// kernel. None: those that are worked on.
    pub connections: Option<u32>,
    /// What makes its answers take longer at times.
    pub pace: Pace,
    /// What it asks of other Services for a request, one after the other, once its own work is done.
    pub calls: Vec<CallId>,
}

/// What makes the answers of a process take longer at times.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// Processor time that its container has in each period of 100 ms; None: no limit.
    pub quota: Option<Dur>,
    /// Share of the time to answer that is work for a processor, 0 to 1.
    pub work: f64,
    /// So many times the usual comes on top at its start, and decays; 0: nothing does.
    pub cold: f64,
    /// The time constant of that.
    pub warms_in: Dur,
}

impl Pace {
    /// It answers as fast at any time.
    pub fn is_even(&self) -> bool {
        self.quota.is_none() && self.cold <= 0.0
    }
}

/// How a process serves while something is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// It accepts connections and answers nobody.
    pub hung: bool,
    /// A request takes so many times as long.
    pub slower: f64,
    /// This share of requests is answered with an error of the server.
    pub errors: f64,
    /// This share of requests waits for something else besides,
    pub waiting: f64,
    /// so long.
    pub wait: Dur,
}

impl Default for Condition {
    /// Nothing is wrong.
    fn default() -> Condition {
        Condition { hung: false, slower: 1.0, errors: 0.0, waiting: 0.0, wait: Dur::ZERO }
    }
}

/// A pod that was well fails a probe for what is around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upset {
    /// When.
    pub at: Time,
    /// Which.
    pub pod: PodId,
    /// Its container is killed; else it is no longer ready.
    pub killed: bool,
    /// What the probe found.
    pub by: UpsetBy,
}

/// Why a probe fails that asks a process which runs and listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UpsetBy {
    /// The answer waited behind requests for longer than its time-out, or the queue was full.
    Load,
    /// What the probe depends on is down or slow.
    Dependency,
    /// The process answers nobody.
    Hung,
}

/// For the reader: `web-2` is the third pod of the Deployment `web`. Written out only where it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodName {
    /// Name of its Deployment.
    pub deployment: Arc<str>,
    /// In the order of creation, over all Deployments.
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
    /// As answers show it.
    pub name: PodName,
    /// Index into [`Timeline::versions`](super::Timeline::versions).
    pub version: u16,
    /// Number of the node it was bound to.
    pub node: NodeId,
    /// The API object is there.
    pub created: Time,
    /// Bound to its node.
    pub scheduled: Time,
    /// The container state running as the API shows it.
    pub running_seen: Time,
    /// First time Ready.
    pub ready: Time,
    /// The API object has a deletionTimestamp.
    pub deleted: Time,
    /// The serving process was told to stop.
    pub sigterm: Time,
    /// Ready turned false or the phase terminal after deletion, as the API shows it.
    pub unready: Time,
    /// The API object is gone.
    pub removed: Time,
    /// Of the serving container.
    pub restarts: u32,
    /// What requests pass in the pod on their way to the process; None: nothing.
    pub proxy: Option<PodProxy>,
    /// A proxy of its node accepts connections to it, at layer 4: one that the process does not take ends
    /// without a word.
    pub captured: bool,
    /// What a TCP connection to its address meets, from each instant on; sorted; before the first: `Absent`.
    pub phases: SmallVec<[(Time, Phase); 4]>,
    /// One per run of the serving process, in order.
    pub lives: SmallVec<[Life; 1]>,
    /// What is wrong with its process from each instant on; sorted; before the first: nothing.
    pub conditions: Vec<(Time, Condition)>,
    /// When a balancer cuts what still runs on connections it opened before. Sorted.
    pub cuts: Vec<BalancerCut>,
}

/// The end of a deregistration delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalancerCut {
    /// When it is.
    pub at: Time,
    /// What these views of the balancer sent is cut: from this one,
    pub first: ViewId,
    /// to this one. Those of another target group are not among them.
    pub last: ViewId,
}

impl BalancerCut {
    /// Whether it cuts what this view sent.
    pub fn concerns(&self, view: ViewId) -> bool {
        self.first <= view && view <= self.last
    }
}

impl PodTruth {
    /// When what a view sent is cut, or anybody's.
    pub fn cuts_by(&self, view: Option<ViewId>) -> impl Iterator<Item = Time> {
        let mine = move |cut: &&BalancerCut| view.is_none_or(|view| cut.concerns(view));
        self.cuts.iter().filter(mine).map(|cut| cut.at)
    }
}

/// What a new TCP connection to the pod's address and port meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// No address yet, or no longer: nothing answers, the client's SYN is lost until it times out.
    Silent,
    /// The address does not resolve on the link: "no route to host" after the timeline's ARP failure delay.
    Unreachable,
    /// The network namespace is up and nobody listens: RST at once (connection refused).
    Refusing,
    /// A proxy in the pod accepts, and answers 503 for a process that does not.
    ProxyAlone,
    /// The process accepts connections.
    Serving,
}

/// A proxy in the pod that all requests pass on their way to the process: a mesh's sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodProxy {
    /// Its latest run accepts connections from here.
    pub listening: Time,
    /// It accepts no connection from here on, and keeps those that it has.
    pub stops: Time,
    /// Its latest run is gone from here, with all connections.
    pub gone: Time,
    /// What it answers where the process does not listen.
    pub answers: u16,
}

impl PodProxy {
    /// One that has not started.
    pub fn not_yet(answers: u16) -> PodProxy {
        PodProxy { listening: Time::NEVER, stops: Time::NEVER, gone: Time::NEVER, answers }
    }

    /// Whether it accepts connections.
    pub fn is_up(&self, at: Time) -> bool {
        self.listening <= at && at < self.closed()
    }

    /// From when on it accepts none.
    pub fn closed(&self) -> Time {
        self.stops.min(self.gone)
    }
}

/// One run of the serving process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// The process runs.
    pub started: Time,
    /// Requests reach it from here (NEVER if it died before).
    pub listening: Time,
    /// It listens from here, whether or not the proxy in its pod lets requests through.
    pub own: Time,
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
    /// What brought it to its end.
    pub ended_by: LifeEnd,
}

/// How a run of the serving process ends.
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
    /// Its node is gone.
    NodeLost,
}

impl PodTruth {
    /// Nothing has happened to it yet.
    pub fn new(name: PodName, version: u16, created: Time) -> PodTruth {
        PodTruth {
            name,
            version,
            node: NodeId::default(),
            created,
            scheduled: Time::NEVER,
            running_seen: Time::NEVER,
            ready: Time::NEVER,
            deleted: Time::NEVER,
            sigterm: Time::NEVER,
            unready: Time::NEVER,
            removed: Time::NEVER,
            restarts: 0,
            phases: SmallVec::new(),
            lives: SmallVec::new(),
            conditions: Vec::new(),
            cuts: Vec::new(),
            proxy: None,
            captured: false,
        }
    }

    /// What is wrong with it at `at`.
    pub fn condition_at(&self, at: Time) -> Condition {
        let next = self.conditions.partition_point(|&(from, _)| from <= at);
        if next == 0 { Condition::default() } else { self.conditions[next - 1].1 }
    }

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

impl Life {
    /// From its start on, without end.
    pub(super) fn new(started: Time, listening: Time) -> Life {
        Life {
            started,
            listening,
            own: listening,
            sigterm: Time::NEVER,
            stop_accept: Time::NEVER,
            reset_until: Time::ALWAYS,
            cut: Time::NEVER,
            exit: Time::NEVER,
            ended_by: LifeEnd::Running,
        }
    }
}
