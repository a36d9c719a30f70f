//! How long settings are run: only as long as they may be the best.

use super::Goal;
use crate::stats::t_mean;
use crate::sweep::Figures;

/// Replications before the first decision; then twice as many, and so on.
pub(super) const FEW: u32 = 5;
/// So sure it must be that settings are worse than the best, before their other replications are left out.
const SURE: f64 = 0.99;
/// What settings are out against, once they cannot meet the goal any more.
#[derive(Clone, Copy)]
pub(super) enum Bar<'a> {
    /// Nothing is known yet.
    None,
    /// Only whether the goal is met is asked.
    Goal,
    /// The best so far, with its violation.
    Best(&'a [Figures], f64),
}

impl Bar<'_> {
    /// Whether the goal is missed by the first of `all` replications, however the others turn out, and by
    /// more than the best misses it.
    pub fn is_passed(self, figures: &[Figures], goal: &Goal, all: u32) -> bool {
        !figures.is_empty()
            && goal.is_lost(figures, all)
            && match self {
                Bar::None => false,
                Bar::Goal | Bar::Best(_, 0.0) => true,
                Bar::Best(best, _) => surely_worse(goal, figures, best),
            }
    }
}

/// Whether `figures` miss the goal by more than the best does, on the same luck.
fn surely_worse(goal: &Goal, figures: &[Figures], best: &[Figures]) -> bool {
    let unfinished = |of: &[Figures]| of.iter().filter(|f| f.duration_s.is_none()).count();
    if unfinished(figures) > unfinished(best) {
        return true;
    }
    let risk = |f: &Figures| goal.probability_none.map_or(0.0, |_| 1.0 - f.probability_none);
    let miss = |f: &Figures| f.failed + risk(f);
    let differences: Vec<f64> =
        figures.iter().zip(best).map(|(here, there)| miss(here) - miss(there)).collect();
    differences.len() > 1 && t_mean(&differences, SURE).low > 0.0
}
