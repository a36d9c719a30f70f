//! Quantiles of the times of answers, as releases and conditions measure them.

use crate::releases::{lowered, scenario};
use rollsim::cluster::release::{Figure, Measure};
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::{Scenario, Watched};
use rollsim::sweep::power::{self, Badness};
use rollsim::timeline::Buckets;

/// The mean of v2 is 0.2 s, and one answer of a hundred takes 2 s or more.
const TAIL: &str = "[traffic]\nrate_per_s = 40.0\nstart_s = -40.0\nduration_s = 240.0\n[app.v1]\nservice = { kind = \
                    \"constant\", mean_s = 0.08 }\n[app.v2]\nstart_delay_s = 1.0\non_sigterm = \"graceful\"\nservice = { \
                    kind = \"lognormal\", median_s = 0.05, p99_s = 2.0 }\n";
const ROLL: &str = "[action]\nkind = \"rollout\"\n";

fn canary(provider: &str, metric: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{replicas: 3, selector: {{matchLabels: \
         {{app: web}}}}, template: {{metadata: {{labels: {{app: web}}}}, spec: {{containers: [{{name: app, image: \
         'r/web:v1', ports: [{{containerPort: 8080}}], readinessProbe: {{httpGet: {{path: /, port: 8080}}, \
         periodSeconds: 1}}}}]}}}}}}}}\n---\n{{apiVersion: flagger.app/v1beta1, kind: Canary, metadata: {{name: web}}, \
         spec: {{provider: {provider}, targetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}, service: {{port: \
         80, targetPort: 8080}}, analysis: {{interval: 10s, threshold: 2, stepWeight: 25, maxWeight: 50, metrics: \
         [{{name: request-duration, interval: 30s, {metric}}}]}}}}}}"
    )
}

/// A Rollout whose analysis asks this, with the text of its condition.
fn rollout(query: &str, condition: &str) -> String {
    format!(
        "{{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {{name: web}}, spec: {{replicas: 3, selector: \
         {{matchLabels: {{app: web}}}}, strategy: {{canary: {{analysis: {{templates: [{{templateName: slow}}]}}, steps: \
         [{{setWeight: 40}}, {{pause: {{duration: 40s}}}}]}}}}, template: {{metadata: {{labels: {{app: web}}}}, spec: \
         {{containers: [{{name: app, image: 'r/web:v1', ports: [{{containerPort: 8080}}], readinessProbe: {{httpGet: \
         {{path: /, port: 8080}}, periodSeconds: 1}}}}]}}}}}}}}\n---\n{{apiVersion: argoproj.io/v1alpha1, kind: \
         AnalysisTemplate, metadata: {{name: slow}}, spec: {{metrics: [{{name: slow, interval: 10s, successCondition: \
         '{condition}', provider: {{prometheus: {{query: '{query}'}}}}}}]}}}}"
    )
}

fn measure(scenario: &Scenario) -> Measure {
    let release = scenario.releases().next().expect("there is a release");
    release.analyses()[0].metrics[0].measure
}

fn values(of: &[Replication]) -> Vec<f64> {
    let measured = of.iter().flat_map(|r| &r.rollout.released).flat_map(|r| &r.measured);
    measured.filter_map(|m| m.value).collect()
}

fn runs(scenario: &Scenario) -> Vec<Replication> {
    run(scenario, &RunOptions { replications: 4, ..RunOptions::default() })
}

#[test]
fn flaggers_own_durations_are_a_quantile_where_its_provider_asks_for_one() {
    let most = "thresholdRange: {max: 400}";
    let by_quantile = scenario(&canary("istio", most), &format!("{TAIL}{ROLL}"));
    let measure = measure(&by_quantile);
    assert_eq!(measure.what, Figure::LatencyQuantile(0.99, Buckets::Envoy));
    assert_eq!(measure.scale, 1000.0);
    let slow = runs(&by_quantile);
    let aborted =
        |of: &Replication| of.rollout.released.as_ref().is_some_and(|r| r.aborted.is_some());
    let found = (values(&slow), slow.iter().map(aborted).collect::<Vec<_>>());
    assert!(slow.iter().all(aborted), "its tail is too long: {found:?}");
    // Within the buckets of the slowest of some hundred.
    let values = values(&slow);
    assert!(!values.is_empty() && values.iter().all(|v| (0.25..=5.0).contains(v)), "{values:?}");
    let by_median = format!("{TAIL}[analysis.request-duration]\nquantile = 0.5\n{ROLL}");
    let by_median = scenario(&canary("istio", most), &by_median);
    assert_eq!(self::measure(&by_median).what, Figure::LatencyQuantile(0.5, Buckets::Envoy));
    let promoted =
        |s: &Scenario| runs(s).iter().all(|r| !aborted(r) && r.rollout.complete.is_some());
    assert!(promoted(&by_median), "half of the answers take 0.05 s");
    let mean = format!("{TAIL}[analysis.request-duration]\nmeasures = \"mean-latency\"\n{ROLL}");
    assert!(promoted(&scenario(&canary("istio", most), &mean)), "as a mean it passes");
    let linkerd = scenario(&canary("linkerd", most), &format!("{TAIL}{ROLL}"));
    assert_eq!(self::measure(&linkerd).what, Figure::LatencyQuantile(0.99, Buckets::Fine));
    let told = linkerd.assumptions.iter().any(|a| a.text.contains("buckets of its histogram"));
    assert!(told, "{:?}", linkerd.assumptions);
}

