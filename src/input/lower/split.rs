//! Services that share the requests of an Ingress by weight: target groups of an ALB's forward action, and
//! the canaries of ingress-nginx.

use crate::cluster::spec::{Ingress, Service};
use crate::input::lower::flagger;
use crate::input::lower::forward::{self, Forward};
use crate::input::lower::lowering::Lowering;
use crate::input::lower::network;
use crate::input::lower::release;
use crate::input::lower::shares;
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::diagnostics::{Diagnostic, did_you_mean};
use crate::input::text::tree::quoted;
use crate::model::balancer::Kind;
use crate::model::balancer::services::Split;
use k8s_openapi::api::networking::v1::Ingress as ApiIngress;

const CANARY: &str = "nginx.ingress.kubernetes.io/canary";
/// What decides before the weight does.
const CANARY_BY: [&str; 3] = ["-by-header", "-by-header-pattern", "-by-cookie"];
/// Total of the weights, unless `canary-weight-total` is more.
const TOTAL: u32 = 100;

/// The Ingress that leads to the Service: by a rule, by an action that a rule names, or by the rule that a
/// canary is added to.
pub(crate) fn ingress(
    low: &mut Lowering<'_>,
    subject: &Document,
    service: &Service,
) -> Option<Ingress> {
    let written = flagger::ingress(low.input, subject);
    let mut routed = release::ingresses(subject);
    routed.extend(written.as_deref());
    let mut found = None;
    for doc in &low.input.documents {
        let Object::Ingress(api) = &doc.object else { continue };
        let ingress = low.check(doc, |check| network::ingress(check, api));
        let named = ingress.backends.iter().any(|(name, _)| *name == service.name);
        let routed = routed.iter().any(|name| *name == ingress.name);
        let leads_here = (named || routed || leads_by_action(&ingress, &service.name))
            && ingress.namespace == service.namespace;
        if leads_here && found.is_none() {
            found = Some((doc, ingress));
        }
    }
    let (doc, ingress) = found?;
    match main_of(low, doc) {
        Some(main) => {
            let Object::Ingress(api) = &main.object else { return Some(ingress) };
            Some(low.check(main, |check| network::ingress(check, api)))
        }
        None => Some(ingress),
    }
}

/// The Service of a Rollout's new pods beside that of the stable ones, and how its router shares the
/// requests.
pub(crate) fn of_rollout(
    low: &mut Lowering<'_>,
    kind: Kind,
    subject: &Document,
    service: &Service,
) -> Option<(Vec<Service>, Split)> {
    shares::by_weight(low, kind, "the Rollout's router")?;
    let (_, name) = release::services(subject)?;
    let name = name?;
    let document = low.input.documents.iter().find(|d| {
        d.service().is_some() && d.name() == name && d.namespace() == subject.namespace()
    });
    let new = match document.map(|d| (d, d.service().expect("looked for"))) {
        Some((doc, api)) => low.check(doc, |check| network::service(check, api)),
        None => {
            let text = format!("as {}: Service {name} is not among the manifests", service.name);
            low.assume("canaryService", text);
            Service { name: name.to_owned(), ..service.clone() }
        }
    };
    let total = release::routing(subject)?.max_traffic_weight.unwrap_or(100).max(1) as u32;
    let canary = kind == Kind::IngressNginx;
    Some((vec![new], Split { weights: vec![total, 0], main: 0, canary }))
}

fn leads_by_action(ingress: &Ingress, service: &str) -> bool {
    let actions = ingress.backends.iter().filter_map(|(name, port)| {
        forward::is_action(port).then(|| ingress.annotations.get(&forward::key(name)))?
    });
    let mut forwards = actions.filter_map(|text| Forward::parse(text).ok());
    forwards.any(|f| f.groups.iter().any(|g| g.service.as_deref() == Some(service)))
}

/// Other Services on the path, and how all of them share the requests; None: there is one.
pub(crate) fn lower(
    low: &mut Lowering<'_>,
    kind: Kind,
    service: &Service,
    ingress: &Ingress,
) -> Option<(Vec<Service>, Split)> {
    let doc = document(low, ingress)?;
    let shares = match kind {
        Kind::Alb => actions(low, doc, service, ingress),
        Kind::IngressNginx => canary(low, doc),
        _ => return None,
    };
    if shares.len() < 2 {
        return None;
    }
    let canary = kind == Kind::IngressNginx;
    let own = shares.iter().position(|(name, _)| *name == service.name)?;
    let mut split = Split { weights: vec![shares[own].1], main: 0, canary };
    let mut others = Vec::new();
    for (i, (name, weight)) in shares.iter().enumerate().filter(|(i, _)| *i != own) {
        others.push(other(low, doc, name)?);
        split.weights.push(*weight);
        if i == 0 {
            split.main = split.weights.len() - 1;
        }
    }
    Some((others, split))
}

fn document<'b>(low: &Lowering<'b>, ingress: &Ingress) -> Option<&'b Document> {
    let this = |d: &&Document| {
        matches!(d.object, Object::Ingress(_)) && !d.update && d.name() == ingress.name
    };
    low.input.each_document().find(this)
}

/// A Service that an Ingress names.
fn other(low: &mut Lowering<'_>, by: &Document, name: &str) -> Option<Service> {
    let documents = &low.input.documents;
    let services = || {
        let here = |d: &&Document| d.service().is_some() && d.namespace() == by.namespace();
        documents.iter().map(|d| &**d).filter(here)
    };
    let Some(doc) = services().find(|d| d.name() == name) else {
        let names: Vec<&str> = services().map(Document::name).collect();
        let mut error = by
            .error("spec.rules", format!("Service {} is not among the manifests", quoted(name)))
            .allowed(names.join(", "));
        error.suggestion = did_you_mean(name, names).map(|n| format!("did you mean \"{n}\"?"));
        low.problems.push(error);
        return None;
    };
    let api = doc.service().expect("chosen among Services");
    Some(low.check(doc, |check| network::service(check, api)))
}

