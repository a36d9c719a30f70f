//! The setting that keeps an action from its end: what was found, and what would do.

use super::words::seconds;
use crate::cluster::disruption::PodDisruptionBudget;
use crate::cluster::spec::{Container, IntOrPercent, Probe};
use crate::cluster::workload::{Strategy, Workload};
use crate::model::disruption::pdb;
use crate::model::scheduler::filter::Rejected;
use crate::scenario::Scenario;
use crate::world::{Stuck, Why};

/// The setting to blame: what was found, and what would do.
#[derive(Default)]
pub(super) struct Fix {
    /// For people, as the manifests or the scenario call it.
    pub setting: String,
    /// What it is.
    pub found: String,
    /// What would do.
    pub needed: String,
}

/// What a node keeps from its end.
fn of_a_node(scenario: &Scenario, why: &Why) -> Fix {
    let (setting, found, needed) = match why {
        Why::NotEmpty { budget: Some((_, budget)), .. } => {
            let budget = &scenario.pod_disruption_budgets[*budget];
            let covered = scenario.workloads.iter().find(|w| budget.covers(&w.template));
            let replicas = covered.unwrap_or(scenario.before()).replicas;
            return Fix::of_budget(budget, replicas, replicas);
        }
        Why::NoDisruption => {
            ("budgets of the NodePool", "0 nodes".to_owned(), "1 or more".to_owned())
        }
        Why::NotEmpty { after, .. } => {
            let found = seconds(after.as_secs_f64());
            ("the time for a node", found, "a longer one, or force".to_owned())
        }
        Why::OnLostNode { node, .. } => {
            let needed = format!(
                "kubectl delete node {node}, or the taint node.kubernetes.io/out-of-service, once it \
                 is certain that nothing runs there"
            );
            ("the node", "unreachable".to_owned(), needed)
        }
        _ => return Fix::default(),
    };
    Fix { setting: setting.to_owned(), found, needed }
}

/// What the kind of the workload keeps from its end.
fn of_its_kind(why: &Why) -> Fix {
    let (setting, found, needed) = match why {
        Why::NothingRolls { kind } => {
            let needed = "a Deployment, which rolls out".to_owned();
            ("the kind of workload", kind.name().to_owned(), needed)
        }
        Why::OnDelete { pods, .. } => {
            let needed = "type RollingUpdate, or delete the pods".to_owned();
            ("updateStrategy.type", format!("OnDelete, with {pods} old"), needed)
        }
        Why::HeldBy { pod } => {
            let needed = format!("Parallel, or kubectl delete pod {pod}");
            ("podManagementPolicy", "OrderedReady".to_owned(), needed)
        }
        Why::NeverInitialized { container } => {
            let setting = format!("command of init container {}", container.name);
            let needed = "a command that ends with status 0".to_owned();
            return Fix { setting, found: "never succeeds".to_owned(), needed };
        }
        Why::Unmanaged { .. } => {
            let needed = "a Deployment, or --force, which loses them for good".to_owned();
            ("the kind of workload", "Pod".to_owned(), needed)
        }
        Why::Aborted { why } => ("analysis", why.clone(), "a version that passes".to_owned()),
        Why::AwaitsPromotion => {
            let needed = "a duration, or an action of kind resume".to_owned();
            ("pause", "without duration".to_owned(), needed)
        }
        _ => return Fix::default(),
    };
    Fix { setting: setting.to_owned(), found, needed }
}

