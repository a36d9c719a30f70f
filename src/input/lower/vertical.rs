//! VerticalPodAutoscalers: what they recommend, and what comes of that for each template of their targets.

mod amounts;

use crate::cluster::spec::{Container, PodTemplate};
use crate::cluster::workload::Workload;
use crate::engine::Time;
use crate::input::cards;
use crate::input::lower::containers::start_work_s;
use crate::input::lower::lowering::{Lowering, at};
use crate::input::raw::groups;
use crate::input::raw::manifest::Document;
use crate::input::text::tree::{Node, Value};
use crate::model::vertical::rules::Need;
use crate::model::vertical::spec::{Change, Mode, VerticalPodAutoscaler};
use crate::scenario::{Action, Assumption};
use amounts::{Amounts, Recommended};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kind that is read here.
pub(crate) const KIND: &str = "VerticalPodAutoscaler";
/// Pods are resized where they run since this minor version (InPlacePodVerticalScaling, beta).
const RESIZES_SINCE: u32 = 33;
/// `updateMode`, as manifests have it; the first is the default.
const MODES: [(&str, Mode); 5] = [
    ("Recreate", Mode::Recreate),
    ("Auto", Mode::Recreate),
    ("Off", Mode::Off),
    ("Initial", Mode::Initial),
    ("InPlaceOrRecreate", Mode::InPlaceOrRecreate),
];

/// Whether the document is one.
pub(crate) fn is_one(doc: &Document) -> bool {
    let version = doc.root.get("apiVersion").and_then(Node::as_str).unwrap_or("");
    doc.kind() == KIND && groups::group_of(version) == "autoscaling.k8s.io"
}

/// What one is about: kind and name of a workload of its namespace.
fn is_about(doc: &Document, workload: &Workload) -> bool {
    let target = doc.root.get("spec").and_then(|s| s.get("targetRef"));
    let text = |key: &str| target.and_then(|t| t.get(key)).and_then(Node::as_str);
    text("name") == Some(&*workload.name)
        && text("kind").is_none_or(|kind| kind == workload.kind().name())
        && doc.namespace() == workload.namespace
}

