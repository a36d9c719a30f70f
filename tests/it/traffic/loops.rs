//! The loops of `requests` against each other and against theory.

use super::timelines::{
    backend, cut_at, d, instances, l7, pod, random_rollout, random_service, s, timeline, traffic,
    view,
};
use rollsim::engine::{Dist, Seed};
use rollsim::timeline::{L7, Pick, RetryOn, Timeline};
use rollsim::traffic::offered::{Arrivals, Traffic};
use rollsim::traffic::{
    self, Cause, Evaluator, EvaluatorChoice, Failure, TrafficOutcome, requests,
};

fn run(timeline: &Timeline, traffic: &Traffic, seed: u64) -> TrafficOutcome {
    traffic::evaluate(timeline, traffic, Seed(seed), EvaluatorChoice::Requests)
}

/// `count` pods that serve for ever, in one view.
fn steady(count: usize, service: Dist, pick: Pick) -> Timeline {
    let pods = (0..count).map(|_| pod(0, -100.0, 1e9, 1e9)).collect();
    let mut v = view(&[], Vec::new());
    v.initial = (0..count).map(backend).collect();
    v.hop.pick = pick;
    timeline(pods, vec![v], service, 1e6)
}

fn exponential(mean_s: f64) -> Dist {
    Dist::Exponential { mean_s, min_s: 0.0 }
}

#[test]
fn the_fast_loops_equal_the_general_one() {
    use Pick::{FlowHash, LeastOutstanding, Random, RoundRobin, TwoChoices};
    for pick in [Random, FlowHash, RoundRobin, LeastOutstanding, TwoChoices] {
        for seed in 0..20 {
            let mut timeline = random_rollout(seed, random_service(seed));
            for (i, v) in instances(&mut timeline).enumerate() {
                v.hop.pick = if i == 1 { Random } else { pick };
                if seed % 3 == 0 {
                    v.initial.iter_mut().enumerate().for_each(|(i, b)| b.weight = 1.0 + i as f32);
                }
            }
            let t = traffic(Arrivals::Poisson, 300.0, -3.0, 25.0);
            let fast = run(&timeline, &t, seed);
            let general = requests::evaluate_queued(&timeline, &t, Seed(seed));
            assert_eq!(fast, general, "{pick:?}, seed {seed}");
        }
    }
}

fn limited(mut timeline: Timeline, concurrency: u32, queue: Option<u32>) -> Timeline {
    for version in &mut timeline.versions {
        (version.concurrency, version.queue) = (Some(concurrency), queue);
    }
    timeline
}

/// Mean wait in M/M/c (Erlang C), in units of the mean service time.
fn erlang_c_wait(c: u32, load: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..c {
        term *= load / f64::from(k);
        sum += term;
    }
    let last = term * load / f64::from(c) / (1.0 - load / f64::from(c));
    last / (sum + last) / (f64::from(c) - load)
}

#[test]
fn waits_of_one_queue_are_those_of_theory() {
    for (c, load) in [(1, 0.5), (1, 0.8), (4, 3.0), (20, 17.0)] {
        let timeline = limited(steady(1, exponential(0.01), Pick::Random), c, None);
        let mut t = traffic(Arrivals::Poisson, load / 0.01, 0.0, 4000.0);
        t.client.timeout = d(1000.0);
        let outcome = run(&timeline, &t, 7);
        let measured = outcome.latency.expect("answers").mean_s;
        let expected = 0.01 * (1.0 + erlang_c_wait(c, load));
        assert!((measured / expected - 1.0).abs() < 0.03, "{c} {load}: {measured} {expected}");
        assert_eq!(outcome.failed(), 0.0);
    }
}

#[test]
fn a_short_queue_turns_away_what_theory_says() {
    // M/M/1/K with K = 3 (one in service, two waiting) at load 0.8.
    let timeline = limited(steady(1, exponential(0.01), Pick::Random), 1, Some(2));
    let outcome = run(&timeline, &traffic(Arrivals::Poisson, 80.0, 0.0, 4000.0), 3);
    let blocked = 0.8f64.powi(3) * 0.2 / (1.0 - 0.8f64.powi(4));
    let measured = outcome.failed() / outcome.sent;
    assert!((measured / blocked - 1.0).abs() < 0.02, "{measured} {blocked}");
    assert_eq!(outcome.by_failure().keys().collect::<Vec<_>>(), [&Failure::Status(503)]);
    assert_eq!(outcome.by_cause().keys().collect::<Vec<_>>(), [&Cause::Overload]);
}

