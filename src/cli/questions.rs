//! What a lesson asks, made of what its rollout comes to.

use super::courses::Lesson;
use crate::explain::{cause_key, cause_label};
use crate::input::Input;
use crate::report::Answer;
use crate::report::words::count;
use crate::run::RunOptions;
use crate::traffic::Cause;

/// What a lesson asks, and what is right.
pub struct Questions {
    /// As it comes out.
    pub answer: Answer,
    /// How many are lost: choices, and which is right.
    pub lost: (Vec<String>, usize),
    /// Why: choices, and which is right; None: none is lost.
    pub why: Option<(Vec<&'static str>, usize)>,
}

/// So many rollouts stand behind an answer.
const ROLLOUTS: u32 = 100;

/// Simulates an input as it is now.
///
/// # Errors
/// The input is none.
pub fn simulate(input: &Input) -> anyhow::Result<Answer> {
    let options = RunOptions { replications: ROLLOUTS, ..RunOptions::default() };
    Ok(Answer::of(&input.lower()?, &options)?)
}

/// The questions of a lesson.
///
/// # Errors
/// The lesson's experiment cannot be simulated: a fault of rollsim's own.
pub fn questions(lesson: &Lesson) -> anyhow::Result<Questions> {
    let answer = simulate(&lesson.input()?)?;
    let (lost, sent) = (answer.lost.total.mean, answer.requests.sent);
    Ok(Questions { lost: amounts(lost, sent), why: reasons(&answer), answer })
}

/// Four amounts, rising, and the place of the one that is nearest.
fn amounts(lost: f64, sent: f64) -> (Vec<String>, usize) {
    let mut all = match lost < 0.5 {
        true => vec![0.0, sent * 0.02, sent * 0.1, sent * 0.5],
        false => vec![0.0, lost / 5.0, lost, (lost * 4.0).min(sent)],
    };
    all.sort_by(f64::total_cmp);
    let off = |x: f64| (x - lost).abs();
    let right = (0..all.len()).min_by(|&a, &b| off(all[a]).total_cmp(&off(all[b]))).unwrap_or(0);
    (all.into_iter().map(count).collect(), right)
}

/// Causes to choose from: the one that costs most, and some that cost next to nothing here.
fn reasons(answer: &Answer) -> Option<(Vec<&'static str>, usize)> {
    const USUAL: [Cause; 6] = [
        Cause::NotListeningYet,
        Cause::AddressGone,
        Cause::CutByExit,
        Cause::NoBackend,
        Cause::CutByDeregistration,
        Cause::Overload,
    ];
    let by_cause = || answer.lost.by_cause.iter();
    let worst = by_cause().max_by(|a, b| a.count.mean.total_cmp(&b.count.mean))?;
    if answer.lost.total.mean < 0.5 {
        return None;
    }
    let right = crate::explain::topic(&worst.key)?.name;
    let weighs = |cause: Cause| {
        let found = by_cause().find(|group| group.key == cause_key(cause));
        found.is_some_and(|group| group.count.mean > 0.1 * worst.count.mean)
    };
    let others = USUAL.into_iter().filter(|c| !weighs(*c)).map(cause_label).take(3);
    let mut all: Vec<&str> = others.filter(|label| *label != right).chain([right]).collect();
    all.sort_unstable();
    let place = all.iter().position(|label| *label == right)?;
    Some((all, place))
}
