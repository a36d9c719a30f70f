//! A check: a row for each workload, under it what is broken.

use super::page::{BAD, DIM, GOOD, HEAD, Page, paint, shorten, wrap};
use crate::policy::Judgement;
use crate::report::gate::{Check, CheckRow, sentence};
use crate::report::words::{count, range, seconds};

/// The widest name that is shown whole.
const NAME: usize = 36;
/// Where the words under a name begin, and what they say.
const INDENT: (usize, usize) = (4, 12);

/// All workloads, within `width` columns.
pub fn check(check: &Check, width: usize) -> String {
    let mut page = Page::new(width);
    page.line(&paint(HEAD, &shorten(&format!("{} · {}", check.name, check.policy), width)));
    let answered = check.workloads.iter().map(|row| row.workload.as_str());
    let names = answered.chain(check.not_simulated.iter().map(|n| n.workload.as_str()));
    let name = names.map(|n| n.chars().count()).max().unwrap_or(0).clamp(8, NAME.min(width / 3));
    for row in &check.workloads {
        workload(&mut page, row, (name, width));
    }
    for left in &check.not_simulated {
        page.line(&format!("{} {}", paint(BAD, "✗"), shorten(&left.workload, width - 2)));
        below(&mut page, width, "", &format!("not simulated: {}", left.why));
    }
    page.line("");
    let style = if check.passes() { GOOD } else { BAD };
    page.line(&paint(style, &check.verdict()));
    page.styled(0, DIM, &check.signature);
    page.into_text()
}

fn workload(page: &mut Page, row: &CheckRow, (name, width): (usize, usize)) {
    let mark = match (row.fails(), row.is_allowed()) {
        (true, _) => paint(BAD, "✗"),
        (_, true) => "-".to_owned(),
        _ => paint(GOOD, "✓"),
    };
    let [low, high] = row.lost.range.map(count);
    let lost = match row.base {
        Some(base) => format!("{} → {}", count(base.mean), count(row.lost.mean)),
        None => format!("{} ({})", count(row.lost.mean), range(&low, &high)),
    };
    let takes = row.complete_s.map_or("does not complete".to_owned(), seconds);
    page.line(&format!("{mark} {:<name$}  lost {lost:<18}  {takes}", shorten(&row.workload, name)));
    for rule in &row.rules {
        match rule.judgement {
            Judgement::Broken => below(page, width, "broken", &sentence(rule)),
            Judgement::Allowed => {
                below(page, width, "allowed", &format!("{} {}", rule.id, rule.remark));
            }
            Judgement::Kept | Judgement::NothingToCompare => {}
        }
    }
    if let Some(place) = row.place.as_ref().filter(|_| row.fails()) {
        below(page, width, "at", &format!("{}:{}", place.file, place.line));
    }
    if let Some(remedy) = &row.remedy {
        below(page, width, "tried", &format!("{}: {}", remedy.change.join(", "), remedy.leaves()));
    }
    if let Some(brings) = row.brings() {
        below(page, width, "once", &brings);
    }
    if let Some(since) = &row.since {
        below(page, width, "since", since);
    }
}

/// Wrapped, under the name.
fn below(page: &mut Page, width: usize, word: &str, rest: &str) {
    let (home, start) = INDENT;
    for (i, part) in wrap(rest, width - start).iter().enumerate() {
        let word = if i == 0 { word } else { "" };
        page.line(&format!("{:home$}{word:<rest$}{part}", "", rest = start - home));
    }
}
