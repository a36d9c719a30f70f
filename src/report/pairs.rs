//! Two rollouts with the same luck, replication by replication.

use super::answer::Answer;
use super::comparison::{Difference, Told};
use super::measure::{Measure, Unit};
use crate::input::Input;
use crate::run::Replication;
use crate::scenario::Scenario;
use crate::stats::{LEVEL, paired_difference, poisson_exact};

/// One of the rollouts, as it was run.
pub struct Part<'a> {
    /// As in [`Column`](super::comparison::Column).
    pub title: String,
    /// As in [`Column`](super::comparison::Column).
    pub about: String,
    /// As in [`Column`](super::comparison::Column).
    pub command: String,
    /// What was asked.
    pub input: &'a Input,
    /// What that says.
    pub scenario: &'a Scenario,
    /// What it came to.
    pub answer: Answer,
    /// With the seed and number of the others.
    pub replications: Vec<Replication>,
}

/// Fewer of many pairs that differ say nothing: a coin that falls five times on one side is none too rare.
const PAIRS: u32 = 6;

/// `part` less `first`, in the replications that have both.
pub fn difference(measure: Measure, first: &Part<'_>, part: &Part<'_>) -> Option<Difference> {
    let pairs = first.replications.iter().zip(&part.replications);
    let both = pairs.filter_map(|(a, b)| Some((measure.value(a)?, measure.value(b)?)));
    let (a, b): (Vec<f64>, Vec<f64>) = both.unzip();
    let found = paired_difference(&a, &b, LEVEL)?;
    let few = a.len() < 2 || found.less + found.more < PAIRS.min(a.len() as u32);
    let mut interval = [found.difference.low, found.difference.high];
    // What hardly any replication shows may be more all the same, unless nothing else was run.
    if few && measure.unit() == Unit::Requests && !is_same(first.scenario, part.scenario) {
        let unseen = poisson_exact(0.0, LEVEL).high / a.len() as f64;
        interval = [interval[0].min(-unseen), interval[1].max(unseen)];
    }
    let holds_none = interval[0] <= 0.0 && 0.0 <= interval[1];
    let told = match (found.less + found.more, few || holds_none) {
        (0, _) => Told::Same,
        (_, true) => Told::Chance,
        (_, false) => Told::Differs,
    };
    let (less, equal, more) = (found.less, found.equal, found.more);
    Some(Difference { mean: found.difference.value, interval, told, less, equal, more })
}

/// The same is simulated, whatever it is called.
fn is_same(a: &Scenario, b: &Scenario) -> bool {
    let nameless = |s: &Scenario| Scenario {
        name: String::new(),
        assumptions: Vec::new(),
        not_modelled: Vec::new(),
        ..s.clone()
    };
    nameless(a) == nameless(b)
}
