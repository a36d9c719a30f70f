//! What keeps an action from its end: the change that a run with it reaches its end by.

use super::case::Way;
use super::change::Change;
use super::fixes::LEFT;
use super::ladder;
use super::outcome::Outcome;
use super::trial::Trials;
use crate::cluster::disruption::PodDisruptionBudget;
use crate::cluster::spec::{Container, OnSigterm};
use crate::cluster::workload::{Strategy, Workload};
use crate::model::disruption::pdb;
use crate::run::Replication;
use crate::scenario::{ActionKind, Scenario};
use crate::sweep::optimize::usual::port;
use crate::world::{Stuck, Why};

/// A reason why an action does not reach its end, and what was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// The action's index in the scenario.
    pub action: usize,
    /// One of its kind.
    pub why: Why,
    /// There is something to try: a setting of the input.
    pub tried: bool,
    /// With it, and what that comes to, every action reaches its end.
    pub found: Option<(Change, Outcome)>,
}

impl End {
    /// Whether this is the reason of `stuck`.
    pub fn is_of(&self, stuck: &Stuck) -> bool {
        let kind = std::mem::discriminant(&self.why);
        self.action == stuck.action && kind == std::mem::discriminant(&stuck.why)
    }
}

/// Tries what is needed for each reason; all that helps together comes with it.
pub fn ends(
    trials: &mut Trials<'_>,
    scenario: &Scenario,
    replications: &[Replication],
) -> (Vec<End>, Change) {
    let mut ends: Vec<End> = Vec::new();
    let mut base = Change::default();
    for stuck in replications.iter().flat_map(|r| &r.rollout.stuck) {
        if ends.iter().any(|end| end.is_of(stuck)) {
            continue;
        }
        let ways = ways(scenario, stuck);
        let found = first(trials, &base, &ways);
        if let Some((change, _)) = &found {
            base = change.clone();
        }
        let (action, why) = (stuck.action, stuck.why.clone());
        ends.push(End { action, why, tried: !ways.is_empty(), found });
    }
    (ends, base)
}

/// The first change with which every action reaches its end.
fn first(trials: &mut Trials<'_>, base: &Change, ways: &[Way]) -> Option<(Change, Outcome)> {
    let today = trials.look(&Change::default())?.outcome.incomplete();
    for change in ways.iter().flatten() {
        let Some(tried) = trials.look(&base.and(change)) else { continue };
        if tried.outcome.incomplete() <= LEFT * today {
            return Some((tried.change.clone(), tried.outcome.clone()));
        }
    }
    None
}

/// What may let it reach its end, the least first.
fn ways(scenario: &Scenario, stuck: &Stuck) -> Vec<Way> {
    let subject = scenario.before();
    let deployment = stuck.deployment.as_deref().unwrap_or(subject);
    match &stuck.why {
        Why::Paused | Why::UndoOfPaused => vec![vec![Change::one("paused", "false")]],
        Why::NoRevision { .. } if subject.revision_history_limit == Some(0) => {
            vec![vec![Change::one("revisionHistoryLimit", 10)]]
        }
        Why::NoNode { .. } => room(deployment),
        Why::Killed { container, by_startup, after } => {
            killed(scenario, container, *by_startup, after.as_secs_f64())
        }
        Why::Crashes { .. } => vec![app("crash_after_s", "null")],
        Why::NeverReady { .. } => vec![app("never_ready", "false")],
        Why::Gates { .. } => vec![vec![Change::one("readinessGates", "null")]],
        Why::Budget { budget, healthy, .. } => {
            budgets(&scenario.pod_disruption_budgets[*budget], *healthy, subject.replicas)
        }
        Why::Starting { .. } | Why::Late { .. } => vec![deadline(stuck, deployment)],
        Why::MinReady { .. } => {
            vec![deadline(stuck, deployment), vec![Change::one("minReadySeconds", 0)]]
        }
        Why::Overlooked { .. } => vec![vec![Change::one("minReadySeconds", 0)]],
        Why::Stopping { .. } => stopping(deployment),
        Why::OnDelete { .. } => vec![vec![Change::one("updateStrategy.type", "RollingUpdate")]],
        Why::HeldBy { .. } => vec![vec![Change::one("podManagementPolicy", "Parallel")]],
        Why::Aborted { .. } | Why::AwaitsPromotion | Why::NeverInitialized { .. } => Vec::new(),
        Why::NothingRolls { .. } | Why::Unmanaged { .. } => Vec::new(),
        Why::NotEmpty { budget: Some((_, budget)), .. } => {
            let replicas = subject.replicas;
            let mut all = budgets(&scenario.pod_disruption_budgets[*budget], replicas, replicas);
            all.push(forced(scenario));
            all
        }
        Why::NotEmpty { .. } => vec![forced(scenario)],
        Why::OnLostNode { .. } | Why::NoDisruption => Vec::new(),
        Why::NoRevision { .. } | Why::SeveralBudgets { .. } | Why::Other => Vec::new(),
    }
}

