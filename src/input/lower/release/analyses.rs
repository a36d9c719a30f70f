//! AnalysisTemplates: when they measure and decide, and what of the simulated requests their queries stand
//! for.

use crate::cluster::release::{Analysis, Figure, Limits, Measure, Metric, Side};
use crate::engine::Dur;
use crate::expr::Condition;
use crate::input::cards;
use crate::input::friendly::seconds;
use crate::input::lower::check::Check;
use crate::input::raw::analysis::{AnalysisCase, MeasuredCase, SideCase};
use crate::input::raw::manifest::Document;
use crate::input::raw::rollout::{AnalysisArgument, AnalysisTemplateRef};
use crate::input::text::diagnostics::{Diagnostic, did_you_mean};
use crate::input::text::tree::{Node, quoted};
use crate::timeline::Buckets;
use std::collections::BTreeMap;

/// Where nothing says which quantile is meant.
const USUAL_QUANTILE: f64 = 0.99;

/// Templates and arguments that an analysis names.
type Named<'a> = (Option<&'a [AnalysisTemplateRef]>, Option<&'a [AnalysisArgument]>);

/// The metrics of all templates that are named; None: there is none of them.
pub fn analysis(check: &mut Check<'_>, path: &str, (templates, args): Named) -> Option<Analysis> {
    let (mut names, mut metrics) = (Vec::new(), Vec::new());
    for (i, template) in templates.unwrap_or_default().iter().enumerate() {
        let name = template.template_name.clone().unwrap_or_default();
        let kind = match template.cluster_scope {
            Some(true) => "ClusterAnalysisTemplate",
            _ => "AnalysisTemplate",
        };
        let input = check.input;
        let all = || input.each_document().filter(|d| d.kind() == kind && !d.update);
        let Some(doc) = all().find(|d| d.name() == name) else {
            if all().next().is_none() {
                check.note(format!(
                    "{kind} {name} (it is not among the manifests: it decides nothing)"
                ));
                continue;
            }
            let names: Vec<&str> = all().map(Document::name).collect();
            let error =
                check.error(&format!("{path}.templates[{i}]"), format!("there is no such {kind}"));
            error.found = Some(quoted(&name));
            error.allowed = Some(names.join(", "));
            error.suggestion =
                did_you_mean(&name, names).map(|name| format!("did you mean \"{name}\"?"));
            continue;
        };
        let values = values(doc, args.unwrap_or_default());
        let list = doc.root.get("spec").and_then(|s| s.get("metrics")).map_or(&[][..], Node::items);
        for (i, metric) in list.iter().enumerate() {
            let scene = Scene { doc, path: format!("spec.metrics[{i}]"), metric, values: &values };
            metrics.push(scene.lower(check));
        }
        names.push(name);
    }
    (!metrics.is_empty()).then(|| Analysis { name: names.join(", "), metrics })
}

/// Arguments with their values: the template's own, and those that are given.
fn values(doc: &Document, given: &[AnalysisArgument]) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let args = doc.root.get("spec").and_then(|s| s.get("args")).map_or(&[][..], Node::items);
    for arg in args {
        let text = |key: &str| arg.get(key).map(plain);
        if let (Some(name), Some(value)) = (text("name"), text("value")) {
            values.insert(name, value);
        }
    }
    for AnalysisArgument { name, value, value_from } in given {
        // Hashes of templates: which one it is decides whose requests are measured.
        let from = value_from.as_ref().map(|from| from.to_string());
        if let (Some(name), Some(value)) = (name, value.clone().or(from)) {
            values.insert(name.clone(), value);
        }
    }
    values
}

/// All texts within a node.
fn texts(node: &Node) -> String {
    let below = node.items().iter().chain(node.entries().iter().map(|e| &e.node));
    let own = node.as_str().unwrap_or_default().to_owned();
    below.fold(own, |all, node| all + " " + &texts(node))
}

fn plain(node: &Node) -> String {
    node.as_str().map_or_else(|| node.to_string(), str::to_owned)
}

/// One metric of a template.
struct Scene<'a> {
    doc: &'a Document,
    path: String,
    metric: &'a Node,
    values: &'a BTreeMap<String, String>,
}

