//! What `rollsim run` tries besides: changes, what takes the time, which guess matters.

use crate::advise::{self, Outcome};
use crate::input::Input;
use crate::report::Answer;
use crate::report::advised::Tried;
use crate::run::{Replication, RunOptions};
use crate::scenario::Scenario;

/// Tries what may help, and adds it to the answer. Of two renders the rollouts after this one are looked at:
/// no change helps pods that run already.
pub fn add(
    answer: &mut Answer,
    input: &Input,
    scenario: &Scenario,
    (options, command): (&RunOptions, &str),
    (replications, today): (&[Replication], &Outcome),
) {
    let later = input.is_pair().then(|| input.later()).flatten();
    let later = later.and_then(|input| {
        let scenario = input.lower().ok()?;
        let outcome = advise::outcome(&scenario, options)?;
        Some((input, scenario, outcome))
    });
    let (on, of, before) = match &later {
        Some((input, scenario, outcome)) => (input, scenario, outcome),
        None => (input, scenario, today),
    };
    let advice = advise::advise(on, of, options, replications, before);
    let later = later.as_ref().map(|(.., outcome)| outcome);
    let tried = Tried { advice: &advice, input: on, scenario: of, command, later };
    answer.advised(&tried, scenario, replications);
}
