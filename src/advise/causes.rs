//! What may mend each setting that is to blame: the one place where a [`Setting`] becomes changes to try.
//! Nothing here says that they help; `fixes` finds out.

use super::case::{Case, Way};
use super::change::Change;
use super::{ladder, path};
use crate::blame::facts::{may_be_away, pods_needed};
use crate::blame::{Blame, Setting};
use crate::cluster::spec::{Handler, IntOrPercent, OnSigterm};
use crate::cluster::workload::Strategy;
use crate::input::raw::knative;
use crate::scenario::ActionKind;
use crate::sweep::optimize::usual::{SLEEP_SINCE, may_sleep, port};

/// Ways for the losses of one setting, the plainest first.
pub fn ways(case: &Case<'_>, blame: &Blame) -> Vec<Way> {
    let scenario = case.scenario();
    if scenario.seen_by(blame.call).before().name != scenario.before().name {
        // What is changed is the workload under test: another one's settings are not at hand.
        return Vec::new();
    }
    let mut all = of_setting(case, blame);
    if case.scenario().service().external_traffic_local {
        all.push(vec![Change::one("externalTrafficPolicy", "Cluster")]);
    }
    all
}

fn of_setting(case: &Case<'_>, blame: &Blame) -> Vec<Way> {
    let few = matches!(blame.setting, Setting::PodsAway | Setting::Replicas | Setting::Capacity);
    if few && case.deployment.template.labels.contains_key(knative::LABEL) {
        return vec![scale(case, "min-scale"), scale(case, "initial-scale")];
    }
    let missing_s = blame.missing.map_or(1.0, |m| m.most_s);
    match blame.setting {
        Setting::PreStopSleep => vec![hook(case, missing_s), hook_and_shutdown(case, missing_s)],
        Setting::GracePeriod => killed(case, missing_s),
        Setting::GracefulShutdown => {
            vec![graceful(case), hook_and_shutdown(case, 1.0), hook(case, missing_s)]
        }
        Setting::DrainTimeout => vec![drain(case, missing_s)],
        Setting::ReadinessProbe => vec![probe(case, None), probe(case, Some(2))],
        Setting::ReadinessProbeTarget => {
            vec![probe(case, None), min_ready(case, missing_s)]
        }
        Setting::Restarts => restarts(case),
        Setting::MinReadySeconds => {
            vec![
                path::gate(case),
                min_ready(case, missing_s),
                hook(case, missing_s),
                keep_all(case),
            ]
        }
        Setting::Strategy => vec![rolling()],
        Setting::MaxUnavailable => vec![keep_all(case)],
        Setting::PodsAway => vec![keep_needed(case), keep_all(case), replicas(case)],
        Setting::Replicas => vec![replicas(case)],
        Setting::Capacity => vec![keep_all(case), replicas(case)],
        Setting::DeregistrationDelay => vec![path::deregistration(case)],
        Setting::KeepAliveTimeout => vec![keep_alive(case)],
        Setting::ClientTimeout => vec![client_timeout(case)],
        Setting::TargetPort => vec![target_port(case)],
        Setting::FrontKeepAlive => vec![path::front_keep_alive(case)],
        Setting::FrontTimeout => vec![path::front_timeout(case)],
        Setting::ProxyTimeout => vec![path::proxy_timeout(case)],
        Setting::CrossZone => vec![path::cross_zone(case)],
        Setting::ProxyGrace => vec![path::proxy_grace(case)],
        Setting::CircuitBreaker => vec![path::breakers(case), keep_all(case)],
        Setting::RateLimit => vec![path::rate_limit(case)],
        Setting::ConnectionAge => vec![connection_age(case)],
        Setting::OutlierDetection => vec![path::ejections()],
        Setting::Procedure | Setting::Weight => steps(case),
        // No setting of a workload changes how a data plane rewrites its rules, or what ran before.
        Setting::DataPlane | Setting::OldReadiness | Setting::Fault => Vec::new(),
        Setting::NodeLoss => lost_node(case),
        Setting::SidecarStart => {
            vec![
                path::sidecar("mesh.native_sidecars"),
                path::sidecar("mesh.hold_application_until_proxy_starts"),
            ]
        }
        Setting::SidecarStop => {
            vec![path::sidecar("mesh.native_sidecars"), path::sidecar_drain(case)]
        }
        Setting::ProbeTimeout => {
            vec![patient_probe(case), keep_needed(case), keep_all(case), replicas(case)]
        }
        Setting::Liveness => vec![no_liveness(), keep_needed(case), keep_all(case), replicas(case)],
        Setting::ResizePolicy => vec![vec![Change::one("resizePolicy", "null")]],
        Setting::ProbeDependency => vec![vec![Change::one("app.depends_on.probes", "[]")]],
    }
}

