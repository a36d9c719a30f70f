//! What blame has to know of a scenario.

use super::Setting;
use crate::cluster::release::Plan;
use crate::cluster::spec::{IntOrPercent, OnSigterm, PodTemplate};
use crate::cluster::workload::{Kind, Strategy, Workload};
use crate::engine::list::Id;
use crate::model::deployment::rolling::resolve_fenceposts;
use crate::model::vertical::spec::Mode;
use crate::scenario::{ActionKind, Scenario};
use crate::timeline::CallId;
use crate::traffic::offered::Arrivals;
use std::collections::BTreeMap;

/// What judging a loss needs to know of the scenario, made once for all replications.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// How long a client waits for an answer, in seconds.
    pub client_timeout_s: f64,
    /// By version name.
    pub versions: BTreeMap<String, VersionFacts>,
    /// No pod may be left during a rollout: the strategy is Recreate, or maxUnavailable covers them all.
    pub strategy_empties: Option<Setting>,
    /// A rollout is among the actions.
    pub rollout: bool,
    /// Without a rollout, what takes every pod away: one pod alone, or the steps that were taken.
    pub alone: Setting,
    /// What lets requests be lost with a node: one pod alone, or the node.
    pub lost_with_its_node: Setting,
    /// What leaves too few pods for the requests.
    pub capacity: Setting,
    /// Pods run at the start that are never ready.
    pub never_ready: bool,
    /// A load balancer node sends to its own zone alone, and there are several.
    pub zones_apart: bool,
    /// Several Services share the requests by weight.
    pub weighted: bool,
    /// A resize of running pods starts containers anew.
    pub resize_restarts: bool,
    /// The same of those that are called, in the order of the calls.
    pub calls: Vec<Facts>,
}

/// How pods of one version are set up.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionFacts {
    /// What its process does when it is told to stop.
    pub on_sigterm: OnSigterm,
    /// Of the container that serves: the probe of another one says nothing about the port.
    pub readiness_probe: bool,
    /// It listens on other ports than requests are sent to.
    pub refuses: bool,
}

impl Facts {
    /// Reads them off the scenario.
    pub fn of(scenario: &Scenario) -> Facts {
        let ids = (0..scenario.calls.len()).map(CallId::new);
        let calls = ids.map(|id| Facts::of_asked(&scenario.seen_by(Some(id)))).collect();
        Facts { calls, ..Facts::of_asked(&scenario.seen_by(None)) }
    }

    /// Of those whom the calls of this kind come to; None: whom clients ask.
    pub fn of_call(&self, call: Option<CallId>) -> &Facts {
        call.and_then(|id| self.calls.get(id.index())).unwrap_or(self)
    }

