//! A version that is never ready runs when the run starts: a broken release that is being replaced.

use rollsim::blame::{Facts, Setting, blame_by};
use rollsim::engine::{Dur, Time};
use rollsim::input::{Input, Source};
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::timeline::{Target, Timeline};
use rollsim::traffic::{Cause, LossKey};
use std::path::Path;

/// A broken version and the repair.
const REPAIR: Settings = &[("app.v1.never_ready", "true"), ("app.v2.never_ready", "false")];

type Settings<'a> = &'a [(&'a str, &'a str)];

fn scenario(folder: &str, settings: &[Settings]) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(folder);
    let mut input = Input::load(&[Source::Path(path)]).unwrap_or_else(|e| panic!("{e}"));
    for (key, value) in settings.concat() {
        input.set(key, value).unwrap_or_else(|e| panic!("{folder}: {e}"));
    }
    input.lower().unwrap_or_else(|e| panic!("{folder}: {e}"))
}

fn runs(scenario: &Scenario) -> Vec<Replication> {
    run(scenario, &RunOptions { replications: 20, keep_timelines: 20, ..RunOptions::default() })
}

fn timeline(run: &Replication) -> &Timeline {
    run.timeline.as_ref().expect("kept")
}

/// When the data planes list the first and the last of the pods that they come to list.
fn listed(timeline: &Timeline) -> (Time, Time) {
    let changes = timeline.views.iter().flat_map(|v| &v.changes);
    let at = changes.filter(|c| matches!(c.target, Target::Pod(_))).map(|c| c.at);
    (at.clone().min().expect("a pod is listed"), at.max().expect("a pod is listed"))
}

fn is_old(timeline: &Timeline, version: u16) -> bool {
    timeline.versions[usize::from(version)].name == "v1"
}

/// The rollout completes; nothing is answered until a new pod is routable, and nothing is lost once all are.
fn repaired(folder: &str, settings: Settings) {
    let scenario = scenario(folder, &[REPAIR, settings]);
    for run in &runs(&scenario) {
        let (timeline, rollout, traffic) = (timeline(run), &run.rollout, &run.traffic);
        assert!(rollout.complete.is_some(), "{folder}: {:?}", rollout.stuck);
        assert_eq!((rollout.lowest_available, rollout.progress_deadline_exceeded), (0, None));
        for pod in &timeline.pods {
            assert_eq!(
                pod.ready.is_never(),
                is_old(timeline, pod.version),
                "{folder}: {}",
                pod.name
            );
        }
        assert_eq!(traffic.answered_by_version[0], 0.0, "{folder}: answered by v1");
        let (first, last) = listed(timeline);
        for (&second, counts) in &traffic.by_second {
            let failed: f64 = counts.failed.values().sum();
            let answered: f64 = counts.answered.iter().sum();
            let (from, to) = (f64::from(second), f64::from(second + 1));
            assert!(answered == 0.0 || to > first.as_secs_f64(), "{folder}: {second} s, {first:?}");
            assert!(failed < 1e-9 || from < last.as_secs_f64(), "{folder}: {second} s, {last:?}");
        }
        let gap = |k: &LossKey| matches!(k.cause, Cause::NoBackend | Cause::RuleGap);
        assert!(traffic.failed() > 0.0, "{folder}: requests come before the repair does");
        assert!(traffic.losses.keys().all(gap), "{folder}: {:?}", traffic.losses);
        let blames = blame_by(&[(timeline, traffic)], &Facts::of(&scenario));
        assert_eq!(blames[0].setting, Setting::OldReadiness, "{folder}");
    }
}

#[test]
fn a_broken_release_is_replaced_without_further_losses() {
    repaired("readiness-probe", &[]);
    repaired("b3-readiness-probe", &[("traffic.rate_per_s", "20")]);
    repaired("haproxy-redispatch", &[]);
    repaired("nginx-retries", &[]);
    repaired("alb-prestop", &[]);
    repaired("nlb-two-minutes", &[]);
    repaired("readiness-probe", &[("traffic.path", "headless")]);
    repaired("readiness-probe", &[("traffic.path", "metallb-l2")]);
}

/// With maxUnavailable 1 of 4 one that is not ready goes at once, although none is available.
#[test]
fn unready_old_pods_are_cleaned_up_first() {
    let one_away = [("strategy.rollingUpdate.maxUnavailable", "1"), ("replicas", "4")];
    for run in &runs(&scenario("readiness-probe", &[REPAIR, &one_away])) {
        let timeline = timeline(run);
        let (old, new): (Vec<_>, Vec<_>) =
            timeline.pods.iter().partition(|p| is_old(timeline, p.version));
        let ready = new.iter().map(|p| p.ready).min().expect("a new pod");
        assert_eq!(run.rollout.lowest_available, 0);
        assert!(
            old.iter().any(|p| p.deleted < Time::ZERO + Dur::from_secs(1) && p.deleted < ready)
        );
    }
}

/// Nobody asks the application, or nobody waits for its answer: pods are routed as any others.
#[test]
fn without_a_question_nothing_changes() {
    let timelines = |settings: &[Settings]| -> Vec<Replication> {
        runs(&scenario("readiness-probe", settings))
    };
    let no_probe: Settings = &[("readinessProbe", "null")];
    assert_eq!(timelines(&[REPAIR, no_probe]), timelines(&[no_probe]));
    let publish: Settings = &[("service.spec.publishNotReadyAddresses", "true")];
    for run in timelines(&[REPAIR, publish]) {
        assert!(run.traffic.answered_by_version[0] > 0.0, "v1 answers");
        let early = run.traffic.by_second.range(..0);
        assert!(early.flat_map(|(_, s)| s.failed.values()).all(|n| *n < 1e-9), "{:?}", run.traffic);
        assert_eq!(run.rollout.lowest_available, 0);
    }
}
