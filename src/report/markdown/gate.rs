//! A check and a diff, for a pull request.

use super::{block, code, folded, paragraph, table, text};
use crate::policy::Judgement;
use crate::report::budget::{Budget, HourRow, PriceRow};
use crate::report::gate::diff::{Diff, DiffField, DiffRow, Side};
use crate::report::gate::{Check, CheckRow, sentence};
use crate::report::words::{count, plural, seconds};

/// Every workload with its rules, what is broken in full.
pub fn check(check: &Check) -> String {
    let sign = if check.passes() { "✅" } else { "❌" };
    let mut out = format!("### {sign} rollsim: {}\n", text(&check.verdict()));
    let lost = |row: &CheckRow| match row.base {
        Some(base) => format!("{} → **{}**", count(base.mean), count(row.lost.mean)),
        None => format!("**{}**", count(row.lost.mean)),
    };
    let row = |row: &CheckRow| {
        let sign = match (row.fails(), row.is_allowed()) {
            (true, _) => "❌",
            (_, true) => "➖",
            _ => "✅",
        };
        let takes = row.complete_s.map_or("does not complete".to_owned(), seconds);
        vec![sign.to_owned(), text(&row.workload), lost(row), takes, remarks(row)]
    };
    let rows: Vec<Vec<String>> = check.workloads.iter().map(row).collect();
    table(&mut out, &["", "workload", "#lost per rollout", "#complete", ""], &rows);
    for left in &check.not_simulated {
        paragraph(
            &mut out,
            &format!("❌ {}: not simulated: {}", text(&left.workload), text(&left.why)),
        );
    }
    for row in check.workloads.iter().filter(|row| row.fails()) {
        let mut inside = String::new();
        paragraph(&mut inside, &text(&row.verdict));
        block(&mut inside, "sh", row.remedy.as_ref().map_or(&row.command, |r| &r.command));
        folded(&mut out, &format!("{}: why, and the run", row.workload), &inside);
    }
    paragraph(
        &mut out,
        &format!("<sub>{} · {}</sub>", text(&check.policy), text(&check.signature)),
    );
    out
}

/// What is broken, what was tried, and what else there is to know.
fn remarks(row: &CheckRow) -> String {
    let mut parts = Vec::new();
    for rule in &row.rules {
        match rule.judgement {
            Judgement::Broken => parts.push(text(&sentence(rule))),
            Judgement::Allowed => {
                parts.push(format!("{} allowed {}", text(&rule.id), text(&rule.remark)));
            }
            Judgement::Kept | Judgement::NothingToCompare => {}
        }
    }
    if let Some(remedy) = &row.remedy {
        let change: Vec<String> = remedy.change.iter().map(|c| code(c)).collect();
        parts.push(format!("tried: {}: {}", change.join(", "), remedy.leaves()));
    }
    parts.extend(row.brings().map(|brings| text(&brings)));
    parts.extend(row.since.as_ref().map(|since| text(since)));
    parts.join("<br>")
}

/// Every workload that changed: lost, time, pods, and by which field.
pub fn diff(diff: &Diff) -> String {
    let mut out = format!("### rollsim: {}\n", text(&diff.verdict()));
    let rows: Vec<Vec<String>> = diff.workloads.iter().map(row).collect();
    let heads = ["workload", "#lost per rollout", "#complete", "#peak pods", "by which field"];
    table(&mut out, &heads, &rows);
    if !diff.unchanged.is_empty() {
        let mut names = String::new();
        paragraph(&mut names, &text(&diff.unchanged.join(", ")));
        folded(
            &mut out,
            &format!("{} unchanged", plural(diff.unchanged.len() as u64, "workload")),
            &names,
        );
    }
    for left in &diff.not_simulated {
        paragraph(
            &mut out,
            &format!("{}: not simulated: {}", text(&left.workload), text(&left.why)),
        );
    }
    let mut runs = String::new();
    for row in &diff.workloads {
        block(&mut runs, "sh", &row.command);
    }
    folded(&mut out, "Run it again", &runs);
    paragraph(&mut out, &format!("<sub>{}</sub>", text(&diff.signature)));
    out
}

fn row(row: &DiffRow) -> Vec<String> {
    let both = |of: &dyn Fn(&Side) -> String| match (&row.before, &row.after) {
        (Some(before), Some(after)) => {
            let (before, after) = (of(before), of(after));
            if before == after { before } else { format!("{before} → **{after}**") }
        }
        (None, Some(after)) => format!("new: **{}**", of(after)),
        (Some(_), None) => "gone".to_owned(),
        (None, None) => "–".to_owned(),
    };
    let mut lost = both(&|side| count(side.lost.mean));
    if let Some(bringing) = &row.bringing {
        lost.push_str(&format!(" (this rollout: {})", count(bringing.lost.mean)));
    }
    let fields: Vec<String> = row.fields.iter().map(field).collect();
    vec![
        text(&row.workload),
        lost,
        both(&Side::takes),
        both(&|side| count(side.peak_pods.mean)),
        fields.join(", "),
    ]
}

fn field(field: &DiffField) -> String {
    let share =
        field.lost.map_or("with the rest".to_owned(), |lost| match count(lost.abs()).as_str() {
            "0" | "<0.01" => "0".to_owned(),
            some if lost > 0.0 => format!("+{some}"),
            some => format!("−{some}"),
        });
    let value = match (&field.before, &field.after) {
        (None, None) => String::new(),
        (_, None) => " removed".to_owned(),
        (_, Some(after)) => format!(" {}", code(after)),
    };
    format!("{}{value} ({share})", code(&field.path))
}

/// What rollouts take of an error budget.
pub fn budget(budget: &Budget) -> String {
    let mut out = format!("### rollsim: {}\n", text(&budget.name));
    for row in &budget.workloads {
        paragraph(
            &mut out,
            &format!("**{}**: {}", text(&row.workload), text(&row.verdict(&budget.terms))),
        );
        if let Some((best, worst)) = row.best_and_worst_hour() {
            let hour = |h: &HourRow| format!("{} h ({} lost)", h.hour, count(h.lost));
            paragraph(&mut out, &format!("Prefer {}, avoid {}.", hour(best), hour(worst)));
        }
        let heads = [
            "tried",
            "#lost",
            "#of the budget",
            "#complete",
            "#peak pods",
            "#surge pod-s",
            "#cost",
        ];
        let priced = row.prices.iter().any(|price| price.money.is_some());
        let heads = if priced { &heads[..] } else { &heads[..heads.len() - 1] };
        let cells = |price: &PriceRow| {
            let title =
                if price.change.is_empty() { "today".to_owned() } else { code(&price.title()) };
            let mut cells = vec![title];
            cells.extend(price.cells());
            cells.resize(heads.len(), "–".to_owned());
            cells
        };
        table(&mut out, heads, &row.prices.iter().map(cells).collect::<Vec<_>>());
    }
    paragraph(&mut out, &format!("<sub>{}</sub>", text(&budget.signature)));
    out
}
