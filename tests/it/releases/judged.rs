//! Conditions of analyses as they are written, on what their providers give where nothing was measured.

use super::*;
use rollsim::model::rollout::analysis::Found;

/// A canary that gets requests after `idle_s` seconds, and a metric that is measured beside its steps.
fn guarded(conditions: &str, provider: &str, more: &str) -> Result<Scenario, Diagnostics> {
    let strategy = format!(
        "canary: {{{ROUTED}, analysis: {{templates: [{{templateName: rate}}]}}, steps: [{{setCanaryScale: \
         {{replicas: 1}}}}, {{pause: {{duration: 60}}}}, {{setWeight: 50}}, {{pause: {{duration: 60}}}}]}}"
    );
    let template = format!(
        "\n---\n{{apiVersion: argoproj.io/v1alpha1, kind: AnalysisTemplate, metadata: {{name: rate}}, spec: \
         {{metrics: [{{name: rate, interval: 5s, failureLimit: 1, {conditions}, provider: {{{provider}}}}}]}}}}"
    );
    let more = format!("{SENT}duration_s = 170.0\n{ROLL}{more}");
    lowered(&(rollout(2, &strategy) + &template), &more)
}

const PROMETHEUS: &str =
    "prometheus: {query: 'sum(rate(ok_success{canary}[30s])) / sum(rate(all{canary}[30s]))'}";
const DATADOG: &str =
    "datadog: {query: 'sum:errors.rate{service:canary} / sum:requests{service:canary}'}";
const WEB: &str = "web: {url: 'http://checks', jsonPath: '{$.data}'}";

/// Whether it is promoted, and what its first measurement found.
fn ends(scenario: &Scenario) -> (bool, Option<Found>) {
    let all = runs(scenario, 3);
    let one = |r: &Replication| {
        let released = r.rollout.released.as_deref().expect("a release");
        (released.promoted.is_some(), released.measured.first().map(|m| m.found))
    };
    assert!(all.iter().all(|r| one(r) == one(&all[0])), "in all alike");
    one(&all[0])
}

#[test]
fn a_canary_without_requests_is_judged_by_the_guard() {
    for (condition, provider, expected) in [
        ("result[0] >= 0.5", PROMETHEUS, (false, Found::Error)),
        ("len(result) == 0 || result[0] >= 0.5", PROMETHEUS, (true, Found::Success)),
        ("len(result) > 0 && result[0] >= 0.5", PROMETHEUS, (false, Found::Failure)),
        ("isNaN(result[0]) || result[0] >= 0.5", PROMETHEUS, (false, Found::Error)),
        ("all(result, # >= 0.5)", PROMETHEUS, (true, Found::Success)),
        ("default(result, 0) >= 0.5", PROMETHEUS, (false, Found::Error)),
        ("default(result, 0) < 0.5", DATADOG, (true, Found::Success)),
        ("result < 0.5", DATADOG, (false, Found::Error)),
        ("max(result) < 0.5", DATADOG, (false, Found::Error)),
    ] {
        let condition_of = format!("successCondition: '{condition}'");
        let scenario = guarded(&condition_of, provider, "").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(ends(&scenario), (expected.0, Some(expected.1)), "{condition}");
    }
    let or_zero = PROMETHEUS.replace("[30s]))'", "[30s])) or vector(1)'");
    let scenario =
        guarded("successCondition: 'result[0] >= 0.5'", &or_zero, "").expect("it is read");
    assert_eq!(ends(&scenario), (true, Some(Found::Success)));
}

#[test]
fn a_condition_that_fits_no_value_is_named() {
    let told = |condition: &str, provider: &str| {
        let condition = format!("failureCondition: \"{condition}\"");
        let scenario = guarded(&condition, provider, "").unwrap_or_else(|e| panic!("{e}"));
        let says =
            |text: &str| ["every measurement is", "it passes: "].iter().any(|t| text.contains(t));
        let found = scenario.assumptions.iter().find(|a| says(&a.text));
        found.map(|a| a.text.clone()).unwrap_or_default()
    };
    assert!(
        told("result > 0.5", PROMETHEUS).contains("a list of numbers, on which \"result > 0.5\"")
    );
    assert!(told("result[0] > 0.5", DATADOG).contains("every measurement is an error"));
    assert!(told("result matches 'x'", DATADOG).contains("'matches' is not modelled"));
    assert_eq!(told("result[0] > 0.5", PROMETHEUS), "");
}

#[test]
fn a_metric_whose_outcome_is_told_needs_no_condition_that_is_understood() {
    for condition in [
        "result.ok && result.successPercent >= 0.90",
        "all(result.service_apdex.values.values, {asFloat(.value) >= 9900})",
        "result == 'I am OK'",
        "isInf(result)",
    ] {
        let condition = format!("successCondition: \"{condition}\"");
        let scenario = guarded(&condition, WEB, "").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(ends(&scenario), (true, Some(Found::Success)), "{condition}");
        let fails =
            guarded(&condition, WEB, "[analysis.rate]\npasses = false\n").expect("it is read");
        assert_eq!(ends(&fails), (false, Some(Found::Failure)), "{condition}");
    }
    let measured = |condition: &str| {
        let condition = format!("successCondition: \"{condition}\"");
        guarded(&condition, WEB, "[analysis.rate]\nmeasures = \"success-rate\"\n")
    };
    assert!(measured("result.data.rate >= 0.5").is_ok());
    let refused = measured("result.ok && result.n > 1").expect_err("two things").to_string();
    assert!(refused.contains("no single number"), "{refused}");
    let wrong =
        guarded("successCondition: 'resul > 1'", WEB, "").expect_err("no such name").to_string();
    assert!(wrong.contains("unknown name 'resul'"), "{wrong}");
    let whatever =
        guarded("successCondition: 'resul > 1'", WEB, "[analysis.rate]\npasses = true\n");
    assert!(whatever.is_ok());
}