#[test]
fn a_query_says_which_quantile_of_whose_histogram_in_which_unit() {
    let of = |query: &str| measure(&scenario(&rollout(query, "result[0] <= 500"), ROLL));
    let istio = of(
        "histogram_quantile(0.95, sum(rate(istio_request_duration_milliseconds_bucket{canary}[1m])) by (le))",
    );
    assert_eq!((istio.what, istio.scale), (Figure::LatencyQuantile(0.95, Buckets::Envoy), 1000.0));
    let nginx = of(
        "histogram_quantile(0.9, rate(nginx_ingress_controller_request_duration_seconds_bucket[1m])) * 1000",
    );
    assert_eq!(
        (nginx.what, nginx.scale),
        (Figure::LatencyQuantile(0.9, Buckets::Prometheus), 1000.0)
    );
    let own = of("histogram_quantile(0.99, rate(http_request_duration_seconds_bucket[1m]))");
    assert_eq!((own.what, own.scale), (Figure::LatencyQuantile(0.99, Buckets::Fine), 1.0));
    let mean = of(
        "sum(rate(request_duration_seconds_sum[1m])) / sum(rate(request_duration_seconds_count[1m]))",
    );
    assert_eq!((mean.what, mean.scale), (Figure::MeanLatency, 1.0));
}

#[test]
fn a_quantile_out_of_range_or_of_shares_is_refused() {
    let told = |given: &str, with: &str| {
        let manifests = rollout("histogram_quantile(0.9, x)", "result[0] <= 1");
        let more = format!("[analysis.slow]\n{given}\n{ROLL}");
        let error = lowered(&manifests, &more).expect_err("refused").to_string();
        assert!(error.contains("analysis.slow.quantile") && error.contains(with), "{error}");
    };
    told("quantile = 99", "below 1");
    told("quantile = 0.9\nmeasures = \"error-rate\"", "latency-quantile");
}

#[test]
fn an_action_may_wait_for_a_percentile() {
    let when = "[[actions]]\nkind = \"rollout\"\n[[actions]]\nkind = \"undo\"\nwhen = \"latency_p99(v2, 30s) > 1\"\n";
    let deployment = canary("istio", "").split("\n---\n").next().expect("the first").to_owned();
    let waits = scenario(&deployment, &format!("{TAIL}{when}"));
    let when = waits.actions[1].when.as_ref().expect("it waits");
    assert!(matches!(
        when.watched[..],
        [Watched::Requests { figure: Figure::LatencyQuantile(0.99, Buckets::Fine), .. }]
    ));
    let undone = runs(&waits).iter().all(|r| r.traffic.answered_by_version[0] > 6000.0);
    assert!(undone, "v1 is back before long, and answers most of 9600");
}

#[test]
fn the_power_of_a_canary_by_a_quantile_rises_with_slowness() {
    let even = "[traffic]\nrate_per_s = 40.0\nstart_s = -40.0\nduration_s = 240.0\n[app.v1]\nservice = { kind = \
                \"constant\", mean_s = 0.08 }\n";
    let scenario =
        scenario(&canary("istio", "thresholdRange: {max: 300}"), &format!("{even}{ROLL}"));
    let options = RunOptions { replications: 4, ..RunOptions::default() };
    let point = |ms| {
        let slower = Badness::Slower(rollsim::engine::Dur::from_millis(ms));
        power::point(&scenario, &options, slower, &[]).promoted
    };
    // 80 and 130 ms are in buckets up to 100 and 250, of which 0.99 is 99 and 248.5; 380 ms up to 500.
    assert_eq!([point(0), point(50), point(300)], [4, 4, 0]);
}
