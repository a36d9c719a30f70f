//! Pods that ask other Services for the requests that they work on: tries multiply, workers wait, and every
//! request and every call has one end.

use super::timelines::{
    d, l7, pod, random_rollout, random_service, s, timeline, traffic, version, view,
};
use rollsim::engine::{Dist, Dur, Seed};
use rollsim::timeline::{
    Asking, Call, CallBudget, CallId, CallRetryOn, ChangeKind, Condition, Keeping, NodeId, Phase,
    PodId, PodTruth, RetryOn, Target, Timeline, ViewChange, ViewId,
};
use rollsim::traffic::offered::{Arrivals, Traffic};
use rollsim::traffic::{self, Cause, EvaluatorChoice, Failure, TrafficOutcome};

const ALL: CallRetryOn = CallRetryOn { connect: true, reset: true, status: true, timeout: true };

fn asking(retries: u32) -> Asking {
    Asking {
        share: 1.0,
        timeout: d(5.0),
        retries,
        on: ALL,
        back_off: (d(0.0), d(0.0)),
        budget: None,
        otherwise: Some(503),
        kept: None,
    }
}

/// One pod for each service of a chain, the first asked by clients, each asking the next in this way.
fn chain(all: &[Asking]) -> Timeline {
    let services = all.len() + 1;
    let pods = (0..services).map(|n| pod(n as u16, -100.0, 1e9, 1e9)).collect();
    let views = (0..services).map(|n| view(&[n], Vec::new())).collect();
    let mut timeline = timeline(pods, views, Dist::constant(0.001), 400.0);
    timeline.versions =
        (0..services).map(|n| version(&format!("s{n}"), Dist::constant(0.001))).collect();
    ask(&mut timeline, all);
    timeline
}

/// Clients enter the first view; pods of version n ask at view n + 1.
fn ask(timeline: &mut Timeline, all: &[Asking]) {
    let root = timeline.root;
    timeline.views[root].initial.truncate(1);
    for (n, how) in all.iter().enumerate() {
        let (from, to) = (format!("s{n}"), format!("s{}", n + 1));
        let entries = vec![ViewId(n as u32 + 1)];
        let id = timeline.calls.push(Call { from, to, entries, by_node: true, how: *how });
        timeline.versions[n].calls.push(id);
    }
}

/// From the start on a share of the last pod's answers are errors.
fn errs(timeline: &mut Timeline, share: f64) {
    let last = PodId(timeline.pods.len() as u32 - 1);
    let condition = Condition { errors: share, ..Condition::default() };
    timeline.pods[last].conditions.push((s(-10.0), condition));
}

fn run(timeline: &Timeline, traffic: &Traffic) -> TrafficOutcome {
    let outcome = traffic::evaluate(timeline, traffic, Seed(5), EvaluatorChoice::Auto);
    outcome.assert_conserved();
    outcome
}

fn load(rate: f64) -> Traffic {
    traffic(Arrivals::Poisson, rate, 0.0, 300.0)
}

/// Tries of one layer with R further ones at failure probability p: the sum of p^i, i = 0 to R.
fn tries(p: f64, retries: i32) -> f64 {
    (0..=retries).map(|i| p.powi(i)).sum()
}

#[test]
fn tries_of_layers_multiply() {
    let mut dead = chain(&[asking(2), asking(2)]);
    errs(&mut dead, 1.0);
    let mut clients = load(20.0);
    clients.client.retries = 2;
    let outcome = run(&dead, &clients);
    let (sent, [at_cart, at_stock]) = (outcome.sent, [0, 1].map(|n| outcome.calls[n].tries as f64));
    assert_eq!(outcome.failed(), sent, "nobody is answered");
    assert_eq!((at_cart, at_stock), (9.0 * sent, 27.0 * sent), "two layers of R = 2 give 9");
}

