//! Which Deployment is under test, what updates it, and which Service its clients use.

use crate::cluster::spec::Labels;
use crate::cluster::workload::Workload;
use crate::input::calls;
use crate::input::given::Input;
use crate::input::lower::release;
use crate::input::ports;
use crate::input::raw::manifest::{Document, Object};
use crate::input::select::{selector, selects, show_labels};
use crate::input::text::diagnostics::{Diagnostic, did_you_mean};
use crate::scenario::Action;

/// What is under test: indices into the input's documents.
pub struct Subject {
    /// The one that is under test.
    pub deployment: usize,
    /// The new manifest of the same Deployment.
    pub update: Option<usize>,
    /// Whose pods clients ask: the same, unless it is called by others.
    pub asked: usize,
    /// The Service by which they ask; None: none among the manifests.
    pub service: Option<usize>,
    /// The Service by which the one under test is asked.
    pub own: Option<usize>,
    /// Workloads call each other.
    pub calls: bool,
    /// Why none does, where there are some that select no pods at all.
    pub dangling: Option<String>,
}

impl Subject {
    /// The workloads that clients ask, and the actions that bring others of them. `behind`: so many beside
    /// the subject; `on_path`: all that get requests, which these are unless workloads call each other.
    pub fn asked_of<'a>(
        &self,
        workloads: &'a mut [Workload],
        actions: &'a mut [Action],
        (behind, on_path): (usize, usize),
    ) -> (&'a mut [Workload], &'a mut [Action]) {
        match (self.asked == self.deployment, self.calls) {
            (true, false) => (&mut workloads[..on_path], actions),
            (true, true) => (&mut workloads[..=behind], actions),
            (false, _) => (&mut workloads[1..=behind], &mut []),
        }
    }
}

/// Which documents a run is about: the Deployment, its update, its Service.
pub fn choose(input: &Input) -> Result<Subject, Box<Diagnostic>> {
    let deployment = deployment(input)?;
    let subject = &input.documents[deployment];
    let update =
        input.documents.iter().position(|d| d.update && d.is_workload() && same_name(d, subject));
    let asked = calls::asked(input, deployment)?;
    let service = service(input, &input.documents[asked])?;
    let own = if asked == deployment { service } else { calls::own_service(input, deployment) };
    let dangling = if service.is_none() { dangling(input, subject) } else { None };
    let calls = !input.case.calls.is_empty();
    Ok(Subject { deployment, update, asked, service, own, calls, dangling })
}

fn same_name(a: &Document, b: &Document) -> bool {
    a.name() == b.name() && a.namespace() == b.namespace() && a.kind() == b.kind()
}

fn deployment(input: &Input) -> Result<usize, Box<Diagnostic>> {
    let present = input.workloads();
    if let Some(asked) = input.workload {
        return Ok(asked);
    }
    if let Some(name) = &input.case.deployment {
        let is = |i: &usize| {
            let d = &input.documents[*i];
            d.name() == name && d.is_workload() && !d.update
        };
        let mut all = 0..input.documents.len();
        let found = present.iter().copied().find(is).or_else(|| all.find(is));
        return found.ok_or_else(|| Box::new(no_such(input, name)));
    }
    match present[..] {
        [] => {
            let message = "there is an update, but no Deployment that it updates";
            let mut updates = input.documents.iter().filter(|d| d.update);
            let update = updates.find(|d| d.is_workload());
            Err(Box::new(match update {
                Some(update) => update.error("metadata.name", message),
                None => Diagnostic::error(&input.case_file, message),
            }))
        }
        [only] => Ok(only),
        _ => by_service(input, &present),
    }
}

fn no_such(input: &Input, name: &str) -> Diagnostic {
    let names = input.deployment_names();
    let line = input.case_root.line_of("deployment");
    let mut error = Diagnostic::error(
        &input.case_file,
        format!("there is no {} \"{name}\"", input.kind_name()),
    )
    .at(line, "deployment")
    .allowed(names.join(", "));
    error.suggestion = did_you_mean(name, names.iter().map(String::as_str))
        .map(|n| format!("did you mean \"{n}\"?"));
    error
}

/// The only Deployment that a Service selects, or that the scenario's Service selects.
fn by_service(input: &Input, present: &[usize]) -> Result<usize, Box<Diagnostic>> {
    let selected = |i: &usize| {
        let deployment = &input.documents[*i];
        input.documents.iter().any(|s| {
            let named = input.case.service.as_ref().is_none_or(|name| s.name() == name);
            named && selects(s, deployment)
        })
    };
    let selected: Vec<usize> = present.iter().copied().filter(selected).collect();
    if let [only] = selected[..] {
        return Ok(only);
    }
    let names: Vec<&str> = present.iter().map(|&i| input.documents[i].name()).collect();
    let error =
        Diagnostic::error("", format!("several {}s: which one is rolled out?", input.kind_name()))
            .found(names.join(", "))
            .suggest(format!(
                "choose one with --workload {}, or in the scenario: deployment = \"{}\"",
                names[0], names[0]
            ));
    Err(Box::new(error))
}

