//! `exact` and `requests` agree where exact is exact.

use super::timelines::{cut_at, random_rollout, random_service, traffic};
use proptest::prelude::*;
use rollsim::engine::Seed;
use rollsim::timeline::Timeline;
use rollsim::traffic::offered::{Arrivals, Traffic};
use rollsim::traffic::{self, Cause, EvaluatorChoice, TrafficOutcome};
use std::collections::BTreeMap;

const REPLICATIONS: u64 = 60;

fn simulated(timeline: &Timeline, traffic: &Traffic) -> Vec<TrafficOutcome> {
    let one = |i| {
        let seed = Seed(11).replication(i);
        traffic::evaluate(timeline, traffic, seed, EvaluatorChoice::Requests)
    };
    (0..REPLICATIONS).map(one).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    values.sum::<f64>() / REPLICATIONS as f64
}

/// Six standard errors, and something for counts so small that the error is not normal.
fn assert_near(what: &str, exact: f64, simulated: f64, variance: f64) {
    let allowed = 6.0 * (variance / REPLICATIONS as f64).sqrt() + 6.0 / REPLICATIONS as f64;
    assert!(
        (exact - simulated).abs() <= allowed,
        "{what}: {exact} exact, {simulated} simulated, {allowed} allowed"
    );
}

fn compare(timeline: &Timeline, traffic: &Traffic) {
    let (evaluator, why) = traffic::choose(timeline, traffic, EvaluatorChoice::Auto);
    assert_eq!(evaluator, traffic::Evaluator::Exact, "{why}");
    let exact = traffic::evaluate(timeline, traffic, Seed(0), EvaluatorChoice::Exact);
    let runs = simulated(timeline, traffic);
    assert_near("sent", exact.sent, mean(runs.iter().map(|r| r.sent)), exact.sent);
    assert_near("failed", exact.failed(), mean(runs.iter().map(|r| r.failed())), exact.variance);
    assert_near("open", exact.open, mean(runs.iter().map(|r| r.open)), exact.open);
    assert_near("stalled", exact.stalled, mean(runs.iter().map(|r| r.stalled)), exact.stalled);
    for (key, &n) in &exact.losses {
        let simulated = mean(runs.iter().map(|r| r.losses.get(key).copied().unwrap_or(0.0)));
        assert_near(&format!("{key:?}"), n, simulated, n);
    }
    for run in &runs {
        for key in run.losses.keys() {
            assert!(exact.losses.contains_key(key), "{key:?} lost in a run but never expected");
        }
    }
    for (pod, &n) in exact.by_pod.iter().enumerate() {
        assert_near(&format!("sent to {pod}"), n, mean(runs.iter().map(|r| r.by_pod[pod])), n);
    }
    for (second, expected) in &exact.by_second {
        for (v, &n) in expected.answered.iter().enumerate() {
            let one = |r: &TrafficOutcome| {
                r.by_second.get(second).and_then(|s| s.answered.get(v)).copied().unwrap_or(0.0)
            };
            assert_near(&format!("second {second}"), n, mean(runs.iter().map(one)), n.max(1.0));
        }
    }
    let latency = |r: &TrafficOutcome| r.latency.expect("some are answered");
    let (e, p50) = (latency(&exact), mean(runs.iter().map(|r| latency(r).p50_s)));
    let pooled = mean(runs.iter().map(|r| latency(r).mean_s));
    assert!((e.mean_s / pooled - 1.0).abs() < 0.1, "mean {} {pooled}", e.mean_s);
    assert!((e.p50_s / p50 - 1.0).abs() < 0.1, "median {} {p50}", e.p50_s);
}

