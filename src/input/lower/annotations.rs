//! Annotations and labels that controllers read: misspelt ones are errors, those that would change the
//! answer and do not are named, and so are those that nobody knows.

use crate::input::known::{self, Fate, Section};
use crate::input::lower::ingress_class;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::diagnostics::{Diagnostic, did_you_mean, misspelt};
use crate::input::text::tree::{Node, quoted};
use std::collections::BTreeSet;

/// An annotation or label: where it stands, and what it says.
struct Mark<'a> {
    doc: &'a Document,
    path: String,
    key: &'a str,
    value: &'a str,
}

/// Looks through the marks of all objects that the run is about.
pub(super) fn check(low: &mut Lowering<'_>, about: &[&Document], nodes: bool) {
    let is_pod = |d: &&&Document| d.is_workload();
    let of_pods: Vec<Mark<'_>> = about.iter().filter(is_pod).flat_map(|d| marks(d)).collect();
    let others = about.iter().filter(|d| !is_pod(d)).flat_map(|d| marks(d));
    let refused = refused(&of_pods);
    let others: Vec<Mark<'_>> = others.collect();
    for mark in of_pods.iter().chain(&others) {
        let Some((prefix, section)) = known::annotation(mark.key) else { continue };
        let read = low.path_kind.is_some_and(|kind| section.paths.contains(&kind));
        if !(section.paths.is_empty() || read) {
            continue;
        }
        let name = &mark.key[prefix.len()..];
        match section.fate(name) {
            Some(Fate::Modelled) if name.ends_with("attributes") => attributes(low, mark),
            Some(Fate::NotModelled(rule)) => {
                let effect = rule.effect.as_str();
                let matters = rule.matters(nodes) && rule.applies_to(mark.value);
                if matters && !refused.contains(effect) && !stands_there(about, effect) {
                    low.note(format!("{} ({effect})", mark.key));
                }
            }
            Some(_) => {}
            None => unknown(low, mark, prefix, section),
        }
    }
    of_classes(low, about);
}

/// Annotations and labels of an object; those of a Deployment that count are its pods'.
fn marks<'a>(doc: &'a Document) -> Vec<Mark<'a>> {
    let (owner, path) = match &doc.object {
        Object::Deployment(_) => {
            (doc.root.get("spec").and_then(|s| s.get("template")), "spec.template.metadata")
        }
        _ => (Some(&doc.root), "metadata"),
    };
    let mut marks = Vec::new();
    for list in ["annotations", "labels"] {
        let map = owner.and_then(|o| o.get("metadata")).and_then(|m| m.get(list));
        for entry in map.map_or(&[][..], Node::entries) {
            let path = format!("{path}.{list}[{}]", entry.key);
            let value = entry.node.as_str().unwrap_or("");
            marks.push(Mark { doc, path, key: &entry.key, value });
        }
    }
    marks
}

/// Effects that pods refuse: a mark of their own says no, whatever their namespace says.
fn refused<'a>(of_pods: &[Mark<'a>]) -> BTreeSet<&'static str> {
    let refusing = of_pods.iter().filter_map(|mark| {
        let (prefix, section) = known::annotation(mark.key)?;
        match section.fate(&mark.key[prefix.len()..])? {
            Fate::NotModelled(rule) if !rule.applies_to(mark.value) => Some(rule.effect.as_str()),
            _ => None,
        }
    });
    refusing.collect()
}

/// A proxy that would be injected, by which the effect begins, is among the containers already.
fn stands_there(about: &[&Document], effect: &str) -> bool {
    let proxy = effect.split(' ').next().unwrap_or("");
    let pods = about.iter().filter_map(|d| d.pod_spec());
    let mut containers =
        pods.flat_map(|p| p.containers.iter().chain(p.init_containers.iter().flatten()));
    containers.any(|c| c.name == proxy)
}

/// A name under a known prefix that nobody knows.
fn unknown(low: &mut Lowering<'_>, mark: &Mark<'_>, prefix: &str, section: &Section) {
    let name = &mark.key[prefix.len()..];
    let names = |wanted: fn(&Fate) -> bool| {
        let all = section.all().filter(move |(name, fate)| !name.ends_with('*') && wanted(fate));
        all.map(|(name, _)| name)
    };
    if let Some(close) = misspelt(name, names(|fate| *fate == Fate::Modelled)) {
        let error = mark.doc.error(&mark.path, "unknown annotation").found(quoted(mark.key));
        return low.problems.push(error.suggest(format!("did you mean \"{prefix}{close}\"?")));
    }
    let hint = did_you_mean(name, names(|_| true));
    let hint = hint.map_or(String::new(), |close| format!(" (did you mean {prefix}{close}?)"));
    low.note(format!("unknown annotation {}{hint}", mark.key));
}

/// `name=value,name=value`, each with a known name.
fn attributes(low: &mut Lowering<'_>, mark: &Mark<'_>) {
    for pair in mark.value.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            let error: Diagnostic = mark.doc.error(&mark.path, "an attribute without a value");
            let error = error.found(quoted(pair)).allowed("name=value,name=value");
            low.problems.push(error.suggest(format!("{pair}=...")));
            continue;
        };
        attribute(low, mark, name.trim(), value.trim());
    }
}

/// One attribute of a target group or load balancer.
fn attribute(low: &mut Lowering<'_>, mark: &Mark<'_>, name: &str, value: &str) {
    let known = known::attributes();
    match known.fate(name) {
        Some(Fate::NotModelled(rule)) if rule.applies_to(value) => {
            low.note(format!("attribute {name} ({})", rule.effect));
        }
        Some(_) => {}
        None => {
            let modelled = known.all().filter(|(_, fate)| **fate == Fate::Modelled);
            match misspelt(name, modelled.map(|(name, _)| name)) {
                Some(close) => {
                    let error = mark.doc.error(&mark.path, "unknown attribute");
                    let error = error.found(quoted(name));
                    low.problems.push(error.suggest(format!("did you mean \"{close}\"?")));
                }
                None => low.note(format!("unknown attribute {name} of {}", mark.key)),
            }
        }
    }
}

/// Attributes that an IngressClassParams gives to load balancers.
fn of_classes(low: &mut Lowering<'_>, about: &[&Document]) {
    for doc in about.iter().filter(|d| d.kind() == ingress_class::PARAMETERS) {
        let spec = doc.root.get("spec");
        let listed = spec.and_then(|s| s.get("loadBalancerAttributes"));
        let path = "spec.loadBalancerAttributes".to_owned();
        let mark = Mark { doc, path, key: "IngressClassParams", value: "" };
        for item in listed.map_or(&[][..], Node::items) {
            let text = |key: &str| item.get(key).and_then(Node::as_str);
            if let (Some(name), Some(value)) = (text("key"), text("value")) {
                attribute(low, &mark, name, value);
            }
        }
    }
}
