//! What a proxy's policy does to requests: retries with back-off, circuit breakers, outlier detection, rate
//! limits; and that the loop that does it sees no more than what has come to pass.

use super::timelines::{
    d, instances, l7, pod, random_rollout, random_service, s, timeline, traffic, view,
};
use rollsim::engine::{Dist, Dur, Seed};
use rollsim::timeline::{
    Breakers, Condition, L7, L7Status, Outlier, Pick, PodId, Policy, Pool, Rate, RateLimit,
    Retries, RetryOn, Statuses, Timeline, Trigger,
};
use rollsim::traffic::offered::{Arrivals, Traffic};
use rollsim::traffic::requests::{Simulation, evaluate};
use rollsim::traffic::{Cause, Failure, Flags, TrafficOutcome};
use std::sync::Arc;

const UNLIMITED: Breakers = Breakers {
    connections: u32::MAX,
    pending: u32::MAX,
    requests: u32::MAX,
    retries: Retries::Most(u32::MAX),
};

fn policy() -> Policy {
    Policy {
        back_off: (d(0.025), d(0.25)),
        previous_hosts: true,
        selections: 5,
        route_timeout: None,
        breakers: UNLIMITED,
        panic_percent: 0.0,
        outlier: None,
        rate_limit: None,
        latency: Dur::ZERO,
        handshake: Dur::ZERO,
    }
}

fn outlier() -> Outlier {
    Outlier {
        interval: d(1.0),
        base: d(10.0),
        longest: d(300.0),
        max_ejection_percent: 50.0,
        always_one: false,
        probation: false,
        consecutive_5xx: Trigger { failures: 5, enforcing: 100.0 },
        consecutive_gateway: Trigger { failures: 0, enforcing: 0.0 },
        success_rate: Rate { enforcing: 0.0, hosts: 5, requests: 100 },
        stdev_factor: 1900.0,
        failure_percentage: Rate { enforcing: 0.0, hosts: 5, requests: 50 },
        failure_threshold: 85.0,
    }
}

fn envoy(policy: Policy, tries: u32, retry_on: RetryOn) -> L7 {
    L7 {
        proxy: "Envoy",
        connect_timeout: d(5.0),
        response_timeout: None,
        tries,
        retry_on,
        status: L7Status {
            refused: 503,
            connect_timeout: 503,
            unreachable: 503,
            reset: 503,
            response_timeout: 504,
        },
        pool: Some(Pool { idle_timeout: d(3600.0), race_window: Dur::ZERO, closes_client: false }),
        policy: Some(Arc::new(policy)),
        ..l7()
    }
}

const CONNECT: RetryOn = RetryOn {
    refused: true,
    connect_timeout: true,
    reset: false,
    reused_reset: false,
    response_timeout: false,
    non_idempotent: true,
    only_idempotent: false,
    statuses: Statuses { all_5xx: false, codes: [0; 8] },
};

/// Pods behind one proxy, all listed throughout: those with an end stop, and their addresses refuse from then
/// on.
fn pods(ends: &[f64], service_s: f64, hop: L7) -> Timeline {
    let mut pods: Vec<_> = ends.iter().map(|&end| pod(0, -100.0, end, end)).collect();
    pods.iter_mut().for_each(|p| p.phases.truncate(3));
    let listed: Vec<usize> = (0..ends.len()).collect();
    let mut v = view(&listed, Vec::new());
    (v.hop.pick, v.hop.l7) = (Pick::LeastRequest, Some(hop));
    timeline(pods, vec![v], Dist::constant(service_s), 40.0)
}

fn even(rate: f64) -> Traffic {
    traffic(Arrivals::Even, rate, 0.0, 20.0)
}

fn run(timeline: &Timeline, traffic: &Traffic) -> TrafficOutcome {
    let outcome = evaluate(timeline, traffic, Seed(3));
    outcome.assert_conserved();
    outcome
}

fn logged(outcome: &TrafficOutcome, status: u16, flags: Flags) -> f64 {
    let lines = outcome.logged.iter();
    lines.filter(|(l, _)| (l.status, l.flags) == (status, flags)).map(|(_, n)| n).sum()
}