#[test]
fn tries_follow_the_formula() {
    for p in [0.2, 0.5, 0.8] {
        let mut timeline = chain(&[asking(2), asking(2)]);
        errs(&mut timeline, p);
        let outcome = run(&timeline, &load(200.0));
        let per_request = outcome.calls[1].tries as f64 / outcome.sent;
        let expected = tries(p, 2) * tries(p.powi(3), 2);
        assert!((per_request / expected - 1.0).abs() < 0.02, "{p}: {per_request} of {expected}");
        let lost = outcome.failed() / outcome.sent;
        assert!((lost - p.powi(9)).abs() < 0.01, "{p}: {lost}");
    }
}

#[test]
fn a_budget_bounds_what_layers_multiply() {
    let budget = Some(CallBudget { share: 0.2, most: 10.0 });
    let mut timeline = chain(&[asking(2), Asking { budget, ..asking(2) }]);
    errs(&mut timeline, 1.0);
    let outcome = run(&timeline, &load(50.0));
    let calls = &outcome.calls[1];
    let further = calls.tries - calls.made;
    assert_eq!(further, 10 + calls.made / 5, "a fifth of the calls, and what was saved up");
    assert!(calls.refused > 0, "others were not let");
}

#[test]
fn a_lost_call_is_blamed_on_the_pod_that_lost_it() {
    let mut timeline = chain(&[asking(0), asking(0)]);
    errs(&mut timeline, 1.0);
    let outcome = run(&timeline, &load(10.0));
    let key = outcome.losses.keys().next().expect("all are lost");
    assert_eq!((key.failure, key.cause), (Failure::Status(503), Cause::Fault));
    assert_eq!((key.pod, key.view), (Some(PodId(2)), Some(ViewId(2))), "two hops further");
    let by_pod = &outcome.by_pod;
    assert_eq!(by_pod[0], by_pod[2], "each request is one request at each pod");
}

#[test]
fn a_failed_call_may_be_done_without() {
    let mut timeline = chain(&[Asking { otherwise: None, ..asking(0) }]);
    errs(&mut timeline, 0.5);
    let outcome = run(&timeline, &load(50.0));
    assert_eq!(outcome.failed(), 0.0, "clients are answered");
    let failed = outcome.calls[0].failed() as f64 / outcome.calls[0].made as f64;
    assert!((failed - 0.5).abs() < 0.02, "{failed}");
}

#[test]
fn shares_and_calls_one_after_the_other() {
    let mut timeline = chain(&[Asking { share: 0.3, ..asking(0) }]);
    let id = CallId(0);
    timeline.versions[0].calls = vec![id, id];
    timeline.versions[1].service = Dist::constant(0.1);
    let outcome = run(&timeline, &load(100.0));
    let per_request = outcome.calls[0].made as f64 / outcome.sent;
    assert!((per_request - 0.6).abs() < 0.02, "{per_request}");
    let latency = outcome.latency.expect("answers");
    assert!((latency.mean_s - 0.061).abs() < 0.002, "they wait for each: {latency:?}");
    assert!((latency.max_s - 0.201).abs() < 0.005, "one after the other: {latency:?}");
}

#[test]
fn a_worker_waits_for_its_call() {
    let mut timeline = chain(&[asking(0)]);
    timeline.versions[0].concurrency = Some(4);
    timeline.versions[1].service = Dist::constant(0.1);
    // Four workers that wait a tenth of a second answer 40 a second.
    let outcome = run(&timeline, &traffic(Arrivals::Even, 80.0, 0.0, 50.0));
    let answered: f64 = outcome.answered_by_version.iter().sum();
    assert!(answered < 0.7 * outcome.sent, "{answered} of {}", outcome.sent);
    assert!(outcome.by_cause()[&Cause::Overload] > 0.0);
}

#[test]
fn what_clients_gave_up_is_asked_for_all_the_same() {
    let mut timeline = chain(&[asking(0)]);
    timeline.versions[0].service = Dist::constant(0.5);
    timeline.versions[0].concurrency = Some(1000);
    let mut impatient = load(20.0);
    impatient.client.timeout = d(0.2);
    let outcome = run(&timeline, &impatient);
    assert_eq!(outcome.failed(), outcome.sent, "own work takes longer than they wait");
    let calls = &outcome.calls[0];
    assert_eq!(calls.made, outcome.sent as u64, "the process does not know");
    assert_eq!(calls.answered, calls.made);
    timeline.versions[0].service = Dist::constant(0.001);
    timeline.versions[1].service = Dist::constant(0.5);
    let outcome = run(&timeline, &impatient);
    let key = outcome.losses.keys().next().expect("all are lost");
    assert_eq!((key.failure, key.cause), (Failure::Timeout, Cause::SlowAnswer));
    assert_eq!(key.pod, Some(PodId(1)), "that is whom they wait for");
    assert_eq!(outcome.calls[0].answered, outcome.sent as u64);
}