/// The spread of the count, given the timeline: sample variance against the predicted one.
fn compare_spread(timeline: &Timeline, traffic: &Traffic) -> Option<(f64, f64)> {
    let exact = traffic::evaluate(timeline, traffic, Seed(0), EvaluatorChoice::Exact);
    let failed: Vec<f64> = simulated(timeline, traffic).iter().map(|r| r.failed()).collect();
    let m = mean(failed.iter().copied());
    let sample = failed.iter().map(|f| (f - m) * (f - m)).sum::<f64>() / (failed.len() - 1) as f64;
    (exact.variance > 2.0).then_some((sample, exact.variance))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn exact_agrees_with_requests(seed in any::<u64>(), even in any::<bool>()) {
        let timeline = random_rollout(seed, random_service(seed));
        let arrivals = if even { Arrivals::Even } else { Arrivals::Poisson };
        let mut t = traffic(arrivals, 150.0, -3.0, 25.0);
        t.rate.push((super::timelines::s(4.0), 220.0));
        compare(&timeline, &t);
    }
}

#[test]
fn spread_of_the_count_is_as_predicted() {
    for arrivals in [Arrivals::Even, Arrivals::Poisson] {
        let mut ratios = Vec::new();
        for seed in 0..30 {
            let timeline = random_rollout(seed, random_service(seed));
            let t = traffic(arrivals.clone(), 97.3, -3.0, 25.0);
            ratios.extend(compare_spread(&timeline, &t).map(|(sample, v)| sample / v));
        }
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        // Each ratio has a standard deviation of about sqrt(2/59).
        assert!(ratios.len() > 15, "{}", ratios.len());
        assert!((mean - 1.0).abs() < 0.15, "{arrivals:?}: {mean} {ratios:?}");
    }
}

#[test]
fn probability_of_no_loss_is_as_predicted() {
    for arrivals in [Arrivals::Even, Arrivals::Poisson] {
        let (mut predicted, mut seen, mut n) = (0.0, 0.0, 0.0);
        for seed in 0..40 {
            let timeline = random_rollout(seed, rollsim::engine::Dist::constant(0.005));
            let t = traffic(arrivals.clone(), 1.3, -3.0, 25.0);
            let exact = traffic::evaluate(&timeline, &t, Seed(0), EvaluatorChoice::Exact);
            predicted += exact.probability_none;
            seen += mean(simulated(&timeline, &t).iter().map(|r| r.probability_none));
            n += 1.0;
        }
        assert!((predicted / n - seen / n).abs() < 0.04, "{} {}", predicted / n, seen / n);
    }
}

/// Traffic that pauses now and then, also while what was sent before still runs.
#[test]
fn pauses_agree() {
    for seed in 0..16 {
        let timeline = random_rollout(seed, random_service(seed));
        let mut t = traffic(Arrivals::Poisson, 150.0, -3.0, 25.0);
        for pause in 0..8 {
            let at = f64::from(pause) + 0.13 * (seed % 7) as f64;
            t.rate.extend([(super::timelines::s(at), 0.0), (super::timelines::s(at + 0.3), 200.0)]);
        }
        compare(&timeline, &t);
    }
}

/// What a balancer cuts at the ends of its deregistration delays, once or again.
#[test]
fn cuts_by_the_balancer_agree() {
    let mut cut = 0.0;
    for seed in 0..12 {
        let mut timeline = random_rollout(seed, random_service(seed));
        for (i, pod) in timeline.pods.iter_mut().enumerate() {
            pod.cuts =
                [1.0, 4.5, 9.0].map(|t| cut_at(super::timelines::s(t + 0.1 * i as f64))).to_vec();
        }
        let t = traffic(Arrivals::Poisson, 150.0, -3.0, 25.0);
        compare(&timeline, &t);
        let exact = traffic::evaluate(&timeline, &t, Seed(0), EvaluatorChoice::Exact);
        cut += exact.by_cause().get(&Cause::CutByDeregistration).copied().unwrap_or(0.0);
        let blind = traffic::evaluate(&timeline, &t, Seed(3), EvaluatorChoice::Requests);
        let queued = rollsim::traffic::requests::evaluate_queued(&timeline, &t, Seed(3));
        assert_eq!(blind.losses, queued.losses);
    }
    assert!(cut > 10.0, "{cut}");
}