/// A pod that is gone and still listed: who meets it goes on to another one, and nothing is lost.
#[test]
fn refused_connections_are_tried_again_with_success() {
    let gone = [5.0, 1e9, 1e9];
    let mended = run(&pods(&gone, 0.001, envoy(policy(), 3, CONNECT)), &even(100.0));
    assert_eq!(mended.failed(), 0.0, "{:?}", mended.losses);
    let again = mended.logged.iter().filter(|(l, _)| l.attempts > 1);
    assert!(again.map(|(_, n)| n).sum::<f64>() > 100.0, "{:?}", mended.logged);
    let once = run(&pods(&gone, 0.001, envoy(policy(), 1, CONNECT)), &even(100.0));
    assert!(once.failed() > 100.0);
    assert_eq!(once.failed(), logged(&once, 503, Flags::UF));
}

/// Nobody listens anywhere: each request is tried three times, and the log says so.
#[test]
fn the_last_try_fails() {
    let outcome = run(&pods(&[-1.0, -1.0], 0.001, envoy(policy(), 3, CONNECT)), &even(50.0));
    assert_eq!(outcome.failed(), outcome.sent);
    assert_eq!(logged(&outcome, 503, Flags::UF.with(Flags::URX)), outcome.sent);
    assert!(outcome.logged.keys().all(|l| l.attempts == 3), "{:?}", outcome.logged);
}

/// What a process works on as it exits is lost where only connections are tried again, and not where resets
/// are.
#[test]
fn requests_in_work_are_tried_again_where_resets_are() {
    let ends = [5.0, 1e9];
    // A dead backend has the fewest requests: it takes many draws to get away from it.
    let policy = || Policy { selections: 200, ..policy() };
    let lost = run(&pods(&ends, 0.3, envoy(policy(), 3, CONNECT)), &even(100.0));
    // 30 are under way at two pods.
    assert!((12.0..=18.0).contains(&lost.failed()), "{}", lost.failed());
    assert_eq!(lost.failed(), logged(&lost, 503, Flags::UC));
    let causes: Vec<Cause> = lost.by_cause().into_keys().collect();
    assert_eq!(causes, [Cause::CutByExit]);
    let resets = RetryOn { reset: true, ..CONNECT };
    let mended = run(&pods(&ends, 0.3, envoy(policy(), 3, resets)), &even(100.0));
    assert_eq!(mended.failed(), 0.0);
}

#[test]
fn breakers_turn_away_what_is_too_much() {
    let few = |breakers| {
        run(&pods(&[1e9], 0.5, envoy(Policy { breakers, ..policy() }, 1, CONNECT)), &even(20.0))
    };
    // Ten are under way, eight may be.
    let requests = few(Breakers { requests: 8, ..UNLIMITED });
    let share = requests.failed() / requests.sent;
    assert!((0.15..0.25).contains(&share), "{share}");
    assert_eq!(logged(&requests, 503, Flags::UO), requests.failed());
    assert!(requests.losses.keys().all(|k| k.cause == Cause::CircuitBreaker));
    // Eight connections serve 16 a second; two may wait: what is above that is turned away, the rest waits.
    let waiting = few(Breakers { connections: 8, pending: 2, ..UNLIMITED });
    let share = waiting.failed() / waiting.sent;
    assert!((0.15..0.25).contains(&share), "{share}");
    let latency = waiting.latency.expect("some are answered");
    assert!(latency.max_s > 0.55 && latency.max_s < 0.76, "{latency:?}");
    // With room to wait nobody is turned away.
    let patient = few(Breakers { connections: 12, ..UNLIMITED });
    assert_eq!(patient.failed(), 0.0);
}

#[test]
fn a_rate_limit_answers_429() {
    let limit = RateLimit { most: 10, fill: 10, interval: d(1.0) };
    let policy = Policy { rate_limit: Some(limit), ..policy() };
    let outcome = run(&pods(&[1e9], 0.001, envoy(policy, 1, CONNECT)), &even(50.0));
    let answered = outcome.sent - outcome.failed();
    assert!((200.0..=220.0).contains(&answered), "ten a second for 20 s: {answered}");
    let failures: Vec<Failure> = outcome.by_failure().into_keys().collect();
    assert_eq!(failures, [Failure::Status(429)]);
    assert_eq!(logged(&outcome, 429, Flags::RL), outcome.failed());
}

