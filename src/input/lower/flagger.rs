//! Canaries of Flagger: the Deployment that one is about, the copy of it that serves, and the Services that
//! share its requests.

mod analysis;

use crate::cluster::flagger::{Flagger, Routing};
use crate::cluster::release::{AbortDelay, Plan, Release};
use crate::cluster::spec::{Service, ServiceKind, ServicePort, TargetPort};
use crate::cluster::workload::{Kind as WorkloadKind, Workload};
use crate::input::given::Input;
use crate::input::lower::check::Check;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::{routes, shares};
use crate::input::raw::canary::Canary;
use crate::input::raw::groups;
use crate::input::raw::manifest::Document;
use crate::input::text::tree::Node;
use crate::input::text::typed;
use crate::model::autoscaler::spec::HorizontalPodAutoscaler;
use crate::model::balancer::Kind;
use crate::model::balancer::services::Split;
use crate::model::rollout::controller::primary_of;
use crate::model::rollout::flagger::TOTAL;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::sync::Arc;

/// What the primary's value of it ends with.
const PRIMARY: &str = "-primary";
/// Labels that Flagger looks for in the selector (`-selector-labels`), in this order.
const LABELS: [&str; 3] = ["app", "name", "app.kubernetes.io/name"];
/// What the providers of the Gateway API begin with.
const GATEWAY_API: &str = "gatewayapi:";
/// Providers behind which requests are shared by ingress-nginx, and by nobody.
const NGINX: &str = "nginx";
const KUBERNETES: &str = "kubernetes";

/// The Canary whose target a document is.
pub fn document<'a>(input: &'a Input, target: &Document) -> Option<&'a Document> {
    if target.kind() != WorkloadKind::Deployment.name() {
        return None;
    }
    let is = |d: &&Document| {
        let text = |of: &Node, key: &str| of.get(key).and_then(Node::as_str).map(str::to_owned);
        let group = text(&d.root, "apiVersion").unwrap_or_default();
        let reference = d.root.get("spec").and_then(|s| s.get("targetRef"));
        d.kind() == "Canary"
            && groups::group_of(&group) == "flagger.app"
            && d.namespace() == target.namespace()
            && reference.and_then(|r| text(r, "name")).as_deref() == Some(target.name())
            && reference.and_then(|r| text(r, "kind")).as_deref() == Some(target.kind())
    };
    let all = || input.each_document().filter(is);
    all().find(|d| d.update == target.update).or_else(|| all().next())
}

/// It, typed; None: there is none, or it cannot be read, which the release tells.
fn canary(input: &Input, target: &Document) -> Option<Canary> {
    let doc = document(input, target)?;
    typed::read::<Canary>(&doc.root, &doc.file).ok().map(|typed| typed.value)
}

/// Who shares the requests of the target, where a router does.
pub fn path(input: &Input, target: &Document) -> Option<(Kind, Option<&'static str>)> {
    let canary = canary(input, target)?;
    let named = provider(&canary);
    match named {
        KUBERNETES => None,
        NGINX => Some((Kind::IngressNginx, None)),
        _ if named.starts_with(GATEWAY_API) => {
            let gateways = canary.spec.service.gateway_refs.iter().flatten();
            let mut known = gateways.filter_map(|gateway| routes::of_gateway(input, &gateway.name));
            Some(known.next().unwrap_or((Kind::Envoy, None)))
        }
        _ => Some(routes::called(named).unwrap_or((Kind::Envoy, None))),
    }
}

/// The one that is named, else Istio.
fn provider(canary: &Canary) -> &str {
    canary.spec.provider.as_deref().filter(|p| !p.is_empty()).unwrap_or("istio")
}

/// The Ingress that the router writes a canary beside, by name.
pub fn ingress(input: &Input, target: &Document) -> Option<String> {
    canary(input, target)?.spec.ingress_ref?.name
}

/// How the target is released. None: no Canary is about it.
pub fn release(check: &mut Check<'_>) -> Option<Arc<Release>> {
    let doc = document(check.input, check.doc)?;
    let canary = match typed::read::<Canary>(&doc.root, &doc.file) {
        Ok(typed) => typed.value,
        Err(error) => {
            check.problems.push(*error);
            return None;
        }
    };
    if label(check.doc).is_none() {
        let error =
            check.error("spec.selector.matchLabels", "Flagger finds no label to tell pods by");
        error.allowed = Some(LABELS.join(", "));
    }
    let mut check = check.of(doc);
    let plan = plan(&mut check, &canary);
    Some(Arc::new(Release {
        plan: Plan::Flagger(Box::new(plan)),
        rollback_window: None,
        progress_deadline_abort: false,
        scale_down_delay: None,
        abort_delay: AbortDelay::Default,
    }))
}