#[test]
fn a_caller_that_dies_leaves_its_call_to_whom_it_asked() {
    let mut timeline = chain(&[asking(2)]);
    timeline.pods[0] = PodTruth { version: 0, ..pod(0, -100.0, 20.0, 20.0) };
    timeline.versions[1].service = Dist::constant(1.0);
    timeline.versions[1].concurrency = Some(50);
    let outcome = run(&timeline, &load(10.0));
    let cut = outcome.by_cause()[&Cause::CutByExit];
    assert!(cut > 0.0, "those that waited for their calls are cut");
    let calls = &outcome.calls[0];
    assert_eq!(calls.unheard as f64, cut, "what they asked for is heard by nobody");
    assert_eq!(calls.tries, calls.made, "and is not tried again");
}

#[test]
fn calls_begin_at_the_data_plane_of_the_callers_node() {
    let mut timeline = chain(&[asking(0)]);
    let empty = view(&[], Vec::new());
    let elsewhere = timeline.views.push(empty);
    timeline.calls[0].entries = vec![elsewhere, ViewId(1)];
    let lost = |node: u16| {
        let mut timeline = timeline.clone();
        timeline.pods[0].node = NodeId(node);
        run(&timeline, &load(10.0)).failed()
    };
    assert!(lost(0) > 0.0, "the rules there lead nowhere");
    assert_eq!(lost(1), 0.0);
}

/// Random rollouts of both services, with limits, patience and proxies.
fn random(seed: u64) -> (Timeline, Traffic) {
    let mut timeline = random_rollout(seed, random_service(seed));
    let inner = random_rollout(seed + 1000, random_service(seed + 1000));
    let (pods, views) = (timeline.pods.len() as u32, timeline.views.len() as u32);
    for pod in inner.pods.iter() {
        timeline.pods.push(PodTruth { version: pod.version + 2, ..pod.clone() });
    }
    timeline.versions.extend(inner.versions.clone());
    let count = inner.root.index();
    for source in inner.views.iter().take(count) {
        let mut view = source.clone();
        let moved = |target: Target| match target {
            Target::Pod(PodId(pod)) => Target::Pod(PodId(pod + pods)),
            Target::View(ViewId(view)) => Target::View(ViewId(view + views)),
        };
        view.initial.iter_mut().for_each(|backend| backend.target = moved(backend.target));
        view.changes.iter_mut().for_each(|change| change.target = moved(change.target));
        if seed.is_multiple_of(3) {
            let retry_on = RetryOn { refused: true, reset: true, ..RetryOn::default() };
            view.hop.l7 = Some(rollsim::timeline::L7 { tries: 3, retry_on, ..l7() });
        }
        timeline.views.push(view);
    }
    let entries: Vec<ViewId> = (0..count as u32).map(|v| ViewId(views + v)).collect();
    let how = Asking {
        share: if seed.is_multiple_of(2) { 0.6 } else { 1.0 },
        timeout: d(0.4),
        back_off: (d(0.02), d(0.2)),
        otherwise: Some(503).filter(|_| !seed.is_multiple_of(5)),
        kept: seed.is_multiple_of(2).then_some(Keeping {
            idle_timeout: Some(d(0.5)).filter(|_| seed.is_multiple_of(4)),
            most_idle: 1 + (seed % 5) as u32,
            retry_stale: !seed.is_multiple_of(6),
        }),
        ..asking((seed % 4) as u32)
    };
    let (from, to) = ("outer".to_owned(), "inner".to_owned());
    let id = timeline.calls.push(Call { from, to, entries, by_node: !seed.is_multiple_of(3), how });
    for version in timeline.versions.iter_mut().take(2) {
        version.calls = vec![id; 1 + (seed % 3) as usize];
    }
    for version in timeline.versions.iter_mut().filter(|_| !seed.is_multiple_of(4)) {
        (version.concurrency, version.queue) = (Some(3), Some(6));
        version.backlog = seed.is_multiple_of(7);
    }
    for (n, pod) in timeline.pods.iter_mut().enumerate() {
        pod.node = NodeId((n % 3) as u16);
        if seed.is_multiple_of(6) && pod.phases.first().is_some_and(|p| p.1 == Phase::Refusing) {
            let hung = Condition { hung: true, ..Condition::default() };
            pod.conditions = vec![(s(8.0), hung), (s(11.0), Condition::default())];
        }
    }
    let mut traffic = traffic(Arrivals::Poisson, 40.0, 0.0, 25.0);
    traffic.client.timeout = d(1.0);
    traffic.client.retries = (seed % 2) as u32;
    (timeline, traffic)
}

