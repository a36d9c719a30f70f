//! Readiness gates: which ones the load balancer's controller adds to pods, and which of those that pods have
//! are ever set, by exact name.
//!
//! Version 2 of the AWS Load Balancer Controller sets `target-health.elbv2.k8s.aws/<TargetGroupBinding>`;
//! in a labelled namespace its webhook adds that gate and takes those of version 1 away. Version 1 (the AWS
//! ALB Ingress Controller) sets `target-health.alb.ingress.k8s.aws/<ingress>_<service>_<port>`.
//!
//! Sources: `pkg/inject/pod_readiness.go`, `pkg/ingress/model_build_target_group.go`,
//! `docs/deploy/pod_readiness_gate.md` of kubernetes-sigs/aws-load-balancer-controller, and
//! `docs/guide/ingress/pod-conditions.md` of its version 1.
//!
//! Controllers of other clouds ([`Maker`]) set one gate of a fixed name.

use crate::cluster::gates::{Gates, UnsetGate};
use crate::cluster::objects::ServiceId;
use crate::cluster::release::{Plan, Router};
use crate::cluster::spec::{Ingress, PodTemplate, Service, TargetPort, selects};
use crate::cluster::workload::Workload;
use crate::input::lower::binding;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::case::GateCase;
use crate::input::raw::manifest::{Document, Object};
use crate::model::balancer::Path;
use crate::model::balancer::elb::controller::{GATES, GateName, INJECT, binding_name};
use crate::scenario::{Action, ActionKind, templates_of};
use std::sync::Arc;

/// So many letters off, a name is a misspelling of another.
const CLOSE: usize = 4;
/// The hash at the end of a name that the controller makes.
const HASH: usize = 10;

/// What the load balancer's controller sets.
struct Setters<'a> {
    path: &'a Path,
    /// It sets a gate of this name, whatever the target group.
    fixed: Option<GateName>,
    groups: Vec<Group<'a>>,
    labelled: bool,
    /// It is version 1.
    legacy: bool,
    /// The scenario's own controller sets what is left, or what it names of that.
    external: Option<GateCase>,
}

/// The target group of a Service.
struct Group<'a> {
    service: &'a Service,
    /// The TargetGroupBinding's name, up to its hash where the controller makes it.
    binding: String,
    made: bool,
    /// Gates of version 1.
    legacy: Vec<String>,
}

/// Which Services select a pod when it is created.
#[derive(Clone, Copy)]
enum Selected<'a> {
    /// Those whose selector fits its labels.
    ByLabels,
    /// This one alone, of two that take turns.
    By(&'a str),
    /// None: they are switched to it later.
    Later,
}

/// Adds the gates that a webhook adds, and notes those that nobody sets.
pub(crate) fn settle(
    low: &mut Lowering<'_>,
    (path, services): (&Path, &[Service]),
    ingress: Option<&Ingress>,
    (deployments, actions): (&mut [Workload], &mut [Action]),
) {
    let groups = services.iter().map(|s| group(low, s, ingress)).collect();
    let fixed = path.maker().and_then(|maker| maker.gate);
    let label = match path.maker() {
        None => Some(INJECT),
        Some(_) => fixed.and_then(|gate| gate.label),
    };
    let labelled = match label {
        Some(label) => services.first().is_some_and(|s| is_labelled(low, &s.namespace, label)),
        None => fixed.is_some(),
    };
    let external = low.input.case.gate.clone();
    let asked = path.controller().is_some_and(|c| c.legacy);
    let mut setters = Setters { path, fixed, groups, labelled, legacy: asked, external };
    let chosen = low.input.balancer_settings.iter().any(|(_, keys, _)| keys[0] == "controller");
    if !chosen && !labelled && path.controller().is_some() {
        let mut present = templates_of(deployments, actions).flat_map(|t| &t.readiness_gates);
        if let Some(gate) = present.find(|gate| setters.is_legacy(gate)) {
            let text = format!(
                "v1 of the AWS Load Balancer Controller, which sets the gate {gate}; v2 never does: \
                 it adds its own to pods of namespaces labelled {INJECT}=enabled"
            );
            low.assume("load balancer controller", text);
            setters.legacy = true;
        }
    }
    if labelled && path.controller().is_some() && deployments.iter().any(is_selected_late) {
        let text = "pods of a new revision get none: the Rollout's Services select them once they are \
                    available (with pingPong before they are created)";
        low.assume("readinessGates", text);
    }
    for workload in deployments {
        let selected = selected(workload, services, |router| router.stable);
        setters.settle(&mut workload.template, selected);
    }
    for action in actions {
        let switch = matches!(action.kind, ActionKind::SelectorSwitch { .. });
        if let Some(workload) = action.kind.brings_mut() {
            let selected = match switch {
                true => Selected::Later,
                false => selected(workload, services, |router| router.canary),
            };
            setters.settle(&mut workload.template, selected);
        }
    }
}