/// What waits in a listener's backlog when it closes is reset, as many as theory says wait; what waits inside
/// the process is answered.
#[test]
fn a_closing_listener_resets_its_backlog() {
    const RUNS: u64 = 400;
    let (c, load) = (4, 3.0);
    let mut resets = [0.0; 2];
    for seed in 0..RUNS {
        for backlog in [false, true] {
            let pods = vec![pod(0, -100.0, 1.5, 1e6)];
            let all = timeline(pods, vec![view(&[0], Vec::new())], exponential(0.01), 1e6);
            let mut timeline = limited(all, c, None);
            timeline.versions[0].backlog = backlog;
            let t = traffic(Arrivals::Poisson, load / 0.01, 0.0, 2.0);
            let outcome = run(&timeline, &t, seed);
            let waiting = || outcome.losses.iter().filter(|(key, _)| key.cause == Cause::Backlog);
            assert!(waiting().all(|(key, _)| key.failure == Failure::Reset));
            let reset: f64 = waiting().map(|(_, n)| n).sum();
            resets[usize::from(backlog)] += reset / RUNS as f64;
        }
    }
    let expected = load * erlang_c_wait(c, load);
    assert_eq!(resets[0], 0.0);
    assert!((resets[1] - expected).abs() < 0.3, "{resets:?} {expected}");
}

/// One worker, service of 10 s, a request at 0, 1, 2 s; what a balancer breaks at 5 s is the connection: all
/// three are lost, and the pod, which does not know, works on all of them. Those sent later wait for that.
#[test]
fn a_balancer_cuts_what_waits_as_well_and_the_pod_works_on() {
    let mut timeline = limited(steady(1, Dist::constant(10.0), Pick::Random), 1, None);
    timeline.pods[0].cuts = vec![cut_at(s(5.0))];
    let mut load = traffic(Arrivals::Trace(vec![s(0.0), s(1.0), s(2.0), s(6.0)]), 1.0, 0.0, 60.0);
    load.client.timeout = d(50.0);
    let outcome = run(&timeline, &load, 1);
    let lost: Vec<_> = outcome.losses.iter().map(|(key, n)| (key.cause, *n)).collect();
    assert_eq!(lost, [(Cause::CutByDeregistration, 3.0)], "{outcome:?}");
    let latency = outcome.latency.as_ref().expect("one is answered").max_s;
    assert!((latency - 34.0).abs() < 0.1, "from 6 s until 30 s, and 10 s more: {latency}");
}

#[test]
fn a_closed_loop_obeys_littles_law() {
    let timeline = limited(steady(3, exponential(0.05), Pick::LeastOutstanding), 2, None);
    let arrivals = Arrivals::Closed { users: 20, think: exponential(0.2) };
    let outcome = run(&timeline, &traffic(arrivals, 1.0, 0.0, 2000.0), 3);
    let rate = outcome.sent / 2000.0;
    let cycle = outcome.latency.expect("answers").mean_s + 0.2;
    assert!((rate * cycle / 20.0 - 1.0).abs() < 0.01, "{rate} {cycle}");
}

#[test]
fn a_closed_loop_without_thinking_does_not_hang_on_refusals() {
    let timeline = timeline(Vec::new(), vec![view(&[], Vec::new())], Dist::constant(0.01), 20.0);
    let arrivals = Arrivals::Closed { users: 2, think: Dist::ZERO };
    let outcome = run(&timeline, &traffic(arrivals, 1.0, 0.0, 1.0), 3);
    assert_eq!(outcome.failed(), outcome.sent);
    assert!((1990.0..=2002.0).contains(&outcome.sent), "{}", outcome.sent);
}

/// One of two listed pods is dead for ten seconds.
fn half_dead(pick: Pick) -> Timeline {
    let pods = vec![pod(0, -100.0, 1e9, 1e9), pod(0, -100.0, 5.0, 5.0)];
    let mut dead = pods;
    // Its namespace stays: connections are refused.
    dead[1].phases.truncate(3);
    let mut v = view(&[0, 1], vec![super::timelines::remove(15.0, 1)]);
    v.hop.pick = pick;
    timeline(dead, vec![v], Dist::constant(0.05), 40.0)
}

fn hop(tries: u32, exclude_tried: bool) -> L7 {
    let retry_on = RetryOn { refused: true, ..RetryOn::default() };
    L7 { tries, retry_on, exclude_tried, ..l7() }
}

