//! What the duration consists of: the same rollouts again, each time without one of the settings that take
//! time.

use super::change::Change;
use super::outcome::Outcome;
use super::trial::Trials;
use crate::cluster::spec::{Container, Probe};
use crate::cluster::workload::{StatefulSetStrategy, Strategy, Workload};
use crate::scenario::Scenario;

/// What one setting takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What takes the time.
    pub what: String,
    /// As it is.
    pub found: String,
    /// Without it, as far as it can be.
    pub change: Change,
    /// So much sooner the rollout is over.
    pub saves_s: f64,
    /// Lost requests with the change.
    pub lost: f64,
}

/// The parts of a duration, the longest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    /// Rollouts that each was tried in.
    pub replications: u32,
    /// With everything as it is.
    pub takes_s: Option<f64>,
    /// What takes the time.
    pub parts: Vec<Part>,
}

/// Savings that are worth a word: seconds, and the share of the duration.
const LEAST: (f64, f64) = (1.0, 0.05);

/// Runs the rollout without each setting that takes time.
pub fn times(trials: &mut Trials<'_>, today: &Outcome) -> Times {
    let Some(base) = trials.look(&Change::default()) else { return Times::default() };
    let (Some(takes_s), Some(_)) = (base.outcome.duration_s(), today.duration_s()) else {
        return Times::default();
    };
    let mut parts = Vec::new();
    for (what, found, change) in candidates(&base.scenario) {
        let Some(tried) = trials.look(&change) else { continue };
        let saves_s = takes_s - tried.outcome.duration_s().unwrap_or(f64::INFINITY);
        if saves_s >= LEAST.0 && saves_s >= LEAST.1 * takes_s {
            parts.push(Part { what, found, change, saves_s, lost: tried.outcome.lost() });
        }
    }
    // What more is changed has to save more.
    let needless = |part: &Part| {
        let less = |other: &&Part| other.change != part.change && other.saves_s >= part.saves_s;
        let within = |other: &Part| other.change.0.iter().all(|e| part.change.0.contains(e));
        parts.iter().filter(less).any(within)
    };
    let mut parts: Vec<Part> = parts.iter().filter(|p| !needless(p)).cloned().collect();
    parts.sort_by(|a, b| b.saves_s.total_cmp(&a.saves_s));
    Times { replications: base.outcome.samples.len() as u32, takes_s: Some(takes_s), parts }
}

type Candidate = (String, String, Change);

/// Everything that takes time, as it is and as short as can be.
fn candidates(scenario: &Scenario) -> Vec<Candidate> {
    let deployment = scenario.after();
    let container = deployment.template.serving_container();
    let mut all = Vec::new();
    let mut add = |what: &str, found: String, change: Change| {
        all.push((what.to_owned(), found, change));
    };
    let seconds = |n: i64| format!("{n} s");
    if deployment.min_ready_seconds > 0 {
        let found = seconds(deployment.min_ready_seconds.into());
        add("minReadySeconds", found, Change::one("minReadySeconds", 0));
    }
    for (name, probe) in
        [("readinessProbe", &container.readiness_probe), ("startupProbe", &container.startup_probe)]
    {
        for (key, found, change) in probe.iter().flat_map(|p| of_probe(name, p)) {
            add(&format!("{name} {key}"), found, change);
        }
    }
    for (what, found, change) in waves(deployment).into_iter().chain(processes(container)) {
        add(&what, found, change);
    }
    if scenario.route().path.controller().is_some()
        && !deployment.template.readiness_gates.is_empty()
    {
        let interval = Change::one("balancer.check_interval", 5);
        add("health checks of the load balancer", "before the readiness gate".into(), interval);
    }
    if let Some(delay) = scenario.route().path.deregistration_delay() {
        let found = seconds(delay.as_secs_f64() as i64);
        add("deregistration delay", found, Change::one("balancer.deregistration_delay", 0));
    }
    add("image pull", "as the platform's card has it".into(), none_pulled());
    all
}