pub(super) fn fix(scenario: &Scenario, stuck: &Stuck) -> Fix {
    let spec = stuck.deployment.as_deref();
    let (setting, found, needed) = match &stuck.why {
        Why::Paused | Why::UndoOfPaused => {
            ("paused", "true".into(), "kubectl rollout resume".to_owned())
        }
        Why::NoRevision { wanted, kept } => return no_revision(*wanted, kept, scenario),
        Why::NoNode { message, rejected, instead, .. } => {
            return spec.map_or(Fix::default(), |d| room(message, *rejected, *instead, d));
        }
        Why::Killed { container, by_startup, after } => {
            return killed(container, *by_startup, after.as_secs_f64());
        }
        Why::Crashes { container } => {
            let after = container.app.crash_after.map_or(0.0, |d| d.as_secs_f64());
            let found = format!("ends {} after its start", seconds(after));
            ("the application", found, "one that keeps running".into())
        }
        Why::NeverReady { container } if failing(container).is_some() => {
            let (name, probe) = failing(container).expect("just found");
            return never_succeeds(container, name, probe);
        }
        Why::NeverReady { container } => {
            let setting = format!("readinessProbe of {}", container.name);
            let found = "always \"no\"".into();
            return Fix { setting, found, needed: "an application that becomes ready".into() };
        }
        Why::Gates { names, never } => match never.first() {
            Some(gate) => ("readinessGates", gate.name.clone(), gate.needed.clone()),
            None => ("readinessGates", names.join(", "), "a controller that sets it sooner".into()),
        },
        Why::Budget { budget, healthy, .. } => {
            let replicas = scenario.before().replicas;
            return Fix::of_budget(&scenario.pod_disruption_budgets[*budget], *healthy, replicas);
        }
        Why::SeveralBudgets { names } => {
            ("PodDisruptionBudget", names.join(", "), "one budget for each pod".into())
        }
        Why::NothingRolls { .. } | Why::OnDelete { .. } => return of_its_kind(&stuck.why),
        Why::HeldBy { .. } | Why::Unmanaged { .. } => return of_its_kind(&stuck.why),
        Why::NeverInitialized { .. } => return of_its_kind(&stuck.why),
        Why::NotEmpty { .. } | Why::NoDisruption | Why::OnLostNode { .. } => {
            return of_a_node(scenario, &stuck.why);
        }
        Why::Aborted { .. } | Why::AwaitsPromotion => return of_its_kind(&stuck.why),
        Why::Starting { .. } | Why::Late { .. } => {
            return spec.map_or(Fix::default(), |d| slow(stuck, d));
        }
        Why::MinReady { .. } => {
            let found = spec.map_or(0, |d| d.min_ready_seconds).to_string();
            ("minReadySeconds", found, "less than the progress deadline".into())
        }
        Why::Overlooked { pod, .. } => {
            let found = spec.map_or(0, |d| d.min_ready_seconds);
            let found = format!("{found}, and a queue that keeps the earliest reminder alone");
            let needed = format!("0, or kubectl delete pod {pod}: a change is looked at");
            ("minReadySeconds", found, needed)
        }
        Why::Stopping { .. } => {
            let grace = spec.map_or(0, |d| d.template.termination_grace_period_seconds);
            let needed = "an application that stops sooner, or less".into();
            ("terminationGracePeriodSeconds", format!("{grace} s"), needed)
        }
        Why::Other => return Fix::default(),
    };
    Fix { setting: setting.to_owned(), found, needed }
}

/// What a StatefulSet or a Rollout waits for.
fn no_revision(wanted: Option<u32>, kept: &[u32], scenario: &Scenario) -> Fix {
    let limit = scenario.before().revision_history_limit;
    if limit == Some(0) {
        let needed = "1 or more".into();
        return Fix { setting: "revisionHistoryLimit".into(), found: "0".into(), needed };
    }
    let (found, needed) = match wanted {
        Some(n) => (n.to_string(), format!("one of {}", list(kept))),
        None => ("no rollout before it".into(), "a rollout first (undo_after_s)".into()),
    };
    Fix { setting: "the revision asked for".into(), found, needed }
}

/// Why there is no room: for one more pod, or for any.
fn room(message: &str, rejected: Rejected, instead: bool, d: &Workload) -> Fix {
    let (n, placement) = (d.replicas, &d.template.placement);
    if let Strategy::RollingUpdate { max_unavailable, .. } = d.strategy
        && instead
        && max_unavailable.of(n, false) == 0
    {
        return Fix {
            setting: "maxUnavailable".into(),
            found: format!("{}, and no node takes {}", of(max_unavailable, n), nth(n + 1)),
            needed: "maxUnavailable 1, maxSurge 0".into(),
        };
    }
    let near = placement.affinity.required.first().map(|t| &t.topology_key);
    let apart = placement.anti_affinity.required.first().map(|t| &t.topology_key);
    let labels = placement.node_selector.iter().map(|(k, v)| format!("{k}: {v}"));
    let labels = labels.collect::<Vec<_>>().join(", ");
    let (setting, found, needed) = match (rejected, apart, near) {
        (Rejected { resources: true, .. }, ..) => {
            ("resources.requests", "more than a node has left".into(), "less, or a further node")
        }
        (Rejected { ports: true, .. }, ..) => {
            ("hostPort", "taken on every node".into(), "none, or a further node")
        }
        (Rejected { volumes: true, .. }, ..) => {
            let found = "a claim of one pod (ReadWriteOncePod)".into();
            ("volumes", found, "strategy Recreate, or another access mode")
        }
        (Rejected { affinity: true, .. }, Some(key), _) => {
            let found = format!("required, one pod for each {key}");
            ("podAntiAffinity", found, "preferred, or more of them than pods")
        }
        (Rejected { affinity: true, .. }, None, Some(key)) => {
            ("podAffinity", format!("required, by {key}"), "preferred, or pods to be near to")
        }
        (Rejected { spread: true, .. }, ..) => {
            let found = "whenUnsatisfiable: DoNotSchedule".into();
            ("topologySpreadConstraints", found, "ScheduleAnyway, or room where pods are few")
        }
        _ if !labels.is_empty() => ("nodeSelector", labels, "a node with these labels"),
        _ if placement.node_affinity.required.is_some() => {
            ("nodeAffinity", "required".into(), "a node that it matches")
        }
        _ => ("nodes", message.to_owned(), "a further node, or a toleration"),
    };
    Fix { setting: setting.into(), found, needed: needed.into() }
}

