//! Health checks of balancers whose answer cannot change anything are left out of the simulation: with them,
//! every result is the same.

use rollsim::engine::Seed;
use rollsim::input::{Input, Source};
use rollsim::scenario::Scenario;
use rollsim::world;
use std::path::Path;

type Settings = &'static [(&'static str, &'static str)];

const LOCAL: Settings = &[
    ("traffic.path", "loadbalancer"),
    ("service.spec.type", "LoadBalancer"),
    ("service.spec.externalTrafficPolicy", "Local"),
];
const HAPROXY: Settings = &[("traffic.path", "haproxy")];

/// Experiments, and what else is set.
const CASES: &[(&str, Settings)] = &[
    ("a0-alb-defaults", &[]),
    ("a2-alb-readiness-gate", &[]),
    ("alb-blue-green", &[]),
    ("alb-canary", &[]),
    ("alb-least-outstanding", &[("balancer.minimum_healthy_percent", "100")]),
    ("alb-one-of-two", &[]),
    ("alb-pid-1", &[]),
    ("alb-weight-shift", &[]),
    ("alb-zone-empty", &[]),
    ("nlb-two-minutes", &[]),
    ("nginx-retries", LOCAL),
    ("haproxy-redispatch", &[]),
    ("zone-spread", HAPROXY),
    ("drain-with-budget", HAPROXY),
    ("max-unavailable-100-pods", HAPROXY),
];

/// What may happen to the application and the checks.
const VARIANTS: &[Settings] = &[
    &[],
    &[("app.never_ready", "true")],
    &[("app.on_sigterm", "lame-duck"), ("app.lame_duck_s", "25")],
    &[("app.on_sigterm", "ignore")],
    &[("app.crash_after_s", "37")],
    &[("app.start_delay_s", "45")],
    &[("balancer.slow_start", "40"), ("app.crash_after_s", "90")],
    &[("balancer.slowstart", "40"), ("app.crash_after_s", "90")],
    &[("balancer.check_timeout", "14"), ("app.start_delay_s", "20")],
    // Answers that come after the timeout, now and then or often.
    &[("platform.probe_answer.p99_s", "2"), ("platform.probe_answer.median_s", "0.3")],
    &[("platform.probe_answer.p99_s", "4.5"), ("platform.probe_answer.median_s", "2")],
    &[("action", "{ kind = \"evict\" }")],
    &[("action", "{ kind = \"delete-pods\", count = 2 }")],
    &[("action", "{ kind = \"scale\", replicas = 1 }")],
];

/// None: it does not fit the path, or not the rest of the scenario.
fn with(folder: &str, own: Settings, variant: Settings) -> Option<Scenario> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(folder);
    let mut input = Input::load(&[Source::Path(path)]).unwrap_or_else(|e| panic!("{e}"));
    for (key, value) in own {
        input.set(key, value).unwrap_or_else(|e| panic!("{folder}: {e}"));
    }
    for (key, value) in variant {
        input.set(key, value).ok()?;
    }
    input.lower().ok()
}

#[test]
fn checks_left_out_change_nothing() {
    for &(folder, own) in CASES {
        let (mut variants, mut few, mut all) = (0, 0, 0);
        for variant in VARIANTS {
            let Some(scenario) = with(folder, own, variant) else { continue };
            variants += 1;
            let latencies = scenario.platform.latencies();
            for seed in (0..10).map(|i| Seed(9).replication(i)) {
                let asleep = world::simulate(&scenario, &latencies, seed);
                let awake = world::simulate_checking_always(&scenario, &latencies, seed);
                assert_eq!(asleep.rollout, awake.rollout, "{folder}, {variant:?}, {seed:?}");
                assert!(asleep.timeline == awake.timeline, "{folder}, {variant:?}, {seed:?}");
                few += asleep.events;
                all += awake.events;
            }
        }
        assert!(variants >= 8, "{folder}: {variants}");
        let nodes = own == LOCAL;
        assert!(nodes || few < all * 9 / 10, "{folder}: hardly a check was left out");
    }
}
