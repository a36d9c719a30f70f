//! The DestinationRules that Istio's proxies have for a Service.
//!
//! Source: istio/istio, `pilot/pkg/model`, `push_context.go: destinationRule` (the caller's namespace, the
//! Service's, the root's), `config.go: ResolveShortnameToFQDN, MostSpecificHostMatch`, `destination_rule.go:
//! mergeDestinationRule`.

use super::{is_host, others};
use crate::cluster::spec::Service;
use crate::input::given::Input;
use crate::input::raw::manifest::Document;
use crate::input::text::tree::Node;

/// Where what is said holds for the whole mesh.
const ROOT: &str = "istio-system";

/// Those of the most specific host, in the namespace of the Service (where its callers are taken to be), else
/// of the whole mesh; and why others that name the Service do not count.
pub(super) fn of<'a>(input: &'a Input, service: &Service) -> (Vec<&'a Document>, Vec<String>) {
    let all = || others(input).filter(|d| d.kind() == "DestinationRule");
    let within = |namespace: &str| {
        let here = |d: &&Document| d.namespace() == namespace && why_not(d, service).is_none();
        let fits = all().filter(here).filter_map(|d| Some((specific(d, service)?, d)));
        let fits: Vec<(usize, &Document)> = fits.collect();
        let best = fits.iter().map(|(how, _)| *how).max();
        fits.into_iter().filter(|(how, _)| Some(*how) == best).map(|(_, d)| d).collect()
    };
    let mut found: Vec<&Document> = within(&service.namespace);
    if found.is_empty() {
        found = within(ROOT);
    }
    let mine = |d: &&Document| {
        is_host(host(d), d, service) && !found.iter().any(|known| std::ptr::eq(*known, *d))
    };
    let unread = all().filter(mine).map(|d| {
        let why = why_not(d, service).unwrap_or_else(|| match specific(d, service) {
            None => format!("its host {} is not the full name of the Service", host(d)),
            Some(_) => format!("it is in the namespace {}, for callers there", d.namespace()),
        });
        format!("DestinationRule {} ({why})", d.name())
    });
    let unread = unread.collect();
    (found, unread)
}

fn host(doc: &Document) -> &str {
    doc.root.get("spec").and_then(|s| s.get("host")).and_then(Node::as_str).unwrap_or("")
}

/// How much of the Service's full name the host has; None: it is another's. A host without a dot is completed
/// by the namespace of the object, any other is taken as it is.
fn specific(doc: &Document, service: &Service) -> Option<usize> {
    let full = |name: &str, namespace: &str| format!("{name}.{namespace}.svc.cluster.local");
    let wanted = full(&service.name, &service.namespace);
    let host = host(doc);
    if let Some(rest) = host.strip_prefix('*') {
        return wanted.ends_with(rest).then_some(host.len());
    }
    let written = match host.contains('.') {
        true => host.to_owned(),
        false => full(host, doc.namespace()),
    };
    let domain = wanted.len() - "cluster.local".len();
    written.starts_with(&wanted[..domain]).then_some(usize::MAX)
}

/// Why it does not hold for callers in the Service's namespace.
fn why_not(doc: &Document, service: &Service) -> Option<String> {
    let spec = doc.root.get("spec")?;
    if spec.get("workloadSelector").is_some() {
        return Some("workloadSelector: some callers alone".to_owned());
    }
    let listed = spec.get("exportTo").map_or(&[][..], Node::items);
    let reaches = |to: &Node| match to.as_str() {
        Some(".") => doc.namespace() == service.namespace,
        Some("*") => true,
        name => name == Some(service.namespace.as_str()),
    };
    let exported = listed.is_empty() || listed.iter().any(reaches);
    (!exported).then(|| format!("exportTo: not for callers in {}", service.namespace))
}

/// What the first of them that says anything has as its `trafficPolicy`.
pub(in crate::input::lower) fn policy<'a>(
    rules: &[&'a Document],
) -> Option<(&'a Document, &'a Node)> {
    let of = |doc: &&'a Document| Some((*doc, doc.root.get("spec")?.get("trafficPolicy")?));
    rules.iter().find_map(of)
}

/// The subsets of all of them.
pub(in crate::input::lower) fn subsets<'a>(
    rules: &[&'a Document],
) -> impl Iterator<Item = &'a Node> {
    let of = |doc: &&'a Document| {
        let subsets = doc.root.get("spec").and_then(|spec| spec.get("subsets"));
        subsets.map_or(&[][..], Node::items)
    };
    let all: Vec<&'a Node> = rules.iter().flat_map(of).collect();
    all.into_iter()
}