    /// Of those whom the first route leads to.
    fn of_asked(scenario: &Scenario) -> Facts {
        let version = |t: &PodTemplate| {
            let readiness_probe = t.serving_container().readiness_probe.is_some();
            let on_sigterm = t.serving_container().app.on_sigterm.clone();
            let refuses = t.refuses;
            (t.version.clone(), VersionFacts { on_sigterm, readiness_probe, refuses })
        };
        let subject = scenario.before();
        // Where each node answers for itself, its pod is the only one.
        let apart = subject.kind() == Kind::DaemonSet && scenario.answers_by_node();
        let strategy_empties = match subject.strategy {
            Strategy::Recreate => Some(Setting::Strategy),
            // The only pod goes before its successor comes, whatever may be away.
            Strategy::StatefulSet(_) if subject.replicas == 1 => Some(Setting::Replicas),
            Strategy::DaemonSet(_) if apart => {
                (may_be_away(subject) > 0).then_some(Setting::MaxUnavailable)
            }
            _ => (may_be_away(subject) >= subject.replicas).then_some(Setting::MaxUnavailable),
        };
        let never_ready = |w: &Workload| w.replicas > 0 && w.template.never_ready();
        let rollout = scenario.actions.iter().any(|a| matches!(a.kind, ActionKind::Rollout { .. }));
        let taken = |kind: &ActionKind| {
            matches!(kind, ActionKind::DeletePods { .. } | ActionKind::Chaos(_))
                || kind.evicts()
                || kind.loses_nodes()
        };
        let evicts = scenario.verticals.iter().any(|v| v.mode.evicts());
        let by_action =
            scenario.node_autoscaler.is_some() || scenario.actions.iter().any(|a| taken(&a.kind));
        let alone = subject.replicas == 1 && (evicts || by_action);
        let resize_restarts = scenario.verticals.iter().any(|v| {
            v.mode == Mode::InPlaceOrRecreate
                && v.changes.iter().any(|c| c.in_place && !c.restarts.is_empty())
        });
        let too_few = |needed: i32| {
            let left = subject.replicas - may_be_away(subject);
            rollout && subject.replicas >= needed && left < needed
        };
        let away = pods_needed(scenario).is_some_and(too_few);
        Facts {
            client_timeout_s: scenario.traffic.client.timeout.as_secs_f64(),
            versions: scenario.templates().map(version).collect(),
            strategy_empties,
            rollout,
            alone: if alone { Setting::Replicas } else { Setting::Procedure },
            lost_with_its_node: if alone { Setting::Replicas } else { Setting::NodeLoss },
            capacity: if away { Setting::PodsAway } else { Setting::Capacity },
            never_ready: scenario.workloads.iter().any(never_ready),
            zones_apart: scenario.route().path.zones_apart(&scenario.nodes),
            weighted: scenario.route().split.is_some(),
            resize_restarts,
            calls: Vec::new(),
        }
    }
}

/// How many pods a rolling update may take away, as Kubernetes rounds it; all of them with Recreate.
pub fn may_be_away(deployment: &Workload) -> i32 {
    if deployment.on_delete() {
        return 0;
    }
    match deployment.strategy {
        Strategy::StatefulSet(s) => s.may_be_away(deployment.replicas),
        Strategy::DaemonSet(s) => s.limits(deployment.replicas).1,
        // A canary without a router takes old pods as new ones come; with one, and blue/green, they stay.
        Strategy::Rollout { max_surge, max_unavailable } => {
            let by_pods = deployment.release.as_ref().is_some_and(|r| match &r.plan {
                Plan::Canary(canary) => canary.router.is_none(),
                Plan::BlueGreen(_) | Plan::Flagger(_) => false,
            });
            let replicas = deployment.replicas;
            let (_, unavailable) = resolve_fenceposts(max_surge, max_unavailable, replicas);
            if by_pods { unavailable } else { 0 }
        }
        Strategy::ReplicaSet | Strategy::Pod => 0,
        Strategy::Recreate => deployment.replicas,
        Strategy::RollingUpdate { max_unavailable: IntOrPercent::Int(n), .. } => n,
        Strategy::RollingUpdate { max_unavailable: IntOrPercent::Percent(p), .. } => {
            (i64::from(deployment.replicas) * i64::from(p) / 100) as i32
        }
    }
}

/// So many pods are not busy all the time at the highest rate; None where requests do not wait for each
/// other, or come as fast as they are answered.
pub fn pods_needed(scenario: &Scenario) -> Option<i32> {
    let traffic = &scenario.traffic;
    let open = matches!(traffic.arrivals, Arrivals::Even | Arrivals::Poisson);
    let app = &scenario.before().template.serving_container().app;
    let at_once = f64::from(app.concurrency.filter(|_| open)?);
    let highest = traffic.rate.iter().map(|r| r.1).fold(0.0, f64::max);
    let mean_s = crate::engine::law::limited_mean(&app.service, 1e9);
    let needed = libm::floor(highest * mean_s / at_once) + 1.0;
    Some(needed.min(f64::from(i32::MAX)) as i32)
}