/// Who tries again elsewhere, and sooner than it gives up, loses nothing.
fn lost_node(case: &Case<'_>) -> Vec<Way> {
    let client = &case.scenario().traffic.client;
    let retries = || Change::one("traffic.retries", client.retries.max(1) + 1);
    vec![vec![retries()], vec![retries().with("traffic.timeout_s", 2)]]
}

/// A readiness probe that waits as long as clients do.
fn patient_probe(case: &Case<'_>) -> Way {
    let patience = case.scenario().traffic.client.timeout.as_secs_f64();
    let seconds = libm::ceil(patience) + 1.0;
    vec![Change::one("readinessProbe.timeoutSeconds", format!("{seconds}"))]
}

/// Readiness alone decides what busy pods get.
fn no_liveness() -> Way {
    vec![Change::one("livenessProbe", "null")]
}

/// Ways that come before all others: where no pod may be left, nothing else is worth looking at.
pub fn structure(case: &Case<'_>) -> Vec<Way> {
    let scenario = case.scenario();
    let deployment = scenario.before();
    let taken = |kind: &ActionKind| {
        let away = matches!(kind, ActionKind::DeletePods { .. } | ActionKind::Evict { .. });
        away || matches!(kind, ActionKind::Drain { .. }) || kind.loses_nodes()
    };
    let evicted = scenario.verticals.iter().any(|v| v.mode.evicts());
    if deployment.replicas == 1 && (evicted || scenario.actions.iter().any(|a| taken(&a.kind))) {
        return vec![replicas(case)];
    }
    if !scenario.actions.iter().any(|a| a.kind.is_rollout()) {
        return Vec::new();
    }
    match deployment.strategy {
        Strategy::StatefulSet(_) if deployment.replicas == 1 => vec![replicas(case)],
        Strategy::Recreate => vec![rolling()],
        _ if may_be_away(deployment) >= deployment.replicas => vec![keep_all(case)],
        _ => Vec::new(),
    }
}

/// A hook that sleeps longer by what is missing, and the grace period that it needs.
fn hook(case: &Case<'_>, missing_s: f64) -> Way {
    hooks(case, missing_s).into_iter().map(|(_, change)| change).collect()
}

/// As [`hook`], each with the seconds that it sleeps.
fn hooks(case: &Case<'_>, missing_s: f64) -> Vec<(i64, Change)> {
    let longer = ladder::seconds(case.hook_s() + missing_s).into_iter();
    longer.filter_map(|s| Some((s, sleep(case, s)?))).collect()
}

/// A hook of so many seconds; None: the hook that is there does something that must stay.
fn sleep(case: &Case<'_>, seconds: i64) -> Option<Change> {
    if !may_sleep(case.container) {
        return None;
    }
    let change = match case.scenario().kubernetes.kubelet >= SLEEP_SINCE {
        true => Change::one("preStop.sleep.seconds", seconds),
        false => Change::one("preStop.exec.command", format!("[sleep, \"{seconds}\"]")),
    };
    Some(case.within_grace(change, seconds as f64 + case.tail_s()))
}

/// The application finishes what runs when it is told to stop.
fn graceful(case: &Case<'_>) -> Way {
    let needed = case.hook_s() + case.longest_s();
    vec![case.within_grace(Change::one("app.on_sigterm", "graceful"), needed)]
}

/// Both: where the process exits at once, a hook alone leaves what runs, and a drain alone closes too early.
fn hook_and_shutdown(case: &Case<'_>, missing_s: f64) -> Way {
    if matches!(case.container.app.on_sigterm, OnSigterm::Graceful { .. }) {
        return Vec::new();
    }
    let both = |(seconds, change): (i64, Change)| {
        let needed_s = seconds as f64 + case.longest_s();
        case.within_grace(change.with("app.on_sigterm", "graceful"), needed_s)
    };
    hooks(case, missing_s).into_iter().map(both).collect()
}

