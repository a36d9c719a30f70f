//! Which guess the answer hangs on: each is made three times as large and a third as large, within the range
//! that its card gives, and the same rollouts run again.

use super::trial::{Outcome, outcome};
use crate::input::Input;
use crate::run::RunOptions;
use crate::scenario::{Assumption, Scenario};
use rayon::prelude::*;

/// A guess, and what becomes of the answer when it is another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// As the answer names it.
    pub key: String,
    /// As it is.
    pub value: String,
    /// With three times as much.
    pub more: Option<Other>,
    /// With a third.
    pub less: Option<Other>,
    /// The largest change of what is lost (of the duration where nothing is), as a share of it.
    pub influence: f64,
}

/// The answer with another value.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// The value.
    pub value: String,
    /// Lost requests.
    pub lost: f64,
    /// Seconds until complete.
    pub takes_s: Option<f64>,
    /// Share of rollouts that do not reach their end.
    pub incomplete: f64,
}

/// All guesses, the weightiest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matters {
    /// Rollouts for each value that may matter.
    pub replications: u32,
    /// With everything as it is, in these rollouts.
    pub lost: f64,
    /// Seconds until complete.
    pub takes_s: Option<f64>,
    /// Guesses that were varied.
    pub weighed: Vec<Weighed>,
    /// Guesses that are no numbers, and have not been varied.
    pub others: Vec<String>,
}

/// Three times as much, and a third.
const FACTOR: f64 = 3.0;
/// Rollouts for each value, at most and at least.
const EACH: (u32, u32) = (30, 3);
/// One in so many of them tells most guesses from those that matter.
const FIRST: u32 = 5;
/// What may matter after the first of them.
const MAYBE: f64 = 0.02;
/// What changes by less than this share is no matter.
pub const LITTLE: f64 = 0.05;
/// The word that may be the other way round.
const SIGTERM: &str = "app.on_sigterm";

/// Weighs every guess; `left` rollouts may be run for it.
pub fn matters(
    input: &Input,
    scenario: &Scenario,
    options: &RunOptions,
    (look, left): (u32, i64),
) -> Matters {
    let assumptions = &scenario.assumptions;
    let values = 2 * assumptions.len().max(1) as i64;
    let replications =
        ((left / values) as u32).clamp(EACH.1, EACH.0.max(look)).min(options.replications);
    let with = |n: u32| RunOptions { replications: n, keep_timelines: 0, ..options.clone() };
    let (few, all) = (with((replications / FIRST).max(look / FIRST).max(1)), with(replications));
    let (Some(first), Some(base)) = (outcome(scenario, &few), outcome(scenario, &all)) else {
        return Matters::default();
    };
    let one = |a: &Assumption| {
        let guess = weigh(input, scenario, a, (&few, &first));
        match guess.influence < MAYBE {
            true => guess,
            false => weigh(input, scenario, a, (&all, &base)),
        }
    };
    let all: Vec<Weighed> = assumptions.par_iter().map(one).collect();
    let (mut weighed, others): (Vec<Weighed>, Vec<Weighed>) =
        all.into_iter().partition(|w| w.more.is_some() || w.less.is_some());
    weighed.sort_by(|a, b| b.influence.total_cmp(&a.influence));
    Matters {
        replications,
        lost: base.lost(),
        takes_s: base.duration_s(),
        weighed,
        others: others.into_iter().map(|w| w.key).collect(),
    }
}

/// One guess, in so many rollouts.
fn weigh(
    input: &Input,
    scenario: &Scenario,
    a: &Assumption,
    (options, base): (&RunOptions, &Outcome),
) -> Weighed {
    let with = |other: Option<Input>| another(other, &a.key, &value(&a.text), options);
    let (more, less) = match a.key.as_str() {
        "traffic.rate_per_s" => {
            (with(rate(input, scenario, FACTOR)), with(rate(input, scenario, 1.0 / FACTOR)))
        }
        SIGTERM => (with(sigterm(input, "graceful")), with(sigterm(input, "exit"))),
        key => (with(input.varied(key, FACTOR)), with(input.varied(key, 1.0 / FACTOR))),
    };
    let values = more.iter().chain(&less);
    let influence = values.map(|o| influence(o, base)).fold(0.0, f64::max);
    Weighed { key: a.key.clone(), value: value(&a.text), more, less, influence }
}

/// The answer of another input; None: the guess reads as before.
fn another(input: Option<Input>, key: &str, before: &str, options: &RunOptions) -> Option<Other> {
    let scenario = input?.lower().ok()?;
    let now = match scenario.assumptions.iter().find(|a| a.key == key) {
        Some(a) => value(&a.text),
        None => String::new(),
    };
    if now == before {
        return None;
    }
    let found = outcome(&scenario, options)?;
    Some(Other {
        value: now,
        lost: found.lost(),
        takes_s: found.duration_s(),
        incomplete: found.incomplete(),
    })
}

fn rate(input: &Input, scenario: &Scenario, factor: f64) -> Option<Input> {
    let now = scenario.traffic.rate.first()?.1;
    let mut other = input.clone();
    other.set("traffic.rate_per_s", &format!("{}", now * factor)).ok()?;
    Some(other)
}

fn sigterm(input: &Input, word: &str) -> Option<Input> {
    let mut other = input.clone();
    other.set(SIGTERM, word).ok()?;
    Some(other)
}

/// What an assumption says before its source.
fn value(text: &str) -> String {
    text.split(" (card ").next().unwrap_or(text).to_owned()
}

/// How far another value takes the answer: what is lost, else how long it takes, as a share; all of it where
/// something no longer reaches its end.
fn influence(other: &Other, base: &Outcome) -> f64 {
    if other.incomplete != base.incomplete() {
        return libm::fabs(other.incomplete - base.incomplete()).max(1.0);
    }
    let lost = base.lost();
    if lost >= 0.01 || other.lost >= 0.5 {
        return libm::fabs(other.lost - lost) / lost.max(0.5);
    }
    match (other.takes_s, base.duration_s()) {
        (Some(a), Some(b)) if b > 0.0 => libm::fabs(a - b) / b,
        _ => 0.0,
    }
}
