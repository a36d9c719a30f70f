//! Trials of settings: evaluated once each, and further where they might be the answer; compared by how far
//! they miss the goal, then by cost.

use super::{Cost, Goal, Problem};
use crate::stats::{Estimate, LEVEL, mean, probability_mean};
use crate::sweep::{Evaluate, Figures};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

/// What settings come to, over the replications.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Lost requests of each replication.
    pub failed: Vec<f64>,
    /// Of each replication; infinite where it did not complete.
    pub durations_s: Vec<f64>,
    /// Probability that a rollout loses no request.
    pub probability_none: f64,
    /// The same with its interval.
    pub none: Estimate,
    /// Pod-seconds above the desired replicas, in the mean.
    pub surge_pod_seconds: f64,
    /// Most pods at once in any replication.
    pub peak_pods: u32,
}

impl Outcome {
    /// Of all replications of a point.
    pub fn of(figures: &[Figures]) -> Outcome {
        let column = |get: fn(&Figures) -> f64| figures.iter().map(get).collect::<Vec<f64>>();
        Outcome {
            failed: column(|f| f.failed),
            durations_s: column(|f| f.duration_s.unwrap_or(f64::INFINITY)),
            probability_none: mean(&column(|f| f.probability_none)),
            none: probability_mean(&column(|f| f.probability_none), LEVEL),
            surge_pod_seconds: mean(&column(|f| f.surge_pod_seconds)),
            peak_pods: figures.iter().map(|f| f.peak_pods).max().unwrap_or(0),
        }
    }

    /// Lost requests per rollout.
    pub fn failed(&self) -> f64 {
        mean(&self.failed)
    }

    /// Seconds until complete; infinite if one replication did not complete.
    pub fn duration_s(&self) -> f64 {
        mean(&self.durations_s)
    }

    /// What it costs to run so, in the unit of the costs that were given.
    pub fn cost(&self, cost: &Cost) -> f64 {
        let weighted = |weight: f64, x: f64| if weight == 0.0 { 0.0 } else { weight * x };
        weighted(cost.duration_s, self.duration_s())
            + weighted(cost.surge_pod_seconds, self.surge_pod_seconds)
            + weighted(cost.peak_pods, f64::from(self.peak_pods))
    }

    /// How far the goal is missed; 0: it is met. An unfinished rollout misses any goal.
    pub fn violation(&self, goal: &Goal) -> f64 {
        let unfinished = self.durations_s.iter().filter(|d| d.is_infinite()).count();
        let lost = goal.failed_limit().map_or(0.0, |limit| (self.failed() - limit).max(0.0));
        let risk = goal.probability_none.map_or(0.0, |p| (p - self.probability_none).max(0.0));
        // Within a missed probability, fewer lost requests show the way.
        let hint = if risk > 0.0 && lost == 0.0 { self.failed() } else { 0.0 };
        1e9 * unfinished as f64 + lost + risk + hint
    }
}

/// Smaller is better: first the violation, then the cost, then how much is changed of today's settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// How far the goal is missed; 0: it is met.
    pub violation: f64,
    /// In the unit of the costs that were given.
    pub cost: f64,
    /// Number of settings that differ from today's, plus their mean distance (as a share of the range).
    pub changes: f64,
}

impl Score {
    /// Whether the goal is met.
    pub fn meets(&self) -> bool {
        self.violation == 0.0
    }

    /// Whether it comes before the other.
    pub fn better_than(&self, other: &Score) -> bool {
        self.order(other) == Ordering::Less
    }

    /// The better first.
    pub fn order(&self, other: &Score) -> Ordering {
        self.violation
            .total_cmp(&other.violation)
            .then(self.cost.total_cmp(&other.cost))
            .then(self.changes.total_cmp(&other.changes))
    }
}

/// Levels of each setting; [`AS_TODAY`](super::problem::AS_TODAY) where the base's own value stands.
pub(super) type Levels = Vec<u64>;

/// Replications that a winner must stand, with seeds of their own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exam {
    pub seed: u64,
    pub replications: u32,
    /// The part of so many replications as the first run has in which the refused winner lost most.
    pub telling: usize,
}

/// Settings that could be run.
struct Known {
    /// Of the first replications, then of each exam that was taken.
    figures: Vec<Figures>,
    outcome: Outcome,
    /// Of the first run, or of the exam that was failed.
    violation: f64,
    /// Exams that were taken.
    exams: usize,
}

/// Evaluates settings: all with the first replications, and those that meet the goal there with the exams.
pub(super) struct Trials<'a> {
    pub problem: &'a Problem,
    pub evaluator: &'a dyn Evaluate,
    today: Levels,
    known: BTreeMap<Levels, Result<Known, String>>,
    exams: Vec<Exam>,
    /// Different settings.
    pub evaluated: u32,
    /// Replications in all.
    pub rollouts: u64,
}

