//! What goes wrong because of how settings fit together, whether or not it does something here by itself:
//! each is tried with the value that would be right, on the same luck.

use super::super::change::Change;
use super::super::outcome::Outcome;
use super::super::trial;
use super::{Audited, Effect};
use crate::input::Input;
use crate::model::autoscaler::Decision;
use crate::model::balancer::Path;
use crate::run::{Replication, RunOptions, run};
use crate::scenario::Scenario;
use crate::timeline::UpsetBy;

/// A setting that may go wrong, and what it is to be instead.
struct Risk {
    rule: &'static str,
    path: &'static str,
    change: Change,
    /// How bad one replication is of it.
    harm: fn(&Replication) -> f64,
}

/// Those of `input` that do harm today, and less with the change.
pub(super) fn risks(
    input: &Input,
    (scenario, today): (&Scenario, &Outcome),
    options: &RunOptions,
) -> Vec<Audited> {
    let possible: Vec<Risk> =
        [below_queue(scenario), on_dependency(scenario), in_surge(scenario), few_hosts(scenario)]
            .into_iter()
            .flatten()
            .collect();
    if possible.is_empty() {
        return Vec::new();
    }
    let runs = run(scenario, options);
    let found = possible.into_iter().filter_map(|risk| tried(input, risk, &runs, today, options));
    found.collect()
}

/// What a risk comes to; None: nothing happens today, or it happens all the same with the change.
fn tried(
    input: &Input,
    Risk { rule, path, change, harm }: Risk,
    runs: &[Replication],
    today: &Outcome,
    options: &RunOptions,
) -> Option<Audited> {
    let now: f64 = runs.iter().map(harm).sum();
    if now <= 0.0 {
        return None;
    }
    let (_, without) = change.lower(input)?;
    let then: f64 = run(&without, options).iter().map(harm).sum();
    let outcome = trial::outcome(&without, options)?;
    (then < 0.9 * now).then(|| Audited {
        path: path.to_owned(),
        value: input.value_at(path),
        effect: Effect::Risk,
        saves: Some(outcome.lost() - today.lost()),
        seconds: today.duration_s().zip(outcome.duration_s()).map(|(now, then)| now - then),
        rule: Some(rule),
        change,
    })
}

/// Probes wait in the queue of the requests for less long than clients do.
fn below_queue(scenario: &Scenario) -> Option<Risk> {
    let container = scenario.before().template.serving_container();
    let patience = scenario.traffic.client.timeout;
    let waits_less = |p: &&crate::cluster::spec::Probe| p.queued && p.timeout() < patience;
    let readiness = container.readiness_probe.as_ref().filter(waits_less);
    let liveness = container.liveness_probe.as_ref().filter(waits_less);
    let seconds = libm::ceil(patience.as_secs_f64()) + 1.0;
    let mut change = Change::default();
    for (found, path) in
        [(readiness, "readinessProbe.timeoutSeconds"), (liveness, "livenessProbe.timeoutSeconds")]
    {
        if found.is_some() {
            change = change.with(path, seconds);
        }
    }
    let path = match readiness {
        Some(_) => "readinessProbe.timeoutSeconds",
        None => "livenessProbe.timeoutSeconds",
    };
    let harm = |r: &Replication| {
        let upset = r.rollout.upset.filter(|u| u.by == UpsetBy::Load);
        upset.map_or(0.0, |u| f64::from(u.unready + u.kills))
    };
    (!change.0.is_empty()).then_some(Risk { rule: "probe-below-queue", path, change, harm })
}

/// A liveness probe asks what all pods share.
fn on_dependency(scenario: &Scenario) -> Option<Risk> {
    let container = scenario.before().template.serving_container();
    let [readiness, liveness, startup] = container.app.depends_on.probes;
    if !liveness || container.liveness_probe.is_none() {
        return None;
    }
    let words = [(readiness, "\"readiness\""), (startup, "\"startup\"")];
    let left: Vec<&str> = words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
    let change = Change::one("app.depends_on.probes", format!("[{}]", left.join(", ")));
    let harm = |r: &Replication| {
        let upset = r.rollout.upset.filter(|u| u.by == UpsetBy::Dependency);
        upset.map_or(0.0, |u| f64::from(u.kills))
    };
    Some(Risk { rule: "liveness-on-dependency", path: "livenessProbe", change, harm })
}

/// An autoscaler takes pods away while a rollout brings new ones.
fn in_surge(scenario: &Scenario) -> Option<Risk> {
    const WINDOW: i64 = 300;
    let rolls = scenario.actions.iter().any(|a| a.kind.is_rollout());
    let autoscaler = scenario.autoscalers.iter().find(|a| a.keda.is_none())?;
    let window = autoscaler.behavior.as_ref().map_or(WINDOW, |b| b.down.window.floor_secs());
    let path = "hpa.spec.behavior.scaleDown.stabilizationWindowSeconds";
    let harm = |r: &Replication| {
        let shrinks = |d: &&Decision| d.rolling && d.desired < d.current;
        let decisions = r.rollout.scaling.iter().flat_map(|s| &s.decisions);
        decisions.filter(shrinks).count() as f64
    };
    let change = Change::one(path, WINDOW.max(2 * window));
    rolls.then_some(Risk { rule: "hpa-shrinks-in-rollout", path, change, harm })
}

/// Outlier detection may eject a share of the hosts that is less than one of them.
fn few_hosts(scenario: &Scenario) -> Option<Risk> {
    let Path::Envoy(settings) = &scenario.route().path else { return None };
    let outlier = settings.hop.l7.as_ref()?.policy.as_ref()?.outlier.as_ref()?;
    let hosts = f64::from(scenario.before().replicas.max(1));
    let none = !outlier.always_one && 100.0 / hosts > outlier.max_ejection_percent;
    let path = "balancer.outlier_max_ejection_percent";
    let change = Change::one(path, 50);
    let harm = |r: &Replication| r.traffic.failed();
    none.then_some(Risk { rule: "outlier-few-hosts", path, change, harm })
}
