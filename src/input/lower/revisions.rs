//! Revisions of a Knative Service: each is a Deployment of its own. A changed Service makes a further one,
//! and once that is ready the route leads to it, as far as `spec.traffic` says; what it led to before is left
//! to its own autoscaler.

mod route;

use crate::cluster::spec::Service;
use crate::cluster::workload::Workload;
use crate::engine::Dur;
use crate::input::cards;
use crate::input::given::Input;
use crate::input::lower::autoscalers::knative;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::knative::{LABEL, REVISION};
use crate::input::raw::manifest::Document;
use crate::input::text::diagnostics::Diagnostic;
use crate::model::balancer::Kind;
use crate::model::balancer::services::Split;
use crate::scenario::{Action, ActionKind};
use route::Plan;
use std::sync::Arc;

/// Whether it is of a Knative Service.
pub(crate) fn is_one(workload: &Workload) -> bool {
    workload.template.labels.contains_key(LABEL)
}

fn annotation<'a>(doc: &'a Document, key: &str) -> Option<&'a str> {
    doc.root.get("metadata")?.get("annotations")?.get(key)?.as_str()
}

/// Knative makes no revision of a Service whose template is as it was.
fn is_same_template(input: &Input, doc: &Document, update: &Document) -> bool {
    let template = |doc: &Document| doc.workload().and_then(|held| held.template.cloned());
    let settings = |doc: &Document| knative::settings(input, doc);
    template(doc) == template(update) && settings(doc) == settings(update)
}

/// What becomes of the revisions of the Knative Service that a document was made of; None: it is of none.
fn plan_of(input: &Input, doc: &Document) -> Option<Result<Plan, Box<Diagnostic>>> {
    doc.pod_labels().contains_key(LABEL).then(|| {
        let same = |d: &&Document| {
            d.update
                && d.is_workload()
                && (d.name(), d.namespace()) == (doc.name(), doc.namespace())
        };
        route::plan(input, doc, input.each_document().find(same))
    })
}

/// The same, where its route shares requests.
fn split_of(input: &Input, doc: &Document) -> Option<Plan> {
    plan_of(input, doc)?.ok().filter(Plan::is_split)
}

/// The Service of the revision that is given, where each has one of its own.
pub(crate) fn own_service(input: &Input, doc: &Document, service: &Service) -> Option<Service> {
    split_of(input, doc).map(|plan| of_revision(service, &plan.first))
}

fn of_revision(service: &Service, name: &str) -> Service {
    let mut service = Service { name: name.to_owned(), ..service.clone() };
    service.selector.insert(REVISION.to_owned(), name.to_owned());
    service
}

/// The Services of the other revisions, and how the route shares the requests; `own`: of the first.
pub(crate) fn shared(
    low: &mut Lowering<'_>,
    kind: Kind,
    doc: &Document,
    own: &Service,
) -> Option<(Vec<Service>, Split)> {
    let plan = match plan_of(low.input, doc)? {
        Ok(plan) => plan,
        Err(problem) => {
            low.problems.push(*problem);
            return None;
        }
    };
    if !plan.is_split() {
        return None;
    }
    if kind != Kind::Service {
        let error = low.fail("traffic.path", "a Knative Service's route shares the requests");
        error.allowed = Some("service".to_owned());
        return None;
    }
    let others = plan.before.iter().chain(&plan.next);
    let others = others.map(|name| of_revision(own, name)).collect();
    Some((others, Split { weights: plan.weights, main: 0, canary: false }))
}

impl Lowering<'_> {
    /// Revisions that get requests before the change, and are not given: like the one that is. How many.
    pub(super) fn revisions_before(
        &mut self,
        doc: &Document,
        workloads: &mut Vec<Workload>,
    ) -> usize {
        let Some(plan) = split_of(self.input, doc) else { return 0 };
        label(&mut workloads[0], &plan.first);
        if plan.taken {
            let text = format!("{}, which spec.traffic names, is that of the template", plan.first);
            self.assume("knative.revision", text);
        }
        for (i, name) in plan.before.iter().enumerate() {
            let mut other = Workload { name: name.as_str().into(), ..workloads[0].clone() };
            label(&mut other, name);
            Arc::make_mut(&mut other.template).version.clone_from(name);
            let text = format!("{name} is not among the manifests: as the template that is given");
            self.assume("knative.revision", text);
            workloads.insert(1 + i, other);
        }
        plan.before.len()
    }
}

/// What a change of the Service does; `number`: of the revision that comes of it. None: nothing for requests,
/// for the route stays where it is.
pub(crate) fn rolled(
    low: &mut Lowering<'_>,
    doc: &Document,
    mut revision: Workload,
    number: u32,
) -> Option<ActionKind> {
    let plan = plan_of(low.input, doc)?.ok()?;
    let split = plan.is_split();
    if split && number > 2 {
        let error =
            low.fail("actions", "a route that shares requests among revisions changes once");
        error.suggestion = Some("one rollout, and shift-weight for what comes after".to_owned());
        return None;
    }
    if plan.of_next() == 0 {
        let text = match &plan.next {
            Some(_) => "spec.traffic sends the new revision no requests: those that get them stay",
            None => "the template is as it was: no revision comes of it",
        };
        low.assume("knative.route", text);
        let moves = split && plan.last() != &*plan.weights;
        return moves.then(|| ActionKind::ShiftWeight { weights: plan.last().to_vec() });
    }
    let mut name = plan.next.clone().expect("it gets requests");
    if number > 2 {
        name = format!("{}-{number:05}", doc.name());
    }
    revision.replicas = revision.replicas.max(knative::least(low.input, &revision));
    label(&mut revision, &name);
    let switch_after = cards::kubernetes().route_programmed;
    let text = format!(
        "revision {name} begins at the scale of {}, and {} s after it is ready the route leads {}to it",
        revision.replicas,
        switch_after.as_secs_f64(),
        share(&plan, split)
    );
    low.assume("knative.route", text);
    revision.name = name.into();
    Some(ActionKind::SelectorSwitch {
        deployment: Box::new(revision),
        wait_available: true,
        switch_after,
        scale_down_after: None,
        shifts: if split { plan.shifts } else { Vec::new() },
    })
}

/// How much of the requests the route leads to the next revision, in words.
fn share(plan: &Plan, split: bool) -> String {
    let all = plan.of_next();
    let percent = if split { format!("{all} % of the requests ") } else { String::new() };
    let Some(lasts) = plan.lasts.filter(|_| split) else { return percent };
    let size = plan.shifts.get(1).map_or(0, |s| s.weights.last().copied().unwrap_or(0) - 1);
    let every = plan.shifts.last().map_or(Dur::ZERO, |s| s.after).as_secs_f64();
    let lasts = lasts.as_secs_f64();
    format!(
        "1 %, then {size} % more every {every:.1} s, up to {all} % ({lasts} s in all), of the requests "
    )
}

/// The revision that is there is the first, and the route leads to it.
pub(crate) fn settle(workloads: &mut [Workload], services: &mut [Service], actions: &[Action]) {
    let Some(subject) = workloads.first_mut().filter(|w| is_one(w)) else { return };
    let rolls = |a: &Action| matches!(&a.kind, ActionKind::SelectorSwitch { deployment, .. } if is_one(deployment));
    let split = subject.template.labels.contains_key(REVISION);
    if split || !actions.iter().any(rolls) {
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
