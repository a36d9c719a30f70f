//! Comma-separated values (RFC 4180), in one long table with the same columns whatever happened: requests per
//! second, or the figures of a comparison.

use super::answer::Answer;
use super::comparison::{Comparison, Told};
use super::measure::Unit;
use crate::sweep::csv::{join, text};
use std::fmt::Write as _;

/// What each column holds stands in `docs/answers.md`.
pub const COLUMNS: [&str; 6] = ["scenario", "second", "outcome", "kind", "version", "count"];

/// One row for each outcome, kind and version that occurs in a second of send time; counts are means over
/// replications.
pub fn csv<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> String {
    let mut table = String::new();
    join(&mut table, COLUMNS.map(str::to_owned).into_iter());
    answers.into_iter().for_each(|answer| rows(&mut table, answer));
    table
}

/// The columns of a comparison; see `docs/answers.md`.
pub const COMPARED: [&str; 9] = [
    "column",
    "title",
    "figure",
    "unit",
    "mean",
    "difference",
    "difference_low",
    "difference_high",
    "told",
];

/// One row for each column and figure.
pub fn comparison(comparison: &Comparison) -> String {
    let mut table = String::new();
    join(&mut table, COMPARED.map(str::to_owned).into_iter());
    for (i, column) in comparison.columns.iter().enumerate() {
        for measure in comparison.measures() {
            let against = measure.of(column);
            let Some(mean) = against.mean else { continue };
            let unit = match measure.unit() {
                Unit::Requests => "requests",
                Unit::Share => "share",
                Unit::Seconds => "s",
                Unit::Pods => "pods",
            };
            let told = |told: Told| match told {
                Told::Same => "same",
                Told::Chance => "chance",
                Told::Differs => "differs",
            };
            let d = against.difference;
            let (letter, figure) = (super::comparison::letter(i).to_string(), measure.key());
            let mut cells = vec![letter, text(&column.title), figure.into(), unit.into()];
            cells.push(signed(mean));
            let parts = |d: super::comparison::Difference| {
                [signed(d.mean), signed(d.interval[0]), signed(d.interval[1]), told(d.told).into()]
            };
            cells.extend(d.map_or_else(Default::default, parts));
            join(&mut table, cells.into_iter());
        }
    }
    table
}

/// As [`number`], on either side of 0.
fn signed(x: f64) -> String {
    match x {
        0.0 => "0".to_owned(),
        x if x < 0.0 => format!("-{}", number(-x)),
        x => number(x),
    }
}

fn rows(table: &mut String, answer: &Answer) {
    let scenario = text(&answer.name);
    for second in &answer.seconds {
        let mut row = |outcome: &str, kind: &str, version: &str, count: f64| {
            if count > 0.0 {
                let (at, count) = (second.second.to_string(), number(count));
                let cells = [&*scenario, &at, outcome, kind, version, &count];
                join(table, cells.into_iter().map(str::to_owned));
            }
        };
        for (v, n) in answer.requests.answered.iter().zip(&second.answered) {
            row("answered", &v.status.to_string(), &text(&v.version), *n);
        }
        for (g, n) in answer.lost.by_failure.iter().zip(&second.failed) {
            row("failed", &g.key, "", *n);
        }
    }
}

/// With six decimals, of which zeros at the end are left out; nothing that occurs is written as 0.
fn number(count: f64) -> String {
    let mut text = String::new();
    match count < 1e-6 {
        true => write!(text, "{count:e}"),
        false => write!(text, "{count:.6}"),
    }
    .expect("a string takes it");
    match text.contains('e') {
        true => text,
        false => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_short_and_never_a_false_zero() {
        assert_eq!([20.0, 0.25, 1e-9, 100.0].map(number), ["20", "0.25", "1e-9", "100"]);
    }
}
