//! What happens: the scenario's actions, or a rollout when it says nothing.

use crate::cluster::spec::Service;
use crate::cluster::workload::{Kind, Workload};
use crate::engine::{Dur, Time};
use crate::input::bounds;
use crate::input::cards;
use crate::input::lower::apps::Versions;
use crate::input::lower::autoscalers;
use crate::input::lower::conditions;
use crate::input::lower::lowering::{Lowering, at};
use crate::input::lower::maintenance;
use crate::input::lower::named;
use crate::input::lower::path::Way;
use crate::input::lower::revisions;
use crate::input::lower::shares::Shares;
use crate::input::lower::workload;
use crate::input::lower::{routes, sidecar};
use crate::input::raw::case::{ActionCase, ApplyCase};
use crate::input::subject::Subject;
use crate::model::balancer;
use crate::scenario::{Action, ActionKind, Path};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) fn lower(
    low: &mut Lowering<'_>,
    subject: &Subject,
    Way { path, services, split }: &Way,
    deployments: &[Workload],
    apps: &Versions,
) -> Vec<Action> {
    let case = &low.input.case;
    if case.action.is_some() && !case.actions.is_empty() {
        low.fail("action", "[action] and [[actions]] are both given").allowed =
            Some("one of them".to_owned());
    }
    let given: Vec<(String, &ActionCase)> = match &case.action {
        Some(action) => vec![("action".to_owned(), action)],
        None => {
            let listed = case.actions.iter().enumerate();
            listed.map(|(i, a)| (format!("actions[{i}]"), a)).collect()
        }
    };
    let named = named::roles(low.input, subject).into_iter().filter(|(_, role)| !role.there);
    let created = named.map(|(i, _)| low.input.documents[i].name().into()).collect();
    let mut scene = Scene {
        low,
        subject,
        path,
        service: services.first(),
        deployments,
        apps,
        rollouts: 0,
        applied: false,
        created,
    };
    let mut weights = Shares::new(services, split.as_ref());
    let mut actions = Vec::new();
    if given.is_empty() {
        let what = match subject.update {
            Some(_) => "rollout of the second manifest",
            None => "rollout restart",
        };
        scene.low.assume("action", format!("{what} at 0"));
        actions.extend(scene.rollout(Time::ZERO));
    }
    for (key, action) in given {
        let before = actions.len();
        match action {
            ActionCase::ShiftWeight { at_s, weights: to, .. } => {
                let at = at(scene.low.seconds(&format!("{key}.at_s"), *at_s, 0.0));
                weights.shift(scene.low, &key, at, to, &mut actions);
            }
            action => scene.add(&key, action, &mut actions),
        }
        actions[before..].iter_mut().for_each(|a: &mut Action| a.key.clone_from(&key));
        if let Some(last) = actions[before..].last_mut() {
            last.when = conditions::when(scene.low, &key, action, deployments);
        }
    }
    actions.sort_by_key(|a| a.at);
    as_scaled(&mut actions);
    autoscalers::as_held(deployments, &mut actions);
    actions
}

fn applied(at: Time, workload: Workload, keeps_replicas: bool) -> Action {
    let workload = Box::new(workload);
    Action::new(at, ActionKind::Rollout { workload, keeps_replicas })
}

/// A Deployment that the Service is switched to has the replicas that it was scaled to before.
fn as_scaled(actions: &mut [Action]) {
    let mut scaled: BTreeMap<Arc<str>, i32> = BTreeMap::new();
    for action in actions {
        match &mut action.kind {
            ActionKind::Scale { deployment, replicas } => {
                scaled.insert(deployment.clone(), *replicas);
            }
            ActionKind::SelectorSwitch { deployment, .. } => {
                let before = scaled.get(&deployment.name);
                deployment.replicas = before.copied().unwrap_or(deployment.replicas);
            }
            _ => {}
        }
    }
}

