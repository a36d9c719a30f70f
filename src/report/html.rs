//! One self-contained HTML file: data as JSON inside, our own script and style, nothing from outside.
//!
//! The file states so to the browser too: its content security policy forbids every request. It opens from
//! disk, follows the system's light or dark setting, and prints.

use super::answer::Answer;
use super::comparison::Comparison;
use super::data::{FrontierReport, OptimizeReport, SweepReport, ValidateReport};
use super::maintenance::Maintenance;
use super::measure::Unit;
use super::words::markup;
use super::{markdown, replay, text};
use crate::observe::Log;
use serde::Serialize;
use serde_json::json;

const CSS: &str = include_str!("page/base.css");
const COMMON: &str = include_str!("page/common.js");
const RUN: &str = include_str!("page/run.js");
const RUN_REPLAY: &str = include_str!("page/run_replay.js");
const COMPARE: &str = include_str!("page/compare.js");
const RUN_ADVICE: &str = include_str!("page/run_advice.js");
const RUN_TABLES: &str = include_str!("page/run_tables.js");
const SWEEP: &str = include_str!("page/sweep.js");
const SWEEP_TABLE: &str = include_str!("page/sweep_table.js");
const SWEEP_START: &str = include_str!("page/sweep_start.js");
const OPTIMIZE: &str = include_str!("page/optimize.js");
const FRONTIER: &str = include_str!("page/frontier.js");
const MAINTAIN: &str = include_str!("page/maintain.js");
const VALIDATE: &str = include_str!("page/validate.js");

/// Columns of the text that stands for a page without scripts.
const PLAIN: usize = 100;

/// Largest part of a sweep that is put into a page, in points: keeps the file below 6 MB.
pub const POINTS_SHOWN: usize = 20_000;

/// The text for who reads it without scripts.
const WHOLE: text::Screen = text::Screen { width: 100, details: true };

/// The page of one rollout.
pub fn run(answer: &Answer) -> String {
    played(answer, None)
}

/// The same, with one of the rollouts in motion: that of the log.
pub fn run_and_log(answer: &Answer, log: &Log) -> String {
    played(answer, Some(log))
}

fn played(answer: &Answer, log: Option<&Log>) -> String {
    let data = json!({
        "answers": [answer],
        "signatures": [answer.signature()],
        "markdown": markdown::run(answer),
        "log": log.map(replay::panes),
    });
    let plain = anstream::adapter::strip_str(&text::text(answer, WHOLE)).to_string();
    page(&answer.name, &data, &[RUN, RUN_REPLAY, RUN_ADVICE, RUN_TABLES], &plain)
}

/// The page of several rollouts beside each other.
pub fn compare(comparison: &Comparison) -> String {
    let signatures: Vec<String> = comparison.answers.iter().map(Answer::signature).collect();
    // The answers are in the page once.
    let head = Comparison { answers: Vec::new(), ..comparison.clone() };
    let measures = comparison.measures().into_iter().map(|m| {
        let unit = match m.unit() {
            Unit::Requests | Unit::Pods => "",
            Unit::Share => "share",
            Unit::Seconds => "s",
        };
        json!({ "key": m.key(), "title": m.title(), "unit": unit, "less": m.is_better_less() })
    });
    let data = json!({
        "answers": comparison.answers,
        "signatures": signatures,
        "comparison": head,
        "measures": measures.collect::<Vec<_>>(),
        "signature": comparison.signature(),
    });
    let plain = anstream::adapter::strip_str(&text::compare(comparison, PLAIN)).to_string();
    page(&comparison.name, &data, &[RUN, RUN_REPLAY, COMPARE, RUN_ADVICE, RUN_TABLES], &plain)
}

/// The page of a sweep; of more than [`POINTS_SHOWN`] points, those on the front and an even choice.
pub fn sweep(report: &SweepReport) -> String {
    let data = json!({ "sweep": compact(&thinned(report)), "all_points": report.all_points });
    page(&report.name, &data, &[SWEEP, SWEEP_TABLE, SWEEP_START], &report.verdict)
}

