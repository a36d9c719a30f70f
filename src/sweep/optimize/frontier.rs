//! The boundary between losing and not, in two settings, by bisection.

use super::Problem;
use super::exam::Exam;
use super::search::{fresh, fresh_seed};
use super::trial::Trials;
use crate::sweep::{Evaluate, Value};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A map of two settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Frontier {
    /// Index of the setting along each axis.
    pub x: usize,
    /// Index of the setting along the other axis.
    pub y: usize,
    /// One for each value of `x`, in order.
    pub columns: Vec<Boundary>,
    /// Levels of `y`, lowest first: every value of the boundary is one of them.
    pub y_values: Vec<Value>,
    /// Different settings that were simulated.
    pub evaluated: u32,
    /// Rollouts that were run, fresh seeds included.
    pub rollouts: u64,
    /// Fresh rollouts that each end of a range stood.
    pub fresh: u32,
}

/// One column of the map: a value of `x`, and where along `y` the goal is met.
#[derive(Clone, Debug, PartialEq)]
pub struct Boundary {
    /// The value of the first setting.
    pub x: Value,
    /// Where the goal is met, as ranges of levels of `y` (from, to, both included).
    pub meets: Vec<(u64, u64)>,
    /// Lost requests per rollout at each level that was evaluated.
    pub seen: BTreeMap<u64, f64>,
}

/// Levels of `y` looked at before bisecting, so that a boundary that is crossed more than once is seen.
const LOOKS: u64 = 9;

/// Traces the boundary over settings `x` and `y` of the problem; the others keep their present values. `x`
/// takes at most `columns` values. Where the boundary is, it stands as many fresh seeds as a winner of
/// [`optimize`](super::optimize): the same ones.
pub fn frontier(
    problem: &Problem,
    evaluator: &dyn Evaluate,
    (x, y): (usize, usize),
    columns: u64,
) -> Result<Frontier, String> {
    assert!(x != y, "two settings");
    let size = problem.levels(x);
    let shown = size.min(columns.max(2));
    let last = (shown - 1).max(1);
    let levels: Vec<u64> = (0..shown).map(|i| i * (size - 1) / last).collect();
    let columns: Vec<(Boundary, u32, u64)> = levels
        .par_iter()
        .map(|level| column(problem, evaluator, (x, *level), y))
        .collect::<Result<_, String>>()?;
    let evaluated = columns.iter().map(|(_, n, _)| n).sum();
    let rollouts = columns.iter().map(|(.., n)| n).sum();
    let columns: Vec<Boundary> = columns.into_iter().map(|(c, ..)| c).collect();
    if columns.iter().all(|c| c.seen.is_empty()) {
        return Err("the constraints allow no combination of the two settings".into());
    }
    let y_values = (0..problem.levels(y)).map(|l| problem.value(y, l)).collect();
    Ok(Frontier { x, y, columns, y_values, evaluated, rollouts, fresh: fresh(problem) })
}

fn column(
    problem: &Problem,
    evaluator: &dyn Evaluate,
    (x, x_level): (usize, u64),
    y: usize,
) -> Result<(Boundary, u32, u64), String> {
    let mut trials = Trials::of_goal(problem, evaluator);
    let mut at: Vec<u64> = (0..problem.settings.len()).map(|i| problem.today_level(i)).collect();
    at[x] = x_level;
    let mut place = |level: u64| {
        at[y] = level;
        at.clone()
    };
    let size = problem.levels(y);
    let looks = size.min(LOOKS);
    let mut meets = |level: u64| trials.score(&place(level)).meets();
    let mut places: Vec<(u64, bool)> = (0..looks)
        .map(|i| i * (size - 1) / (looks - 1).max(1))
        .map(|level| (level, meets(level)))
        .collect();
    places.dedup_by_key(|p| p.0);
    let ranges = ranges(&places, &mut meets);
    trials.add(Exam::new(fresh_seed(problem, 0), fresh(problem), problem.replications));
    let mut meets = |level: u64| trials.score(&place(level)).meets();
    let stands = |range: (u64, u64)| standing(range, size - 1, &mut meets);
    let ranges: Vec<(u64, u64)> = ranges.into_iter().filter_map(stands).collect();
    // What is lost just outside is told, so it is worth all replications.
    let below = ranges.iter().filter_map(|r| r.0.checked_sub(1));
    for level in below.chain(ranges.iter().map(|r| r.1 + 1).filter(|l| *l < size)) {
        trials.outcome(&place(level));
    }
    let seen: BTreeMap<u64, f64> = trials.outcomes().map(|(l, o)| (l[y], o.failed())).collect();
    if seen.is_empty()
        && let Some(error) = trials.first_error()
    {
        return Err(error.to_owned());
    }
    let (evaluated, rollouts) = (trials.evaluated, trials.rollouts);
    Ok((Boundary { x: problem.value(x, x_level), meets: ranges, seen }, evaluated, rollouts))
}

