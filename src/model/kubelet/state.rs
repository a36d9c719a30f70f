//! What a kubelet remembers of its node, its pods and their containers.

use super::backoff::Backoff;
use super::probe::{ProbeResult, Worker};
use super::readiness::Role;
use super::restart::{RestartPolicy, should_restart};
use super::ticker::Ticker;
use crate::cluster::fault::Fault;
use crate::cluster::objects::{NodeId, PodId, PodStatus};
use crate::engine::{Dur, Luck, SharedProcessor, Time};
use smallvec::SmallVec;
use std::collections::VecDeque;

/// Work that shares the node's cores.
#[derive(Clone, Copy, Debug)]
pub(super) enum Job {
    Start {
        pod: PodId,
        container: u8,
    },
    /// Taking the network away.
    Teardown(PodId),
    /// What is left to do until the terminal phase is known.
    Cleanup(PodId),
    /// Work whose end nobody waits for.
    Load,
}

#[derive(Debug)]
pub(super) struct Node {
    /// The API object's.
    pub uid: u64,
    /// The node's processor, shared by all work on pods.
    pub cpu: SharedProcessor<Job>,
    /// When the processor's next event is due; NEVER: there is none.
    pub cpu_due: Time,
    /// The end of one relist; others end every `relist_period`.
    pub relist: Time,
    /// From the end of one relist to the end of the next.
    pub relist_period: Dur,
    /// How long one takes.
    pub relist_length: Dur,
    /// The status manager is busy until then.
    pub status_free: Time,
    /// Pods whose statuses wait for it.
    pub statuses: VecDeque<PodId>,
    /// Sandboxes with a network.
    pub sandboxes: u32,
    /// The kubelet started then.
    pub up_since: Time,
    /// Images that it has fetched.
    pub pulled: Vec<String>,
    /// It has joined since the start: only what it has fetched is there.
    pub is_new: bool,
    /// The one running image pull ends then.
    pub pull_free: Time,
    /// It is down: nothing on it happens any more.
    pub lost: bool,
}