/// SIGKILL comes too early: a longer grace period, or a process that hears SIGTERM after a hook.
fn killed(case: &Case<'_>, missing_s: f64) -> Vec<Way> {
    let longer = ladder::seconds(case.grace_s() + missing_s);
    let longer = longer.into_iter().map(|s| Change::one("terminationGracePeriodSeconds", s));
    vec![longer.collect(), hook_and_shutdown(case, 1.0)]
}

/// The application may drain for longer, within its grace period.
fn drain(case: &Case<'_>, missing_s: f64) -> Way {
    let now = match case.container.app.on_sigterm {
        OnSigterm::Graceful { drain_timeout } | OnSigterm::LameDuck { drain_timeout, .. } => {
            drain_timeout.as_secs_f64()
        }
        _ => 0.0,
    };
    let longer = |s: i64| {
        let change = Change::one("app.drain_timeout_s", s);
        case.within_grace(change, case.hook_s() + s as f64)
    };
    ladder::seconds(now + missing_s).into_iter().map(longer).collect()
}

/// A readiness probe of the port that serves, every so many seconds.
fn probe(case: &Case<'_>, period: Option<i64>) -> Way {
    let Some(port) = port(case.scenario(), case.container) else { return Vec::new() };
    let asks = |p: &Handler| match p {
        Handler::HttpGet { port: asked, .. }
        | Handler::TcpSocket { port: asked }
        | Handler::Grpc { port: asked } => *asked == port,
        Handler::Exec { .. } => false,
    };
    let change = match &case.container.readiness_probe {
        Some(probe) if asks(&probe.handler) => Change::default(),
        _ => Change::one("readinessProbe.tcpSocket.port", port),
    };
    let change = match period {
        Some(s) => change.with("readinessProbe.periodSeconds", s),
        None => change,
    };
    if change.0.is_empty() { Vec::new() } else { vec![change] }
}

fn min_ready(case: &Case<'_>, missing_s: f64) -> Way {
    let now = f64::from(case.deployment.min_ready_seconds);
    let longer = ladder::seconds(now + missing_s);
    longer.into_iter().map(|s| Change::one("minReadySeconds", s)).collect()
}

/// What ends the container gets patience.
fn restarts(case: &Case<'_>) -> Vec<Way> {
    let mut all = Vec::new();
    if let Some(probe) = &case.container.liveness_probe {
        let more = [2, 4, 8].map(|k| {
            Change::one("livenessProbe.failureThreshold", k * probe.failure_threshold.max(1))
        });
        all.push(more.to_vec());
        if let (None, Some(port)) =
            (&case.container.startup_probe, port(case.scenario(), case.container))
        {
            let start = Change::one("startupProbe.tcpSocket.port", port);
            all.push(vec![start.with("startupProbe.failureThreshold", 30)]);
        }
    }
    all
}

fn rolling() -> Way {
    vec![Change::one("strategy.type", "RollingUpdate")]
}

/// No pod goes before another one has come.
fn keep_all(case: &Case<'_>) -> Way {
    let (max_surge, max_unavailable) = match case.deployment.strategy {
        Strategy::RollingUpdate { max_surge, max_unavailable } => (max_surge, max_unavailable),
        Strategy::DaemonSet(s) if !s.on_delete => (s.max_surge, s.max_unavailable),
        _ => return Vec::new(),
    };
    let none =
        |limit: IntOrPercent| matches!(limit, IntOrPercent::Int(0) | IntOrPercent::Percent(0));
    if none(max_unavailable) {
        return Vec::new();
    }
    let change = Change::one("maxUnavailable", 0);
    vec![if none(max_surge) { change.with("maxSurge", 1) } else { change }]
}