fn none_pulled() -> Change {
    Change::one("imagePullPolicy", "IfNotPresent")
}

/// The delay of a probe, its period, and the passes that it wants.
fn of_probe(name: &str, probe: &Probe) -> Vec<Candidate> {
    let mut all = Vec::new();
    let (delay, period) = (probe.initial_delay_seconds, probe.period_seconds);
    let path = |key: &str| format!("{name}.{key}");
    let mut add = |what: &str, found: String, change| all.push((what.to_owned(), found, change));
    if delay > 0 {
        let change = Change::one(&path("initialDelaySeconds"), 0);
        add("initialDelaySeconds", format!("{delay} s"), change);
    }
    if period > 1 {
        let change = Change::one(&path("periodSeconds"), 1);
        add("periodSeconds", format!("{period} s"), change.clone());
        if delay > 0 {
            let both = change.with(&path("initialDelaySeconds"), 0);
            add("delay and period together", format!("{delay} s + {period} s"), both);
        }
    }
    if probe.success_threshold > 1 {
        let change = Change::one(&path("successThreshold"), 1);
        add("successThreshold", probe.success_threshold.to_string(), change);
    }
    all
}

/// Pods that are replaced one after the other, or only when others are gone.
fn waves(deployment: &Workload) -> Vec<Candidate> {
    match deployment.strategy {
        Strategy::Recreate => {
            let change = Change::one("strategy.type", "RollingUpdate");
            vec![(
                "strategy".into(),
                "Recreate: new pods wait until the old are gone".into(),
                change,
            )]
        }
        Strategy::RollingUpdate { max_surge, max_unavailable } => {
            let at_once = max_surge.of(deployment.replicas, true);
            let found = format!("maxSurge {max_surge}, maxUnavailable {max_unavailable}");
            let change = Change::one("maxSurge", "100%");
            let waves = ("waves of pods".to_owned(), found, change);
            if at_once < deployment.replicas { vec![waves] } else { Vec::new() }
        }
        Strategy::StatefulSet(s) => stateful_set(deployment, s),
        Strategy::DaemonSet(s) if !s.on_delete && s.limits(deployment.replicas).0 == 0 => {
            let found = format!("maxUnavailable {}", s.max_unavailable);
            let change = Change::one("maxUnavailable", "100%");
            let all = s.limits(deployment.replicas).1 >= deployment.replicas;
            if all { Vec::new() } else { vec![("node after node".to_owned(), found, change)] }
        }
        Strategy::DaemonSet(_)
        | Strategy::Rollout { .. }
        | Strategy::ReplicaSet
        | Strategy::Pod => Vec::new(),
    }
}

/// One pod after the other, or several where the gate MaxUnavailableStatefulSet lets them.
fn stateful_set(w: &Workload, s: StatefulSetStrategy) -> Vec<Candidate> {
    let away = s.may_be_away(w.replicas);
    if s.on_delete || away >= w.to_update() {
        return Vec::new();
    }
    let found = format!("{away} away at a time");
    vec![("pod after pod".to_owned(), found, Change::one("maxUnavailable", "50%"))]
}

/// How long processes take to start and to stop, and the hooks around them.
fn processes(container: &Container) -> Vec<Candidate> {
    let app = &container.app;
    let start = Change::one("app.start_delay_s", 0);
    let median = app.start_delay.quantile_s(0.5);
    let mut all = Vec::new();
    if median > 0.0 {
        let found = format!("the application listens after {median:.1} s");
        all.push(("start".to_owned(), found, start));
    }
    if container.post_start.is_some() {
        let change = Change::one("postStart", "null");
        all.push(("postStart hook".into(), "there is one".into(), change));
    }
    if container.pre_stop.is_some() {
        let change = Change::one("preStop", "null");
        all.push(("preStop hook".into(), "old pods sleep before they stop".into(), change));
    }
    all.push((
        "stop".into(),
        "old pods take their time to go".into(),
        Change::one("app.on_sigterm", "exit"),
    ));
    all
}
