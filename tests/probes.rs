//! Probes whose answer cannot change anything are left out of the simulation: with them, every result is the
//! same.

use rollsim::engine::Seed;
use rollsim::scenario::{Input, Source};
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

#[test]
fn probes_left_out_change_nothing() {
    let mut more = 0;
    for name in CASES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(name);
        let input = Input::load(&[Source::Path(folder)]).unwrap_or_else(|e| panic!("{e}"));
        let scenario = input.lower().unwrap_or_else(|e| panic!("{name}: {e}"));
        let latencies = scenario.platform.latencies();
        for seed in (0..10).map(|i| Seed(5).replication(i)) {
            let few = world::simulate(&scenario, &latencies, seed);
            let all = world::simulate_probing_always(&scenario, &latencies, seed);
            assert_eq!(few.rollout, all.rollout, "{name}, {seed:?}");
            assert_eq!(few.timeline, all.timeline, "{name}, {seed:?}");
            more += u32::from(all.events > few.events);
        }
    }
    assert!(more > 100, "hardly a probe was left out");
}
