//! How the Services, or subsets of the pods of one, that a rule names share the requests.

use super::rules::subsets;
use super::{is_host, read_by};
use crate::cluster::spec::Service;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::network;
use crate::input::raw::manifest::Document;
use crate::input::text::tree::{Node, quoted};
use crate::model::balancer::Kind;
use crate::model::balancer::services::Split;

/// All Services on the path and how they share the requests: with those that an Ingress or a release names,
/// else as a route has it.
pub(in crate::input::lower) fn together(
    low: &mut Lowering<'_>,
    kind: Kind,
    service: &Service,
    beside: Option<(Vec<Service>, Split)>,
) -> (Vec<Service>, Option<Split>) {
    let routed = beside.is_none();
    if let Some((all, split)) = routed.then(|| shares(low, kind, service)).flatten() {
        return (all, Some(split));
    }
    let (others, split) = beside.map_or((Vec::new(), None), |(o, split)| (o, Some(split)));
    (std::iter::once(service.clone()).chain(others).collect(), split)
}

/// All that the route shares the requests among; None: it is the only one.
fn shares(low: &mut Lowering<'_>, kind: Kind, service: &Service) -> Option<(Vec<Service>, Split)> {
    let input = low.input;
    let found = read_by(input, kind, service);
    let route = found.route.as_ref()?;
    let subsets = route.shares.iter().any(|share| share.subset.is_some());
    if route.shares.len() < 2 && !subsets {
        return None;
    }
    let mut services = Vec::new();
    let mut weights = Vec::new();
    for share in &route.shares {
        let whole = match is_host(&share.service, route.doc, service) {
            true => service.clone(),
            false => other(low, route.doc, &share.service)?,
        };
        services.push(match &share.subset {
            None => whole,
            Some(subset) => of_subset(low, &found.rules, whole, route.doc, subset)?,
        });
        weights.push(share.weight);
    }
    Some((services, Split { weights, main: 0, canary: false }))
}

/// A Service that a route names.
fn other(low: &mut Lowering<'_>, by: &Document, host: &str) -> Option<Service> {
    let name = host.split('.').next().unwrap_or(host);
    let input = low.input;
    let documents = input.each_document();
    let mut services = documents.filter(|d| d.service().is_some() && !d.update);
    let Some(doc) = services.find(|d| d.name() == name) else {
        let message = format!("Service {} is not among the manifests", quoted(name));
        low.problems.push(by.error("spec", message));
        return None;
    };
    let api = doc.service().expect("chosen among Services");
    Some(low.check(doc, |check| network::service(check, api)))
}

/// The pods of a Service that have a subset's labels besides.
fn of_subset(
    low: &mut Lowering<'_>,
    rules: &[&Document],
    whole: Service,
    by: &Document,
    subset: &str,
) -> Option<Service> {
    let named = |s: &&Node| s.get("name").and_then(Node::as_str) == Some(subset);
    let Some(found) = subsets(rules).find(named) else {
        let names = subsets(rules).filter_map(|s| s.get("name").and_then(Node::as_str));
        let message =
            format!("no DestinationRule of {} has the subset {}", whole.name, quoted(subset));
        let error = by.error("spec.http", message).allowed(names.collect::<Vec<_>>().join(", "));
        low.problems.push(error);
        return None;
    };
    let mut made = Service { name: format!("{}/{subset}", whole.name), ..whole };
    for label in found.get("labels").map_or(&[][..], Node::entries) {
        let value = label.node.as_str().unwrap_or("").to_owned();
        made.selector.insert(label.key.clone(), value);
    }
    Some(made)
}
