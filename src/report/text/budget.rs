//! What rollouts take of an error budget.

use super::page::{BAD, DIM, GOOD, HEAD, Page, paint, shorten};
use crate::report::budget::{Budget, BudgetRow, Terms};
use crate::report::words::{count, percent};

/// Each workload, within `width` columns.
pub fn budget(budget: &Budget, width: usize) -> String {
    let mut page = Page::new(width);
    let Terms { objective, window_days, deploys_per_week, .. } = budget.terms;
    let asked = format!(
        "{} · {} % over {} {} · {} {} a week",
        budget.name,
        (objective * 1e6).round() / 1e4,
        count(window_days),
        if window_days == 1.0 { "day" } else { "days" },
        count(deploys_per_week),
        if deploys_per_week == 1.0 { "rollout" } else { "rollouts" },
    );
    page.line(&paint(HEAD, &shorten(&asked, width)));
    for row in &budget.workloads {
        workload(&mut page, row, &budget.terms, width);
    }
    page.line("");
    page.styled(0, DIM, &budget.signature);
    page.into_text()
}

fn workload(page: &mut Page, row: &BudgetRow, terms: &Terms, width: usize) {
    page.line("");
    let title = format!("{} · {} requests/s", row.workload, count(row.rate_per_s));
    page.line(&paint(HEAD, &shorten(&title, width)));
    let style = if row.share() > 1.0 { BAD } else { GOOD };
    page.styled(2, style, &row.verdict(terms));
    if row.spent_at_most > row.spent && row.allowed > 0.0 {
        let most = percent((row.spent_at_most / row.allowed).min(99.99));
        page.wrapped(2, &format!("If every rollout were a bad one: {most}."));
    }
    hours(page, row);
    if row.prices.len() > 1 {
        prices(page, row, width);
    }
}

fn hours(page: &mut Page, row: &BudgetRow) {
    let Some((best, worst)) = row.best_and_worst_hour().filter(|(_, worst)| worst.lost > 0.0)
    else {
        return;
    };
    let most = worst.lost.max(f64::MIN_POSITIVE);
    let bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let bar = |lost: f64| bars[((lost / most * 8.0).ceil() as usize).clamp(1, 8) - 1];
    let line: String = row.hours.iter().map(|hour| bar(hour.lost)).collect();
    page.row("0h to 23h", &line);
    let hour = |h: &crate::report::budget::HourRow| {
        format!("{} h ({} requests/s): {} lost", h.hour, count(h.rate_per_s), count(h.lost))
    };
    page.row("prefer", &hour(best));
    page.row("avoid", &hour(worst));
}

/// The columns of prices, with their widths.
const COLUMNS: [(&str, usize); 6] =
    [("lost", 8), ("budget", 9), ("complete", 10), ("peak", 6), ("surge pod-s", 13), ("cost", 9)];

fn prices(page: &mut Page, row: &BudgetRow, width: usize) {
    let priced = row.prices.iter().any(|price| price.money.is_some());
    let columns = if priced { &COLUMNS[..] } else { &COLUMNS[..COLUMNS.len() - 1] };
    let taken: usize = columns.iter().map(|(_, width)| width).sum();
    let name = width.saturating_sub(taken + 2).clamp(12, 48);
    let cells = |cells: &[String]| {
        let cell = |(cell, (_, width)): (&String, &(&str, usize))| format!("{cell:>width$}");
        cells.iter().zip(columns).map(cell).collect::<String>()
    };
    let heads: Vec<String> = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    page.line("");
    page.line(&paint(DIM, &format!("  {:<name$}{}", "tried", cells(&heads))));
    for price in &row.prices {
        let title = shorten(&price.title(), name);
        page.line(&format!("  {title:<name$}{}", cells(&price.cells())));
    }
}
