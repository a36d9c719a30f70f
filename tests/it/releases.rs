//! Releases that decide: the steps of a Rollout, analyses over the simulated requests, aborts, and actions
//! that wait for a condition.

mod decided;
mod invalid;
mod judged;
mod pieces;

use rollsim::engine::Seed;
use rollsim::input::{Diagnostics, Input, Source};
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::sweep::power::{self, Badness};
use rollsim::world::{Why, simulate};

const POD: &str = "{metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: 'r/web:v1', \
                   ports: [{containerPort: 8080}], readinessProbe: {httpGet: {path: /, port: 8080}, \
                   periodSeconds: 1}, lifecycle: {preStop: {sleep: {seconds: 3}}}}]}}";

fn service(name: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{selector: {{app: web}}, \
         ports: [{{port: 80, targetPort: 8080}}]}}}}"
    )
}

fn rollout(replicas: u32, strategy: &str) -> String {
    let rollout = format!(
        "{{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {{name: web}}, spec: {{replicas: \
         {replicas}, selector: {{matchLabels: {{app: web}}}}, strategy: {{{strategy}}}, template: {POD}}}}}"
    );
    format!("{rollout}\n---\n{}\n---\n{}", service("web"), service("web-canary"))
}

const ROUTED: &str = "stableService: web, canaryService: web-canary, trafficRouting: {traefik: {weightedTraefikServiceName: web}}";

fn template(metric: &str) -> String {
    format!(
        "\n---\n{{apiVersion: argoproj.io/v1alpha1, kind: AnalysisTemplate, metadata: {{name: errors}}, spec: \
         {{metrics: [{{name: errors, {metric}, successCondition: 'result[0] < 0.1', provider: {{prometheus: \
         {{query: 'sum(rate(errors_total{{canary}}[30s])) / sum(rate(total{{canary}}[30s]))'}}}}}}]}}}}"
    )
}

/// Manifests, and a scenario beneath an application that starts in a second.
pub(crate) fn lowered(manifests: &str, scenario: &str) -> Result<Scenario, Diagnostics> {
    let app = "schema = 1\n[app]\nstart_delay_s = 1.0\non_sigterm = \"graceful\"\n";
    let file = |name: &str, text: String| Source::Text { name: name.into(), text };
    let files =
        [file("web.yaml", manifests.to_owned()), file("scenario.toml", format!("{app}{scenario}"))];
    Input::load(&files)?.lower()
}

pub(crate) fn scenario(manifests: &str, more: &str) -> Scenario {
    lowered(manifests, more).unwrap_or_else(|e| panic!("{e}"))
}

fn runs(scenario: &Scenario, replications: u32) -> Vec<Replication> {
    run(scenario, &RunOptions { replications, ..RunOptions::default() })
}

const SENT: &str = "[traffic]\nrate_per_s = 40.0\nstart_s = -20.0\n";
const ROLL: &str = "[action]\nkind = \"rollout\"\n";

#[test]
fn a_canary_by_numbers_of_pods_goes_through_its_steps() {
    let steps = "canary: {maxSurge: 1, maxUnavailable: 0, steps: [{setWeight: 50}, {pause: {duration: 20}}]}";
    let scenario = scenario(&rollout(4, steps), ROLL);
    let control = simulate(&scenario, &scenario.platform.latencies(), Seed(3));
    let rollout = &control.rollout;
    let complete = rollout.complete.expect("it is promoted").as_secs_f64();
    assert!((24.0..60.0).contains(&complete), "{complete}");
    // One above, and one that stops still.
    assert!((5..=6).contains(&rollout.peak_pods), "{rollout:?}");
    assert_eq!(rollout.lowest_available, 4);
    assert!(rollout.released.as_ref().is_some_and(|r| r.promoted.is_some()));
}

#[test]
fn a_pause_without_an_end_waits_for_somebody() {
    let steps = "canary: {steps: [{setWeight: 25}, {pause: {}}]}";
    let waits = scenario(&rollout(4, steps), ROLL);
    let control = simulate(&waits, &waits.platform.latencies(), Seed(3));
    assert_eq!(control.rollout.complete, None);
    assert!(matches!(control.rollout.stuck[..], [ref s] if s.why == Why::AwaitsPromotion));
    let resume = "[[actions]]\nkind = \"rollout\"\n[[actions]]\nkind = \"resume\"\nat_s = 40\n";
    let goes_on = scenario(&rollout(4, steps), resume);
    let control = simulate(&goes_on, &goes_on.platform.latencies(), Seed(3));
    let complete = control.rollout.complete.expect("it is promoted").as_secs_f64();
    assert!(complete > 40.0, "{complete}");
}