/// Its controller has Services select new pods by their hash, once they are available: whoever looks when a
/// pod is created finds that none does. Of two that take turns one is given the new pods before there are
/// any.
///
/// `rollout/service.go: reconcilePingAndPongService` of argoproj/argo-rollouts.
fn selected<'a>(
    workload: &Workload,
    services: &'a [Service],
    side: fn(Router) -> ServiceId,
) -> Selected<'a> {
    match workload.release.as_ref().map(|release| &release.plan) {
        Some(Plan::BlueGreen(_)) => Selected::Later,
        Some(Plan::Canary(canary)) => match canary.router {
            Some(router) if router.ping_pong => {
                let service = services.get(side(router).index());
                service.map_or(Selected::ByLabels, |s| Selected::By(&s.name))
            }
            Some(_) => Selected::Later,
            None => Selected::ByLabels,
        },
        Some(Plan::Flagger(_)) | None => Selected::ByLabels,
    }
}

fn is_selected_late(workload: &Workload) -> bool {
    matches!(selected(workload, &[], |router| router.stable), Selected::Later)
}

fn is_labelled(low: &Lowering<'_>, namespace: &str, label: &str) -> bool {
    low.input.documents.iter().any(|d| match &d.object {
        Object::Namespace(object) => {
            let labels = object.metadata.labels.as_ref();
            d.name() == namespace
                && labels.and_then(|l| l.get(label)).is_some_and(|v| v == "enabled")
        }
        _ => false,
    })
}

fn group<'a>(low: &Lowering<'_>, service: &'a Service, ingress: Option<&Ingress>) -> Group<'a> {
    let written = binding::of(low.input, service).map(Document::name);
    let made = || binding_name(&service.namespace, &service.name);
    let backends = ingress.iter().flat_map(|i| i.backends.iter().map(|b| (&i.name, b)));
    let mine = backends.filter(|(_, (name, _))| *name == service.name);
    let legacy = mine.map(|(ingress, (name, port))| {
        let port = match port {
            TargetPort::Number(n) => n.to_string(),
            TargetPort::Name(name) => name.clone(),
        };
        format!("{}{ingress}_{name}_{port}", GATES[1])
    });
    Group {
        service,
        made: written.is_none(),
        binding: written.map_or_else(made, str::to_owned),
        legacy: legacy.collect(),
    }
}

impl Group<'_> {
    /// The gate of version 2, as far as its name is known.
    fn gate(&self) -> String {
        format!("{}{}{}", GATES[0], self.binding, if self.made { "*" } else { "" })
    }

    /// Whether `gate` is that one.
    fn is(&self, gate: &str) -> bool {
        let Some(rest) = gate.strip_prefix(GATES[0]) else { return false };
        let hash = rest.strip_prefix(self.binding.as_str());
        hash.is_some_and(|hash| match self.made {
            true => {
                let alphanumeric = hash.bytes().all(|b| b.is_ascii_alphanumeric());
                hash == "*" || (hash.len() == HASH && alphanumeric)
            }
            false => hash.is_empty(),
        })
    }
}

impl Selected<'_> {
    fn has(self, group: &Group<'_>, template: &PodTemplate) -> bool {
        let service = group.service;
        match self {
            Selected::Later => false,
            Selected::By(name) if service.name != *name => false,
            Selected::By(_) | Selected::ByLabels => selects(&service.selector, &template.labels),
        }
    }
}

