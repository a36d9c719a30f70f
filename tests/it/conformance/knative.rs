use super::table::{Row, Table};
use rollsim::engine::{Dur, Time};
use rollsim::model::autoscaler::kpa::{Memory, Observed, Settings, scale};
use rollsim::model::rollout::knative::{Steps, shares, steps};

fn at(s: f64) -> Time {
    Time::from_secs_f64(s)
}

/// Looks one after the other, of what a simulation calls.
fn looks(row: &Row) {
    let target: f64 = row.get("target");
    let settings = Settings {
        target,
        total: target / 0.75,
        burst: row.get("target_burst"),
        max_up: row.opt("max_scale_up_rate").unwrap_or(10.0),
        max_down: row.opt("max_scale_down_rate").unwrap_or(10.0),
        panic_threshold: 2.0,
        stable_window: Dur::from_secs(60),
        activation: row.opt("activation_scale").unwrap_or(1),
        down_delay: Dur::ZERO,
        reachable: row.opt("reachable").unwrap_or(true),
    };
    let mut memory = Memory {
        panics: row.opt::<f64>("panic_since_s").map(at),
        most: row.opt("max_panic_pods").unwrap_or(0),
        ..Memory::default()
    };
    for step in row.tables("steps") {
        let (ready, stable, panic) = (step.get("ready"), step.get("stable"), step.get("panic"));
        let now = at(step.get("at_s"));
        let found = scale(&settings, &mut memory, Observed { ready, stable, panic }, now);
        step.expect("expect_pods", found.pods);
        step.expect("expect_ebc", found.excess_burst);
    }
}

#[test]
fn knative_kpa() {
    Table::read("knative_kpa").group("scale", looks).finish();
}

#[test]
fn knative_rollout() {
    let dur = |row: &Row, key: &str| Dur::from_secs_f64(row.get(key));
    Table::read("knative_rollout")
        .group("steps", |row| {
            let found = steps(row.get("percent"), dur(row, "lasts_s"), dur(row, "first_s"));
            row.expect("expect_size", found.size);
            row.expect("expect_every_ns", found.every.0);
        })
        .group("shares", |row| {
            let steps = Steps { size: row.get("size"), every: Dur::from_secs(1) };
            row.expect("expect", shares(row.get("percent"), steps));
        })
        .finish();
}
