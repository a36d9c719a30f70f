//! What autoscalers saw and did, run by run.

use super::page::{DIM, Page, paint};
use crate::report::answer::Answer;
use crate::report::autoscaling::{AutoscalerRow, ScalingRun};
use crate::report::words::{count, seconds};

/// Runs that are shown.
const SHOWN: usize = 12;

/// A part for all autoscalers.
pub fn draw(page: &mut Page, answer: &Answer) {
    for row in &answer.autoscaling {
        page.section("AUTOSCALER", &format!("{} of {}", row.name, row.target));
        row.sentences.iter().for_each(|sentence| page.wrapped(2, sentence));
        runs(page, row);
    }
    for row in &answer.vertical {
        page.section("VERTICAL AUTOSCALER", &format!("{} of {}", row.name, row.target));
        row.sentences.iter().for_each(|sentence| page.wrapped(2, sentence));
    }
    if let Some(row) = &answer.nodes {
        page.section("NODE AUTOSCALER", &row.by);
        row.sentences.iter().for_each(|sentence| page.wrapped(2, sentence));
    }
}

/// The runs of the first replication that are worth a line.
fn runs(page: &mut Page, row: &AutoscalerRow) {
    let mut before: Option<&ScalingRun> = None;
    let mut shown: Vec<&ScalingRun> = Vec::new();
    for run in &row.runs {
        let same = |b: &ScalingRun| {
            (b.replicas, b.desired, b.recommended, b.pods)
                == (run.replicas, run.desired, run.recommended, run.pods)
        };
        if run.replicas != run.desired || !before.is_some_and(same) {
            shown.push(run);
        }
        before = Some(run);
    }
    if shown.is_empty() {
        return;
    }
    let names: Vec<&str> = row.metrics.iter().map(|m| m.name.as_str()).collect();
    let names = names.join(", ");
    page.line(&paint(DIM, &format!("  first replication: {names} as read (as it was)")));
    let left_out = shown.len().saturating_sub(SHOWN);
    for run in shown.into_iter().take(SHOWN) {
        page.wrapped(2, &line(run));
    }
    if left_out > 0 {
        page.wrapped(2, &format!("and {left_out} more: see --format json"));
    }
}

fn line(run: &ScalingRun) -> String {
    let metric = |m: &crate::report::autoscaling::SeenMetric| {
        let seen = m.seen.map_or("nothing".to_owned(), count);
        let missing = match m.missing {
            0 => String::new(),
            n => format!(", {n} of {} pods without", run.pods),
        };
        format!("{seen} ({}{missing})", count(m.truth))
    };
    let metrics: Vec<String> = run.metrics.iter().map(metric).collect();
    let size = match run.desired == run.replicas {
        true => format!("{} stay", run.replicas),
        false => format!("{} → {}", run.replicas, run.desired),
    };
    let asked = match run.recommended {
        Some(n) if n != run.desired => format!(", asked for {n}"),
        _ => String::new(),
    };
    let held = match run.held_by.as_str() {
        "" => String::new(),
        by => format!(", held by {by}"),
    };
    format!(
        "{:>7}  {size:<8} {} pods, {} ready: {}{asked}{held}",
        seconds(run.at_s),
        run.pods,
        run.ready,
        metrics.join(", ")
    )
}
