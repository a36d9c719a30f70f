//! The settings an answer was computed with, as people write them.

use super::answer::Setting;
use super::words::seconds;
use crate::cluster::flagger::{Flagger, Weights};
use crate::cluster::release::{Plan, Step};
use crate::cluster::spec::{App, Container, Handler, Hook, IntOrPercent, OnSigterm, Probe};
use crate::cluster::workload::{StatefulSetStrategy, Strategy, Workload};
use crate::engine::Dist;
use crate::model::platform::Kubernetes;
use crate::model::rollout::flagger::max_weight;
use crate::scenario::Scenario;
use crate::traffic::offered::{Arrivals, Client, Traffic};

/// Everything that matters, grouped; the Deployment as it is after the action.
pub fn settings(scenario: &Scenario) -> Vec<Setting> {
    let (before, after) = (scenario.before(), scenario.after());
    let mut list = List::default();
    deployment(&mut list, after);
    let old = &before.template.serving_container().app;
    app(&mut list, &format!("application {}", before.template.version), old);
    if after.template.serving_container().app != *old {
        let new = &after.template.serving_container().app;
        app(&mut list, &format!("application {}", after.template.version), new);
    }
    traffic(&mut list, &scenario.traffic);
    client(&mut list, &scenario.traffic.client);
    list.add("run", "horizon", seconds(scenario.horizon.as_secs_f64()));
    list.add("run", "Kubernetes", kubernetes(&scenario.kubernetes));
    list.0
}

/// The version, that of parts which differ, and who told it.
fn kubernetes(k: &Kubernetes) -> String {
    format!("{} ({})", versions(k), k.told_by.name())
}

/// The version, and that of parts which differ.
pub(super) fn versions(k: &Kubernetes) -> String {
    let mut text = format!("1.{}", k.control_plane);
    for (part, minor) in [("kubelet", k.kubelet), ("kube-proxy", k.kube_proxy)] {
        if minor != k.control_plane {
            text.push_str(&format!(", {part} 1.{minor}"));
        }
    }
    if k.on_demand_relist != (k.kubelet >= 36) {
        text.push_str(if k.on_demand_relist {
            ", PLEGOnDemandRelist"
        } else {
            ", no PLEGOnDemandRelist"
        });
    }
    text
}

#[derive(Default)]
struct List(Vec<Setting>);

impl List {
    fn add(&mut self, group: &str, key: &str, value: impl Into<String>) {
        let (group, key) = (group.to_owned(), key.to_owned());
        self.0.push(Setting { group, key, value: value.into() });
    }
}

fn deployment(list: &mut List, d: &Workload) {
    let group = format!("{} {}", d.kind().word(), d.name);
    let mut add = |key: &str, value: String| list.add(&group, key, value);
    add("replicas", d.replicas.to_string());
    match d.strategy {
        Strategy::Recreate => add("strategy", "Recreate".into()),
        Strategy::RollingUpdate { max_surge, max_unavailable } => {
            add("strategy", "RollingUpdate".into());
            add("maxSurge", max_surge.to_string());
            add("maxUnavailable", max_unavailable.to_string());
        }
        Strategy::StatefulSet(s) => stateful_set(s, &mut add),
        Strategy::DaemonSet(s) => {
            add("updateStrategy", strategy_name(s.on_delete));
            if !s.on_delete {
                add("maxSurge", s.max_surge.to_string());
                add("maxUnavailable", s.max_unavailable.to_string());
            }
        }
        Strategy::Rollout { max_surge, max_unavailable } => {
            release(d, (max_surge, max_unavailable), &mut add);
        }
        Strategy::ReplicaSet | Strategy::Pod => {}
    }
    if let Some(canary) = d.release.as_ref().and_then(|r| r.flagger()) {
        flagger(canary, &mut add);
    }
    add("minReadySeconds", d.min_ready_seconds.to_string());
    if d.kind().has_sets() {
        let deadline = d.progress_deadline_seconds.map_or("none".into(), |s| s.to_string());
        add("progressDeadlineSeconds", deadline);
    }
    add("terminationGracePeriodSeconds", d.template.termination_grace_period_seconds.to_string());
    for gate in &d.template.readiness_gates {
        add("readinessGate", gate.clone());
    }
    for c in &d.template.containers {
        container(list, c);
    }
}

/// Kind and steps of a release.
fn release(
    d: &Workload,
    (surge, unavailable): (IntOrPercent, IntOrPercent),
    add: &mut impl FnMut(&str, String),
) {
    let Some(release) = &d.release else { return };
    match &release.plan {
        Plan::Canary(canary) => {
            let routed = canary.router.is_some();
            add("strategy", if routed { "canary, routed" } else { "canary" }.to_owned());
            if !routed {
                add("maxSurge", surge.to_string());
                add("maxUnavailable", unavailable.to_string());
            }
            let steps: Vec<String> = canary.steps.iter().map(Step::to_string).collect();
            add("steps", if steps.is_empty() { "none".to_owned() } else { steps.join(", ") });
        }
        Plan::BlueGreen(_) => add("strategy", "blueGreen".to_owned()),
        Plan::Flagger(_) => {}
    }
    for analysis in release.analyses() {
        let names: Vec<&str> = analysis.metrics.iter().map(|m| m.name.as_str()).collect();
        add("analysis", format!("{} ({})", analysis.name, names.join(", ")));
    }
}