impl Node {
    /// The end of the first relist that starts after `t`.
    pub fn relist_after(&self, t: Time) -> Time {
        let target = t + self.relist_length;
        let periods = (target - self.relist).0.div_euclid(self.relist_period.0) + 1;
        self.relist + Dur(periods * self.relist_period.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// Containers are being started.
    Starting,
    Running,
    /// Deletion seen, the pod worker has not begun yet.
    AboutToStop,
    Terminating {
        since: Time,
    },
    Terminal,
}

#[derive(Debug)]
pub(super) struct Pod {
    /// The API object's.
    pub uid: u64,
    /// Of the kubelet's work on it.
    pub luck: Luck,
    /// The number of the node it is bound to.
    pub node: NodeId,
    /// How far the pod worker has come.
    pub life: Life,
    /// Init containers first, as in the template.
    pub containers: SmallVec<[Container; 1]>,
    /// Its sandbox has a network: it has an address.
    pub sandbox: bool,
    /// The pending iteration; NEVER: none.
    pub iterate_at: Time,
    /// The last one.
    pub iterated: Time,
    /// Containers were seen running before.
    pub seen_running: bool,
    /// It stands in the status manager's queue.
    pub status_pending: bool,
    /// The last status that was sent to the API.
    pub sent: Option<PodStatus>,
    /// Index of the container that serves the Service.
    pub serving: u8,
    /// Index of the container that all requests pass on their way to that one.
    pub proxy: Option<u8>,
    /// The most seconds that it may take to stop, as its node shuts down.
    pub limit: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Running { since: Time },
    Exited { at: Time, code: i32 },
}

#[derive(Debug)]
pub(super) struct Container {
    /// What it is in its pod.
    pub role: Role,
    /// Counts starts: events of an earlier run are void.
    pub run: u32,
    /// When the run before ended; None: there was none.
    pub ended_before: Option<Time>,
    /// What has become of its process, as the runtime knows it.
    pub state: State,
    /// What the cached status shows: state and run.
    pub seen: (State, u32),
    /// The process listens from here; before it, connections are refused.
    pub listening: Time,
    /// Readiness answers "no" from here although it listens: a lame duck from SIGTERM, an application that is
    /// never ready always.
    pub unready_from: Time,
    /// It accepts no connections from here; NEVER: nobody has told it to stop.
    pub stop_accept: Time,
    /// `started` of its status: its startup probe has passed, or it has none and runs.
    pub started: bool,
    /// `ready` of its status.
    pub ready: bool,
    /// Its process answers nobody.
    pub hung: bool,
    /// What it depends on is down.
    pub dependency_down: bool,
    /// What it depends on takes so much longer.
    pub dependency_slow: Dur,
    /// Being killed by a probe.
    pub killing: bool,
    /// Its image is fetched or its process is being started.
    pub preparing: bool,
    /// SIGKILL comes then; NEVER: it is not being stopped.
    pub kill_at: Time,
    /// CrashLoopBackOff.
    pub backoff: Backoff,
    /// By `READINESS`, `LIVENESS`, `STARTUP`.
    pub probes: [Option<Probe>; 3],
}

/// A probe worker with its clock. Its ticks are scheduled only while its answer could change something.
#[derive(Debug)]
pub(super) struct Probe {
    /// Its state and thresholds.
    pub worker: Worker,
    /// When it evaluates.
    pub ticker: Ticker,
    /// Counts schedulings: a tick of an earlier one is void.
    pub epoch: u32,
    /// A tick of this epoch is in the queue.
    pub scheduled: bool,
    /// An answer comes then; NEVER: none is awaited.
    pub answer_at: Time,
    /// It is that of an evaluation that could be left out, which holds nothing up.
    pub idle: bool,
    /// The last evaluation.
    pub evaluated: Time,
    /// The worker sleeps until then before its first evaluation: see [`super::ticker::start_delay`].
    pub asleep_until: Time,
    /// An immediate evaluation was asked for while it slept or awaited an answer.
    pub pending: bool,
    /// How long its handler takes.
    pub takes: Dur,
    /// It cannot succeed: see [`crate::cluster::spec::Probe::fails_after`].
    pub fails_after: Option<Dur>,
    /// It has failed when no answer has come by then.
    pub timeout: Dur,
    /// The process itself answers, not the kernel or a command.
    pub asks_process: bool,
    /// Its answer depends on what the application depends on.
    pub depends: bool,
    /// What it finds depends on load; None: on the process alone.
    pub queued: Option<Queued>,
}

/// A probe that waits with the requests of its pod.
#[derive(Clone, Copy, Debug, Default)]
pub struct Queued {
    /// Counts what it has asked: a later answer to an earlier one is void.
    pub asked: u32,
    /// What connection and answer take on the way.
    pub way: Dur,
}

impl Probe {
    /// How long the handler takes where what it depends on takes `slow` longer.
    pub fn takes(&self, slow: Dur) -> Dur {
        if self.depends { self.takes + slow } else { self.takes }
    }

    /// An answer is awaited: the worker does nothing else meanwhile.
    pub fn waits(&self) -> bool {
        !self.idle && !self.answer_at.is_never()
    }
}

/// Indices of `Container::probes`.
pub(super) const READINESS: usize = 0;
pub(super) const LIVENESS: usize = 1;
pub(super) const STARTUP: usize = 2;

impl Container {
    /// What the probe of this kind said last of the container that is seen; what it said of the one before is
    /// void.
    pub fn result(&self, kind: usize) -> Option<ProbeResult> {
        let worker = &self.probes[kind].as_ref()?.worker;
        worker.result().filter(|_| worker.has_seen(self.seen.1))
    }

    /// Whether its process runs.
    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Whether it runs again after ending with `code`. Pods of workloads have restartPolicy Always.
    pub fn restarts(&self, code: i32) -> bool {
        let own = (self.role == Role::Sidecar).then_some(RestartPolicy::Always);
        should_restart(RestartPolicy::Always, own, &[], code)
    }
}

/// A fault that has begun.
#[derive(Clone, Debug)]
pub(super) struct Active {
    /// Its number in the scenario.
    pub number: u32,
    /// What it is.
    pub fault: Fault,
    /// The pod it concerns, where it is one.
    pub one: Option<PodId>,
}