impl Lowering<'_> {
    /// Those that are about one of the workloads and recommend something.
    pub(super) fn verticals(
        &mut self,
        workloads: &[Workload],
        actions: &[Action],
        control_plane: u32,
    ) -> Vec<Arc<VerticalPodAutoscaler>> {
        let input = self.input;
        let mut found: Vec<Arc<VerticalPodAutoscaler>> = Vec::new();
        for doc in input.documents.iter().filter(|d| !d.update && is_one(d)) {
            let Some(target) = workloads.iter().find(|w| is_about(doc, w)) else { continue };
            if found.iter().any(|other| other.target == target.name) {
                let text = format!("several are about {}: the first counts", target.name);
                self.assume(KIND, text);
                continue;
            }
            let brought = actions.iter().filter_map(|a| a.kind.brings());
            let brought = brought.filter(|w| w.name == target.name).map(|w| &w.template);
            let templates: Vec<&Arc<PodTemplate>> =
                std::iter::once(&target.template).chain(brought).collect();
            let vertical = self.vertical(doc, &target.name, &templates, control_plane);
            found.extend(vertical.map(Arc::new));
        }
        found
    }

    fn vertical(
        &mut self,
        doc: &Document,
        target: &Arc<str>,
        templates: &[&Arc<PodTemplate>],
        control_plane: u32,
    ) -> Option<VerticalPodAutoscaler> {
        let (mode, min_replicas) = self.update_policy(doc);
        let (recommended, since) = self.recommended(doc);
        if recommended.is_empty() {
            let text =
                "nothing says what it recommends: [vpa.CONTAINER] of a scenario, or its status";
            self.note(format!("{KIND} {} ({text})", doc.name()));
            return None;
        }
        let resizes = mode == Mode::InPlaceOrRecreate;
        if resizes && control_plane < RESIZES_SINCE {
            let text = format!(
                "InPlaceOrRecreate evicts: Kubernetes resizes pods where they run since v1.{RESIZES_SINCE}"
            );
            self.assume(&format!("{KIND} {}", doc.name()), text);
        } else if resizes {
            let took = cards::kubernetes().resize_latency.as_secs_f64();
            let text = format!("{took} s, from the kubelet's notice on (assumed)");
            self.assumptions.push(Assumption::new("resize_latency", text));
        }
        let mut shown: Vec<String> = Vec::new();
        let mut changes: Vec<Change> = Vec::new();
        for from in templates {
            let (to, named) = changed(from, &recommended);
            shown
                .extend(named.into_iter().filter(|text| !shown.contains(text)).collect::<Vec<_>>());
            if to == ***from || changes.iter().any(|c| c.from == **from) {
                continue;
            }
            changes.push(Change {
                need: need(from, &recommended),
                restarts: restarts(from, &to),
                in_place: resizes && control_plane >= RESIZES_SINCE && stays_in_class(from, &to),
                from: (*from).clone(),
                to: to.into(),
            });
        }
        Some(VerticalPodAutoscaler {
            name: doc.name().into(),
            target: target.clone(),
            mode,
            min_replicas,
            since,
            changes,
            shown: shown.join(", ").into(),
        })
    }

    /// `spec.updatePolicy`.
    fn update_policy(&mut self, doc: &Document) -> (Mode, i32) {
        let policy = doc.root.get("spec").and_then(|s| s.get("updatePolicy"));
        let mode = policy.and_then(|p| p.get("updateMode"));
        let word = match mode.map(|n| &n.value) {
            // Without quotes it is no text to YAML.
            Some(Value::Bool(false)) => Some("Off"),
            _ => mode.and_then(Node::as_str),
        };
        let words = MODES.map(|(word, _)| word);
        let path = "spec.updatePolicy.updateMode";
        let place = self.check(doc, |check| check.one_of(path, word, &words));
        let usual = cards::kubernetes().vpa_min_replicas;
        let given = policy.and_then(|p| p.get("minReplicas")).filter(|n| !n.is_null());
        let least = match given.map(|n| &n.value) {
            None => usual,
            Some(Value::Int(n)) if (1..=i64::from(i32::MAX)).contains(n) => *n as i32,
            Some(_) => {
                let found = given.map_or(String::new(), |n| n.to_string());
                self.check(doc, |check| {
                    let error = check.error("spec.updatePolicy.minReplicas", "value out of range");
                    error.found = Some(found);
                    error.allowed = Some("a whole number, 1 or more".to_owned());
                });
                usual
            }
        };
        (MODES[place].1, least)
    }

    /// By container: what the scenario says, else the object's status; within the policies of its containers.
    fn recommended(&mut self, doc: &Document) -> (BTreeMap<String, Recommended>, Time) {
        let case = &self.input.case.vpa;
        let since = case.iter().filter_map(|(name, c)| Some((name, c.from_s?))).next();
        let since = since.map_or(Time::ZERO, |(name, s)| {
            at(self.seconds(&format!("vpa.{name}.from_s"), Some(s), 0.0))
        });
        let mut all = match case.is_empty() {
            true => amounts::of_status(self, doc),
            false => amounts::of_case(self),
        };
        let policies = doc.root.get("spec").and_then(|s| s.get("resourcePolicy"));
        let policies = policies.and_then(|p| p.get("containerPolicies"));
        for (i, policy) in policies.map_or(&[][..], Node::items).iter().enumerate() {
            let path = format!("spec.resourcePolicy.containerPolicies[{i}]");
            amounts::within(self, doc, &path, policy, &mut all);
        }
        all.retain(|_, r| r.target != Amounts::default());
        (all, since)
    }
}