/// Pods that are left in the end are deleted.
fn forced(scenario: &Scenario) -> Way {
    let of = |a: &crate::scenario::Action| {
        let force = matches!(a.kind, ActionKind::Upgrade(_)) && !a.key.is_empty();
        force.then(|| Change::one(&format!("{}.force", a.key), "true"))
    };
    scenario.actions.iter().filter_map(of).collect()
}

/// A word about the application, of the new version alone or of both.
fn app(key: &str, value: &str) -> Way {
    let of = |version: &str| Change::one(&format!("app.{version}{key}"), value);
    vec![of("v2."), of("")]
}

/// Pods that fit nowhere: in the place of running ones, or with fewer wishes.
fn room(d: &Workload) -> Vec<Way> {
    let placement = &d.template.placement;
    let mut all = Vec::new();
    if let Strategy::DaemonSet(s) = d.strategy
        && s.limits(d.replicas).0 > 0
    {
        all.push(vec![Change::one("maxUnavailable", 1).with("maxSurge", 0)]);
    }
    if matches!(d.strategy, Strategy::RollingUpdate { .. }) {
        all.push(vec![Change::one("maxUnavailable", 1).with("maxSurge", 0)]);
        all.push(vec![Change::one("strategy.type", "Recreate").with("rollingUpdate", "null")]);
    }
    let spread = "topologySpreadConstraints[0].whenUnsatisfiable";
    all.push(vec![Change::one(spread, "ScheduleAnyway")]);
    if !placement.anti_affinity.required.is_empty() {
        all.push(vec![Change::one("affinity.podAntiAffinity", "null")]);
    }
    if !placement.affinity.required.is_empty() {
        all.push(vec![Change::one("affinity.podAffinity", "null")]);
    }
    if !placement.node_selector.is_empty() {
        all.push(vec![Change::one("nodeSelector", "null")]);
    }
    if placement.node_affinity.required.is_some() {
        all.push(vec![Change::one("affinity.nodeAffinity", "null")]);
    }
    all
}

/// The probe's failures must last for longer than the start.
fn killed(scenario: &Scenario, container: &Container, by_startup: bool, after_s: f64) -> Vec<Way> {
    let name = if by_startup { "startupProbe" } else { "livenessProbe" };
    let probe = if by_startup { &container.startup_probe } else { &container.liveness_probe };
    let Some(probe) = probe else { return Vec::new() };
    let serving = scenario.after().template.serving_container().name == container.name;
    let path = |rest: &str| match serving {
        true => rest.to_owned(),
        false => format!("containers.{}.{rest}", container.name),
    };
    let start_s = container.app.start_delay.quantile_s(0.999);
    let least = i64::from(probe.outlasting(start_s, after_s));
    let threshold = path(&format!("{name}.failureThreshold"));
    let longer = [least, least * 3 / 2 + 1, 2 * least, 4 * least];
    let mut all = vec![longer.map(|n| Change::one(&threshold, n)).to_vec()];
    if let (false, Some(port)) = (by_startup, port(scenario, container).filter(|_| serving)) {
        let start = Change::one("startupProbe.tcpSocket.port", port);
        all.push(vec![start.with("startupProbe.failureThreshold", 30)]);
    }
    all
}

/// One pod more than must stay, or one less that must.
fn budgets(budget: &PodDisruptionBudget, covered: i32, replicas: i32) -> Vec<Way> {
    let one = Change::one("pdb.spec.maxUnavailable", 1);
    let one = match budget.min_available {
        Some(_) => one.with("pdb.spec.minAvailable", "null"),
        None => one,
    };
    let more = pdb::further(budget, covered).map(|n| Change::one("replicas", replicas + n));
    more.into_iter().chain([one]).map(|change| vec![change]).collect()
}

/// A deadline beyond the time that it takes.
fn deadline(stuck: &Stuck, d: &Workload) -> Way {
    let Some(now) = d.progress_deadline_seconds.map(f64::from) else { return Vec::new() };
    let waited = match stuck.why {
        Why::Late { over } => (over - stuck.since).as_secs_f64(),
        _ => f64::from(d.min_ready_seconds),
    };
    let longer = ladder::seconds(now + waited).into_iter();
    longer.map(|s| Change::one("progressDeadlineSeconds", s)).collect()
}

/// Pods that do not go.
fn stopping(d: &Workload) -> Vec<Way> {
    let mut all = Vec::new();
    if matches!(d.template.serving_container().app.on_sigterm, OnSigterm::Ignore) {
        all.push(vec![Change::one("app.on_sigterm", "graceful")]);
    }
    if d.template.termination_grace_period_seconds > 30 {
        all.push(vec![Change::one("terminationGracePeriodSeconds", 30)]);
    }
    all
}
