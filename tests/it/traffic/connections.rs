//! Kept connections: of clients, and in a proxy's pool.

use super::timelines::{add, d, l7, pod, remove, s, timeline, traffic, view};
use rollsim::engine::{Dist, Seed};
use rollsim::timeline::{L7, LifeEnd, Phase, Pool, Timeline};
use rollsim::traffic::offered::{Arrivals, Traffic};
use rollsim::traffic::{self, Cause, EvaluatorChoice, Failure, TrafficOutcome};

fn run(timeline: &Timeline, traffic: &Traffic, seed: u64) -> TrafficOutcome {
    traffic::evaluate(timeline, traffic, Seed(seed), EvaluatorChoice::Auto)
}

/// Two pods are replaced one after the other; kube-proxy learns of each end a second late.
fn rollout(drain: f64, service: Dist) -> Timeline {
    let pods = vec![
        pod(0, -100.0, 2.0, 2.0 + drain),
        pod(0, -100.0, 4.0, 4.0 + drain),
        pod(1, 1.0, 1e9, 1e9),
        pod(1, 3.0, 1e9, 1e9),
    ];
    let changes = vec![add(1.5, 2), remove(3.0, 0), add(3.5, 3), remove(5.0, 1)];
    timeline(pods, vec![view(&[0, 1], changes)], service, 40.0)
}

fn keep_alive(rate: f64) -> Traffic {
    let mut t = traffic(Arrivals::Even, rate, -5.0, 25.0);
    t.client.keep_alive = true;
    t.client.retry_reused = true;
    t
}

#[test]
fn kept_connections_hide_most_of_a_rollout() {
    let timeline = rollout(30.0, Dist::constant(0.005));
    let mut fresh = keep_alive(100.0);
    fresh.client.keep_alive = false;
    let lost_fresh = run(&timeline, &fresh, 1).failed();
    let lost: Vec<f64> = (0..200).map(|i| run(&timeline, &keep_alive(100.0), i).failed()).collect();
    // As measured on a cluster: none to two of three thousand.
    assert!(lost_fresh > 50.0, "{lost_fresh}");
    assert!(lost.iter().all(|n| *n <= 12.0), "{lost:?}");
    assert!(lost.iter().sum::<f64>() / 200.0 < 1.5, "{lost:?}");
    assert!(lost.iter().any(|n| *n > 0.0), "reconnecting must meet the closed listener at times");
}

#[test]
fn a_stalled_connection_attempt_takes_the_next_freed_connection() {
    // The dead pod's namespace is gone while it is still listed: SYNs to it are lost.
    let mut timeline = rollout(0.0, Dist::constant(0.005));
    for p in timeline.pods.iter_mut().take(2) {
        p.phases.truncate(3);
        p.phases[2].1 = Phase::Silent;
    }
    for seed in 0..50 {
        let outcome = run(&timeline, &keep_alive(100.0), seed);
        assert_eq!(outcome.failed(), 0.0, "seed {seed}: {:?}", outcome.losses);
        // Waits for the next request's connection to be free, not for a second SYN.
        assert!(outcome.latency.expect("answers").max_s < 0.2, "{:?}", outcome.latency);
    }
}

#[test]
fn a_request_cut_on_a_reused_connection_is_sent_again() {
    let timeline = rollout(0.0, Dist::constant(0.3));
    let mut t = keep_alive(100.0);
    let cut = |t: &Traffic| run(&timeline, t, 3).by_cause().get(&Cause::CutByExit).copied();
    assert_eq!(cut(&t), None);
    t.client.retry_reused = false;
    let without = cut(&t).expect("thirty requests are in flight");
    assert!(without > 10.0, "{without}");
}

#[test]
fn requests_stay_with_the_pods_that_have_connections() {
    // Nothing happens, so the connections opened first serve everything.
    let mut timeline = rollout(0.0, Dist::constant(0.005));
    timeline.pods.truncate(2);
    for p in &mut timeline.pods {
        *p = pod(0, -100.0, 1e9, 1e9);
    }
    timeline.views[0].changes.clear();
    let outcome = run(&timeline, &keep_alive(100.0), 1);
    assert_eq!(outcome.by_pod.iter().filter(|n| **n > 0.0).count(), 1, "{:?}", outcome.by_pod);
    assert_eq!(outcome.failed(), 0.0);
}

fn proxy(race_window: f64) -> L7 {
    L7 {
        connect_timeout: d(10.0),
        pool: Some(Pool {
            idle_timeout: d(60.0),
            race_window: d(race_window),
            closes_client: false,
        }),
        ..l7()
    }
}

#[test]
fn an_idle_timeout_shorter_than_the_proxys_races() {
    let mut timeline = rollout(0.0, Dist::constant(0.005));
    timeline.pods.truncate(2);
    for p in &mut timeline.pods {
        *p = pod(0, -100.0, 1e9, 1e9);
    }
    timeline.views[0].changes.clear();
    timeline.views[0].hop.l7 = Some(proxy(0.01));
    timeline.end = s(2100.0);
    let mut t = traffic(Arrivals::Poisson, 1.0, 0.0, 2000.0);
    t.client.timeout = d(60.0);
    assert_eq!(run(&timeline, &t, 1).failed(), 0.0, "the server keeps them for ever");
    timeline.versions.iter_mut().for_each(|v| v.keep_alive_timeout = Some(d(2.0)));
    let outcome = run(&timeline, &t, 1);
    // Each pod gets a request every 2 s in the mean; a gap ends within 10 ms of 2 s with probability
    // 0.02 / 2 e^-1 = 0.37 %.
    let expected = 2000.0 * 0.01 * (-1.0f64).exp();
    assert!((outcome.failed() - expected).abs() < 4.0 * expected.sqrt(), "{outcome:?}");
    let keys: Vec<_> = outcome.losses.keys().map(|k| (k.failure, k.cause)).collect();
    assert!(keys.iter().all(|k| *k == (Failure::Status(502), Cause::IdleRace)), "{keys:?}");
}

#[test]
fn a_proxy_turns_cut_requests_into_its_status() {
    let mut timeline = rollout(0.0, Dist::constant(0.3));
    timeline.views[0].hop.l7 = Some(proxy(0.0));
    timeline.pods[0].lives[0].ended_by = LifeEnd::Sigkill;
    let t = traffic(Arrivals::Poisson, 200.0, -5.0, 25.0);
    let outcome = run(&timeline, &t, 1);
    let by_cause = outcome.by_cause();
    assert!(by_cause[&Cause::CutByKill] > 10.0 && by_cause[&Cause::CutByExit] > 10.0);
    let statuses = outcome.by_failure();
    assert!(statuses.keys().all(|f| matches!(f, Failure::Status(502 | 504))), "{statuses:?}");
}
