//! AnalysisTemplates: when they measure and decide, and what of the simulated requests their queries stand
//! for.

use super::figures::{check_quantile, figure, guess, side, time_scale, window};
use super::invalid::invalid;
use super::judged::{Judged, answer, conditions, misfit};
use super::scene::{Scene, texts, values, wanted};
use crate::cluster::release::{Analysis, Figure, Form, Limits, Measure, Metric, Side};
use crate::engine::Dur;
use crate::input::cards;
use crate::input::lower::check::Check;
use crate::input::raw::analysis::SideCase;
use crate::input::raw::manifest::Document;
use crate::input::raw::rollout::{AnalysisArgument, AnalysisTemplateRef};
use crate::input::text::diagnostics::did_you_mean;
use crate::input::text::tree::{Node, quoted};

/// Templates and arguments that an analysis names.
type Named<'a> = (Option<&'a [AnalysisTemplateRef]>, Option<&'a [AnalysisArgument]>);

/// The metrics of all templates that are named; None: there is none of them. `beside`: it runs until the
/// steps are over; others have to come to an end.
pub fn analysis(
    check: &mut Check<'_>,
    path: &str,
    (templates, args): Named,
    beside: bool,
) -> Option<Analysis> {
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
        let path = format!("{path}.templates[{i}]");
        let values = values(doc, args.unwrap_or_default());
        for arg in wanted(doc).filter(|arg| beside && !values.contains_key(arg)) {
            let what = match args {
                None => "missing analysis arguments in rollout spec".to_owned(),
                Some(_) => format!("{arg} has no value"),
            };
            invalid(check, &path, &what);
        }
        let list = doc.root.get("spec").and_then(|s| s.get("metrics")).map_or(&[][..], Node::items);
        for (i, metric) in list.iter().enumerate() {
            let scene = Scene { doc, path: format!("spec.metrics[{i}]"), metric, values: &values };
            let metric = lower(&scene, check);
            if !beside && metric.limits.count.is_none() {
                let metric = &metric.name;
                let text = format!(
                    "AnalysisTemplate {name} has metric {metric} which runs indefinitely (it has no count)"
                );
                invalid(check, &path, &text);
            }
            metrics.push(metric);
        }
        names.push(name);
    }
    (!metrics.is_empty()).then(|| Analysis { name: names.join(", "), metrics })
}

/// A metric, as far as it can be judged by requests that are simulated.
fn lower(scene: &Scene<'_>, check: &mut Check<'_>) -> Metric {
    let defaults = cards::kubernetes();
    let name = scene.text("name").unwrap_or_default();
    let interval = scene.length(check, "interval").filter(|i| *i > Dur::ZERO);
    let count = scene.number(check, "count").filter(|n| *n > 0);
    let count = count.or(interval.is_none().then_some(1));
    let told = check.input.case.analysis.get(&name).cloned().unwrap_or_default();
    let Judged { success, failure, unknown } = conditions(scene, check, &told);
    let limits = Limits {
        count,
        failure: scene.number(check, "failureLimit").unwrap_or(0),
        inconclusive: scene.number(check, "inconclusiveLimit").unwrap_or(0),
        consecutive_error: scene
            .number(check, "consecutiveErrorLimit")
            .unwrap_or(defaults.analysis_error_limit),
        consecutive_success: scene.number(check, "consecutiveSuccessLimit").filter(|n| *n > 0),
    };
    let initial_delay = scene.length(check, "initialDelay").unwrap_or_default();
    let measure = measure(scene, check, &name, unknown);
    let answer = answer(scene);
    let metric =
        Metric { name, interval, initial_delay, limits, success, failure, measure, answer };
    fits(scene, check, metric)
}

/// Conditions that no value fits are named; where nobody knows what its provider gives, the metric passes.
fn fits(scene: &Scene<'_>, check: &mut Check<'_>, mut metric: Metric) -> Metric {
    let misfit = misfit(&metric).filter(|_| metric.measure.what.is_measured());
    let Some((condition, form)) = misfit else { return metric };
    let key = format!("analysis.{}", metric.name);
    let told =
        check.input.case.analysis.get(&metric.name).is_some_and(|told| told.measures.is_some());
    match metric.answer.form {
        Form::Document if told => {
            let message = ("no single number can be judged by this", quoted(&condition));
            scene.error(check, "provider", message, "analysis.NAME.passes in the scenario");
        }
        Form::Document => {
            let text = format!(
                "it passes: \"{condition}\" asks for more than one number (analysis.NAME.passes says otherwise)"
            );
            check.assume(&key, text);
            metric.measure.what = Figure::Outcome(true);
        }
        _ => {
            let text = format!(
                "every measurement is an error: its provider gives {form}, on which \"{condition}\" cannot be \
                 evaluated"
            );
            check.assume(&key, text);
        }
    }
    metric
}

/// What the scenario says that it measures, else what its name and query look like; `unknown`: why its
/// conditions cannot be judged.
fn measure(
    scene: &Scene<'_>,
    check: &mut Check<'_>,
    name: &str,
    unknown: Option<String>,
) -> Measure {
    let given = check.input.case.analysis.get(name).cloned().unwrap_or_default();
    let query = scene.filled(scene.metric.get("provider").map(texts).unwrap_or_default());
    let is_query = scene.metric.get("provider").is_some_and(|p| {
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
    let guessed = || guess(name, &query).filter(|_| is_query && unknown.is_none());
    let what = told.or_else(guessed).unwrap_or_else(|| {
        let text = match &unknown {
            Some(what) => format!("it passes: {what} (analysis.NAME.passes says otherwise)"),
            None => "not one of the simulated requests: it passes (analysis.NAME.measures says what it measures)".to_owned(),
        };
        check.assume(&key, text);
        Figure::Outcome(true)
    });
    let scale = given.scale.unwrap_or_else(|| match what {
        Figure::MeanLatency | Figure::LatencyQuantile(..) => time_scale(&query).unwrap_or(1.0),
        _ => scale(scene),
    });
    if told.is_none() && what.is_measured() {
        let of = match of {
            Side::New => "the new pods",
            Side::Old => "the old pods",
            Side::Both => "all pods",
        };
        let (figure, window) = (what.words(), window.as_secs_f64());
        check.assume(&key, format!("{figure} of requests to {of} over {window} s, by its query"));
    }
    Measure { what, of, window, scale }
}

/// A condition that compares with more than 1 is one of per cent.
fn scale(scene: &Scene<'_>) -> f64 {
    let texts =
        ["successCondition", "failureCondition"].map(|key| scene.text(key).unwrap_or_default());
    let percent = texts.iter().any(|text| {
        let after = text.split(['<', '>', '=']).skip(1);
        let numbers = after.filter_map(|part| {
            let part = part.trim_start();
            let end = part.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(part.len());
            part[..end].parse::<f64>().ok()
        });
        numbers.into_iter().any(|x| x > 1.0)
    });
    if percent { 100.0 } else { 1.0 }
}
