//! Several workloads: a row for each, the worst in full.

use super::page::{BAD, DIM, GOOD, HEAD, Page, paint, shorten, wrap};
use super::{Screen, text};
use crate::report::answer::Answer;
use crate::report::words::{count, percent, seconds};
use crate::report::workloads::{Workloads, is_stuck};

/// The widest name that is shown whole.
const NAME: usize = 34;

/// The table of all workloads, and the worst one in full.
pub fn workloads(all: &Workloads, screen: Screen) -> String {
    let mut page = Page::new(screen.width);
    page.line(&paint(HEAD, &all.name));
    let bad = all.workloads.iter().any(|a| a.worth_changing || is_stuck(a));
    page.styled(2, if bad { BAD } else { GOOD }, &all.verdict());
    page.line("");
    let answered = all.workloads.iter().map(|a| a.name.as_str());
    let names = answered.chain(all.not_simulated.iter().map(|n| n.workload.as_str()));
    let width = names.map(|n| n.chars().count()).max().unwrap_or(0).clamp(8, NAME);
    let head = figures("lost", "share", "takes");
    page.line(&paint(HEAD, &format!("  {:<width$}  {head}change first", "workload")));
    for answer in &all.workloads {
        row(&mut page, width, &answer.name, &cells(answer), &why(answer));
    }
    for left in &all.not_simulated {
        row(&mut page, width, &left.workload, "", &format!("not simulated: {}", left.why));
    }
    page.line("");
    let note = "The first in full; another one: --workload NAME; all of them: --format json";
    page.styled(0, DIM, note);
    page.line("");
    page.into_text() + &text(&all.workloads[0], screen)
}

fn figures(lost: &str, share: &str, takes: &str) -> String {
    format!("{lost:>7}  {share:>7}  {takes:>7}  ")
}

/// Name and figures, and the rest wrapped beside them.
fn row(page: &mut Page, width: usize, name: &str, cells: &str, rest: &str) {
    let start = format!("  {:<width$}  {cells}", shorten(name, width));
    let indent = start.chars().count();
    for (i, part) in wrap(rest, page.width - indent).iter().enumerate() {
        let start = if i == 0 { start.as_str() } else { "" };
        page.line(&format!("{start:<indent$}{part}"));
    }
}

fn cells(answer: &Answer) -> String {
    let (lost, sent) = (answer.lost.total.mean, answer.requests.sent);
    let takes = match &answer.rollout.duration_s {
        Some(d) => seconds(d.mean),
        None => "-".to_owned(),
    };
    match sent > 0.0 {
        true => figures(&count(lost), &percent(lost / sent), &takes),
        false => figures("-", "-", &takes),
    }
}

/// What is wrong, and the setting to change first.
fn why(answer: &Answer) -> String {
    let mut parts = Vec::new();
    if let Some(stuck) = answer.stuck.first() {
        parts.push(format!("does not complete: {}", stuck.what));
        if !stuck.setting.is_empty() {
            parts.push(format!("{}: {}", stuck.setting, stuck.needed));
        }
    }
    if let Some(b) = answer.blame.first().filter(|_| answer.worth_changing) {
        parts.push(match answer.first_change() {
            Some(fix) => format!("{} ({}; {})", fix.change.join(", "), b.cause_label, fix.leaves()),
            None => format!("{} ({})", b.setting, b.cause_label),
        });
    }
    if answer.requests.sent <= 0.0 {
        let first = answer.verdict.split(". ").next().filter(|_| answer.stuck.is_empty());
        parts.push(first.unwrap_or("no requests are sent").trim_end_matches('.').to_owned());
    }
    if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
}
