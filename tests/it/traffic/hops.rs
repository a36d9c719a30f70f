//! Proxies in front of proxies: each with its own patience, tries, statuses and kept connections.

use super::timelines::{
    add, backend, d, in_front, instances, l7, pod, random_rollout, random_service, remove, s,
    timeline, traffic, view,
};
use rollsim::engine::{Dist, Seed, Time};
use rollsim::timeline::{
    Backend, ChangeKind, L7, L7Status, Pick, PodProxy, Pool, RetryOn, Target, Timeline, ViewChange,
    ViewId,
};
use rollsim::traffic::offered::{Arrivals, Traffic};
use rollsim::traffic::requests::evaluate_queued;
use rollsim::traffic::{self, Cause, Evaluator, EvaluatorChoice, Failure, TrafficOutcome};

fn run(timeline: &Timeline, traffic: &Traffic) -> TrafficOutcome {
    traffic::evaluate(timeline, traffic, Seed(5), EvaluatorChoice::Auto)
}

/// A proxy in front that does nothing of its own.
fn outer() -> L7 {
    L7 { proxy: "outer", connect_timeout: d(1000.0), response_timeout: None, ..l7() }
}

/// One proxy and one pod that is always there.
fn calm(inner: L7, service: Dist) -> Timeline {
    let mut v = view(&[0], Vec::new());
    v.hop.l7 = Some(inner);
    timeline(vec![pod(0, -100.0, 1e9, 1e9)], vec![v], service, 2000.0)
}

fn exponential(mean_s: f64) -> Dist {
    Dist::Exponential { mean_s, min_s: 0.0 }
}

/// A random rollout behind proxies that try again, keep connections and lose patience.
fn proxied(seed: u64) -> (Timeline, Traffic) {
    let mut timeline = random_rollout(seed, random_service(seed));
    let pick = [Pick::Ewma, Pick::LeastOutstanding, Pick::RoundRobin][seed as usize % 3];
    for v in instances(&mut timeline) {
        v.hop.pick = pick;
        let retry_on = RetryOn {
            refused: true,
            reset: true,
            response_timeout: seed.is_multiple_of(7),
            ..RetryOn::default()
        };
        let pool = Pool { idle_timeout: d(2.0), race_window: d(0.01), closes_client: false };
        v.hop.l7 = Some(L7 {
            connect_timeout: d(1.5),
            response_timeout: Some(d(1.0)),
            tries: 1 + seed as u32 % 4,
            exclude_tried: seed.is_multiple_of(5),
            retry_on,
            pool: seed.is_multiple_of(2).then_some(pool),
            ..l7()
        });
    }
    for version in timeline.versions.iter_mut().filter(|_| seed % 3 == 1) {
        (version.concurrency, version.queue) = (Some(2), Some(3));
    }
    let arrivals = match seed % 4 {
        0 => Arrivals::Closed { users: 30, think: exponential(0.1) },
        1 => Arrivals::Even,
        _ => Arrivals::Poisson,
    };
    let mut t = traffic(arrivals, 150.0, -3.0, 25.0);
    t.client.retries = seed as u32 % 3;
    t.client.retry_backoff = d(0.05);
    t.client.timeout = d(2.0);
    t.client.non_idempotent = 0.2;
    (timeline, t)
}

#[test]
fn a_hop_that_does_nothing_changes_nothing() {
    for seed in 0..40 {
        let (mut timeline, t) = proxied(seed);
        let alone = evaluate_queued(&timeline, &t, Seed(seed));
        in_front(&mut timeline, &outer());
        assert_eq!(alone, evaluate_queued(&timeline, &t, Seed(seed)), "seed {seed}");
        // And one more in front of that.
        in_front(&mut timeline, &L7 { proxy: "outermost", ..outer() });
        assert_eq!(alone, evaluate_queued(&timeline, &t, Seed(seed)), "seed {seed}");
        assert!(alone.failed() > 0.0 || seed % 3 != 1, "seed {seed} puts nothing to the test");
    }
}