#[test]
fn a_router_gives_the_canary_its_weight_once_its_pods_are_there() {
    let steps = "steps: [{setWeight: 30}, {pause: {duration: 60}}]";
    let strategy = format!("canary: {{{ROUTED}, {steps}}}");
    let scenario = scenario(&rollout(5, &strategy), &format!("{SENT}duration_s = 75.0\n{ROLL}"));
    let all = runs(&scenario, 10);
    let share: f64 =
        all.iter().map(|r| r.traffic.answered_by_version[1] / r.traffic.sent).sum::<f64>()
            / all.len() as f64;
    // 55 s from the action on less some 6 s, of 75: at 30 %.
    assert!((0.12..0.26).contains(&share), "{share}");
    assert!(all.iter().all(|r| r.rollout.lowest_available >= 5));
}

#[test]
fn errors_abort_a_canary_and_the_old_pods_are_all_there() {
    let strategy = format!(
        "canary: {{{ROUTED}, analysis: {{templates: [{{templateName: errors}}]}}, steps: [{{setWeight: 30}}, \
         {{pause: {{duration: 120}}}}]}}"
    );
    let manifests = rollout(3, &strategy) + &template("interval: 20s, failureLimit: 0");
    let bad = "[[fault]]\nwhat = \"errors\"\nof = \"v2\"\nshare = 0.5\n";
    let scenario = scenario(&manifests, &format!("{SENT}duration_s = 180.0\n{bad}{ROLL}"));
    for replication in runs(&scenario, 5) {
        let released = replication.rollout.released.as_deref().expect("a release");
        assert!(released.promoted.is_none() && released.aborted.is_some(), "{released:?}");
        assert!(
            matches!(replication.rollout.stuck[..], [ref s] if matches!(s.why, Why::Aborted { .. }))
        );
        // The canary's share of half a minute to a minute, half of it.
        let lost = replication.traffic.failed();
        assert!((30.0..500.0).contains(&lost), "{lost}");
    }
}

#[test]
fn a_workload_that_a_rollout_refers_to_is_its_template() {
    let deployment = format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{replicas: 0, selector: \
         {{matchLabels: {{app: web}}}}, template: {POD}}}}}"
    );
    let rollout = "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: web-ro}, spec: {replicas: 3, \
                   workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}, strategy: {blueGreen: \
                   {activeService: web}}}}";
    let manifests = format!("{deployment}\n---\n{rollout}\n---\n{}", service("web"));
    let scenario = scenario(&manifests, ROLL);
    assert_eq!((&*scenario.before().name, scenario.before().replicas), ("web-ro", 3));
    let control = simulate(&scenario, &scenario.platform.latencies(), Seed(3));
    assert!(control.rollout.complete.is_some(), "{:?}", control.rollout);
}

#[test]
fn an_undo_waits_for_errors_and_a_switch_for_pods() {
    let deployment = format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{replicas: 3, selector: \
         {{matchLabels: {{app: web}}}}, template: {POD}}}}}\n---\n{}",
        service("web")
    );
    let bad = "[[fault]]\nwhat = \"errors\"\nof = \"v2\"\nshare = SHARE\n";
    let undo = "[[actions]]\nkind = \"rollout\"\n[[actions]]\nkind = \"undo\"\n\
                when = \"error_rate(v2, 30s) > 0.1\"\nafter_s = 5\n";
    let with = |share: &str| {
        let text = format!("{SENT}duration_s = 150.0\n{}{undo}", bad.replace("SHARE", share));
        runs(&scenario(&deployment, &text), 5)
    };
    for replication in with("0.5") {
        assert!(replication.rollout.never_begun.is_empty());
        let lost = replication.traffic.failed();
        // Half of 40/s until the rate is seen, five seconds and a rollout later.
        assert!((150.0..1_500.0).contains(&lost), "{lost}");
        assert!(replication.rollout.stuck.is_empty(), "{:?}", replication.rollout.stuck);
    }
    assert!(with("0.0").iter().all(|r| r.rollout.never_begun == [1]));
    for (when, why) in [("error_rat(v2) > 1", "not known"), ("available() >", "too early")] {
        let text = format!("[[actions]]\nkind = \"undo\"\nwhen = \"{when}\"\n");
        let refused = lowered(&deployment, &text).expect_err("refused").to_string();
        assert!(refused.contains(why) && refused.contains("actions[0].when"), "{refused}");
    }
}