fn service(input: &Input, subject: &Document) -> Result<Option<usize>, Box<Diagnostic>> {
    let all = (0..input.documents.len())
        .filter(|&i| input.documents[i].service().is_some() && !input.documents[i].update);
    let fitting: Vec<usize> =
        all.clone().filter(|&i| selects(&input.documents[i], subject)).collect();
    if let Some(name) = &input.case.service {
        let named = all.clone().find(|&i| input.documents[i].name() == name);
        let Some(named) = named else {
            let error =
                Diagnostic::error(&input.case_file, format!("there is no Service \"{name}\""))
                    .at(input.case_root.line_of("service"), "service");
            return Err(Box::new(error));
        };
        if !fitting.contains(&named) {
            return Err(Box::new(selects_nothing(&input.documents[named], subject)));
        }
        return Ok(Some(named));
    }
    // Of a Rollout: the Service of the stable pods. Without a router all pods share the requests.
    if let Some((stable, new)) = release::services(subject) {
        let called = |name: Option<&str>, i: &usize| Some(input.documents[*i].name()) == name;
        let routed = release::routing(subject).is_some();
        let rest = || fitting.iter().find(|i| !called(stable, i) && !called(new, i));
        let stable = fitting.iter().find(|i| called(stable, i));
        let by_pods = release::is_canary(subject) && !routed;
        let found = if by_pods { rest().or(stable) } else { stable };
        if let Some(&found) = found {
            return Ok(Some(found));
        }
    }
    let ingress = |i: &&usize| named_by_ingress(input, input.documents[**i].name());
    let routed = |i: &&usize| !headless(&input.documents[**i]);
    let serving = |i: &&usize| routed(i) && ports::serves(input, &input.documents[**i]);
    Ok(fitting
        .iter()
        .find(ingress)
        .or_else(|| fitting.iter().find(serving))
        .or_else(|| fitting.iter().find(routed))
        .or_else(|| fitting.first())
        .copied())
}

fn headless(service: &Document) -> bool {
    let spec = service.service().and_then(|s| s.spec.as_ref());
    spec.and_then(|s| s.cluster_ip.as_deref()) == Some("None")
}

fn named_by_ingress(input: &Input, service: &str) -> bool {
    input.documents.iter().any(|d| match &d.object {
        Object::Ingress(ingress) => {
            let rules = ingress.spec.iter().flat_map(|s| s.rules.iter().flatten());
            let mut backends = rules.flat_map(|r| r.http.iter().flat_map(|h| &h.paths));
            backends.any(|p| p.backend.service.as_ref().is_some_and(|s| s.name == service))
        }
        _ => false,
    })
}

/// A Service that selects no pods of the input, and how it differs from those of `subject`.
fn dangling(input: &Input, subject: &Document) -> Option<String> {
    let selects_none = |d: &&Document| {
        !d.update && selector(d).is_some() && !input.documents.iter().any(|w| selects(d, w))
    };
    let service = input.each_document().find(selects_none)?;
    let name = service.name();
    Some(format!("Service {name} selects none of these pods: {}", difference(service, subject)))
}

/// Why a Service does not select the pods of `subject`.
pub fn difference(service: &Document, subject: &Document) -> String {
    let (here, there) = (service.namespace(), subject.namespace());
    if here != there {
        return format!("the Service is in namespace {here}, the {} in {there}", subject.kind());
    }
    let labels = subject.pod_labels();
    let differs = |(k, v): &(&String, &String)| labels.get(k.as_str()) != Some(&v.as_str());
    match selector(service).and_then(|s| s.iter().find(differs)) {
        Some((k, v)) => match labels.get(k.as_str()) {
            Some(other) => format!("the pods have {k}={other}, the Service asks for {k}={v}"),
            None => format!("the pods have no label {k}, the Service asks for {k}={v}"),
        },
        None => "it has no selector".to_owned(),
    }
}

/// An error for a Service that the scenario names.
fn selects_nothing(service: &Document, subject: &Document) -> Diagnostic {
    let labels: Labels =
        subject.pod_labels().into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let mut error = service.error("spec.selector", "the Service selects no pods");
    error.found = Some(show_labels(selector(service).unwrap_or(&Labels::new())));
    error.allowed = Some(format!(
        "labels of {} {}'s pods: {}",
        subject.kind(),
        subject.name(),
        show_labels(&labels)
    ));
    error.suggestion = Some(difference(service, subject));
    error
}

/// Whether a pod of this Deployment has the named port a Service sends to.
pub fn has_port(document: &Document, name: &str) -> bool {
    let spec = document.pod_spec();
    let containers =
        spec.iter().flat_map(|s| s.containers.iter().chain(s.init_containers.iter().flatten()));
    containers.flat_map(|c| c.ports.iter().flatten()).any(|p| p.name.as_deref() == Some(name))
}
