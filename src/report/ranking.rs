//! Which of several rollouts is best, and what to say of them: first that they reach their end, then what is
//! lost, then how long it takes, then how many pods there are.

use super::comparison::{Column, Comparison, Difference, Told, letter};
use super::measure::Measure;
use super::pairs::{Part, difference};
use super::words::{count, percent, seconds};
use std::cmp::Ordering;

/// Less than this share of what is lost is no reason to prefer one.
const LITTLE: f64 = 0.02;
/// Fewer pods, in the mean, are not worth a word.
const FEW: f64 = 0.5;
/// Others that the verdict names.
const NAMED: usize = 2;

/// The best of the parts; of equals the first.
pub fn best(parts: &[Part<'_>]) -> usize {
    let better = |best: usize, i: usize| match compare(&parts[best], &parts[i]) {
        Ordering::Less => i,
        Ordering::Equal | Ordering::Greater => best,
    };
    (1..parts.len()).fold(0, better)
}

/// `Less`: `b` is better than `a`.
fn compare(a: &Part<'_>, b: &Part<'_>) -> Ordering {
    let differs = |measure: Measure| {
        let found = difference(measure, a, b).filter(|d| d.told == Told::Differs);
        found.map_or(0.0, |d| if measure.is_better_less() { d.mean } else { -d.mean })
    };
    let ends = b.answer.incomplete.total_cmp(&a.answer.incomplete);
    let lost = || match (a.answer.worth_changing, b.answer.worth_changing) {
        (false, false) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (true, true) => {
            let less = differs(Measure::Lost);
            let share = less.abs() / a.answer.lost.total.mean.max(b.answer.lost.total.mean);
            if share < LITTLE { Ordering::Equal } else { order(less) }
        }
    };
    let by = |measure: Measure| move || order(differs(measure));
    ends.then_with(lost)
        .then_with(by(Measure::Complete))
        .then_with(by(Measure::LastPodGone))
        .then_with(by(Measure::LowestAvailable))
        .then_with(by(Measure::PeakPods))
}

fn order(difference: f64) -> Ordering {
    difference.total_cmp(&0.0)
}

/// Which is best, and by what.
pub fn verdict(comparison: &Comparison) -> String {
    let (first, best) = (&comparison.columns[0], comparison.best());
    let others = &comparison.columns[1..];
    let mut sentences = stuck(comparison);
    if comparison.best > 0 {
        let mut clauses = vec![lost(first, best)];
        if Measure::ReachesEnd.is_better(&best.reaches_end) == Some(true) {
            clauses.insert(0, "it reaches its end".to_owned());
        }
        clauses.extend(costs(best));
        let (last, head) = clauses.split_last().expect("what is lost");
        let and = if head.is_empty() { "" } else { ", and " };
        let why = format!("{}{and}{last}", head.join(", "));
        sentences.push(format!("{} is best: {why}.", name(comparison, comparison.best as usize)));
    } else if others.iter().all(|c| told(c).iter().all(|d| d.told == Told::Same)) {
        sentences.push(format!("The same in every rollout: {} lost.", lost_of(first)));
    } else {
        let clause = |(i, c): (usize, &Column)| match against(c) {
            clauses if clauses.is_empty() => {
                format!("{} is no different, chance apart", name(comparison, i + 1))
            }
            clauses => format!("{}: {}", name(comparison, i + 1), clauses.join(", ")),
        };
        let mut named: Vec<String> = others.iter().enumerate().take(NAMED).map(clause).collect();
        if others.len() > NAMED {
            named.push(format!("{} more are no better", others.len() - NAMED));
        }
        let (first, lost) = (name(comparison, 0), lost_of(first));
        let named = named.join("; ");
        sentences.push(format!("None is better than {first}, which loses {lost}. {named}."));
    }
    sentences.join(" ")
}

/// Those that do not reach their end.
fn stuck(comparison: &Comparison) -> Vec<String> {
    let open = comparison.answers.iter().enumerate().filter(|(_, answer)| answer.incomplete > 0.0);
    open.map(|(i, answer)| {
        let share = percent(answer.incomplete);
        format!("{} does not reach its end in {share} of rollouts.", name(comparison, i))
    })
    .collect()
}

/// `B (preStop.sleep.seconds=5)`.
fn name(comparison: &Comparison, column: usize) -> String {
    format!("{} ({})", letter(column), comparison.columns[column].title)
}

fn lost_of(column: &Column) -> String {
    count(column.lost.mean.unwrap_or(0.0))
}

fn told(column: &Column) -> Vec<Difference> {
    Measure::ALL.iter().filter_map(|m| m.of(column).difference).collect()
}

/// `203 → 0.2 lost`.
fn lost(first: &Column, best: &Column) -> String {
    let (before, now) = (lost_of(first), lost_of(best));
    match best.lost.difference.map(|d| d.told) {
        Some(Told::Differs) if before != now => format!("it loses {now} instead of {before}"),
        Some(Told::Chance) => format!("it loses as much, chance apart ({now})"),
        _ if now == "0" => "it loses none either".to_owned(),
        _ => format!("it loses as much ({now})"),
    }
}

/// What it takes more, or less, than the first: time and pods.
fn costs(column: &Column) -> Vec<String> {
    let takes = match column.complete_s.difference {
        Some(_) => Measure::Complete,
        None => Measure::LastPodGone,
    };
    let time = takes.of(column).difference.map(|d| match d.told {
        Told::Differs if d.mean < 0.0 => format!("takes {} less", seconds(-d.mean)),
        Told::Differs => format!("takes {} longer", seconds(d.mean)),
        Told::Chance => "takes as long, chance apart".to_owned(),
        Told::Same => "takes as long".to_owned(),
    });
    let pods = |measure: Measure, has: &str, then: &str| {
        let d = measure.of(column).difference.filter(|d| d.told == Told::Differs)?;
        let size = d.mean.abs();
        let word = if d.mean < 0.0 { "fewer" } else { "more" };
        (size >= FEW).then(|| format!("{has} {} {word} pods {then}", count(size)))
    };
    let available = pods(Measure::LowestAvailable, "keeps", "available");
    let peak = pods(Measure::PeakPods, "has", "at its peak");
    time.into_iter().chain(available).chain(peak).collect()
}

/// How a column that is no better differs from the first, beyond chance.
fn against(column: &Column) -> Vec<String> {
    let differs = |measure: &Measure| {
        let d = measure.of(column).difference.filter(|d| d.told == Told::Differs)?;
        let change = measure.change(d.mean);
        Some(match measure {
            Measure::Lost => format!("{change} lost"),
            Measure::Complete => format!("complete {change}"),
            Measure::LastPodGone => format!("last pod gone {change}"),
            Measure::LowestAvailable => format!("{change} available at least"),
            Measure::PeakPods => format!("{change} pods at most"),
            Measure::ProbabilityNone | Measure::ReachesEnd => return None,
        })
    };
    Measure::ALL.iter().filter_map(differs).collect()
}

impl Comparison {
    /// In what others are worse than the first, chance apart: what is lost, and reaching an end.
    pub fn worse(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (column, answer) in self.columns.iter().zip(&self.answers) {
            for measure in [Measure::Lost, Measure::ReachesEnd] {
                let against = measure.of(column);
                let less = measure.is_better(against) == Some(false);
                let matters = measure != Measure::Lost || answer.worth_changing;
                if let Some(d) = against.difference.filter(|_| less && matters) {
                    let (title, what) = (&column.title, measure.title());
                    let value = measure.text(against);
                    found.push(format!("{title}: {what} {value} ({})", measure.told(&d)));
                }
            }
        }
        found
    }
}
