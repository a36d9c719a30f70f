//! Which workloads call which, as documents: who is asked by clients, who by others, and that nobody asks
//! itself.

use crate::input::given::Input;
use crate::input::raw::manifest::Document;
use crate::input::select::selects;
use crate::input::text::diagnostics::{Diagnostic, did_you_mean};
use crate::input::text::tree::quoted;

/// A call as documents: indices into those of the input.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The workload that calls.
    pub from: usize,
    /// The Service that it calls.
    pub service: usize,
    /// The workloads that the Service selects.
    pub to: Vec<usize>,
}

/// All calls of the scenario, in the order given; none: workloads ask nothing of each other.
///
/// # Errors
/// The first that names somebody who is not there, or leads back to itself.
pub fn edges(input: &Input) -> Result<Vec<Edge>, Box<Diagnostic>> {
    let calls = input.case.calls.iter().enumerate();
    let edges: Vec<Edge> = calls
        .map(|(i, call)| {
            let from = workload(input, i, &call.from)?;
            let service = service(input, i, &call.to, input.documents[from].namespace())?;
            let to = selected(input, service);
            if to.is_empty() {
                let message = format!("Service {} selects no workload", quoted(&call.to));
                return Err(Box::new(error(input, &format!("calls[{i}].to"), message)));
            }
            Ok(Edge { from, service, to })
        })
        .collect::<Result<_, Box<Diagnostic>>>()?;
    for (i, edge) in edges.iter().enumerate() {
        if let Some(way) = back(&edges, edge) {
            let name = |d: &usize| input.documents[*d].name();
            let names: Vec<&str> = way.iter().map(name).collect();
            let mut error = error(input, &format!("calls[{i}].to"), "calls lead in a circle");
            error.found = Some(names.join(" calls "));
            error.allowed = Some("a Service that does not call back to its caller".to_owned());
            return Err(Box::new(error));
        }
    }
    Ok(edges)
}

/// Whom clients ask: the workload that the scenario's Service selects, else the only one that calls and is
/// called by nobody. `subject`: what is rolled out, which requests have to come to.
///
/// # Errors
/// Nothing says which of several, or no request comes to one that calls or is rolled out.
pub fn asked(input: &Input, subject: usize) -> Result<usize, Box<Diagnostic>> {
    let edges = edges(input)?;
    let Some(first) = edges.first() else { return Ok(subject) };
    let is_called = |d: usize| edges.iter().any(|edge| edge.to.contains(&d));
    let asked = match &input.case.service {
        Some(name) => {
            let all = 0..input.documents.len();
            let mut named = all.filter(|&i| is_service(&input.documents[i], name));
            let chosen = named.next().map_or(Vec::new(), |service| selected(input, service));
            let own = chosen.iter().copied().find(|&d| d == subject);
            // That there is none, or that it selects nothing, is said where the Service is chosen.
            let Some(found) = own.or(chosen.first().copied()) else { return Ok(subject) };
            found
        }
        None => {
            let mut outer: Vec<usize> = edges.iter().map(|edge| edge.from).collect();
            outer.retain(|&d| !is_called(d));
            outer.sort_unstable();
            outer.dedup();
            match outer[..] {
                [only] => only,
                _ => {
                    let name = |d: &usize| input.documents[*d].name();
                    let names: Vec<&str> = outer.iter().map(name).collect();
                    let message = "several workloads call others, and nobody calls them";
                    let error = error(input, "calls", message).found(names.join(", "));
                    let hint = "service = \"...\" names the Service that clients use";
                    return Err(Box::new(error.suggest(hint)));
                }
            }
        }
    };
    let reached = reached(&edges, asked);
    if is_called(asked) {
        let name = input.documents[asked].name();
        let message = format!("clients ask {name}, and so does another workload");
        let error = error(input, "calls", message).found(format!("{name} is asked by both"));
        let allowed = "a workload is asked by clients or by others: two counts of its requests";
        return Err(Box::new(error.allowed(allowed.to_owned())));
    }
    if let Some(i) = edges.iter().position(|edge| !reached.contains(&edge.from)) {
        let name = input.documents[edges[i].from].name();
        let message = format!("no request comes to {name}: nobody whom clients ask calls it");
        return Err(Box::new(error(input, &format!("calls[{i}].from"), message)));
    }
    if !reached.contains(&subject) {
        let (name, first) = (input.documents[subject].name(), input.documents[first.from].name());
        let message = format!("no request comes to {name}, which is rolled out");
        let error = error(input, "calls", message);
        let hint = format!("deployment = \"{first}\" names one that requests come to");
        return Err(Box::new(error.suggest(hint)));
    }
    Ok(asked)
}