/// The part of a range whose ends stand the exam; an end of all levels `0..=last` is none.
fn standing(
    (from, to): (u64, u64),
    last: u64,
    meets: &mut dyn FnMut(u64) -> bool,
) -> Option<(u64, u64)> {
    let from = from + first_that(to - from, &mut |n| meets(from + n))?;
    if to == last {
        return Some((from, to));
    }
    Some((from, to - first_that(to - from, &mut |n| meets(to - n))?))
}

/// The first number up to `most` that `is`, supposing that all behind it are: steps of growing size, then
/// bisection.
fn first_that(most: u64, is: &mut dyn FnMut(u64) -> bool) -> Option<u64> {
    if is(0) {
        return Some(0);
    }
    let (mut bad, mut step) = (0, 1);
    while bad < most {
        let mut good = (bad + step).min(most);
        if is(good) {
            while good - bad > 1 {
                let middle = bad.midpoint(good);
                if is(middle) {
                    good = middle;
                } else {
                    bad = middle;
                }
            }
            return Some(good);
        }
        (bad, step) = (good, 2 * step);
    }
    None
}

/// Bisects between neighbouring places that differ; gives the ranges where the goal is met.
fn ranges(places: &[(u64, bool)], meets: &mut dyn FnMut(u64) -> bool) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    let mut from = places[0].1.then_some(places[0].0);
    for pair in places.windows(2) {
        let ((mut low, met), (mut high, met_above)) = (pair[0], pair[1]);
        if met == met_above {
            continue;
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            if meets(middle) == met {
                low = middle;
            } else {
                high = middle;
            }
        }
        match from.take() {
            Some(start) => ranges.push((start, low)),
            None => from = Some(high),
        }
    }
    if let Some(start) = from {
        ranges.push((start, places[places.len() - 1].0));
    }
    ranges
}

impl Frontier {
    /// The map in characters: `.` meets the goal, `#` does not, blank is not allowed by the constraints;
    /// `y` upwards, at most `rows` lines.
    pub fn map(&self, problem: &Problem, rows: usize) -> Vec<(Value, String)> {
        let size = self.y_values.len();
        let shown = size.min(rows.max(2));
        let level = |row: usize| row * (size - 1) / (shown - 1).max(1);
        let mut point: Vec<Value> = problem.today.iter().map(|t| t.value.clone()).collect();
        let mut line = |row: usize| {
            let y = &self.y_values[level(row)];
            point[self.y] = y.clone();
            let mut cell = |column: &Boundary| {
                point[self.x] = column.x.clone();
                match (problem.allows(&point), column.meets_at(level(row) as u64)) {
                    (false, _) => ' ',
                    (true, true) => '.',
                    (true, false) => '#',
                }
            };
            (y.clone(), self.columns.iter().map(&mut cell).collect())
        };
        (0..shown).rev().map(&mut line).collect()
    }
}

impl Boundary {
    /// Whether the goal is met at a level of `y`.
    pub fn meets_at(&self, level: u64) -> bool {
        self.meets.iter().any(|(from, to)| (*from..=*to).contains(&level))
    }

    /// The least level that meets the goal.
    pub fn lowest(&self) -> Option<u64> {
        self.meets.first().map(|(from, _)| *from)
    }
}
