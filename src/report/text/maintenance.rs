//! What maintenance does to every workload.

use super::page::{BAD, DIM, GOOD, HEAD, Page, paint, shorten};
use crate::report::maintenance::{Maintenance, Procedure, Touched};
use crate::report::words::{count, plural};

/// So many workloads are shown of each procedure.
const SHOWN: usize = 12;

/// Each procedure with the workloads that notice it, within `width` columns.
pub fn maintenance(all: &Maintenance, width: usize) -> String {
    let mut page = Page::new(width);
    let (nodes, workloads) = (u64::from(all.nodes), u64::from(all.workloads));
    let head =
        format!("{} · {} · {}", all.name, plural(nodes, "node"), plural(workloads, "workload"));
    page.line(&paint(HEAD, &shorten(&head, width)));
    all.procedures.iter().for_each(|one| procedure(&mut page, one, width));
    if !all.advice.is_empty() {
        page.section("What to do", "");
        all.advice.iter().for_each(|line| page.wrapped(2, line));
    }
    if !all.assumptions.is_empty() {
        page.section("Assumed", "");
        all.assumptions.iter().for_each(|line| page.wrapped(2, line));
    }
    if !all.not_modelled.is_empty() {
        page.section("Not modelled", "");
        page.wrapped(2, &all.not_modelled.join("; "));
    }
    page.line("");
    page.styled(0, DIM, &all.signature);
    page.into_text()
}

fn procedure(page: &mut Page, one: &Procedure, width: usize) {
    page.section(&one.name, "");
    page.styled(2, if one.loses_nothing() { GOOD } else { BAD }, &one.verdict());
    for row in &one.stuck {
        page.row(
            "stuck",
            &format!("{}: {} {}, needed: {}", row.what, row.setting, row.found, row.needed),
        );
    }
    let touched: Vec<&Touched> = one.workloads.iter().filter(|w| w.is_touched()).collect();
    if touched.is_empty() {
        return page.wrapped(2, "No workload is below its replicas at any time.");
    }
    page.line(&paint(DIM, &shorten(&row("workload", "lowest", "of", "lost", "budget"), width)));
    for w in touched.iter().take(SHOWN) {
        let lost = if w.service.is_some() { count(w.lost) } else { "-".to_owned() };
        let budgets = w.budgets.join(", ");
        let (lowest, of) = (w.lowest_available.to_string(), w.replicas.to_string());
        page.line(&shorten(&row(&w.workload, &lowest, &of, &lost, &budgets), width));
    }
    if touched.len() > SHOWN {
        page.wrapped(2, &format!("and {} more", touched.len() - SHOWN));
    }
}

fn row(workload: &str, lowest: &str, of: &str, lost: &str, budget: &str) -> String {
    format!("  {workload:<36} {lowest:>6} {of:>4} {lost:>9}  {budget}")
}