struct Scene<'a, 'b> {
    low: &'a mut Lowering<'b>,
    subject: &'a Subject,
    path: &'a Path,
    /// The Service that is asked.
    service: Option<&'a Service>,
    /// The subject first.
    deployments: &'a [Workload],
    apps: &'a Versions,
    /// How many rollouts there were before.
    rollouts: u32,
    /// The update is what the Deployment has.
    applied: bool,
    /// Names of those that switches create.
    created: Vec<Arc<str>>,
}

impl Scene<'_, '_> {
    fn add(&mut self, key: &str, action: &ActionCase, actions: &mut Vec<Action>) {
        let mut time =
            |s: Option<f64>, more: f64| at(self.low.seconds(&format!("{key}.at_s"), s, 0.0) + more);
        match action {
            ActionCase::None { at_s } | ActionCase::DependencyDown { at_s } => {
                time(*at_s, 0.0);
            }
            ActionCase::Rollout { at_s, apply, .. } => {
                let at = time(*at_s, 0.0);
                // A manifest that is asked for by name is applied, whether or not it is there already.
                self.applied &= apply.is_none();
                actions.extend(match apply {
                    Some(ApplyCase::First) => self.first_again(at),
                    Some(ApplyCase::Update) | None => self.rollout(at),
                });
            }
            ActionCase::Undo { at_s, undo_after_s, to_revision, .. } => {
                let start = time(*at_s, 0.0);
                let after = self.low.seconds(&format!("{key}.undo_after_s"), *undo_after_s, 0.0);
                if undo_after_s.is_some() {
                    actions.extend(self.rollout(start));
                }
                self.applied = false;
                let at = start + Dur::from_secs_f64(after);
                actions.push(Action::new(at, ActionKind::Undo { to_revision: *to_revision }));
            }
            ActionCase::Scale { at_s, replicas, deployment, .. } => {
                let at = time(*at_s, 0.0);
                let kind = self.scale(key, *replicas, deployment.as_deref());
                actions.push(Action::new(at, kind));
            }
            ActionCase::Evict { at_s, retry_s, grace_period_s, .. } => {
                let at = time(*at_s, 1.0);
                let usual = cards::kubernetes().drain_retry.as_secs_f64();
                let retry = self.low.seconds(&format!("{key}.retry_s"), *retry_s, usual);
                let retry = Dur::from_secs_f64(retry.max(0.1));
                let kind = ActionKind::Evict {
                    retry,
                    grace: maintenance::grace(self.low, key, *grace_period_s),
                };
                actions.push(Action::new(at, kind));
            }
            ActionCase::SelectorSwitch { at_s, .. } => {
                let at = time(*at_s, 0.0);
                actions.extend(self.switch(key, action).map(|kind| Action::new(at, kind)));
            }
            ActionCase::RestartIngress { at_s, .. } => {
                let at = time(*at_s, 0.0);
                actions.extend(self.restart_ingress(key).map(|kind| Action::new(at, kind)));
            }
            ActionCase::ShiftWeight { .. } => unreachable!("weights are shifted before"),
            ActionCase::Pause { at_s, .. } | ActionCase::Resume { at_s, .. } => {
                let at = time(*at_s, 0.0);
                actions.push(Action::new(at, self.pause(key, action)));
            }
            other => {
                let at = time(other.at_s(), 0.0);
                let kind = maintenance::lower(self.low, key, other);
                actions.extend(kind.map(|kind| Action::new(at, kind)));
            }
        }
    }

