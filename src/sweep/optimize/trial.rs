//! Trials of settings: each is run as far as is needed to tell it from the best, and further where it might
//! be the answer.

use super::exam::{Exam, Sat};
use super::race::{Bar, FEW};
use super::{Outcome, Problem, Score};
use crate::sweep::{Evaluate, Figures};
use std::collections::BTreeMap;

/// Levels of each setting; [`AS_TODAY`](super::problem::AS_TODAY) where the base's own value stands.
pub(super) type Levels = Vec<u64>;

/// Settings that could be run.
struct Known {
    /// Of the first replications (all of them, unless it is out), then of each exam that was taken.
    figures: Vec<Figures>,
    outcome: Outcome,
    /// Of the first run, or of the exam that was failed.
    violation: f64,
    /// Exams that were taken.
    exams: usize,
}

/// Evaluates settings: all with the first replications, and those that meet the goal there with the exams.
/// What cannot meet the goal any more is run only until it is sure to be worse than the best.
pub(super) struct Trials<'a> {
    /// What is searched for.
    pub problem: &'a Problem,
    /// What simulates.
    pub evaluator: &'a dyn Evaluate,
    today: Levels,
    known: BTreeMap<Levels, Result<Known, String>>,
    /// The best that ran through the first replications.
    best: Option<Levels>,
    /// Whether it is only asked if the goal is met.
    only_goal: bool,
    exams: Vec<Exam>,
    /// Different settings.
    pub evaluated: u32,
    /// Replications in all.
    pub rollouts: u64,
}

/// What was given up misses the goal, if by nothing more.
const LEAST: f64 = 1e-12;

impl<'a> Trials<'a> {
    /// A search that has not evaluated anything.
    pub fn new(problem: &'a Problem, evaluator: &'a dyn Evaluate) -> Self {
        Trials {
            problem,
            evaluator,
            today: (0..problem.settings.len()).map(|i| problem.today_level(i)).collect(),
            known: BTreeMap::new(),
            best: None,
            only_goal: false,
            exams: Vec::new(),
            evaluated: 0,
            rollouts: 0,
        }
    }

    /// The same, where only whether the goal is met is asked, and standing `exam` is part of that.
    pub fn of_goal(problem: &'a Problem, evaluator: &'a dyn Evaluate) -> Self {
        Trials { only_goal: true, ..Trials::new(problem, evaluator) }
    }

    /// What the settings come to, in all replications; None: they are not allowed or cannot be run.
    pub fn outcome(&mut self, levels: &[u64]) -> Option<&Outcome> {
        self.complete(levels)?;
        self.known[levels].as_ref().ok().map(|k| &k.outcome)
    }

    /// The first replications, then those of all exams. Different settings have the same luck in the first
    /// ones, and in all if they stood the same exams.
    pub fn figures(&mut self, levels: &[u64]) -> Option<&[Figures]> {
        self.complete(levels)?;
        self.known[levels].as_ref().ok().map(|k| &k.figures[..])
    }

    /// What `other` costs less than `best`, in the first replications.
    pub fn saves(&mut self, other: &[u64], best: &[u64]) -> Option<f64> {
        for levels in [other, best] {
            self.screen(levels)?;
            self.run_rest(levels);
        }
        let first = |levels: &[u64]| {
            let known = self.known[levels].as_ref().ok()?;
            let first = &known.figures[..self.problem.replications as usize];
            Some(Outcome::of(first).cost(&self.problem.cost))
        };
        Some(first(best)? - first(other)?)
    }

    /// Runs the settings if that was not done yet. None: they are not allowed.
    fn screen(&mut self, levels: &[u64]) -> Option<()> {
        if !self.known.contains_key(levels) {
            if !self.problem.allows(&self.problem.values(levels)) {
                return None;
            }
            let found = self.race(levels);
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
            let sat = self.sit(levels, &self.exams[known.exams].clone(), false);
            self.note(levels, sat);
        }
    }

    /// The same, and all first replications of what was given up.
    fn complete(&mut self, levels: &[u64]) -> Option<()> {
        self.bring_up_to_date(levels)?;
        self.run_rest(levels);
        Some(())
    }

    /// The first replications that were given up.
    fn run_rest(&mut self, levels: &[u64]) {
        if let Ok(known) = &self.known[levels]
            && self.is_partial(known)
        {
            let found = self.run_on(levels, &known.figures, Bar::None);
            self.learn(levels.to_vec(), found);
        }
    }

    fn is_partial(&self, known: &Known) -> bool {
        known.figures.len() < self.problem.replications as usize
    }

    /// Too few replications of new settings to tell what they come to, but enough to tell which are worth
    /// more; nothing is noted.
    pub fn first_few(&self, levels: &[u64]) -> Result<Vec<Figures>, String> {
        let few = 0..FEW.min(self.problem.replications);
        self.evaluator.evaluate(&self.problem.run_values(levels), few, self.problem.seed)
    }

    /// The first replications of settings, from where they are known to where they are out; nothing is noted.
    pub fn race(&self, levels: &[u64]) -> Result<Vec<Figures>, String> {
        match self.known.get(levels) {
            Some(Ok(known)) => self.run_on(levels, &known.figures, self.bar(levels)),
            Some(Err(error)) => Err(error.clone()),
            None => self.run_on(levels, &[], self.bar(levels)),
        }
    }

