//! `spec.analysis` of a Canary: steps, metrics, webhooks.

use crate::cluster::flagger::{Flagger, Hook, HookKind, Routing, Weights};
use crate::cluster::release::{Analysis, Answer, Figure, Limits, Measure, Metric, Side};
use crate::engine::Dur;
use crate::expr::Program;
use crate::input::cards;
use crate::input::friendly::seconds;
use crate::input::lower::check::Check;
use crate::input::lower::release::{check_quantile, given_figure, guess, time_scale};
use crate::input::raw::analysis::SideCase;
use crate::input::raw::canary::{CanaryAnalysis, CanaryMetric, CanaryRange, CanaryWebhook};
use crate::input::text::tree::quoted;
use crate::model::rollout::flagger::TOTAL;
use crate::timeline::Buckets;

const ANALYSIS: &str = "spec.analysis";
/// Flagger's own metrics.
const SUCCESS: &str = "request-success-rate";
const DURATION: &str = "request-duration";

/// `analysis`, with Flagger's defaults.
pub fn plan(check: &mut Check<'_>, given: &CanaryAnalysis, routing: Routing) -> Flagger {
    let defaults = cards::kubernetes();
    let interval = duration(check, &format!("{ANALYSIS}.interval"), given.interval.as_deref());
    let interval = interval.unwrap_or(defaults.flagger_interval).max(defaults.flagger_interval_min);
    let path = format!("{ANALYSIS}.iterations");
    let mut iterations = check.at_least_0(&path, given.iterations, 0) as u32;
    if routing == Routing::None && iterations == 0 {
        iterations = defaults.flagger_iterations;
        check.assume(
            "spec.analysis.iterations",
            format!("{iterations}: the provider is kubernetes"),
        );
    }
    if routing == Routing::Match {
        check.note(
            "spec.analysis.match (no request carries what it asks for: none goes to the canary)",
        );
    }
    let metrics = given.metrics.as_deref().unwrap_or_default().iter();
    let metrics = metrics.enumerate().map(|(i, metric)| self::metric(check, i, metric, interval));
    let metrics: Vec<Metric> = metrics.collect();
    let hooks = hooks(check, given.webhooks.as_deref().unwrap_or_default());
    let mirror = given.mirror.unwrap_or(false);
    let others_ask = mirror || loads(given.webhooks.as_deref().unwrap_or_default());
    if others_ask && metrics.iter().any(|m| m.measure.what.is_measured()) {
        let text =
            "copies of requests and those of a load test are not simulated: checks of them pass";
        check.assume("spec.analysis", text);
    }
    let mut percent = |key: &str, given: Option<i32>| {
        let path = format!("{ANALYSIS}.{key}");
        let value = given.unwrap_or(TOTAL);
        if !(0..=TOTAL).contains(&value) {
            check.out_of_range(&path, i64::from(value), "0 to 100");
        }
        value.clamp(0, TOTAL)
    };
    let max_weight = given.max_weight.map(|w| percent("maxWeight", Some(w))).filter(|w| *w > 0);
    let by = percent("stepWeight", Some(given.step_weight.unwrap_or(0)));
    let promotion_step =
        percent("stepWeightPromotion", Some(given.step_weight_promotion.unwrap_or(0)));
    let canary_ready = percent("canaryReadyThreshold", given.canary_ready_threshold);
    let primary_ready = percent("primaryReadyThreshold", given.primary_ready_threshold);
    let list = given.step_weights.clone().filter(|list| !list.is_empty() && by == 0);
    let threshold = given.threshold.filter(|n| *n > 0).unwrap_or(1) as u32;
    Flagger {
        interval,
        threshold,
        weights: list.map_or(Weights::By(by), |l| Weights::These(rising(check, l))),
        max_weight,
        promotion_step,
        iterations,
        mirror,
        routing,
        skip_analysis: false,
        suspend: false,
        checks: (!metrics.is_empty()).then(|| {
            let name = "metrics".to_owned();
            let limit = |m| Metric { limits: limits(threshold), ..m };
            Analysis { name, metrics: metrics.into_iter().map(limit).collect() }
        }),
        others_ask,
        hooks,
        deadline: Dur::ZERO,
        canary_ready,
        primary_ready,
        autoscaled: None,
    }
}

