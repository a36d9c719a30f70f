//! The problem that `rollsim optimize web.yaml` searches: settings that fit the manifests, and nothing lost.

use crate::cluster::spec::{Container, Deployment, Hook, IntOrPercent, Strategy, TargetPort};
use crate::scenario::{ActionKind, Scenario};
use std::fmt::Write;

/// A second of rollout and a pod above the wanted number for a second cost alike, so that a larger surge has
/// to be worth it.
const HEAD: &str = "schema = 1
cost = { duration_s = 1, surge_pod_seconds = 1 }
max_evaluations = 400
";
/// From here on kubelets know the hook `sleep` without being asked to.
const SLEEP_SINCE: u32 = 30;

/// Values that are tried besides today's.
const SLEEPS: [i64; 9] = [1, 2, 3, 5, 7, 10, 15, 20, 30];
const GRACES: [i64; 4] = [30, 45, 60, 90];
const PERIODS: [i64; 4] = [1, 2, 5, 10];
const MIN_READY: [i64; 4] = [0, 5, 10, 30];

/// A problem (TOML) for the Deployment under test. What only protects, a hook and a grace period, is tried
/// from today's value on, or also `below` it.
pub fn of(scenario: &Scenario, base: &str, below: bool) -> String {
    let deployment = rolled_out(scenario);
    let template = &deployment.template;
    let container = template.serving_container();
    let mut text = format!("{HEAD}base = {{ manifests = [{base}] }}\n");
    let sleeps = scenario.kubernetes.kubelet >= SLEEP_SINCE && may_sleep(container);
    if sleeps {
        text += "constraints = [\"terminationGracePeriodSeconds > preStop\"]\n";
        let today = slept(container);
        let rest: Vec<i64> =
            SLEEPS.into_iter().filter(|s| below || today.is_none_or(|t| *s >= t)).collect();
        setting(&mut text, "preStop.sleep.seconds", "preStop", &numbers(&rest, today));
    }
    let grace = template.termination_grace_period_seconds;
    let rest: Vec<i64> = GRACES.into_iter().filter(|g| below || *g >= grace).collect();
    let graces = numbers(&rest, Some(grace));
    setting(&mut text, "terminationGracePeriodSeconds", "", &graces);
    match (&container.readiness_probe, port(scenario, container)) {
        (Some(probe), _) => {
            let periods = numbers(&PERIODS, Some(i64::from(probe.period_seconds)));
            setting(&mut text, "readinessProbe.periodSeconds", "", &periods);
        }
        (None, Some(port)) => {
            setting(
                &mut text,
                "readinessProbe.tcpSocket.port",
                "readinessProbe",
                &port.to_string(),
            );
        }
        (None, None) => {}
    }
    strategy(&mut text, deployment);
    let min_ready = numbers(&MIN_READY, Some(i64::from(deployment.min_ready_seconds)));
    setting(&mut text, "minReadySeconds", "", &min_ready);
    text
}

/// The Deployment as the rollout leaves it.
fn rolled_out(scenario: &Scenario) -> &Deployment {
    let mut updates = scenario.actions.iter().rev().filter_map(|action| match &action.kind {
        ActionKind::Rollout { deployment } => Some(&**deployment),
        _ => None,
    });
    updates.next().unwrap_or(&scenario.deployments[scenario.subject])
}

fn strategy(text: &mut String, deployment: &Deployment) {
    match deployment.strategy {
        Strategy::Recreate => {
            setting(text, "strategy.type", "strategy", "\"Recreate\", \"RollingUpdate\"");
        }
        Strategy::RollingUpdate { max_surge, max_unavailable } => {
            let own = |own: IntOrPercent, others: &[&str]| {
                let own = match own {
                    IntOrPercent::Int(n) => n.to_string(),
                    IntOrPercent::Percent(p) => format!("\"{p}%\""),
                };
                let mut values: Vec<&str> = others.to_vec();
                if !values.contains(&own.as_str()) {
                    values.push(&own);
                }
                values.join(", ")
            };
            setting(text, "maxUnavailable", "", &own(max_unavailable, &["0", "1"]));
            setting(
                text,
                "maxSurge",
                "",
                &own(max_surge, &["1", "\"25%\"", "\"50%\"", "\"100%\""]),
            );
        }
    }
}

/// Whether a `sleep` may take the place of the hook that is there: of none, and of one that only waits.
fn may_sleep(container: &Container) -> bool {
    match &container.pre_stop {
        None | Some(Hook::Sleep { .. }) => true,
        Some(Hook::Exec { command, .. }) => command.iter().any(|word| word.contains("sleep")),
        Some(Hook::HttpGet { .. }) => false,
    }
}

/// How long the hook sleeps today, in whole seconds.
fn slept(container: &Container) -> Option<i64> {
    match &container.pre_stop {
        Some(Hook::Sleep { seconds }) => Some(*seconds),
        Some(Hook::Exec { duration, .. }) => Some(libm::ceil(duration.as_secs_f64()) as i64),
        _ => None,
    }
}

/// The port that serves.
fn port(scenario: &Scenario, container: &Container) -> Option<u16> {
    match &scenario.services[0].ports.first()?.target_port {
        TargetPort::Number(n) => Some(*n),
        TargetPort::Name(name) => {
            container.ports.iter().find(|p| p.name.as_ref() == Some(name)).map(|p| p.port)
        }
    }
}

/// The numbers, and today's among them, rising.
fn numbers(values: &[i64], today: Option<i64>) -> String {
    let mut values: Vec<i64> = values.iter().copied().chain(today).collect();
    values.sort_unstable();
    values.dedup();
    values.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

/// A setting; an empty name stands for the path's own.
fn setting(text: &mut String, path: &str, name: &str, values: &str) {
    let _ = write!(text, "[[setting]]\npath = \"{path}\"\n");
    if !name.is_empty() {
        let _ = writeln!(text, "name = \"{name}\"");
    }
    let _ = writeln!(text, "values = [{values}]");
}
