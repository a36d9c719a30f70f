//! The process in a container.

use super::fault::DependsOn;
use crate::engine::{Dist, Dur};
use crate::timeline::CallId;

/// How a process starts, serves and stops.
#[derive(Clone, Debug, PartialEq)]
pub struct App {
    /// From process start until it listens.
    pub start_delay: Dist,
    /// What of it is work for a processor, which takes longer where the container has less than one.
    pub start_cpu: Option<Dur>,
    /// Time to answer one request.
    pub service: Dist,
    /// What it does when it is told to stop.
    pub on_sigterm: OnSigterm,
    /// While it drains, it looks whether requests are left at intervals that double up to this one; without
    /// one it exits with the last request.
    pub drain_poll: Option<Dur>,
    /// A lame duck whose time is over goes on accepting for as long as anybody sends connections to it, which
    /// it looks for at such intervals, within its drain timeout; None: it accepts nobody from then on.
    pub drain_accepts: Option<Dur>,
    /// Exits with status 1 that long after its start.
    pub crash_after: Option<Dur>,
    /// It calls others as it starts, and exits where the proxy in its pod does not let it.
    pub needs_network_at_start: bool,
    /// Its readiness endpoint always answers 503; an init container never succeeds.
    pub never_ready: bool,
    /// Requests worked on at once; the others wait in the queue.
    pub concurrency: Option<u32>,
    /// How many may wait (with `concurrency`); more are answered 503.
    pub queue: Option<u32>,
    /// Connections that it has accepted at once (with `concurrency` and `backlog`); None: those it works on.
    pub connections: Option<u32>,
    /// A process that has just started takes so many times the usual longer, which decays with a time
    /// constant; None: it does not.
    pub warm_up: Option<(f64, Dur)>,
    /// Its health endpoints wait in that queue as requests do, and take a slot (with `concurrency`).
    pub probes_share_the_queue: bool,
    /// Seconds of a processor that one request takes; None: nobody says.
    pub cpu_s: Option<f64>,
    /// Processors that it uses while it has nothing to do.
    pub cpu_idle: f64,
    /// What of it needs the dependency that faults concern.
    pub depends_on: DependsOn,
    /// Those that wait have not been accepted: their connections are reset when the listener closes.
    pub backlog: bool,
    /// Closes idle keep-alive connections after this long.
    pub keep_alive_timeout: Option<Dur>,
    /// The HTTP status of its answers.
    pub status: u16,
    /// The size of an answer's body.
    pub answer_bytes: u32,
    /// What it asks of other Services for a request, one after the other.
    pub calls: Vec<CallId>,
}

/// What a process does when it is told to stop.
#[derive(Clone, Debug, PartialEq)]
pub enum OnSigterm {
    /// The process exits at once: running requests are cut.
    Exit,
    /// Stops listening, lets running requests finish up to the limit, then exits.
    Graceful { drain_timeout: Dur },
    /// Nothing until SIGKILL (PID 1 without a handler, a shell as PID 1).
    Ignore,
    /// Goes on serving for `delay` (readiness fails meanwhile), then as `Graceful`.
    LameDuck { delay: Dur, drain_timeout: Dur },
}
