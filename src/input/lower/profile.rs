//! The rate of the requests over time, as steps.

use crate::engine::{Dur, Time};
use crate::input::lower::lowering::{Lowering, at};
use crate::input::raw::case::{ArrivalsCase, ProfileCase, ProfileKind, TrafficCase};
use crate::input::text::checks;

/// Length of the steps that a wave is cut into: a minute of a day.
const OF_DAY: Dur = Dur::from_secs(60);
/// Steps that a ramp is cut into.
const OF_RAMP: i64 = 60;
/// The busiest hour where nobody says: early afternoon.
const PEAK_HOUR: f64 = 14.0;

/// Requests per second from each instant on; `usual` where nobody says.
pub(super) fn rate(
    low: &mut Lowering<'_>,
    case: &TrafficCase,
    (start, end): (Time, Time),
    usual: f64,
) -> Vec<(Time, f64)> {
    if let Some(given) = &case.profile {
        if case.rate.is_some() || case.rate_per_s.is_some() || case.steps.is_some() {
            low.fail("traffic.profile", "profile and a rate are both given").allowed =
                Some("one of them".to_owned());
        }
        let found = steps(low, given, start, end);
        return ordered(start, found);
    }
    let twice = match (&case.rate, case.rate_per_s, &case.steps) {
        (Some(_), Some(_), _) => Some("rate and rate_per_s"),
        (Some(_), _, Some(_)) => Some("rate and steps"),
        _ => None,
    };
    if let Some(both) = twice {
        low.fail("traffic.rate", format!("{both} are both given")).allowed =
            Some("one of them".to_owned());
    }
    let open = !matches!(case.arrivals, Some(ArrivalsCase::Trace | ArrivalsCase::Closed));
    let given = case.rate.is_some() || case.rate_per_s.is_some() || case.steps.is_some();
    if open && !given {
        low.assume("traffic.rate_per_s", format!("{usual} requests a second"));
    }
    let short = case.steps.as_ref().map(|steps| steps.iter().map(|&(s, n)| (at(s), n)));
    let long = case.rate.as_ref().map(|steps| steps.iter().map(|s| (at(s.from_s), s.per_s)));
    let listed: Option<Vec<(Time, f64)>> =
        long.map(Iterator::collect).or(short.map(Iterator::collect));
    let mut steps = match listed {
        Some(steps) if steps.is_empty() => {
            low.fail("traffic.rate", "an empty list").allowed =
                Some("at least one step".to_owned());
            vec![(start, usual)]
        }
        Some(steps) => steps,
        None => vec![(start, case.rate_per_s.unwrap_or(usual))],
    };
    for (i, &(_, per_s)) in steps.clone().iter().enumerate() {
        if !(0.0..=1e7).contains(&per_s) {
            let key = match (&case.rate, &case.steps) {
                (Some(_), _) => format!("traffic.rate[{i}].per_s"),
                (None, Some(_)) => format!("traffic.steps[{i}]"),
                (None, None) => "traffic.rate_per_s".to_owned(),
            };
            let error = low.fail(&key, "value out of range");
            error.found = Some(checks::number(per_s));
            error.allowed = Some("0 to 10000000 requests a second".to_owned());
            steps[i].1 = usual;
        }
    }
    if let Some(i) = steps.windows(2).position(|w| w[0].0 >= w[1].0) {
        let (key, what) = match case.rate {
            Some(_) => (format!("traffic.rate[{}].from_s", i + 1), "from_s"),
            None => (format!("traffic.steps[{}]", i + 1), "times"),
        };
        low.fail(&key, format!("{what} must rise from step to step"));
    }
    if steps[0].0 > start {
        let before = case.steps.as_ref().and(case.rate_per_s);
        steps.insert(0, (start, before.unwrap_or(0.0)));
    }
    steps
}

/// The rates of `case` from `start` until `end`.
fn steps(low: &mut Lowering<'_>, case: &ProfileCase, start: Time, end: Time) -> Vec<(Time, f64)> {
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
fn ordered(start: Time, steps: Vec<(Time, f64)>) -> Vec<(Time, f64)> {
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