impl Scene<'_> {
    /// A value with its arguments put in.
    fn text(&self, key: &str) -> Option<String> {
        Some(self.filled(plain(self.metric.get(key).filter(|n| !n.is_null())?)))
    }

    fn filled(&self, mut text: String) -> String {
        for (name, value) in self.values {
            for form in [format!("{{{{args.{name}}}}}"), format!("{{{{ args.{name} }}}}")] {
                text = text.replace(&form, value);
            }
        }
        text
    }

    fn error(
        &self,
        check: &mut Check<'_>,
        key: &str,
        (message, found): (&str, String),
        allowed: &str,
    ) {
        let error = self.doc.error(&format!("{}.{key}", self.path), message);
        check.problems.push(error.found(found).allowed(allowed));
    }

    fn number(&self, check: &mut Check<'_>, key: &str) -> Option<i32> {
        let text = self.text(key)?;
        let number = text.trim().parse().ok();
        if number.is_none() {
            self.error(check, key, ("not a whole number", quoted(&text)), "a whole number");
        }
        number
    }

    fn length(&self, check: &mut Check<'_>, key: &str) -> Option<Dur> {
        let text = self.text(key)?;
        let length = seconds(text.trim()).filter(|s| *s >= 0.0);
        if length.is_none() {
            self.error(check, key, ("not a duration", quoted(&text)), "such as 30s, 5m, 1h");
        }
        length.map(Dur::from_secs_f64)
    }

    /// Over `result`, or the first of its values.
    fn condition(&self, check: &mut Check<'_>, key: &str) -> Option<Condition> {
        let given = self.text(key)?;
        let mut text = given.replace("asFloat(", "(").replace("asInt(", "(");
        for all in ["len(result) == 0 ||", "isNaN(result[0]) ||", "isNaN(result) ||"] {
            text = text.replace(all, "");
        }
        let is_result = |name: &str| match name {
            "result" | "result[0]" | "default(result,0)" | "default(result[0],0)" => Ok(0),
            "default(result,1)" | "default(result[0],1)" => Ok(0),
            other => Err(format!("'{other}' is not known: the value is result or result[0]")),
        };
        match Condition::parse(&text, &is_result) {
            Ok(condition) => Some(condition),
            Err(error) => {
                let what = format!("{key} is not understood: {}", error.message);
                self.error(check, key, (&what, quoted(&given)), "such as result[0] >= 0.95");
                None
            }
        }
    }

    fn lower(&self, check: &mut Check<'_>) -> Metric {
        let defaults = cards::kubernetes();
        let name = self.text("name").unwrap_or_default();
        let interval = self.length(check, "interval").filter(|i| *i > Dur::ZERO);
        let count = self.number(check, "count").filter(|n| *n > 0);
        let count = count.or(interval.is_none().then_some(1));
        let (success, failure) =
            (self.condition(check, "successCondition"), self.condition(check, "failureCondition"));
        let limits = Limits {
            count,
            failure: self.number(check, "failureLimit").unwrap_or(0),
            inconclusive: self.number(check, "inconclusiveLimit").unwrap_or(0),
            consecutive_error: self
                .number(check, "consecutiveErrorLimit")
                .unwrap_or(defaults.analysis_error_limit),
            consecutive_success: self.number(check, "consecutiveSuccessLimit").filter(|n| *n > 0),
        };
        let initial_delay = self.length(check, "initialDelay").unwrap_or_default();
        let measure = self.measure(check, &name);
        Metric { name, interval, initial_delay, limits, success, failure, measure }
    }

    /// What the scenario says that it measures, else what its name and query look like.
    fn measure(&self, check: &mut Check<'_>, name: &str) -> Measure {
        let given = check.input.case.analysis.get(name).cloned().unwrap_or_default();
        let query = self.filled(self.metric.get("provider").map(texts).unwrap_or_default());
        let is_query = self.metric.get("provider").is_some_and(|p| {
            ["prometheus", "datadog", "newRelic", "wavefront", "graphite", "influxdb", "cloudWatch"]
                .iter()
                .any(|kind| p.get(kind).is_some())
        });
        let window = given.window_s.or_else(|| window(&query));
        let window = window.filter(|s| *s > 0.0).map(Dur::from_secs_f64);
        let window = window.unwrap_or(cards::kubernetes().analysis_window);
        let of = match given.of {
            Some(SideCase::New) => Side::New,
            Some(SideCase::Old) => Side::Old,
            Some(SideCase::All) => Side::Both,
            None => side(&query),
        };
        let key = format!("analysis.{name}");
        check_quantile(check, &key, &given);
        let told = figure(&given, &query);
        let what = told.or_else(|| is_query.then(|| guess(name, &query)).flatten());
        let what = what.unwrap_or_else(|| {
            let text = "not one of the simulated requests: it passes (analysis.NAME.measures says what it measures)";
            check.assume(&key, text);
            Figure::Outcome(true)
        });
        let scale = given.scale.unwrap_or_else(|| match what {
            Figure::MeanLatency | Figure::LatencyQuantile(..) => time_scale(&query).unwrap_or(1.0),
            _ => self.scale(),
        });
        if told.is_none() && what.is_measured() {
            let of = match of {
                Side::New => "the new pods",
                Side::Old => "the old pods",
                Side::Both => "all pods",
            };
            let (figure, window) = (what.words(), window.as_secs_f64());
            check.assume(
                &key,
                format!("{figure} of requests to {of} over {window} s, by its query"),
            );
        }
        Measure { what, of, window, scale }
    }

    /// A condition that compares with more than 1 is one of per cent.
    fn scale(&self) -> f64 {
        let texts =
            ["successCondition", "failureCondition"].map(|key| self.text(key).unwrap_or_default());
        let percent = texts.iter().any(|text| {
            let after = text.split(['<', '>', '=']).skip(1);
            let numbers = after.filter_map(|part| {
                let part = part.trim_start();
                let end =
                    part.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(part.len());
                part[..end].parse::<f64>().ok()
            });
            numbers.into_iter().any(|x| x > 1.0)
        });
        if percent { 100.0 } else { 1.0 }
    }
}

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
fn side(query: &str) -> Side {
    let query = query.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| query.contains(word));
    if has(&["canary", "latest", "preview"]) {
        return Side::New;
    }
    if has(&["\"stable", "-stable"]) { Side::Old } else { Side::Both }
}

/// `[5m]` of a query, in seconds.
fn window(query: &str) -> Option<f64> {
    let ranges = query.split('[').skip(1).filter_map(|part| part.split_once(']'));
    ranges.filter_map(|(range, _)| seconds(range.split(':').next()?)).next()
}
