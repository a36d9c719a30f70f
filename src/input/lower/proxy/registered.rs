//! What manifests say beside a Service of a cloud's load balancer that pods are registered with: objects that
//! name the Service or are named by it, and the readiness probe, which its health checks follow.

use super::envoy::{Read, fields};
use super::told::Told;
use crate::cluster::spec::Service;
use crate::input::given::Input;
use crate::input::lower::routes;
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::tree::{Node, Value};
use crate::input::text::yaml;
use crate::model::balancer::registered::{Beside, Field, MAKERS, Maker, ProbeField};

/// The kind is read.
pub(crate) fn is_read(kind: &str) -> bool {
    MAKERS.iter().any(|maker| maker.beside.iter().any(|beside| beside.kind == kind))
}

/// What is said of the Service's targets; the last word counts.
pub(super) fn read<'a>(
    input: &'a Input,
    maker: &Maker,
    subject: &'a Document,
    service: &Service,
) -> Vec<Told<'a>> {
    let mut all = vec![probe(maker, subject)];
    for beside in maker.beside {
        match named(input, beside, service) {
            Named::By(doc) => all.push(object(beside, doc)),
            Named::Missing(name) => {
                let mut told = Told::new(&input.case_file);
                let kind = beside.kind;
                told.leave_out(format!("{kind} {name}, which Service {} names", service.name));
                all.push(told);
            }
            Named::None => {}
        }
    }
    let mut told = Told::new(&input.case_file);
    for unlike in maker.unlike {
        let text = service.annotations.get(unlike.annotation);
        if text.is_some_and(|text| text.replace(' ', "").contains(unlike.says)) {
            told.leave_out(format!("{} asks for {}", unlike.annotation, unlike.what));
        }
    }
    all.push(told);
    if let Some(route) = routes::read_by(input, maker.kind, service).route {
        let mut told = Told::new(&route.doc.file);
        for key in ["timeouts", "retry"] {
            if route.rule.get(key).is_some() {
                told.leave_out(format!("{} rules.{key}", route.doc.kind()));
            }
        }
        all.push(told);
    }
    all
}

/// The object that is meant.
enum Named<'a> {
    None,
    By(&'a Document),
    /// The Service names it, and it is not among the manifests.
    Missing(String),
}

fn named<'a>(input: &'a Input, beside: &Beside, service: &Service) -> Named<'a> {
    let is = |d: &&Document| {
        let other = matches!(&d.object, Object::Other { kind } if kind == beside.kind);
        other && !d.update && d.namespace() == service.namespace
    };
    let mut all = input.each_document().filter(is);
    let Some(annotation) = beside.named_by else {
        let found = all.find(|d| refers_to(d, &service.name));
        return found.map_or(Named::None, Named::By);
    };
    let text = service.annotations.get(annotation);
    let Some(name) = text.and_then(|text| named_in(text)) else { return Named::None };
    all.find(|d| d.name() == name).map_or(Named::Missing(name), Named::By)
}

/// Whether `spec.targetRef`, or one of several, is the Service.
fn refers_to(doc: &Document, service: &str) -> bool {
    let Some(spec) = doc.root.get("spec") else { return false };
    let several = spec.get("targetRefs").map_or(&[][..], Node::items).iter();
    let mut all = spec.get("targetRef").into_iter().chain(several);
    all.any(|to| {
        let text = |key: &str| to.get(key).and_then(Node::as_str);
        text("kind") == Some("Service") && text("name") == Some(service)
    })
}

/// The name in `{"default": "name"}` or `{"ports": {"80": "name"}}`.
fn named_in(text: &str) -> Option<String> {
    let documents = yaml::parse(text).ok()?;
    let root = documents.first()?;
    let of_port = root.get("ports").and_then(|ports| ports.entries().first().map(|e| &e.node));
    of_port.or(root.get("default"))?.as_str().map(str::to_owned)
}

fn object<'a>(beside: &Beside, doc: &'a Document) -> Told<'a> {
    let mut told = Told::new(&doc.file);
    for (path, known) in beside.parts {
        let node = path.split('.').try_fold(&doc.root, |node, key| node.get(key));
        let Some(node) = node else { continue };
        let known: Vec<(&str, Read)> = known
            .iter()
            .map(|&(key, field)| {
                let read = match field {
                    Field::Number(entry) => Read::Count(entry),
                    Field::Time(entry) => Read::Long(entry),
                    Field::Known => Read::Known,
                };
                (key, read)
            })
            .collect();
        fields(node, &format!("{} {path}", beside.kind), &mut told, &known);
    }
    told
}

/// Health checks follow the first readiness probe that asks by HTTP.
fn probe<'a>(maker: &Maker, subject: &'a Document) -> Told<'a> {
    let mut told = Told::new(&subject.file);
    let containers = subject.pod_spec().map_or(&[][..], |spec| &spec.containers);
    let mut probes = containers.iter().filter_map(|c| c.readiness_probe.as_ref());
    let Some(probe) = probes.find(|probe| probe.http_get.is_some()) else { return told };
    for &(field, entry) in maker.probe {
        let value = match field {
            ProbeField::Period => probe.period_seconds.unwrap_or(10),
            ProbeField::Timeout => probe.timeout_seconds.unwrap_or(1),
            ProbeField::Failures => probe.failure_threshold.unwrap_or(3),
        };
        told.set(entry, Value::Float(f64::from(value)), 0);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::named_in;

    #[test]
    fn a_backend_config_is_named_by_port_or_for_all() {
        assert_eq!(named_in("{\"default\": \"all\"}").as_deref(), Some("all"));
        assert_eq!(named_in("{\"ports\": {\"80\": \"web\"}}").as_deref(), Some("web"));
        assert_eq!(named_in("nonsense"), None);
    }
}
