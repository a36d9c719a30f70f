//! How the application behaves, as a scenario says it.

use super::fault::DependsCase;
use crate::engine::Dist;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How the application behaves: `v1` for the pods at the start, `v2` for the updated ones. What `v2` leaves
/// out is as in `v1`; what both leave out is as given here; what is not given here is as in the card.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AppSection {
    /// The pods at the start.
    pub v1: Option<AppCase>,
    /// The updated pods.
    pub v2: Option<AppCase>,
    /// The processes of further containers, by container name.
    pub containers: BTreeMap<String, AppCase>,
    /// Those of single workloads, by their names, over what is given here for all.
    pub workloads: BTreeMap<String, AppCase>,
    /// App card: a name (`rollsim cards list`) or a path relative to this file. Default generic.
    pub card: Option<String>,
    /// Seconds from process start until it listens, 0 or more.
    pub start_delay_s: Option<f64>,
    /// The same as a distribution, in seconds.
    pub start_delay: Option<Dist>,
    /// Seconds of a processor that the start takes besides: longer by the container's `limits.cpu` below 1.
    pub start_cpu_s: Option<f64>,
    /// Time to answer one request, a distribution in seconds.
    pub service: Option<Dist>,
    /// What the process does on SIGTERM.
    pub on_sigterm: Option<OnSigtermCase>,
    /// With graceful and lame-duck: seconds that running requests may take to finish. Default 30.
    pub drain_timeout_s: Option<f64>,
    /// Longest interval in seconds at which a draining process looks whether requests are left; 0: it exits
    /// with the last.
    pub drain_poll_s: Option<f64>,
    /// With lame-duck: after `lame_duck_s` it goes on accepting for as long as anybody sends connections to
    /// it, which it looks for every `drain_poll_s`, up to `drain_timeout_s`. Default: as in the card, else
    /// false.
    pub drain_accepts: Option<bool>,
    /// With lame-duck: seconds that it goes on serving after SIGTERM.
    pub lame_duck_s: Option<f64>,
    /// Exits with status 1 so many seconds after its start.
    pub crash_after_s: Option<f64>,
    /// It calls others as it starts, and exits where a mesh\'s proxy in its pod is not up yet. Default false.
    pub needs_network_at_start: Option<bool>,
    /// Its readiness endpoint always answers 503.
    pub never_ready: Option<bool>,
    /// Requests worked on at once, 1 or more. Default: no limit.
    pub concurrency: Option<u32>,
    /// How many may wait, 0 or more; more are answered 503. Default: no limit.
    pub queue: Option<u32>,
    /// Connections that it has accepted at once, 1 or more (with `waiting = "backlog"`): what is beyond waits
    /// in the kernel, `queue` long. Default: as in the card, else those that it works on.
    pub connections: Option<u32>,
    /// A process that has just started is slower for a while. Default: it is not.
    pub warm_up: Option<WarmUpCase>,
    /// Probes of the port that serves wait as requests do (with `concurrency`). Default: as in the card, else
    /// false.
    pub probes_share_the_queue: Option<bool>,
    /// Seconds of a processor that a request takes. Default: so much that the pods are at an autoscaler's
    /// target before the action.
    pub cpu_s: Option<f64>,
    /// Processors that the process uses without requests, such as 0.05. Default 0.
    pub cpu_idle: Option<f64>,
    /// What of it needs the dependency that faults of kind `dependency` concern.
    pub depends_on: Option<DependsCase>,
    /// Where those wait that are not worked on. Default: as in the card, else process.
    pub waiting: Option<WaitingCase>,
    /// Closes idle keep-alive connections after so many seconds. 0: never.
    pub keep_alive_timeout_s: Option<f64>,
    /// Seconds that an exec or httpGet preStop hook takes. Default: read from a `sleep N`, else 0.
    pub pre_stop_s: Option<f64>,
    /// Seconds that an exec or httpGet postStart hook takes.
    pub post_start_s: Option<f64>,
    /// The ports that it listens on, each 1 to 65535. Default: every port that is asked.
    pub ports: Option<Vec<u16>>,
    /// Seconds that its answer to a probe takes. Default: read from a `sleep N` of an exec probe, else 0.
    pub probe_s: Option<f64>,
    /// As in `v1`.
    pub status: Option<u16>,
    /// As in `v1`.
    pub answer_bytes: Option<u32>,
}

