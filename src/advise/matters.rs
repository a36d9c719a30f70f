//! Which guess the answer hangs on: each is made three times as large and a third as large, within the range
//! that its card gives, and the same rollouts run again.

use super::luck::Luck;
use super::outcome::{Outcome, Sample};
use crate::input::Input;
use crate::scenario::{Assumption, Scenario};
use crate::stats::t_mean;
use rayon::prelude::*;
use std::ops::Range;

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
/// Rollouts for each value, at most; more where few lose anything.
const MOST: u32 = 30;
/// So many come first, at least and at most: they tell most guesses from those that matter.
const FIRST: (u32, u32) = (2, 6);
/// So sure it must be that a guess is no matter, before its other rollouts are left out.
const SURE: f64 = 0.99;
/// What changes by less than this share is no matter.
pub const LITTLE: f64 = 0.05;
/// The word that may be the other way round.
const SIGTERM: &str = "app.on_sigterm";

/// Weighs every guess, on the luck of a run that came to `today`; `left` rollouts may be run for it.
pub fn matters(
    (input, scenario): (&Input, &Scenario),
    luck: &Luck,
    today: &Outcome,
    (look, left): (u32, i64),
) -> Matters {
    let most = MOST.max(look).min(luck.replications());
    let base = today.first(most).without_blame();
    let plain = Scenario { assumptions: Vec::new(), ..scenario.clone() };
    let race = Race { input, plain, luck, base };
    let mut guesses: Vec<Guess<'_>> =
        scenario.assumptions.par_iter().map(|a| race.guess(a)).collect();
    let replications = race.run(&mut guesses, left);
    let all = guesses.into_iter().map(|guess| race.weighed(guess));
    let (mut weighed, others): (Vec<Weighed>, Vec<Weighed>) =
        all.partition(|w| w.more.is_some() || w.less.is_some());
    weighed.sort_by(|a, b| b.influence.total_cmp(&a.influence));
    Matters {
        replications,
        lost: race.base.lost(),
        takes_s: race.base.duration_s(),
        weighed,
        others: others.into_iter().map(|w| w.key).collect(),
    }
}

/// A guess, with what it may be as well: three times as much, and a third.
struct Guess<'a> {
    assumption: &'a Assumption,
    others: [Option<Rival>; 2],
}

/// Another value, and what it came to so far.
struct Rival {
    value: String,
    scenario: Scenario,
    found: Outcome,
    /// It is sure to be no matter, or asks for more than is allowed.
    over: bool,
}

/// All guesses are varied in the same rollouts: a few first, and twice as many, and so on, of those that are
/// not sure to be no matter by then.
struct Race<'a> {
    input: &'a Input,
    /// What it says, without a word about guesses.
    plain: Scenario,
    luck: &'a Luck,
    /// With everything as it is.
    base: Outcome,
}