/// The page of a search for the best settings.
pub fn optimize(report: &OptimizeReport) -> String {
    let evaluated = thinned(&report.evaluated);
    let mut data = json!({
        "sweep": compact(&evaluated),
        "all_points": report.evaluated.all_points,
        "optimize": report,
    });
    // The points are in the page once, in their compact form.
    data["optimize"]["evaluated"] = serde_json::Value::Null;
    page(&report.evaluated.name, &data, &[SWEEP, SWEEP_TABLE, OPTIMIZE], &report.verdict)
}

/// The page of a frontier in two settings.
pub fn frontier(report: &FrontierReport) -> String {
    page(&report.name, report, &[FRONTIER], &report.verdict)
}

/// The page that compares predictions with measured rollouts.
pub fn validate(report: &ValidateReport) -> String {
    page(&report.name, report, &[VALIDATE], &report.verdict)
}

/// The page of what is done to nodes.
pub fn maintenance(all: &Maintenance) -> String {
    let drawn: Vec<_> = all.procedures.iter().map(|p| &p.drawn).collect();
    let mut data = json!({ "maintenance": all, "drawn": drawn, "verdict": all.verdict() });
    for (place, one) in all.procedures.iter().enumerate() {
        data["maintenance"]["procedures"][place]["verdict"] = one.verdict().into();
    }
    let plain = anstream::adapter::strip_str(&text::maintenance(all, PLAIN)).to_string();
    page(&all.name, &data, &[MAINTAIN], &plain)
}

fn page(title: &str, data: &impl Serialize, scripts: &[&str], plain: &str) -> String {
    let data = serde_json::to_string(data).expect("plain data");
    let scripts: String = scripts.iter().flat_map(|s| [*s, "\n"]).collect();
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<link rel="icon" href="data:,">
<title>{title} · rollsim</title>
<style>
{CSS}</style>
</head>
<body>
<main id="page"></main>
<noscript><main><pre>{plain}</pre></main></noscript>
<script type="application/json" id="data">{data}</script>
<script>
{COMMON}
{scripts}</script>
</body>
</html>
"#,
        title = escape(title),
        plain = escape(plain),
        data = in_script(&data),
    )
}

fn escape(text: &str) -> String {
    markup(text).replace('"', "&quot;")
}

/// JSON that no HTML parser takes for the end of a script or the start of a comment.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// Points as arrays of numbers of six digits: a tenth of the size.
fn compact(report: &SweepReport) -> serde_json::Value {
    // What is not finite becomes null.
    let short = |x: f64| -> f64 { format!("{x:.5e}").parse().expect("a number just written") };
    let points: Vec<_> = report
        .points
        .iter()
        .map(|p| {
            let figures: Vec<_> =
                p.figures.iter().map(|f| [f.mean, f.low, f.high].map(short)).collect();
            json!([p.index, p.levels, figures])
        })
        .collect();
    let head = SweepReport { points: vec![], ..report.clone() };
    let mut value = serde_json::to_value(head).expect("plain data");
    value["points"] = points.into();
    value
}

/// At most [`POINTS_SHOWN`] points: those on the front, and every n-th of the others.
fn thinned(report: &SweepReport) -> SweepReport {
    let n = report.points.len();
    if n <= POINTS_SHOWN {
        return report.clone();
    }
    let step = n.div_ceil(POINTS_SHOWN - report.pareto.len().min(POINTS_SHOWN / 2));
    let front: std::collections::BTreeSet<usize> =
        report.pareto.iter().copied().take(POINTS_SHOWN / 2).collect();
    let kept: Vec<usize> = (0..n).filter(|i| i % step == 0 || front.contains(i)).collect();
    let pareto = (0..kept.len()).filter(|&k| front.contains(&kept[k])).collect();
    let points = kept.iter().map(|&i| report.points[i].clone()).collect();
    SweepReport { points, pareto, ..report.clone() }
}
