//! What a metric is judged by: its conditions, and the form in which its provider answers.
//!
//! `metricproviders/*/*.go` of argoproj/argo-rollouts.

use super::scene::{Scene, texts};
use crate::cluster::release::{Answer, Empty, Form, Metric};
use crate::expr::Program;
use crate::expr::program::{Fault, Refused};
use crate::input::lower::check::Check;
use crate::input::raw::analysis::AnalysisCase;
use crate::input::text::tree::quoted;

/// The conditions of a metric.
#[derive(Default)]
pub struct Judged {
    /// `successCondition`.
    pub success: Option<Program>,
    /// `failureCondition`.
    pub failure: Option<Program>,
    /// Why one of them cannot be judged: its key and what of it is not modelled.
    pub unknown: Option<String>,
}

/// `successCondition` and `failureCondition`; none where the scenario says what comes out.
pub fn conditions(scene: &Scene<'_>, check: &mut Check<'_>, told: &AnalysisCase) -> Judged {
    let mut judged = Judged::default();
    if told.passes.is_some() {
        return judged;
    }
    for key in ["successCondition", "failureCondition"] {
        let Some(given) = scene.text(key).filter(|text| !text.trim().is_empty()) else { continue };
        match Program::parse(given.trim()) {
            Ok(program) if key == "successCondition" => judged.success = Some(program),
            Ok(program) => judged.failure = Some(program),
            Err(Refused::NotModelled(error)) if told.measures.is_none() => {
                judged.unknown = Some(format!("{key}: {}", error.message));
            }
            Err(refused) => {
                let message = format!("{key} is not understood: {}", refused.error().message);
                scene.error(check, key, (&message, quoted(&given)), "such as result[0] >= 0.95");
            }
        }
    }
    judged
}

/// A condition that no value fits, and the form of values.
pub fn misfit(metric: &Metric) -> Option<(String, &'static str)> {
    let result = metric.answer.datum(Some(metric.measure.scale))?;
    let unfit = |c: &&Program| c.holds(&result) == Err(Fault::Type);
    let condition = metric.success.iter().chain(&metric.failure).find(unfit)?;
    let form = match metric.answer.form {
        Form::Number => "a number",
        Form::List => "a list of numbers",
        Form::Values => "a list of records with Values",
        Form::Document => "a document",
    };
    Some((condition.to_string(), form))
}

/// How the provider of a metric answers its query.
pub fn answer(scene: &Scene<'_>) -> Answer {
    let provider = scene.metric.get("provider").and_then(|p| p.entries().first());
    let kind = provider.map_or("", |entry| entry.key.as_str());
    let query = provider.and_then(|entry| entry.node.get("query").or(entry.node.get("queries")));
    let query = &scene.filled(query.map(texts).unwrap_or_default());
    let new = |form: Form, empty: Empty, nan: bool| Answer { form, empty, nan };
    match kind {
        "prometheus" if query.trim_start().starts_with("scalar(") => {
            new(Form::Number, Empty::Else(f64::NAN), true)
        }
        "prometheus" => new(Form::List, otherwise(query).map_or(Empty::List, Empty::Else), true),
        // Of the second version of its API, by group.
        "datadog" if query.contains(" by {") => new(Form::List, Empty::Nil, false),
        "datadog" => new(Form::Number, Empty::Nil, false),
        "graphite" => new(Form::List, Empty::List, false),
        "influxdb" => new(Form::List, Empty::Error, false),
        "cloudWatch" => new(Form::Values, Empty::List, false),
        "wavefront" => Answer::NUMBER,
        _ => new(Form::Document, Empty::Error, false),
    }
}

/// `... or vector(0)` at the end of a query.
fn otherwise(query: &str) -> Option<f64> {
    let query = query.trim().to_ascii_lowercase();
    let (_, last) =
        query.rsplit_once("or ").filter(|(before, _)| before.ends_with(char::is_whitespace))?;
    let last: String = last.replace("on()", "").split_whitespace().collect();
    last.strip_prefix("vector(")?.strip_suffix(')')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_may_say_what_stands_for_nothing() {
        for (query, value) in [
            ("sum(rate(a[1m])) / sum(rate(b[1m])) OR on() vector(0)", Some(0.0)),
            ("(sum(a) / sum(b)) or vector( 1 )\n", Some(1.0)),
            ("(sum(a) or vector(0)) / sum(b)", None),
            ("sum(a{x=\"or vector(0)\"})", None),
            ("sum(a)", None),
        ] {
            assert_eq!(otherwise(query), value, "{query}");
        }
    }
}
