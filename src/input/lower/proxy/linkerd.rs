//! What annotations of a Service, and a route whose parent it is, say to Linkerd's proxies that call it:
//! failure accrual, retries, time-outs.
//!
//! Source: Linkerd documentation, circuit breaking, retries and timeouts (what a route says of either takes
//! the place of all that the Service says of it; an annotation goes before the field).

use super::routes;
use super::told::{Told, seconds};
use crate::cluster::spec::Service;
use crate::input::given::Input;
use crate::input::lower::routes::Route;
use crate::input::text::tree::Node;
use std::collections::BTreeMap;

/// Linkerd's units of time.
const UNITS: [(&str, f64); 5] =
    [("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];
const ACCRUAL: &str = "balancer.linkerd.io/failure-accrual";
const RETRY: &str = "retry.linkerd.io/http";

/// What is made of an annotation.
enum Read {
    Count(&'static str),
    /// As many tries more.
    Time(&'static str),
}

const ANNOTATIONS: [(&str, Read); 5] = [
    ("balancer.linkerd.io/failure-accrual-consecutive-max-failures", Read::Count("outlier_5xx")),
    (
        "balancer.linkerd.io/failure-accrual-consecutive-min-penalty",
        Read::Time("outlier_base_ejection"),
    ),
    (
        "balancer.linkerd.io/failure-accrual-consecutive-max-penalty",
        Read::Time("outlier_max_ejection"),
    ),
    ("retry.linkerd.io/timeout", Read::Time("per_try_timeout")),
    ("timeout.linkerd.io/request", Read::Time("route_timeout")),
];

/// Of what a route speaks in the place of its Service.
const OVERRIDDEN: [&str; 2] = ["retry.linkerd.io/", "timeout.linkerd.io/"];

/// What the Service's annotations say, and those of the route.
fn annotations(service: &Service, route: Option<&Route<'_>>) -> BTreeMap<String, String> {
    let mut all = service.annotations.clone();
    let Some(route) = route else { return all };
    let own = route.doc.root.get("metadata").and_then(|m| m.get("annotations"));
    let own = own.map_or(&[][..], Node::entries);
    for prefix in OVERRIDDEN {
        let by_field = prefix == OVERRIDDEN[1] && route.rule.get("timeouts").is_some();
        if by_field || own.iter().any(|e| e.key.starts_with(prefix)) {
            all.retain(|key, _| !key.starts_with(prefix));
        }
        for entry in own.iter().filter(|e| e.key.starts_with(prefix)) {
            all.insert(entry.key.clone(), entry.node.as_str().unwrap_or("").to_owned());
        }
    }
    all
}

/// What is said of the Service.
pub(super) fn read<'a>(input: &'a Input, service: &Service, route: Option<&Route<'a>>) -> Told<'a> {
    let mut told = Told::new(route.map_or(&input.case_file, |route| &route.doc.file));
    if let Some(route) = route {
        routes::timeouts(route.rule, &mut told);
    }
    let annotations = annotations(service, route);
    let says = |key: &str| annotations.get(key).map(|text| text.trim());
    match says(ACCRUAL) {
        Some("consecutive") => told.word("outlier_detection", "true", 0),
        Some(other) => told.leave_out(format!("{ACCRUAL}: {other}")),
        None => {}
    }
    for (key, read) in &ANNOTATIONS {
        let Some(text) = says(key) else { continue };
        let (entry, value) = match read {
            Read::Count(entry) => (entry, text.parse::<u32>().ok().map(f64::from)),
            Read::Time(entry) => (entry, seconds(text, &UNITS, f64::NAN)),
        };
        match value.filter(|value| value.is_finite()) {
            Some(value) => told.number(entry, value, 0),
            None => {
                let allowed = match read {
                    Read::Count(_) => "a whole number",
                    Read::Time(_) => "a number with ms, s, m, h or d",
                };
                let error = told.fail(0, key, "this cannot be read");
                error.found = Some(text.to_owned());
                error.allowed = Some(allowed.to_owned());
            }
        }
    }
    if let Some(codes) = says(RETRY) {
        retries(&mut told, codes, says("retry.linkerd.io/limit"));
    }
    told
}

/// `5xx`, `gateway-error`, or statuses; once more unless a limit says another number.
fn retries(told: &mut Told<'_>, codes: &str, limit: Option<&str>) {
    let words = || codes.split(',').map(str::trim).filter(|w| !w.is_empty());
    let listed: Vec<&str> = words().filter(|w| w.bytes().all(|b| b.is_ascii_digit())).collect();
    let named: Vec<&str> = words().filter(|w| !listed.contains(w)).collect();
    let mut on = vec!["connect-failure"];
    on.extend(named);
    if !listed.is_empty() {
        told.word("retriable_status_codes", &listed.join(","), 0);
        on.push("retriable-status-codes");
    }
    told.word("retry_on", &on.join(","), 0);
    let more = limit.and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
    told.number("num_retries", f64::from(more), 0);
}