/// One version of the application.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AppCase {
    /// App card: a name or a path.
    pub card: Option<String>,
    /// From process start until it listens.
    pub start_delay_s: Option<f64>,
    /// The same as a distribution.
    pub start_delay: Option<Dist>,
    /// Processor time that the start takes besides, in seconds, on one core: with `limits.cpu` of the
    /// container below 1 it takes so much longer (a limit of 500m: twice as long). Default 0.
    pub start_cpu_s: Option<f64>,
    /// Time to answer one request.
    pub service: Option<Dist>,
    /// What the process does on SIGTERM. Default: as in the card.
    pub on_sigterm: Option<OnSigtermCase>,
    /// With graceful and lame-duck: how long running requests may take to finish. Default 30.
    pub drain_timeout_s: Option<f64>,
    /// While it drains, the process looks whether requests are left after 1 ms, then at doubling intervals
    /// up to this one, and exits when it finds none, as Go's http.Server.Shutdown does (0.5). 0: it exits
    /// with the last request. Default: as in the card.
    pub drain_poll_s: Option<f64>,
    /// With lame-duck: after `lame_duck_s` it goes on accepting for as long as anybody sends connections to
    /// it, which it looks for every `drain_poll_s`, up to `drain_timeout_s`. Default: as in the card, else
    /// false.
    pub drain_accepts: Option<bool>,
    /// With lame-duck: how long it goes on serving after SIGTERM.
    pub lame_duck_s: Option<f64>,
    /// Exits with status 1 that long after its start.
    pub crash_after_s: Option<f64>,
    /// It calls others as it starts, and exits where a mesh\'s proxy in its pod is not up yet. Default false.
    pub needs_network_at_start: Option<bool>,
    /// Its readiness endpoint always answers 503. Where a readiness probe asks it, the pods of the version
    /// that runs at the start are unready from the start, as after a broken release that has been out for
    /// long (`v2`, where it is the release that mends it, says false).
    pub never_ready: Option<bool>,
    /// Requests worked on at once; the others wait. Default: no limit.
    pub concurrency: Option<u32>,
    /// How many may wait; more are answered 503. Default: no limit.
    pub queue: Option<u32>,
    /// Connections that it has accepted at once (with `waiting = "backlog"`): requests on them wait for a
    /// worker and are answered by a graceful stop; what is beyond waits in the kernel, `queue` long. Default:
    /// as in the card, else those that it works on.
    pub connections: Option<u32>,
    /// A process that has just started is slower for a while: assumed, nothing of it is measured. Default: it
    /// is not.
    pub warm_up: Option<WarmUpCase>,
    /// Probes that ask the port which serves wait in the queue as requests do, and take a slot for `probe_s`
    /// (with `concurrency`); what is beyond the queue is answered 503. Where they have a port of their own,
    /// they are answered at once. Default: as in the card, else false.
    pub probes_share_the_queue: Option<bool>,
    /// Seconds of a processor that a request takes, which an autoscaler reads. Default: so much that the pods
    /// are at the autoscaler's target before the action.
    pub cpu_s: Option<f64>,
    /// Processors that the process uses while it has no requests, such as 0.05. Default 0.
    pub cpu_idle: Option<f64>,
    /// What of it needs the dependency that faults of kind `dependency` concern.
    pub depends_on: Option<DependsCase>,
    /// Where those wait that are not worked on (with `concurrency`). Default: as in the card, else process.
    pub waiting: Option<WaitingCase>,
    /// Closes idle keep-alive connections after this long. 0: never.
    pub keep_alive_timeout_s: Option<f64>,
    /// How long an exec or httpGet preStop hook takes. Default: read from a `sleep N` command, else 0.
    pub pre_stop_s: Option<f64>,
    /// How long an exec or httpGet postStart hook takes.
    pub post_start_s: Option<f64>,
    /// The ports that it listens on: requests and probes to others are refused. Default: every port that is
    /// asked.
    pub ports: Option<Vec<u16>>,
    /// How long its answer to a probe takes. Default: read from a `sleep N` of an exec probe, else 0.
    pub probe_s: Option<f64>,
    /// The HTTP status of its answers, 200 to 399: which version answered, in `--format vegeta`. Default 200.
    pub status: Option<u16>,
    /// The size of an answer's body, for vegeta's Bytes In. Default 0.
    pub answer_bytes: Option<u32>,
}

/// An answer takes `1 + slower e^(-t / tau_s)` times as long, t seconds after the start of the process.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarmUpCase {
    /// How many times the usual comes on top at first, 0 or more.
    pub slower: f64,
    /// The time constant in seconds, above 0.
    pub tau_s: f64,
}

/// Where requests wait for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WaitingCase {
    /// In the process, which has accepted their connections: a graceful stop answers them.
    Process,
    /// In the listener's backlog, as with synchronous workers: reset when the listener closes.
    Backlog,
}

/// What the process does on SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnSigtermCase {
    /// Exits at once.
    Exit,
    /// Stops listening, finishes running requests, exits.
    Graceful,
    /// Nothing, until SIGKILL.
    Ignore,
    /// Goes on serving for `lame_duck_s`, then as graceful.
    LameDuck,
}
