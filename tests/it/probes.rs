//! Probes whose answer cannot change anything are left out of the simulation: with them, every result is the
//! same.

use rollsim::engine::Seed;
use rollsim::input::{Input, Source};
use rollsim::scenario::Scenario;
use rollsim::world;
use std::path::Path;

/// Experiments with probes of all kinds.
const CASES: [&str; 13] = [
    "a2-alb-readiness-gate",
    "alb-prestop",
    "b3-readiness-probe",
    "b6-blue-green",
    "drain-with-budget",
    "grace-30-prestop-40",
    "max-unavailable-100-pods",
    "min-ready-550",
    "prestop-sleep",
    "progress-deadline-waves",
    "readiness-probe",
    "startup-probe",
    "zone-spread",
];

type Settings = &'static [(&'static str, &'static str)];

/// Pods whose probe says no from the start, and that go in several ways.
const NEVER_READY: [(&str, Settings); 8] = [
    ("alb-prestop", &[("app.v1.never_ready", "true"), ("app.v2.never_ready", "false")]),
    ("b3-readiness-probe", &[("app.v1.never_ready", "true"), ("app.v2.never_ready", "false")]),
    ("b3-readiness-probe", &[("app.never_ready", "true"), ("traffic.duration_s", "400")]),
    ("b6-blue-green", &[("app.v1.never_ready", "true"), ("app.v2.never_ready", "false")]),
    ("drain-with-budget", &[("app.never_ready", "true")]),
    (
        "readiness-probe",
        &[
            ("app.v1.never_ready", "true"),
            ("app.v2.never_ready", "false"),
            ("app.on_sigterm", "lame-duck"),
            ("app.lame_duck_s", "12"),
        ],
    ),
    ("startup-probe", &[("app.v1.never_ready", "true"), ("app.v2.never_ready", "false")]),
    ("zone-spread", &[("app.never_ready", "true")]),
];

fn load(name: &str, settings: Settings) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(name);
    let mut input = Input::load(&[Source::Path(folder)]).unwrap_or_else(|e| panic!("{e}"));
    for (key, value) in settings {
        input.set(key, value).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    input.lower().unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// How many replications have fewer events without the probes that are left out.
fn compare(name: &str, settings: Settings) -> u32 {
    let scenario = load(name, settings);
    let latencies = scenario.platform.latencies();
    let mut more = 0;
    for seed in (0..10).map(|i| Seed(5).replication(i)) {
        let few = world::simulate(&scenario, &latencies, seed);
        let all = world::simulate_probing_always(&scenario, &latencies, seed);
        assert_eq!(few.rollout, all.rollout, "{name} {settings:?}, {seed:?}");
        assert_eq!(few.timeline, all.timeline, "{name} {settings:?}, {seed:?}");
        more += u32::from(all.events > few.events);
    }
    more
}

#[test]
fn probes_left_out_change_nothing() {
    let more: u32 = CASES.iter().map(|name| compare(name, &[])).sum();
    assert!(more > 100, "hardly a probe was left out");
}

#[test]
fn probes_left_out_change_nothing_of_pods_that_are_never_ready() {
    let more: u32 = NEVER_READY.iter().map(|(name, settings)| compare(name, settings)).sum();
    assert!(more > 50, "hardly a probe was left out: {more}");
}

/// Processes that end by themselves, while their probes wait, count or sleep.
const CRASHING: [(&str, Settings); 5] = [
    ("startup-probe", &[("app.crash_after_s", "20")]),
    ("startup-probe", &[("app.crash_after_s", "3")]),
    ("b3-readiness-probe", &[("app.crash_after_s", "7"), ("readinessProbe.failureThreshold", "1")]),
    ("b3-readiness-probe", &[("app.crash_after_s", "7"), ("readinessProbe.successThreshold", "2")]),
    ("readiness-probe", &[("app.crash_after_s", "31"), ("readinessProbe.periodSeconds", "7")]),
];

#[test]
fn probes_left_out_change_nothing_of_processes_that_crash() {
    let more: u32 = CRASHING.iter().map(|(name, settings)| compare(name, settings)).sum();
    assert!(more > 30, "hardly a probe was left out: {more}");
}

/// Answers that take long, so that others are wanted meanwhile.
const SLOW: [(&str, Settings); 4] = [
    ("b3-readiness-probe", &[("app.probe_s", "0.9")]),
    ("b3-readiness-probe", &[("app.probe_s", "5"), ("readinessProbe.timeoutSeconds", "9")]),
    ("b3-readiness-probe", &[("app.probe_s", "5"), ("readinessProbe.timeoutSeconds", "2")]),
    ("startup-probe", &[("app.probe_s", "0.9"), ("app.crash_after_s", "20")]),
];

#[test]
fn probes_left_out_change_nothing_where_answers_take_long() {
    let more: u32 = SLOW.iter().map(|(name, settings)| compare(name, settings)).sum();
    assert!(more > 10, "hardly a probe was left out: {more}");
}

/// A worker waits for its answer before it asks again. The other container becomes ready meanwhile, for which
/// the first is to be evaluated at once: when its answer is there, and not a period later.
#[test]
fn a_worker_that_awaits_an_answer_asks_when_it_has_it() {
    const MANIFEST: &str = r#"
        { "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" }, "spec": {
          "replicas": 1, "selector": { "matchLabels": { "app": "web" } }, "template": {
            "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [
              { "name": "app", "image": "example/app:1", "ports": [{ "containerPort": 80 }], "readinessProbe":
                { "tcpSocket": { "port": 80 }, "successThreshold": 2, "timeoutSeconds": 5 } },
              { "name": "beside", "image": "example/beside:1", "readinessProbe":
                { "tcpSocket": { "port": 90 }, "initialDelaySeconds": 2, "periodSeconds": 1 } } ] } } } }"#;
    let source = Source::Text { name: "web.yaml".into(), text: MANIFEST.into() };
    let mut input = Input::load(&[source]).unwrap_or_else(|e| panic!("{e}"));
    for (key, value) in [("app.probe_s", "4"), ("app.start_delay_s", "0")] {
        input.set(key, value).unwrap_or_else(|e| panic!("{key}: {e}"));
    }
    let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
    let latencies = scenario.platform.latencies();
    for i in 0..20 {
        let run = world::simulate(&scenario, &latencies, Seed(3).replication(i));
        let pod = &run.timeline.pods[1];
        let waits = (pod.ready - pod.lives[0].started).as_secs_f64();
        assert!((8.0..11.5).contains(&waits), "two answers of 4 s each: ready after {waits} s");
    }
}