/// Pods that refuse are ejected after five failures each, if so many may be; in a small cluster with the
/// default of 10 % none is.
#[test]
fn outliers_are_ejected_where_the_percentage_lets_them() {
    let with = |percent: f64| {
        let outlier = Outlier { max_ejection_percent: percent, ..outlier() };
        let policy = Policy { outlier: Some(outlier), ..policy() };
        run(&pods(&[5.0, 1e9, 1e9, 1e9], 0.001, envoy(policy, 1, CONNECT)), &even(100.0)).failed()
    };
    let (ejected, never) = (with(50.0), with(10.0));
    // It comes back after ten seconds, and fails five times more.
    assert!((5.0..=10.0).contains(&ejected), "{ejected}");
    assert!(never > 200.0, "{never}");
}

/// A process that answers with errors: outlier detection counts them as any status of a backend.
#[test]
fn errors_of_a_process_eject_it() {
    let with = |failures| {
        let outlier =
            Outlier { consecutive_5xx: Trigger { failures, enforcing: 100.0 }, ..outlier() };
        let policy = Policy { outlier: Some(outlier), ..policy() };
        run(&erring(envoy(policy, 1, CONNECT)), &even(100.0))
    };
    let (ejected, never) = (with(5).failed(), with(0).failed());
    // It comes back after ten seconds, and errs five times more.
    assert!((5.0..=15.0).contains(&ejected), "{ejected}");
    assert!((900.0..1100.0).contains(&never), "{never}");
}

/// A hop that tries statuses again hides such errors, and one that does not passes them on.
#[test]
fn errors_of_a_process_are_tried_again_where_their_status_is() {
    let on = |codes: &[u16]| RetryOn { statuses: Statuses::of(codes), ..CONNECT };
    let with = |on| run(&erring(envoy(policy(), 3, on)), &even(100.0)).failed();
    let (hidden, others) = (with(on(&[500])), with(on(&[503])));
    // Three tries of which each meets one of the two by chance.
    assert!((0.0..200.0).contains(&hidden), "{hidden}");
    assert!(others > 2.0 * hidden && others > 400.0, "{others} against {hidden}");
    let mut post = even(100.0);
    post.client.non_idempotent = 1.0;
    let only_safe = RetryOn { non_idempotent: false, ..on(&[500]) };
    let posted = run(&erring(envoy(policy(), 3, only_safe)), &post).failed();
    assert!(posted > 400.0, "{posted}");
}

/// Two pods, of which one answers each request with an error.
fn erring(hop: L7) -> Timeline {
    let mut timeline = pods(&[1e9, 1e9], 0.001, hop);
    let errs = Condition { errors: 1.0, ..Condition::default() };
    timeline.pods[PodId(0)].conditions.push((s(-100.0), errs));
    timeline
}

/// All are ejected: without a panic threshold nobody is left, with one all are used.
#[test]
fn panic_uses_the_ejected() {
    let with = |panic_percent| {
        let outlier = Outlier { max_ejection_percent: 100.0, ..outlier() };
        let policy = Policy { outlier: Some(outlier), panic_percent, ..policy() };
        run(&pods(&[-1.0, -1.0], 0.001, envoy(policy, 1, CONNECT)), &even(100.0))
    };
    let (none, all) = (with(0.0), with(50.0));
    assert!(none.by_cause()[&Cause::NoBackend] > 0.9 * none.sent, "{:?}", none.by_cause());
    assert!(!all.by_cause().contains_key(&Cause::NoBackend), "{:?}", all.by_cause());
    assert_eq!(logged(&none, 503, Flags::UH), none.by_cause()[&Cause::NoBackend]);
}

/// A hop waits as long for a request that stands in its pod's queue as for one that is worked on at once: no
/// answer comes later than the hop waits.
#[test]
fn the_wait_in_a_queue_counts_towards_the_time_out() {
    let hop = L7 { response_timeout: Some(d(1.5)), ..envoy(policy(), 1, CONNECT) };
    let mut timeline = pods(&[1e9], 1.0, hop);
    timeline.versions.iter_mut().for_each(|v| v.concurrency = Some(1));
    let outcome = run(&timeline, &even(2.0));
    let slowest = outcome.latency.expect("some are answered").max_s;
    assert!(slowest <= 1.5 + 1e-9, "{slowest}");
    assert!(outcome.failed() >= outcome.sent / 2.0, "{} of {}", outcome.failed(), outcome.sent);
}