/// The recommendation for a container.
fn of<'a>(all: &'a BTreeMap<String, Recommended>, name: &str) -> Option<&'a Recommended> {
    all.get(name).or_else(|| all.get("*"))
}

/// The template with what is recommended, and what that is for people.
fn changed(from: &PodTemplate, all: &BTreeMap<String, Recommended>) -> (PodTemplate, Vec<String>) {
    let (mut to, mut shown) = (from.clone(), Vec::new());
    let containers = to.init_containers.iter_mut().filter(|c| c.sidecar);
    for container in containers.chain(&mut to.containers) {
        let Some(recommended) = of(all, &container.name) else { continue };
        let (before, limit) = (container.requests, container.cpu_limit_millis);
        let Amounts { cpu_millis, memory_bytes } = recommended.target;
        container.requests.cpu_millis = cpu_millis.or(before.cpu_millis);
        container.requests.memory_bytes = memory_bytes.or(before.memory_bytes);
        if let (true, Some(limit), Some(cpu)) = (recommended.limits_too, limit, cpu_millis) {
            // The limit keeps its ratio to the request.
            let ratio = limit as f64 / before.cpu_millis.unwrap_or(limit).max(1) as f64;
            container.cpu_limit_millis = Some(libm::round(cpu as f64 * ratio).max(1.0) as i64);
        }
        let longer = start_work_s(&container.app, container.cpu_limit_millis)
            - start_work_s(&container.app, limit);
        container.app.start_delay = container.app.start_delay.longer_by(longer);
        shown.extend(amounts::shown(&container.name, before, container.requests));
    }
    (to, shown)
}

/// How urgent it is for pods of the template.
fn need(from: &PodTemplate, all: &BTreeMap<String, Recommended>) -> Need {
    let sidecars = from.init_containers.iter().filter(|c| c.sidecar);
    let mut need = Need::default();
    let (mut asked, mut differs) = ([0.0; 2], [0.0; 2]);
    for container in sidecars.chain(&from.containers) {
        let Some(recommended) = of(all, &container.name) else { continue };
        let now = Amounts::of(container.requests).both();
        let [target, lower, upper] =
            [recommended.target, recommended.lower, recommended.upper].map(Amounts::both);
        for i in 0..2 {
            let Some(wanted) = target[i] else { continue };
            let has = now[i].unwrap_or(0);
            need.outside |= now[i].is_none()
                || lower[i].is_some_and(|least| has < least)
                || upper[i].is_some_and(|most| has > most);
            need.grows |= wanted > has;
            asked[i] += has as f64;
            differs[i] += (wanted - has).abs() as f64;
        }
    }
    need.change = asked.iter().zip(differs).map(|(all, by)| by / all.max(1.0)).sum();
    need
}

/// The containers that a resize starts anew.
fn restarts(from: &PodTemplate, to: &PodTemplate) -> Vec<u8> {
    let all = |t: &PodTemplate| -> Vec<Container> {
        t.init_containers.iter().chain(&t.containers).cloned().collect()
    };
    let pairs = all(from).into_iter().zip(all(to)).zip(0..);
    let restarts = pairs.filter_map(|((before, after), place)| {
        let cpu = before.requests.cpu_millis != after.requests.cpu_millis
            || before.cpu_limit_millis != after.cpu_limit_millis;
        let memory = before.requests.memory_bytes != after.requests.memory_bytes;
        let policy = before.resize;
        let anew = policy.cpu_restarts && cpu || policy.memory_restarts && memory;
        anew.then_some(place)
    });
    restarts.collect()
}

/// A resize may not change a pod's quality of service: one that asks for nothing is to go on so.
fn stays_in_class(from: &PodTemplate, to: &PodTemplate) -> bool {
    let asks = |t: &PodTemplate| {
        let all = t.init_containers.iter().chain(&t.containers);
        all.clone().any(|c| !c.requests.is_none() || c.cpu_limit_millis.is_some())
    };
    asks(from) == asks(to)
}