impl Setters<'_> {
    fn settle(&self, template: &mut Arc<PodTemplate>, by: Selected<'_>) {
        let selected = |g: &&Group<'_>| by.has(g, template);
        let injects = self.path.controller().is_some() && self.labelled && !self.legacy;
        let mut gates = template.readiness_gates.clone();
        if injects && self.groups.iter().any(|g| selected(&g)) {
            gates.retain(|gate| !gate.starts_with(GATES[1]));
            for group in self.groups.iter().filter(selected) {
                if !gates.iter().any(|gate| self.is(group, gate)) {
                    gates.push(self.gate(group));
                }
            }
        }
        let (mut set, mut unset) = (Gates::NONE, Vec::new());
        for gate in &gates {
            match self.unset(gate, template, by) {
                None => set.balancer = false,
                Some(_) if self.is_external(gate) => set.external = false,
                Some(gate) => unset.push(gate),
            }
        }
        set.others = unset.is_empty();
        if gates != template.readiness_gates || set != template.gates {
            let template = Arc::make_mut(template);
            template.readiness_gates = gates;
            (template.gates, template.unset_gates) = (set, unset);
        }
    }

    /// The gate of the target group's pods, as far as its name is known.
    fn gate(&self, group: &Group<'_>) -> String {
        self.fixed.map_or_else(|| group.gate(), |gate| gate.name.to_owned())
    }

    /// Whether `gate` is that one.
    fn is(&self, group: &Group<'_>, gate: &str) -> bool {
        match self.path.maker() {
            None => group.is(gate),
            Some(_) => self.fixed.is_some_and(|fixed| fixed.name == gate),
        }
    }

    /// Whether the scenario's own controller sets it, if the balancer's does not.
    fn is_external(&self, gate: &str) -> bool {
        let named = |names: &Vec<String>| names.iter().any(|name| name == gate);
        self.external.as_ref().is_some_and(|case| case.conditions.as_ref().is_none_or(named))
    }

    /// Why the gate of such a pod is never set; None: it is.
    fn unset(&self, gate: &str, template: &PodTemplate, by: Selected<'_>) -> Option<UnsetGate> {
        let mine = |g: &&Group<'_>| matches!(by, Selected::Later) || by.has(g, template);
        let groups = || self.groups.iter().filter(mine);
        let sets = match self.legacy {
            true => groups().any(|g| g.legacy.iter().any(|l| l == gate)),
            false => groups().any(|g| self.is(g, gate)),
        };
        if sets && self.path.controller().is_some() {
            return None;
        }
        let old = gate.starts_with(GATES[1]);
        let names: Vec<String> = match old || self.legacy {
            true => groups().flat_map(|g| g.legacy.clone()).collect(),
            false => groups().map(|g| self.gate(g)).collect(),
        };
        let (why, needed) = self.reason(gate, &names);
        Some(UnsetGate { name: gate.to_owned(), why, needed })
    }

    /// Why, and what would do. `names`: gates of this kind that are set.
    fn reason(&self, gate: &str, names: &[String]) -> (String, String) {
        let distance = |name: &String| strsim::damerau_levenshtein(name, gate);
        let nearest = names.iter().min_by_key(|name| distance(name));
        let of_aws = GATES.iter().any(|prefix| gate.starts_with(prefix));
        let said = |why: &str, needed: &str| (why.to_owned(), needed.to_owned());
        let label = format!("{INJECT}: enabled on the namespace");
        // Other clouds' controllers know nothing of those of AWS.
        let controller = self.path.controller().filter(|_| self.path.maker().is_none());
        match (self.path, controller) {
            (Path::Alb(_), None) if of_aws => {
                said("the targets are nodes", "alb.ingress.kubernetes.io/target-type: ip")
            }
            (Path::Nlb(_), None) if of_aws => said(
                "the targets are nodes",
                "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip",
            ),
            (_, None) if of_aws => {
                said("no load balancer of AWS leads here", "an Ingress of class alb, or no gate")
            }
            (_, Some(_)) if gate.starts_with(GATES[1]) && !self.legacy => match nearest {
                Some(name) if name == gate => {
                    said("v2 of the AWS Load Balancer Controller does not know it", &label)
                }
                Some(name) => said(
                    &format!("no Ingress, Service and port are called so (the nearest is {name})"),
                    &format!("{name} with v1 of the controller, {label} with v2"),
                ),
                None => said("no Ingress leads to the Service", &label),
            },
            (_, Some(_)) if of_aws => {
                let what = if self.legacy { "Ingress, Service and port" } else { "target group" };
                let nearest = nearest.map_or("no gate".to_owned(), Clone::clone);
                said(&format!("no {what} is called so (the nearest is {nearest})"), &nearest)
            }
            _ => match self.close(gate) {
                Some(name) => {
                    said(&format!("nothing in the input sets it (did you mean {name}?)"), &name)
                }
                None => {
                    said("nothing in the input sets it", "a controller that sets it, or no gate")
                }
            },
        }
    }

    /// The gate that this is a misspelling of.
    fn close(&self, gate: &str) -> Option<String> {
        let all = self.groups.iter();
        let all = all.flat_map(|g| g.legacy.iter().cloned().chain([self.gate(g)]));
        let near = all.map(|name| (strsim::damerau_levenshtein(&name, gate), name));
        near.filter(|(off, _)| *off <= CLOSE).min().map(|(_, name)| name)
    }

    fn is_legacy(&self, gate: &str) -> bool {
        self.groups.iter().any(|g| g.legacy.iter().any(|l| l == gate))
    }
}
