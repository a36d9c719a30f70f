//! A proxy of its own in front of the path's.

use super::with;
use rollsim::engine::Dur;
use rollsim::report::answer::Answer;
use rollsim::run::{EvaluatorChoice, Replication, RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::traffic::{Cause, Failure};

const ALB: (&str, &str) = ("traffic.in_front", "alb");

fn lowered(settings: &[(&str, &str)]) -> Scenario {
    with("nginx-retries", settings).unwrap_or_else(|e| panic!("{e}"))
}

fn runs(settings: &[(&str, &str)]) -> Vec<Replication> {
    run(&lowered(settings), &RunOptions { replications: 10, ..RunOptions::default() })
}

fn lost(runs: &[Replication]) -> f64 {
    runs.iter().map(|r| r.traffic.failed()).sum::<f64>() / runs.len() as f64
}

#[test]
fn both_proxies_have_settings_of_their_own() {
    let scenario = lowered(&[ALB, ("in_front.idle_timeout", "30"), ("balancer.keep_alive", "20")]);
    let front = scenario.route().in_front.as_ref().expect("one in front");
    let outer = front.hop.l7.as_ref().expect("layer 7");
    assert_eq!((front.name, outer.tries), ("ALB", 1));
    assert_eq!(outer.response_timeout, Some(Dur::from_secs(30)));
    assert_eq!(scenario.route().path.front_idle_timeout(), Some(Dur::from_secs(20)));
    assert_eq!(scenario.route().path.idle_timeout(), Some(Dur::from_secs(60)));
}

#[test]
fn what_cannot_be_in_front_is_refused() {
    let refused = |settings: &[(&str, &str)]| with("nginx-retries", settings).err();
    for (settings, says) in [
        (
            &[("traffic.in_front", "alb"), ("traffic.path", "service")][..],
            "no proxy in the cluster",
        ),
        (&[("traffic.in_front", "nlb")], "haproxy"),
        (&[("in_front.idle_timeout", "30")], "traffic.in_front"),
        (&[ALB, ("in_front.idle_timeuot", "30")], "in_front.idle_timeout"),
        (&[ALB, ("in_front.idle_timeout", "never")], "idle_timeout"),
    ] {
        let problems = refused(settings).unwrap_or_else(|| panic!("{settings:?} fits"));
        assert!(problems.contains(says), "{settings:?}: {problems}");
    }
}

/// nginx tries the next pod, and the ALB hears nothing of it.
#[test]
fn an_alb_does_not_see_what_nginx_mends() {
    let (alone, behind) = (lost(&runs(&[])), lost(&runs(&[ALB])));
    assert!(behind <= 3.0 && alone <= 3.0, "{alone} {behind}");
    let once = ("balancer.next_upstream_tries", "1");
    let (alone, behind) = (lost(&runs(&[once])), lost(&runs(&[ALB, once])));
    assert!(alone > 10.0 && (behind / alone - 1.0).abs() < 0.25, "{alone} {behind}");
}

#[test]
fn each_proxy_loses_patience_by_itself() {
    let slow = ("app.service.mean_s", "3");
    let short = ("in_front.idle_timeout", "2");
    let kinds = |settings: &[(&str, &str)]| {
        let mut all: Vec<(Cause, Failure)> = Vec::new();
        for run in runs(settings) {
            all.extend(run.traffic.losses.keys().map(|k| (k.cause, k.failure)));
        }
        all.sort();
        all.dedup();
        all
    };
    let by_front = (Cause::SlowAnswer, Failure::Status(504));
    assert!(kinds(&[ALB, slow, short]).contains(&by_front));
    assert!(!kinds(&[ALB, slow]).contains(&by_front));
}

/// The best-known mistake: nginx closes connections that the ALB still keeps.
#[test]
fn nginx_that_closes_first_races_with_the_alb() {
    let window = ("in_front.race_window", "0.05");
    let raced = |seconds: &str| {
        let settings = [ALB, window, ("balancer.keep_alive", seconds), ("traffic.rate_per_s", "2")];
        let races = |r: &Replication| {
            let losses = r.traffic.losses.iter();
            losses.filter(|(k, _)| k.cause == Cause::IdleRace && k.pod.is_none()).count()
        };
        runs(&settings).iter().map(races).sum::<usize>()
    };
    assert_eq!(raced("75"), 0);
    assert!(raced("1") > 0);
}

#[test]
fn it_is_never_exact() {
    let options = RunOptions {
        replications: 1,
        evaluator: EvaluatorChoice::Stepped,
        ..RunOptions::default()
    };
    let scenario = lowered(&[ALB]);
    let stepped = run(&scenario, &options);
    let after = run(&scenario, &RunOptions { evaluator: EvaluatorChoice::Auto, ..options });
    assert_eq!(stepped, after, "in step as afterwards");
}

/// An ALB, behind it Istio's proxies, and behind those the proxies in the pods: each by its own rules.
#[test]
fn three_hops_have_rules_of_their_own() {
    let runs = |settings: &[(&str, &str)]| {
        let scenario = with("istio-stop", settings).unwrap_or_else(|e| panic!("{e}"));
        let runs = run(&scenario, &RunOptions { replications: 5, ..RunOptions::default() });
        runs.iter().for_each(|r| r.traffic.assert_conserved());
        runs
    };
    let kinds = |runs: &[Replication]| {
        let keys = runs.iter().flat_map(|r| r.traffic.losses.keys());
        keys.map(|k| (k.cause, k.failure)).collect::<std::collections::BTreeSet<_>>()
    };
    let cut = (Cause::CutBySidecar, Failure::Status(503));
    let patience = (Cause::SlowAnswer, Failure::Status(504));
    // The proxy in the pod goes: Envoy's answer passes the ALB.
    let all = runs(&[ALB]);
    assert!(kinds(&all).contains(&cut) && !kinds(&all).contains(&patience));
    // Envoy tries resets again, and the ALB hears nothing of it.
    let mended = runs(&[ALB, ("balancer.retry_on", "reset")]);
    assert!(!kinds(&mended).contains(&cut) && lost(&mended) < lost(&all));
    // The ALB loses patience while the others wait.
    let short = kinds(&runs(&[ALB, ("in_front.idle_timeout", "4")]));
    assert!(short.contains(&patience), "{short:?}");
    assert_eq!(lost(&runs(&[ALB, ("mesh.native_sidecars", "true")])), 0.0);
}

/// Whoever sees a 504 or a 503 cannot tell which of three proxies it is from.
#[test]
fn the_answer_names_the_hop_that_lost_requests() {
    for (setting, hop, blamed) in [
        (
            ("in_front.idle_timeout", "8"),
            "the ALB in front",
            "response timeout of the proxy in front",
        ),
        (("balancer.route_timeout", "8"), "Istio", "response timeout of the proxy"),
        (("balancer.max_requests", "30"), "Istio", "circuit breaker of the proxy"),
        (("mesh.native_sidecars", "false"), "the proxy in pods of web", "stop of the sidecar"),
        (("app.on_sigterm", "exit"), "pods of web", "graceful shutdown of the application"),
        (("traffic.timeout_s", "8"), "the client", "timeout of the client"),
    ] {
        let scenario = with("hops-alb-gateway-sidecar", &[setting]);
        let scenario = scenario.unwrap_or_else(|e| panic!("{e}"));
        let options = RunOptions { replications: 3, ..RunOptions::default() };
        let answer = Answer::of(&scenario, &options).expect("an answer");
        let [only] = &answer.blame[..] else { panic!("{setting:?}: {:?}", answer.blame) };
        assert_eq!((only.hop.as_deref(), only.setting.as_str()), (Some(hop), blamed));
        let others = only.lost - answer.lost.total.mean;
        assert!(others.abs() < 1e-6, "{setting:?}: all of them but {others}");
    }
}
