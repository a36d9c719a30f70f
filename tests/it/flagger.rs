//! Canaries of Flagger: the primary, the looks, the metrics over the simulated requests, and what becomes of
//! both Deployments.

use crate::releases::{lowered, scenario};
use rollsim::cluster::objects::WorkloadId;
use rollsim::engine::Seed;
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::{Path, Scenario};
use rollsim::sweep::power::{self, Badness};
use rollsim::world::{Control, Why, simulate};

const APP: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 3, selector: \
                   {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: \
                   app, image: 'r/web:v1', ports: [{containerPort: 8080}], readinessProbe: {httpGet: {path: /, \
                   port: 8080}, periodSeconds: 1}, lifecycle: {preStop: {sleep: {seconds: 3}}}}]}}}}";
const METRICS: &str =
    "metrics: [{name: request-success-rate, interval: 30s, thresholdRange: {min: 99}}]";
const STEPS: &str = "interval: 10s, threshold: 2, stepWeight: 25, maxWeight: 50";
const SENT: &str = "[traffic]\nrate_per_s = 40.0\nstart_s = -40.0\nduration_s = 240.0\n";
const ROLL: &str = "[action]\nkind = \"rollout\"\n";
const BAD: &str = "[[fault]]\nwhat = \"errors\"\nof = \"v2\"\nshare = 0.3\n";

fn canary(spec: &str, analysis: &str) -> String {
    format!(
        "{APP}\n---\n{{apiVersion: flagger.app/v1beta1, kind: Canary, metadata: {{name: web}}, spec: {{{spec}, \
         targetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}, service: {{port: 80, targetPort: \
         8080}}, analysis: {{{analysis}}}}}}}"
    )
}

fn control(scenario: &Scenario) -> Control {
    simulate(scenario, &scenario.platform.latencies(), Seed(3))
}

fn runs(scenario: &Scenario, replications: u32) -> Vec<Replication> {
    run(scenario, &RunOptions { replications, ..RunOptions::default() })
}

/// Versions and sizes of the target and of its primary in the end.
fn ends(control: &Control) -> [(String, i32); 2] {
    [0, 1].map(|i| {
        let spec = &control.cluster.workloads[WorkloadId(i)].spec;
        (spec.template.version.clone(), spec.replicas)
    })
}

#[test]
fn a_promotion_gives_the_primary_the_template_and_takes_the_canary_away() {
    let manifests = canary("provider: istio", &format!("{STEPS}, {METRICS}"));
    let scenario = scenario(&manifests, &format!("{SENT}{ROLL}"));
    assert!(matches!(scenario.route().path, Path::Envoy(_)));
    let control = control(&scenario);
    let complete = control.rollout.complete.expect("it is promoted").as_secs_f64();
    // Seven looks, and two Deployments that become ready between them.
    assert!((50.0..130.0).contains(&complete), "{complete}");
    assert_eq!(ends(&control), [("v2".to_owned(), 0), ("v2".to_owned(), 3)]);
    assert_eq!(control.cluster.weights, [100, 0]);
    for replication in runs(&scenario, 5) {
        assert!(replication.rollout.lowest_available >= 2, "{:?}", replication.rollout);
        assert!(replication.traffic.failed() < 20.0);
    }
}

#[test]
fn failed_checks_add_up_and_all_requests_go_back() {
    let manifests = canary("provider: istio", &format!("{STEPS}, {METRICS}"));
    let scenario = scenario(&manifests, &format!("{SENT}{BAD}{ROLL}"));
    let control = control(&scenario);
    assert_eq!(control.rollout.complete, None);
    let [stuck] = &control.rollout.stuck[..] else { panic!("{:?}", control.rollout.stuck) };
    let Why::Aborted { why } = &stuck.why else { panic!("{stuck:?}") };
    assert_eq!(why.to_string(), "2 checks failed, the last by metric request-success-rate");
    assert_eq!(ends(&control), [("v2".to_owned(), 0), ("v1".to_owned(), 3)]);
    assert_eq!(control.cluster.weights, [100, 0]);
    for replication in runs(&scenario, 5) {
        let lost = replication.traffic.failed();
        // A quarter of 40/s for two or three looks, of which three of ten fail.
        assert!((20.0..160.0).contains(&lost), "{lost}");
    }
}