/// As many stay as the requests need.
fn keep_needed(case: &Case<'_>) -> Way {
    let replicas = case.deployment.replicas;
    let Some(needed) = pods_needed(case.scenario()).filter(|n| *n < replicas) else {
        return Vec::new();
    };
    let in_percent = matches!(
        case.deployment.strategy,
        Strategy::RollingUpdate { max_unavailable: IntOrPercent::Percent(_), .. }
    );
    let text = |most: i32| match in_percent {
        true => format!("{}%", most * 100 / replicas),
        false => most.to_string(),
    };
    // The larger change is the smaller number.
    let most = replicas - needed;
    let tries = [most, most * 3 / 4, most / 2, most / 4];
    tries.into_iter().filter(|m| *m > 0).map(|m| Change::one("maxUnavailable", text(m))).collect()
}

/// More pods: enough for the requests, or one that stays.
fn replicas(case: &Case<'_>) -> Way {
    let now = case.deployment.replicas.max(1);
    let needed = pods_needed(case.scenario()).unwrap_or(0);
    let mut tries =
        vec![now + 1, needed.max(now + 1), now + 2, needed + 1, now * 3 / 2 + 1, now * 2];
    tries.retain(|n| *n > now);
    tries.sort_unstable();
    tries.dedup();
    tries.into_iter().map(|n| Change::one("replicas", n)).collect()
}

/// A revision of a Knative Service begins with more pods, or has at least so many.
fn scale(case: &Case<'_>, key: &str) -> Way {
    let needed = pods_needed(case.scenario()).unwrap_or(0).max(1);
    let path = format!("podautoscaler.metadata.annotations[{}{key}]", knative::PREFIX);
    let mut tries = vec![needed, needed + 1, needed + 2, needed * 3 / 2 + 1, needed * 2];
    tries.sort_unstable();
    tries.dedup();
    tries.into_iter().map(|n| Change::one(&path, n)).collect()
}

/// The server keeps idle connections for longer than the proxy does.
fn keep_alive(case: &Case<'_>) -> Way {
    let idle = case.scenario().route().path.idle_timeout().map_or(60.0, |d| d.as_secs_f64());
    let longer = ladder::seconds(idle);
    longer.into_iter().map(|s| Change::one("app.keep_alive_timeout_s", s)).collect()
}

/// The Service sends to a port that the container says it has.
fn target_port(case: &Case<'_>) -> Way {
    let ports = case.container.ports.iter();
    ports.map(|p| Change::one("service.spec.ports[0].targetPort", p.port)).collect()
}

fn client_timeout(case: &Case<'_>) -> Way {
    let now = case.scenario().traffic.client.timeout.as_secs_f64();
    ladder::seconds(now).into_iter().map(|s| Change::one("traffic.timeout_s", s)).collect()
}

/// Servers wait longer for what goes over a connection that was old enough.
fn connection_age(case: &Case<'_>) -> Way {
    let longer = ladder::seconds(case.longest_s()).into_iter();
    longer.map(|s| Change::one("connections.max_age_grace_s", s)).collect()
}

/// Steps of the procedure that may come later, and pods that stay while others go.
fn steps(case: &Case<'_>) -> Vec<Way> {
    let mut all = Vec::new();
    for action in case.scenario().actions.iter().filter(|action| !action.key.is_empty()) {
        let key = |key: &str| format!("{}.{key}", action.key);
        let later = |key: &str, now_s: f64| -> Way {
            ladder::seconds(now_s + 5.0).into_iter().map(|s| Change::one(key, s)).collect()
        };
        let at_s = action.at.as_secs_f64();
        match &action.kind {
            ActionKind::SelectorSwitch {
                wait_available, switch_after, scale_down_after, ..
            } => {
                if !wait_available {
                    all.push(vec![Change::one(&key("wait_available"), "true")]);
                    all.push(later(&key("switch_after_s"), switch_after.as_secs_f64()));
                }
                let down = scale_down_after.map(|d| d.as_secs_f64());
                all.extend(down.map(|s| later(&key("scale_down_after_s"), s)));
            }
            ActionKind::ShiftWeight { .. } | ActionKind::Scale { .. } => {
                all.push(later(&key("at_s"), at_s));
            }
            ActionKind::DeletePods { .. } | ActionKind::Evict { .. } | ActionKind::Drain { .. } => {
                all.push(replicas(case));
                let grace = action.kind.grace().map(|s| s as f64);
                all.extend(grace.map(|s| later(&key("grace_period_s"), s)));
            }
            _ => {}
        }
    }
    all
}