/// Services and weights of the first action that leads to the Service.
fn actions(
    low: &mut Lowering<'_>,
    doc: &Document,
    service: &Service,
    ingress: &Ingress,
) -> Vec<(String, u32)> {
    for (name, _) in ingress.backends.iter().filter(|(_, port)| forward::is_action(port)) {
        let key = forward::key(name);
        let path = format!("metadata.annotations[{key}]");
        let Some(text) = ingress.annotations.get(&key) else {
            let message = format!("a rule names the action {}, and there is none", quoted(name));
            low.problems.push(doc.error("metadata.annotations", message).allowed(key));
            continue;
        };
        let forward = match Forward::parse(text) {
            Ok(forward) => forward,
            Err(problem) => {
                let error = doc.error(&path, problem.message).found(problem.found);
                low.problems.push(error.allowed(problem.allowed).suggest(problem.suggestion));
                continue;
            }
        };
        if forward.sticky {
            low.not_modelled.push("stickiness of target groups (each request is drawn)".to_owned());
        }
        let mut shares = Vec::new();
        for group in forward.groups {
            match group.service.or_else(|| crate::input::lower::binding::service_of(low.input, &group.arn)) {
                Some(service) => shares.push((service, group.weight)),
                None => low.not_modelled.push(format!(
                    "target group {}, which no TargetGroupBinding among the manifests names: its share",
                    group.arn.as_deref().unwrap_or("without a name")
                )),
            }
        }
        if shares.iter().any(|(name, _)| *name == service.name) {
            return shares;
        }
    }
    Vec::new()
}

/// The main Service and its canary, if a second Ingress makes one.
fn canary(low: &mut Lowering<'_>, main: &Document) -> Vec<(String, u32)> {
    if is_canary(main) {
        let what = "a canary whose main Ingress is not among the manifests (it gets all requests)";
        low.not_modelled.push(what.to_owned());
        return Vec::new();
    }
    let Some((host_and_path, service)) = routes(main).into_iter().next() else { return Vec::new() };
    let documents = &low.input.documents;
    let canaries = documents.iter().map(|d| &**d).filter(|d| is_canary(d) && !d.update);
    let matching = canaries.filter_map(|d| {
        let route = routes(d).into_iter().find(|(place, _)| *place == host_and_path);
        route.map(|(_, service)| (d, service))
    });
    let matching: Vec<(&Document, String)> = matching.collect();
    let Some((doc, canary)) = matching.first() else { return Vec::new() };
    if matching.len() > 1 {
        low.not_modelled.push("a second canary of one rule (ingress-nginx takes one)".to_owned());
    }
    for by in CANARY_BY.iter().filter(|by| annotation(doc, &format!("{CANARY}{by}")).is_some()) {
        low.not_modelled.push(format!("canary{by} (no request carries what it asks for)"));
    }
    let total = number(low, doc, "-weight-total", TOTAL, 1..=1_000_000).max(TOTAL);
    let weight = number(low, doc, "-weight", 0, 0..=total);
    vec![(service, total - weight), (canary.clone(), weight)]
}

fn annotation<'a>(doc: &'a Document, key: &str) -> Option<&'a str> {
    let Object::Ingress(api) = &doc.object else { return None };
    api.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

fn is_canary(doc: &Document) -> bool {
    annotation(doc, CANARY) == Some("true")
}

/// A canary's number; those of one that is out of range or none at all are refused.
fn number(
    low: &mut Lowering<'_>,
    doc: &Document,
    key: &str,
    default: u32,
    range: std::ops::RangeInclusive<u32>,
) -> u32 {
    let key = format!("{CANARY}{key}");
    let Some(text) = annotation(doc, &key) else { return default };
    match text.trim().parse() {
        Ok(n) if range.contains(&n) => n,
        _ => {
            let (low_end, high) = (range.start(), range.end());
            let path = format!("metadata.annotations[{key}]");
            let error: Diagnostic = doc.error(&path, "value out of range").found(quoted(text));
            let error = error.allowed(format!("whole numbers from {low_end} to {high}"));
            low.problems.push(error.suggest(format!("{key}: \"10\"")));
            default
        }
    }
}

/// Host, path and Service of each rule.
fn routes(doc: &Document) -> Vec<((String, String), String)> {
    let Object::Ingress(api) = &doc.object else { return Vec::new() };
    let api: &ApiIngress = api;
    let mut routes = Vec::new();
    for rule in api.spec.iter().flat_map(|s| s.rules.iter().flatten()) {
        let host = rule.host.clone().unwrap_or_default();
        for path in rule.http.iter().flat_map(|h| &h.paths) {
            let place = (host.clone(), path.path.clone().unwrap_or_else(|| "/".to_owned()));
            let service = path.backend.service.as_ref().map(|s| s.name.clone());
            routes.extend(service.map(|service| (place, service)));
        }
    }
    routes
}

/// The Ingress that a canary is added to.
fn main_of<'b>(low: &Lowering<'b>, canary: &Document) -> Option<&'b Document> {
    if !is_canary(canary) {
        return None;
    }
    let places: Vec<(String, String)> = routes(canary).into_iter().map(|r| r.0).collect();
    let main = |d: &&Document| {
        !is_canary(d)
            && !d.update
            && d.namespace() == canary.namespace()
            && routes(d).iter().any(|(place, _)| places.contains(place))
    };
    low.input.each_document().find(main)
}
