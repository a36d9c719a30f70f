//! Revisions of a Knative Service: each is a Deployment of its own. A changed Service makes a further one,
//! and once that is ready the route leads to it; what it led to before is left to its own autoscaler.

use crate::cluster::spec::Service;
use crate::cluster::workload::Workload;
use crate::input::cards;
use crate::input::lower::autoscalers::knative;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::knative::{LABEL, NAMED, REVISION, STAYS};
use crate::input::raw::manifest::Document;
use crate::scenario::{Action, ActionKind};
use std::sync::Arc;

/// Whether it is of a Knative Service.
pub(crate) fn is_one(workload: &Workload) -> bool {
    workload.template.labels.contains_key(LABEL)
}

/// The name of the revision of this number, counted from 1.
fn name_of(doc: &Document, number: u32) -> String {
    annotation(doc, NAMED).map_or_else(|| format!("{}-{number:05}", doc.name()), str::to_owned)
}

fn annotation<'a>(doc: &'a Document, key: &str) -> Option<&'a str> {
    doc.root.get("metadata")?.get("annotations")?.get(key)?.as_str()
}

/// What a change of the Service does; `number`: of the revision that comes of it. None: nothing for requests,
/// for the route stays where it is.
pub(crate) fn rolled(
    low: &mut Lowering<'_>,
    doc: &Document,
    mut revision: Workload,
    number: u32,
) -> Option<ActionKind> {
    if annotation(doc, STAYS).is_some() {
        let text = "spec.traffic sends the new revision no requests: those that get them stay";
        low.assume("knative.route", text);
        return None;
    }
    let mut name = name_of(doc, number);
    if *name == *revision.name {
        name = format!("{name}-{number:05}");
    }
    revision.replicas = revision.replicas.max(knative::least(low.input, &revision));
    label(&mut revision, &name);
    let switch_after = cards::kubernetes().route_programmed;
    let text = format!(
        "revision {name} begins at the scale of {}, and {} s after it is ready the route leads to it",
        revision.replicas,
        switch_after.as_secs_f64()
    );
    low.assume("knative.route", text);
    revision.name = name.into();
    Some(ActionKind::SelectorSwitch {
        deployment: Box::new(revision),
        wait_available: true,
        switch_after,
        scale_down_after: None,
    })
}

/// The revision that is there is the first, and the route leads to it.
pub(crate) fn settle(workloads: &mut [Workload], services: &mut [Service], actions: &[Action]) {
    let Some(subject) = workloads.first_mut().filter(|w| is_one(w)) else { return };
    let rolls = |a: &Action| matches!(&a.kind, ActionKind::SelectorSwitch { deployment, .. } if is_one(deployment));
    if !actions.iter().any(rolls) {
        return;
    }
    let name = format!("{}-{:05}", subject.name, 1);
    label(subject, &name);
    if let Some(service) = services.first_mut() {
        service.selector.insert(REVISION.to_owned(), name);
    }
}

fn label(workload: &mut Workload, name: &str) {
    let template = Arc::make_mut(&mut workload.template);
    template.labels.insert(REVISION.to_owned(), name.to_owned());
}