#[test]
fn simulated_releases_agree_with_the_closed_form() {
    let strategy = format!(
        "canary: {{{ROUTED}, analysis: {{templates: [{{templateName: errors}}], startingStep: 1}}, steps: \
         [{{setWeight: 20}}, {{pause: {{duration: 170}}}}]}}"
    );
    let metric = "interval: 50s, initialDelay: 60s, failureLimit: 1";
    let manifests = rollout(3, &strategy) + &template(metric);
    let traffic = "[traffic]\nrate_per_s = 5.0\nstart_s = -20.0\nduration_s = 240.0\n";
    let scenario = scenario(&manifests, &format!("{traffic}{ROLL}"));
    let options = RunOptions { replications: 400, ..RunOptions::default() };
    let well = power::where_all_is_well(&scenario, &options);
    let point = power::point(&scenario, &options, Badness::Errors(0.1), &well);
    let theory = point.promoted_by_theory.expect("there is a closed form");
    let found = f64::from(point.promoted) / f64::from(point.rollouts);
    let error = (theory * (1.0 - theory) / f64::from(point.rollouts)).sqrt();
    assert!((0.1..0.9).contains(&theory), "{theory}");
    assert!(
        (found - theory).abs() < 3.0 * error,
        "{found} simulated, {theory} by the form, {error}"
    );
}

/// Istio may share the requests between subsets of one Service: the hash of a template is in the subset.
/// argoproj/argo-rollouts 4195: once no Service selects old pods their proxies answer 503 NC, which is named.
#[test]
fn proxies_of_pods_that_no_service_selects_are_named() {
    let strategy = "canary: {stableService: web, canaryService: web-canary, trafficRouting: {istio: \
                    {virtualService: {name: web}}}, steps: [{setWeight: 50}]}";
    let meshed = "\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {istio-injection: \
                  enabled}}}\n---\n{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: web}, \
                  spec: {hosts: [web], http: [{route: [{destination: {host: web}, weight: 100}, {destination: {host: \
                  web-canary}, weight: 0}]}]}}";
    let all = "\n---\n{apiVersion: v1, kind: Service, metadata: {name: all}, spec: {selector: {app: web}, ports: \
               [{port: 80}]}}";
    let named = |more: &str| {
        let manifests = rollout(2, strategy) + more;
        let scenario = scenario(&manifests, &format!("{SENT}[[actions]]\nkind = \"rollout\"\n"));
        scenario.not_modelled.iter().any(|what| what.contains("503 NC"))
    };
    assert!(named(meshed));
    assert!(!named(&format!("{meshed}{all}")), "a further Service selects them");
    assert!(!named(""), "they have no proxies");
}

#[test]
fn subsets_of_one_service_are_shared_as_two_services_are() {
    let rule = "\n---\n{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: web}, spec: \
                {host: web, subsets: [{name: old}, {name: new}]}}\n---\n{apiVersion: networking.istio.io/v1, kind: \
                VirtualService, metadata: {name: web}, spec: {hosts: [web], http: [{route: [{destination: {host: \
                web, subset: old}, weight: 100}, {destination: {host: web, subset: new}, weight: 0}]}]}}";
    let strategy = "canary: {trafficRouting: {istio: {virtualService: {name: web}, destinationRule: {name: web, \
                    canarySubsetName: new, stableSubsetName: old}}}, steps: [{setWeight: 20}, {pause: {duration: 10s}}]}";
    let manifests = rollout(2, strategy) + rule;
    let scenario = scenario(&manifests, &format!("{SENT}[[actions]]\nkind = \"rollout\"\n"));
    let new: f64 = runs(&scenario, 4).iter().map(|r| r.traffic.answered_by_version[1]).sum();
    assert!(new > 0.0, "the new pods answer");
    let names: Vec<&str> = scenario.services.iter().map(|s| &*s.name).collect();
    assert_eq!(names[..2], ["web-old", "web-new"]);
}
