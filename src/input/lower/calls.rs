//! What workloads ask of each other: the Services that are called, and how.

use crate::cluster::objects::ServiceId;
use crate::cluster::spec::{Service, ServiceKind, TargetPort};
use crate::cluster::workload::Workload;
use crate::engine::{Dur, List};
use crate::input::calls::{self, Edge};
use crate::input::lower::apps::{self, Versions};
use crate::input::lower::flagger;
use crate::input::lower::lowering::{Lowering, lean};
use crate::input::lower::network;
use crate::input::lower::plans::Ports;
use crate::input::lower::{path, routes, sidecar, traffic};
use crate::input::ports;
use crate::input::raw::calls::{CallCase, CallFailureWord, OnFailureCase};
use crate::input::raw::case::ActionCase;
use crate::input::raw::manifest::Object;
use crate::input::subject::Subject;
use crate::input::text::checks;
use crate::input::text::tree::quoted;
use crate::scenario::{Action, Caller, Calls, Path, Route};
use crate::timeline::{Asking, CallBudget, CallId, CallRetryOn, Keeping};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The client card with the numbers of calls.
pub const CARD: &str = "service-call";
/// Most calls that one request makes of one workload, and most tries of one.
const MOST: u32 = 20;

/// All Services of the scenario.
type Services = List<ServiceId, Arc<Service>>;
/// A route of calls, and the workload that it is of alone.
type Way = (Route, Option<usize>);

impl Lowering<'_> {
    /// The Services that are called, and how the processes of all workloads behave; `service` is that of the
    /// clients.
    pub(super) fn called(
        &mut self,
        subject: &Subject,
        service: &Service,
    ) -> (Vec<Service>, Versions) {
        (services(self, subject), self.apps(subject, service))
    }

    fn apps(&mut self, subject: &Subject, service: &Service) -> Versions {
        let input = self.input;
        let name = |document: usize| input.documents[document].name().to_owned();
        let clients = service.ports.first().map(|p| p.target_port.clone());
        let target = |service: usize| ports::target_port(input, &input.documents[service]);
        let own = match subject.asked == subject.deployment {
            true => clients.clone(),
            false => subject.own.and_then(target),
        };
        let edges = calls::edges(input).unwrap_or_default();
        let called = edges.iter().flat_map(|edge| edge.to.iter().map(|to| (*to, edge.service)));
        let mut others: BTreeMap<String, TargetPort> = called
            .filter_map(|(workload, service)| Some((name(workload), target(service)?)))
            .collect();
        if let Some(port) = clients.filter(|_| !edges.is_empty()) {
            others.insert(name(subject.asked), port);
        }
        let ports = Ports { subject: (name(subject.deployment), own), others };
        apps::versions(input, &ports, &mut self.problems, &mut self.assumptions)
    }
}

/// The Services that are called, each once, with the documents that they are of.
fn services(low: &mut Lowering<'_>, subject: &Subject) -> Vec<Service> {
    // An error of it was found when the subject was chosen.
    let edges = calls::edges(low.input).unwrap_or_default();
    if !edges.is_empty() {
        refuse(low, subject, &edges);
    }
    let mut documents: Vec<usize> = Vec::new();
    for edge in &edges {
        if !documents.contains(&edge.service) {
            documents.push(edge.service);
        }
    }
    let input = low.input;
    let read = |low: &mut Lowering<'_>, document: usize| {
        let doc = &input.documents[document];
        let api = doc.service()?;
        let mut service = low.check(doc, |check| network::service(check, api));
        let main = ports::main_port(input, doc);
        if main < service.ports.len() {
            service.ports.swap(0, main);
        }
        Some(service)
    };
    documents.into_iter().filter_map(|document| read(low, document)).collect()
}

/// What calls cannot be together with.
fn refuse(low: &mut Lowering<'_>, subject: &Subject, edges: &[Edge]) {
    let input = low.input;
    if input.every_service {
        let error = low.fail("calls", "maintenance asks each Service by itself");
        error.suggestion = Some("leave [[calls]] out, or ask with rollsim run".to_owned());
    }
    for (i, edge) in edges.iter().enumerate() {
        let key = format!("calls[{i}].to");
        for &workload in &edge.to {
            let doc = &input.documents[workload];
            let released =
                matches!(&doc.object, Object::Rollout(_)) || flagger::path(input, doc).is_some();
            if released {
                let message = "a release in steps behind a call is not simulated";
                low.fail(&key, message).found = Some(format!("{} {}", doc.kind(), doc.name()));
            }
        }
    }
    for (i, edge) in edges.iter().enumerate() {
        let doc = &input.documents[edge.from];
        if flagger::path(input, doc).is_some() {
            let key = format!("calls[{i}].from");
            low.fail(&key, "calls of what Flagger releases are not simulated").found =
                Some(format!("{} {}", doc.kind(), doc.name()));
        }
    }
    let case = &input.case;
    let mut actions = case.action.iter().chain(&case.actions);
    let switches = actions.any(|a| matches!(a, ActionCase::SelectorSwitch { .. }));
    if switches && subject.asked != subject.deployment {
        let error = low.fail("calls", "the switch of a Service that is called is not simulated");
        error.allowed = Some("a switch of the Service that clients ask".to_owned());
    }
}

