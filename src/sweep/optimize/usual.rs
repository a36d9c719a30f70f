//! The settings that are worth a search in any Deployment, and the values that people give them: what
//! `rollsim optimize` searches without a problem, and where advice looks when the cause alone does not help.

use crate::blame::facts::pods_needed;
use crate::cluster::release::Plan;
use crate::cluster::spec::{Container, Hook, IntOrPercent, TargetPort};
use crate::cluster::workload::{StatefulSetStrategy, Strategy, Workload};
use crate::input::raw::knative;
use crate::scenario::Scenario;

/// A setting with values to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usual {
    /// As `--set` takes it.
    pub path: &'static str,
    /// Short, for constraints; empty: the path's own.
    pub name: &'static str,
    /// As `--set` takes them, rising where they are numbers.
    pub values: Vec<String>,
}

/// From here on kubelets know the hook `sleep` without being asked to.
pub const SLEEP_SINCE: u32 = 30;

/// Values that are tried besides today's.
const SLEEPS: [i64; 9] = [1, 2, 3, 5, 7, 10, 15, 20, 30];
const GRACES: [i64; 4] = [30, 45, 60, 90];
const PERIODS: [i64; 4] = [1, 2, 5, 10];
const MIN_READY: [i64; 4] = [0, 5, 10, 30];

/// The settings of the Deployment under test. What only protects, a hook and a grace period, is tried from
/// today's value on, or also `below` it.
pub fn settings(scenario: &Scenario, below: bool) -> Vec<Usual> {
    let deployment = scenario.after();
    let template = &deployment.template;
    let container = template.serving_container();
    if template.labels.contains_key(knative::LABEL) {
        return of_revision(scenario, deployment);
    }
    let mut all = Vec::new();
    let mut add = |path, name, values| all.push(Usual { path, name, values });
    if scenario.kubernetes.kubelet >= SLEEP_SINCE && may_sleep(container) {
        let hook = container.pre_stop.as_ref();
        let today = hook.map(|hook| libm::ceil(hook.length().as_secs_f64()) as i64);
        let rest: Vec<i64> =
            SLEEPS.into_iter().filter(|s| below || today.is_none_or(|t| *s >= t)).collect();
        add("preStop.sleep.seconds", "preStop", numbers(&rest, today));
    }
    let grace = template.termination_grace_period_seconds;
    let rest: Vec<i64> = GRACES.into_iter().filter(|g| below || *g >= grace).collect();
    add("terminationGracePeriodSeconds", "", numbers(&rest, Some(grace)));
    match (&container.readiness_probe, port(scenario, container)) {
        (Some(probe), _) => {
            let periods = numbers(&PERIODS, Some(i64::from(probe.period_seconds)));
            add("readinessProbe.periodSeconds", "", periods);
        }
        (None, Some(port)) => {
            add("readinessProbe.tcpSocket.port", "readinessProbe", vec![port.to_string()]);
        }
        (None, None) => {}
    }
    all.extend(strategy(scenario, deployment));
    let min_ready = numbers(&MIN_READY, Some(i64::from(deployment.min_ready_seconds)));
    all.push(Usual { path: "minReadySeconds", name: "", values: min_ready });
    all
}

/// A revision of a Knative Service: Knative alone says how its Deployment is updated, and its pods stop.
fn of_revision(scenario: &Scenario, revision: &Workload) -> Vec<Usual> {
    let needed = i64::from(pods_needed(scenario).unwrap_or(1).max(1));
    let own = scenario.autoscalers.iter().rfind(|a| a.target == revision.name);
    let today = own.map(|a| i64::from(a.bounds.min));
    let path = "podautoscaler.metadata.annotations[autoscaling.knative.dev/min-scale]";
    let scales = numbers(&[0, needed, needed + 1, needed * 3 / 2 + 1, needed * 2], today);
    let mut all = vec![Usual { path, name: "min_scale", values: scales }];
    let probe = revision.template.serving_container().readiness_probe.as_ref();
    all.extend(probe.map(|probe| {
        let values = numbers(&PERIODS, Some(i64::from(probe.period_seconds)));
        Usual { path: "readinessProbe.periodSeconds", name: "", values }
    }));
    all
}