/// The Service by which others ask the workload; None: nobody calls it.
pub fn own_service(input: &Input, workload: usize) -> Option<usize> {
    let edges = edges(input).ok()?;
    edges.iter().find(|edge| edge.to.contains(&workload)).map(|edge| edge.service)
}

/// All that requests to `from` come to.
fn reached(edges: &[Edge], from: usize) -> Vec<usize> {
    let mut all = vec![from];
    let mut next = 0;
    while next < all.len() {
        let calls = edges.iter().filter(|edge| edge.from == all[next]);
        let new: Vec<usize> = calls.flat_map(|edge| edge.to.iter().copied()).collect();
        for workload in new {
            if !all.contains(&workload) {
                all.push(workload);
            }
        }
        next += 1;
    }
    all
}

/// The way from the caller of an edge back to it, if there is one.
fn back(edges: &[Edge], edge: &Edge) -> Option<Vec<usize>> {
    let mut open: Vec<Vec<usize>> = edge.to.iter().map(|&to| vec![edge.from, to]).collect();
    let mut seen = vec![];
    while let Some(way) = open.pop() {
        let last = *way.last().expect("it has been begun");
        if last == edge.from {
            return Some(way);
        }
        if seen.contains(&last) {
            continue;
        }
        seen.push(last);
        let calls = edges.iter().filter(|e| e.from == last).flat_map(|e| e.to.iter());
        open.extend(calls.map(|&to| way.iter().copied().chain([to]).collect()));
    }
    None
}

fn workload(input: &Input, call: usize, name: &str) -> Result<usize, Box<Diagnostic>> {
    let is = |d: &Document| d.is_workload() && !d.update && d.name() == name;
    let found = input.documents.iter().position(|d| is(d));
    found.ok_or_else(|| {
        let names = input.deployment_names();
        let message = format!("there is no workload {}", quoted(name));
        let mut error = error(input, &format!("calls[{call}].from"), message);
        error.allowed = Some(names.join(", "));
        error.suggestion = did_you_mean(name, names.iter().map(String::as_str))
            .map(|n| format!("did you mean \"{n}\"?"));
        Box::new(error)
    })
}

fn service(
    input: &Input,
    call: usize,
    written: &str,
    namespace: &str,
) -> Result<usize, Box<Diagnostic>> {
    let (name, namespace) = written.split_once('.').unwrap_or((written, namespace));
    let is = |d: &Document| is_service(d, name) && d.namespace() == namespace;
    let found = input.documents.iter().position(|d| is(d));
    found.ok_or_else(|| {
        let services = input.documents.iter().filter(|d| d.service().is_some() && !d.update);
        let names: Vec<&str> = services.map(|d| d.name()).collect();
        let message = format!("there is no Service {} in namespace {namespace}", quoted(name));
        let mut error = error(input, &format!("calls[{call}].to"), message);
        error.allowed = Some(names.join(", "));
        error.suggestion =
            did_you_mean(name, names.iter().copied()).map(|n| format!("did you mean \"{n}\"?"));
        Box::new(error)
    })
}

fn is_service(doc: &Document, name: &str) -> bool {
    doc.service().is_some() && !doc.update && doc.name() == name
}

/// The workloads that a Service selects, as they are before the action.
fn selected(input: &Input, service: usize) -> Vec<usize> {
    let (documents, service) = (&input.documents, &input.documents[service]);
    let is = |d: &Document| d.is_workload() && !d.update && selects(service, d);
    (0..documents.len()).filter(|&i| is(&documents[i])).collect()
}

fn error(input: &Input, key: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(&input.case_file, message).at(input.case_root.line_of(key), key)
}