    /// The update, or the same template again (a restart): each restart is a revision of its own, for
    /// `kubectl rollout restart` writes the time into the template.
    fn rollout(&mut self, at: Time) -> Option<Action> {
        let document = self.subject.update.unwrap_or(self.subject.deployment);
        let again = self.rollouts > 0 && (self.subject.update.is_none() || self.applied);
        self.applied = true;
        self.rollouts += 1;
        let mut deployment = self.second(document)?;
        let (before, now) = (&self.deployments[0].template, &deployment.template);
        let version = match (before.version.as_str(), now.version.as_str()) {
            ("v1", "v1" | "v2") if again => Some(format!("v{}", self.rollouts + 1)),
            (_, now) if again => Some(format!("{now} (restart {})", self.rollouts)),
            ("v1", "v1") => Some("v2".to_owned()),
            (before, now) if before == now => Some(format!("{now} (updated)")),
            _ => None,
        };
        if let Some(version) = version {
            Arc::make_mut(&mut deployment.template).version = version;
        }
        if revisions::is_one(&deployment) {
            let doc = self.low.input.documents[self.subject.deployment].clone();
            let kind = revisions::rolled(self.low, &doc, deployment, self.rollouts + 1)?;
            return Some(Action::new(at, kind));
        }
        // A restart changes the template alone.
        let keeps = self.subject.update.is_none() || self.leaves_replicas(document);
        Some(applied(at, deployment, keeps))
    }

    /// Whether a manifest says nothing of replicas.
    fn leaves_replicas(&self, document: usize) -> bool {
        let doc = &self.low.input.documents[document];
        self.low.input.replicas.iter().any(|filled| {
            filled.update == doc.update
                && filled.name == doc.name()
                && filled.namespace == doc.namespace()
        })
    }

    /// The first manifest with the processes of `app.v2`: its answers are counted as those of the first.
    fn first_again(&mut self, at: Time) -> Option<Action> {
        let mut deployment = self.second(self.subject.deployment)?;
        let version = self.deployments[0].template.version.clone();
        Arc::make_mut(&mut deployment.template).version = version;
        let keeps = self.leaves_replicas(self.subject.deployment);
        Some(applied(at, deployment, keeps))
    }

    /// A Deployment with the updated application.
    fn second(&mut self, document: usize) -> Option<Workload> {
        let doc = &self.low.input.documents[document];
        let held = doc.workload()?;
        let apps = &self.apps.v2;
        Some(self.low.check(doc, |check| workload::workload(check, held, "v2", apps)))
    }

    fn scale(&mut self, key: &str, given: Option<i32>, name: Option<&str>) -> ActionKind {
        let update = self.subject.update.and_then(|i| self.low.input.documents[i].workload());
        let replicas = given.or(update.and_then(|held| held.replicas)).unwrap_or(-1);
        if !(0..=bounds::REPLICAS).contains(&replicas) {
            let error = self.low.fail(
                &format!("{key}.replicas"),
                if given.is_some() { "value out of range" } else { "missing" },
            );
            error.found = given.map(|n| n.to_string());
            error.allowed = bounds::range_of("replicas");
        }
        let names = || self.deployments.iter().map(|d| &d.name).chain(self.created.iter());
        let subject = &self.deployments[0].name;
        let found = match name {
            Some(name) => names().find(|n| ***n == *name).cloned(),
            None => Some(subject.clone()),
        };
        if found.is_none() {
            let names: Vec<String> = names().map(|n| n.to_string()).collect();
            let error = self.low.fail(&format!("{key}.deployment"), "no such Deployment");
            error.found = name.map(crate::input::text::tree::quoted);
            error.allowed = Some(names.join(", "));
        }
        let deployment = found.unwrap_or_else(|| self.deployments[0].name.clone());
        self.must_scale(key, &deployment);
        ActionKind::Scale { deployment, replicas: replicas.max(0) }
    }

    /// `kubectl rollout pause` and `resume`: of Deployments alone.
    fn pause(&mut self, key: &str, action: &ActionCase) -> ActionKind {
        let kind = self.deployments[0].kind();
        let promotes = kind == Kind::Rollout && matches!(action, ActionCase::Resume { .. });
        if kind != Kind::Deployment && !promotes {
            let error = self.low.fail(key, "only a Deployment can be paused and resumed");
            error.found = Some(kind.name().to_owned());
        }
        match action {
            ActionCase::Resume { .. } => ActionKind::Resume,
            _ => ActionKind::Pause,
        }
    }