/// Routes to the Services that are called, and the calls; the templates are told which of them they make.
pub(super) fn lower(
    low: &mut Lowering<'_>,
    called: Vec<Service>,
    services: &mut Services,
    workloads: &mut [Workload],
    actions: &mut [Action],
) -> (Vec<Route>, Vec<Calls>) {
    for service in called {
        if service.kind == ServiceKind::Headless {
            low.fail("calls", "calls of a headless Service are not simulated").found =
                Some(format!("Service {}", service.name));
        }
        services.push(Arc::new(service));
    }
    let mut routes: Vec<Way> = Vec::new();
    let input = low.input;
    let edges = calls::edges(input).unwrap_or_default();
    let mut all = Vec::new();
    for (i, (edge, case)) in edges.iter().zip(&input.case.calls).enumerate() {
        let from = &input.documents[edge.from];
        let Some(route) = route(low, edge, (services, &mut routes), workloads) else { continue };
        let kept = kept(low, &format!("calls[{i}].client"), edge, case);
        let how = Asking { kept, ..asking(low, &format!("calls[{i}]"), case) };
        let id = CallId(all.len() as u16);
        let to = routes[route].0.to[0];
        // The first of all routes is the clients'.
        all.push(Calls { from: from.name().to_owned(), to, route: route + 1, how });
        let times = times(low, &format!("calls[{i}].times"), case.times);
        let brought = actions.iter_mut().filter_map(|a| a.kind.brings_mut());
        for workload in workloads.iter_mut().chain(brought) {
            if *workload.name == *from.name() && workload.namespace == from.namespace() {
                let template = Arc::make_mut(&mut workload.template);
                let serving = usize::from(template.serving);
                let mut all = template.init_containers.iter_mut().chain(&mut template.containers);
                // That a pod has no container is an error of its own.
                let Some(serving) = all.nth(serving) else { continue };
                serving.app.calls.extend((0..times).map(|_| id));
            }
        }
    }
    too_many(low, &all, workloads);
    (routes.into_iter().map(|(route, _)| route).collect(), all)
}

/// The route by which a call goes, among those so far: by the proxies beside its callers where a mesh has put
/// some, which are theirs alone, else by kube-proxy.
fn route(
    low: &mut Lowering<'_>,
    edge: &Edge,
    (services, routes): (&Services, &mut Vec<Way>),
    workloads: &[Workload],
) -> Option<usize> {
    let input = low.input;
    let (doc, from) = (&input.documents[edge.service], &input.documents[edge.from]);
    let is = |s: &Service| s.name == doc.name() && s.namespace == doc.namespace();
    let (id, service) = services.pairs().find(|(_, service)| is(service))?;
    let mesh = sidecar::mesh(input, from);
    let owner = mesh.map(|_| edge.from);
    if let Some(known) = routes.iter().position(|(r, of)| r.to == [id] && *of == owner) {
        return Some(known);
    }
    let path = match mesh {
        None => Path::Service,
        Some(mesh) => {
            if input.case.proxy.is_some() {
                low.fail("proxy", "calls by the proxies of a mesh have their own");
            }
            let route = routes::read_by(input, mesh.kind(), service).route;
            let shares = route.is_some_and(|route| route.is_shared());
            routes::say(low, mesh.kind(), service);
            if shares {
                low.note(format!("shares of a route to Service {}, which is called", service.name));
            }
            let caller = workloads.iter().find(|w| *w.name == *from.name());
            let callers = caller.map_or(1, |w| w.replicas);
            let to = &input.documents[*edge.to.first()?];
            path::of_calls(low, mesh.kind(), (to, service), callers)?
        }
    };
    if service.client_ip_affinity && mesh.is_none() {
        let text = "callers of a Service with sessionAffinity ClientIP are taken to be many";
        low.note(format!("{text} ({})", service.name));
    }
    let (split, ingress, in_front) = (None, None, None);
    let route = Route { from: Caller::Pods, to: vec![id], split, ingress, in_front, path };
    routes.push((route, owner));
    Some(routes.len() - 1)
}

/// Every step of a request has a number.
fn too_many(low: &mut Lowering<'_>, all: &[Calls], workloads: &[Workload]) {
    const STEPS: usize = 200;
    if all.is_empty() {
        return;
    }
    let steps = |w: &&Workload| w.template.serving_container().app.calls.len();
    let served = workloads.iter().filter(|w| !w.template.containers.is_empty());
    if let Some(workload) = served.max_by_key(steps).filter(|w| steps(w) > STEPS) {
        let error = low.fail("calls", "too many calls for one request");
        error.found = Some(format!("{}: {}", workload.name, steps(&workload)));
        error.allowed = Some(format!("at most {STEPS}"));
    }
}

