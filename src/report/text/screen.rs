//! The answer on one screen: what was asked, the verdict, what is lost, what to change, how it went, and
//! which guess matters.

use super::page::{DIM, HEAD, Page, wrap};
use super::{LINES, advice, cautions, head_item, hurt, style, timeline};
use crate::report::answer::{Answer, HeadRow};
use crate::report::sentences::change_sentence;
use crate::report::words::{count, plural};

/// Rows of the head on the first line, in this order.
const FIRST: [&str; 4] = ["workload", "action", "load", "path"];
/// Lines that a picture takes at least: an empty one, its title, two pods, their number, the axis.
const PICTURE: usize = 6;
/// Lines around the guesses: an empty one and the title.
const AROUND: usize = 2;
/// Guesses shown at most.
const GUESSES: usize = 3;

/// Shortens as much as it must for [`LINES`].
pub fn text(answer: &Answer, width: usize) -> String {
    let all = |rows: usize| {
        let mut page = Page::new(width);
        top(&mut page, answer, rows);
        page
    };
    let mut foot = Page::new(width);
    end(&mut foot, answer);
    let room = LINES.saturating_sub(foot.lines());
    let guesses = advice::worth_naming(answer).min(GUESSES);
    let least = PICTURE + if guesses > 0 { AROUND + 1 } else { 0 };
    let page = (1..=3).rev().map(all).find(|p| p.lines() + least <= room);
    let mut page = page.unwrap_or_else(|| all(1));
    let left = room.saturating_sub(page.lines());
    let drawn = answer.timeline.as_ref().filter(|t| !t.lanes.is_empty() && left >= PICTURE);
    let for_guesses = left.saturating_sub(drawn.map_or(0, |_| PICTURE));
    let guesses = guesses.min(for_guesses.saturating_sub(AROUND));
    if let Some(lanes) = drawn {
        let lines = left - if guesses > 0 { guesses + AROUND } else { 0 };
        timeline::small(&mut page, answer, lanes, lines);
    }
    advice::matters(&mut page, answer, guesses);
    page.push(foot);
    page.into_text()
}

/// Everything above the picture, with at most so many rows of each table.
fn top(page: &mut Page, answer: &Answer, rows: usize) {
    title(page, answer);
    page.styled(0, style(answer), &verdict(answer));
    hurt(page, 0, answer);
    cautions(page, answer);
    for sentences in answer.of_autoscalers() {
        page.wrapped(0, &sentences);
    }
    if let Some(stuck) = answer.stuck.first() {
        advice::stuck(page, stuck);
    }
    kinds(page, answer, rows);
    advice::fixes(page, answer, rows);
}

/// What was asked, in a line.
fn title(page: &mut Page, answer: &Answer) {
    let row = |key: &&str| answer.head.iter().find(|row| row.key == *key);
    let named = |row: &&HeadRow| {
        let name = row.value.rsplit('/').next().unwrap_or_default();
        row.key != "workload" || !answer.name.contains(name)
    };
    let item = |row: &HeadRow| match (row.given, row.key.as_str()) {
        (_, "action") if ["rollout", "rollout restart"].contains(&&*row.value) => {
            format!("{} of {}", row.value, pods(answer))
        }
        (_, "action") => format!("{} · {}", row.value, pods(answer)),
        _ => head_item(row),
    };
    let rows: Vec<String> = FIRST.iter().filter_map(row).filter(named).map(item).collect();
    // Of a path its end.
    let name = answer.name.rsplit('/').next().filter(|name| !name.is_empty());
    let name = name.filter(|name| !name.contains(' ')).unwrap_or(&answer.name).to_owned();
    page.styled(0, HEAD, &[vec![name], rows].concat().join(" · "));
}

fn pods(answer: &Answer) -> String {
    plural(u64::try_from(answer.rollout.desired).unwrap_or(0), "pod")
}

/// The answer without what the table of changes says.
fn verdict(answer: &Answer) -> String {
    let whole = &answer.verdict;
    let shown = answer.tried && answer.stuck.is_empty();
    let change = if shown { change_sentence(answer) } else { String::new() };
    whole.strip_suffix(&change).unwrap_or(whole).trim_end().to_owned()
}

/// What the clients see, and why, most first.
fn kinds(page: &mut Page, answer: &Answer, rows: usize) {
    let parts = answer.blame.iter().flat_map(|b| &b.parts);
    let mut parts: Vec<(f64, &str, &str)> =
        parts.map(|p| (p.lost, p.failure_label.as_str(), p.cause_label.as_str())).collect();
    if parts.is_empty() {
        return;
    }
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut merged: Vec<(f64, &str, &str)> = Vec::new();
    for (lost, failure, cause) in parts {
        match merged.iter_mut().find(|m| m.1 == failure && m.2 == cause) {
            Some(same) => same.0 += lost,
            None => merged.push((lost, failure, cause)),
        }
    }
    page.line("");
    let shown = &merged[..merged.len().min(rows)];
    let width = shown.iter().map(|m| m.1.chars().count()).max().unwrap_or(0);
    for (lost, failure, cause) in shown {
        let start = format!("  {:>6}  {failure:<width$}  ", count(*lost));
        let indent = start.chars().count();
        for (i, part) in wrap(cause, page.width - indent).iter().enumerate() {
            let start = if i == 0 { start.as_str() } else { "" };
            page.line(&format!("{start:<indent$}{part}"));
        }
    }
    let rest = merged[shown.len()..].iter().fold(0.0, |sum, m| sum + m.0);
    if rest > 0.0 {
        page.line(&format!("  {:>6}  in other ways", count(rest)));
    }
}

/// Enough to get the same answer again, and where the rest is.
fn end(page: &mut Page, answer: &Answer) {
    let assumed = answer.assumptions.iter().filter(|a| !a.is_warning()).count();
    let p = &answer.provenance;
    let rollouts = plural(u64::from(p.replications), "rollout");
    let text = format!(
        "{rollouts}, seed {} · digest {} · {assumed} assumptions: --details",
        p.seed, p.digest
    );
    page.styled(0, DIM, &text);
}
