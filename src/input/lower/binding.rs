//! TargetGroupBindings written by hand: a Service's pods become targets of a target group that was made
//! elsewhere, and whose health checks the manifests do not show.

use crate::cluster::spec::Service;
use crate::input::cards::Card;
use crate::input::given::Input;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::diagnostics::did_you_mean;
use crate::input::text::tree::{Value, quoted};
use crate::model::balancer::Kind;

const KIND: &str = "TargetGroupBinding";
const TYPES: [&str; 2] = ["instance", "ip"];
const PROTOCOLS: [&str; 6] = ["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP"];
/// Health checks that the API of Elastic Load Balancing gives a new target group (the Load Balancer
/// Controller asks for others): card entry, value.
const CHECKS: [(&str, f64); 4] = [
    ("check_interval", 30.0),
    ("check_timeout", 5.0),
    ("healthy_threshold", 5.0),
    ("unhealthy_threshold", 2.0),
];

/// The Service whose pods a binding registers with the target group `arn`.
pub(crate) fn service_of(input: &Input, arn: &Option<String>) -> Option<String> {
    let arn = arn.as_deref()?;
    let mut named = bindings(input).filter(|d| text(d, "targetGroupARN") == Some(arn));
    named.next().and_then(service).map(str::to_owned)
}

/// The binding of a Service.
pub(crate) fn of<'b>(input: &'b Input, wanted: &Service) -> Option<&'b Document> {
    let mut all = bindings(input);
    all.find(|d| d.namespace() == wanted.namespace && service(d) == Some(&wanted.name))
}

fn bindings(input: &Input) -> impl Iterator<Item = &Document> {
    let documents = input.each_document();
    documents.filter(|d| matches!(&d.object, Object::Other { kind } if kind == KIND) && !d.update)
}

fn text<'a>(doc: &'a Document, key: &str) -> Option<&'a str> {
    doc.root.get("spec")?.get(key)?.as_str()
}

fn service(doc: &Document) -> Option<&str> {
    doc.root.get("spec")?.get("serviceRef")?.get("name")?.as_str()
}

/// The kind of load balancer that the binding's target group belongs to.
pub(crate) fn kind(binding: &Document) -> Kind {
    match text(binding, "targetGroupProtocol") {
        Some("TCP" | "TLS" | "UDP" | "TCP_UDP") => Kind::Nlb,
        _ => Kind::Alb,
    }
}

/// Whether the pods are targets, or the nodes.
pub(crate) fn target_type(binding: &Document) -> Option<&str> {
    text(binding, "targetType")
}

/// Every binding says what it has to.
pub(crate) fn check(low: &mut Lowering<'_>) {
    let input = low.input;
    for doc in bindings(input) {
        let names: Vec<&str> =
            input.documents.iter().filter(|d| d.service().is_some()).map(|d| d.name()).collect();
        let mut problems = Vec::new();
        match service(doc) {
            None => problems.push(
                doc.error("spec.serviceRef.name", "a TargetGroupBinding names a Service")
                    .allowed(names.join(", ")),
            ),
            Some(name) if !names.contains(&name) => {
                let error =
                    doc.error("spec.serviceRef.name", "no such Service").found(quoted(name));
                let mut error = error.allowed(names.join(", "));
                error.suggestion =
                    did_you_mean(name, names.clone()).map(|n| format!("did you mean \"{n}\"?"));
                problems.push(error);
            }
            Some(_) => {}
        }
        if text(doc, "targetGroupARN").or(text(doc, "targetGroupName")).is_none() {
            problems.push(
                doc.error("spec", "a TargetGroupBinding names a target group")
                    .allowed("targetGroupARN or targetGroupName"),
            );
        }
        for (key, words) in [("targetType", &TYPES[..]), ("targetGroupProtocol", &PROTOCOLS[..])] {
            let Some(word) = text(doc, key).filter(|w| !words.contains(w)) else { continue };
            let error = doc.error(&format!("spec.{key}"), "unknown word").found(quoted(word));
            let mut error = error.allowed(words.join(", "));
            error.suggestion =
                did_you_mean(word, words.iter().copied()).map(|w| format!("did you mean \"{w}\"?"));
            problems.push(error);
        }
        problems.into_iter().for_each(|p| low.problems.push(p));
    }
}

/// The health checks of a target group that was made elsewhere.
pub(crate) fn assume_checks(low: &mut Lowering<'_>, binding: &Document, card: &mut Card) {
    let name = binding.name();
    let set = |key: &str| low.input.balancer_settings.iter().any(|(_, keys, _)| keys[0] == key);
    let unset: Vec<(&str, f64)> = CHECKS.into_iter().filter(|(key, _)| !set(key)).collect();
    for (key, value) in unset {
        if card.set(key, &[], Value::Float(value)).is_ok() {
            let text = format!("{value}, as the API gives it to the target group of {KIND} {name}");
            low.assume(&format!("balancer.{key}"), text);
        }
    }
}

/// The kind is read.
pub(crate) fn is_read(kind: &str) -> bool {
    kind == KIND
}