/// Whatever the hops do to each other, the evaluator asserts that every request comes to one end.
#[test]
fn requests_are_conserved_through_two_hops() {
    let mut by_outer = 0.0;
    for seed in 0..40 {
        let (mut timeline, t) = proxied(seed);
        let retry_on = RetryOn {
            refused: true,
            reset: true,
            response_timeout: seed.is_multiple_of(2),
            ..RetryOn::default()
        };
        let pool = Pool { idle_timeout: d(1.0), race_window: d(0.005), closes_client: false };
        let first_outer = timeline.views.len();
        let front = L7 {
            tries: 1 + seed as u32 % 3,
            response_timeout: Some(d(0.3 + 0.1 * (seed % 5) as f64)),
            retry_on,
            pool: seed.is_multiple_of(3).then_some(pool),
            ..outer()
        };
        for v in instances(&mut timeline) {
            v.hop.l7.as_mut().expect("a proxy").front_idle_timeout = Some(d(0.5));
        }
        in_front(&mut timeline, &front);
        for v in timeline.views.iter_mut().skip(first_outer).filter(|_| seed % 4 == 1) {
            v.hop.pick = Pick::LeastOutstanding;
        }
        let outcome = run(&timeline, &t);
        assert_eq!(outcome.evaluator, Evaluator::Requests);
        assert_eq!(outcome, run(&timeline, &t), "seed {seed}");
        let outer = |v: ViewId| v.index() >= first_outer;
        let lost = outcome.losses.iter().filter(|(key, _)| key.view.is_some_and(outer));
        by_outer += lost.map(|(_, n)| n).sum::<f64>();
    }
    assert!(by_outer > 100.0, "{by_outer}");
}

/// The shares of independent exponential times, by arithmetic.
#[test]
fn attempts_are_within_attempts() {
    let again = RetryOn { response_timeout: true, ..RetryOn::default() };
    let hop =
        |seconds, tries| L7 { response_timeout: Some(d(seconds)), tries, retry_on: again, ..l7() };
    let share = |inner: L7, front: L7| {
        let mut timeline = calm(inner, exponential(1.0));
        in_front(&mut timeline, &L7 { proxy: "outer", ..front });
        let outcome = run(&timeline, &traffic(Arrivals::Even, 20.0, 0.0, 1000.0));
        let failures: Vec<Failure> = outcome.by_failure().into_keys().collect();
        assert_eq!(failures, [Failure::Status(504)]);
        outcome.failed() / outcome.sent
    };
    // Each try of the inner hop is longer than 0.4 s, and so is each of those of the outer one.
    let e = |x: f64| libm::exp(-x);
    for (inner, front, expected) in [
        (hop(0.4, 1), hop(60.0, 1), e(0.4)),
        (hop(0.4, 2), hop(60.0, 1), e(0.8)),
        // Statuses of the inner hop are answers: the outer one does not try again.
        (hop(0.4, 2), hop(60.0, 3), e(0.8)),
        // The outer hop cuts the inner one's second try short.
        (hop(0.4, 2), hop(0.6, 1), e(0.6)),
        (hop(0.4, 2), hop(0.6, 2), e(1.2)),
        (hop(60.0, 1), hop(0.5, 3), e(1.5)),
    ] {
        let found = share(inner, front);
        assert!((found - expected).abs() < 0.012, "{found} for {expected}");
    }
}

#[test]
fn who_lost_patience_is_named() {
    let slow = |inner_s: f64, outer_s: f64| {
        let inner = L7 { response_timeout: Some(d(inner_s)), ..l7() };
        let mut timeline = calm(inner, Dist::constant(3.0));
        let own = L7Status { response_timeout: 524, ..l7().status };
        let front = L7 { response_timeout: Some(d(outer_s)), status: own, ..outer() };
        in_front(&mut timeline, &front);
        let outcome = run(&timeline, &traffic(Arrivals::Even, 10.0, 0.0, 10.0));
        let keys: Vec<_> = outcome.losses.into_keys().collect();
        let [key] = keys[..] else { panic!("{keys:?}") };
        assert_eq!(key.cause, Cause::SlowAnswer);
        (key.failure, key.view.expect("a view"))
    };
    // The views: the inner proxy, the clients, the proxy in front.
    assert_eq!(slow(1.0, 2.0), (Failure::Status(504), ViewId(0)));
    assert_eq!(slow(2.0, 1.0), (Failure::Status(524), ViewId(2)));
    assert_eq!(slow(1.0, 1.0).0, Failure::Status(524), "both at once: the outer one hears nothing");
}