#[test]
fn whatever_happens_each_request_and_each_call_has_one_end() {
    let mut unheard = 0;
    for seed in 0..200 {
        let (timeline, traffic) = random(seed);
        let outcome = run(&timeline, &traffic);
        let calls = &outcome.calls[0];
        calls.assert_conserved();
        assert!(calls.made > 0 && calls.tries >= calls.made, "world {seed}: {calls:?}");
        unheard += calls.unheard;
        let again = run(&timeline, &traffic);
        assert_eq!(outcome, again, "world {seed} has one outcome");
    }
    assert!(unheard > 0, "some callers die");
}

const GO: Keeping =
    Keeping { idle_timeout: Some(Dur::from_secs(90)), most_idle: 2, retry_stale: true };

/// A pod that keeps its connection goes on asking whom it leads to; one that opens a connection each time
/// meets the pod that does not answer every other time. What has been idle for too long is closed.
#[test]
fn a_kept_connection_stays_with_its_pod() {
    let failed = |kept: Option<Keeping>| {
        let mut timeline = chain(&[Asking { kept, ..asking(0) }]);
        timeline.pods.push(pod(1, 1e5, 1e9, 1e9));
        timeline.views[ViewId(1)] = view(&[1, 2], Vec::new());
        let calls = &run(&timeline, &load(10.0)).calls[0];
        calls.failed() as f64 / calls.made as f64
    };
    let fresh = failed(None);
    assert!((0.45..0.55).contains(&fresh), "{fresh}");
    assert!(failed(Some(GO)) < 0.02, "{}", failed(Some(GO)));
    let short = failed(Some(Keeping { idle_timeout: Some(d(0.0)), ..GO }));
    assert!((0.45..0.55).contains(&short), "{short}");
    let none = failed(Some(Keeping { most_idle: 0, ..GO }));
    assert!((0.45..0.55).contains(&none), "{none}");
}

/// The other end exits while calls are under way: on a kept connection some libraries send them again, once
/// more each time, whatever the caller itself tries.
#[test]
fn calls_that_are_cut_on_kept_connections_are_sent_again_by_some() {
    let failed = |kept: Option<Keeping>| {
        let mut timeline = chain(&[Asking { kept, ..asking(0) }]);
        timeline.versions[1].service = Dist::constant(0.5);
        timeline.pods[1] = PodTruth { version: 1, ..pod(1, -100.0, 100.0, 100.0) };
        timeline.pods.push(pod(1, -100.0, 1e9, 1e9));
        let gone =
            ViewChange { at: s(100.0), target: Target::Pod(PodId(1)), kind: ChangeKind::Remove };
        timeline.views[ViewId(1)] = view(&[1, 2], vec![gone]);
        run(&timeline, &load(40.0)).calls[0].failed()
    };
    let many = Keeping { most_idle: 100, ..GO };
    let (fresh, again) = (failed(None), failed(Some(many)));
    let not = failed(Some(Keeping { retry_stale: false, ..many }));
    assert!(fresh >= 4 && not >= 4, "{fresh} and {not} were under way");
    assert!(again <= 1, "{again}");
}