/// The route's time-out is one over all tries, and the proxy answers it.
#[test]
fn a_route_has_its_own_time_out() {
    let policy = Policy { route_timeout: Some(d(1.0)), ..policy() };
    let outcome = run(&pods(&[1e9], 3.0, envoy(policy, 3, CONNECT)), &even(10.0));
    assert_eq!(outcome.by_failure().into_keys().collect::<Vec<_>>(), [Failure::Status(504)]);
    assert_eq!(logged(&outcome, 504, Flags::UT), outcome.sent);
    assert!((outcome.latency_of_all.expect("failed").max_s - 1.0).abs() < 1e-6);
}

/// Policies of all kinds on random rollouts.
fn random(seed: u64) -> (Timeline, Traffic) {
    let mut timeline = random_rollout(seed, random_service(seed));
    let limit = |n: u32| if seed.is_multiple_of(u64::from(n)) { n } else { u32::MAX };
    let policy = Policy {
        previous_hosts: seed.is_multiple_of(2),
        route_timeout: seed.is_multiple_of(3).then_some(d(1.2)),
        breakers: Breakers {
            connections: limit(5),
            pending: limit(4),
            requests: limit(7),
            retries: match seed % 3 {
                0 => Retries::Most(2),
                _ => Retries::Budget { percent: 20.0, least: 3 },
            },
        },
        panic_percent: [0.0, 50.0][seed as usize % 2],
        outlier: (!seed.is_multiple_of(4)).then(|| Outlier { always_one: true, ..outlier() }),
        rate_limit: seed.is_multiple_of(11).then_some(RateLimit {
            most: 20,
            fill: 5,
            interval: d(0.05),
        }),
        ..policy()
    };
    let picks = [Pick::LeastRequest, Pick::RoundRobin, Pick::Random];
    let resets = RetryOn { reset: seed.is_multiple_of(2), ..CONNECT };
    let statuses = Statuses::of(&[503]);
    let on = RetryOn { statuses, response_timeout: true, ..resets };
    for v in instances(&mut timeline) {
        v.hop.pick = picks[seed as usize % 3];
        let per_try = seed.is_multiple_of(5).then_some(d(0.4));
        let hop = envoy(policy.clone(), 1 + seed as u32 % 4, on);
        v.hop.l7 = Some(L7 { response_timeout: per_try, ..hop });
    }
    for version in timeline.versions.iter_mut().filter(|_| seed % 3 == 1) {
        (version.concurrency, version.queue) = (Some(2), Some(3));
    }
    let arrivals = match seed % 3 {
        0 => Arrivals::Closed { users: 30, think: Dist::constant(0.05) },
        1 => Arrivals::Even,
        _ => Arrivals::Poisson,
    };
    let mut t = traffic(arrivals, 150.0, -3.0, 25.0);
    t.client.retries = seed as u32 % 2;
    t.client.timeout = d(2.0);
    (timeline, t)
}

/// Every request ends once, whatever the policy; asserts in the loop see to what is held and given back.
#[test]
fn requests_are_conserved_under_every_policy() {
    let mut lines = std::collections::BTreeMap::new();
    for seed in 0..150 {
        let (timeline, t) = random(seed);
        let outcome = evaluate(&timeline, &t, Seed(seed));
        outcome.assert_conserved();
        for (line, n) in &outcome.logged {
            *lines.entry(line.flags.to_string()).or_insert(0.0) += n;
        }
    }
    for flag in ["-", "UF", "UC", "UH", "UO", "RL", "URX,UF", "UT", "DC"] {
        assert!(lines.contains_key(flag), "{flag} never came about: {lines:?}");
    }
}

/// Taken in small steps, the loop comes to the same: it does not look ahead.
#[test]
fn steps_change_nothing() {
    for seed in 0..40 {
        let (timeline, t) = random(seed);
        let whole = evaluate(&timeline, &t, Seed(seed));
        let mut stepped = Simulation::new(&timeline, &t, Seed(seed));
        for step in 0..300 {
            stepped.advance(&timeline, s(-4.0) + Dur(step * 100_000_000));
        }
        assert_eq!(whole, stepped.finish(&timeline), "seed {seed}");
    }
}

/// The same twice, and another seed is another run.
#[test]
fn the_same_seed_gives_the_same() {
    let (timeline, t) = random(2);
    assert_eq!(evaluate(&timeline, &t, Seed(1)), evaluate(&timeline, &t, Seed(1)));
    assert_ne!(evaluate(&timeline, &t, Seed(1)), evaluate(&timeline, &t, Seed(2)));
}