#[test]
fn statuses_of_the_inner_hop_are_passed_on() {
    let mut timeline = calm(l7(), Dist::constant(0.01));
    timeline.pods[0] = pod(0, -100.0, 5.0, 5.0);
    timeline.pods[0].phases.truncate(3);
    let other = L7Status { refused: 503, reset: 503, ..l7().status };
    let tries = RetryOn { refused: true, reset: true, ..RetryOn::default() };
    in_front(&mut timeline, &L7 { status: other, tries: 3, retry_on: tries, ..outer() });
    let outcome = run(&timeline, &traffic(Arrivals::Even, 100.0, 0.0, 10.0));
    assert_eq!(outcome.by_failure().into_keys().collect::<Vec<_>>(), [Failure::Status(502)]);
    assert!((outcome.failed() - 500.0).abs() <= 2.0, "{}", outcome.failed());
}

#[test]
fn a_proxy_that_closes_first_races_with_the_one_in_front() {
    let lost = |closes_s: f64, window_s: f64| {
        let inner = L7 { front_idle_timeout: Some(d(closes_s)), ..l7() };
        let mut timeline = calm(inner, Dist::constant(0.005));
        let pool = Pool { idle_timeout: d(60.0), race_window: d(window_s), closes_client: false };
        in_front(&mut timeline, &L7 { pool: Some(pool), ..outer() });
        run(&timeline, &traffic(Arrivals::Poisson, 1.0, 0.0, 1900.0))
    };
    let outcome = lost(2.0, 0.05);
    // Gaps of 2 s, give or take 0.05, between requests at one a second.
    let expected = 1900.0 * (libm::exp(-1.95) - libm::exp(-2.05));
    assert!((outcome.failed() - expected).abs() < 18.0, "{} for {expected}", outcome.failed());
    let keys: Vec<_> = outcome.losses.keys().map(|k| (k.failure, k.cause, k.pod)).collect();
    assert_eq!(keys, [(Failure::Status(502), Cause::IdleRace, None)]);
    assert_eq!(lost(75.0, 0.05).failed(), 0.0);
    assert_eq!(lost(2.0, 0.0).failed(), 0.0);
}

/// A kept connection ends with what it came through.
#[test]
fn kept_connections_follow_what_they_came_through() {
    let proxy = |to: usize| {
        let mut v = view(&[to], Vec::new());
        v.hop.l7 = Some(l7());
        v
    };
    let target = |v: u32| Target::View(ViewId(v));
    let listed = |v: u32| Backend { target: target(v), weight: 1.0 };
    let change = |v, kind| ViewChange { at: s(10.0), target: target(v), kind };
    let mut between = view(&[], Vec::new());
    between.initial = vec![listed(0)];
    between.changes =
        vec![change(1, ChangeKind::Add { weight: 1.0 }), change(0, ChangeKind::Remove)];
    let mut front = view(&[], Vec::new());
    let pool = Pool { idle_timeout: d(60.0), race_window: d(0.0), closes_client: false };
    front.hop.l7 = Some(L7 { pool: Some(pool), ..outer() });
    front.initial = vec![listed(2)];
    let pods = vec![pod(0, -100.0, 1e9, 1e9), pod(0, -100.0, 1e9, 1e9)];
    let views = vec![proxy(0), proxy(1), between, front];
    let mut timeline = timeline(pods, views, Dist::constant(0.001), 40.0);
    timeline.views.truncate(4);
    timeline.enter(&[(ViewId(3), 1.0)]);
    let outcome = run(&timeline, &traffic(Arrivals::Even, 100.0, 0.0, 20.0));
    assert_eq!((outcome.by_pod, outcome.losses.len()), (vec![1000.0, 1000.0], 0));
}

