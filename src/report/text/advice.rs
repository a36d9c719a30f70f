//! What to change, what takes the time and which guess matters: sections of the answer.

use super::page::{DIM, HEAD, Page, paint, wrap};
use crate::advise::matters::LITTLE;
use crate::report::answer::Answer;
use crate::report::stuck::StuckRow;
use crate::report::tried::{FixRow, MatterRow, MattersRow, OtherRow};
use crate::report::words::{count, plural, seconds};
use anstyle::Style;

/// Widest column of names.
const NAME: usize = 60;
/// Durations that are shown.
const SHOWN: usize = 3;
/// From here on a duration is worth its reasons, in seconds.
const LONG_S: f64 = 30.0;
/// Narrower texts show only the figures that matter most.
const NARROW: usize = 76;

/// The setting that keeps the action from its end, and the command with which it gets there.
pub fn stuck(page: &mut Page, s: &StuckRow) {
    if !s.setting.is_empty() {
        let fix = format!("{}: found {}, needed {}", s.setting, s.found, s.needed);
        page.styled(2, HEAD, &fix);
    }
    if !s.command.is_empty() {
        command(page, HEAD, &s.command, " --set ", "--set ");
    }
}

/// Today, the changes that were tried (at most so many), and how to make the last of them.
pub fn fixes(page: &mut Page, answer: &Answer, most: usize) {
    if answer.fixes.is_empty() && answer.later.is_none() {
        return none_found(page, answer);
    }
    let later = answer.first_change().is_some_and(|fix| fix.bringing.is_some());
    let title = if later { "FIX  from the next rollout on" } else { "FIX" };
    let table = Table::new(page, title, &["lost", "complete", "last gone", "pods"]);
    page.line("");
    table.heading(page);
    today(page, &table, answer);
    // One that is left out would take a line too.
    let skipped = answer.fixes.len().saturating_sub(most.max(2));
    let mut before: &[String] = match skipped {
        0 => &[],
        n => &answer.fixes[n - 1].change,
    };
    if skipped > 0 {
        page.line(&paint(DIM, &format!("     {} before it", plural(skipped as u64, "step"))));
    }
    for (i, fix) in answer.fixes.iter().enumerate().skip(skipped) {
        let new: Vec<&str> =
            fix.change.iter().filter(|c| !before.contains(c)).map(String::as_str).collect();
        let and = if i > 0 { "and " } else { "" };
        table.row(page, &(i + 1).to_string(), &format!("{and}{}", new.join(", ")), of(fix));
        before = &fix.change;
    }
    for fix in answer.also.iter().take(most.saturating_sub(answer.fixes.len())) {
        table.row(page, "", &format!("alone: {}", fix.change.join(", ")), of(fix));
    }
    if let Some(fix) = answer.first_change() {
        how(page, fix);
    }
}

/// As it is, and where this rollout brings a change, the ones after it.
fn today(page: &mut Page, table: &Table, answer: &Answer) {
    let r = &answer.rollout;
    let [takes, gone] = [r.duration_s, r.last_pod_gone_s].map(|d| d.map(|d| d.mean));
    let this = if answer.later.is_some() { "this rollout" } else { "today" };
    let peak = answer.rollout.peak_pods.range[1] as u32;
    table.row(page, "", this, cells(answer.lost.total.mean, takes, gone, peak));
    if let Some(later) = &answer.later {
        let (takes, gone) = (later.complete_s, later.last_pod_gone_s);
        let figures = cells(later.lost.mean, takes, gone, later.peak_pods);
        table.row(page, "", "every later one", figures);
    }
}

/// What a change leaves, and the commands that try it and write it down.
fn how(page: &mut Page, fix: &FixRow) {
    if !fix.enough {
        page.wrapped(2, "No setting was found that removes the rest.");
    }
    command(page, HEAD, &fix.command, " --set ", "--set ");
    if !fix.patch.is_empty() {
        let patch = fix.command.replacen("rollsim run", "rollsim patch", 1);
        command(page, DIM, &patch, " --set ", "");
    }
}

/// A command to copy, continued where a setting would go beyond the width.
fn command(page: &mut Page, style: Style, text: &str, between: &str, before: &str) {
    let mut parts = text.split(between);
    let mut now = format!("  {}", parts.next().unwrap_or_default());
    for part in parts {
        let next = format!("{before}{part}");
        // Room for the mark that a line goes on.
        if now.chars().count() + next.chars().count() + 3 > page.width {
            page.line(&paint(style, &format!("{now} \\")));
            now = format!("      {next}");
        } else {
            now = format!("{now} {next}");
        }
    }
    page.line(&paint(style, &now));
}

/// Losses that are worth a change, and none that helps.
fn none_found(page: &mut Page, answer: &Answer) {
    if answer.tried && answer.worth_changing && !answer.blame.is_empty() {
        page.section("FIX", "No setting was found that loses less.");
    }
}

fn of(fix: &FixRow) -> [String; 4] {
    cells(fix.lost.mean, fix.complete_s, fix.last_pod_gone_s, fix.peak_pods)
}

fn cells(lost: f64, complete: Option<f64>, gone: Option<f64>, pods: u32) -> [String; 4] {
    let time = |s: Option<f64>| s.map_or("-".to_owned(), seconds);
    [count(lost), time(complete), time(gone), pods.to_string()]
}

