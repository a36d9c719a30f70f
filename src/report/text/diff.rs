//! What a change makes of every workload's rollouts.

use super::page::{BAD, DIM, GOOD, HEAD, Page, paint, shorten};
use crate::report::gate::diff::{Diff, DiffField, DiffRow, Side};
use crate::report::words::count;

/// All workloads that changed, within `width` columns.
pub fn diff(diff: &Diff, width: usize) -> String {
    let mut page = Page::new(width);
    page.line(&paint(HEAD, &shorten(&diff.names.join(" → "), width)));
    page.styled(2, if diff.is_worse() { BAD } else { GOOD }, &diff.verdict());
    for row in &diff.workloads {
        page.line("");
        workload(&mut page, row, width);
    }
    for left in &diff.not_simulated {
        page.wrapped(0, &format!("{}: not simulated: {}", left.workload, left.why));
    }
    page.line("");
    page.styled(0, DIM, &diff.signature);
    page.into_text()
}

fn workload(page: &mut Page, row: &DiffRow, width: usize) {
    page.line(&paint(HEAD, &shorten(&row.workload, width)));
    let both = |of: &dyn Fn(&Side) -> String| match (&row.before, &row.after) {
        (Some(before), Some(after)) => format!("{} → {}", of(before), of(after)),
        (None, Some(after)) => format!("new: {}", of(after)),
        (Some(before), None) => format!("gone: {}", of(before)),
        (None, None) => "-".to_owned(),
    };
    let mut lost = both(&|side| count(side.lost.mean));
    if let Some(bringing) = &row.bringing {
        lost.push_str(&format!("; the rollout that brings it: {}", count(bringing.lost.mean)));
    }
    page.wrapped(2, &format!("lost per rollout  {lost}"));
    page.wrapped(2, &format!("complete          {}", both(&Side::takes)));
    page.wrapped(2, &format!("peak pods         {}", both(&|side| count(side.peak_pods.mean))));
    for field in &row.fields {
        page.wrapped(4, &line(field));
    }
}

fn line(field: &DiffField) -> String {
    let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let values = match (&field.before, &field.after) {
        (None, None) => String::new(),
        (before, after) => format!(" {} → {}", show(before), show(after)),
    };
    let share = |x: Option<f64>, unit: &str| match x {
        None => "only with the rest".to_owned(),
        Some(x) if x.abs() < 0.005 => format!("0{unit}"),
        Some(x) => format!("{}{}{unit}", if x > 0.0 { "+" } else { "-" }, count(x.abs())),
    };
    format!(
        "{}{values}: {}, {}",
        field.path,
        share(field.lost, " lost"),
        share(field.seconds, " s")
    )
}