fn times(low: &mut Lowering<'_>, key: &str, given: Option<u32>) -> u32 {
    low.within(key, f64::from(given.unwrap_or(1)), (1.0, f64::from(MOST))) as u32
}

/// The connections that the callers' library keeps. Those that go through a proxy of their own keep none to
/// pods: it does.
fn kept(low: &mut Lowering<'_>, key: &str, edge: &Edge, case: &CallCase) -> Option<Keeping> {
    let name = case.client.as_ref()?;
    if sidecar::mesh(low.input, &low.input.documents[edge.from]).is_some() {
        let error = low.fail(key, "given and not used");
        error.suggestion = Some(
            "leave it out: the proxy beside the caller keeps connections of its own".to_owned(),
        );
        return None;
    }
    traffic::kept(low, key, name)
}

/// How a call is made: the scenario's words over the card's.
fn asking(low: &mut Lowering<'_>, key: &str, case: &CallCase) -> Asking {
    let share = low.within(&format!("{key}.share"), case.share.unwrap_or(1.0), (0.0, 1.0));
    let timeout = number(low, &format!("{key}.timeout_s"), "call_timeout", case.timeout_s);
    if timeout <= 0.0 {
        let error = low.fail(&format!("{key}.timeout_s"), "value out of range");
        error.found = Some(checks::number(timeout));
        error.allowed = Some("seconds, more than 0".to_owned());
    }
    let retries = f64::from(case.retries.unwrap_or(0));
    let retries = low.within(&format!("{key}.retries"), retries, (0.0, f64::from(MOST))) as u32;
    idle(low, key, case);
    let words = case.retry_on.as_deref();
    let has = |word| words.is_none_or(|words| words.contains(&word));
    let (mut first, mut factor) = (0.0, 1.0);
    if retries > 0 {
        let key = format!("{key}.back_off_s");
        first = number(low, &key, "retry_back_off", case.back_off_s);
        factor = number(low, &key, "retry_back_off_factor", None);
    }
    let budget = share_of_tries(low, &format!("{key}.retry_budget"), case.retry_budget);
    Asking {
        share,
        timeout: Dur::from_secs_f64(timeout),
        retries,
        on: CallRetryOn {
            connect: has(CallFailureWord::Connect),
            reset: has(CallFailureWord::Reset),
            status: has(CallFailureWord::Status),
            timeout: has(CallFailureWord::Timeout),
        },
        back_off: (Dur::from_secs_f64(first), Dur::from_secs_f64(first * factor)),
        budget,
        otherwise: otherwise(low, &format!("{key}.on_failure"), case.on_failure.as_ref()),
        kept: None,
    }
}

/// Keys that count with further tries alone.
fn idle(low: &mut Lowering<'_>, key: &str, case: &CallCase) {
    let given = [
        ("retry_on", case.retry_on.is_some()),
        ("back_off_s", case.back_off_s.is_some()),
        ("retry_budget", case.retry_budget.is_some()),
    ];
    for (name, _) in given.into_iter().filter(|(_, given)| *given && case.retries.is_none()) {
        let error = low.fail(&format!("{key}.{name}"), "given and not used");
        error.suggestion = Some(format!("it counts with {key}.retries"));
    }
}

fn share_of_tries(low: &mut Lowering<'_>, key: &str, given: Option<f64>) -> Option<CallBudget> {
    let share = low.within(key, given?, (0.0, 1.0));
    Some(CallBudget { share, most: number(low, key, "retry_budget_kept", None) })
}

/// A number of the scenario, else of the card.
fn number(low: &mut Lowering<'_>, key: &str, of_card: &str, given: Option<f64>) -> f64 {
    if given.is_some() {
        return low.seconds(key, given, 0.0);
    }
    let known = low.input.clients.iter().find(|(known, _)| known == CARD);
    let card = known.expect("refresh loads the card of calls").1.clone();
    if let Some(entry) = card.entry(of_card).filter(|entry| entry.assumed) {
        lean(&mut low.assumptions, &format!("calls.{of_card}"), &card.name, entry);
    }
    card.number(of_card).unwrap_or(0.0)
}

fn otherwise(low: &mut Lowering<'_>, key: &str, given: Option<&OnFailureCase>) -> Option<u16> {
    const USUAL: u16 = 503;
    let found = match given {
        None => return Some(USUAL),
        Some(OnFailureCase::Status(status)) if (400..600).contains(status) => {
            return Some(*status);
        }
        Some(OnFailureCase::Word(word)) if word == "ignore" => return None,
        Some(OnFailureCase::Status(status)) => status.to_string(),
        Some(OnFailureCase::Word(word)) => quoted(word),
    };
    let error = low.fail(key, "neither an error status nor a known word");
    error.found = Some(found);
    error.allowed = Some("400 to 599, or \"ignore\"".to_owned());
    Some(USUAL)
}
