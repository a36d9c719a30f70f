//! Requests per second as comma-separated values (RFC 4180), in one long table with the same columns whatever
//! happened.

use super::answer::Answer;
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