/// Workers that sleep before their first evaluation.
const YOUNG: [Settings; 3] = [
    &[("age_s", "5"), ("readinessProbe.periodSeconds", "30")],
    &[
        ("age_s", "5"),
        ("readinessProbe.periodSeconds", "30"),
        ("readinessProbe.successThreshold", "2"),
    ],
    &[("kubernetes.kubelet", "1.20"), ("readinessProbe.periodSeconds", "7")],
];

#[test]
fn probes_left_out_change_nothing_on_a_young_kubelet() {
    let more: u32 = YOUNG.iter().map(|settings| compare("b3-readiness-probe", settings)).sum();
    assert!(more > 10, "hardly a probe was left out: {more}");
}

/// A probe every 300 s: on a kubelet older than that, the worker's clock decides; on a younger one, and on
/// every one before 1.21, the first evaluation comes after a random part of the period.
#[test]
fn a_young_kubelet_waits_a_random_part_of_the_period() {
    let waits = |more: Settings| {
        let probe: Settings = &[
            ("replicas", "1"),
            ("maxSurge", "1"),
            ("maxUnavailable", "0"),
            ("imagePullPolicy", "Never"),
            ("app.start_delay_s", "0.5"),
            ("readinessProbe.initialDelaySeconds", "10"),
            ("readinessProbe.periodSeconds", "300"),
            ("readinessProbe.successThreshold", "1"),
            ("readinessProbe.failureThreshold", "9"),
            ("traffic.duration_s", "60"),
        ];
        let settings: Vec<(&str, &str)> = probe.iter().chain(more).copied().collect();
        let scenario = load("b3-readiness-probe", settings.leak());
        let latencies = scenario.platform.latencies();
        let ready = |i| {
            let run = world::simulate(&scenario, &latencies, Seed(7).replication(i));
            run.timeline.pods[1].ready.as_secs_f64()
        };
        (0..300).map(ready).collect::<Vec<f64>>()
    };
    let mean = |waits: &[f64]| waits.iter().sum::<f64>() / waits.len() as f64;
    for young in [&[("age_s", "60")], &[("kubernetes.kubelet", "1.20")]] as [Settings; 2] {
        let waits = waits(young);
        assert!(waits.iter().all(|s| (9.0..=315.0).contains(s)), "{waits:?}");
        assert!((145.0..=175.0).contains(&mean(&waits)), "{young:?}: mean {}", mean(&waits));
        let early = waits.iter().filter(|s| **s < 100.0).count();
        assert!((60..=130).contains(&early), "a third within 100 s: {early}");
    }
    let old = waits(&[("age_s", "3600")]);
    assert!(old.iter().all(|s| (299.0..=305.0).contains(s)), "{old:?}");
}
