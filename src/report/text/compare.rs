//! Several answers side by side.

use super::{
    DIM, HEAD, WIDTH, blame_row, head, line, paint, section, shorten, timeline, verdict, wrap,
};
use crate::report::answer::Answer;
use crate::report::words::{count, percent, range, seconds};

/// Lines for each timeline.
const LINES_EACH: usize = 15;

/// A row of the table: its title and the cell of an answer.
type Row = (&'static str, fn(&Answer) -> String);

const ROWS: [Row; 8] = [
    ("lost requests", |a| format!("{} of {}", count(a.lost.total.mean), count(a.requests.sent))),
    ("95 % of rollouts", |a| range(&count(a.lost.total.range[0]), &count(a.lost.total.range[1]))),
    ("chance of no loss", |a| percent(a.lost.probability_none.mean)),
    ("mostly", |a| a.lost.by_failure.first().map_or("-".into(), |g| g.label.clone())),
    ("rollout takes", |a| a.rollout.duration_s.map_or("no end".into(), |d| seconds(d.mean))),
    ("last pod gone", |a| a.rollout.last_pod_gone_s.map_or("-".into(), |d| seconds(d.mean))),
    ("pods at most", |a| count(a.rollout.peak_pods.range[1])),
    ("available at least", |a| count(a.rollout.lowest_available.range[0])),
];

/// The answers next to each other, each with its timeline and first reason under the table.
pub fn compare(answers: &[Answer]) -> String {
    let mut out = String::new();
    let column = (WIDTH - 22) / answers.len().max(1);
    let table_row = |title: &str, cells: Vec<String>| {
        let cells: String = cells.into_iter().map(|c| format!("{c:<column$}")).collect();
        format!("  {title:<20}{cells}")
    };
    let names = answers.iter().map(|a| shorten(&a.name, column - 2)).collect();
    line(&mut out, &paint(HEAD, &table_row("", names)));
    for (title, cell) in ROWS {
        let cells = answers.iter().map(|a| shorten(&cell(a), column - 2)).collect();
        line(&mut out, &table_row(title, cells));
    }
    for answer in answers {
        one(&mut out, answer);
    }
    out
}

fn one(out: &mut String, answer: &Answer) {
    section(out, &answer.name, "");
    for part in wrap(&head(answer), WIDTH - 2) {
        line(out, &format!("  {}", paint(DIM, &part)));
    }
    verdict(out, answer);
    if let Some(lanes) = &answer.timeline {
        timeline::draw(out, lanes, &answer.seconds, LINES_EACH);
    }
    if let Some(first) = answer.blame.first().filter(|_| answer.worth_changing) {
        section(out, "WHY", "first of all");
        blame_row(out, first, true);
    }
    line(out, &paint(DIM, &format!("  {}", answer.signature())));
}