/// What a Canary says of its steps.
fn flagger(canary: &Flagger, add: &mut impl FnMut(&str, String)) {
    add("analysis.interval", format!("{} s", canary.interval.as_secs_f64()));
    add("analysis.threshold", canary.threshold.to_string());
    if canary.iterations > 0 {
        return add("analysis.iterations", canary.iterations.to_string());
    }
    match &canary.weights {
        Weights::By(step) => add("analysis.stepWeight", step.to_string()),
        Weights::These(list) => add("analysis.stepWeights", format!("{list:?}")),
    }
    add("analysis.maxWeight", max_weight(canary).to_string());
}

fn strategy_name(on_delete: bool) -> String {
    if on_delete { "OnDelete" } else { "RollingUpdate" }.to_owned()
}

fn stateful_set(s: StatefulSetStrategy, add: &mut impl FnMut(&str, String)) {
    add("podManagementPolicy", if s.parallel { "Parallel" } else { "OrderedReady" }.to_owned());
    add("updateStrategy", strategy_name(s.on_delete));
    if !s.on_delete {
        add("partition", s.partition.to_string());
        add("maxUnavailable", s.max_unavailable.map_or("1".to_owned(), |limit| limit.to_string()));
    }
}

fn container(list: &mut List, c: &Container) {
    let group = format!("container {}", c.name);
    let probes = [
        ("startupProbe", &c.startup_probe),
        ("readinessProbe", &c.readiness_probe),
        ("livenessProbe", &c.liveness_probe),
    ];
    for (name, probe) in probes {
        list.add(&group, name, probe.as_ref().map_or("none".into(), probe_text));
    }
    list.add(&group, "preStop", c.pre_stop.as_ref().map_or("none".into(), hook_text));
}

fn probe_text(p: &Probe) -> String {
    let handler = match &p.handler {
        Handler::HttpGet { path, port } => format!("httpGet :{port}{path}"),
        Handler::TcpSocket { port } => format!("tcpSocket :{port}"),
        Handler::Grpc { port } => format!("grpc :{port}"),
        Handler::Exec { command } => format!("exec {}", command.join(" ")),
    };
    format!(
        "{handler}, first after {} s, every {} s, timeout {} s, success {}, failure {}",
        p.initial_delay_seconds,
        p.period_seconds,
        p.timeout_seconds,
        p.success_threshold,
        p.failure_threshold
    )
}

fn hook_text(hook: &Hook) -> String {
    match hook {
        Hook::UntilListening => "waits until its process listens".to_owned(),
        Hook::Sleep { seconds } => format!("sleep {seconds} s"),
        Hook::Exec { command, duration } => {
            format!("exec {} ({})", command.join(" "), seconds(duration.as_secs_f64()))
        }
        Hook::HttpGet { path, port, duration } => {
            format!("httpGet :{port}{path} ({})", seconds(duration.as_secs_f64()))
        }
    }
}

fn app(list: &mut List, group: &str, app: &App) {
    list.add(group, "listens after", dist_text(&app.start_delay));
    list.add(group, "answers in", dist_text(&app.service));
    let on_sigterm = match &app.on_sigterm {
        OnSigterm::Exit => "exits at once".into(),
        OnSigterm::Ignore => "ignores it until SIGKILL".into(),
        OnSigterm::Graceful { drain_timeout } => {
            format!("drains up to {}, then exits", seconds(drain_timeout.as_secs_f64()))
        }
        OnSigterm::LameDuck { delay, drain_timeout } => format!(
            "serves on for {}, then drains up to {}",
            seconds(delay.as_secs_f64()),
            seconds(drain_timeout.as_secs_f64())
        ),
    };
    list.add(group, "on SIGTERM", on_sigterm);
    let limit = |n: Option<u32>| n.map_or("unlimited".into(), |n| n.to_string());
    list.add(group, "requests at once", limit(app.concurrency));
    if app.concurrency.is_some() {
        list.add(group, "queue", limit(app.queue));
        let probes = if app.probes_share_the_queue { "in the queue" } else { "at once" };
        list.add(group, "probes are answered", probes);
    }
    let idle = app.keep_alive_timeout.map(|d| seconds(d.as_secs_f64()));
    list.add(group, "closes idle connections after", idle.unwrap_or("never".into()));
}

fn dist_text(dist: &Dist) -> String {
    let median = seconds(dist.quantile_s(0.5));
    match dist {
        Dist::Constant { mean_s } => seconds(*mean_s),
        _ => format!("{median} (99 % below {})", seconds(dist.quantile_s(0.99))),
    }
}

fn traffic(list: &mut List, t: &Traffic) {
    let kind = match &t.arrivals {
        Arrivals::Even => "open loop, evenly spaced".into(),
        Arrivals::Poisson => "open loop, Poisson".into(),
        Arrivals::Trace(times) => format!("open loop, a trace of {} requests", times.len()),
        Arrivals::Closed { users, think } => {
            format!("closed loop, {users} users, thinking {}", dist_text(think))
        }
    };
    list.add("traffic", "arrivals", kind);
    let open = matches!(t.arrivals, Arrivals::Even | Arrivals::Poisson);
    for (from, rate) in t.rate.iter().filter(|_| open).take(4) {
        let from = from.max(&t.start).as_secs_f64();
        list.add("traffic", &format!("rate from {}", seconds(from)), format!("{rate} requests/s"));
    }
    list.add("traffic", "until", seconds(t.end.as_secs_f64()));
}

fn client(list: &mut List, c: &Client) {
    list.add("client", "connections", if c.keep_alive { "kept alive" } else { "one a request" });
    list.add("client", "timeout", seconds(c.timeout.as_secs_f64()));
    list.add("client", "own retries", c.retries.to_string());
    list.add("client", "stalled when slower than", seconds(c.stall_threshold.as_secs_f64()));
}
