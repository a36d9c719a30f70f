//! Which figure of the requests a query asks for, as far as its words say.

use crate::cluster::release::{Figure, Side};
use crate::input::friendly::seconds;
use crate::input::lower::check::Check;
use crate::input::raw::analysis::{AnalysisCase, MeasuredCase};
use crate::input::text::diagnostics::Diagnostic;
use crate::timeline::Buckets;

/// Where nothing says which quantile is meant.
const USUAL_QUANTILE: f64 = 0.99;

/// What a scenario says that a metric is; `query`: what it asks.
pub fn figure(given: &AnalysisCase, query: &str) -> Option<Figure> {
    if let Some(passes) = given.passes {
        return Some(Figure::Outcome(passes));
    }
    let quantile = given.quantile.or_else(|| asked_quantile(query)).unwrap_or(USUAL_QUANTILE);
    let measures = given.measures.or(given.quantile.map(|_| MeasuredCase::LatencyQuantile));
    Some(match measures? {
        MeasuredCase::SuccessRate => Figure::SuccessRate,
        MeasuredCase::ErrorRate => Figure::ErrorRate,
        MeasuredCase::Rate => Figure::Rate,
        MeasuredCase::Errors => Figure::Errors,
        MeasuredCase::MeanLatency => Figure::MeanLatency,
        MeasuredCase::LatencyQuantile => Figure::LatencyQuantile(quantile, buckets(query)),
    })
}

/// A quantile lies between 0 and 1, and is one of times of answers.
pub fn check_quantile(check: &mut Check<'_>, key: &str, given: &AnalysisCase) {
    let Some(q) = given.quantile else { return };
    let path = format!("{key}.quantile");
    let (message, found, allowed) = match given.measures {
        _ if !(q > 0.0 && q < 1.0) => ("value out of range", q.to_string(), "above 0 and below 1"),
        None | Some(MeasuredCase::LatencyQuantile) => return,
        Some(other) => {
            let found = format!("measures = {other:?}");
            ("a quantile is one of the times of answers", found, "measures = \"latency-quantile\"")
        }
    };
    let line = check.input.case_root.line_of(&path);
    let problem = Diagnostic::error(&check.input.case_file, message).at(line, path);
    check.problems.push(problem.found(found).allowed(allowed));
}

/// Of which a query of `histogram_quantile` asks.
fn asked_quantile(query: &str) -> Option<f64> {
    let (_, rest) = query.split_once("histogram_quantile(")?;
    let q: f64 = rest.split(',').next()?.trim().parse().ok()?;
    (q > 0.0 && q < 1.0).then_some(q)
}

/// Whose histogram a query names.
fn buckets(query: &str) -> Buckets {
    let has = |words: &[&str]| words.iter().any(|word| query.contains(word));
    match () {
        () if has(&["istio_request_duration", "envoy_"]) => Buckets::Envoy,
        () if has(&["nginx_ingress_controller_"]) => Buckets::Prometheus,
        () => Buckets::Fine,
    }
}

/// What a time in seconds is multiplied by to be what a query tells, as far as its words say.
pub fn time_scale(query: &str) -> Option<f64> {
    let has = |words: &[&str]| words.iter().any(|word| query.contains(word));
    match () {
        () if has(&["_milliseconds", "_ms_", "_ms{", "rq_time", "* 1000", "*1000"]) => Some(1000.0),
        () if has(&["_seconds"]) => Some(1.0),
        () => None,
    }
}

/// By the words of a metric's name and query.
pub fn guess(name: &str, query: &str) -> Option<Figure> {
    let text = format!("{name} {query}").to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if let Some(q) = asked_quantile(query) {
        return Some(Figure::LatencyQuantile(q, buckets(query)));
    }
    if has(&["latency", "duration", "response_time", "response-time"]) {
        return Some(Figure::MeanLatency);
    }
    if name.to_ascii_lowercase().contains("error") || name.to_ascii_lowercase().contains("5xx") {
        return Some(if query.contains('/') { Figure::ErrorRate } else { Figure::Errors });
    }
    if has(&["success", "availability"]) {
        return Some(Figure::SuccessRate);
    }
    if has(&["error", "5xx", "5..", "5.*"]) {
        return Some(if query.contains('/') { Figure::ErrorRate } else { Figure::Errors });
    }
    has(&["requests_total", "request_count"]).then_some(Figure::Rate)
}

/// By the words of a query.
pub fn side(query: &str) -> Side {
    let query = query.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| query.contains(word));
    if has(&["canary", "latest", "preview"]) {
        return Side::New;
    }
    if has(&["\"stable", "-stable"]) { Side::Old } else { Side::Both }
}

/// `[5m]` of a query, in seconds.
pub fn window(query: &str) -> Option<f64> {
    let ranges = query.split('[').skip(1).filter_map(|part| part.split_once(']'));
    ranges.filter_map(|(range, _)| seconds(range.split(':').next()?)).next()
}