/// `25 % of 3, which is 0`.
fn of(limit: IntOrPercent, total: i32) -> String {
    match limit {
        IntOrPercent::Int(n) => n.to_string(),
        IntOrPercent::Percent(p) => {
            format!("{p} % of {total}, which is {}", limit.of(total, false))
        }
    }
}

/// `a second pod`, `a fourth pod`.
fn nth(n: i32) -> String {
    match n {
        2 => "a second pod".into(),
        3 => "a third pod".into(),
        4 => "a fourth pod".into(),
        5 => "a fifth pod".into(),
        n => format!("pod number {n}"),
    }
}

/// A probe that keeps a container from being ready and cannot succeed, and its name.
pub(super) fn failing(container: &Container) -> Option<(&'static str, &Probe)> {
    let probes = [
        (probe_name(true), &container.startup_probe),
        ("readinessProbe", &container.readiness_probe),
    ];
    let mut there = probes.into_iter().filter_map(|(name, probe)| Some((name, probe.as_ref()?)));
    there.find(|(_, probe)| probe.fails_after().is_some())
}

/// Why it cannot, as the end of a sentence.
pub(super) fn why_it_fails(probe: &Probe) -> String {
    match probe.refused {
        true => "asks a port that nobody listens on".to_owned(),
        false => format!(
            "takes {}, and is given {}",
            seconds(probe.takes.as_secs_f64()),
            seconds(f64::from(probe.timeout_seconds))
        ),
    }
}

fn never_succeeds(container: &Container, name: &str, probe: &Probe) -> Fix {
    if probe.refused {
        let setting = format!("port of the {name} of {}", container.name);
        let needed = "a port that the application listens on (app.ports)".into();
        return Fix { setting, found: "one that nobody listens on".into(), needed };
    }
    let least = libm::floor(probe.takes.as_secs_f64()) as i64 + 1;
    Fix {
        setting: format!("{name}.timeoutSeconds of {}", container.name),
        found: probe.timeout_seconds.to_string(),
        needed: format!("timeoutSeconds {least} or more"),
    }
}

/// The probe's failures must last for longer than the start.
fn killed(container: &Container, by_startup: bool, after_s: f64) -> Fix {
    let probe = if by_startup { &container.startup_probe } else { &container.liveness_probe };
    let Some(probe) = probe else { return Fix::default() };
    if probe.fails_after().is_some() {
        return never_succeeds(container, probe_name(by_startup), probe);
    }
    let period = f64::from(probe.period_seconds.max(1));
    let threshold = probe.outlasting(start_s(container), after_s);
    let name = probe_name(by_startup);
    let needed = match by_startup {
        true => format!("failureThreshold at least {threshold}"),
        false => format!("a startupProbe, or failureThreshold at least {threshold}"),
    };
    Fix {
        setting: format!("{name}.failureThreshold of {}", container.name),
        found: format!("{}, every {}", probe.failure_threshold, seconds(period)),
        needed,
    }
}

impl Fix {
    /// One pod more than must stay, or one less that must.
    fn of_budget(budget: &PodDisruptionBudget, covered: i32, replicas: i32) -> Fix {
        let found = match (budget.max_unavailable, budget.min_available) {
            (Some(max), _) => format!("maxUnavailable {max}"),
            (None, Some(min)) => format!("minAvailable {min} of {covered}"),
            (None, None) => return Fix::default(),
        };
        let needed = match pdb::further(budget, covered) {
            Some(more) => format!("replicas {}", replicas + more),
            None => "maxUnavailable 1".to_owned(),
        };
        Fix { setting: format!("PodDisruptionBudget {}", budget.name), found, needed }
    }
}

/// It gets there, or might, after the deadline.
fn slow(stuck: &Stuck, d: &Workload) -> Fix {
    let Some(deadline) = d.progress_deadline_seconds else { return Fix::default() };
    let waited = (stuck.until - stuck.since).as_secs_f64();
    let (setting, found, needed) = match stuck.why {
        Why::Late { over } => {
            let seconds = libm::ceil((over - stuck.since).as_secs_f64()) as i64;
            let needed = format!("{} or more", i64::from(deadline) + seconds);
            ("progressDeadlineSeconds", deadline.to_string(), needed)
        }
        _ => (
            "the start of the pods",
            format!("longer than {}", seconds(waited)),
            "a shorter one".into(),
        ),
    };
    Fix { setting: setting.into(), found, needed }
}

pub(super) fn list(revisions: &[u32]) -> String {
    let numbers: Vec<String> = revisions.iter().map(u32::to_string).collect();
    if numbers.is_empty() { "none".into() } else { numbers.join(", ") }
}

pub(super) fn probe_name(by_startup: bool) -> &'static str {
    if by_startup { "startupProbe" } else { "livenessProbe" }
}

/// Slow but not extreme.
pub(super) fn start_s(container: &Container) -> f64 {
    container.app.start_delay.quantile_s(0.95)
}