impl<'a> Trials<'a> {
    /// A search that has not evaluated anything.
    pub fn new(problem: &'a Problem, evaluator: &'a dyn Evaluate) -> Self {
        Trials {
            problem,
            evaluator,
            today: (0..problem.settings.len()).map(|i| problem.today_level(i)).collect(),
            known: BTreeMap::new(),
            exams: Vec::new(),
            evaluated: 0,
            rollouts: 0,
        }
    }

    /// What the settings come to; None: they are not allowed or cannot be run.
    pub fn outcome(&mut self, levels: &[u64]) -> Option<&Outcome> {
        self.bring_up_to_date(levels)?;
        self.known[levels].as_ref().ok().map(|k| &k.outcome)
    }

    /// The first replications, then those of all exams. Different settings have the same luck in the first
    /// ones, and in all if they stood the same exams.
    pub fn figures(&mut self, levels: &[u64]) -> Option<&[Figures]> {
        self.bring_up_to_date(levels)?;
        self.known[levels].as_ref().ok().map(|k| &k.figures[..])
    }

    /// Runs the settings if that was not done yet. None: they are not allowed.
    fn screen(&mut self, levels: &[u64]) -> Option<()> {
        if !self.known.contains_key(levels) {
            if !self.problem.allows(&self.problem.values(levels)) {
                return None;
            }
            let found = self.first_run(levels);
            self.learn(levels.to_vec(), found);
        }
        Some(())
    }

    /// Runs what is not known yet: the settings, and the exams while they stand them. None: not allowed.
    fn bring_up_to_date(&mut self, levels: &[u64]) -> Option<()> {
        self.screen(levels)?;
        loop {
            let Ok(known) = &self.known[levels] else { return Some(()) };
            if known.violation > 0.0 || known.exams == self.exams.len() {
                return Some(());
            }
            let figures = self.examine(levels, self.exams[known.exams]);
            self.note(levels, figures);
        }
    }

    /// The first replications of settings; nothing is noted.
    pub fn first_run(&self, levels: &[u64]) -> Result<Vec<Figures>, String> {
        let (replications, seed) = (self.problem.replications, self.problem.seed);
        self.evaluator.evaluate(&self.problem.run_values(levels), 0..replications, seed)
    }

    /// The replications of an exam, part by part: it ends where no luck in the rest could meet the goal. The
    /// part that told the last winner comes first, since on the same luck neighbours lose together.
    fn examine(&self, levels: &[u64], exam: Exam) -> Result<Vec<Figures>, String> {
        let values = self.problem.run_values(levels);
        let mut parts: Vec<Range<u32>> = self.parts(exam).collect();
        parts[..=exam.telling].rotate_right(1);
        let mut found: Vec<(u32, Vec<Figures>)> = Vec::new();
        for part in parts {
            let from = part.start;
            found.push((from, self.evaluator.evaluate(&values, part, exam.seed)?));
            if self.problem.goal.is_lost(found.iter().flat_map(|(_, f)| f), exam.replications) {
                break;
            }
        }
        found.sort_by_key(|(from, _)| *from);
        Ok(found.into_iter().flat_map(|(_, figures)| figures).collect())
    }

    fn parts(&self, exam: Exam) -> impl Iterator<Item = Range<u32>> + use<> {
        let (part, all) = (self.problem.replications, exam.replications);
        (0..all.div_ceil(part)).map(move |i| i * part..(i + 1).saturating_mul(part).min(all))
    }

    /// Notes what an exam came to.
    fn note(&mut self, levels: &[u64], figures: Result<Vec<Figures>, String>) {
        let goal = self.problem.goal;
        match (self.known.get_mut(levels), figures) {
            (Some(Ok(known)), Ok(figures)) => {
                let exam = self.exams[known.exams];
                // Rounding must not let one pass that was given up.
                let least = if goal.is_lost(&figures, exam.replications) { 1e-300 } else { 0.0 };
                known.violation = Outcome::of(&figures).violation(&goal).max(least);
                known.exams += 1;
                self.rollouts += figures.len() as u64;
                known.figures.extend(figures);
                known.outcome = Outcome::of(&known.figures);
            }
            (_, Err(error)) => {
                self.known.insert(levels.to_vec(), Err(error));
            }
            (_, Ok(_)) => unreachable!("only settings that could be run are examined"),
        }
    }

    /// All replications of a new exam for the winner; whether the others must stand it is for
    /// [`add`](Self::add) to say.
    pub fn sit(&mut self, levels: &[u64], exam: Exam) -> Result<Vec<Figures>, String> {
        self.rollouts += u64::from(exam.replications);
        let values = self.problem.run_values(levels);
        self.evaluator.evaluate(&values, 0..exam.replications, exam.seed)
    }