    /// Neither nodes nor single pods are scaled.
    fn must_scale(&mut self, key: &str, name: &str) {
        let kind = self.deployments.iter().find(|d| *d.name == *name).map(|d| d.kind());
        if let Some(kind @ (Kind::DaemonSet | Kind::Pod)) = kind {
            let error = self.low.fail(key, "this kind of workload cannot be scaled");
            error.found = Some(kind.name().to_owned());
            error.allowed = Some("Deployment, StatefulSet, ReplicaSet".to_owned());
        }
    }

    fn switch(&mut self, key: &str, action: &ActionCase) -> Option<ActionKind> {
        let ActionCase::SelectorSwitch {
            to,
            wait_available,
            switch_after_s,
            scale_down_after_s,
            ..
        } = action
        else {
            return None;
        };
        let chosen = self.target(key, to.as_deref())?;
        let wait_available = wait_available.unwrap_or(switch_after_s.is_none());
        let switch_after = self.low.seconds(&format!("{key}.switch_after_s"), *switch_after_s, 0.0);
        let scale_down_after = scale_down_after_s.map(|s| {
            let s = self.low.seconds(&format!("{key}.scale_down_after_s"), Some(s), 0.0);
            Dur::from_secs_f64(s)
        });
        let name = self.low.input.documents[chosen].name();
        let there = self.deployments.iter().find(|d| *d.name == *name);
        let deployment = match there {
            Some(there) => Box::new(there.clone()),
            None => Box::new(self.second(chosen)?),
        };
        let switch_after = Dur::from_secs_f64(switch_after);
        Some(ActionKind::SelectorSwitch {
            deployment,
            wait_available,
            switch_after,
            scale_down_after,
            shifts: Vec::new(),
        })
    }

    /// The document of the Deployment that a switch is to.
    fn target(&mut self, key: &str, to: Option<&str>) -> Option<usize> {
        let input = self.low.input;
        let document = |i: usize| &input.documents[i];
        let chosen = named::target(input, self.subject, to);
        let fail = |low: &mut Lowering<'_>, others: Vec<usize>| {
            let names: Vec<&str> = others.iter().map(|&i| document(i).name()).collect();
            let error = low.fail(key, "which Deployment does the Service switch to?");
            error.found = Some(match (to, names.len()) {
                (Some(to), _) => format!("no Deployment {}", crate::input::text::tree::quoted(to)),
                (None, 0) => "no second Deployment".to_owned(),
                (None, _) => names.join(", "),
            });
            error.suggestion = Some(
                "put its manifest into update.yaml, or name it: to = \"web-green\"".to_owned(),
            );
        };
        let chosen = chosen.map_err(|others| fail(self.low, others)).ok()?;
        if chosen != self.subject.deployment && named::twice(input, chosen).is_some() {
            let text = "the update changes a Deployment that is there: a switch only selects it";
            let error = self.low.fail(key, text);
            error.found = Some(document(chosen).name().to_owned());
            error.suggestion = Some("give its manifest once".to_owned());
        }
        Some(chosen)
    }

    fn restart_ingress(&mut self, key: &str) -> Option<ActionKind> {
        let asked = &self.low.input.documents[self.subject.asked];
        // A mesh's proxies are its callers', unless a route says that they are a gateway's.
        let beside = self.low.path_kind == Some(balancer::Kind::Istio)
            && sidecar::mesh(self.low.input, asked) == Some(sidecar::Mesh::Istio)
            && !self.service.is_some_and(|service| routes::at_gateway(self.low.input, service));
        if beside {
            let error =
                self.low.fail(key, "the proxies on the path are those of the callers' pods");
            error.suggestion = Some(
                "give the Gateway and its route, or roll out the gateway's own Deployment"
                    .to_owned(),
            );
            return None;
        }
        if self.path.restart().is_some() {
            return Some(ActionKind::RestartIngress);
        }
        let error = self.low.fail(key, "requests do not pass an ingress controller or a gateway");
        error.allowed =
            Some("with traffic.path = \"ingress-nginx\", \"envoy\" or \"istio\"".to_owned());
        None
    }
}