/// Names on the left, figures on the right: of a narrow text only the first two.
struct Table {
    title: &'static str,
    heads: &'static [&'static str],
    /// Columns of the names.
    name: usize,
}

impl Table {
    fn new(page: &Page, title: &'static str, heads: &'static [&'static str]) -> Table {
        let heads = if page.width < NARROW { &heads[..2] } else { heads };
        let figures = heads.iter().map(|head| Table::width(head) + 1).sum::<usize>();
        Table { title, heads, name: (page.width - 5 - figures).min(NAME) }
    }

    fn width(head: &str) -> usize {
        head.chars().count().max(8)
    }

    fn heading(&self, page: &mut Page) {
        let width = self.name + 5;
        let figures = self.figures(&self.heads.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>());
        let title = format!("{:<width$}", self.title);
        page.line(&format!("{}{}", paint(HEAD, &title), paint(DIM, &figures)));
    }

    fn figures(&self, cells: &[String]) -> String {
        let cell = |(head, cell): (&&str, &String)| format!(" {cell:>0$}", Table::width(head));
        self.heads.iter().zip(cells).map(cell).collect()
    }

    /// A number, a name that may take several lines, and figures beside the last of them.
    fn row(&self, page: &mut Page, number: &str, name: &str, cells: [String; 4]) {
        let mut parts = wrap(name, self.name);
        if parts.last().is_some_and(|last| last.chars().count() > self.name) {
            parts.push(String::new());
        }
        let last = parts.len() - 1;
        for (i, part) in parts.iter().enumerate() {
            let number = if i == 0 { number } else { "" };
            let figures = if i == last { self.figures(&cells) } else { String::new() };
            page.line(&format!("  {number:<2} {part:<0$}{figures}", self.name));
        }
    }
}

/// What the time of a long rollout goes into.
pub fn durations(page: &mut Page, answer: &Answer) {
    let rollout = &answer.rollout;
    let long = rollout.duration_s.or(rollout.last_pod_gone_s).is_some_and(|d| d.mean >= LONG_S);
    if !long || answer.durations.is_empty() {
        return;
    }
    page.section("WHY SO LONG", "the same rollouts without each");
    for d in answer.durations.iter().take(SHOWN) {
        let lost = match d.lost > answer.lost.total.mean + 0.5 {
            true => format!(", and {} are lost", count(d.lost)),
            false => String::new(),
        };
        let change = d.change.join(", ");
        let text = format!("{} less  {} ({}): {change}{lost}", seconds(d.saves_s), d.what, d.found);
        for (i, part) in wrap(&text, page.width - 16).iter().enumerate() {
            let indent = if i == 0 { 2 } else { 16 };
            page.line(&format!("{:indent$}{part}", ""));
        }
    }
}

/// Guesses that change the answer by more than a little.
pub fn worth_naming(answer: &Answer) -> usize {
    answer.matters.weighed.iter().filter(|m| m.influence >= LITTLE).count()
}

/// The guesses that the answer hangs on, at most so many.
pub fn matters(page: &mut Page, answer: &Answer, most: usize) {
    let matters = &answer.matters;
    let weighed = matters.weighed.iter().filter(|m| m.influence >= LITTLE);
    let shown: Vec<&MatterRow> = weighed.take(most).collect();
    if shown.is_empty() {
        return;
    }
    let hidden = worth_naming(answer) - shown.len();
    let more = if hidden > 0 { format!("; {hidden} more do") } else { String::new() };
    let little = matters.little;
    let note = format!("and is assumed{more}, {little} others change it by less than 5 %");
    page.section("MATTERS MOST", &note);
    let give = shown.iter().map(|m| m.give.chars().count()).max().unwrap_or(0);
    // Of a narrow text the smaller value goes, then how to say better.
    let [less, give] = match page.width {
        w if w >= 96 => [true, true],
        w if w >= NARROW && give <= 28 => [false, true],
        _ => [false, false],
    };
    let room = page.width - 25 - if less { 22 } else { 0 } - if give { 29 } else { 0 };
    let room = room.min(34);
    for m in shown {
        let name = m.key.rsplit_once('.').map_or(m.key.as_str(), |(_, name)| name);
        let name = name.trim_end_matches("_per_s").trim_end_matches("_s");
        let value = m.value.split([':', '(']).next().unwrap_or(&m.value).trim_end();
        let value = value.replace(" requests a second", "/s");
        let mut name = format!("{name} {value}");
        if name.chars().count() > room {
            page.line(&format!("  {name}"));
            name.clear();
        }
        let [more, fewer] = [("3x", &m.more), ("1/3", &m.less)].map(|(times, o)| {
            o.as_ref().map_or(String::new(), |o| format!("{times}: {}", other(o, matters)))
        });
        let mut text = format!("  {name:<room$}  {more:<21}");
        if less {
            text += &format!(" {fewer:<21}");
        }
        if give {
            text += &format!(" {}", m.give);
        }
        page.line(&text);
    }
}

/// `84 lost, 36 s`.
fn other(o: &OtherRow, base: &MattersRow) -> String {
    let mut parts = vec![format!("{} lost", count(o.lost))];
    if o.incomplete > 0.0 {
        parts.push("no end".to_owned());
    } else if let (Some(a), Some(b)) = (o.takes_s, base.takes_s)
        && libm::fabs(a - b) >= 0.05 * b
    {
        parts.push(seconds(a));
    }
    parts.join(", ")
}