    /// An exam that `failed_by` failed, with these figures: from now on all must stand it.
    pub fn add(&mut self, mut exam: Exam, failed_by: &[u64], figures: Vec<Figures>) {
        let misses = |part: &[Figures]| -> f64 {
            let miss = |f: &Figures| match f.duration_s {
                Some(_) => f.failed + (1.0 - f.probability_none),
                None => 1e9,
            };
            part.iter().map(miss).sum()
        };
        let parts: Vec<f64> =
            figures.chunks(self.problem.replications as usize).map(misses).collect();
        exam.telling = (0..parts.len()).max_by(|a, b| parts[*a].total_cmp(&parts[*b])).unwrap_or(0);
        self.exams.push(exam);
        // They were counted when they were run.
        self.rollouts -= figures.len() as u64;
        self.note(failed_by, Ok(figures));
    }

    /// Settings that could not be run.
    pub fn errors(&self) -> u32 {
        self.known.values().filter(|known| known.is_err()).count() as u32
    }

    /// The first reason why settings could not be run, if there is one.
    pub fn first_error(&self) -> Option<&str> {
        self.known.values().find_map(|o| o.as_ref().err().map(String::as_str))
    }

    /// Takes the first replications of settings.
    pub fn learn(&mut self, levels: Levels, figures: Result<Vec<Figures>, String>) {
        self.evaluated += 1;
        let known = figures.map(|figures| {
            self.rollouts += figures.len() as u64;
            let outcome = Outcome::of(&figures);
            let violation = outcome.violation(&self.problem.goal);
            Known { figures, outcome, violation, exams: 0 }
        });
        self.known.insert(levels, known);
    }

    /// Today's settings.
    pub fn today(&self) -> &Levels {
        &self.today
    }

    /// Of the point at these levels, evaluated as far as is needed.
    pub fn score(&mut self, levels: &[u64]) -> Score {
        self.bring_up_to_date(levels);
        self.known_score(levels)
    }

    /// The score without exams that were not sat yet, which can only make it worse.
    pub fn first_score(&mut self, levels: &[u64]) -> Score {
        self.screen(levels);
        self.known_score(levels)
    }

    /// Whether `other` is better than `at`; it sits exams only where it might be.
    pub fn better(&mut self, other: &[u64], at: &[u64]) -> bool {
        let at = self.score(at);
        self.first_score(other).better_than(&at) && self.score(other).better_than(&at)
    }

    /// Infinite where the settings are not allowed or cannot be run.
    fn known_score(&self, levels: &[u64]) -> Score {
        let changes = self.changes(levels);
        let nothing = Score { violation: f64::INFINITY, cost: f64::INFINITY, changes };
        self.noted(levels).unwrap_or(nothing)
    }

    /// The score as far as it is known; None: the settings cannot be run.
    fn noted(&self, levels: &[u64]) -> Option<Score> {
        let known = self.known.get(levels)?.as_ref().ok()?;
        Some(Score {
            violation: known.violation,
            cost: known.outcome.cost(&self.problem.cost),
            changes: self.changes(levels),
        })
    }

    /// The best of all that was evaluated, standing all exams if one does: the candidates sit them in the
    /// order of their cost until one has stood them all.
    pub fn best(&mut self) -> Option<Levels> {
        let mut all = self.sorted();
        for (score, levels) in &all {
            if score.meets() && self.score(levels).meets() {
                return Some(levels.clone());
            }
        }
        all = self.sorted();
        all.into_iter().next().map(|(_, levels)| levels)
    }

    fn sorted(&self) -> Vec<(Score, Levels)> {
        let noted = |levels: &Levels| self.noted(levels).map(|score| (score, levels.clone()));
        let mut all: Vec<(Score, Levels)> = self.known.keys().filter_map(noted).collect();
        all.sort_by(|a, b| a.0.order(&b.0));
        all
    }

    fn changes(&self, levels: &[u64]) -> f64 {
        let mut changes = 0.0;
        for (setting, (level, today)) in levels.iter().zip(&self.today).enumerate() {
            if level != today {
                let range = (self.problem.levels(setting) - 1).max(1);
                let far = level.abs_diff(self.problem.nearest_to_today(setting)).min(range);
                changes += 1.0 + far as f64 / range as f64 / levels.len() as f64;
            }
        }
        changes
    }

    /// Whether no more evaluations are allowed.
    pub fn exhausted(&self) -> bool {
        self.evaluated >= self.problem.max_evaluations
    }

    /// Everything that was evaluated and could be run.
    pub fn outcomes(&self) -> impl Iterator<Item = (&Levels, &Outcome)> {
        self.known.iter().filter_map(|(levels, k)| k.as_ref().ok().map(|k| (levels, &k.outcome)))
    }
}