#[test]
fn without_requests_a_check_fails() {
    let analysis = format!("interval: 10s, threshold: 2, iterations: 3, {METRICS}");
    let idle = scenario(&canary("provider: istio", &analysis), &format!("{SENT}{ROLL}"));
    let control = control(&idle);
    let released = control.rollout.released.as_deref().expect("a release");
    assert!(released.aborted.is_some(), "{released:?}");
    assert!(released.measured.iter().all(|m| m.value.is_none()));
    // A load test asks in the clients' place.
    let loaded = analysis + ", webhooks: [{name: load-test, url: 'http://tester/'}]";
    let loaded = scenario(&canary("provider: istio", &loaded), &format!("{SENT}{ROLL}"));
    let released = self::control(&loaded).rollout.released.expect("a release");
    assert!(released.promoted.is_some(), "{released:?}");
}

#[test]
fn where_nobody_shares_the_requests_the_canary_gets_none() {
    let analysis = "interval: 10s, threshold: 2, iterations: 2";
    let scenario = scenario(&canary("provider: kubernetes", analysis), &format!("{SENT}{ROLL}"));
    assert_eq!(scenario.services.len(), 1);
    let control = control(&scenario);
    assert_eq!(ends(&control), [("v2".to_owned(), 0), ("v2".to_owned(), 3)]);
    let all = runs(&scenario, 3);
    assert!(all.iter().all(|r| r.traffic.failed() == 0.0));
}

#[test]
fn a_webhook_that_does_not_agree_keeps_it_waiting() {
    let hook = "webhooks: [{name: gate, type: confirm-promotion, url: 'http://gate/'}]";
    let manifests = canary("provider: istio", &format!("{STEPS}, {hook}"));
    let waits = format!("{SENT}[analysis.gate]\npasses = false\n{ROLL}");
    let control = self::control(&scenario(&manifests, &waits));
    assert!(matches!(control.rollout.stuck[..], [ref s] if s.why == Why::AwaitsPromotion));
    assert_eq!(control.cluster.weights, [50, 50]);
    let goes_on = self::control(&scenario(&manifests, &format!("{SENT}{ROLL}")));
    assert!(goes_on.rollout.complete.is_some());
}

#[test]
fn a_further_revision_begins_anew() {
    let manifests = canary("provider: istio", STEPS);
    let twice = "[[actions]]\nkind = \"rollout\"\n[[actions]]\nkind = \"rollout\"\nat_s = 35\n";
    let control = control(&scenario(&manifests, &format!("{SENT}{twice}")));
    assert_eq!(ends(&control), [("v3".to_owned(), 0), ("v3".to_owned(), 3)]);
}

#[test]
fn what_scales_the_target_scales_the_primary() {
    let scaler = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: \
                  {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 2, maxReplicas: \
                  5, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, \
                  averageUtilization: 80}}}]}}";
    let spec = "provider: istio, autoscalerRef: {kind: HorizontalPodAutoscaler, name: web}";
    let app = canary(spec, STEPS)
        .replace("'r/web:v1',", "'r/web:v1', resources: {requests: {cpu: 500m}},");
    let scenario = scenario(&format!("{app}\n---\n{scaler}"), &format!("{SENT}{ROLL}"));
    let targets: Vec<&str> = scenario.autoscalers.iter().map(|a| &*a.target).collect();
    assert_eq!(targets, ["web", "web-primary"]);
    let control = control(&scenario);
    let made = control.timeline.pods.iter().filter(|p| &*p.name.deployment == "web").count();
    assert_eq!(made, 2, "as many as its autoscaler has at least");
    assert!(control.rollout.complete.is_some());
}

#[test]
fn the_power_of_a_canary_rises_with_the_badness() {
    let manifests = canary("provider: istio", &format!("{STEPS}, {METRICS}"));
    let scenario = scenario(&manifests, &format!("{SENT}{ROLL}"));
    let options = RunOptions { replications: 8, ..RunOptions::default() };
    let none = power::point(&scenario, &options, Badness::Errors(0.0), &[]);
    let much = power::point(&scenario, &options, Badness::Errors(0.3), &[]);
    assert_eq!((none.promoted, none.aborted, none.harmed), (8, 0, 0.0));
    assert_eq!((much.promoted, much.aborted), (0, 8));
    assert!(much.harmed > 10.0 && much.measurements > 0.0, "{much:?}");
}

#[test]
fn what_flagger_refuses_is_told() {
    let told = |analysis: &str, with: &str| {
        let error = lowered(&canary("provider: istio", analysis), ROLL).expect_err("refused");
        let text = error.to_string();
        assert!(text.contains(with), "{text}");
    };
    told("webhooks: [{name: a, type: before, url: u}]", "confirm-promotion");
    told("stepWeights: [10, 5]", "the weights do not rise");
    told("interval: often", "not a duration");
}