/// Checks that fail before it goes back are one fewer than the threshold.
fn limits(threshold: u32) -> Limits {
    Limits {
        count: None,
        failure: threshold as i32 - 1,
        inconclusive: -1,
        consecutive_error: -1,
        consecutive_success: None,
    }
}

/// Weights are parts, and rise.
fn rising(check: &mut Check<'_>, list: Vec<i32>) -> Vec<i32> {
    let sorted = list.windows(2).all(|pair| pair[0] < pair[1]);
    if !sorted || list.iter().any(|w| *w < 1) {
        let error = check.error(&format!("{ANALYSIS}.stepWeights"), "the weights do not rise");
        error.found = Some(format!("{list:?}"));
        error.allowed = Some("numbers above 0, each above the one before".to_owned());
    }
    list
}

fn duration(check: &mut Check<'_>, path: &str, given: Option<&str>) -> Option<Dur> {
    let text = given?;
    let length = seconds(text.trim()).filter(|s| *s > 0.0);
    if length.is_none() {
        let error = check.error(path, "not a duration");
        error.found = Some(quoted(text));
        error.allowed = Some("such as 30s, 5m, 1h".to_owned());
    }
    length.map(Dur::from_secs_f64)
}

fn metric(check: &mut Check<'_>, index: usize, given: &CanaryMetric, tick: Dur) -> Metric {
    let path = format!("{ANALYSIS}.metrics[{index}]");
    let name = given.name.clone().unwrap_or_default();
    let window = duration(check, &format!("{path}.interval"), given.interval.as_deref());
    let told = check.input.case.analysis.get(&name).cloned().unwrap_or_default();
    let window = told.window_s.map(Dur::from_secs_f64).or(window);
    let window = window.unwrap_or(cards::kubernetes().analysis_window);
    let range = range(given, &name);
    let query = query(check, given);
    let of = match told.of {
        Some(SideCase::New) => Side::New,
        Some(SideCase::Old) => Side::Old,
        Some(SideCase::All) => Side::Both,
        None if query.contains("primary") => Side::Old,
        None => Side::New,
    };
    let key = format!("analysis.{name}");
    let own = match name.as_str() {
        SUCCESS => Some((Figure::SuccessRate, 100.0)),
        DURATION => Some((own_duration(check), 1000.0)),
        _ => None,
    };
    check_quantile(check, &key, &told);
    let (what, scale) = match (given_figure(&told, &query), own) {
        (
            Some(Figure::LatencyQuantile(q, _)),
            Some((Figure::LatencyQuantile(_, buckets), scale)),
        ) => (Figure::LatencyQuantile(q, buckets), scale),
        (Some(figure), _) => (figure, scale(figure, &range, &query)),
        (None, Some(own)) => own,
        (None, None) => match guess(&name, &query) {
            Some(figure) => {
                let text = format!("{} of requests, by its name and query", figure.words());
                check.assume(&key, text);
                (figure, scale(figure, &range, &query))
            }
            None => {
                let text = "not one of the simulated requests: it passes (analysis.NAME.measures says what it measures)";
                check.assume(&key, text);
                (Figure::Outcome(true), 1.0)
            }
        },
    };
    if let (Figure::LatencyQuantile(_, Buckets::Fine), true) = (what, told.measures.is_none()) {
        let text = "the quantile itself: the buckets of its histogram are not known";
        check.assume(&key, text);
    }
    let measure = Measure { what, of, window, scale: told.scale.unwrap_or(scale) };
    Metric {
        name,
        interval: Some(tick),
        initial_delay: Dur::ZERO,
        limits: limits(1),
        success: condition(&range),
        failure: None,
        measure,
        answer: Answer::NUMBER,
    }
}

/// What Flagger's own query for durations asks: nginx and Skipper for a mean, others for the 99th percentile.
///
/// `pkg/metrics/observers`.
fn own_duration(check: &Check<'_>) -> Figure {
    let spec = check.doc.root.get("spec");
    let provider = spec.and_then(|spec| spec.get("provider")).and_then(|p| p.as_str());
    let buckets = match provider.unwrap_or("istio") {
        "nginx" | "skipper" => return Figure::MeanLatency,
        "istio" | "appmesh" | "contour" | "gloo" => Buckets::Envoy,
        _ => Buckets::Fine,
    };
    Figure::LatencyQuantile(0.99, buckets)
}