fn strategy(scenario: &Scenario, deployment: &Workload) -> Vec<Usual> {
    let chosen = |path, name, words: [&str; 2]| {
        vec![Usual { path, name, values: words.map(str::to_owned).to_vec() }]
    };
    let (max_surge, max_unavailable) = match deployment.strategy {
        Strategy::RollingUpdate { max_surge, max_unavailable } => (max_surge, max_unavailable),
        Strategy::Recreate => {
            return chosen("strategy.type", "strategy", ["Recreate", "RollingUpdate"]);
        }
        // Somebody has to delete their pods: the bounds are those of the other type.
        _ if deployment.on_delete() => {
            return chosen("updateStrategy.type", "updateStrategy", ["OnDelete", "RollingUpdate"]);
        }
        Strategy::StatefulSet(s) => return stateful_set(scenario, s),
        Strategy::DaemonSet(s) => {
            let (surge, unavailable) = (s.max_surge, s.max_unavailable);
            return vec![
                Usual {
                    path: "maxUnavailable",
                    name: "",
                    values: with_own(unavailable, &["0", "1"]),
                },
                Usual { path: "maxSurge", name: "", values: with_own(surge, &["0", "1"]) },
            ];
        }
        // A canary without a router is a matter of numbers of pods; other releases have steps of their own.
        Strategy::Rollout { max_surge, max_unavailable } if by_pods(deployment) => {
            (max_surge, max_unavailable)
        }
        // Nothing rolls the others out.
        Strategy::Rollout { .. } | Strategy::ReplicaSet | Strategy::Pod => return Vec::new(),
    };
    vec![
        Usual { path: "maxUnavailable", name: "", values: with_own(max_unavailable, &["0", "1"]) },
        Usual {
            path: "maxSurge",
            name: "",
            values: with_own(max_surge, &["1", "25%", "50%", "100%"]),
        },
    ]
}

/// Whether numbers of pods are the weights of a canary.
fn by_pods(rollout: &Workload) -> bool {
    let plan = rollout.release.as_ref().map(|release| &release.plan);
    matches!(plan, Some(Plan::Canary(canary)) if canary.router.is_none())
}

/// Today's value among these.
fn with_own(own: IntOrPercent, others: &[&str]) -> Vec<String> {
    let own = own.to_string();
    let mut values: Vec<String> = others.iter().map(|v| (*v).to_owned()).collect();
    if !values.contains(&own) {
        values.push(own);
    }
    values
}

/// In which order pods come, and how many may be away where the gate is on. The partition says which pods
/// stay as they are: it is no choice of how.
fn stateful_set(scenario: &Scenario, s: StatefulSetStrategy) -> Vec<Usual> {
    let policy = ["OrderedReady", "Parallel"].map(str::to_owned).to_vec();
    let mut all = vec![Usual { path: "podManagementPolicy", name: "", values: policy }];
    if scenario.kubernetes.max_unavailable_stateful_set {
        let own = s.max_unavailable.unwrap_or(IntOrPercent::Int(1));
        let path = "updateStrategy.rollingUpdate.maxUnavailable";
        all.push(Usual { path, name: "maxUnavailable", values: with_own(own, &["1", "2"]) });
    }
    all
}

/// Whether a `sleep` may take the place of the hook that is there: of none, and of one that only waits.
pub fn may_sleep(container: &Container) -> bool {
    match &container.pre_stop {
        None | Some(Hook::Sleep { .. }) => true,
        Some(Hook::Exec { command, .. }) => command.iter().any(|word| word.contains("sleep")),
        Some(Hook::HttpGet { .. } | Hook::UntilListening) => false,
    }
}

/// The port that serves.
pub fn port(scenario: &Scenario, container: &Container) -> Option<u16> {
    match &scenario.service().ports.first()?.target_port {
        TargetPort::Number(n) => Some(*n),
        TargetPort::Name(name) => {
            container.ports.iter().find(|p| p.name.as_ref() == Some(name)).map(|p| p.port)
        }
    }
}

/// The numbers, and today's among them, rising.
fn numbers(values: &[i64], today: Option<i64>) -> Vec<String> {
    let mut values: Vec<i64> = values.iter().copied().chain(today).collect();
    values.sort_unstable();
    values.dedup();
    values.iter().map(i64::to_string).collect()
}