#[test]
fn least_outstanding_sends_everything_into_a_dead_target() {
    let t = traffic(Arrivals::Poisson, 200.0, 0.0, 20.0);
    let random = run(&half_dead(Pick::Random), &t, 5).failed();
    let least = run(&half_dead(Pick::LeastOutstanding), &t, 5).failed();
    // 10 s, 200 a second, half of them.
    assert!((random - 1000.0).abs() < 120.0, "{random}");
    // Whenever the live pod works on one, all go to the dead one, which always looks idle.
    assert!(least > 1800.0, "{least}");
}

#[test]
fn tries_multiply() {
    for (tries, exclude, share) in
        [(1, false, 0.5), (2, false, 0.25), (3, false, 0.125), (2, true, 0.0)]
    {
        let mut timeline = half_dead(Pick::Random);
        timeline.views[0].hop.l7 = Some(hop(tries, exclude));
        let t = traffic(Arrivals::Poisson, 500.0, 0.0, 20.0);
        let outcome = run(&timeline, &t, 5);
        let expected = share * 5000.0 + 12.5;
        assert!(
            (outcome.failed() - expected).abs() < 0.1 * expected + 25.0,
            "{tries} {exclude} {}",
            outcome.failed()
        );
        let refused = outcome.by_failure();
        assert!(refused.keys().all(|f| *f == Failure::Status(502)), "{refused:?}");
    }
}

#[test]
fn a_client_that_tries_again_later_gets_through() {
    let timeline = half_dead(Pick::RoundRobin);
    let mut t = traffic(Arrivals::Even, 100.0, 0.0, 20.0);
    assert!(run(&timeline, &t, 1).failed() > 400.0);
    t.client.retries = 20;
    t.client.retry_backoff = d(1.0);
    let outcome = run(&timeline, &t, 1);
    assert_eq!(outcome.failed(), 0.0);
    assert!(outcome.stalled > 300.0, "{outcome:?}");
}

#[test]
fn unlimited_ways_to_fail_are_conserved() {
    // Everything at once; the evaluators assert that nothing is lost.
    for seed in 0..60 {
        let mut timeline = random_rollout(seed, random_service(seed));
        let pick = [Pick::Ewma, Pick::LeastOutstanding, Pick::RoundRobin][seed as usize % 3];
        for v in instances(&mut timeline) {
            v.hop.pick = pick;
            if seed % 2 == 0 {
                let mut l7 = hop(1 + seed as u32 % 4, seed % 5 == 0);
                l7.connect_timeout = d(1.5);
                l7.response_timeout = Some(d(1.0));
                l7.retry_on.reset = true;
                l7.retry_on.response_timeout = seed % 7 == 0;
                l7.pool = (seed % 4 == 0).then(|| rollsim::timeline::Pool {
                    idle_timeout: d(2.0),
                    race_window: d(0.01),
                    closes_client: false,
                });
                v.hop.l7 = Some(l7);
            }
        }
        if seed % 3 == 1 {
            timeline = limited(timeline, 2, Some(3));
        }
        let arrivals = match seed % 4 {
            0 => Arrivals::Closed { users: 30, think: exponential(0.1) },
            1 => Arrivals::Trace((0..4000).map(|i| s(-3.0 + 0.006 * f64::from(i))).collect()),
            _ => Arrivals::Poisson,
        };
        let mut t = traffic(arrivals, 200.0, -3.0, 25.0);
        t.client.keep_alive = seed % 5 < 2;
        t.client.retry_reused = true;
        t.client.retries = seed as u32 % 3;
        t.client.retry_backoff = d(0.05);
        t.client.timeout = d(2.0);
        let outcome = run(&timeline, &t, seed);
        let answered: f64 = outcome.answered_by_version.iter().sum();
        assert!(outcome.sent > 100.0 && answered > 0.0, "seed {seed}: {answered}");
        assert_eq!(outcome, run(&timeline, &t, seed), "seed {seed}");
    }
}

#[test]
fn auto_says_why_it_takes_requests() {
    let t = traffic(Arrivals::Poisson, 10.0, 0.0, 20.0);
    let timeline = half_dead(Pick::LeastOutstanding);
    let (evaluator, why) = traffic::choose(&timeline, &t, EvaluatorChoice::Auto);
    assert_eq!((evaluator, why.as_str()), (Evaluator::Requests, "kube-proxy picks by load"));
}
