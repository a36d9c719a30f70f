//! Requests as traces: the client's wait, and within it each try by whoever tried. A failed request is a
//! trace with an error.

use super::Clock;
use crate::observe::{Log, Request, Try};
use serde_json::{Value, json};

/// Most requests that are written: what tools take, and people look at.
const MOST: usize = 20_000;

/// Requests that are written: those that failed, and as many others as there is room for, evenly.
fn chosen(log: &Log) -> Vec<&Request> {
    let all: Vec<&Request> = log.requests().collect();
    let failed = all.iter().filter(|r| r.failure.is_some()).count().min(MOST);
    let others = (all.len() - failed).max(1);
    let step = others.div_ceil((MOST - failed).max(1)).max(1);
    let (mut ok, mut bad) = (0, 0);
    let keep = |request: &&Request| {
        let count = if request.failure.is_some() { &mut bad } else { &mut ok };
        *count += 1;
        match request.failure.is_some() {
            true => *count <= MOST,
            false => (*count - 1) % step == 0,
        }
    };
    all.into_iter().filter(keep).collect()
}

/// A span, as both formats need it.
struct Span {
    id: u64,
    parent: Option<u64>,
    service: String,
    name: &'static str,
    from_s: f64,
    to_s: f64,
    failure: Option<String>,
    tags: Vec<(&'static str, String)>,
}

/// The spans of a request, the client's first.
fn spans(log: &Log, request: &Request) -> Vec<Span> {
    let id = (request.n + 1) << 8;
    let status = request.status.map(|code| ("http.response.status_code", code.to_string()));
    let cause = request.cause.clone().map(|cause| ("rollsim.cause", cause));
    let setting = request.setting.clone().map(|setting| ("rollsim.setting", setting));
    let mut all = vec![Span {
        id,
        parent: None,
        service: "client".to_owned(),
        name: "GET",
        from_s: request.sent_s,
        to_s: request.sent_s + request.latency_s,
        failure: request.failure.clone(),
        tags: [status, cause, setting].into_iter().flatten().collect(),
    }];
    for (i, t) in (1..).zip(&request.tries) {
        all.push(attempt(log, t, id + i, id));
    }
    all
}

fn attempt(log: &Log, t: &Try, id: u64, parent: u64) -> Span {
    let through = t.through.clone().map(|through| ("rollsim.instance", through));
    let pod = t.pod.clone().map(|pod| ("k8s.pod.name", pod));
    let by = Some(("rollsim.by", t.by.clone()));
    Span {
        id,
        parent: Some(parent),
        service: match &t.pod {
            Some(_) => log.header.service.clone(),
            None => "nobody".to_owned(),
        },
        name: if t.pod.is_some() { "GET /" } else { "no endpoint" },
        from_s: t.began_s,
        to_s: t.ended_s,
        failure: t.failure.clone(),
        tags: [by, through, pod].into_iter().flatten().collect(),
    }
}

/// As OTLP has it in JSON (`ExportTraceServiceRequest`).
pub fn otlp(log: &Log, clock: Clock) -> String {
    let mut by_service: std::collections::BTreeMap<String, Vec<Value>> = Default::default();
    for request in chosen(log) {
        for span in spans(log, request) {
            let attribute = |(key, value): &(&str, String)| json!({ "key": key, "value": { "stringValue": value } });
            let mut value = json!({
                "traceId": format!("{:032x}", request.n + 1),
                "spanId": format!("{:016x}", span.id),
                "name": span.name,
                "kind": if span.parent.is_none() { 3 } else { 2 },
                "startTimeUnixNano": clock.nanoseconds(span.from_s).to_string(),
                "endTimeUnixNano": clock.nanoseconds(span.to_s).to_string(),
                "attributes": span.tags.iter().map(attribute).collect::<Vec<_>>(),
                "status": match &span.failure {
                    Some(failure) => json!({ "code": 2, "message": failure }),
                    None => json!({}),
                },
            });
            if let Some(parent) = span.parent {
                value["parentSpanId"] = format!("{parent:016x}").into();
            }
            by_service.entry(span.service).or_default().push(value);
        }
    }
    let scope = json!({ "name": "rollsim", "version": log.header.rollsim });
    let resources = by_service.into_iter().map(|(service, spans)| {
        json!({
            "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": service } }] },
            "scopeSpans": [{ "scope": scope, "spans": spans }],
        })
    });
    format!("{}\n", json!({ "resourceSpans": resources.collect::<Vec<_>>() }))
}

/// As the Jaeger UI takes it by "Upload".
pub fn jaeger(log: &Log, clock: Clock) -> String {
    let trace = |request: &Request| {
        let id = format!("{:032x}", request.n + 1);
        let all = spans(log, request);
        let mut services: Vec<&str> = all.iter().map(|span| span.service.as_str()).collect();
        services.sort_unstable();
        services.dedup();
        let process = |service: &str| {
            let place = services.iter().position(|s| *s == service).unwrap_or(0);
            format!("p{}", place + 1)
        };
        let span = |span: &Span| {
            let tag = |key: &str, kind: &str, value: Value| json!({ "key": key, "type": kind, "value": value });
            let mut tags: Vec<Value> = span
                .tags
                .iter()
                .map(|(key, value)| tag(key, "string", value.as_str().into()))
                .collect();
            if let Some(failure) = &span.failure {
                tags.push(tag("error", "bool", true.into()));
                tags.push(tag("error.type", "string", failure.as_str().into()));
            }
            let parent = span.parent.map(|parent| {
                json!({ "refType": "CHILD_OF", "traceID": id, "spanID": format!("{parent:016x}") })
            });
            json!({
                "traceID": id,
                "spanID": format!("{:016x}", span.id),
                "operationName": span.name,
                "references": parent.into_iter().collect::<Vec<_>>(),
                "startTime": clock.nanoseconds(span.from_s) / 1000,
                "duration": libm::round((span.to_s - span.from_s) * 1e6) as i64,
                "tags": tags,
                "logs": [],
                "processID": process(&span.service),
            })
        };
        let processes: serde_json::Map<String, Value> = services
            .iter()
            .map(|service| (process(service), json!({ "serviceName": service, "tags": [] })))
            .collect();
        let all: Vec<Value> = all.iter().map(span).collect();
        json!({ "traceID": id, "spans": all, "processes": processes })
    };
    let traces: Vec<Value> = chosen(log).into_iter().map(trace).collect();
    format!("{}\n", json!({ "data": traces }))
}
