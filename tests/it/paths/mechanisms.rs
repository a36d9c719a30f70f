//! What single settings of the data planes do to a rollout.

use super::with;
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::timeline::{ChangeKind, Target, Timeline};
use rollsim::traffic::{Cause, Evaluator, EvaluatorChoice, Failure, choose};

fn runs(folder: &str, settings: &[(&str, &str)]) -> Vec<Replication> {
    let scenario = with(folder, settings).unwrap_or_else(|e| panic!("{folder}: {e}"));
    let options = RunOptions { replications: 20, keep_timelines: 20, ..RunOptions::default() };
    run(&scenario, &options)
}

fn timelines(runs: &[Replication]) -> impl Iterator<Item = &Timeline> {
    runs.iter().map(|r| r.timeline.as_ref().expect("kept"))
}

/// Weights with which pods are added while the run goes on, and when, in seconds.
fn added(timeline: &Timeline) -> impl Iterator<Item = (f64, f32)> {
    let changes = timeline.views.iter().flat_map(|v| &v.changes);
    changes.filter_map(|c| match (c.kind, c.target) {
        (ChangeKind::Add { weight }, Target::Pod(_)) => Some((c.at.as_secs_f64(), weight)),
        _ => None,
    })
}

fn failures(runs: &[Replication], kind: Failure, cause: Cause) -> f64 {
    let of = |r: &Replication| {
        let losses = r.traffic.losses.iter();
        losses.filter(|(k, _)| k.failure == kind && k.cause == cause).map(|(_, n)| n).sum::<f64>()
    };
    runs.iter().map(of).sum::<f64>() / runs.len() as f64
}

/// Requests answered by `version` and all requests answered, sent from `from_s` on.
fn answered(run: &Replication, version: &str, from_s: i32) -> (f64, f64) {
    let timeline = run.timeline.as_ref().expect("kept");
    let v = timeline.versions.iter().position(|v| v.name == version).expect("a version");
    let seconds = run.traffic.by_second.range(from_s..);
    seconds.fold((0.0, 0.0), |(own, all), (_, second)| {
        (own + second.answered[v], all + second.answered.iter().sum::<f64>())
    })
}

/// A new target lowers the share of healthy ones: below the threshold it gets requests before its first
/// check.
#[test]
fn too_small_a_share_of_healthy_targets_opens_the_group() {
    let first = |percent: &str| {
        let runs = runs("alb-least-outstanding", &[("balancer.minimum_healthy_percent", percent)]);
        let firsts = timelines(&runs).filter_map(|t| added(t).map(|a| a.0).reduce(f64::min));
        firsts.sum::<f64>() / runs.len() as f64
    };
    let (off, all) = (first("0"), first("100"));
    assert!(all + 1.0 < off, "{all} {off}");
}

/// A server that was down comes back slowly; one that never was does not.
#[test]
fn a_haproxy_server_starts_slowly_after_it_was_down() {
    let late = |seconds: &str| {
        let settings = [
            ("balancer.slowstart", seconds),
            ("deployment.spec.template.spec.containers[app].readinessProbe", "null"),
            ("app.v2.start_delay_s", "15"),
            ("minReadySeconds", "30"),
            ("traffic.duration_s", "150"),
        ];
        let runs = runs("haproxy-redispatch", &settings);
        timelines(&runs).flat_map(added).filter(|(_, weight)| *weight < 1.0).count()
    };
    assert_eq!(late("0"), 0);
    assert!(late("30") > 50, "shares grow at each check");
    let ready = runs("haproxy-redispatch", &[("balancer.slowstart", "30")]);
    assert!(timelines(&ready).flat_map(added).all(|(_, weight)| weight == 1.0));
}

/// A canary's new weight takes the way of endpoints: a token, a post, each worker's poll.
#[test]
fn a_canarys_weight_arrives_within_a_synchronisation() {
    let actions = r#"[{ kind = "rollout" }, { kind = "shift-weight", at_s = 30, weights = { web-canary = 100 } }]"#;
    let settings = [("action", "null"), ("actions", actions), ("app.v2.never_ready", "false")];
    for run in &runs("nginx-canary", &settings) {
        let (canary, all) = answered(run, "v2", 36);
        assert_eq!(canary, all);
        assert!(all > 500.0);
        let (canary, all) = answered(run, "v2", 20);
        assert!(canary < all, "not before");
    }
}

/// With Recreate and externalTrafficPolicy Local no node announces the address for a while.
#[test]
fn an_address_that_no_node_announces_has_no_route() {
    let of = |path: &str| {
        let settings = [
            ("traffic.path", path),
            ("service.spec.type", "LoadBalancer"),
            ("service.spec.externalTrafficPolicy", "Local"),
            ("strategy.type", "Recreate"),
            ("strategy.rollingUpdate", "null"),
            ("app.start_delay_s", "20"),
        ];
        let runs = runs("nginx-retries", &settings);
        (
            failures(&runs, Failure::NoRoute, Cause::NoBackend),
            failures(&runs, Failure::Timeout, Cause::NoBackend),
        )
    };
    let (no_route, timeout) = of("metallb-l2");
    assert!(no_route > 100.0, "{no_route} {timeout}");
    let (no_route, timeout) = of("metallb-bgp");
    assert!(no_route == 0.0 && timeout > 100.0, "{no_route} {timeout}");
}