/// `thresholdRange`, or what it was before: the least of a success rate, the most of others.
fn range(given: &CanaryMetric, name: &str) -> CanaryRange {
    match (&given.threshold_range, given.threshold) {
        (Some(range), _) => range.clone(),
        (None, bound) if name == SUCCESS => CanaryRange { min: bound, max: None },
        (None, bound) => CanaryRange { min: None, max: bound },
    }
}

fn condition(range: &CanaryRange) -> Option<Program> {
    let least = range.min.map(|min| format!("result >= {min}"));
    let most = range.max.map(|max| format!("result <= {max}"));
    let parts: Vec<String> = least.into_iter().chain(most).collect();
    if parts.is_empty() {
        return None;
    }
    Program::parse(&parts.join(" and ")).ok()
}

/// Bounds above 1 are per cent of a share, or milliseconds where the query does not say.
fn scale(figure: Figure, range: &CanaryRange, query: &str) -> f64 {
    let above = [range.min, range.max].into_iter().flatten().any(|bound| bound > 1.0);
    match figure {
        Figure::SuccessRate | Figure::ErrorRate if above => 100.0,
        Figure::MeanLatency | Figure::LatencyQuantile(..) => {
            time_scale(query).unwrap_or(if above { 1000.0 } else { 1.0 })
        }
        _ => 1.0,
    }
}

/// Its own, or that of its MetricTemplate.
fn query(check: &mut Check<'_>, given: &CanaryMetric) -> String {
    if let Some(query) = &given.query {
        return query.clone();
    }
    let Some(name) = given.template_ref.as_ref().and_then(|r| r.name.as_deref()) else {
        return String::new();
    };
    let is = |d: &&std::sync::Arc<crate::input::raw::manifest::Document>| {
        d.kind() == "MetricTemplate" && d.name() == name
    };
    match check.input.documents.iter().find(is) {
        Some(doc) => {
            let query = doc.root.get("spec").and_then(|s| s.get("query"));
            query.and_then(|q| q.as_str()).unwrap_or_default().to_owned()
        }
        None => {
            check.note(format!("MetricTemplate {name} (it is not among the manifests)"));
            String::new()
        }
    }
}

/// What webhooks answer: as the scenario says, else that all is well.
fn hooks(check: &mut Check<'_>, given: &[CanaryWebhook]) -> Vec<Hook> {
    let mut hooks = Vec::new();
    for (i, hook) in given.iter().enumerate() {
        let kind = match hook.type_.as_deref().unwrap_or("rollout") {
            "" | "rollout" => HookKind::Rollout,
            "confirm-rollout" => HookKind::ConfirmRollout,
            "pre-rollout" => HookKind::PreRollout,
            "confirm-traffic-increase" => HookKind::ConfirmTrafficIncrease,
            "confirm-promotion" => HookKind::ConfirmPromotion,
            "rollback" => HookKind::Rollback,
            "post-rollout" | "event" => continue,
            other => {
                let error = check.error(&format!("{ANALYSIS}.webhooks[{i}].type"), "unknown type");
                error.found = Some(quoted(other));
                error.allowed = Some(
                    "confirm-rollout, pre-rollout, rollout, confirm-traffic-increase, confirm-promotion, \
                     post-rollout, rollback, event"
                        .to_owned(),
                );
                continue;
            }
        };
        let name = hook.name.clone().unwrap_or_default();
        let told = check.input.case.analysis.get(&name).and_then(|told| told.passes);
        let passes = told.unwrap_or(kind != HookKind::Rollback);
        if told.is_none() {
            let answer = if passes { "it agrees" } else { "it does not ask for it" };
            let key = format!("webhook {name}");
            check.assume(&key, format!("{answer} (analysis.NAME.passes says otherwise)"));
        }
        hooks.push(Hook { name, kind, passes });
    }
    hooks
}

/// One of them has a load test run against the canary.
fn loads(hooks: &[CanaryWebhook]) -> bool {
    const TESTERS: [&str; 6] = ["hey ", "wrk", "ghz ", "k6 ", "vegeta", "fortio"];
    let is_load = |hook: &CanaryWebhook| {
        let told = hook.metadata.as_ref().map_or(String::new(), |m| m.to_string());
        let named = hook.name.as_deref().is_some_and(|name| name.contains("load"));
        named || TESTERS.iter().any(|tester| told.contains(tester))
    };
    hooks.iter().any(is_load)
}