fn plan(check: &mut Check<'_>, canary: &Canary) -> Flagger {
    let provider = provider(canary);
    if canary.spec.provider.is_none() {
        check.assume("spec.provider", "istio, as Flagger has it where nothing is said");
    }
    let given = canary.spec.analysis.as_ref().or(canary.spec.canary_analysis.as_ref());
    let given = given.cloned().unwrap_or_default();
    let routing = match (provider, given.r#match.is_some()) {
        (KUBERNETES, _) => Routing::None,
        (_, true) => Routing::Match,
        (_, false) => Routing::Weight,
    };
    let mut plan = analysis::plan(check, &given, routing);
    let deadline = canary.spec.progress_deadline_seconds;
    let path = "spec.progressDeadlineSeconds";
    let usual = crate::input::cards::kubernetes().progress_deadline_seconds;
    let deadline = check.at_least_0(path, deadline, usual);
    plan.deadline = crate::engine::Dur::from_secs(i64::from(deadline));
    plan.skip_analysis = canary.spec.skip_analysis.unwrap_or(false);
    plan.suspend = canary.spec.suspend.unwrap_or(false);
    plan.autoscaled = autoscaled(check, canary);
    plan
}

/// `minReplicas` of what `autoscalerRef` names.
fn autoscaled(check: &mut Check<'_>, canary: &Canary) -> Option<i32> {
    let reference = canary.spec.autoscaler_ref.as_ref()?;
    let (kind, name) = (reference.kind.as_deref()?, reference.name.as_deref()?);
    let found = check.input.documents.iter().find(|d| d.kind() == kind && d.name() == name);
    let Some(doc) = found else {
        check.note(format!("{kind} {name} (it is not among the manifests: replicas stay)"));
        return None;
    };
    let least =
        doc.root.get("spec").and_then(|s| s.get("minReplicas").or(s.get("minReplicaCount")));
    let least = least.and_then(|n| n.to_string().parse().ok());
    Some(least.unwrap_or(1).max(1))
}

/// The label that primary and canary differ in, and the canary's value.
fn label(target: &Document) -> Option<(&'static str, String)> {
    let labels = target.workload()?.selector?.match_labels.clone()?;
    LABELS.into_iter().find_map(|key| Some((key, labels.get(key)?.clone())))
}

impl Lowering<'_> {
    /// The Service that clients ask, where Flagger makes it, or makes it its own: it selects the primary.
    pub(super) fn apex(&mut self, target: &Document, given: Option<Service>) -> Option<Service> {
        let canary = canary(self.input, target)?;
        let (key, value) = label(target)?;
        let selector = [(key.to_owned(), value + PRIMARY)].into();
        if let Some(service) = given {
            return Some(Service { selector, ..service });
        }
        let service = &canary.spec.service;
        let port = service.port.and_then(|p| u16::try_from(p).ok()).unwrap_or(80);
        let target_port = match &service.target_port {
            Some(IntOrString::Int(n)) => TargetPort::Number(u16::try_from(*n).unwrap_or(port)),
            Some(IntOrString::String(name)) => TargetPort::Name(name.clone()),
            None => TargetPort::Number(port),
        };
        let name = service.name.clone().unwrap_or_else(|| target.name().to_owned());
        let port = ServicePort { name: None, port, target_port, node_port: None };
        Some(Service::cluster_ip(name, target.namespace(), selector, port))
    }

    /// The canary's Service beside it, and how the router shares the requests.
    pub(super) fn beside_apex(
        &mut self,
        kind: Kind,
        target: &Document,
        apex: &Service,
    ) -> Option<(Vec<Service>, Split)> {
        path(self.input, target)?;
        shares::by_weight(self, kind, "the Canary's router")?;
        let (key, value) = label(target)?;
        let canary = Service {
            name: format!("{}-canary", apex.name),
            selector: [(key.to_owned(), value)].into(),
            kind: ServiceKind::ClusterIp,
            ..apex.clone()
        };
        let weights = vec![TOTAL as u32, 0];
        let by_ingress = kind == Kind::IngressNginx;
        Some((vec![canary], Split { weights, main: 0, canary: by_ingress }))
    }

    /// The primary: a copy of the target under another name and label, which has its pods between releases.
    pub(super) fn primary(&mut self, target: &Document, workloads: &mut Vec<Workload>) -> bool {
        let flagger = workloads[0].release.as_ref().is_some_and(|r| r.flagger().is_some());
        let Some((key, value)) = label(target).filter(|_| flagger) else { return false };
        let mut primary = Workload { release: None, ..workloads[0].clone() };
        primary.name = primary_of(&primary.name).into();
        let labels = &mut Arc::make_mut(&mut primary.template).labels;
        labels.insert(key.to_owned(), value + PRIMARY);
        workloads.retain(|w| w.name != primary.name);
        workloads.insert(1, primary);
        self.assume("Flagger", "its primary has served for long when the run starts");
        true
    }

    /// What scales the target scales the primary as well: Flagger makes a copy of it.
    pub(super) fn copies_of_scalers(
        &mut self,
        workloads: &[Workload],
        scalers: &mut Vec<Arc<HorizontalPodAutoscaler>>,
    ) {
        let plan = workloads[0].release.as_ref().and_then(|r| r.flagger());
        if plan.is_none_or(|plan| plan.autoscaled.is_none()) {
            return;
        }
        let of = |a: &&Arc<HorizontalPodAutoscaler>| a.target == workloads[0].name;
        let Some(scaler) = scalers.iter().find(of) else { return };
        let mut copy = (**scaler).clone();
        copy.name = primary_of(&copy.name).into();
        copy.target = workloads[1].name.clone();
        scalers.push(copy.into());
    }
}
