//! Every key counts: each field of each type that is read, and each annotation of each controller that is
//! modelled, is simulated, cannot matter, or is named with what it would do.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use rollsim::engine::Dist;
use rollsim::input::known::types::{self as schema, Schema};
use rollsim::input::known::{self, Fate};
use rollsim::input::raw::rollout::Rollout;
use rollsim::input::{Diagnostics, Input, Source};
use rollsim::model::balancer::Kind;
use rollsim::model::balancer::settings::{Given, Own};
use rollsim::scenario::Scenario;
use serde::Deserialize;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Objects that are read by their keys alone: of Kubernetes' own types.
fn by_keys() -> [(&'static str, Schema); 2] {
    [
        (
            "HorizontalPodAutoscaler",
            schema::of::<HorizontalPodAutoscaler>("autoscaling/v2", "HorizontalPodAutoscaler"),
        ),
        (
            "PersistentVolumeClaim",
            schema::of::<PersistentVolumeClaim>("v1", "PersistentVolumeClaim"),
        ),
    ]
}

/// A kind that others define, and its fields.
#[derive(Deserialize)]
struct Definition {
    api: String,
    fields: Vec<String>,
}

/// The others that are read by their keys.
fn definitions() -> BTreeMap<String, Definition> {
    toml::from_str(include_str!("keys/crds.toml")).expect("a table of the repository")
}

/// The dotted fields of a kind that is read by its keys, as deep as its type goes.
fn dotted(root: &str, schema: &Schema) -> Vec<String> {
    let (mut all, mut open) = (Vec::new(), vec![(root.to_owned(), String::new())]);
    while let Some((owner, above)) = open.pop() {
        for (field, holds) in &schema[&owner] {
            let path = if above.is_empty() { field.clone() } else { format!("{above}.{field}") };
            // Types that hold themselves, and metadata, which all kinds have.
            let deep = path.matches('.').count() > 4 || path == "metadata";
            if let Some(child) = holds.child.as_ref().filter(|_| !deep) {
                open.push((child.clone(), path.clone()));
            }
            all.push(path);
        }
    }
    all
}

/// Every kind that is read by its keys: its API version, and its fields.
fn kinds_by_keys() -> BTreeMap<String, (String, Vec<String>)> {
    let own = by_keys().map(|(kind, schema)| {
        let api = if kind == "PersistentVolumeClaim" { "v1" } else { "autoscaling/v2" };
        (kind.to_owned(), (api.to_owned(), dotted(kind, &schema)))
    });
    let others = definitions().into_iter().map(|(kind, d)| (kind, (d.api, d.fields)));
    own.into_iter().chain(others).collect()
}

/// Whether the table has the field, or one that it stands in.
fn is_in_table(kind: &str, field: &str) -> bool {
    let section = known::fields_of(kind).unwrap_or_else(|| panic!("no table of {kind}"));
    let ends = field.match_indices('.').map(|(at, _)| at).chain([field.len()]);
    ends.into_iter().any(|end| section.fate(&field[..end]).is_some())
}

#[test]
fn every_field_of_kinds_that_are_read_by_their_keys_stands_in_a_table() {
    for (kind, (_, fields)) in kinds_by_keys() {
        let above = |f: &&String| fields.iter().any(|other| other.starts_with(&format!("{f}.")));
        let leaves = fields.iter().filter(|f| !above(f));
        let missing: Vec<&String> = leaves.filter(|f| !is_in_table(&kind, f)).collect();
        assert!(missing.is_empty(), "{kind}: in no table: {missing:?}");
        for (key, _) in known::fields_of(&kind).expect("looked up before").all() {
            let is = |f: &String| f == key || f.starts_with(&format!("{key}."));
            // Versions before had it.
            let old = key == "spec.targetCPUUtilizationPercentage";
            assert!(old || fields.iter().any(is), "{kind} has no field {key}");
        }
    }
}

/// An object with a value at one place.
fn with_field(kind: &str, api: &str, field: &str) -> Value {
    let metadata = json!({ "name": "other", "namespace": "shop" });
    let mut object = json!({ "apiVersion": api, "kind": kind, "metadata": metadata, "spec": {} });
    // What it cannot do without.
    if kind == "TargetGroupBinding" {
        object["spec"] =
            json!({ "serviceRef": { "name": "web", "port": 80 }, "targetGroupARN": "arn" });
    }
    let mut place = &mut object;
    for name in field.split('.').filter(|name| !name.is_empty()) {
        place = &mut place[name];
    }
    if !field.is_empty() {
        *place = json!("x");
    }
    object
}

#[test]
fn fields_of_kinds_that_are_read_by_their_keys_are_named_if_they_matter() {
    let documents = whole();
    let mut tried = 0;
    for (kind, (api, _)) in kinds_by_keys() {
        let with = |field: &str| {
            let more = with_field(&kind, &api, field);
            documents.iter().cloned().chain([more]).collect::<Vec<Value>>()
        };
        let plain = lower(&with("")).unwrap_or_else(|e| panic!("{kind}: {e}"));
        let fates = known::fields_of(&kind).expect("a table").all();
        for (field, fate) in fates.filter(|(f, _)| f.starts_with("spec")) {
            if *fate == Fate::Modelled {
                continue;
            }
            assert_eq!(difference(&plain, &with(field), fate), None, "{kind} {field}");
            tried += 1;
        }
    }
    assert!(tried > 80, "{tried}");
}

fn roots() -> [(&'static str, Schema); 12] {
    let rollout = || schema::of::<Rollout>("argoproj.io/v1alpha1", "Rollout");
    [
        ("Rollout", rollout()),
        ("Rollout (blue/green)", rollout()),
        ("StatefulSet", schema::of::<StatefulSet>("apps/v1", "StatefulSet")),
        ("DaemonSet", schema::of::<DaemonSet>("apps/v1", "DaemonSet")),
        ("ReplicaSet", schema::of::<ReplicaSet>("apps/v1", "ReplicaSet")),
        ("Pod", schema::of::<Pod>("v1", "Pod")),
        ("Deployment", schema::of::<Deployment>("apps/v1", "Deployment")),
        ("Service", schema::of::<Service>("v1", "Service")),
        ("Ingress", schema::of::<Ingress>("networking.k8s.io/v1", "Ingress")),
        (
            "PodDisruptionBudget",
            schema::of::<PodDisruptionBudget>("policy/v1", "PodDisruptionBudget"),
        ),
        ("Node", schema::of::<Node>("v1", "Node")),
        ("Namespace", schema::of::<Namespace>("v1", "Namespace")),
    ]
}

/// A field of an object: its type, its name, and the way to it.
struct Place {
    owner: String,
    field: String,
    way: Vec<Value>,
}

/// All fields that are reached from a type through what is modelled.
fn places(root: &str, schema: &Schema) -> Vec<Place> {
    let mut places = Vec::new();
    let mut open = vec![(root.to_owned(), Vec::<Value>::new())];
    while let Some((owner, above)) = open.pop() {
        for (field, holds) in &schema[&owner] {
            let mut way = above.clone();
            way.push(json!(field));
            let modelled = known::fields_of(&owner).and_then(|s| s.fate(field));
            // A claim's own keys are read without its type.
            let child = holds.child.as_ref().filter(|child| *child != "PersistentVolumeClaim");
            if let (Some(child), Some(Fate::Modelled)) = (child, modelled) {
                let mut inside = way.clone();
                if holds.list {
                    inside.push(json!(0));
                }
                open.push((child.clone(), inside));
            }
            places.push(Place { owner: owner.clone(), field: field.clone(), way });
        }
    }
    places
}

#[test]
fn every_field_stands_in_a_table() {
    let mut missing = BTreeSet::new();
    let mut met: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (root, schema) in roots() {
        for Place { owner, field, .. } in places(kind_of(root), &schema) {
            if known::fields_of(&owner).and_then(|s| s.fate(&field)).is_none() {
                missing.insert(format!("{owner}.{field}"));
            }
            met.entry(owner).or_default().insert(field);
        }
    }
    assert!(missing.is_empty(), "in no table: {missing:?}");
    assert!(met.len() > 50, "{}", met.len());
    let [(_, fields), _] = known::tables();
    let by_keys = kinds_by_keys();
    for (name, section) in fields.iter().filter(|(name, _)| !by_keys.contains_key(*name)) {
        let there = met.get(name).unwrap_or_else(|| panic!("no type {name} is read"));
        let listed: BTreeSet<String> = section.all().map(|(key, _)| key.to_owned()).collect();
        assert_eq!(listed.difference(there).next(), None, "{name} has no such field");
    }
}

/// A manifest with something at every place that is modelled.
const WHOLE: &str = include_str!("keys/whole.yaml");

fn whole() -> Vec<Value> {
    let text = |d: &str| serde_json::to_value(yaml_serde::from_str::<Value>(d).expect("YAML"));
    WHOLE.split("\n---\n").map(|d| text(d).expect("JSON")).collect()
}

/// Of a root: what stands in brackets tells two of a kind apart.
fn kind_of(root: &str) -> &str {
    root.split(' ').next().expect("a word")
}

/// The strategies of a Rollout, with something at every place.
fn strategy_of(root: &str) -> Value {
    let analysis = json!({
        "templates": [{ "templateName": "errors" }],
        "args": [{ "name": "service", "value": "web" }],
    });
    if root != "Rollout" {
        return json!({ "blueGreen": {
            "activeService": "web", "prePromotionAnalysis": analysis,
            "postPromotionAnalysis": analysis,
        } });
    }
    json!({ "canary": {
        "steps": [
            { "analysis": analysis, "setCanaryScale": { "weight": 50 } },
            { "setWeight": 20 }, { "pause": { "duration": "10s" } },
        ],
        "analysis": analysis,
        "trafficRouting": { "nginx": { "stableIngress": "web" } },
        "stableService": "web", "canaryService": "web-canary",
        "replicaProgressThreshold": { "type": "Percent", "value": 90 },
    } })
}

/// The same with the Deployment as a workload of another kind.
fn whole_of(kind: &str) -> Vec<Value> {
    let mut documents = whole();
    for document in documents.iter_mut().filter(|d| d["kind"] == "Deployment") {
        as_kind(document, kind);
    }
    documents
}

fn as_kind(document: &mut Value, kind: &str) {
    let without = |document: &mut Value, keys: &[&str]| {
        let spec = document["spec"].as_object_mut().expect("a spec");
        keys.iter().for_each(|key| drop(spec.remove(*key)));
    };
    let rolling = |limits: Value| json!({ "type": "RollingUpdate", "rollingUpdate": limits });
    match kind {
        "StatefulSet" => {
            without(document, &["strategy", "progressDeadlineSeconds", "paused"]);
            document["spec"]["updateStrategy"] = rolling(json!({ "partition": 0 }));
        }
        "DaemonSet" => {
            without(document, &["strategy", "progressDeadlineSeconds", "paused", "replicas"]);
            document["spec"]["updateStrategy"] = rolling(json!({ "maxUnavailable": 1 }));
        }
        "Rollout" | "Rollout (blue/green)" => {
            without(document, &["strategy", "paused"]);
            document["apiVersion"] = json!("argoproj.io/v1alpha1");
            document["spec"]["strategy"] = strategy_of(kind);
            document["spec"]["rollbackWindow"] = json!({ "revisions": 2 });
        }
        "ReplicaSet" => {
            let own = ["strategy", "progressDeadlineSeconds", "paused", "revisionHistoryLimit"];
            without(document, &own);
        }
        "Pod" => {
            let mut pod = document["spec"]["template"].take();
            for key in ["name", "namespace"] {
                pod["metadata"][key] = document["metadata"][key].clone();
            }
            pod["apiVersion"] = json!("v1");
            *document = pod;
        }
        _ => return,
    }
    document["kind"] = json!(kind_of(kind));
}

fn lower(documents: &[Value]) -> Result<Scenario, Diagnostics> {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": documents });
    let source = Source::Text { name: "whole.json".into(), text: list.to_string() };
    Input::load(&[source])?.lower()
}

/// The place within a document; None: the manifest has nothing there.
fn at<'a>(document: &'a mut Value, way: &[Value]) -> Option<&'a mut Value> {
    way.iter().try_fold(document, |here, step| match step {
        Value::String(key) => here.get_mut(key),
        step => here.get_mut(step.as_u64()? as usize),
    })
}