/// A loss that is dropped anywhere must be noticed.
#[test]
fn canary_a_dropped_loss_breaks_conservation() {
    let timeline = random_rollout(3, random_service(3));
    let t = traffic(Arrivals::Poisson, 500.0, -3.0, 25.0);
    for choice in [EvaluatorChoice::Exact, EvaluatorChoice::Requests] {
        let mut outcome = traffic::evaluate(&timeline, &t, Seed(1), choice);
        outcome.assert_conserved();
        let (&key, _) = outcome.losses.iter().max_by(|a, b| a.1.total_cmp(b.1)).expect("losses");
        outcome.losses.remove(&key);
        let noticed = std::panic::catch_unwind(|| outcome.assert_conserved());
        assert!(noticed.is_err(), "{choice:?} lost {key:?} unnoticed");
    }
}

#[test]
fn same_seed_same_outcome() {
    let timeline = random_rollout(5, random_service(5));
    let t = traffic(Arrivals::Poisson, 500.0, -3.0, 25.0);
    let run = |seed| traffic::evaluate(&timeline, &t, Seed(seed), EvaluatorChoice::Requests);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let causes: BTreeMap<Cause, f64> = run(1).by_cause();
    assert!(causes.len() > 1, "{causes:?}");
}

/// The quantiles are those of answers, also where many requests take longer than anybody waits.
#[test]
fn latency_is_that_of_the_answered_requests() {
    let quantiles = |l: &traffic::Latency| [l.mean_s, l.p50_s, l.p90_s, l.p95_s, l.p99_s];
    for seed in 0..60 {
        let service = random_service(seed);
        let timeline = super::timelines::timeline(
            vec![super::timelines::pod(0, -100.0, 1e9, 1e9)],
            vec![super::timelines::view(&[0], Vec::new())],
            service.clone(),
            60.0,
        );
        let mut t = traffic(Arrivals::Poisson, 300.0, -3.0, 25.0);
        let patience = service.quantile_s([0.5, 0.7, 0.9, 0.99, 0.999][seed as usize % 5]);
        t.client.timeout = super::timelines::d(patience.max(0.002) * 1.001);
        let exact = traffic::evaluate(&timeline, &t, Seed(0), EvaluatorChoice::Exact);
        let Some(exact) = exact.latency else { continue };
        let runs = simulated(&timeline, &t);
        let seen = runs.iter().map(|r| quantiles(&r.latency.expect("answers")));
        let seen = seen.fold([0.0; 5], |sum, q| std::array::from_fn(|i| sum[i] + q[i]));
        for (found, sum) in quantiles(&exact).into_iter().zip(seen) {
            let seen = sum / REPLICATIONS as f64;
            let near = (found - seen).abs() <= 0.03 * seen + 0.0005;
            assert!(
                near,
                "{service:?} within {patience}: {found} exact, {seen} simulated, {exact:?}"
            );
        }
    }
}

/// However few requests there are, none is dropped.
#[test]
fn tiny_rates_are_counted_whole() {
    for seed in 0..20 {
        let timeline = random_rollout(seed, random_service(seed));
        let unit = traffic(Arrivals::Poisson, 1.0, -3.0, 25.0);
        let one = traffic::evaluate(&timeline, &unit, Seed(0), EvaluatorChoice::Exact);
        for power in 1..13 {
            let rate = 0.1f64.powi(power);
            let t = traffic(Arrivals::Poisson, rate, -3.0, 25.0);
            let few = traffic::evaluate(&timeline, &t, Seed(0), EvaluatorChoice::Exact);
            let answered = |o: &TrafficOutcome| o.answered_by_version.iter().sum::<f64>();
            for (few, one) in [(few.failed(), one.failed()), (answered(&few), answered(&one))] {
                assert!((few / rate - one).abs() < 1e-6 * (1.0 + one), "{rate}: {few}, {one}");
            }
        }
    }
}
