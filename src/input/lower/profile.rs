//! Loads that change over time, as steps.

use crate::engine::{Dur, Time};
use crate::input::lower::lowering::{Lowering, at};
use crate::input::raw::case::{ProfileCase, ProfileKind};
use crate::input::text::checks;

/// Length of the steps that a wave is cut into: a minute of a day.
const OF_DAY: Dur = Dur::from_secs(60);
/// Steps that a ramp is cut into.
const OF_RAMP: i64 = 60;
/// The busiest hour where nobody says: early afternoon.
const PEAK_HOUR: f64 = 14.0;

/// The rates of `case` from `start` until `end`.
pub(super) fn steps(
    low: &mut Lowering<'_>,
    case: &ProfileCase,
    start: Time,
    end: Time,
) -> Vec<(Time, f64)> {
    let [least, most] = rates(low, case);
    let begins = case.from_s.unwrap_or(0.0);
    if begins.abs() > checks::SECONDS_MAX {
        let error = low.fail("traffic.profile.from_s", "value out of range");
        error.found = Some(checks::number(begins));
    }
    let from = at(begins.clamp(-checks::SECONDS_MAX, checks::SECONDS_MAX));
    let lasts = Dur::from_secs_f64(low.seconds("traffic.profile.for_s", case.for_s, 60.0));
    match case.kind {
        ProfileKind::Diurnal => day(low, case, [least, most], (start, end)),
        ProfileKind::Step => vec![(start, least), (from.max(start), most)],
        ProfileKind::Spike => vec![(start, least), (from, most), (from + lasts, least)],
        ProfileKind::Ramp => {
            let part = |k: i64| {
                let share = k as f64 / OF_RAMP as f64;
                (from + Dur(lasts.0 / OF_RAMP * k), least + (most - least) * share)
            };
            [(start, least)].into_iter().chain((1..=OF_RAMP).map(part)).collect()
        }
    }
}

/// Steps in order, what lies before the start left out.
pub(super) fn ordered(start: Time, steps: Vec<(Time, f64)>) -> Vec<(Time, f64)> {
    let mut kept: Vec<(Time, f64)> = Vec::new();
    for (from, rate) in steps {
        match kept.last_mut() {
            // The latest of those that begin no later than the start is the first.
            Some(last) if from <= start.max(last.0) => *last = (last.0, rate),
            Some(_) => kept.push((from, rate)),
            None => kept.push((from.min(start), rate)),
        }
    }
    kept
}

fn rates(low: &mut Lowering<'_>, case: &ProfileCase) -> [f64; 2] {
    let mut rate = |key: &str, given: Option<f64>| {
        let path = format!("traffic.profile.{key}");
        let Some(rate) = given else {
            low.fail(&path, "a profile needs both rates").suggestion =
                Some("low_per_s = 20, high_per_s = 100".to_owned());
            return 0.0;
        };
        if !(0.0..=1e7).contains(&rate) {
            let error = low.fail(&path, "value out of range");
            error.found = Some(checks::number(rate));
            error.allowed = Some("0 to 10000000 requests a second".to_owned());
        }
        rate.clamp(0.0, 1e7)
    };
    let rates = [rate("low_per_s", case.low_per_s), rate("high_per_s", case.high_per_s)];
    if rates[0] > rates[1] {
        low.fail("traffic.profile.low_per_s", "the lower rate is above the higher one");
    }
    rates
}

/// A wave of 24 hours, minute by minute.
fn day(
    low: &mut Lowering<'_>,
    case: &ProfileCase,
    [least, most]: [f64; 2],
    (start, end): (Time, Time),
) -> Vec<(Time, f64)> {
    let mut hour = |key: &str, given: Option<f64>, usual: f64| {
        let hour = given.unwrap_or(usual);
        if !(0.0..=24.0).contains(&hour) {
            let error = low.fail(&format!("traffic.profile.{key}"), "no hour of a day");
            error.found = Some(checks::number(hour));
            error.allowed = Some("0 to 24".to_owned());
        }
        hour.clamp(0.0, 24.0)
    };
    let peak = hour("peak_hour", case.peak_hour, PEAK_HOUR);
    let now = hour("hour", case.hour, peak);
    let rate = |at: Time| {
        let hours = now + at.as_secs_f64() / 3600.0 - peak;
        let wave = 0.5 + 0.5 * libm::cos(hours / 24.0 * std::f64::consts::TAU);
        least + (most - least) * wave
    };
    let count = (end - start).0.max(0) / OF_DAY.0 + 1;
    (0..count).map(|k| start + Dur(k * OF_DAY.0)).map(|at| (at, rate(at))).collect()
}
