//! What proxies do with requests that may not be sent twice, with the same server, with their own end.

use super::timelines::{backend, d, l7, pod, remove, s, timeline, traffic, view};
use rollsim::engine::{Dist, Seed};
use rollsim::timeline::{
    Backend, Breaks, ChangeKind, Empty, Hop, L7, Pick, Pool, RetryOn, Target, Timeline, View,
    ViewChange, ViewId,
};
use rollsim::traffic::offered::{Arrivals, Traffic};
use rollsim::traffic::{self, Cause, EvaluatorChoice, Failure, TrafficOutcome};

fn run(timeline: &Timeline, traffic: &Traffic) -> TrafficOutcome {
    traffic::evaluate(timeline, traffic, Seed(5), EvaluatorChoice::Auto)
}

/// As nginx: `tries` attempts, refused and broken connections move on.
fn hop(tries: u32) -> L7 {
    let retry_on = RetryOn { refused: true, reset: true, reused_reset: true, ..RetryOn::default() };
    L7 { tries, retry_on, ..l7() }
}

/// One of two pods ends at 5 s with what runs in it, and is listed until 15 s.
fn half_dead(service: f64, l7: L7) -> Timeline {
    let mut dead = vec![pod(0, -100.0, 1e9, 1e9), pod(0, -100.0, 5.0, 5.0)];
    // Its namespace stays: connections are refused.
    dead[1].phases.truncate(3);
    let mut v = view(&[0, 1], vec![remove(15.0, 1)]);
    v.hop.pick = Pick::RoundRobin;
    v.hop.l7 = Some(l7);
    timeline(dead, vec![v], Dist::constant(service), 40.0)
}

fn even(rate: f64) -> Traffic {
    traffic(Arrivals::Even, rate, 0.0, 20.0)
}

#[test]
fn only_requests_that_may_be_sent_twice_are() {
    let timeline = half_dead(1.0, hop(3));
    let failed = |share: f64, allowed: bool| {
        let mut timeline = timeline.clone();
        let l7 = timeline.views[0].hop.l7.as_mut().expect("a proxy");
        l7.retry_on.non_idempotent = allowed;
        let mut t = even(100.0);
        t.client.non_idempotent = share;
        run(&timeline, &t)
    };
    assert_eq!(failed(0.0, false).failed(), 0.0);
    // Half of 100 a second for the second that they take; refused ones are tried again all the same.
    let post = failed(1.0, false);
    assert_eq!(post.by_cause().keys().collect::<Vec<_>>(), [&Cause::CutByExit]);
    assert!((post.failed() - 50.0).abs() <= 3.0, "{}", post.failed());
    let some = failed(0.3, false).failed();
    assert!((some - 15.0).abs() <= 8.0, "{some}");
    assert_eq!(failed(1.0, true).failed(), 0.0);
}

#[test]
fn without_redispatch_tries_meet_the_same_server() {
    let l7 = L7 { retry_same: true, retry_delay: d(1.0), ..hop(4) };
    let outcome = run(&half_dead(0.02, l7.clone()), &even(100.0));
    // Every other request while it is dead and listed, and those whose last try is before it goes.
    assert!((outcome.failed() - 500.0).abs() <= 5.0, "{}", outcome.failed());
    let moves_on = L7 { retry_same: false, exclude_tried: true, ..l7 };
    let outcome = run(&half_dead(0.02, moves_on), &even(100.0));
    assert!(outcome.failed() <= 1.0, "{}", outcome.failed());
}

/// HAProxy passes a stale connection on: the client's is closed, without a status.
#[test]
fn a_stale_connection_may_close_the_clients() {
    let pool = Pool { idle_timeout: d(60.0), race_window: d(0.05), closes_client: true };
    let l7 = L7 { retry_on: RetryOn::default(), pool: Some(pool), ..hop(1) };
    let mut timeline = half_dead(0.005, l7);
    timeline.pods.truncate(1);
    timeline.views[0].initial.truncate(1);
    timeline.views[0].changes.clear();
    timeline.versions.iter_mut().for_each(|v| v.keep_alive_timeout = Some(d(2.0)));
    timeline.end = s(1000.0);
    let outcome = run(&timeline, &traffic(Arrivals::Poisson, 1.0, 0.0, 900.0));
    assert!(outcome.failed() > 0.0);
    assert_eq!(outcome.by_failure().keys().collect::<Vec<_>>(), [&Failure::Eof]);
}