/// What is in the tables as without effect has none, and what is there as not modelled changes nothing and
/// is named. (Both at the level of what is simulated: nothing else comes of an input.)
#[test]
fn fields_that_are_not_simulated_change_nothing_and_are_named_if_they_would() {
    let (mut all, mut tried, mut wrong) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for (root, schema) in roots() {
        let documents = whole_of(root);
        let plain = lower(&documents).unwrap_or_else(|e| panic!("{root}: {e}"));
        let kind = kind_of(root);
        let index = documents.iter().position(|d| d["kind"] == kind).expect("one of each kind");
        for Place { owner, field, way } in places(kind, &schema) {
            let fate = known::fields_of(&owner).and_then(|s| s.fate(&field)).expect("in a table");
            // That of an init container makes it a sidecar; this handler excludes the others.
            let sidecar = field == "restartPolicy" && way.contains(&json!("initContainers"));
            let handler = (owner.as_str(), field.as_str()) == ("LifecycleHandler", "tcpSocket");
            // Pods and ReplicaSets that are owned are part of what owns them.
            let owned = field == "ownerReferences" && way.len() == 2;
            let owned = owned && ["Pod", "ReplicaSet"].contains(&root);
            if *fate == Fate::Modelled || sidecar || handler || owned {
                continue;
            }
            let key = format!("{owner}.{field}");
            all.insert(key.clone());
            let mut changed = documents.clone();
            let Some(Value::Object(above)) = at(&mut changed[index], &way[..way.len() - 1]) else {
                continue;
            };
            tried.insert(key);
            above.insert(field.clone(), sample(&schema, &owner, &field));
            if let Some(why) = difference(&plain, &changed, fate) {
                wrong.push(format!("{owner}.{field}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(all.difference(&tried).collect::<Vec<_>>(), Vec::<&String>::new(), "never there");
    assert!(tried.len() > 120, "{}", tried.len());
}

/// What is not as the table says of a key that the documents have and `plain` has not.
fn difference(plain: &Scenario, documents: &[Value], fate: &Fate) -> Option<String> {
    let scenario = match lower(documents) {
        Ok(scenario) => scenario,
        // Two kinds of steps in one, a route that nobody manages: whoever gives it hears of it.
        Err(problems) if problems.to_string().contains("Argo Rollouts takes it for invalid") => {
            return None;
        }
        Err(problems) => return Some(problems.to_string()),
    };
    let bare = &plain.not_modelled;
    let new: Vec<String> =
        scenario.not_modelled.iter().filter(|n| !bare.contains(n)).cloned().collect();
    // That what it names is not given is said, and changes nothing.
    let mut assumptions = scenario.assumptions.clone();
    let absent = "is not given: where the cluster has none either";
    assumptions.retain(|a| plain.assumptions.contains(a) || !a.text.contains(absent));
    let same = Scenario { not_modelled: bare.clone(), assumptions, ..scenario };
    let named = match fate {
        Fate::NotModelled(rule) => new.iter().any(|n| n.contains(&rule.effect)),
        _ => new.is_empty(),
    };
    match (same == *plain, named) {
        (false, _) => Some("changes what is simulated".to_owned()),
        (true, false) => Some(format!("named are {new:?}")),
        (true, true) => None,
    }
}

/// A value of the field that does something.
fn sample(schema: &Schema, owner: &str, field: &str) -> Value {
    let holds = &schema[owner][field];
    let one = match &holds.child {
        Some(child) => {
            let fields = &schema[child];
            fields.keys().map(|name| (name.clone(), sample(schema, child, name))).collect()
        }
        None if (owner, field) == ("ServiceSpec", "allocateLoadBalancerNodePorts") => json!(false),
        None => holds.sample.clone(),
    };
    match (holds.list, holds.map) {
        (true, _) => json!([one]),
        (_, true) => json!({ "key": one }),
        _ => one,
    }
}

/// Takes note of what is asked for.
#[derive(Default)]
struct Asked {
    annotations: RefCell<BTreeSet<String>>,
    attributes: RefCell<BTreeSet<String>>,
}

impl Given for Asked {
    fn card(&self) -> &str {
        "asked"
    }
    fn is_set(&self, _key: &str) -> bool {
        false
    }
    fn dist(&mut self, _key: &'static str) -> Dist {
        Dist::ZERO
    }
    fn number(&mut self, _key: &'static str, _own: Option<Own>) -> f64 {
        1.0
    }
    fn word(&mut self, _key: &'static str, _own: Option<Own>, _allowed: &[&str]) -> usize {
        0
    }
    fn text(&mut self, _key: &'static str) -> String {
        String::new()
    }
    fn refuse(&mut self, _own: &Own, _allowed: &str) {}
    fn annotation(&self, key: &str) -> Option<Own> {
        self.annotations.borrow_mut().insert(key.to_owned());
        None
    }
    fn attribute(&self, key: &str, name: &str) -> Option<Own> {
        self.annotations.borrow_mut().insert(key.to_owned());
        self.attributes.borrow_mut().insert(name.to_owned());
        None
    }
    fn weighted(&self) -> bool {
        false
    }
    fn restarts(&self) -> bool {
        true
    }
    fn fronted(&self) -> bool {
        true
    }
    fn zones(&self) -> usize {
        2
    }
    fn shifts(&self) -> bool {
        true
    }

    fn local(&self) -> bool {
        true
    }
}

/// Annotations that something else than the model of a path reads.
const READ_ELSEWHERE: [&str; 72] = [
    "alb.ingress.kubernetes.io/actions.*",
    "application-networking.k8s.aws/pod-readiness-gate-inject",
    "balancer.linkerd.io/failure-accrual",
    "balancer.linkerd.io/failure-accrual-consecutive-max-failures",
    "balancer.linkerd.io/failure-accrual-consecutive-max-penalty",
    "balancer.linkerd.io/failure-accrual-consecutive-min-penalty",
    "cloud.google.com/backend-config",
    "cloud.google.com/neg",
    "cluster-autoscaler.kubernetes.io/safe-to-evict",
    "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes",
    "config.alpha.linkerd.io/proxy-enable-native-sidecar",
    "config.alpha.linkerd.io/proxy-wait-before-exit-seconds",
    "config.beta.linkerd.io/proxy-enable-native-sidecar",
    "config.linkerd.io/proxy-await",
    "config.linkerd.io/proxy-enable-native-sidecar",
    "config.linkerd.io/proxy-wait-before-exit-seconds",
    "config.linkerd.io/shutdown-grace-period",
    "controller.kubernetes.io/pod-deletion-cost",
    "elbv2.k8s.aws/pod-readiness-gate-inject",
    "haproxy-ingress.github.io/backend-check-interval",
    "haproxy-ingress.github.io/balance-algorithm",
    "haproxy-ingress.github.io/health-check-fall-count",
    "haproxy-ingress.github.io/health-check-interval",
    "haproxy-ingress.github.io/health-check-rise-count",
    "haproxy-ingress.github.io/timeout-connect",
    "haproxy-ingress.github.io/timeout-keep-alive",
    "haproxy-ingress.github.io/timeout-server",
    "haproxy.org/check",
    "haproxy.org/check-interval",
    "haproxy.org/load-balance",
    "haproxy.org/timeout-connect",
    "haproxy.org/timeout-http-keep-alive",
    "haproxy.org/timeout-server",
    "ingress.cilium.io/request-timeout",
    "istio-injection",
    "istio.io/dataplane-mode",
    "istio.io/rev",
    "istio.io/use-waypoint",
    "istio.io/waypoint-for",
    "karpenter.sh/do-not-disrupt",
    "karpenter.sh/nodepool",
    "konghq.com/connect-timeout",
    "konghq.com/read-timeout",
    "konghq.com/retries",
    "linkerd.io/inject",
    "nginx.ingress.kubernetes.io/canary",
    "nginx.ingress.kubernetes.io/canary-by-cookie",
    "nginx.ingress.kubernetes.io/canary-by-header",
    "nginx.ingress.kubernetes.io/canary-by-header-pattern",
    "nginx.ingress.kubernetes.io/canary-weight",
    "nginx.ingress.kubernetes.io/canary-weight-total",
    "nginx.ingress.kubernetes.io/ssl-passthrough",
    "projectcontour.io/max-connections",
    "projectcontour.io/max-pending-requests",
    "projectcontour.io/max-requests",
    "projectcontour.io/max-retries",
    "projectcontour.io/num-retries",
    "projectcontour.io/per-try-timeout",
    "projectcontour.io/response-timeout",
    "projectcontour.io/retry-on",
    "proxy.istio.io/config",
    "retry.linkerd.io/http",
    "networking.istio.io/traffic-distribution",
    "retry.linkerd.io/limit",
    "retry.linkerd.io/timeout",
    "service.beta.kubernetes.io/aws-load-balancer-type",
    "service.kubernetes.io/topology-aware-hints",
    "service.kubernetes.io/topology-mode",
    "sidecar.istio.io/inject",
    "sidecar.istio.io/nativeSidecar",
    "sidecar.istio.io/rewriteAppHTTPProbers",
    "timeout.linkerd.io/request",
];

/// The table says of an annotation that it is modelled if and only if something reads it.
#[test]
fn annotations_that_are_modelled_are_those_that_are_read() {
    let mut asked = Asked::default();
    for kind in [
        Kind::Service,
        Kind::NodePort,
        Kind::LoadBalancer,
        Kind::Alb,
        Kind::Nlb,
        Kind::IngressNginx,
        Kind::Headless,
        Kind::MetalLbL2,
        Kind::MetalLbBgp,
        Kind::Haproxy,
        Kind::Envoy,
        Kind::Istio,
        Kind::Linkerd,
        Kind::Ambient,
        Kind::GkeNeg,
        Kind::VpcLattice,
        Kind::Agc,
        Kind::Agic,
    ] {
        kind.read(&mut asked);
    }
    let [_, (_, annotations)] = known::tables();
    let attributes = known::attributes();
    let mut modelled = BTreeSet::new();
    for (prefix, section) in annotations.iter().filter(|(prefix, _)| !prefix.ends_with(": ")) {
        let listed = section.all().filter(|(_, fate)| **fate == Fate::Modelled);
        modelled.extend(listed.map(|(name, _)| format!("{prefix}{name}")));
    }
    let mut read = asked.annotations.into_inner();
    read.extend(READ_ELSEWHERE.iter().map(|a| (*a).to_owned()));
    assert_eq!(modelled, read);
    let listed = attributes.all().filter(|(_, fate)| **fate == Fate::Modelled);
    let listed: BTreeSet<String> = listed.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(listed, asked.attributes.into_inner());
}

/// Deployment, Service and Ingress with a mark: on the Ingress, the Service, the pods or the namespace.
fn marked(on: &str, class: &str, key: &str, value: &str) -> Result<Vec<String>, String> {
    let mut documents = whole();
    for document in &mut documents {
        let metadata = match (document["kind"].as_str(), on) {
            (Some("Deployment"), "pods") => &mut document["spec"]["template"]["metadata"],
            (Some(kind), on) if kind == on => &mut document["metadata"],
            _ => continue,
        };
        metadata["annotations"][key] = json!(value);
    }
    for document in documents.iter_mut().filter(|d| d["kind"] == "Ingress") {
        document["spec"]["ingressClassName"] = json!(class);
    }
    lower(&documents).map(|s| s.not_modelled).map_err(|e| e.to_string())
}

#[test]
fn marks_that_matter_are_named_and_unknown_ones_too() {
    let nginx = "nginx.ingress.kubernetes.io/";
    let alb = "alb.ingress.kubernetes.io/";
    for (on, class, key, value, wanted) in [
        ("Ingress", "nginx", format!("{nginx}affinity"), "cookie", "sticky sessions"),
        ("Ingress", "nginx", format!("{nginx}service-upstream"), "false", ""),
        ("Ingress", "nginx", format!("{nginx}proxy-body-size"), "8m", ""),
        ("Ingress", "nginx", format!("{nginx}limit-rpm"), "8", "rate limits"),
        ("Ingress", "nginx", format!("{nginx}proxy-bodysize"), "8m", "did you mean"),
        ("Ingress", "nginx", format!("{nginx}quite-another"), "8m", "unknown annotation"),
        ("Ingress", "nginx", format!("{alb}target-node-labels"), "a=b", ""),
        ("Ingress", "alb", format!("{alb}target-node-labels"), "a=b", "only some nodes"),
        ("Ingress", "alb", format!("{alb}frontend-nlb-scheme"), "internal", "network load"),
        ("Service", "nginx", "service.kubernetes.io/topology-mode".into(), "Auto", ""),
        ("Service", "nginx", "service.kubernetes.io/topology-mode".into(), "Disabled", ""),
        ("pods", "nginx", "sidecar.istio.io/inject".into(), "true", ""),
        ("pods", "nginx", "sidecar.istio.io/inject".into(), "false", ""),
        ("pods", "nginx", "linkerd.io/inject".into(), "enabled", ""),
        ("pods", "nginx", "config.linkerd.io/skip-inbound-ports".into(), "80", "past the proxy"),
        ("pods", "nginx", "dapr.io/enabled".into(), "true", "daprd"),
        ("pods", "nginx", "dapr.io/app-id".into(), "web", ""),
        ("pods", "nginx", "karpenter.sh/do-not-disrupt".into(), "true", ""),
        ("Namespace", "nginx", "istio-injection".into(), "enabled", ""),
        ("Namespace", "nginx", "istio-injection".into(), "disabled", ""),
    ] {
        let bare = marked("none", class, "", "").expect("fits");
        let named = marked(on, class, &key, value).unwrap_or_else(|e| panic!("{key}: {e}"));
        let new: Vec<&String> = named.iter().filter(|n| !bare.contains(n)).collect();
        let fits = if wanted.is_empty() {
            new.is_empty()
        } else {
            new.iter().any(|n| n.contains(wanted) && n.contains(&key))
        };
        assert!(fits, "{key}={value} on {on}: {new:?}");
    }
    let error = marked("Ingress", "nginx", &format!("{nginx}proxy-read-timeot"), "8");
    assert!(error.expect_err("refused").contains("proxy-read-timeout"));
}

/// A pod that refuses a proxy gets none, whatever its namespace says.
#[test]
fn pods_refuse_what_their_namespace_wants() {
    let mut documents = whole();
    for document in &mut documents {
        match document["kind"].as_str() {
            Some("Namespace") => {
                document["metadata"]["labels"]["istio-injection"] = json!("enabled")
            }
            Some("Deployment") => {
                document["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] =
                    json!("false");
            }
            _ => {}
        }
    }
    let named = lower(&documents).expect("fits").not_modelled;
    assert!(!named.iter().any(|n| n.contains("istio")), "{named:?}");
}