/// With externalTrafficPolicy Local the set of announcing nodes changes as pods move, and the router divides
/// open connections anew.
#[test]
fn a_bgp_router_breaks_connections_when_nodes_change() {
    let of = |resilient: &str| {
        let settings = [
            ("traffic.path", "metallb-bgp"),
            ("balancer.resilient_ecmp", resilient),
            ("service.spec.type", "LoadBalancer"),
            ("service.spec.externalTrafficPolicy", "Local"),
            ("nodes", "[{ name = \"n\", count = 12 }]"),
            ("replicas", "6"),
            ("app.service", "{ kind = \"constant\", mean_s = 1.0 }"),
            ("app.on_sigterm", "graceful"),
        ];
        failures(&runs("nginx-retries", &settings), Failure::Reset, Cause::Rehash)
    };
    let (modulo, resilient) = (of("false"), of("true"));
    assert!(modulo > 20.0 && resilient < 0.8 * modulo, "{modulo} {resilient}");
}

fn evaluator(scenario: &Scenario, choice: EvaluatorChoice) -> (Evaluator, String) {
    let options = RunOptions { replications: 1, keep_timelines: 1, ..RunOptions::default() };
    let runs = run(scenario, &options);
    choose(runs[0].timeline.as_ref().expect("kept"), &scenario.traffic, choice)
}

/// What `exact` can do on each path, and what it says where it cannot.
#[test]
fn exact_says_what_it_cannot_do() {
    use Evaluator::{Approximate, Exact, Requests};
    for (path, auto, asked, words) in [
        ("service", Exact, Exact, "neither on load nor on earlier requests"),
        ("nlb", Exact, Exact, "neither on load nor on earlier requests"),
        ("headless", Exact, Exact, "neither on load nor on earlier requests"),
        ("metallb-l2", Exact, Exact, "neither on load nor on earlier requests"),
        ("alb", Requests, Requests, "stay with pods that are going"),
        ("ingress-nginx", Requests, Requests, "tries again after a failure"),
        ("haproxy", Requests, Requests, "tries again after a failure"),
    ] {
        let scenario = with("nginx-retries", &[("traffic.path", path)]).expect("fits");
        let (found, why) = evaluator(&scenario, EvaluatorChoice::Auto);
        assert_eq!(found, auto, "{path}: {why}");
        let (found, why) = evaluator(&scenario, EvaluatorChoice::Exact);
        assert_eq!(found, asked, "{path}: {why}");
        assert!(why.contains(words), "{path}: {why}");
    }
    let algorithm =
        "ingress.metadata.annotations[alb.ingress.kubernetes.io/target-group-attributes]";
    let least = "load_balancing.algorithm.type=least_outstanding_requests";
    let settings = [(algorithm, least), ("traffic.path", "alb")];
    let scenario = with("a0-alb-defaults", &settings).expect("fits");
    let (found, why) = evaluator(&scenario, EvaluatorChoice::Exact);
    assert!(found == Requests && why.contains("picks by load"), "{why}");
    // Weighted groups: the draw is exact, the groups' own picks are not.
    let scenario = with("alb-weight-shift", &[]).expect("fits");
    let (found, why) = evaluator(&scenario, EvaluatorChoice::Exact);
    assert!(found == Approximate && why.contains("picks in turn"), "{why}");
    // Connections through the nodes' kube-proxies stay with pods that are going: nothing to integrate.
    let target = "ingress.metadata.annotations[alb.ingress.kubernetes.io/target-type]";
    let scenario = with("a0-alb-defaults", &[(target, "instance")]).expect("fits");
    let (found, why) = evaluator(&scenario, EvaluatorChoice::Exact);
    assert!(found == Requests && why.contains("stay with pods that are going"), "{why}");
    let random = [("balancer.algorithm", "weighted_random")];
    let scenario = with("alb-canary", &random).expect("fits");
    let (found, why) = evaluator(&scenario, EvaluatorChoice::Exact);
    assert!(found == Approximate && why.contains("keeps connections to its backends"), "{why}");
}

/// What is named as the setting to change: a weight for weights alone, cross-zone for an empty zone.
#[test]
fn an_empty_share_is_blamed_on_what_makes_it() {
    use rollsim::blame::{Facts, Setting, blame_by};
    let first = |folder: &str, settings: &[(&str, &str)]| {
        let scenario = with(folder, settings).expect("fits");
        let options = RunOptions { replications: 3, keep_timelines: 3, ..RunOptions::default() };
        let runs = run(&scenario, &options);
        let both: Vec<_> =
            runs.iter().map(|r| (r.timeline.as_ref().expect("kept"), &r.traffic)).collect();
        blame_by(&both, &Facts::of(&scenario))[0].setting
    };
    assert_eq!(first("alb-canary", &[]), Setting::Weight);
    assert_eq!(first("alb-zone-empty", &[]), Setting::CrossZone);
    let dns = [("balancer.dns_minimum_healthy_targets", "1")];
    assert_eq!(first("alb-zone-empty", &dns), Setting::CrossZone);
    assert_eq!(first("nginx-restart", &[]), Setting::ProxyGrace);
}
