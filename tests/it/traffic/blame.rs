//! Blame on worked examples: the cause, the setting and the missing seconds.

use super::timelines::{add, d, pod, remove, s, timeline, traffic, view};
use rollsim::blame::{Blame, Facts, Moment, Setting, VersionFacts, blame_by};
use rollsim::cluster::spec::OnSigterm;
use rollsim::engine::{Dist, Seed};
use rollsim::timeline::{LifeEnd, Timeline};
use rollsim::traffic::offered::Arrivals;
use rollsim::traffic::{self, Cause, EvaluatorChoice};
use std::collections::BTreeMap;

fn facts(on_sigterm: OnSigterm, readiness_probe: bool) -> Facts {
    let version = VersionFacts { on_sigterm, readiness_probe, refuses: false };
    let names = ["v1", "v2"].map(|n| (n.to_owned(), version.clone()));
    Facts {
        calls: Vec::new(),
        resize_restarts: false,
        client_timeout_s: 10.0,
        versions: BTreeMap::from(names),
        strategy_empties: None,
        rollout: true,
        alone: Setting::Procedure,
        lost_with_its_node: Setting::NodeLoss,
        capacity: Setting::Capacity,
        never_ready: false,
        zones_apart: false,
        weighted: false,
    }
}

fn of(timelines: &[Timeline], facts: &Facts) -> Vec<Blame> {
    let t = traffic(Arrivals::Poisson, 100.0, -5.0, 25.0);
    let outcomes: Vec<_> = timelines
        .iter()
        .map(|timeline| traffic::evaluate(timeline, &t, Seed(1), EvaluatorChoice::Exact))
        .collect();
    let runs: Vec<_> = timelines.iter().zip(&outcomes).collect();
    blame_by(&runs, facts)
}

/// A second pod serves throughout.
fn two(
    first: rollsim::timeline::PodTruth,
    changes: Vec<rollsim::timeline::ViewChange>,
    service: Dist,
) -> Timeline {
    timeline(vec![first, pod(0, -100.0, 1e9, 1e9)], vec![view(&[0, 1], changes)], service, 40.0)
}

#[test]
fn a_listener_closed_too_early_wants_a_pre_stop_sleep() {
    let graceful = OnSigterm::Graceful { drain_timeout: d(30.0) };
    let make =
        |learns| two(pod(0, -100.0, 2.0, 3.0), vec![remove(learns, 0)], Dist::constant(0.005));
    let blames = of(&[make(2.5), make(3.5)], &facts(graceful, true));
    let b = &blames[0];
    assert_eq!((blames.len(), b.setting), (1, Setting::PreStopSleep), "{blames:?}");
    // Half of 100 requests a second for 0.5 and 1.5 s.
    assert!((b.lost - 50.0).abs() < 1e-6, "{}", b.lost);
    let missing = b.missing.expect("seconds");
    assert!((missing.most_s - 1.5).abs() < 1e-9, "{missing:?}");
    assert!((missing.mean_s - 1.25).abs() < 1e-9, "{missing:?}");
    for cause in [Cause::ListenerClosed, Cause::ProcessGone] {
        assert!(b.parts.keys().any(|part| part.0 == cause), "{b:?}");
    }
    let worst = b.worst.as_ref().expect("a pod");
    assert_eq!(worst.lost, 75.0, "the second replication lost more");
    let delisted = worst.moments.iter().find(|m| m.1 == Moment::Delisted);
    assert_eq!(delisted.map(|m| m.0), Some(s(3.5)));
}

#[test]
fn a_pod_listed_before_it_listens_wants_a_readiness_probe() {
    let make = || {
        let mut t = two(pod(0, 5.0, 1e9, 1e9), Vec::new(), Dist::constant(0.005));
        t.views[0].initial.remove(0);
        t.views[0].changes.push(add(2.0, 0));
        // Its namespace is there from the start, so it refuses.
        t.pods[0].phases[0].0 = s(1.0);
        t
    };
    let blames = of(&[make()], &facts(OnSigterm::Exit, false));
    assert_eq!(blames[0].setting, Setting::ReadinessProbe, "{blames:?}");
    let missing = blames[0].missing.expect("seconds");
    assert!((missing.most_s - 3.0).abs() < 1e-9, "{missing:?}");
    let blames = of(&[make()], &facts(OnSigterm::Exit, true));
    assert_eq!(blames[0].setting, Setting::ReadinessProbeTarget, "{blames:?}");
}

#[test]
fn long_requests_want_the_application_or_the_grace_period_to_wait() {
    let service = Dist::constant(3.0);
    let make = |end| {
        let mut t = two(pod(0, -100.0, 2.0, 3.0), vec![remove(2.0, 0)], service.clone());
        t.pods[0].lives[0].ended_by = end;
        t
    };
    let graceful = OnSigterm::Graceful { drain_timeout: d(1.0) };
    for (end, on_sigterm, setting) in [
        (LifeEnd::Sigterm, OnSigterm::Exit, Setting::GracefulShutdown),
        (LifeEnd::Sigterm, graceful.clone(), Setting::DrainTimeout),
        (LifeEnd::Sigkill, graceful, Setting::GracePeriod),
    ] {
        let blames = of(&[make(end)], &facts(on_sigterm, true));
        assert_eq!((blames.len(), blames[0].setting), (1, setting), "{blames:?}");
        // The last request came at 2 s, so the process was wanted until 5 s and went at 3 s.
        let missing = blames[0].missing.expect("seconds");
        assert!((missing.most_s - 2.0).abs() < 1e-6, "{setting:?} {missing:?}");
        // Those of the last two seconds before the listener closed: 50 a second.
        assert!((blames[0].lost - 100.0).abs() < 1e-6, "{}", blames[0].lost);
    }
}

#[test]
fn nobody_listed_is_the_strategys_or_min_ready_seconds_fault() {
    let changes = vec![remove(2.0, 0), remove(2.0, 1), add(6.0, 1)];
    let t = two(pod(0, -100.0, 2.0, 2.0), changes, Dist::constant(0.005));
    let mut facts = facts(OnSigterm::Exit, true);
    let blames = of(std::slice::from_ref(&t), &facts);
    assert_eq!(blames[0].setting, Setting::MinReadySeconds);
    assert!((blames[0].missing.expect("seconds").most_s - 4.0).abs() < 1e-9);
    facts.strategy_empties = Some(Setting::Strategy);
    assert_eq!(of(&[t], &facts)[0].setting, Setting::Strategy);
}

#[test]
fn blame_covers_every_loss() {
    for seed in 0..20 {
        let t = super::timelines::random_rollout(seed, super::timelines::random_service(seed));
        let load = traffic(Arrivals::Poisson, 100.0, -5.0, 25.0);
        let outcome = traffic::evaluate(&t, &load, Seed(1), EvaluatorChoice::Exact);
        let blames = blame_by(&[(&t, &outcome)], &facts(OnSigterm::Exit, true));
        let blamed: f64 = blames.iter().map(|b| b.lost).sum();
        assert!((blamed - outcome.failed()).abs() < 1e-6, "{blamed} {}", outcome.failed());
        assert!(blames.is_sorted_by(|a, b| a.lost >= b.lost));
    }
}