#[test]
fn the_answer_says_why_each_request_is_sent() {
    let mut stacked = calm(l7(), Dist::constant(0.01));
    in_front(&mut stacked, &outer());
    let t = traffic(Arrivals::Poisson, 10.0, 0.0, 10.0);
    let (evaluator, why) = traffic::choose(&stacked, &t, EvaluatorChoice::Exact);
    assert_eq!(evaluator, Evaluator::Requests);
    assert!(why.ends_with("passes requests on to proxy"), "{why}");
}

/// The same words of a proxy's views in a row are one hop, as a draw between target groups is.
#[test]
fn views_of_one_proxy_are_one_hop() {
    let mut timeline = calm(L7 { response_timeout: Some(d(5.0)), ..l7() }, Dist::constant(3.0));
    in_front(&mut timeline, &L7 { response_timeout: Some(d(1.0)), ..l7() });
    let t = traffic(Arrivals::Even, 10.0, 0.0, 10.0);
    assert_eq!(run(&timeline, &t).failed(), 0.0, "the rules of the last view apply");
    // With another proxy's name each has its own.
    in_front(&mut timeline, &L7 { response_timeout: Some(d(1.0)), ..outer() });
    assert_eq!(run(&timeline, &t).failed(), 100.0);
}

/// Pods behind two hops come and go; nothing is lost that one hop would not lose.
#[test]
fn a_rollout_behind_two_hops_is_as_behind_one() {
    let mut v = view(&[0], vec![add(5.0, 1), remove(6.0, 0)]);
    v.hop.l7 = Some(l7());
    assert_eq!(v.initial, [backend(0)]);
    let pods = vec![pod(0, -100.0, 8.0, 9.0), pod(1, 4.0, 1e9, 1e9)];
    let mut timeline = timeline(pods, vec![v], Dist::constant(0.02), 40.0);
    in_front(&mut timeline, &L7 { response_timeout: Some(d(60.0)), ..outer() });
    let outcome = run(&timeline, &traffic(Arrivals::Even, 100.0, 0.0, 20.0));
    assert_eq!(outcome.failed(), 0.0, "{:?}", outcome.losses);
}

/// A load balancer before a gateway before pods with proxies of their own: whatever ends a request, it is one
/// of them that does, once.
#[test]
fn a_stack_of_hops_ends_each_request_once() {
    let mut causes = std::collections::BTreeSet::new();
    for seed in 0..80 {
        let (mut timeline, mut traffic) = proxied(seed);
        traffic.client.timeout = d(2.0);
        let retry_on = RetryOn { refused: true, reset: true, ..RetryOn::default() };
        let gateway = L7 { proxy: "gateway", tries: 2, retry_on, ..outer() };
        in_front(&mut timeline, &L7 { response_timeout: Some(d(1.2)), ..gateway });
        let balancer = L7 { proxy: "balancer", response_timeout: Some(d(1.4)), ..outer() };
        in_front(&mut timeline, &balancer);
        for (n, pod) in timeline.pods.iter_mut().enumerate().filter(|(n, _)| n % 2 == 0) {
            let stops = pod.sigterm.min(Time::NEVER);
            let gone = if n % 4 == 0 { stops } else { Time::NEVER };
            let listening = Time::ALWAYS;
            pod.proxy = Some(PodProxy { listening, stops, gone, answers: 503 });
        }
        let outcome = run(&timeline, &traffic);
        outcome.assert_conserved();
        let lost: f64 = outcome.by_cause().values().sum();
        assert_eq!(lost, outcome.failed(), "world {seed}");
        let named = outcome.losses.keys().all(|key| key.pod.is_some() || key.view.is_some());
        assert!(named, "world {seed}: {:?}", outcome.losses);
        causes.extend(outcome.by_cause().into_keys());
    }
    for cause in [Cause::SlowAnswer, Cause::CutBySidecar, Cause::CutByExit] {
        assert!(causes.contains(&cause), "{cause:?} is among {causes:?}");
    }
}