/// A view without backends, in front of nothing.
fn empty(empty: Empty) -> TrafficOutcome {
    let mut v = view(&[], Vec::new());
    v.hop.empty = empty;
    run(&timeline(Vec::new(), vec![v], Dist::constant(0.01), 60.0), &even(10.0))
}

#[test]
fn an_address_that_nobody_announces_has_no_route() {
    let outcome = empty(Empty::NoRoute);
    assert_eq!(outcome.by_failure().keys().collect::<Vec<_>>(), [&Failure::NoRoute]);
    assert_eq!(outcome.by_cause().keys().collect::<Vec<_>>(), [&Cause::NoBackend]);
    assert_eq!(outcome.failed(), outcome.sent);
}

#[test]
fn a_proxy_that_is_gone_refuses() {
    let outcome = empty(Empty::ProxyGone);
    assert_eq!(outcome.by_failure().keys().collect::<Vec<_>>(), [&Failure::Refused]);
    assert_eq!(outcome.by_cause().keys().collect::<Vec<_>>(), [&Cause::ProxyGone]);
}

/// Shares of 90 and 10, one of which has no pod: both evaluators lose that share.
#[test]
fn an_empty_share_fails_alike_in_both_evaluators() {
    let l7 = L7 { tries: 1, retry_on: RetryOn::default(), ..hop(1) };
    let proxy = |initial: Vec<Backend>, pick| View {
        hop: Hop { pick, l7: Some(l7.clone()), empty: Empty::Status(503) },
        initial,
        ..view(&[], Vec::new())
    };
    let share = |v: u32, weight| Backend { target: Target::View(ViewId(v)), weight };
    let full = proxy(vec![backend(0)], Pick::Random);
    let empty = proxy(Vec::new(), Pick::Random);
    let mut draw = proxy(vec![share(0, 90.0), share(1, 10.0)], Pick::Random);
    // At 10 s all of it goes to the full one.
    let target = Target::View(ViewId(1));
    draw.changes.push(ViewChange { at: s(10.0), target, kind: ChangeKind::Remove });
    let pods = vec![pod(0, -100.0, 1e9, 1e9)];
    let mut timeline = timeline(pods, vec![full, empty, draw], Dist::constant(0.01), 40.0);
    timeline.views.truncate(3);
    timeline.enter(&[(ViewId(2), 1.0)]);
    let t = traffic(Arrivals::Poisson, 500.0, 0.0, 20.0);
    let exact = traffic::evaluate(&timeline, &t, Seed(1), EvaluatorChoice::Exact);
    assert!((exact.failed() - 500.0).abs() < 1e-6, "{}", exact.failed());
    let single = traffic::evaluate(&timeline, &t, Seed(1), EvaluatorChoice::Requests);
    assert!((single.failed() - 500.0).abs() < 90.0, "{}", single.failed());
    assert_eq!(single.by_failure().keys().collect::<Vec<_>>(), [&Failure::Status(503)]);
}

/// A share of what runs is reset when a router divides connections anew, in both a short and a long run.
#[test]
fn a_rehash_breaks_its_share_of_what_runs() {
    let pods = vec![pod(0, -100.0, 1e9, 1e9)];
    let mut timeline = timeline(pods, vec![view(&[0], Vec::new())], Dist::constant(2.0), 60.0);
    timeline.breaks = vec![(s(10.0), Breaks::Share(0.75))];
    let outcome = run(&timeline, &even(500.0));
    // 2 s of 500 a second run then.
    assert!((outcome.failed() - 750.0).abs() < 60.0, "{}", outcome.failed());
    let keys: Vec<_> = outcome.losses.keys().map(|k| (k.failure, k.cause)).collect();
    assert_eq!(keys, [(Failure::Reset, Cause::Rehash)]);
}