impl Race<'_> {
    fn guess<'a>(&self, a: &'a Assumption) -> Guess<'a> {
        let input = self.input;
        let with = |other: Option<Input>| self.rival(other, a);
        let others = match a.key.as_str() {
            "traffic.rate_per_s" => {
                [FACTOR, 1.0 / FACTOR].map(|factor| with(rate(input, &self.plain, factor)))
            }
            SIGTERM => ["graceful", "exit"].map(|word| with(sigterm(input, word))),
            key => [FACTOR, 1.0 / FACTOR].map(|factor| with(input.varied(key, factor))),
        };
        Guess { assumption: a, others }
    }

    /// Another input; None: the guess reads as before.
    fn rival(&self, input: Option<Input>, a: &Assumption) -> Option<Rival> {
        let mut scenario = input?.lower().ok()?;
        let guess = scenario.assumptions.iter().find(|other| other.key == a.key);
        let now = guess.map_or(String::new(), |a| value(&a.text));
        if now == value(&a.text) {
            return None;
        }
        scenario.assumptions.clear();
        // What says the same comes to the same.
        let same = scenario == self.plain;
        let found = if same { self.base.clone() } else { self.base.first(0) };
        Some(Rival { value: now, scenario, found, over: same })
    }

    /// Runs them until nothing is open, or no rollouts are left; gives how many were run of what is.
    fn run(&self, guesses: &mut [Guess<'_>], mut left: i64) -> u32 {
        let most = self.base.samples.len() as u32;
        let mut n = 0;
        loop {
            let rivals = guesses.iter_mut().flat_map(|guess| &mut guess.others).flatten();
            let mut open: Vec<&mut Rival> = rivals.filter(|rival| !rival.over).collect();
            let each = (left.max(0) / open.len().max(1) as i64) as u32;
            let next = match n {
                0 => each.clamp(FIRST.0, FIRST.1),
                _ => (2 * n).min(n + each),
            };
            let next = next.min(most);
            if open.is_empty() || next == n {
                return n;
            }
            left -= open.len() as i64 * i64::from(next - n);
            open.par_iter_mut().for_each(|rival| self.go_on(rival, n..next));
            n = next;
        }
    }

    fn go_on(&self, rival: &mut Rival, part: Range<u32>) {
        let Some(more) = self.luck.unblamed(&rival.scenario, part.clone()) else {
            rival.over = true;
            return;
        };
        rival.found = rival.found.and(more);
        rival.over = is_little(&rival.found, &self.base.first(part.end));
    }

    fn weighed(&self, guess: Guess<'_>) -> Weighed {
        let [more, less] = guess.others.map(|rival| rival.and_then(|rival| self.other(rival)));
        let influence = more.iter().chain(&less).map(|(_, i)| *i).fold(0.0, f64::max);
        let other = |found: Option<(Other, f64)>| found.map(|(other, _)| other);
        let (key, value) = (guess.assumption.key.clone(), value(&guess.assumption.text));
        Weighed { key, value, more: other(more), less: other(less), influence }
    }

    /// What a value came to, and how far that is from what it is; None: it could not be run.
    fn other(&self, rival: Rival) -> Option<(Other, f64)> {
        let Rival { value, found, .. } = rival;
        let n = found.samples.len();
        if n == 0 {
            return None;
        }
        let (here, all) = (self.base.first(n as u32), &self.base);
        // What the first rollouts say is said of all of them.
        let of_all = |now: f64, then: f64, all: f64| match n == self.base.samples.len() {
            true => now,
            false => (all + now - then).max(0.0),
        };
        let takes_s = found.duration_s().map(|now| match (here.duration_s(), all.duration_s()) {
            (Some(then), Some(all)) => of_all(now, then, all),
            _ => now,
        });
        let lost = of_all(found.lost(), here.lost(), all.lost());
        let incomplete = of_all(found.incomplete(), here.incomplete(), all.incomplete());
        Some((Other { value, lost, takes_s, incomplete }, influence(&found, &here)))
    }
}

/// Whether what was seen is sure to change the answer by less than [`LITTLE`]: nothing differs at all, or the
/// interval of the difference lies within it.
fn is_little(other: &Outcome, base: &Outcome) -> bool {
    if other.samples == base.samples {
        return true;
    }
    if other.incomplete() != base.incomplete() {
        return false;
    }
    let within = |of: fn(&Sample) -> Option<f64>, scale: f64| {
        let pair = |(a, b): (&Sample, &Sample)| Some(of(a)? - of(b)?);
        let differences: Vec<f64> =
            other.samples.iter().zip(&base.samples).filter_map(pair).collect();
        let mean = t_mean(&differences, SURE);
        differences.len() > 1 && libm::fabs(mean.low).max(libm::fabs(mean.high)) < LITTLE * scale
    };
    match by_losses(other, base) {
        true => within(|s| Some(s.lost), base.lost().max(0.5)),
        false => base.duration_s().is_some_and(|s| within(Sample::takes_s, s)),
    }
}

fn rate(input: &Input, plain: &Scenario, factor: f64) -> Option<Input> {
    let now = plain.traffic.rate.first()?.1;
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

/// Whether it is what is lost that tells them apart, and not how long they take.
fn by_losses(other: &Outcome, base: &Outcome) -> bool {
    base.lost() >= 0.01 || other.lost() >= 0.5
}

/// How far another value takes the answer: what is lost, else how long it takes, as a share; all of it where
/// something no longer reaches its end.
fn influence(other: &Outcome, base: &Outcome) -> f64 {
    if other.incomplete() != base.incomplete() {
        return libm::fabs(other.incomplete() - base.incomplete()).max(1.0);
    }
    if by_losses(other, base) {
        return libm::fabs(other.lost() - base.lost()) / base.lost().max(0.5);
    }
    match (other.duration_s(), base.duration_s()) {
        (Some(a), Some(b)) if b > 0.0 => libm::fabs(a - b) / b,
        _ => 0.0,
    }
}
