//! Probes whose answer cannot change anything are left out of the simulation: with them, every result is the
//! same.

use rollsim::engine::Seed;
use rollsim::input::{Input, Source};
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

/// How many replications have fewer events without the probes that are left out.
fn compare(name: &str, settings: Settings) -> u32 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(name);
    let mut input = Input::load(&[Source::Path(folder)]).unwrap_or_else(|e| panic!("{e}"));
    for (key, value) in settings {
        input.set(key, value).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let scenario = input.lower().unwrap_or_else(|e| panic!("{name}: {e}"));
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