    /// What `levels` are out against.
    fn bar(&self, levels: &[u64]) -> Bar<'_> {
        if self.only_goal {
            return Bar::Goal;
        }
        let best = self.best.as_ref().filter(|best| *best != levels);
        match best.map(|best| &self.known[best]) {
            Some(Ok(best)) => {
                Bar::Best(&best.figures[..self.problem.replications as usize], best.violation)
            }
            _ => Bar::None,
        }
    }

    fn run_on(
        &self,
        levels: &[u64],
        known: &[Figures],
        bar: Bar<'_>,
    ) -> Result<Vec<Figures>, String> {
        let (all, seed) = (self.problem.replications, self.problem.seed);
        let values = self.problem.run_values(levels);
        let goal = &self.problem.goal;
        let mut figures = known.to_vec();
        while figures.len() < all as usize && !bar.is_passed(&figures, goal, all) {
            let from = figures.len() as u32;
            let next = match bar {
                Bar::None => all,
                _ => (2 * from).max(FEW).min(all),
            };
            figures.extend(self.evaluator.evaluate(&values, from..next, seed)?);
        }
        Ok(figures)
    }

    /// Notes what an exam came to.
    fn note(&mut self, levels: &[u64], sat: Result<Sat, String>) {
        let goal = self.problem.goal;
        match (self.known.get_mut(levels), sat) {
            (Some(Ok(known)), Ok(sat)) => {
                let exam = &mut self.exams[known.exams];
                if sat.lost {
                    exam.learn(&sat);
                }
                // Rounding must not let one pass that was given up.
                let least = if sat.lost { LEAST } else { 0.0 };
                let figures = sat.figures();
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

    /// Settings sit an exam; nothing is noted.
    pub fn sit(&self, levels: &[u64], exam: &Exam, whole: bool) -> Result<Sat, String> {
        let values = self.problem.run_values(levels);
        let run = |part, seed| self.evaluator.evaluate(&values, part, seed);
        exam.sit(&self.problem.goal, whole, run)
    }

    /// From now on all must stand it.
    pub fn add(&mut self, exam: Exam) {
        self.exams.push(exam);
    }

    /// An exam that `failed_by` sat last, and failed: from now on all must stand it.
    pub fn add_failed(&mut self, exam: Exam, failed_by: &[u64], sat: Sat) {
        self.add(exam);
        self.note(failed_by, Ok(sat));
    }

    /// Settings that could not be run.
    pub fn errors(&self) -> u32 {
        self.known.values().filter(|known| known.is_err()).count() as u32
    }

    /// The first reason why settings could not be run, if there is one.
    pub fn first_error(&self) -> Option<&str> {
        self.known.values().find_map(|o| o.as_ref().err().map(String::as_str))
    }

    /// Takes the first replications of settings, as far as they were run.
    pub fn learn(&mut self, levels: Levels, figures: Result<Vec<Figures>, String>) {
        let before = match self.known.get(&levels) {
            Some(known) => known.as_ref().map_or(0, |k| k.figures.len()),
            None => {
                self.evaluated += 1;
                0
            }
        };
        let known = figures.map(|figures| {
            self.rollouts += (figures.len() - before) as u64;
            let outcome = Outcome::of(&figures);
            let violation = self.violation(&levels, &figures, &outcome);
            Known { figures, outcome, violation, exams: 0 }
        });
        let complete = known.as_ref().is_ok_and(|known| !self.is_partial(known));
        self.known.insert(levels.clone(), known);
        if complete && self.best.as_ref().is_none_or(|best| self.is_before(&levels, best)) {
            self.best = Some(levels);
        }
    }

    fn is_before(&self, levels: &[u64], best: &[u64]) -> bool {
        self.known_score(levels).better_than(&self.known_score(best))
    }

    /// Of the first replications. Of what was given up, in all of them: as far beyond the best as on the luck
    /// that both saw.
    fn violation(&self, levels: &[u64], figures: &[Figures], outcome: &Outcome) -> f64 {
        let goal = &self.problem.goal;
        let here = outcome.violation(goal);
        match self.bar(levels) {
            _ if figures.len() == self.problem.replications as usize => here,
            Bar::Best(best, violation) => {
                let there = Outcome::of(&best[..figures.len()]).violation(goal);
                violation + (here - there).max(LEAST)
            }
            Bar::Goal | Bar::None => here.max(LEAST),
        }
    }

    /// Runs the most promising of what has seen too few replications: what the others are raced against.
    pub fn lead(&mut self) {
        if let Some((_, levels)) = self.sorted().into_iter().next() {
            self.complete(&levels);
        }
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
        for (score, levels) in &self.sorted() {
            if score.meets() && self.score(levels).meets() {
                return Some(levels.clone());
            }
        }
        // None does: the nearest, and sure of it.
        loop {
            let (_, first) = self.sorted().into_iter().next()?;
            let partial = self.known[&first].as_ref().is_ok_and(|known| self.is_partial(known));
            if !partial {
                return Some(first);
            }
            self.complete(&first);
        }
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

    /// Everything that was evaluated and could be run, as far as it was run.
    pub fn outcomes(&self) -> impl Iterator<Item = (&Levels, &Outcome)> {
        self.known.iter().filter_map(|(levels, k)| k.as_ref().ok().map(|k| (levels, &k.outcome)))
    }

    /// The same on the luck that all of them saw.
    pub fn on_the_same_luck(&self) -> impl Iterator<Item = (&Levels, Outcome)> {
        let few = FEW.min(self.problem.replications) as usize;
        let known =
            self.known.iter().filter_map(|(levels, k)| k.as_ref().ok().map(|k| (levels, k)));
        known.map(move |(levels, k)| (levels, Outcome::of(&k.figures[..few])))
    }
}
